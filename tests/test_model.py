"""The network: forward against NumPy, backward against finite differences; state, dropout, start."""

import itertools

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from losses import LANGUAGE
from reference import Array, blank_states, network_logits, network_step
from torch import Tensor
from torch.autograd import gradcheck
from torch.func import functional_call
from torch.nn.functional import cross_entropy
from torch.nn.utils.rnn import pack_padded_sequence

from charrnn.model.architecture import Architecture
from charrnn.model.layer import State
from charrnn.model.network import CharRNN
from charrnn.model.trunk import blank_where, cut, detach
from charrnn.tasks.batches import NextSymbols

CELLS = ("rnn", "gru", "lstm")
SYMBOLS, HIDDEN, TEXTS, STEPS = 5, 4, 3, 7

CASES = [
    Architecture(cell, layers, HIDDEN, embedding, SYMBOLS)
    for cell, layers, embedding in itertools.product(CELLS, (1, 2, 3), (0, 3))
]
every_architecture = pytest.mark.parametrize(
    "architecture", CASES, ids=lambda a: f"{a.cell}-{a.layers}-{a.embedding}"
)
every_cell = pytest.mark.parametrize("cell", CELLS)


def lively(architecture: Architecture, dropout: float = 0.0, seed: int = 1) -> CharRNN:
    """A network in float64 whose every parameter matters (a new one has zeros in its output)."""
    generator = torch.Generator().manual_seed(seed)
    model = CharRNN(architecture, dropout, generator).double()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.normal_(std=0.7, generator=generator)
    return model


def arrays(model: CharRNN) -> dict[str, Array]:
    return {name: value.detach().numpy() for name, value in model.arrays().items()}


def random_ids(texts: int = TEXTS, steps: int = STEPS, seed: int = 2) -> Tensor:
    return torch.randint(SYMBOLS, (texts, steps), generator=torch.Generator().manual_seed(seed))


def random_state(architecture: Architecture, seed: int = 3) -> State:
    generator, parts = torch.Generator().manual_seed(seed), architecture.states
    shape = (TEXTS, HIDDEN)
    return [
        tuple(torch.randn(shape, generator=generator, dtype=torch.float64) for _ in range(parts))
        for _ in range(architecture.layers)
    ]


def assert_same_state(found: State, expected: State) -> None:
    for layer, expected_layer in zip(found, expected, strict=True):
        for part, expected_part in zip(layer, expected_layer, strict=True):
            torch.testing.assert_close(part, expected_part)


@every_architecture
def test_forward_equals_the_equations(architecture: Architecture) -> None:
    model, ids = lively(architecture), random_ids()
    logits, _ = model(ids)
    for text in range(TEXTS):
        expected = network_logits(architecture, arrays(model), ids[text].tolist())
        np.testing.assert_allclose(logits[text].detach().numpy(), expected, atol=1e-12)


@every_architecture
def test_the_state_handed_in_and_out_is_that_of_the_equations(architecture: Architecture) -> None:
    model, ids, before = lively(architecture), random_ids(steps=1), random_state(architecture)
    _, after = model(ids, before)
    states = [tuple(part[1].numpy() for part in layer) for layer in before]
    _, expected = network_step(architecture, arrays(model), int(ids[1, 0]), states)
    for layer, expected_layer in zip(after, expected, strict=True):
        for part, expected_part in zip(layer, expected_layer, strict=True):
            np.testing.assert_allclose(part[1].detach().numpy(), expected_part, atol=1e-12)


@every_architecture
def test_backward_equals_finite_differences_for_every_parameter_and_the_state(
    architecture: Architecture,
) -> None:
    model, ids = lively(architecture), random_ids(steps=4)
    names = [name for name, _ in model.named_parameters()]
    parts, parameters = architecture.states, list(model.parameters())
    before = [part.requires_grad_() for layer in random_state(architecture) for part in layer]

    def loss(*values: Tensor) -> Tensor:
        weights = dict(zip(names, values, strict=False))
        flat_state = values[len(names) :]
        state = [tuple(flat_state[k : k + parts]) for k in range(0, len(flat_state), parts)]
        logits, _ = functional_call(model, weights, (ids[:, :-1], state))
        return cross_entropy(logits.flatten(0, 1), ids[:, 1:].flatten(), reduction="sum")

    assert gradcheck(loss, (*parameters, *before), fast_mode=architecture.layers > 1)


@every_architecture
@pytest.mark.parametrize("training", [True, False])
def test_half_precision_is_near_single(architecture: Architecture, *, training: bool) -> None:
    """Eight bits of each number are left; states and gradients come back in full."""
    model, ids = lively(architecture).float().train(training), random_ids(steps=10)
    batch = NextSymbols(ids[:, :-1], ids[:, 1:], None, 0.0)

    def outcome() -> list[Tensor]:
        model.zero_grad()
        loss = LANGUAGE.loss(model, batch, None)
        loss.nats.backward()  # type: ignore[no-untyped-call]
        gradients = [p.grad.clone() for p in model.parameters() if p.grad is not None]
        return [loss.nats.detach(), *(part.detach() for layer in loss.state for part in layer), *gradients]

    expected = outcome()
    with torch.autocast("cpu", torch.bfloat16):
        found = outcome()
    assert len(found) == 1 + architecture.layers * architecture.states + len(list(model.parameters()))
    for values, full in zip(found, expected, strict=True):
        assert values.dtype is torch.float32
        assert not torch.equal(values, full), "this was not in half precision"
        assert float((values - full).norm()) < 0.1 * float(full.norm())


