"""Readers: what a network predicts at each position of a text, with losses in nats.

A reader takes symbols piece by piece and returns, in order, what is recorded of the prediction of each. There
are three readers:

    Carried   one text, the state carried from its first symbol to its last
    Windows   the same, the state reset every so many characters
    RecordReader   independent texts, each from a zero state

A long text is read from many places in parallel, as the rows of a batch. Each row begins `WARM_UP` symbols
early, from a zero state, and its predictions of those are discarded:

    text   |---------------|---------------|---------------|
    row 0  *****************                                   goes on from the state before
    row 1              ....*****************                   .... warms up
    row 2                              ....****************

What the state would know of earlier symbols is lost there. Knows nothing of characters that are not fed to
the network, or of terminals.
"""

import math
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from charrnn.model.layer import State
from charrnn.model.measures import COST, NOTHING, Kept, Measure, nothing, unforeseen
from charrnn.model.network import CharRNN
from charrnn.model.passes import Places, Stretches, read_rows, read_side_by_side, still, tensor
from charrnn.text.vocabulary import Ids

WARM_UP = 1024
"""Symbols that a row reads before its part of the text."""

PART = 4
"""How many warm-ups long a row's part of the text is at least."""

ROWS = 64
"""Places at which one text is read at once, at most."""

RECORDS = 512
"""Independent texts that are read at once, at most."""


class Reader(Protocol):
    """Reads a text piece by piece."""

    model: CharRNN
    measure: Measure

    def feed(self, ids: Ids, numbers: Places) -> Kept:
        """Read on.

        Args:
            ids: the next symbols, all known to the network.
            numbers: for each the number of its character among the scored ones; -1 for those given.

        Returns:
            What is kept of the next symbols in order, of all of them or fewer: the others follow later. The
            text's very first symbol, which nothing predicts, costs as if all were equally likely.
        """
        ...

    def finish(self) -> Kept:
        """What is left, the text having ended."""
        ...


