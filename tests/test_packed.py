"""Texts of different lengths side by side: outputs, states, losses and gradients are those of each alone."""

import itertools
from dataclasses import dataclass

import numpy as np
import pytest
import torch
from losses import LANGUAGE
from torch import Tensor
from torch.nn.utils.rnn import PackedSequence, pad_packed_sequence

from charrnn.model.architecture import Architecture
from charrnn.model.layer import State
from charrnn.model.network import CharRNN
from charrnn.tasks.batches import NextSymbols
from charrnn.tasks.packed import Windows, pack, windows

SYMBOLS = 6
WHOLE = 1_000

every_depth = pytest.mark.parametrize(
    ("cell", "layers"), list(itertools.product(("rnn", "gru", "lstm"), (1, 2, 3)))
)


@dataclass
class Run:
    """What came of some texts, in the order in which they were given."""

    logits: list[Tensor]
    state: list[list[Tensor]]
    nats: Tensor
    gradients: list[Tensor]


def network(cell: str, layers: int, seed: int) -> CharRNN:
    generator = torch.Generator().manual_seed(seed)
    model = CharRNN(Architecture(cell, layers, 5, 3, SYMBOLS), 0.0, generator)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.normal_(std=0.5, generator=generator)
    return model


def gradients(model: CharRNN, nats: Tensor) -> list[Tensor]:
    return list(torch.autograd.grad(nats, list(model.parameters())))


def of_text(state: State, text: int) -> list[Tensor]:
    return [part[text] for layer in state for part in layer]


def alone(model: CharRNN, texts: list[Tensor]) -> Run:
    logits, states, total = [], [], torch.zeros(())
    for text in texts:
        batch = NextSymbols(text[None, :-1], text[None, 1:], None, 0)
        loss = LANGUAGE.loss(model, batch, None)
        logits.append(model(batch.ids)[0][0])
        states.append(of_text(loss.state, 0))
        total = total + loss.nats
    return Run(logits, states, total, gradients(model, total))


def packed(model: CharRNN, texts: list[Tensor], window: int) -> Run:
    """All texts side by side, the longest first, in windows of so many steps with the state carried."""
    lengths = np.array([len(text) - 1 for text in texts])
    order = np.argsort(-lengths, kind="stable")
    begins = np.cumsum([0, *[len(text) for text in texts[:-1]]])[order]
    ids = torch.cat(texts).numpy().astype(np.uint8)
    outputs: list[list[Tensor]] = [[] for _ in texts]
    ends: list[list[Tensor]] = [[] for _ in texts]
    state: State | None = None
    total, count = torch.zeros(()), 0
    for some in windows(begins, lengths[order], window):
        batch, steps = pack(ids, some, 0), some.lengths
        assert isinstance(batch.ids, PackedSequence)
        logits = PackedSequence(model(batch.ids, state)[0], batch.ids.batch_sizes)
        loss = LANGUAGE.loss(model, batch, state)
        state, total, count = loss.state, total + loss.nats, count + loss.count
        padded, found = pad_packed_sequence(logits, batch_first=True)
        assert found.tolist() == steps.tolist()
        for row, (values, length) in enumerate(zip(padded, steps, strict=True)):
            outputs[order[row]].append(values[:length])
            ends[order[row]] = of_text(state, row)
    assert count == lengths.sum()
    return Run([torch.cat(parts) for parts in outputs], ends, total, gradients(model, total))


def assert_same(found: Run, expected: Run) -> None:
    def close(one: Tensor, other: Tensor) -> None:
        torch.testing.assert_close(one, other, rtol=1e-5, atol=1e-5)

    close(found.nats, expected.nats)
    for one, other in zip(found.logits, expected.logits, strict=True):
        close(one, other)
    for ends, expected_ends in zip(found.state, expected.state, strict=True):
        for one, other in zip(ends, expected_ends, strict=True):
            close(one, other)
    for one, other in zip(found.gradients, expected.gradients, strict=True):
        close(one, other)


def random_texts(lengths: list[int], seed: int) -> list[Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return [torch.randint(SYMBOLS, (length + 1,), generator=generator) for length in lengths]


@every_depth
def test_lengths_five_two_three(cell: str, layers: int) -> None:
    model, texts = network(cell, layers, 1), random_texts([5, 2, 3], 2)
    assert_same(packed(model, texts, WHOLE), alone(model, texts))


def test_lengths_five_two_three_lie_as_the_picture_shows() -> None:
    ids = np.arange(100, 113, dtype=np.uint8)  # texts a, b, c of lengths 5, 2, 3 with their end marks
    batch = pack(ids, Windows(np.array([0, 9, 6]), np.array([5, 3, 2]), is_fresh=True), 0)
    assert isinstance(batch.ids, PackedSequence)
    assert batch.ids.batch_sizes.tolist() == [3, 3, 2, 1, 1]
    assert batch.ids.data.tolist() == [100, 109, 106, 101, 110, 107, 102, 111, 103, 104]
    assert batch.target_data.tolist() == [x + 1 for x in batch.ids.data.tolist()]
    assert batch.count == 10


@every_depth
def test_random_batches(cell: str, layers: int) -> None:
    random = np.random.default_rng(layers)
    model = network(cell, layers, 3)
    for seed in range(23):  # nine times 23: over 200 batches
        lengths = random.integers(1, 9, random.integers(1, 6)).tolist()
        texts = random_texts(lengths, seed)
        assert_same(packed(model, texts, WHOLE), alone(model, texts))


@every_depth
def test_texts_cut_into_windows_are_as_whole(cell: str, layers: int) -> None:
    """The state is cut to the texts still running; nothing is detached, so gradients are the same too."""
    random = np.random.default_rng(layers)
    model = network(cell, layers, 4)
    for seed in range(5):
        texts = random_texts(random.integers(1, 14, 4).tolist(), seed)
        for window in (1, 4):
            assert_same(packed(model, texts, window), alone(model, texts))
