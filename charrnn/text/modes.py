"""How sources become codes in each mode: as one text, or as records separated by end marks.

Knows nothing of vocabularies.
"""

import itertools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from charrnn.text.codes import CARRIAGE_RETURN, LINE_FEED, bytes_as_text, to_codes
from charrnn.text.cut import parted
from charrnn.text.normalization import normalized
from charrnn.text.reading_checks import delimiting_line
from charrnn.text.records import cells_ended, lines_ended, records_ended
from charrnn.text.source_texts import Meter, SourceTexts
from charrnn.text.statistics import Statistics, Tally

Codes = NDArray[np.uint32]

_RETURNS_ALONE = "its lines end with CR alone, which ends no line here; give --newlines lf"


@dataclass(frozen=True)
class TextPart:
    """A stretch of the text on its way past: use up the codes, then read the tally.

    Attributes:
        codes: its codes, piece by piece.
        tally: characters and UTF-8 bytes of the text as read, complete once the codes are used up.
    """

    codes: Iterator[Codes]
    tally: Tally


class Mode(Protocol):
    """What `--mode` says: what the sources are together."""

    def texts(self, meter: Meter) -> Iterator[str]:
        """Everything as read, before normalising; bytes as text."""
        ...

    def parts(self, positions: Sequence[int], meter: Meter) -> Iterator[TextPart]:
        """Everything as codes, parted after so many characters as read where that can be."""
        ...

    def source_codes(self, number: int) -> Iterator[Codes]:
        """One source as codes, as if it were everything."""
        ...

    def undivided(self, statistics: Statistics) -> str | None:
        """After a first pass: why there are no lines or records, where there seem meant to be some."""
        ...


class TextMode:
    """All sources are one text, with nothing between them."""

    def __init__(self, sources: SourceTexts) -> None:
        self._sources, self._reading = sources, sources.reading

    def texts(self, meter: Meter) -> Iterator[str]:
        """One source after the other; CR LF may stand where two meet."""
        each = (self._sources.read(number, meter) for number in range(len(self._sources)))
        return self._sources.in_newlines(itertools.chain.from_iterable(each))

    def parts(self, positions: Sequence[int], meter: Meter) -> Iterator[TextPart]:
        """As many as there are positions, and one more, but for those that would fall into one character."""
        texts = parted(self.texts(meter), positions, self._reading.level)
        for _, group in itertools.groupby(texts, key=itemgetter(0)):
            tally = Tally(self._reading.level)
            yield TextPart(self._coded(_tallied((text for _, text in group), tally)), tally)

    def source_codes(self, number: int) -> Iterator[Codes]:
        """The text of one source."""
        return self._coded(self._sources.in_newlines(self._sources.read(number)))

    def undivided(self, statistics: Statistics) -> str | None:
        """Line ends that are none here."""
        counts = statistics.counts
        return _RETURNS_ALONE if counts[CARRIAGE_RETURN] and not counts[LINE_FEED] else None

    def _coded(self, texts: Iterable[str]) -> Iterator[Codes]:
        return map(to_codes, normalized(texts, self._reading.normalize))


class LinesMode:
    """Each source has records: its lines, what delimiters part, or the cells of a table."""

    def __init__(self, sources: SourceTexts) -> None:
        self._sources, self._reading = sources, sources.reading
        self._has_delimiter = False

    def texts(self, meter: Meter) -> Iterator[str]:
        """One source after the other, each by itself; of tables a line for each cell."""
        numbers = range(len(self._sources))
        if self._reading.is_table:
            tables = (some for number in numbers for some in self._sources.cells(number, meter))
            return ("".join(f"{cell.text}\n" for cell in some) for some in tables)
        each = (self._sources.in_newlines(self._sources.read(number, meter)) for number in numbers)
        return itertools.chain.from_iterable(each)

    def parts(self, positions: Sequence[int], meter: Meter) -> Iterator[TextPart]:  # noqa: ARG002 - of text
        """Always one."""
        tally = Tally(self._reading.level)
        each = (self._ended(number, tally, meter) for number in range(len(self._sources)))
        yield TextPart(itertools.chain.from_iterable(each), tally)

    def source_codes(self, number: int) -> Iterator[Codes]:
        """The records of one source."""
        return self._ended(number, Tally(self._reading.level))

    def undivided(self, statistics: Statistics) -> str | None:
        """Line ends that are none here, or a delimiter that stands nowhere."""
        if statistics.counts[CARRIAGE_RETURN] and statistics.records <= len(self._sources):
            return _RETURNS_ALONE
        delimiter = self._reading.delimiter
        if delimiter is None or self._has_delimiter:
            return None
        meant = "no line is blank" if not delimiter else "no line equals it"
        return (
            f"the delimiter {delimiter!r} never occurs: {meant}; give another --delimiter ('' for "
            "blank lines), or leave it out to make each line a record"
        )

    def _ended(self, number: int, tally: Tally, meter: Meter | None = None) -> Iterator[Codes]:
        """The records of one source, each with its end mark; what is read is tallied."""
        reading = self._reading
        if reading.is_table:
            texts = ([cell.text for cell in some] for some in self._sources.cells(number, meter))
            return cells_ended(_lines_tallied(texts, tally), reading.normalize)
        read = _tallied(self._sources.in_newlines(self._sources.read(number, meter)), tally)
        normal = normalized(read, reading.normalize)
        if reading.delimiter is None:
            return lines_ended(normal)
        return records_ended(normal, self._delimiter(reading.delimiter), self._see_delimiter)

    def _see_delimiter(self) -> None:
        self._has_delimiter = True

    def _delimiter(self, delimiter: str) -> str:
        """The delimiter as it looks in text that is read the same way."""
        delimiter = delimiting_line(delimiter)
        if self._reading.level == "byte":
            return bytes_as_text(delimiter.encode("utf-8", "surrogatepass"))
        return "".join(normalized([delimiter], self._reading.normalize))


def mode_of(sources: SourceTexts) -> Mode:
    """How the sources are to be read."""
    return LinesMode(sources) if sources.reading.mode == "lines" else TextMode(sources)


def _tallied(texts: Iterable[str], tally: Tally) -> Iterator[str]:
    for text in texts:
        tally.add(text)
        yield text


def _lines_tallied(cells: Iterable[list[str]], tally: Tally) -> Iterator[list[str]]:
    for some in cells:
        tally.add("\n".join([*some, ""]))
        yield some
