"""A training or validation part made of records: a selection of those between the end marks of a text.

Knows nothing of one long text.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from charrnn.config.settings import ReadingSettings
from charrnn.text.parts import are_below, pieces
from charrnn.text.vocabulary import Ids, Vocabulary

_TOGETHER = 2**20


@dataclass(frozen=True)
class Records:
    """Some of many records between end marks: each is read from the mark before it, and ends with its own.

    Attributes:
        bounds: the places of the end marks. Record i has the inputs `ids[bounds[i]:bounds[i + 1]]` and the
            targets `ids[bounds[i] + 1:bounds[i + 1] + 1]`.
        chosen: which records the part has, ascending.
    """

    ids: Ids
    characters: int
    utf8_bytes: int
    bounds: NDArray[np.int64]
    chosen: NDArray[np.int64]

    longest_window = np.inf

    @property
    def texts(self) -> NDArray[np.int64]:
        """Each record between its marks, both included."""
        return np.stack((self.bounds[self.chosen], self.bounds[self.chosen + 1] + 1), 1)

    @property
    def lengths(self) -> NDArray[np.int64]:
        """(R,) how many symbols each record has, its end mark included."""
        return self.bounds[self.chosen + 1] - self.bounds[self.chosen]

    @property
    def records(self) -> int:
        """How many there are."""
        return len(self.chosen)

    @property
    def symbols(self) -> int:
        """Those of all records, and their end marks."""
        return int(self.lengths.sum())

    @property
    def scored_symbols(self) -> int:
        """All of them."""
        return self.symbols

    @property
    def scored_characters(self) -> int:
        """All of them, and the end marks."""
        return self.characters + self.records

    @property
    def arrays(self) -> tuple[NDArray[Any], ...]:
        """The ids, the places of the end marks, and which records are part of it."""
        return self.ids, self.bounds, self.chosen

    @property
    def divided(self) -> str:
        """Into how many lines."""
        return f" in {self.records:,} lines"

    def given(self, vocabulary: Vocabulary, reading: ReadingSettings) -> NDArray[np.int64]:  # noqa: ARG002 - one of text
        """The end mark before each."""
        return np.ones(1, np.int64)

    def is_scorable_with(self, vocabulary: Vocabulary, symbols: int) -> bool:
        """Whether these are symbols that the model has, with its end mark where one has to be."""
        if vocabulary.mode != "lines" or self.scored_symbols < 1 or not are_below(self.ids, symbols):
            return False
        ends = sum(int(np.count_nonzero(piece == vocabulary.end)) for piece in pieces(self.ids))
        marks = (self.ids[places] == vocabulary.end for places in pieces(self.bounds))
        return ends == len(self.bounds) and all(bool(mark.all()) for mark in marks)

    def blocks(self) -> Iterator[Ids]:
        """One record after the other, many short ones at a time."""
        begins, lengths = self.bounds[self.chosen] + 1, self.lengths
        for some in groups(lengths):
            yield from pieces(stretches(self.ids, begins[some], lengths[some]))

    def streams(self) -> list[Ids]:
        """All of them as one."""
        return [self.last_symbols(self.symbols)]

    def last_symbols(self, longest: int) -> Ids:
        """The last records that have no more symbols together; one at least."""
        lengths = self.lengths
        count = max(1, int(np.searchsorted(np.cumsum(lengths[::-1]), longest, "right")))
        begins = self.bounds[self.chosen[-count:]] + 1
        return np.concatenate([self.ids[:1], stretches(self.ids, begins, lengths[-count:])])

    def beginning(self, symbols: int) -> Self:
        """The first records."""
        share = symbols / self.symbols
        if share >= 1:
            return self
        count = max(1, int(share * self.records))
        share = count / self.records
        characters, utf8_bytes = round(self.characters * share), round(self.utf8_bytes * share)
        return replace(self, chosen=self.chosen[:count], characters=characters, utf8_bytes=utf8_bytes)


def groups(lengths: NDArray[np.int64]) -> Iterator[slice]:
    """Stretches in groups that are read at once: of so many symbols at most, or one alone."""
    ends = np.cumsum(lengths)
    # The sum is another one behind each that reaches across a multiple of the limit, and before it.
    crossed = (ends - lengths) // _TOGETHER + ends // _TOGETHER
    cuts = np.flatnonzero(np.diff(crossed)) + 1
    return (slice(*bounds) for bounds in pairwise([0, *cuts.tolist(), len(lengths)]))


def stretches(ids: Ids, begins: NDArray[np.int64], lengths: NDArray[np.int64]) -> Ids:
    """Stretches of ids, one after the other; where they are apart it takes 16 bytes a symbol meanwhile."""
    symbols, ends = int(lengths.sum()), begins + lengths
    if len(begins) and np.array_equal(begins[1:], ends[:-1]):
        return ids[int(begins[0]) : int(ends[-1])]
    # Place k of the result is in the stretch whose begin, less all that came before it, is added to k.
    before = np.cumsum(lengths) - lengths
    places = np.arange(symbols) + np.repeat(begins - before, lengths)
    found: Ids = ids[places]
    return found
