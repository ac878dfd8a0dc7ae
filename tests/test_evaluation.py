"""Scores against a short NumPy program: state carried, blank every N, records; however the text is read."""

import itertools
import math
from collections.abc import Callable

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from reference import Array, nats, network_logits

from charrnn.evaluation.scores import LanguageScore, score_part, score_text
from charrnn.model import passes, readers
from charrnn.model.architecture import Architecture
from charrnn.model.measures import likeliest
from charrnn.model.network import CharRNN
from charrnn.model.readers import Carried, Reader, RecordReader, Windows
from charrnn.text.record_part import Records
from charrnn.text.vocabulary import Ids

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
    weights: dict[str, Array] = {name: p.detach().double().numpy() for name, p in model.arrays().items()}
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
    assert read(Windows(model, window), ids, [150]).sum() == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("window", [149, 150, 10**9])
def test_a_window_as_long_as_the_text_carries_the_state(window: int) -> None:
    model, ids = network(), text_of(150)
    carried, blank = (read(reader, ids, [40]) for reader in (Carried(model), Windows(model, window)))
    np.testing.assert_allclose(blank, carried, rtol=1e-5)


def test_windows_and_carried_state_differ() -> None:
    model, ids = network(), text_of(150)
    carried, blank = (read(reader, ids, [40]).sum() for reader in (Carried(model), Windows(model, 7)))
    assert carried != pytest.approx(blank, rel=1e-4)


def read(reader: Reader, ids: Ids, sizes: list[int]) -> NDArray[np.float32]:
    """What each symbol cost, the text being fed in pieces of these sizes, again and again."""
    numbers, parts, begin = np.arange(len(ids)) - 1, [], 0
    for size in itertools.cycle(sizes):
        if begin >= len(ids):
            break
        parts.append(reader.feed(ids[begin : begin + size], numbers[begin : begin + size]))
        begin += size
    kept = np.concatenate([*parts, reader.finish()])
    assert len(kept) == len(ids)
    return kept[1:, 0]


READERS: dict[str, Callable[[CharRNN], Reader]] = {
    "carried": Carried,
    "windows of 1": lambda model: Windows(model, 1),
    "windows of 7": lambda model: Windows(model, 7),
    "windows of 64": lambda model: Windows(model, 64),
    "records": lambda model: RecordReader(model, END),
}


