"""Our loops over time equal PyTorch's: outputs, states, gradients; and their backward pass is exact."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from charrnn.model import recurrence
from charrnn.model.architecture import Architecture
from charrnn.model.layer import Layer
from charrnn.model.network import CharRNN

LOOPS: dict[str, Callable[..., Tensor]] = {"rnn": recurrence.rnn, "gru": recurrence.gru}
SIZES = [(1, 1, 1), (1, 5, 3), (4, 1, 8), (3, 17, 32), (16, 9, 64)]


def outcome(
    cell: str, layers: int, size: tuple[int, int, int], *, own: bool, embedding: int = 6
) -> list[Tensor]:
    """Logits, states and gradients of a network on random ids, from a state that is not blank."""
    batch, steps, hidden = size
    generator = torch.Generator().manual_seed(7)
    model = CharRNN(Architecture(cell, layers, hidden, embedding, 11), 0.0, generator).double()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.normal_(std=0.4, generator=generator)
    ids = torch.randint(11, (batch, steps), generator=generator)
    start = torch.randn(layers, batch, hidden, generator=generator, dtype=torch.float64)
    state = [(part.requires_grad_(),) for part in start.unbind()]
    with pytest.MonkeyPatch.context() as patch:
        if not own:
            patch.setattr(Layer, "faster_loop", lambda _: None)
        logits, after = model(ids, state)
    weights = torch.randn(logits.shape, generator=generator)
    ((logits * weights).sum() + sum(part.square().sum() for (part,) in after)).backward()
    gradients = [parameter.grad for parameter in model.parameters()] + [part.grad for (part,) in state]
    return [logits, *(part for (part,) in after), *(g for g in gradients if g is not None)]


@pytest.mark.parametrize("cell", ["rnn", "gru"])
@pytest.mark.parametrize("layers", [1, 2, 3])
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("embedding", [0, 6])
def test_equals_pytorchs_loop(cell: str, layers: int, size: tuple[int, int, int], embedding: int) -> None:
    ours, theirs = (outcome(cell, layers, size, own=own, embedding=embedding) for own in (True, False))
    assert len(ours) == len(theirs) > 7
    for mine, other in zip(ours, theirs, strict=True):
        torch.testing.assert_close(mine, other, rtol=1e-9, atol=1e-9)


def arguments(cell: str, *, symbols: bool, dtype: torch.dtype = torch.float64) -> list[Tensor]:
    """What a loop takes, of 5 steps, 3 texts, 4 units and 2 inputs or 2 symbols."""

    def values(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=generator, dtype=dtype).requires_grad_()

    generator = torch.Generator().manual_seed(3)
    rows = 4 * {"rnn": 1, "gru": 3}[cell]
    inputs = torch.randint(2, (5, 3), generator=generator) if symbols else values(5, 3, 2)
    weights = [values(rows, 2), values(rows, 4), values(rows), values(rows)]
    return [inputs, values(3, 4), *weights]


def gradients(outputs: Tensor, inputs: list[Tensor], *, kept: bool = False) -> tuple[Tensor, ...]:
    """Of a weighted sum of what came out."""
    weights = torch.linspace(-1, 1, outputs.numel(), dtype=outputs.dtype).view(outputs.shape)
    wanted = [i for i in inputs if i.requires_grad]
    return torch.autograd.grad((outputs * weights).sum(), wanted, retain_graph=kept)


@pytest.mark.parametrize("symbols", [False, True])
@pytest.mark.parametrize("cell", LOOPS)
def test_gradients_by_finite_differences(cell: str, *, symbols: bool) -> None:
    assert torch.autograd.gradcheck(LOOPS[cell], arguments(cell, symbols=symbols))


@pytest.mark.parametrize("cell", LOOPS)
def test_symbols_stand_for_one_hot_vectors(cell: str) -> None:
    symbols, *others = arguments(cell, symbols=True)
    by_symbols = LOOPS[cell](symbols, *others)
    by_vectors = LOOPS[cell](torch.nn.functional.one_hot(symbols, 2).double(), *others)
    torch.testing.assert_close(by_symbols, by_vectors)
    torch.testing.assert_close(gradients(by_symbols, others), gradients(by_vectors, others))


@pytest.mark.parametrize("cell", LOOPS)
def test_a_graph_that_is_kept_gives_the_same_gradients_again(cell: str) -> None:
    inputs = arguments(cell, symbols=False)
    outputs = LOOPS[cell](*inputs)
    first, again, last = (gradients(outputs, inputs, kept=kept) for kept in (True, True, False))
    torch.testing.assert_close(first, again, rtol=0, atol=0)
    torch.testing.assert_close(first, last, rtol=0, atol=0)
    with pytest.raises(RuntimeError, match="second time"):
        gradients(outputs, inputs)


@pytest.mark.parametrize("cell", LOOPS)
def test_a_gradient_may_lie_in_any_order(cell: str) -> None:
    inputs = arguments(cell, symbols=False)
    outputs = LOOPS[cell](*inputs)
    expected = gradients(outputs, inputs, kept=True)
    weights = torch.linspace(-1, 1, outputs.numel(), dtype=outputs.dtype).view(outputs.shape)
    turned = (outputs.permute(2, 1, 0).contiguous() * weights.permute(2, 1, 0)).sum()
    torch.testing.assert_close(torch.autograd.grad(turned, inputs, retain_graph=True), expected)
    ones = torch.autograd.grad(outputs, inputs, torch.ones_like(outputs), retain_graph=True)
    torch.testing.assert_close(torch.autograd.grad(outputs.sum(), inputs), ones)


@pytest.mark.skipif(not recurrence.has_onednn(), reason="no oneDNN here")
@pytest.mark.parametrize("cell", LOOPS)
def test_onednns_products_equal_the_usual_ones(cell: str, monkeypatch: pytest.MonkeyPatch) -> None:
    packed: list[Tensor] = []

    def pack(weight: Tensor, batch: int) -> Tensor:
        packed.append(weight)
        return usual_pack(weight, batch)

    usual_pack = recurrence._pack
    inputs = arguments(cell, symbols=False, dtype=torch.float32)
    usual = LOOPS[cell](*inputs)
    expected = gradients(usual, inputs)
    monkeypatch.setattr(recurrence, "_pack", pack)
    monkeypatch.setattr(recurrence, "ONEDNN_FROM", 1)
    ours = LOOPS[cell](*inputs)
    torch.testing.assert_close(ours, usual)
    torch.testing.assert_close(gradients(ours, inputs), expected)
    assert len(packed) == 2  # once for the way there, once for the way back


@pytest.mark.parametrize(
    ("training", "grad", "expected"), [(True, True, True), (False, True, False), (True, False, False)]
)
def test_is_taken_in_training_only(*, training: bool, grad: bool, expected: bool) -> None:
    layer = Layer(Architecture("gru", 1, 4, 3, 5), 0).train(training)
    with torch.set_grad_enabled(grad):
        assert layer.faster_loop() is (recurrence.gru if expected else None)


def test_the_lstm_keeps_pytorchs_loop() -> None:
    assert Layer(Architecture("lstm", 1, 4, 3, 5), 0).train().faster_loop() is None
