"""Whole texts through a trunk in NumPy: what comes out is what PyTorch gives."""

import numpy as np
import pytest
import torch
from reference import Array, cell_step
from torch.nn.utils.rnn import PackedSequence

from charrnn.decoding import encoder
from charrnn.decoding.encoder import Encoder
from charrnn.decoding.network import Held
from charrnn.model.architecture import EncoderArchitecture
from charrnn.model.packing import Packing
from charrnn.model.trunk import Trunk

SYMBOLS, HIDDEN = 7, 5

TEXTS = [np.arange(length) * 3 % SYMBOLS for length in (2, 9, 1, 9, 4)]


def trunk_of(cell: str, layers: int, direction: str, embedding: int = 3) -> Trunk:
    architecture = EncoderArchitecture(cell, layers, HIDDEN, embedding, SYMBOLS, direction)
    trunk = Trunk(architecture, 0.0, torch.Generator().manual_seed(1)).eval()
    for name, parameter in trunk.named_parameters():
        if name.endswith("bias"):
            torch.nn.init.normal_(parameter, generator=trunk.generator)
    return trunk


@pytest.mark.parametrize("direction", ["forward", "both"])
@pytest.mark.parametrize("layers", [1, 2, 3])
@pytest.mark.parametrize("cell", ["rnn", "gru", "lstm"])
@pytest.mark.parametrize("rows", [encoder.ROWS, 7])
def test_it_reads_as_the_trunk_does(
    monkeypatch: pytest.MonkeyPatch, cell: str, layers: int, direction: str, rows: int
) -> None:
    monkeypatch.setattr(encoder, "ROWS", rows)
    for embedding in (0, 3):
        trunk = trunk_of(cell, layers, direction, embedding)
        weights = {name: value.detach().numpy() for name, value in trunk.named_parameters()}
        found = Encoder(trunk.architecture, weights).read(TEXTS)
        places = zip(found.order[found.packing.texts], found.packing.steps, strict=True)
        ids = np.array([TEXTS[text][step] for text, step in places])
        with torch.no_grad():
            sizes = torch.from_numpy(found.packing.sizes)
            hidden, state = trunk(PackedSequence(torch.from_numpy(ids), sizes))
        np.testing.assert_allclose(found.hidden, hidden, atol=1e-5)
        for parts, wanted in zip(found.state, state, strict=True):
            for part, array in zip(parts, wanted, strict=True):
                np.testing.assert_allclose(part, array, atol=1e-5)


def test_each_text_is_read_as_if_it_were_alone_and_stands_where_it_was_given() -> None:
    trunk = trunk_of("lstm", 2, "both")
    weights = {name: value.detach().numpy() for name, value in trunk.named_parameters()}
    reads = Encoder(trunk.architecture, weights)
    padded = reads.read(TEXTS).padded()
    assert padded.shape == (5, 9, 2 * HIDDEN)
    for values, text in zip(padded, TEXTS, strict=True):
        np.testing.assert_allclose(values[: len(text)], reads.read([text]).hidden, atol=1e-6)
        assert not values[len(text) :].any()


@pytest.mark.parametrize("cell", ["rnn", "gru", "lstm"])
def test_cells_are_held_in_both_directions(cell: str) -> None:
    """Against the equations step by step, two layers, a cell of each direction and layer overwritten."""
    trunk = trunk_of(cell, 2, "both")
    weights = {name: value.detach().numpy() for name, value in trunk.named_parameters()}
    held = [
        Held(0, np.array([1, HIDDEN + 3]), np.array([0.5, -1.5], np.float32)),
        Held(1, np.array([HIDDEN]), np.array([2.0], np.float32)),
    ]
    found = Encoder(trunk.architecture, weights, held).read(TEXTS).padded()
    double = {name: array.astype(float) for name, array in weights.items()}
    for values, text in zip(found, TEXTS, strict=True):
        rows = double["embedding.weight"][text]
        for one in held:
            rows = np.concatenate([read(cell, double, way, one, rows) for way in (0, 1)], axis=1)
        np.testing.assert_allclose(values[: len(text)], rows, atol=1e-5)
    plain = Encoder(trunk.architecture, weights).read(TEXTS).padded()
    assert not np.allclose(plain, found)


def read(cell: str, weights: dict[str, Array], way: int, held: Held, inputs: Array) -> Array:
    """What a layer gives in one direction, its held cells overwritten after each step."""
    name = f"layers.{held.layer}." + ("reverse." if way else "")
    state = (np.zeros(HIDDEN),) * (2 if cell == "lstm" else 1)
    outputs = []
    for values in inputs[::-1] if way else inputs:
        from_input = weights[f"{name}input_weight"] @ values + weights[f"{name}input_bias"]
        from_state = weights[f"{name}recurrent_weight"] @ state[0] + weights[f"{name}recurrent_bias"]
        state = tuple(part.copy() for part in cell_step(cell, from_input, from_state, state))
        for column, value in zip(held.cells.tolist(), held.values.tolist(), strict=True):
            if column // HIDDEN == way:
                unit = column % HIDDEN
                shown = state[0][unit] / np.tanh(state[-1][unit]) if cell == "lstm" else 1
                state[-1][unit] = value
                state[0][unit] = shown * np.tanh(value) if cell == "lstm" else value
        outputs.append(state[0])
    return np.array(outputs[::-1] if way else outputs)


def test_where_rows_lie() -> None:
    packing = Packing.of(np.array([5, 3, 2]))
    assert packing.sizes.tolist() == [3, 3, 2, 1, 1]
    assert packing.texts.tolist() == [0, 1, 2, 0, 1, 2, 0, 1, 0, 0]
    assert packing.steps.tolist() == [0, 0, 0, 1, 1, 1, 2, 2, 3, 4]
    assert packing.lengths.tolist() == [5, 3, 2]
    assert packing.turned.tolist() == [9, 7, 5, 8, 4, 2, 6, 1, 3, 0]
    assert packing.turned[packing.turned].tolist() == list(range(10))