def rows_of(steps: int) -> int:
    """At how many places a text of so many steps is read at once."""
    return max(1, min(ROWS, steps // (PART * WARM_UP)))


def relative_cost(symbols: int) -> float:
    """How long a text takes to read, in steps of a single row, so that shorter ones tell of longer ones.

    A step of several rows takes as long as the square root of them, roughly (LOG.md).
    """
    rows = rows_of(symbols - 1)
    return (symbols / rows + WARM_UP * (rows > 1)) * math.sqrt(rows)


class Carried:
    """One text, the state carried through it.

    Args:
        model: the network, left in the mode it was in.
        measure: what is kept of each prediction.
        exact: read it in one pass, not as the rows of a batch.
    """

    def __init__(self, model: CharRNN, measure: Measure = COST, *, exact: bool = False) -> None:
        self.model, self.measure = model, measure
        self._exact = exact
        self._last: Ids | None = None
        self._state: State = model.blank_state(1)

    def feed(self, ids: Ids, numbers: Places | None = None) -> Kept:  # noqa: ARG002 - where characters begin is all one
        """Read on; what is kept of every symbol."""
        if not len(ids):
            return nothing(self.measure)
        before = [unforeseen(self.model, self.measure)] if self._last is None else []
        text = ids if self._last is None else np.concatenate((self._last, ids))
        self._last = ids[-1:]
        with still(self.model):
            return np.concatenate(before + self._read(tensor(self.model, text)))

    def _read(self, text: Tensor) -> list[Kept]:
        """What is kept of every symbol but the first, which is known."""
        steps = len(text) - 1
        rows = 1 if self._exact else rows_of(steps)
        length = steps // rows
        starts = torch.arange(rows, device=text.device) * length
        state = self._warmed(text, starts[1:])
        kept, state = read_rows(self.model, text, starts, length, state, measure=self.measure)
        last = [tuple(part[-1:] for part in layer) for layer in state]
        left = steps - rows * length
        rest, self._state = read_rows(
            self.model, text, starts[-1:] + length, left, last, measure=self.measure
        )
        return [kept, rest]

    def _warmed(self, text: Tensor, starts: Tensor) -> State:
        """The state of each row where its part begins: of the first one as it was left, then of these."""
        if not len(starts):
            return self._state
        blank = self.model.blank_state(len(starts))
        _, warm = read_rows(self.model, text, starts - WARM_UP, WARM_UP, blank, measure=NOTHING)
        return [
            tuple(torch.cat(parts) for parts in zip(*layers, strict=True))
            for layers in zip(self._state, warm, strict=True)
        ]

    def finish(self) -> Kept:
        """Nothing is left."""
        return nothing(self.measure)


class Windows:
    """One text, the state blank after every so many characters; the one before stays the input.

    Args:
        model: the network, left in the mode it was in.
        window: how many characters.
        measure: what is kept of each prediction.
    """

    def __init__(self, model: CharRNN, window: int, measure: Measure = COST) -> None:
        self.model, self.measure = model, measure
        self._window = window
        self._ids: Ids = np.empty(0, np.uint8)
        self._numbers: Places = np.empty(0, np.int64)
        self._done = 0

    def feed(self, ids: Ids, numbers: Places) -> Kept:
        """Read on; what is kept of the windows that are complete."""
        if not len(ids):
            return nothing(self.measure)
        first = [] if self._done else [unforeseen(self.model, self.measure)]
        self._done = self._done or 1
        self._ids, self._numbers = np.append(self._ids, ids), np.append(self._numbers, numbers)
        windows = self._numbers // self._window
        return np.concatenate([*first, self._score(windows, int(np.searchsorted(windows, windows[-1])))])

    def finish(self) -> Kept:
        """What is kept of the last window."""
        return self._score(self._numbers // self._window, len(self._ids))

    def _score(self, windows: Places, end: int) -> Kept:
        """Score the windows up to there, and let go of all but their last character."""
        if end <= self._done:
            return nothing(self.measure)
        firsts = self._done + np.flatnonzero(_changes(windows[self._done : end]))
        characters = np.maximum.accumulate(np.where(_changes(self._numbers[:end]), np.arange(end), 0))
        stretches = Stretches(characters[firsts - 1], firsts, np.append(firsts[1:], end))
        kept = independent(self.model, self._ids, stretches, self.measure)
        before = int(characters[-1])
        self._ids, self._numbers, self._done = self._ids[before:], self._numbers[before:], end - before
        return kept


class RecordReader:
    """Independent texts, each from a blank state, an end mark before the first and after each.

    Args:
        model: the network, left in the mode it was in.
        end: the id of the end mark.
        measure: what is kept of each prediction.
    """

    def __init__(self, model: CharRNN, end: int, measure: Measure = COST) -> None:
        self.model, self.measure = model, measure
        self._end = end
        self._ids: Ids = np.empty(0, np.uint8)
        self._begun = False

    def feed(self, ids: Ids, numbers: Places | None = None) -> Kept:  # noqa: ARG002 - records say themselves where they end
        """Read on; what is kept of the records that are complete."""
        self._ids = np.append(self._ids, ids)
        ends = np.flatnonzero(self._ids == self._end)
        before = [] if self._begun or not len(ends) else [unforeseen(self.model, self.measure)]
        self._begun = self._begun or bool(before)
        stretches = Stretches(ends[:-1], ends[:-1] + 1, ends[1:] + 1)
        kept = independent(self.model, self._ids, stretches, self.measure)
        self._ids = self._ids[ends[-1] :] if len(ends) else self._ids
        return np.concatenate([*before, kept])

    def finish(self) -> Kept:
        """Nothing is left: a text's last record has its end mark."""
        return nothing(self.measure)


def independent(model: CharRNN, ids: Ids, stretches: Stretches, measure: Measure = COST) -> Kept:
    """What is kept of the scored symbols of each stretch, one stretch after the other.

    They are read in batches of like length; those too long for that, as a text is.
    """
    sizes = stretches.ends - stretches.firsts
    offsets = np.cumsum(sizes) - sizes
    kept = np.zeros((int(sizes.sum()), measure.columns), np.float32)
    lengths = stretches.ends - stretches.starts
    order = np.argsort(-lengths, kind="stable")
    long = int((lengths > 2 * PART * WARM_UP).sum())
    for row in order[:long]:
        begin, first, end = (
            int(place[row]) for place in (stretches.starts, stretches.firsts, stretches.ends)
        )
        found = Carried(model, measure).feed(np.asarray(ids[begin:end]))
        kept[offsets[row] : offsets[row] + sizes[row]] = found[first - begin :]
    for begin in range(long, len(order), RECORDS):
        rows = order[begin : begin + RECORDS]
        places = (offsets - stretches.firsts)[rows, None]
        for targets, is_scored, found in read_side_by_side(model, ids, stretches.those(rows), measure):
            kept[(targets + places[: len(targets)])[is_scored]] = found[is_scored]
    return kept


def _changes(values: Places) -> NDArray[np.bool_]:
    """Where a value is another than the one before; the first is."""
    return np.append(True, values[1:] != values[:-1])