@every_architecture
def test_gradients_in_single_precision_are_those_in_double(architecture: Architecture) -> None:
    model, ids = lively(architecture), random_ids(steps=20)
    batch = NextSymbols(ids[:, :-1], ids[:, 1:], None, 0.0)
    LANGUAGE.loss(model, batch, None).nats.backward()  # type: ignore[no-untyped-call]
    expected = {name: p.grad for name, p in model.arrays().items()}
    model.zero_grad()
    model.float()
    LANGUAGE.loss(model, batch, None).nats.backward()  # type: ignore[no-untyped-call]
    for name, parameter in model.arrays().items():
        torch.testing.assert_close(
            parameter.grad, expected[name], rtol=1e-4, atol=1e-4, check_dtype=False, msg=name
        )


def test_the_loss_is_a_sum_in_nats_over_the_targets() -> None:
    architecture = Architecture("gru", 1, HIDDEN, 3, SYMBOLS)
    model, ids = lively(architecture), random_ids()
    loss = LANGUAGE.loss(model, NextSymbols(ids[:, :-1], ids[:, 1:], None, 0.0), None)
    logits = model(ids[:, :-1])[0].log_softmax(-1)
    expected = -sum(logits[b, t, ids[b, t + 1]] for b in range(TEXTS) for t in range(STEPS - 1))
    assert loss.count == TEXTS * (STEPS - 1)
    torch.testing.assert_close(loss.nats, expected, check_dtype=False)


@every_architecture
def test_one_pass_over_a_text_is_as_many_single_steps(architecture: Architecture) -> None:
    """The same function with the same parameters at every time step."""
    model, ids = lively(architecture), random_ids()
    logits, after = model(ids)
    state: State | None = None
    for step in range(STEPS):
        single, state = model(ids[:, step : step + 1], state)
        torch.testing.assert_close(single[:, 0], logits[:, step])
    assert state is not None
    assert_same_state(state, after)


@every_cell
@settings(max_examples=30)
@given(cuts=st.sets(st.integers(1, 19)))
def test_windows_with_the_state_carried_are_one_pass(cell: str, cuts: set[int]) -> None:
    model, ids = lively(Architecture(cell, 2, HIDDEN, 3, SYMBOLS)), random_ids(steps=20)
    logits, after = model(ids)
    state: State | None = None
    windows = []
    for begin, end in itertools.pairwise([0, *sorted(cuts), 20]):
        part, state = model(ids[:, begin:end], state)
        windows.append(part)
    torch.testing.assert_close(torch.cat(windows, 1), logits)
    assert state is not None
    assert_same_state(state, after)


@every_cell
def test_without_detach_the_gradient_flows_through_windows_and_with_it_stops(cell: str) -> None:
    model, ids = lively(Architecture(cell, 2, HIDDEN, 3, SYMBOLS)), random_ids()

    def gradients(state: State) -> list[Tensor]:
        model.zero_grad()
        model(ids[:, 3:], state)[0].logsumexp(-1).sum().backward()
        return [p.grad.clone() for p in model.parameters() if p.grad is not None]

    with torch.no_grad():
        constant = model(ids[:, :3])[1]
    detached = detach(model(ids[:, :3])[1])
    assert not any(part.requires_grad for layer in detached for part in layer)
    cut_off, expected, whole = gradients(detached), gradients(constant), gradients(model(ids[:, :3])[1])
    for found, wanted in zip(cut_off, expected, strict=True):
        torch.testing.assert_close(found, wanted)
    assert any(not torch.allclose(found, wanted) for found, wanted in zip(cut_off, whole, strict=True))


@every_cell
def test_blank_where_zeroes_the_fresh_texts_only_and_cut_keeps_the_first(cell: str) -> None:
    state = random_state(Architecture(cell, 2, HIDDEN, 3, SYMBOLS))
    blanked = blank_where(state, torch.tensor([False, True, False]))
    for layer, blanked_layer, cut_layer in zip(state, blanked, cut(state, 2), strict=True):
        for part, blank, first in zip(layer, blanked_layer, cut_layer, strict=True):
            assert torch.equal(blank[[0, 2]], part[[0, 2]])
            assert not blank[1].any()
            assert torch.equal(first, part[:2])


@every_cell
def test_dropout_draws_from_the_networks_own_generator(cell: str) -> None:
    architecture, ids = Architecture(cell, 2, HIDDEN, 3, SYMBOLS), random_ids()
    first, again, other = (lively(architecture, 0.5, seed) for seed in (1, 1, 2))
    other.load_state_dict(first.state_dict())
    before = torch.get_rng_state()
    logits, same, different, next_draw = first(ids)[0], again(ids)[0], other(ids)[0], first(ids)[0]
    assert torch.equal(torch.get_rng_state(), before)
    assert torch.equal(logits, same)
    assert not torch.equal(logits, different)
    assert not torch.equal(logits, next_draw)