@pytest.mark.parametrize("name", READERS)
def test_how_a_text_is_cut_does_not_matter(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """Nor in which pieces it comes, how long a call is, how many rows are read at once."""
    model, ids = network(), text_of(100)
    ids[[0, -1]] = END
    expected = read(READERS[name](model), ids, [100])
    for chunk, numbers, rows in itertools.product((3, 1024), (1, 10_000), (1, 256)):
        monkeypatch.setattr(passes, "CHUNK", chunk)
        monkeypatch.setattr(passes, "NUMBERS", numbers)
        monkeypatch.setattr(readers, "RECORDS", rows)
        for sizes in ([100], [1, 40, 3]):
            np.testing.assert_allclose(read(READERS[name](model), ids, sizes), expected, rtol=1e-4, atol=1e-5)


@every_cell
@pytest.mark.parametrize("length", [2000, 4096 * 4 + 17])
def test_many_places_at_once_are_as_one_pass(cell: str, length: int) -> None:
    model, ids = network(cell), np.tile(text_of(4096), length // 4096 + 1)[:length]
    exact, parallel = score_text(model, ids, exact=True), score_text(model, ids)
    assert parallel.nats_per_character == pytest.approx(exact.nats_per_character, abs=1e-6)
    assert parallel.symbols == length - 1


@pytest.mark.parametrize("name", READERS)
def test_no_call_computes_more_than_is_allowed(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    model, ids = network(), text_of(30_000)
    ids[[0, -1]] = END
    monkeypatch.setattr(passes, "NUMBERS", 600 * (3 * 5 + SYMBOLS))
    computed = []
    model.register_forward_hook(lambda _, given, found: computed.append(found[0].numel() // SYMBOLS))
    read(READERS[name](model), ids, [10_000])
    assert max(computed) <= 600


def test_what_is_likeliest() -> None:
    model, ids = network(), text_of(30)
    kept = Carried(model, likeliest(3)).feed(ids)
    weights = {name: p.detach().double().numpy() for name, p in model.arrays().items()}
    logits = network_logits(model.architecture, weights, ids[:-1].tolist())
    chances = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    order = np.argsort(-chances, 1)[:, :3]
    np.testing.assert_array_equal(kept[1:, 4:], order)
    np.testing.assert_allclose(kept[1:, 1:4], np.take_along_axis(chances, order, 1), rtol=1e-4)
    np.testing.assert_allclose(kept[1:, 0], -np.log(chances[np.arange(29), ids[1:]]), rtol=1e-4, atol=1e-6)


def test_a_symbol_before_which_nothing_was_read_costs_as_if_all_were_equally_likely() -> None:
    for make in READERS.values():
        kept = make(network()).feed(np.array([END, 1, END], np.uint8), np.arange(3) - 1)
        assert kept[0, 0] == pytest.approx(math.log(SYMBOLS))


def records(lengths: list[int]) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Texts between end marks, and the marks' places."""
    random = np.random.default_rng(4)
    texts = [random.integers(0, END, length) for length in lengths]
    ids = np.concatenate([[END], *([*text, END] for text in texts)]).astype(np.uint8)
    return ids, np.flatnonzero(ids == END).astype(np.int64)


def score_records(
    model: CharRNN, ids: Ids, bounds: NDArray[np.int64], chosen: NDArray[np.int64]
) -> LanguageScore:
    symbols = int((bounds[chosen + 1] - bounds[chosen]).sum())
    return score_part(model, Records(ids, symbols - len(chosen), 0, bounds, chosen))


@every_cell
def test_records_cost_what_each_costs_alone(cell: str) -> None:
    model, (ids, bounds) = network(cell), records([5, 2, 3, 0, 40, 1, 2])
    chosen = np.array([6, 0, 4, 3], np.int64)
    expected = sum(reference_nats(model, ids[bounds[r] : bounds[r + 1] + 1]) for r in chosen)
    score = score_records(model, ids, bounds, chosen)
    assert score.nats == pytest.approx(expected, rel=1e-5)
    assert score.symbols == score.characters == 3 + 6 + 41 + 1


def test_a_very_long_record_is_read_at_many_places_at_once() -> None:
    model, (ids, bounds) = network(), records([5, 20_000, 3])
    expected = sum(score_text(model, ids[bounds[r] : bounds[r + 1] + 1], exact=True).nats for r in range(3))
    assert score_records(model, ids, bounds, np.arange(3)).nats == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("training", [True, False])
def test_the_network_is_left_in_its_mode_with_its_random_numbers(training: bool) -> None:
    model, ids = network(dropout=0.5).train(training), text_of(50)
    bounds = np.array([0, 20, 49])
    before = model.generator.get_state()
    first = score_text(model, ids), score_records(model, ids, bounds, np.arange(2))
    assert model.training is training
    assert all(module.training is training for module in model.modules())
    assert torch.equal(model.generator.get_state(), before)
    assert first[0] == score_text(model.eval(), ids)


def test_scoring_keeps_no_graph_and_learning_goes_on_after_it() -> None:
    model, ids = network(), text_of(40)
    read(Carried(model), ids, [7])
    model(torch.from_numpy(ids[None].astype(np.int64)))[0].sum().backward()
    assert all(parameter.grad is not None for parameter in model.parameters())


def test_a_score_in_every_unit() -> None:
    score = LanguageScore(nats=100 * math.log(8), symbols=120, characters=100)
    assert score.nats_per_character == pytest.approx(math.log(8))
    assert score.bits_per_character == pytest.approx(3)
    assert score.perplexity == pytest.approx(8)
