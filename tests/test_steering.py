"""`charrnn sample --set`: cells held at values while a network reads and writes."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from program import charrnn
from reference import States, blank_states, network_step

import charrnn as interface
from charrnn.decoding.network import READ_TOGETHER, Decoder, Held
from charrnn.model.architecture import Architecture


def held_states(states: States, layer: int, cell: int, value: float, leave: NDArray[np.float64]) -> States:
    """The states with a cell overwritten, and what its output gate shows of it."""
    parts = [part.copy() for part in states[layer]]
    parts[-1][cell] = value
    if len(parts) > 1:
        parts[0][cell] = leave[cell] * np.tanh(value)
    return [tuple(parts) if number == layer else state for number, state in enumerate(states)]


@pytest.mark.parametrize("cell", ["lstm", "gru", "rnn"])
@pytest.mark.parametrize("texts", [1, 3])
def test_a_cell_is_held_after_each_step_before_the_layer_above_reads_it(cell: str, texts: int) -> None:
    """Against the equations, layer by layer; held in one text alone too."""
    random = np.random.default_rng(8)
    architecture = Architecture(cell, 2, 5, 4, 6)
    weights = {
        name: random.standard_normal(shape).astype(np.float32)
        for name, shape in architecture.shapes().items()
    }
    decoder = Decoder(architecture, weights, texts)
    row = texts - 1
    values = np.array([0.75], np.float32)
    decoder.hold([Held(0, np.array([2]), values, slice(None) if texts == 1 else np.array([row]))])
    lower = Architecture(cell, 1, 5, 4, 6)
    double = {name: array.astype(float) for name, array in weights.items()}
    upper_names = {
        name.replace("layers.1", "layers.0"): array for name, array in double.items() if "layers.1" in name
    }
    upper = double | upper_names | {"embedding.weight": np.eye(5)}
    below, above = blank_states(lower), blank_states(lower)
    free = blank_states(architecture)
    for symbol in random.integers(0, 6, 12).tolist():
        logits = decoder.step(np.full(texts, symbol))
        _, after = network_step(lower, double, symbol, below)
        leave = after[0][0] / np.tanh(after[0][-1])
        below = held_states(after, 0, 2, 0.75, leave)
        # The layer above reads h as it is held.
        wide = Architecture(cell, 1, 5, 5, 5)
        upper["embedding.weight"] = np.tile(below[0][0], (5, 1))
        expected, above = network_step(wide, upper, 0, above)
        assert logits[row] == pytest.approx(expected, abs=1e-3)
        unheld, free = network_step(architecture, double, symbol, free)
        if texts > 1:
            assert logits[0] == pytest.approx(unheld, abs=1e-3)
            assert not np.allclose(logits[0], logits[row], atol=1e-3)


def test_a_long_prompt_is_read_with_the_cell_held() -> None:
    random = np.random.default_rng(9)
    architecture = Architecture("lstm", 2, 5, 4, 6)
    weights = {
        name: random.standard_normal(shape).astype(np.float32)
        for name, shape in architecture.shapes().items()
    }
    ids = random.integers(0, 6, READ_TOGETHER + 50)
    blocks, steps = Decoder(architecture, weights), Decoder(architecture, weights)
    for decoder in (blocks, steps):
        decoder.hold([Held(1, np.array([3]), np.array([-2.0], np.float32))])
    for symbol in ids:
        one_by_one = steps.step(np.array([symbol]))
    assert blocks.read(ids) == pytest.approx(one_by_one, abs=1e-4)
    assert blocks.state[1][0, 8] == -2
    blocks.select(np.array([0, 0]))
    blocks.step(np.array([1, 2]))
    assert (blocks.state[1][:, 8] == -2).all()


def test_a_cell_steers_what_is_written(run_folder: Path) -> None:
    plain = ("sample", "--checkpoint", run_folder, "--prompt", "One ", "--length", "200")
    free, held = charrnn(*plain).out, charrnn(*plain, "--set", "1:3=4", "--set", "1:5=-4")
    assert held.code == 0, held.err
    assert held.out != free
    assert held.out == charrnn(*plain, "--set", "1:3=4", "--set", "1:5=-4").out
    model = interface.load(run_folder)
    assert model.sample("One ", length=200, set=("1:3=4", "1:5=-4")) == held.out
    several = charrnn(*plain, "--set", "1:3=4", "--best-of", "2", "--count", "2")
    assert several.code == 0, several.err


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--set", "2:1=0"), "--set is 2:1=0, but the model has the cells 1:1 to 1:32"),
        (("--set", "1:33=0"), "--set is 1:33=0, but the model has the cells 1:1 to 1:32"),
        (("--set", "1:0=0"), "expected LAYER:CELL=X, such as 1:37=2.5"),
        (("--set", "1:1"), "expected LAYER:CELL=X"),
        (("--set", "1:1=nan"), "expected LAYER:CELL=X"),
        (("--set", "1:1=1e9"), "expected LAYER:CELL=X"),
        (("--set", "1:1=0", "--set", "1:1=1"), "expected one value for each cell"),
    ],
)
def test_wrong_use_is_one_line(run_folder: Path, options: tuple[str, ...], message: str) -> None:
    result = charrnn("sample", "--checkpoint", run_folder, *options)
    assert (result.code, result.out) == (2, "")
    assert message in result.err
    assert len(result.err.strip().splitlines()) == 1


def test_cells_of_several_models_are_not_held(run_folder: Path) -> None:
    result = charrnn("sample", "--checkpoint", run_folder, "--checkpoint", run_folder, "--set", "1:1=0")
    assert result.code == 2
    assert "--set 1:1=0 holds a cell of one model, and there are 2" in result.err