def test_dropout_keeps_the_mean_and_silences_its_share() -> None:
    model = lively(Architecture("rnn", 2, HIDDEN, 3, SYMBOLS), 0.25)
    masks = [mask for mask in model.trunk.drop(50_000) if mask is not None]
    assert len(masks) == 2
    for mask in masks:
        assert mask.shape == (50_000, HIDDEN)
        assert sorted(set(mask.flatten().tolist())) == pytest.approx([0, 1 / 0.75])
        assert float(mask.mean()) == pytest.approx(1, abs=0.01)
    assert not torch.equal(*masks)


@every_cell
def test_dropout_silences_a_unit_of_a_text_at_every_step(cell: str) -> None:
    model = lively(Architecture(cell, 1, HIDDEN, 3, HIDDEN), 0.5)
    with torch.no_grad():
        model.output.weight.copy_(torch.eye(HIDDEN))
        model.output.bias.zero_()
        silent = model(random_ids(20, 9) % HIDDEN)[0] == 0  # logits are what comes through
    assert torch.equal(silent, silent[:, :1].expand_as(silent))
    assert 0 < int(silent[:, 0].sum()) < 20 * HIDDEN
    assert len(set(map(tuple, silent[:, 0].tolist()))) > 1


@every_cell
def test_dropout_of_a_packed_text_is_the_same_at_every_step(cell: str) -> None:
    """Those that run on keep their masks when others end: as if all had run to the end."""
    architecture, ids = Architecture(cell, 2, HIDDEN, 3, SYMBOLS), random_ids(3, 5)
    lengths = torch.tensor([5, 3, 2])
    packed = pack_padded_sequence(ids, lengths, batch_first=True)
    whole, _ = lively(architecture, 0.5)(ids)
    found, _ = lively(architecture, 0.5)(packed)
    expected = pack_padded_sequence(whole, lengths, batch_first=True).data
    torch.testing.assert_close(found, expected)


@every_cell
def test_dropout_is_off_when_evaluating(cell: str) -> None:
    architecture, ids = Architecture(cell, 2, HIDDEN, 3, SYMBOLS), random_ids()
    assert torch.equal(lively(architecture, 0.9).eval()(ids)[0], lively(architecture).eval()(ids)[0])


@every_architecture
def test_the_start_is_orthogonal_open_and_uniform(architecture: Architecture) -> None:
    model = CharRNN(architecture, 0.0, torch.Generator().manual_seed(1))
    weights = model.arrays()
    for layer in range(architecture.layers):
        for block in weights[f"layers.{layer}.recurrent_weight"].view(-1, HIDDEN, HIDDEN):
            torch.testing.assert_close(block @ block.T, torch.eye(HIDDEN), atol=1e-5, rtol=0)
        biases = weights[f"layers.{layer}.input_bias"] + weights[f"layers.{layer}.recurrent_bias"]
        open_gates = torch.zeros(len(biases))
        if architecture.cell == "lstm":
            open_gates[HIDDEN : 2 * HIDDEN] = 1
        assert torch.equal(biases, open_gates)
    probabilities = model(random_ids())[0].softmax(-1)
    torch.testing.assert_close(probabilities, torch.full_like(probabilities, 1 / SYMBOLS))


def test_input_weights_have_the_variance_that_keeps_sums_near_one() -> None:
    model = CharRNN(Architecture("rnn", 2, 256, 64, 9), 0.0, torch.Generator().manual_seed(1))
    weights = model.weights()
    assert float(weights["layers.0.input_weight"].std()) == pytest.approx(1 / 8, rel=0.05)
    assert float(weights["layers.1.input_weight"].std()) == pytest.approx(1 / 16, rel=0.05)


@every_architecture
def test_the_start_follows_from_its_generator_and_touches_no_other(architecture: Architecture) -> None:
    before = torch.get_rng_state()
    first, again, other = (
        CharRNN(architecture, 0.0, torch.Generator().manual_seed(seed)).arrays() for seed in (1, 1, 2)
    )
    assert torch.equal(torch.get_rng_state(), before)
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert not torch.equal(first["layers.0.recurrent_weight"], other["layers.0.recurrent_weight"])


@every_architecture
def test_names_shapes_and_their_number_are_the_architectures(architecture: Architecture) -> None:
    model = CharRNN(architecture, 0.0, torch.Generator())
    shapes = {name: tuple(parameter.shape) for name, parameter in model.arrays().items()}
    assert shapes == architecture.shapes()
    assert list(shapes) == list(architecture.shapes())
    assert architecture.parameters == sum(parameter.numel() for parameter in model.parameters())


def test_a_blank_state_is_what_none_means() -> None:
    architecture = Architecture("lstm", 2, HIDDEN, 3, SYMBOLS)
    model, ids = lively(architecture), random_ids()
    assert torch.equal(model(ids)[0], model(ids, model.blank_state(TEXTS))[0])
    assert len(model.blank_state(TEXTS)) == len(blank_states(architecture))
