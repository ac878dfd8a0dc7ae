"""From a text of ids to batches: contiguous streams whose state carries on, or lines of different lengths.

Knows nothing of models. A source of batches is iterated without end; another iteration goes on from where
the last one was.
"""

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.utils.rnn import PackedSequence

from charrnn.text.vocabulary import Ids

RESETS = 0.05
"""Share of a text's windows that start blank in training: what is written, or scored, begins so too."""


@dataclass(frozen=True)
class Batch:
    """Symbols, and for each the one that follows it.

    Attributes:
        ids: (B, T), or N symbols of texts of different lengths, packed, longest first.
        targets: the same, one symbol on.
        fresh: (B,), true for the texts whose state starts blank; None if every text goes on.
        epoch: passes over the text that are done after this batch.
    """

    ids: Tensor | PackedSequence
    targets: Tensor | PackedSequence
    fresh: Tensor | None
    epoch: float

    @property
    def target_data(self) -> Tensor:
        """The targets as one tensor, (B, T) or (N,)."""
        return self.targets.data

    @property
    def count(self) -> int:
        """How many symbols are predicted."""
        return self.target_data.numel()

    def to(self, device: torch.device) -> "Batch":
        """The same batch on a device."""
        fresh = None if self.fresh is None else self.fresh.to(device)
        return Batch(_to(self.ids, device), _to(self.targets, device), fresh, self.epoch)


def _to(symbols: Tensor | PackedSequence, device: torch.device) -> Tensor | PackedSequence:
    if isinstance(symbols, Tensor):
        return symbols.to(device)
    return PackedSequence(symbols.data.to(device), symbols.batch_sizes)


class Batches(Protocol):
    """Batches without end."""

    def __iter__(self) -> Iterator[Batch]:
        """Go on from where it is."""
        ...

    def steps(self, epochs: float) -> int:
        """How many batches so many passes over the text take."""
        ...

    def numbers(self) -> dict[str, float]:
        """Where it is."""
        ...

    def restore(self, numbers: Mapping[str, float]) -> None:
        """Go to where `numbers` was; what was iterating before is to be iterated anew."""
        ...

    def texts_going_on(self) -> int:
        """How many texts of the next batch go on from a state."""
        ...


class Streams:
    """One long text as B streams that read on, batch after batch, from places spread evenly over it.

    The text is a ring of M = len(ids) - 1 transitions. Stream b starts at transition b·M/B and each batch
    moves every stream T on, so that its state is right for its next window; where one stream began another
    arrives after M/B transitions. A stream that starts the text over starts blank, and so does, now and
    then, any other, so that the network also learns to begin in the midst of a text:

        text  t h e _ q u i c k _ b r o w n _ f o x
        b=0   |------>|------>|------>            windows of T, the state carried
        b=1                     |------>|------>|----

    Args:
        ids: the text.
        batch_size: B.
        sequence_length: T.
        resets: share of the windows that start blank.
        seed: of which those are.
    """

    def __init__(
        self, ids: Ids, batch_size: int, sequence_length: int, *, resets: float = 0.0, seed: int = 1
    ) -> None:
        self.ids = ids
        self.transitions = len(ids) - 1
        self.batch_size, self.sequence_length = batch_size, sequence_length
        self.resets, self.seed = resets, seed
        self.starts = np.arange(batch_size) * self.transitions // batch_size
        self.position = 0

    def __iter__(self) -> Iterator[Batch]:
        """Windows of every stream, from the current position on."""
        while True:
            yield self._window()

    def _window(self) -> Batch:
        begins = (self.starts + self.position) % self.transitions
        places = (begins[:, None] + np.arange(self.sequence_length)) % self.transitions
        # A stream that comes upon the text's start inside its window reads on with its old state: one
        # window in an epoch. One whose window begins there starts blank.
        random = np.random.default_rng((self.seed, self.position))
        fresh = torch.from_numpy((begins == 0) | (random.random(self.batch_size) < self.resets))
        self.position += self.sequence_length
        epoch = self.position * self.batch_size / self.transitions
        return Batch(self._take(places), self._take(places + 1), fresh if fresh.any() else None, epoch)

    def _take(self, places: NDArray[np.int64]) -> Tensor:
        return torch.from_numpy(self.ids[places].astype(np.int64))

    def steps(self, epochs: float) -> int:
        """How many batches so many passes over the text take."""
        return max(1, round(epochs * self.transitions / (self.batch_size * self.sequence_length)))

    def numbers(self) -> dict[str, float]:
        """Where it is: how far into each stream."""
        return {"position": self.position}

    def restore(self, numbers: Mapping[str, float]) -> None:
        """Go to where `numbers` was."""
        self.position = int(numbers["position"])

    def texts_going_on(self) -> int:
        """How many texts of the next batch go on from a state."""
        return self.batch_size


