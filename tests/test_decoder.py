"""The decoder against the equations, and against PyTorch's own layers with the same weights."""

import tracemalloc
from collections.abc import Mapping

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import nn

from charrnn.decoding.network import Decoder
from charrnn.model.architecture import Architecture

Array = NDArray[np.float32]
Weights = dict[str, Array]

STEPS = 1_000
HIDDEN, SYMBOLS = 12, 9

CASES = [
    Architecture(cell, layers, HIDDEN, embedding, SYMBOLS)
    for cell in ("rnn", "gru", "lstm")
    for layers in (1, 2, 3)
    for embedding in (0, 5)
]

pytestmark = pytest.mark.parametrize("texts", [1, 4])
every_architecture = pytest.mark.parametrize(
    "architecture", CASES, ids=lambda a: f"{a.cell}-{a.layers}-{a.embedding}"
)


def weights_of(architecture: Architecture, size: float = 0.45) -> Weights:
    """Random weights, lively but not chaotic, so that rounding does not grow over the steps."""
    rng = np.random.default_rng(5)
    return {
        name: rng.uniform(-size, size, shape).astype(np.float32)
        for name, shape in architecture.shapes().items()
    }


def random_ids(texts: int, steps: int = STEPS) -> NDArray[np.intp]:
    return np.random.default_rng(7).integers(0, SYMBOLS, (steps, texts))


def sigmoid(value: NDArray[np.float64]) -> NDArray[np.float64]:
    return 1 / (1 + np.exp(-value))


def cell_step(
    cell: str,
    from_input: NDArray[np.float64],
    from_state: NDArray[np.float64],
    state: list[NDArray[np.float64]],
) -> list[NDArray[np.float64]]:
    """One step of a cell, straight from the equations, in double precision."""
    a, b = (np.split(x, {"rnn": 1, "gru": 3, "lstm": 4}[cell]) for x in (from_input, from_state))
    if cell == "rnn":
        return [np.tanh(a[0] + b[0])]
    if cell == "gru":
        r, z = sigmoid(a[0] + b[0]), sigmoid(a[1] + b[1])
        n = np.tanh(a[2] + r * b[2])
        return [(1 - z) * n + z * state[0]]
    i, f, g, o = sigmoid(a[0] + b[0]), sigmoid(a[1] + b[1]), np.tanh(a[2] + b[2]), sigmoid(a[3] + b[3])
    c = f * state[1] + i * g
    return [o * np.tanh(c), c]


def reference_logits(
    architecture: Architecture, weights: Weights, ids: NDArray[np.intp]
) -> NDArray[np.float64]:
    w: Mapping[str, NDArray[np.float64]] = {name: array.astype(np.float64) for name, array in weights.items()}
    blank = np.zeros(architecture.hidden)
    states = [[blank, blank] for _ in range(architecture.layers)]
    symbols = w["embedding.weight"] if architecture.embedding else np.eye(architecture.symbols)
    logits = []
    for symbol in ids:
        x = symbols[symbol]
        for k in range(architecture.layers):
            from_input = w[f"layers.{k}.input_weight"] @ x + w[f"layers.{k}.input_bias"]
            from_state = w[f"layers.{k}.recurrent_weight"] @ states[k][0] + w[f"layers.{k}.recurrent_bias"]
            states[k] = cell_step(architecture.cell, from_input, from_state, states[k])
            x = states[k][0]
        logits.append(w["output.weight"] @ x + w["output.bias"])
    return np.array(logits)


def torch_logits(architecture: Architecture, weights: Weights, ids: NDArray[np.intp]) -> NDArray[np.float64]:
    kinds = {"rnn": nn.RNN, "gru": nn.GRU, "lstm": nn.LSTM}
    network: nn.Module = kinds[architecture.cell](
        architecture.inputs(0), architecture.hidden, architecture.layers
    )
    names = {"weight_ih": "input_weight", "weight_hh": "recurrent_weight"}
    names |= {"bias_ih": "input_bias", "bias_hh": "recurrent_bias"}
    tensors = {name: torch.from_numpy(array) for name, array in weights.items()}
    network.load_state_dict(
        {
            f"{theirs}_l{k}": tensors[f"layers.{k}.{ours}"]
            for theirs, ours in names.items()
            for k in range(architecture.layers)
        }
    )
    symbols = tensors["embedding.weight"] if architecture.embedding else torch.eye(architecture.symbols)
    with torch.no_grad():
        outputs, _ = network(symbols[torch.from_numpy(ids)])
        logits = outputs @ tensors["output.weight"].T + tensors["output.bias"]
        return np.asarray(logits, np.float64)


