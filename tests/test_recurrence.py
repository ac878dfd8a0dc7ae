"""Our loops over time equal PyTorch's: outputs, states, gradients; and their backward pass is exact."""

from typing import Any

import pytest
import torch
from torch import Tensor

from charrnn.architecture import Architecture
from charrnn.learning.model import CharRNN, Layer
from charrnn.learning.recurrence import gru, rnn

SIZES = [(1, 1, 1), (1, 5, 3), (4, 1, 8), (3, 17, 32), (16, 9, 64)]


def outcome(cell: str, layers: int, size: tuple[int, int, int], *, own: bool) -> list[Tensor]:
    """Logits, states and gradients of a network on random ids, from a state that is not blank."""
    batch, steps, hidden = size
    generator = torch.Generator().manual_seed(7)
    model = CharRNN(Architecture(cell, layers, hidden, 6, 11), 0.0, generator).double()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.normal_(std=0.4, generator=generator)
    ids = torch.randint(11, (batch, steps), generator=generator)
    start = torch.randn(layers, batch, hidden, generator=generator, dtype=torch.float64)
    state = [(part.requires_grad_(),) for part in start.unbind()]
    with pytest.MonkeyPatch.context() as patch:
        if not own:
            patch.setattr(Layer, "_has_a_faster_loop", lambda *_: False)
        logits, after = model(ids, state)
    weights = torch.randn(logits.shape, generator=generator)
    ((logits * weights).sum() + sum(part.square().sum() for (part,) in after)).backward()
    gradients = [parameter.grad for parameter in model.parameters()] + [part.grad for (part,) in state]
    return [logits, *(part for (part,) in after), *(g for g in gradients if g is not None)]


@pytest.mark.parametrize("cell", ["rnn", "gru"])
@pytest.mark.parametrize("layers", [1, 2, 3])
@pytest.mark.parametrize("size", SIZES)
def test_equals_pytorchs_loop(cell: str, layers: int, size: tuple[int, int, int]) -> None:
    ours, theirs = (outcome(cell, layers, size, own=own) for own in (True, False))
    assert len(ours) == len(theirs) > 8
    for mine, other in zip(ours, theirs, strict=True):
        torch.testing.assert_close(mine, other, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("cell", ["rnn", "gru"])
def test_gradients_by_finite_differences(cell: str) -> None:
    def values(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=generator, dtype=torch.float64).requires_grad_()

    generator = torch.Generator().manual_seed(3)
    loop: Any = {"rnn": rnn, "gru": gru}[cell]
    gates, biases = {"rnn": (1, 1), "gru": (3, 2)}[cell]
    weights = [values(4 * gates, 2), values(4 * gates, 4), *(values(4 * gates) for _ in range(biases))]
    inputs = (values(5, 2, 3), values(4, 3), *weights)
    assert torch.autograd.gradcheck(loop, inputs)


@pytest.mark.parametrize(
    ("training", "grad", "expected"), [(True, True, True), (False, True, False), (True, False, False)]
)
def test_is_taken_in_training_only(*, training: bool, grad: bool, expected: bool) -> None:
    layer = Layer(Architecture("gru", 1, 4, 3, 5), 0).train(training)
    with torch.set_grad_enabled(grad):
        assert layer._has_a_faster_loop(torch.zeros(1, 1, 3)) == expected


def test_the_lstm_keeps_pytorchs_loop() -> None:
    assert not Layer(Architecture("lstm", 1, 4, 3, 5), 0)._has_a_faster_loop(torch.zeros(1, 1, 3))