class PartedStreams:
    """A text in several stretches as B streams that read on, batch after batch, never over a border.

    Each stretch is cut into windows of T transitions, read one after the other with the state carried; the
    last one ends with its stretch, so that it may begin inside the window before it, and it starts blank
    then, as the first window of each stretch does:

        text  |  s t r e t c h 1  |  s t r e t c h 2  |
        T=3      |---->|---->            |---->|---->          carried
                       |---->                  |---->          blank

    The K windows are a ring; stream b starts at window b·K/B.

    Args:
        ids: the text.
        spans: (S, 2) where each stretch begins and ends; it has more than T symbols.
        batch_size: B.
        sequence_length: T.
        resets: share of the windows that start blank besides.
        seed: of which those are.
    """

    def __init__(
        self,
        ids: Ids,
        spans: NDArray[np.int64],
        batch_size: int,
        sequence_length: int,
        *,
        resets: float = 0.0,
        seed: int = 1,
    ) -> None:
        self.ids, self.batch_size, self.sequence_length = ids, batch_size, sequence_length
        self.resets, self.seed = resets, seed
        found = [_windows_of(begin, end - 1, sequence_length) for begin, end in spans.tolist()]
        self.begins, self.is_first = (np.concatenate(parts) for parts in zip(*found, strict=True))
        self.starts = np.arange(batch_size) * len(self.begins) // batch_size
        self.position = 0

    def __iter__(self) -> Iterator[Batch]:
        """A window of every stream, from the current position on."""
        while True:
            yield self._window()

    def _window(self) -> Batch:
        numbers = (self.starts + self.position) % len(self.begins)
        places = self.begins[numbers, None] + np.arange(self.sequence_length)
        random = np.random.default_rng((self.seed, self.position))
        fresh = torch.from_numpy(self.is_first[numbers] | (random.random(self.batch_size) < self.resets))
        self.position += 1
        epoch = self.position * self.batch_size / len(self.begins)
        inputs, targets = (torch.from_numpy(self.ids[places + on].astype(np.int64)) for on in (0, 1))
        return Batch(inputs, targets, fresh if fresh.any() else None, epoch)

    def steps(self, epochs: float) -> int:
        """How many batches so many passes over the text take."""
        return max(1, round(epochs * len(self.begins) / self.batch_size))

    def numbers(self) -> dict[str, float]:
        """Where it is: how many windows into each stream."""
        return {"position": self.position}

    def restore(self, numbers: Mapping[str, float]) -> None:
        """Go to where `numbers` was."""
        self.position = int(numbers["position"])

    def texts_going_on(self) -> int:
        """How many texts of the next batch go on from a state."""
        return self.batch_size


