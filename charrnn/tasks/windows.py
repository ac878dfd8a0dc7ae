"""One long text, or stretches of one, as windows of equal length; the state is carried between batches.

The positions of the windows are known before any symbol is read, so they can be gathered wherever the text
is, such as on a GPU. Knows nothing of models, or of texts of different lengths: see `packed.py`.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
import torch
from numpy.typing import NDArray

from charrnn.tasks.batches import Batches, NextSymbols
from charrnn.text.vocabulary import Ids

RESETS = 0.05
"""Share of a text's windows that start blank in training: what is written, or scored, begins so too."""

LONG, PIECE = 2**18, 2**11
"""Symbols of a stream from which it is read in pieces, in random order; and symbols of a piece (LOG.md)."""


@dataclass(frozen=True)
class Window:
    """Where one batch lies in its text: row b reads T symbols from `begins[b]` on.

    Symbol t of row b is `ids[(begins[b] + t) % M]`, of M = len(ids) - 1 transitions, and its target is the
    symbol after that place: the text is a ring, and M is never read as an input. Of the text `abcde` with
    T = 3 a row that begins at 3 has the places 3, 0, 1: inputs `dab`, targets `ebc`.

    Attributes:
        begins: (B,) int64, where each row begins, below M.
        fresh: (B,) bool, true for the rows whose state starts blank.
        epoch: passes over the text that are done after this batch.
    """

    begins: NDArray[np.int64]
    fresh: NDArray[np.bool_]
    epoch: float


@runtime_checkable
class Windowed(Batches, Protocol):
    """Batches of B rows of T symbols of one array of ids."""

    ids: Ids
    batch_size: int
    sequence_length: int

    def __iter__(self) -> Iterator[NextSymbols]:
        """Go on from where it is."""
        ...

    def next_window(self) -> Window:
        """Where the next batch lies, instead of the batch itself: the position moves on as if it was read."""
        ...


def gathered(batches: Windowed, window: Window) -> NextSymbols:
    """The batch that a window of these holds."""
    ids = batches.ids
    places = (window.begins[:, None] + np.arange(batches.sequence_length)) % (len(ids) - 1)
    inputs, targets = (torch.from_numpy(ids[places + on].astype(np.int64)) for on in (0, 1))
    fresh = torch.from_numpy(window.fresh) if window.fresh.any() else None
    return NextSymbols(inputs, targets, fresh, window.epoch)


class Streams:
    """One long text as B streams that read on, batch after batch, from places spread evenly over it.

    The text is a ring of M = len(ids) - 1 transitions. Stream b starts at transition b·M/B and each batch
    moves every stream T on, so that its state is right for its next window; where one stream began another
    arrives after M/B transitions. A stream that starts the text over starts blank, and so does, now and
    then, any other, so that the network also learns to begin in the midst of a text:

        text  t h e _ q u i c k _ b r o w n _ f o x
        b=0   |------>|------>|------>            windows of T, the state carried
        b=1                     |------>|------>|----

    Streams of `LONG` symbols or more would each stay in one part of the text, and a run of less than an epoch
    would never see the rest. So they read pieces of whole windows, in a random order that is the same in each
    epoch, and start each piece blank; what the pieces leave of the text is not read.

    Args:
        ids: the text.
        batch_size: B.
        sequence_length: T.
        resets: share of the windows that start blank.
        seed: of which those are, and of the order of pieces.
    """

    def __init__(
        self, ids: Ids, batch_size: int, sequence_length: int, *, resets: float = 0.0, seed: int = 1
    ) -> None:
        self.ids = ids
        self.transitions = len(ids) - 1
        self.batch_size, self.sequence_length = batch_size, sequence_length
        self.resets, self.seed = resets, seed
        self.piece, aligned = self.transitions, 1
        if windows := _windows_of_a_piece(self.transitions, batch_size, sequence_length):
            self.piece, aligned = windows * sequence_length, sequence_length
        count = self.transitions // self.piece
        self.pieces = np.random.default_rng(seed).permutation(count) * self.transitions // count
        self.starts = np.arange(batch_size) * count * self.piece // batch_size // aligned * aligned
        self.position = 0

    def __iter__(self) -> Iterator[NextSymbols]:
        """Windows of every stream, from the current position on."""
        while True:
            yield gathered(self, self.next_window())

    def next_window(self) -> Window:
        """Where the next batch lies; the position moves on by T.

        A window that runs over the text's end goes on at its start: its last places are taken modulo M. It
        reads on there with its old state, one window in an epoch; one that begins there starts blank.
        """
        numbers, places = np.divmod(self.starts + self.position, self.piece)
        begins = self.pieces[numbers % len(self.pieces)] + places
        random = np.random.default_rng((self.seed, self.position))
        fresh = (places == 0) | (random.random(self.batch_size) < self.resets)
        self.position += self.sequence_length
        return Window(begins, fresh, epoch=self.position * self.batch_size / self.transitions)

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

    The K windows are a ring; stream b starts at window b·K/B. A long text is read in pieces, as by `Streams`.

    Args:
        ids: the text.
        spans: (S, 2) where each stretch begins and ends; it has more than T symbols.
        batch_size: B.
        sequence_length: T.
        resets: share of the windows that start blank besides.
        seed: of which those are, and of the order of pieces.
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
        if windows := _windows_of_a_piece(len(self.begins) * sequence_length, batch_size, sequence_length):
            self._mix(windows)
        self.starts = np.arange(batch_size) * len(self.begins) // batch_size
        self.position = 0

    def __iter__(self) -> Iterator[NextSymbols]:
        """A window of every stream, from the current position on."""
        while True:
            yield gathered(self, self.next_window())

    def next_window(self) -> Window:
        """Where the next batch lies; the position moves on by a window, none of which crosses a border."""
        numbers = (self.starts + self.position) % len(self.begins)
        random = np.random.default_rng((self.seed, self.position))
        fresh = self.is_first[numbers] | (random.random(self.batch_size) < self.resets)
        self.position += 1
        return Window(self.begins[numbers], fresh, epoch=self.position * self.batch_size / len(self.begins))

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

    def _mix(self, size: int) -> None:
        """Put pieces of so many windows, or a few more, in random order; each starts blank."""
        count = max(1, len(self.begins) // size)
        bounds = np.arange(count + 1) * len(self.begins) // count
        self.is_first[bounds[:-1]] = True
        order = np.random.default_rng(self.seed).permutation(count)
        windows = np.concatenate([np.arange(bounds[piece], bounds[piece + 1]) for piece in order])
        self.begins, self.is_first = self.begins[windows], self.is_first[windows]


def _windows_of_a_piece(transitions: int, batch_size: int, sequence_length: int) -> int:
    """How many windows a piece of a long text has; 0 where the text is read on from B places."""
    return max(1, PIECE // sequence_length) if transitions >= batch_size * LONG else 0


def _windows_of(begin: int, end: int, length: int) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Where the windows of the transitions of one stretch begin, and which of them start blank."""
    begins = np.arange(begin, end - length + 1, length)
    is_first = begins == begin
    if begins[-1] + length < end:
        begins, is_first = np.append(begins, end - length), np.append(is_first, True)
    return begins, is_first
