"""A text to learn from: streamed from where it lies, as arrays of codes, never whole in memory.

    sources (bytes) -> text as read (str) -> normal form -> codes (uint32), with end marks in lines mode

Knows nothing of vocabularies or models.
"""

import hashlib
import io
import itertools
import json
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from operator import itemgetter

import numpy as np
from numpy.typing import NDArray

from charrnn.config.settings import ReadingSettings
from charrnn.errors import CorpusError
from charrnn.text.builtins import BUILTINS
from charrnn.text.codes import CARRIAGE_RETURN, END, LINE_FEED, bytes_as_text, to_codes
from charrnn.text.cut import parted
from charrnn.text.decoding import check_reading, decoded, delimiting_line, unix_newlines, why_no_text
from charrnn.text.normalization import normalized
from charrnn.text.records import cells_ended, lines_ended, records_ended
from charrnn.text.sources import HEAD_BYTES, find_sources, is_one_file, listed, short_name
from charrnn.text.statistics import Counter, Statistics, Tally
from charrnn.text.streams import Seen, Source, hashed
from charrnn.text.tables import MARKUP, Cell, cells, format_of

__all__ = ["Corpus", "Progress", "Statistics", "TextPart"]

CHUNK_BYTES = 2**19

Progress = Callable[[int, int | None], None]
"""Is told now and then how many bytes are done, and of how many where that is known."""

_PROGRESS_SECONDS = 0.1

_OF_TABLES = {"columns", "format", "header"}


@dataclass(frozen=True)
class TextPart:
    """A stretch of the text on its way past: use up the codes, then read the tally.

    Attributes:
        codes: its codes, piece by piece.
        tally: characters and UTF-8 bytes of the text as read, complete once the codes are used up.
    """

    codes: Iterator[NDArray[np.uint32]]
    tally: Tally


