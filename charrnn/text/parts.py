"""The interface of a training or validation part; `text_parts.py` and `record_part.py` implement it.

Knows nothing of files or models.
"""

from collections.abc import Iterator
from typing import Any, Protocol, Self

import numpy as np
from numpy.typing import NDArray

from charrnn.config.settings import ReadingSettings
from charrnn.text.vocabulary import Ids, Vocabulary

SHORTEST = 2
"""A text needs an input and its target."""

PIECE = 2**24
"""Numbers of an array that are looked at together: it may be larger than memory, and a signal may come."""


class TaskPart(Protocol):
    """Some of a text, to train on or to measure on, whatever is learnt from it."""

    @property
    def characters(self) -> int:
        """Of what is read, before normalising; in lines mode composed (NFC) where they were normalised.

        End marks, which are one more for each record, are not among them.
        """

    @property
    def records(self) -> int:
        """How many of its texts are records; 0 in text mode."""

    @property
    def symbols(self) -> int:
        """How many symbols it has, the end mark of each record included."""

    @property
    def arrays(self) -> tuple[NDArray[Any], ...]:
        """All that it is made of, for its digest."""

    def beginning(self, symbols: int) -> Self:
        """The first so many symbols, of each text in proportion, or about as many of the records.

        All if there are fewer. Its characters and bytes are those of the whole in proportion: exact where
        one symbol is one.
        """


class Part(TaskPart, Protocol):
    """Ids whose next ones are to be predicted; each of its texts is read from a blank state."""

    @property
    def ids(self) -> Ids:
        """The array that its texts lie in, which may hold more than these."""

    @property
    def utf8_bytes(self) -> int:
        """What these characters take in UTF-8."""

    @property
    def texts(self) -> NDArray[np.int64]:
        """(S, 2) where in `ids` each text begins and ends: a record from the mark before it past its own."""

    @property
    def scored_symbols(self) -> int:
        """How many targets it has: all symbols but the first of a text, every one of a record."""

    @property
    def scored_characters(self) -> int:
        """What a loss is divided by: all characters but the first of a text, end marks too."""

    @property
    def longest_window(self) -> float:
        """How many symbols may be read at once and predicted, so that every text of it is long enough."""

    @property
    def divided(self) -> str:
        """How it is divided, in words that follow its length; empty where it is not."""

    def is_scorable_with(self, vocabulary: Vocabulary, symbols: int) -> bool:
        """Whether a model with this vocabulary can score it, ids being below so many symbols."""

    def given(self, vocabulary: Vocabulary, reading: ReadingSettings) -> NDArray[np.int64]:
        """(S,) or (1,) how many symbols are given at the beginning of each text, or of every one."""

    def blocks(self) -> Iterator[Ids]:
        """Its symbols, some at a time; of a record also the end mark after it."""

    def streams(self) -> list[Ids]:
        """Its symbols in arrays whose first one is given; all records are one, `END record … END`."""

    def last_symbols(self, longest: int) -> Ids:
        """About so many symbols of its end as one array; in lines mode `END record END record … END`."""


def pieces(array: NDArray[Any]) -> Iterator[NDArray[Any]]:
    """An array bit by bit."""
    return (array[begin : begin + PIECE] for begin in range(0, len(array), PIECE))


def are_below(ids: Ids, symbols: int) -> bool:
    """Whether all ids are below so many symbols."""
    return all(int(piece.max()) < symbols for piece in pieces(ids))
