"""Scores against a short NumPy program: state carried, blank every N, records; however the text is cut."""

import itertools
import math
from collections.abc import Iterator

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from reference import Array, nats, network_logits

from charrnn.architecture import Architecture
from charrnn.learning import evaluation
from charrnn.learning.evaluation import Score, predictions, record_predictions, score_records, score_text
from charrnn.learning.model import CharRNN

SYMBOLS, END = 6, 5

every_cell = pytest.mark.parametrize("cell", ["rnn", "gru", "lstm"])


def network(cell: str = "gru", dropout: float = 0.0) -> CharRNN:
    generator = torch.Generator().manual_seed(1)
    model = CharRNN(Architecture(cell, 2, 5, 3, SYMBOLS), dropout, generator)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.normal_(std=0.8, generator=generator)
    return model


def text_of(length: int) -> NDArray[np.uint8]:
    return np.random.default_rng(3).integers(0, SYMBOLS, length).astype(np.uint8)


def reference_nats(model: CharRNN, ids: NDArray[np.uint8]) -> float:
    """-ln p of every symbol but the first, the state starting blank."""
    weights: dict[str, Array] = {name: p.detach().double().numpy() for name, p in model.named_parameters()}
    logits = network_logits(model.architecture, weights, ids[:-1].tolist())
    return sum(nats(row, target) for row, target in zip(logits, ids[1:].tolist(), strict=True))


@every_cell
def test_the_state_is_carried_through_a_text(cell: str) -> None:
    model, ids = network(cell), text_of(150)
    score = score_text(model, ids)
    assert score.nats == pytest.approx(reference_nats(model, ids), rel=1e-5)
    assert (score.symbols, score.characters) == (149, 149)


@every_cell
@pytest.mark.parametrize("window", [1, 7, 20, 64])
def test_blank_every_so_many_scored_characters(cell: str, window: int) -> None:
    """Each window starts blank, with the character before its first as input."""
    model, ids = network(cell), text_of(150)
    expected = sum(reference_nats(model, ids[begin : begin + window + 1]) for begin in range(0, 149, window))
    score = score_text(model, ids, window)
    assert score.nats == pytest.approx(expected, rel=1e-5)
    assert score.symbols == 149


@pytest.mark.parametrize("window", [149, 150, 10**9])
def test_a_window_as_long_as_the_text_carries_the_state(window: int) -> None:
    model, ids = network(), text_of(150)
    assert score_text(model, ids, window).nats == pytest.approx(score_text(model, ids).nats, rel=1e-6)


def test_windows_and_carried_state_differ() -> None:
    model, ids = network(), text_of(150)
    assert score_text(model, ids, 7).nats != pytest.approx(score_text(model, ids).nats, rel=1e-4)


def cuts(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Cut texts into calls of many sizes."""
    per_step = 3 * 5 + SYMBOLS
    for chunk, steps, together in itertools.product((1, 3, 1024), (1, 20, 10_000), (1, 3, 256)):
        monkeypatch.setattr(evaluation, "CHUNK", chunk)
        monkeypatch.setattr(evaluation, "NUMBERS", steps * per_step)
        monkeypatch.setattr(evaluation, "TOGETHER", together)
        yield


@pytest.mark.parametrize("window", [0, 1, 7, 25, 64])
def test_how_a_text_is_cut_does_not_matter(monkeypatch: pytest.MonkeyPatch, window: int) -> None:
    model, ids = network(), text_of(60)
    expected, targets = (torch.cat(parts) for parts in zip(*predictions(model, ids, window), strict=True))
    assert targets.tolist() == ids[1:].tolist()
    for _ in cuts(monkeypatch):
        found, same = (torch.cat(parts) for parts in zip(*predictions(model, ids, window), strict=True))
        assert torch.equal(same, targets)
        torch.testing.assert_close(found, expected)


@pytest.mark.parametrize("window", [0, 1, 300, 100_000])
def test_no_call_computes_more_than_is_allowed(monkeypatch: pytest.MonkeyPatch, window: int) -> None:
    monkeypatch.setattr(evaluation, "NUMBERS", 50 * (3 * 5 + SYMBOLS))
    parts = list(predictions(network(), text_of(1000), window))
    assert max(len(targets) for _, targets in parts) <= 50
    assert sum(len(targets) for _, targets in parts) == 999


def records(lengths: list[int]) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Texts between end marks, and the marks' places."""
    random = np.random.default_rng(4)
    texts = [random.integers(0, END, length) for length in lengths]
    ids = np.concatenate([[END], *([*text, END] for text in texts)]).astype(np.uint8)
    return ids, np.flatnonzero(ids == END).astype(np.int64)


@every_cell
def test_records_cost_what_each_costs_alone(cell: str) -> None:
    model, (ids, bounds) = network(cell), records([5, 2, 3, 0, 40, 1, 2])
    chosen = np.array([6, 0, 4, 3], np.int64)
    expected = sum(reference_nats(model, ids[bounds[r] : bounds[r + 1] + 1]) for r in chosen)
    score = score_records(model, ids, bounds, chosen)
    assert score.nats == pytest.approx(expected, rel=1e-5)
    assert score.symbols == score.characters == 3 + 6 + 41 + 1


def test_how_records_are_cut_does_not_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    model, (ids, bounds) = network(), records([5, 2, 3, 0, 30, 1, 2, 17])
    chosen = np.arange(8)
    expected = score_records(model, ids, bounds, chosen)
    for _ in cuts(monkeypatch):
        found = score_records(model, ids, bounds, chosen)
        assert found.symbols == expected.symbols
        assert found.nats == pytest.approx(expected.nats, rel=1e-5)


@pytest.mark.parametrize("training", [True, False])
def test_the_network_is_left_in_its_mode_with_its_random_numbers(training: bool) -> None:
    model, ids = network(dropout=0.5).train(training), text_of(50)
    bounds = np.array([0, 20, 49])
    before = model.generator.get_state()
    first = score_text(model, ids), score_text(model, ids, 7), score_records(model, ids, bounds, np.arange(2))
    assert model.training is training
    assert all(module.training is training for module in model.modules())
    assert torch.equal(model.generator.get_state(), before)
    assert first[0] == score_text(model.eval(), ids)


def test_who_stops_half_way_leaves_the_network_in_its_mode() -> None:
    model, (ids, bounds) = network().train(), records([3, 3])
    for parts in (predictions(model, text_of(5000)), record_predictions(model, ids, bounds, np.arange(2))):
        next(parts)
        parts.close()  # type: ignore[attr-defined] # it is a generator
        assert model.training


def test_scoring_keeps_no_graph_and_learning_goes_on_after_it() -> None:
    model, ids = network(), text_of(40)
    logs, _ = next(predictions(model, ids))
    assert not logs.requires_grad
    model(torch.from_numpy(ids[None].astype(np.int64)))[0].sum().backward()
    assert all(parameter.grad is not None for parameter in model.parameters())


def test_a_score_in_every_unit() -> None:
    score = Score(nats=100 * math.log(8), symbols=120, characters=100)
    assert score.nats_per_character == pytest.approx(math.log(8))
    assert score.bits_per_character == pytest.approx(3)
    assert score.perplexity == pytest.approx(8)