class Corpus:
    """A text in files, folders, pipes or built in, read the same way each time.

    The first pass notes each source's length and hash; later ones read no further, and stop
    with an error where a source is no longer what it was.
    """

    def __init__(
        self,
        paths: Sequence[str],
        reading: ReadingSettings,
        *,
        chunk_bytes: int = CHUNK_BYTES,
        sources: Sequence[Source] = (),
    ) -> None:
        """Find the sources; nothing but the heads of files in folders is read yet.

        Args:
            paths: what the text is called.
            reading: how it is read.
            chunk_bytes: how much is read at once.
            sources: what the text is, if that is not what lies at the paths.

        Raises:
            CorpusError: a path is missing or is nothing that can be read.
            UsageError: the settings contradict one another, or name no encoding.
        """
        check_reading(reading)
        self.reading = reading
        self.sources, self._found_notices = (
            (list(sources), [])
            if sources
            else find_sources(paths, lambda head: why_no_text(head, reading, whole=len(head) < HEAD_BYTES))
        )
        tables = [source.name for source in self.sources if format_of(source.name)]
        if tables and reading.columns is None:
            self._found_notices.append(f"{listed(tables)}: {MARKUP}")
        self.name = short_name(paths[0])
        self.is_one_file = is_one_file(paths)
        self.is_built_in = all(path in BUILTINS for path in paths)
        self._chunk_bytes = chunk_bytes
        self._told: dict[str, dict[str, None]] = {}
        self._seen: dict[int, Seen] = {}
        self._statistics: Statistics | None = None
        self._has_delimiter = False

    @classmethod
    def of(cls, text: bytes, reading: ReadingSettings) -> "Corpus":
        """A text that is in memory."""
        source = Source("the text", lambda: io.BytesIO(text), size_bytes=len(text))
        return cls([source.name], reading, sources=[source])

    @property
    def names(self) -> str:
        """The first few sources, for messages."""
        return listed([source.name for source in self.sources])

    @property
    def undivided(self) -> str | None:
        """After a first pass: why the text has no lines or records, where it seems meant to have some."""
        statistics, reading = self.statistics(), self.reading
        ends = (
            statistics.records > len(self.sources)
            if reading.mode == "lines"
            else statistics.counts[LINE_FEED]
        )
        if statistics.counts[CARRIAGE_RETURN] and not ends:
            return "its lines end with CR alone, which ends no line here; give --newlines lf"
        if reading.delimiter is None or self._has_delimiter:
            return None
        meant = "no line is blank" if not reading.delimiter else "no line equals it"
        return (
            f"the delimiter {reading.delimiter!r} never occurs: {meant}; give another --delimiter ('' for "
            "blank lines), or leave it out to make each line a record"
        )

    @property
    def notices(self) -> list[str]:
        """What there is to tell: files that were skipped; after a first pass, marks that were removed."""
        told = [f"{listed(list(names))}: {what}" for what, names in self._told.items()]
        undivided = [] if self._statistics is None else [self.undivided]
        return [*self._found_notices, *told, *(f"{self.names}: {what}" for what in undivided if what)]

    def statistics(self, progress: Progress | None = None) -> Statistics:
        """Count the text: one pass, the first time.

        Raises:
            CorpusError: it is empty, or not what its settings say.
        """
        if self._statistics is None:
            self._statistics = self._counted(progress)
        return self._statistics

    def codes(self, progress: Progress | None = None) -> Iterator[NDArray[np.uint32]]:
        """The whole text as codes."""
        for part in self.parts(progress=progress):
            yield from part.codes

    def source_codes(self, number: int) -> Iterator[NDArray[np.uint32]]:
        """One source as codes, as if it were the whole text."""
        if self.reading.mode == "lines":
            return self._ended(number, Tally(self.reading.level))
        return self._coded(self._in_newlines(self.source_texts(number)))

    def parts(self, positions: Sequence[int] = (), progress: Progress | None = None) -> Iterator[TextPart]:
        """The text parted after so many characters as read, each part normalised on its own.

        In lines mode there is one part: each source by itself, since its end ends a record. In text mode it
        is parted a little later where that would be inside a character: before a combining mark, between
        CR and LF. The parts come one after the other: use up the first before asking for the second.

        Args:
            positions: text mode: how many characters stand before each part but the first; without one, there
                is one part.
            progress: is told how far it has come.
        """
        if self.reading.mode == "lines":
            meter, tally = _Meter(progress, self._total_bytes()), Tally(self.reading.level)
            each = (self._ended(number, tally, meter) for number in range(len(self.sources)))
            yield TextPart(itertools.chain.from_iterable(each), tally)
            return
        texts = parted(self.texts(progress), positions, self.reading.level)
        for _, group in itertools.groupby(texts, key=itemgetter(0)):
            tally = Tally(self.reading.level)
            yield TextPart(self._coded(_tallied((text for _, text in group), tally)), tally)

    def texts(self, progress: Progress | None = None) -> Iterator[str]:
        """The text as read, before normalising: all sources, with nothing between them; bytes as text."""
        meter, numbers = _Meter(progress, self._total_bytes()), range(len(self.sources))
        if self.reading.columns is not None:
            return (
                "".join(f"{cell.text}\n" for cell in some) for i in numbers for some in self._cells(i, meter)
            )
        each = (self.source_texts(number, meter) for number in numbers)
        if self.reading.mode == "lines":
            return itertools.chain.from_iterable(map(self._in_newlines, each))
        return self._in_newlines(itertools.chain.from_iterable(each))

    def placed_texts(self, number: int) -> Iterator[tuple[int | None, str]]:
        """One source as pieces of text, each with the line on which it begins, or None where it goes on."""
        if self.reading.columns is None:
            return ((None, text) for text in normalized(self.source_texts(number), self.reading.normalize))
        cells = itertools.chain.from_iterable(self._cells(number))
        return ((cell.line, "".join(normalized([cell.text], self.reading.normalize))) for cell in cells)

    def _ended(
        self, number: int, tally: Tally, meter: "_Meter | None" = None
    ) -> Iterator[NDArray[np.uint32]]:
        """Lines mode: the records of one source, each with its end mark; what is read is tallied."""
        if self.reading.columns is None:
            return self._coded(_tallied(self._in_newlines(self.source_texts(number, meter)), tally))
        texts = ([cell.text for cell in some] for some in self._cells(number, meter))
        return cells_ended(_lines_tallied(texts, tally), self.reading.normalize)

    def _cells(self, number: int, meter: "_Meter | None" = None) -> Iterator[list[Cell]]:
        texts = self._in_newlines(self.source_texts(number, meter))
        return cells(texts, self.sources[number].name, self.reading)

    def _in_newlines(self, texts: Iterator[str]) -> Iterator[str]:
        return unix_newlines(texts) if self.reading.newlines == "lf" else texts

    def utf8(self) -> Iterator[bytes]:
        """The text as read, before normalising, in UTF-8; at byte level its bytes."""
        encoding = "latin-1" if self.reading.level == "byte" else "utf-8"
        return (text.encode(encoding, "surrogatepass") for text in self.texts())

    def _counted(self, progress: Progress | None) -> Statistics:
        counter = Counter(is_lines=self.reading.mode == "lines")
        tally = Tally(self.reading.level)
        for part in self.parts(progress=progress):
            for codes in part.codes:
                counter.add(codes)
            tally = part.tally
        symbols = int(counter.counts.sum())
        if not symbols:
            raise CorpusError(f"{self.names} is empty; give a text of at least two characters")
        return Statistics(
            counts=counter.counts,
            starts=counter.starts,
            symbols=symbols,
            characters=tally.characters,
            utf8_bytes=tally.utf8_bytes,
            file_bytes=sum(seen.length_bytes for seen in self._seen.values()),
            records=int(counter.counts[END]),
            empty_records=counter.empty_records,
            longest_record=counter.longest_record,
            fingerprint=self._fingerprint(),
        )

    def _fingerprint(self) -> str:
        sources = [[seen.length_bytes, seen.sha256] for _, seen in sorted(self._seen.items())]
        reading = asdict(self.reading)
        if self.reading.columns is None:  # as it was before there were tables
            reading = {name: value for name, value in reading.items() if name not in _OF_TABLES}
        description = json.dumps([reading, sources], sort_keys=True)
        return hashlib.sha256(description.encode()).hexdigest()

    def _coded(self, texts: Iterable[str]) -> Iterator[NDArray[np.uint32]]:
        """Text as read to codes."""
        texts = normalized(texts, self.reading.normalize)
        if self.reading.mode == "text":
            return map(to_codes, texts)
        if self.reading.delimiter is None:
            return lines_ended(texts)
        return records_ended(texts, self._delimiter(self.reading.delimiter), self._see_delimiter)

    def _see_delimiter(self) -> None:
        self._has_delimiter = True

    def _delimiter(self, delimiter: str) -> str:
        """The delimiter as it looks in text that is read the same way."""
        delimiter = delimiting_line(delimiter)
        if self.reading.level == "byte":
            return bytes_as_text(delimiter.encode("utf-8", "surrogatepass"))
        return "".join(normalized([delimiter], self.reading.normalize))

    def source_texts(self, number: int, meter: "_Meter | None" = None) -> Iterator[str]:
        """The characters of one source, decoded and without its mark."""
        name = self.sources[number].name

        def tell(what: str) -> None:
            self._told.setdefault(what, {})[name] = None

        return decoded((meter or _Meter()).passing(self._read(number)), name, self.reading, tell)

    def _read(self, number: int) -> Iterator[bytes]:
        """The bytes of one source: those of the first pass, for a file may have grown since."""
        source, first = self.sources[number], self._seen.get(number)
        seen = yield from hashed(source, self._chunk_bytes, first.length_bytes if first else None)
        if first is None:
            self._seen[number] = seen
        elif seen != first:
            raise changed(source.name)

    def _total_bytes(self) -> int | None:
        """How many bytes there are to read, where that is known."""
        if len(self._seen) == len(self.sources):
            return sum(seen.length_bytes for seen in self._seen.values())
        sizes = [source.size_bytes for source in self.sources if source.size_bytes is not None]
        return sum(sizes) if len(sizes) == len(self.sources) else None


def changed(names: str) -> CorpusError:
    """What to say when a second pass finds another text than the first."""
    return CorpusError(f"{names} was changed while it was being read; start again when it is at rest")


class _Meter:
    """Tells how many bytes have passed, a few times a second."""

    def __init__(self, progress: Progress | None = None, total_bytes: int | None = None) -> None:
        self._progress = progress
        self._total_bytes = total_bytes
        self._done_bytes = 0
        self._told_seconds = 0.0

    def passing(self, chunks: Iterator[bytes]) -> Iterator[bytes]:
        for chunk in chunks:
            self._done_bytes += len(chunk)
            now_seconds = time.monotonic()
            is_last = self._done_bytes == self._total_bytes
            if self._progress and (is_last or now_seconds - self._told_seconds >= _PROGRESS_SECONDS):
                self._told_seconds = now_seconds
                self._progress(self._done_bytes, self._total_bytes)
            yield chunk


def _tallied(texts: Iterable[str], tally: Tally) -> Iterator[str]:
    for text in texts:
        tally.add(text)
        yield text


def _lines_tallied(cells: Iterable[list[str]], tally: Tally) -> Iterator[list[str]]:
    for some in cells:
        tally.add("\n".join([*some, ""]))
        yield some
