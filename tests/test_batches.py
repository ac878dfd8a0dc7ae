"""Batches: every symbol is learnt from once, states stay with their texts, little is wasted."""

import itertools
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from functools import partial

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.utils.rnn import PackedSequence

from charrnn.tasks.batches import NextSymbols
from charrnn.tasks.packed import Windows, pack, packed_records
from charrnn.tasks.passes import Passes
from charrnn.tasks.windows import PartedStreams, Streams, Windowed

END = 255


def places(length: int) -> NDArray[np.uint32]:
    """A text whose every symbol is its place."""
    return np.arange(length, dtype=np.uint32)


def taken(streams: Streams, batches: int) -> tuple[Tensor, Tensor, list[Tensor | None]]:
    """The inputs (K, B, T), targets and fresh flags of so many batches."""
    found = list(itertools.islice(streams, batches))
    inputs, targets = zip(*((batch.ids, batch.targets) for batch in found), strict=True)
    return torch.stack(inputs), torch.stack(targets), [batch.fresh for batch in found]


@settings(max_examples=60)
@given(batch=st.integers(1, 5), length=st.integers(1, 6), windows=st.integers(1, 5))
def test_an_epoch_holds_every_transition_once(batch: int, length: int, windows: int) -> None:
    transitions = batch * length * windows
    streams = Streams(places(transitions + 1), batch, length)
    inputs, targets, _ = taken(streams, streams.steps(1))
    assert streams.steps(1) == windows
    assert sorted(inputs.flatten().tolist()) == list(range(transitions))
    assert torch.equal(targets, inputs + 1)


@settings(max_examples=60)
@given(symbols=st.integers(2, 60), batch=st.integers(1, 70), length=st.integers(1, 70))
def test_each_stream_reads_on_where_it_stopped(symbols: int, batch: int, length: int) -> None:
    transitions = symbols - 1
    inputs, targets, fresh = taken(Streams(places(symbols), batch, length), 6)
    assert torch.equal(targets, inputs + 1)
    for stream in range(batch):
        read = inputs[:, stream].flatten()
        assert torch.equal(read[1:], (read[:-1] + 1) % transitions)
        assert int(read[0]) == stream * transitions // batch
    for flags, window in zip(fresh, inputs, strict=True):
        at_start = window[:, 0] == 0
        assert torch.equal(at_start, torch.zeros_like(at_start) if flags is None else flags)