def decoder_logits(decoder: Decoder, ids: NDArray[np.intp]) -> NDArray[np.float64]:
    return np.array([decoder.step(row).astype(np.float64) for row in ids])


@every_architecture
def test_equal_to_the_equations_and_to_torch_over_a_thousand_steps(
    architecture: Architecture, texts: int
) -> None:
    check_equal(architecture, texts, STEPS)


@pytest.mark.slow
@every_architecture
def test_equal_to_the_equations_and_to_torch_over_ten_thousand_steps(
    architecture: Architecture, texts: int
) -> None:
    check_equal(architecture, texts, 10_000)


@pytest.mark.slow
@pytest.mark.parametrize("cell", ["rnn", "gru", "lstm"])
def test_equal_to_torch_at_the_sizes_people_use(cell: str, texts: int) -> None:
    architecture = Architecture(cell, 2, 256, 64, SYMBOLS)
    weights, ids = weights_of(architecture, size=architecture.hidden**-0.5), random_ids(texts, 10_000)
    ours = decoder_logits(Decoder(architecture, weights, texts), ids)
    assert np.abs(ours - torch_logits(architecture, weights, ids)).max() < 1e-4


def check_equal(architecture: Architecture, texts: int, steps: int) -> None:
    weights, ids = weights_of(architecture), random_ids(texts, steps)
    ours = decoder_logits(Decoder(architecture, weights, texts), ids)
    assert np.abs(ours - torch_logits(architecture, weights, ids)).max() < 1e-4
    text = texts - 1
    reference = reference_logits(architecture, weights, ids[:, text])
    assert np.abs(ours[:, text] - reference).max() < 1e-4


@every_architecture
def test_large_weights_saturate_without_a_warning(architecture: Architecture, texts: int) -> None:
    weights = weights_of(architecture, size=1e4)
    assert np.isfinite(decoder_logits(Decoder(architecture, weights, texts), random_ids(texts, 20))).all()


@every_architecture
def test_reset_blanks_and_a_copied_state_goes_on(architecture: Architecture, texts: int) -> None:
    ids = random_ids(texts, 30)
    decoder = Decoder(architecture, weights_of(architecture), texts)
    whole = decoder_logits(decoder, ids)
    decoder.reset()
    assert np.array_equal(decoder_logits(decoder, ids[:10]), whole[:10])
    state = decoder.state
    assert np.array_equal(decoder_logits(decoder, ids[10:]), whole[10:])
    decoder.state = state
    assert np.array_equal(decoder_logits(decoder, ids[10:]), whole[10:])


@every_architecture
def test_selected_texts_go_on_as_they_would_have(architecture: Architecture, texts: int) -> None:
    ids = random_ids(texts, 30)
    decoder = Decoder(architecture, weights_of(architecture), texts)
    whole = decoder_logits(decoder, ids)
    rows = np.array([texts - 1, 0, texts - 1])
    decoder.reset()
    decoder_logits(decoder, ids[:10])
    decoder.select(rows)
    assert decoder.texts == 3
    assert np.abs(decoder_logits(decoder, ids[10:][:, rows]) - whole[10:][:, rows]).max() < 1e-5


@every_architecture
def test_texts_that_are_put_back_go_on_from_that_state(architecture: Architecture, texts: int) -> None:
    ids = random_ids(texts, 20)
    decoder = Decoder(architecture, weights_of(architecture), 1)
    decoder_logits(decoder, ids[:5, :1])
    after_five = decoder.state
    expected = decoder_logits(decoder, ids[5:, :1])
    decoder = Decoder(architecture, weights_of(architecture), texts)
    decoder_logits(decoder, ids)
    decoder.put(np.array([texts - 1]), after_five)
    found = decoder_logits(decoder, np.repeat(ids[5:, :1], texts, axis=1))
    assert np.abs(found[:, texts - 1] - expected[:, 0]).max() < 1e-5


def test_a_step_allocates_less_than_one_of_its_arrays(texts: int) -> None:
    architecture = Architecture("lstm", 2, 256, 16, 100)
    decoder = Decoder(architecture, weights_of(architecture), 64 * texts)
    ids = np.zeros(64 * texts, np.intp)
    decoder.step(ids)
    tracemalloc.start()
    decoder.step(ids)
    _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    numpy_iterator_bytes = 150_000
    assert peak_bytes < numpy_iterator_bytes < decoder.texts * 4 * architecture.hidden * 4
