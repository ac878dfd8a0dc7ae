"""Writes a text as ids into a folder, with the position of each part. Knows nothing of models.

In lines mode an end mark stands before the first record, and the places of all end marks in a file of
their own: see `dataset.py` for how they are read.
"""

import itertools
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from charrnn.config.declaration import REQUIRED, Entry, setting
from charrnn.text.arrays import ArrayWriter
from charrnn.text.codes import END, LINE_FEED, to_text
from charrnn.text.corpus import Corpus
from charrnn.text.parts import SHORTEST
from charrnn.text.source_texts import BytesDone
from charrnn.text.split import cuts
from charrnn.text.statistics import Tally
from charrnn.text.vocabulary import Vocabulary

MOST_SYMBOLS = 2**62

CORPUS, VALIDATION = "corpus", "validation"
"""The arrays: the text, and what it is measured on where that is a text of its own."""


def _pairs(spans: list[Any] | None) -> None:
    """Check that places follow one another: a begin, its end, the next begin ..."""
    pairs = spans or []
    if not all(isinstance(pair, list) and [*map(type, pair)] == [int, int] for pair in pairs):
        raise ValueError("pairs of whole numbers")
    places = [0, *itertools.chain.from_iterable(pairs), MOST_SYMBOLS]
    if not all(before <= after for before, after in itertools.pairwise(places)):
        raise ValueError("places in order")
    if any(end - begin < SHORTEST for begin, end in pairs):
        raise ValueError(f"stretches of at least {SHORTEST} symbols")


@dataclass(frozen=True)
class Stretch(Entry):
    """A part as it lies on disk.

    Attributes:
        file: the name of the array, without its suffix.
        start: where the part begins in it.
        stop: where it ends.
        characters: of the part as read.
        utf8_bytes: what these take.
        records: lines mode: which records, `all`, `drawn` (those held out) or `rest`; else empty.
        spans: where in the array the part's texts begin and end, if they lie apart; each one is read on its
            own.
    """

    file: str = setting(REQUIRED, "of the array", choices=(CORPUS, VALIDATION))
    start: int = setting(REQUIRED, "in the array", minimum=0, maximum=MOST_SYMBOLS)
    stop: int = setting(REQUIRED, "in the array", minimum=0, maximum=MOST_SYMBOLS)
    characters: int = setting(REQUIRED, "as read", minimum=0, maximum=MOST_SYMBOLS)
    utf8_bytes: int = setting(REQUIRED, "of these", minimum=0, maximum=MOST_SYMBOLS)
    records: str = setting("", "those of the part", choices=("", "all", "drawn", "rest"))
    spans: list[list[int]] | None = setting(None, "of texts apart", check=_pairs)  # noqa: RUF009 - a declaration

    @property
    def is_long_enough(self) -> bool:
        """Whether there is something to predict: a symbol, and a character, after the first."""
        return min(self.stop - self.start, self.characters) >= SHORTEST

    @classmethod
    def joined(cls, pieces: "Sequence[Stretch]") -> "Stretch":
        """One part of several pieces of an array."""
        if len(pieces) == 1:
            return pieces[0]
        return cls(
            pieces[0].file,
            pieces[0].start,
            pieces[-1].stop,
            sum(piece.characters for piece in pieces),
            sum(piece.utf8_bytes for piece in pieces),
            spans=[[piece.start, piece.stop] for piece in pieces],
        )


Split = tuple[Stretch, Stretch | None]
"""Training and validation."""