@pytest.mark.parametrize(("batch", "length"), [(5, 10), (1, 7), (3, 50)])
def test_a_long_text_is_read_in_pieces_in_random_order(
    batch: int, length: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In an epoch a stream reads every piece once, from its begin to its end with the state carried."""
    monkeypatch.setattr("charrnn.tasks.windows.LONG", 100)
    monkeypatch.setattr("charrnn.tasks.windows.PIECE", 35)
    piece, transitions = max(1, 35 // length) * length, 1_234
    pieces, in_a_piece = transitions // piece, piece // length
    assert not np.array_equal(
        Streams(places(transitions + 1), batch, length, seed=1).pieces,
        Streams(places(transitions + 1), batch, length, seed=2).pieces,
    )
    inputs, targets, fresh = taken(Streams(places(transitions + 1), batch, length), 2 * pieces * in_a_piece)
    assert torch.equal(targets, inputs + 1)
    begins = {number * transitions // pieces for number in range(pieces)}
    for stream in range(batch):
        starts = inputs[:, stream, 0].tolist()
        is_fresh = [flags is not None and bool(flags[stream]) for flags in fresh]
        assert is_fresh == [start in begins for start in starts]
        for one, other, starts_blank in zip(starts, starts[1:], is_fresh[1:], strict=False):
            assert starts_blank or other == one + length
        first = starts[: pieces * in_a_piece]
        assert sorted(first) == sorted(begin + k * length for begin in begins for k in range(in_a_piece))
        assert first == starts[pieces * in_a_piece :]
        assert first != sorted(first)


def test_now_and_then_a_window_starts_blank() -> None:
    streams = Streams(places(100_001), 50, 10, resets=0.05, seed=3)
    *_, fresh = taken(streams, 2_000)
    share = sum(0 if flags is None else int(flags.sum()) for flags in fresh) / (2_000 * 50)
    assert share == pytest.approx(0.05, abs=0.005)


def test_which_windows_start_blank_follows_from_the_seed_and_the_place() -> None:
    def flags(seed: int, position: int = 0) -> list[list[bool]]:
        streams = Streams(places(1_001), 20, 10, resets=0.3, seed=seed)
        streams.restore({"position": position})
        return [[] if f is None else f.tolist() for f in taken(streams, 8)[2]]

    assert flags(1) == flags(1)
    assert flags(1) != flags(2)
    assert flags(1)[3:] == flags(1, position=30)[:5]


def test_the_shortest_text_is_one_transition_again_and_again() -> None:
    batch = next(iter(Streams(np.array([7, 9], np.uint8), 1, 1)))
    assert (batch.ids.data.tolist(), batch.targets.data.tolist()) == ([[7]], [[9]])
    assert batch.fresh is not None
    assert bool(batch.fresh.all())
    assert batch.ids.data.dtype == torch.int64


def test_streams_begin_evenly_spread_over_the_text() -> None:
    starts = Streams(places(1001), 7, 10).starts
    assert set(np.diff([*starts, 1000])) <= {142, 143}


def test_streams_count_their_passes() -> None:
    streams = Streams(places(101), 5, 4)
    epochs = [batch.epoch for batch in itertools.islice(streams, 10)]
    assert epochs == pytest.approx(np.arange(1, 11) / 5)
    assert [streams.steps(x) for x in (1, 2.5, 1e-9)] == [5, 12, 1]


def test_stretches_of_a_long_text_are_read_in_pieces_in_random_order(monkeypatch: pytest.MonkeyPatch) -> None:
    """The windows are those that would be read in order; a state goes on only where the text does."""
    spans = np.array([[0, 300], [300, 1_000], [1_000, 1_250]])
    in_order = PartedStreams(places(1_250), spans, 4, 10)
    monkeypatch.setattr("charrnn.tasks.windows.LONG", 100)
    monkeypatch.setattr("charrnn.tasks.windows.PIECE", 35)
    mixed = PartedStreams(places(1_250), spans, 4, 10)
    assert sorted(mixed.begins) == sorted(in_order.begins)
    assert not np.array_equal(mixed.begins, in_order.begins)
    assert in_order.is_first.sum() < mixed.is_first.sum() <= len(mixed.begins) / 2
    goes_on = ~mixed.is_first[1:]
    assert (np.diff(mixed.begins)[goes_on] == 10).all()
    assert mixed.is_first[0]


@settings(max_examples=60)
@given(
    lengths=st.lists(st.integers(7, 40), min_size=1, max_size=6),
    gap=st.integers(0, 5),
    batch=st.integers(1, 5),
    length=st.integers(1, 6),
)
def test_no_window_crosses_the_border_of_a_stretch(
    lengths: list[int], gap: int, batch: int, length: int
) -> None:
    ends = np.cumsum(np.array(lengths) + gap)
    spans = np.stack((ends - lengths, ends), 1)
    streams = PartedStreams(places(int(ends[-1])), spans, batch, length)
    windows = len(streams.begins)
    transitions: Counter[int] = Counter()
    before: Tensor | None = None
    for taken_batch in itertools.islice(streams, windows):
        inputs, targets, fresh = taken_batch.ids, taken_batch.targets, taken_batch.fresh
        assert isinstance(inputs, Tensor)
        assert isinstance(targets, Tensor)
        assert torch.equal(inputs + 1, targets)
        for row in range(batch):
            first, last = int(inputs[row, 0]), int(targets[row, -1])
            (span,) = [span for span in spans.tolist() if span[0] <= first < span[1]]
            assert last < span[1]
            is_fresh = fresh is not None and bool(fresh[row])
            assert is_fresh or before is None or first == before[row]  # the state is right for it
            assert is_fresh or before is not None or first not in spans[:, 0]
            transitions.update(inputs[row].tolist())
        before = targets[:, -1]
    expected = {place for a, b in spans.tolist() for place in range(a, b - 1)}
    assert set(transitions) == expected
    assert streams.steps(batch) == windows
    assert streams.numbers() == {"position": windows}


def test_stretches_go_on_from_a_position_and_blank_a_share() -> None:
    spans = np.array([[0, 100], [110, 300]])
    first, second = (PartedStreams(places(300), spans, 3, 7, resets=0.3, seed=2) for _ in range(2))
    read = list(itertools.islice(first, 12))
    second.restore({"position": 5})
    for one, other in zip(read[5:], second, strict=False):
        assert torch.equal(one.ids, other.ids)  # type: ignore[arg-type]
        assert (one.fresh is None) == (other.fresh is None)
        assert one.fresh is None or torch.equal(one.fresh, other.fresh)  # type: ignore[arg-type]
        assert one.epoch == other.epoch
    assert sum(int(batch.fresh.sum()) for batch in read if batch.fresh is not None) > 5


STRETCHES = np.array([[0, 100], [110, 300]])


def text_as_bytes() -> NDArray[np.uint8]:
    return (np.arange(300) * 37 % 251).astype(np.uint8)


@pytest.mark.parametrize(
    "make",
    [
        lambda: Streams(text_as_bytes(), 5, 7, resets=0.3, seed=2),
        lambda: Streams(text_as_bytes()[:4], 3, 10, seed=2),  # every window goes around it
        lambda: PartedStreams(text_as_bytes(), STRETCHES, 3, 7, resets=0.3, seed=2),
    ],
)
def test_windows_say_where_batches_lie_without_reading_them(make: Callable[[], Windowed]) -> None:
    reading, asking = make(), make()
    text, transitions = asking.ids.tolist(), len(asking.ids) - 1
    asking.ids = np.empty(0, np.uint8)
    for batch in itertools.islice(reading, 100):
        window = asking.next_window()
        assert window.begins.dtype == np.int64
        rows = [
            [(begin + t) % transitions for t in range(reading.sequence_length)] for begin in window.begins
        ]
        assert batch.ids.data.tolist() == [[text[place] for place in row] for row in rows]
        assert batch.targets.data.tolist() == [[text[place + 1] for place in row] for row in rows]
        assert window.fresh.tolist() == (
            [False] * reading.batch_size if batch.fresh is None else batch.fresh.tolist()
        )
        assert window.epoch == batch.epoch
        assert asking.numbers() == reading.numbers()


Packed = Passes[Windows, NextSymbols]


def records_of(texts: list[list[int]], chosen: Sequence[int] | None = None, **options: int) -> Packed:
    """Texts as ids between end marks, all of them chosen if it is not said which."""
    ids = np.array([END, *itertools.chain.from_iterable([*text, END] for text in texts)], np.uint8)
    bounds = np.flatnonzero(ids == END).astype(np.int64)
    some = np.arange(len(texts)) if chosen is None else np.array(chosen)
    values = {"batch_size": 4, "sequence_length": 1000, "seed": 1} | options
    return packed_records(bounds, some, partial(pack, ids), **values)


def epochs_of(records: Packed) -> Iterator[list[NextSymbols]]:
    """The batches, an epoch at a time."""
    batches = iter(records)
    while True:
        yield list(itertools.islice(batches, records.batches_in_a_pass))


def columns(batch: NextSymbols) -> list[tuple[list[int], list[int]]]:
    """Each text of a packed batch: inputs and targets."""
    assert isinstance(batch.ids, PackedSequence)
    sizes, data = batch.ids.batch_sizes.tolist(), batch.ids.data.tolist()
    targets, begins = batch.target_data.tolist(), [0, *itertools.accumulate(sizes)]
    found = []
    for row in range(sizes[0]):
        at = [begin + row for begin, size in zip(begins, sizes, strict=False) if row < size]
        found.append(([data[i] for i in at], [targets[i] for i in at]))
    return found


def texts_read(batches: list[NextSymbols]) -> list[list[int]]:
    """The texts that batches spell, windows of long ones joined."""
    done: list[list[int]] = []
    running: list[list[int]] = []
    for batch in batches:
        if batch.fresh is not None:
            assert bool(batch.fresh.all())
            done, running = done + running, [[] for _ in columns(batch)]
        for row, (inputs, targets) in enumerate(columns(batch)):
            assert inputs[1:] == targets[:-1]
            assert inputs[0] == (running[row][-1] if running[row] else END)
            running[row] += targets
    return done + running


@settings(max_examples=60)
@given(
    texts=st.lists(st.lists(st.integers(0, 9), max_size=12), min_size=1, max_size=30),
    batch_size=st.integers(1, 8),
    sequence_length=st.integers(1, 14),
)
def test_each_epoch_reads_every_record_once(
    texts: list[list[int]], batch_size: int, sequence_length: int
) -> None:
    bucket = 2  # several stretches even of few texts
    records = records_of(texts, batch_size=batch_size, sequence_length=sequence_length, bucket=bucket)
    expected = Counter((*text, END) for text in texts)
    batches = iter(records)
    for _ in range(3):
        epoch = list(one_epoch(batches))
        assert Counter(map(tuple, texts_read(epoch))) == expected
        assert all(len(columns(batch)) <= batch_size for batch in epoch)
        assert all(len(column[0]) <= sequence_length for batch in epoch for column in columns(batch))


def one_epoch(batches: Iterator[NextSymbols]) -> Iterator[NextSymbols]:
    for batch in batches:
        yield batch
        if batch.epoch == int(batch.epoch):
            return


def test_the_order_is_another_in_each_epoch_and_follows_from_the_seed() -> None:
    texts = [[i % 7] * (i % 5) + [i] for i in range(50)]

    def orders(seed: int) -> list[list[list[int]]]:
        epochs = epochs_of(records_of(texts, seed=seed))
        return [texts_read(next(epochs)) for _ in range(3)]

    first, second, third = orders(1)
    assert first != second != third
    assert orders(1) == [first, second, third]
    assert orders(2)[0] != first


def test_texts_side_by_side_are_of_like_length() -> None:
    random = np.random.default_rng(5)
    lengths = random.integers(1, 200, 3000)
    records = records_of([[1] * int(length) for length in lengths], batch_size=32)
    padded, count = 0, 0
    for batch in next(epochs_of(records)):
        assert isinstance(batch.ids, PackedSequence)
        sizes = batch.ids.batch_sizes
        padded, count = padded + len(sizes) * int(sizes[0]), count + batch.count
    assert count == int(lengths.sum()) + len(lengths)
    assert count / padded > 0.9


def test_batches_of_long_and_short_texts_come_in_no_order() -> None:
    records = records_of([[1] * (1 + i) for i in range(200)], batch_size=8)
    longest = [len(columns(batch)[0][0]) for batch in next(epochs_of(records))]
    assert longest != sorted(longest)
    assert longest != sorted(longest, reverse=True)


def test_records_count_their_passes() -> None:
    records = records_of([[1, 2]] * 10, batch_size=3)
    found = list(itertools.islice(records, 8))
    read = np.cumsum([batch.count for batch in found])
    assert [batch.epoch for batch in found] == pytest.approx(read / 30)
    assert (found[3].epoch, found[7].epoch) == (1, 2)
    assert [records.steps(x) for x in (1, 2.5, 1e-9)] == [4, 10, 1]


def test_only_chosen_records_are_read() -> None:
    some = records_of([[i] for i in range(10)], [2, 3, 5], batch_size=2)
    assert sorted(texts_read(next(epochs_of(some)))) == [[2, END], [3, END], [5, END]]


def test_a_long_record_is_read_on_beside_those_still_running() -> None:
    records = records_of([[1] * 6, [2] * 3, [3]], batch_size=3, sequence_length=3)
    first, second, third = next(epochs_of(records))
    assert [len(column[0]) for column in columns(first)] == [3, 3, 2]
    assert [len(column[0]) for column in columns(second)] == [3, 1]
    assert [len(column[0]) for column in columns(third)] == [1]
    assert first.fresh is not None
    assert second.fresh is third.fresh is None
