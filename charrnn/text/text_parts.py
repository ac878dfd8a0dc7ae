"""A training or validation part of one long text: all of it, or stretches. Knows nothing of records."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from charrnn.config.settings import ReadingSettings
from charrnn.text.alignment import first_character
from charrnn.text.codes import UNKNOWN
from charrnn.text.normalization import RUN_LIMIT
from charrnn.text.parts import SHORTEST, Part, are_below, pieces
from charrnn.text.vocabulary import Ids, Vocabulary

_NONE = np.empty(0, np.int64)


@dataclass(frozen=True)
class OneText:
    """All of an array of ids, read from its first symbol to its last."""

    ids: Ids
    characters: int
    utf8_bytes: int

    records = 0
    longest_window = np.inf
    divided = ""

    @property
    def texts(self) -> NDArray[np.int64]:
        """The one."""
        return np.array([[0, len(self.ids)]], np.int64)

    @property
    def symbols(self) -> int:
        """How many it has."""
        return len(self.ids)

    @property
    def scored_symbols(self) -> int:
        """All but the first."""
        return self.symbols - 1

    @property
    def scored_characters(self) -> int:
        """All but the first."""
        return self.characters - 1

    @property
    def arrays(self) -> tuple[NDArray[Any], ...]:
        """The ids, where the others have more."""
        return self.ids, _NONE, _NONE

    def given(self, vocabulary: Vocabulary, reading: ReadingSettings) -> NDArray[np.int64]:
        """The symbols of its first character."""
        return _of_first_characters(self, vocabulary, reading)

    def is_scorable_with(self, vocabulary: Vocabulary, symbols: int) -> bool:
        """Whether these are symbols of text that the model has."""
        return _is_text_of(self, vocabulary, symbols)

    def blocks(self) -> Iterator[Ids]:
        """It, some at a time."""
        return pieces(self.ids)

    def streams(self) -> list[Ids]:
        """It alone."""
        return [self.ids]

    def last_symbols(self, longest: int) -> Ids:
        """Its end."""
        return self.ids[-longest:]

    def beginning(self, symbols: int) -> Self:
        """Its first symbols."""
        share = symbols / self.symbols
        if share >= 1:
            return self
        characters, utf8_bytes = round(self.characters * share), round(self.utf8_bytes * share)
        return replace(self, ids=self.ids[:symbols], characters=characters, utf8_bytes=utf8_bytes)


@dataclass(frozen=True)
class PartedText:
    """Several stretches of an array of ids, each read on its own."""

    ids: Ids
    characters: int
    utf8_bytes: int
    texts: NDArray[np.int64]

    records = 0

    @property
    def symbols(self) -> int:
        """Those of all stretches."""
        return int(np.diff(self.texts).sum())

    @property
    def scored_symbols(self) -> int:
        """All but the first of each."""
        return self.symbols - len(self.texts)

    @property
    def scored_characters(self) -> int:
        """All but the first of each."""
        return self.characters - len(self.texts)

    @property
    def longest_window(self) -> float:
        """The transitions of the shortest stretch."""
        return int(np.diff(self.texts).min()) - 1

    @property
    def arrays(self) -> tuple[NDArray[Any], ...]:
        """The ids, and where the stretches lie."""
        return self.ids, _NONE, _NONE, self.texts

    @property
    def divided(self) -> str:
        """Into how many stretches."""
        return f" in {len(self.texts):,} stretches"

    def given(self, vocabulary: Vocabulary, reading: ReadingSettings) -> NDArray[np.int64]:
        """The symbols of the first character of each."""
        return _of_first_characters(self, vocabulary, reading)

    def is_scorable_with(self, vocabulary: Vocabulary, symbols: int) -> bool:
        """Whether these are symbols of text that the model has."""
        return _is_text_of(self, vocabulary, symbols)

    def blocks(self) -> Iterator[Ids]:
        """One stretch after the other, some symbols at a time."""
        for stretch in self.streams():
            yield from pieces(stretch)

    def streams(self) -> list[Ids]:
        """Each stretch."""
        return [self.ids[begin:end] for begin, end in self.texts.tolist()]

    def last_symbols(self, longest: int) -> Ids:
        """The end of the last stretches that are long enough."""
        lengths = np.diff(self.texts)[::-1, 0]
        count = int(np.searchsorted(np.cumsum(lengths), longest)) + 1
        return np.concatenate(self.streams()[-count:])[-longest:]

    def beginning(self, symbols: int) -> Self:
        """The first symbols of each stretch."""
        share = symbols / self.symbols
        if share >= 1:
            return self
        begins, ends = self.texts.T
        lengths = np.maximum(SHORTEST, ((ends - begins) * share).astype(np.int64))
        texts = np.stack((begins, begins + lengths), 1)
        share = int(lengths.sum()) / self.symbols
        characters, utf8_bytes = round(self.characters * share), round(self.utf8_bytes * share)
        return replace(self, texts=texts, characters=characters, utf8_bytes=utf8_bytes)


def _of_first_characters(part: Part, vocabulary: Vocabulary, reading: ReadingSettings) -> NDArray[np.int64]:
    """How many symbols the first character of each text has, going by the symbols."""
    codes = np.append(vocabulary.codes, np.uint32(UNKNOWN))
    beginnings = (part.ids[begin : min(end, begin + RUN_LIMIT)] for begin, end in part.texts.tolist())
    found = (codes.take(ids, mode="clip") for ids in beginnings)
    return np.array([first_character(some, reading.level, reading.normalize) for some in found], np.int64)


def _is_text_of(part: Part, vocabulary: Vocabulary, symbols: int) -> bool:
    is_long_enough = min(part.scored_symbols, part.scored_characters) >= 1
    return vocabulary.mode == "text" and is_long_enough and are_below(part.ids, symbols)