@dataclass(frozen=True)
class DatasetWriter:
    """Writes texts with the same vocabulary into the same folder."""

    folder: Path
    vocabulary: Vocabulary
    progress: BytesDone | None = None

    def write_text(self, corpus: Corpus, name: str, held: int, stretches: int = 1) -> Split:
        """Write a text of which so many characters are held out, if that leaves every piece long enough.

        Args:
            corpus: the text.
            name: of the array.
            held: how many characters.
            stretches: in how many stretches these lie; one is the text's end.
        """
        statistics = corpus.statistics()
        pieces: list[Stretch] = []
        start = stop = 0
        places = cuts(held, statistics.characters, stretches)
        with ArrayWriter(array_path(self.folder, name), self.vocabulary.dtype, statistics.symbols) as array:
            for part in corpus.parts(places, self.progress):
                for codes in part.codes:
                    array.write(self.vocabulary.encode_codes(codes))
                    stop += len(codes)
                pieces.append(Stretch(name, start, stop, part.tally.characters, part.tally.utf8_bytes))
                start = stop
        if held and len(pieces) == 2 * stretches and all(piece.is_long_enough for piece in pieces):
            return Stretch.joined(pieces[::2]), Stretch.joined(pieces[1::2])
        if stretches > 1:  # some cut fell into what a reader sees as one long character
            return self.write_text(corpus, name, held)
        return Stretch(name, 0, stop, statistics.characters, statistics.utf8_bytes), None

    def write_records(self, corpus: Corpus, name: str, drawn: NDArray[np.int64]) -> Split:
        """Write records, of which those drawn are held out."""
        statistics = corpus.statistics()
        measure = _RecordMeasure(corpus, drawn)
        place = 0
        with (
            ArrayWriter(
                array_path(self.folder, name), self.vocabulary.dtype, statistics.symbols + 1
            ) as array,
            ArrayWriter(bounds_path(self.folder, name), np.int64, statistics.records + 1) as bounds,
        ):
            for codes in itertools.chain([np.array([END], np.uint32)], corpus.codes(self.progress)):
                array.write(self.vocabulary.encode_codes(codes))
                ends = np.flatnonzero(codes == END)
                bounds.write(place + ends)
                if place:
                    measure.add(codes, ends)
                place += len(codes)
        rest = Stretch(name, 0, place, *measure.totals("rest"), records="rest")
        if not len(drawn):
            return replace(rest, records="all"), None
        self._write_array(held_out_path(self.folder, name), drawn)
        return rest, Stretch(name, 0, place, *measure.totals("drawn"), records="drawn")

    def _write_array(self, path: Path, array: NDArray[Any]) -> None:
        with ArrayWriter(path, array.dtype, len(array)) as writer:
            writer.write(array)


def array_path(folder: Path, name: str) -> Path:
    """The file of the ids."""
    return folder / f"{name}.npy"


def bounds_path(folder: Path, name: str) -> Path:
    """The file of the places of the end marks."""
    return folder / f"{name}-bounds.npy"


def held_out_path(folder: Path, name: str) -> Path:
    """The file of the numbers of the records that are held out."""
    return folder / f"{name}-held-back.npy"


class _RecordMeasure:
    """Counts characters of the records that are held out, and of the rest, while they pass."""

    def __init__(self, corpus: Corpus, drawn: NDArray[np.int64]) -> None:
        self._normalize = corpus.reading.normalize
        self._is_drawn = np.zeros(corpus.statistics().records, np.bool_)
        self._is_drawn[drawn] = True
        self._tallies = {"rest": Tally(corpus.reading.level), "drawn": Tally(corpus.reading.level)}
        self._records = {"rest": len(self._is_drawn) - len(drawn), "drawn": len(drawn)}
        self._record = 0

    def add(self, codes: NDArray[np.uint32], ends: NDArray[np.intp]) -> None:
        # A text that changed meanwhile may have more records than were counted; the corpus says so later.
        numbers = np.minimum(self._record + np.arange(len(ends) + 1), len(self._is_drawn) - 1)
        self._record += len(ends)
        lengths = np.diff(ends, prepend=-1, append=len(codes) - 1)
        # End marks stay while it is composed, as line feeds: what they part must not grow together.
        lines = codes.copy()
        lines[ends] = LINE_FEED
        is_drawn = np.repeat(self._is_drawn[numbers], lengths)
        self._count("drawn", lines[is_drawn])
        self._count("rest", lines[~is_drawn])

    def _count(self, part: str, lines: NDArray[np.uint32]) -> None:
        if self._normalize == "none":
            self._tallies[part].add_codes(lines)
        else:
            self._tallies[part].add(unicodedata.normalize("NFC", to_text(lines)))

    def totals(self, part: str) -> tuple[int, int]:
        """Characters and UTF-8 bytes of a part, without end marks."""
        tally, records = self._tallies[part], self._records[part]
        return tally.characters - records, tally.utf8_bytes - records