def _windows_of(begin: int, end: int, length: int) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Where the windows of the transitions of one stretch begin, and which of them start blank."""
    begins = np.arange(begin, end - length + 1, length)
    is_first = begins == begin
    if begins[-1] + length < end:
        begins, is_first = np.append(begins, end - length), np.append(is_first, True)
    return begins, is_first


class Records:
    """Independent texts of different lengths: each starts blank, and ends by itself.

    Every epoch goes through all of them once, in an order drawn from the seed and the epoch's number. So
    that little is wasted, a stretch of `BUCKET` batches is sorted by length before it is cut into batches,
    and these are shuffled again. Within a batch the longest comes first (packed): lengths 5, 2, 3 become

        time    1 2 3 4 5
        text a  * * * * *      batch_sizes 3 3 2 1 1
        text c  * * *
        text b  * *

    A text longer than T is read on in the next batch, its state carried, beside those still running.

    Args:
        ids: the texts, an end mark before the first and after each.
        bounds: (R + 1,) where the end marks stand; text r is read from mark r up to mark r + 1.
        chosen: which texts to use.
        batch_size: texts in a batch.
        sequence_length: T, the most steps of one batch.
        seed: of the order.
    """

    BUCKET = 64

    def __init__(
        self,
        ids: Ids,
        bounds: NDArray[np.int64],
        chosen: NDArray[np.int64],
        *,
        batch_size: int,
        sequence_length: int,
        seed: int,
    ) -> None:
        self.ids, self.bounds, self.chosen = ids, bounds, chosen
        self.batch_size, self.sequence_length, self.seed = batch_size, sequence_length, seed
        self.transitions = int((bounds[chosen + 1] - bounds[chosen]).sum())
        self.epoch, self.position = 0, 0

    def __iter__(self) -> Iterator[Batch]:
        """Every text once in each epoch, from the current position on."""
        while True:
            done = 0
            for number, (begins, lengths, fresh) in enumerate(self._epoch_windows()):
                done += int(lengths.sum())
                if number >= self.position:
                    self.position += 1
                    epoch = self.epoch + done / self.transitions
                    yield pack(self.ids, begins, lengths, fresh=fresh, epoch=epoch)
            self.epoch, self.position = self.epoch + 1, 0

    @cached_property
    def batches_in_an_epoch(self) -> int:
        """How many batches one pass takes; the same in every epoch but for texts longer than T."""
        return sum(1 for _ in self._epoch_windows())

    def _epoch_windows(self) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64], bool]]:
        random = np.random.default_rng((self.seed, self.epoch))
        order = random.permutation(self.chosen)
        stretch = self.BUCKET * self.batch_size
        for begin in range(0, len(order), stretch):
            yield from self._stretch_windows(order[begin : begin + stretch], random)

    def _stretch_windows(
        self, texts: NDArray[np.int64], random: np.random.Generator
    ) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64], bool]]:
        lengths = self.bounds[texts + 1] - self.bounds[texts]
        texts = texts[np.argsort(-lengths, kind="stable")]
        groups = range(0, len(texts), self.batch_size)
        for group in random.permutation(np.array(groups)):
            members = texts[group : group + self.batch_size]
            begins = self.bounds[members]
            yield from windows(begins, self.bounds[members + 1] - begins, self.sequence_length)

    def steps(self, epochs: float) -> int:
        """How many batches so many passes over the texts take."""
        return max(1, round(epochs * self.batches_in_an_epoch))

    def numbers(self) -> dict[str, float]:
        """Where it is: which pass, and how many of its batches are done."""
        return {"epoch": self.epoch, "position": self.position}

    def restore(self, numbers: Mapping[str, float]) -> None:
        """Go to where `numbers` was."""
        self.epoch, self.position = int(numbers["epoch"]), int(numbers["position"])

    def texts_going_on(self) -> int:
        """How many texts of the next batch go on from a state."""
        following = itertools.islice(self._epoch_windows(), self.position, None)
        begins, _, fresh = next(following, (np.empty(0, np.int64), None, True))
        return 0 if fresh else len(begins)


def windows(
    begins: NDArray[np.int64], lengths: NDArray[np.int64], longest: int
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64], bool]]:
    """Cut texts, longest first, into windows of at most `longest` steps: begins, lengths, whether fresh."""
    for offset in range(0, int(lengths[0]), longest):
        running = int((lengths > offset).sum())
        yield begins[:running] + offset, np.minimum(lengths[:running] - offset, longest), offset == 0


def pack(
    ids: Ids, begins: NDArray[np.int64], lengths: NDArray[np.int64], *, fresh: bool, epoch: float
) -> Batch:
    """A packed batch of texts given by where they begin and how many steps they take, longest first."""
    steps = np.arange(int(lengths[0]))
    running = steps[:, None] < lengths
    places = (begins + steps[:, None])[running]
    batch_sizes = torch.from_numpy(running.sum(axis=1))
    inputs, targets = (
        PackedSequence(torch.from_numpy(ids[places + on].astype(np.int64)), batch_sizes) for on in (0, 1)
    )
    return Batch(inputs, targets, torch.ones(len(begins), dtype=torch.bool) if fresh else None, epoch)
