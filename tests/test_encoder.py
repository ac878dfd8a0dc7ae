"""Whole texts through a trunk in NumPy: what comes out is what PyTorch gives."""

import numpy as np
import pytest
import torch
from torch.nn.utils.rnn import PackedSequence

from charrnn.decoding import encoder
from charrnn.decoding.encoder import Encoder
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


def test_where_rows_lie() -> None:
    packing = Packing.of(np.array([5, 3, 2]))
    assert packing.sizes.tolist() == [3, 3, 2, 1, 1]
    assert packing.texts.tolist() == [0, 1, 2, 0, 1, 2, 0, 1, 0, 0]
    assert packing.steps.tolist() == [0, 0, 0, 1, 1, 1, 2, 2, 3, 4]
    assert packing.lengths.tolist() == [5, 3, 2]
    assert packing.turned.tolist() == [9, 7, 5, 8, 4, 2, 6, 1, 3, 0]
    assert packing.turned[packing.turned].tolist() == list(range(10))
