"""Sources of bytes as text: decoded in pieces, the same way on every pass.

Knows nothing of how texts become codes.
"""

import hashlib
import itertools
import json
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict

from charrnn.config.settings import ReadingSettings
from charrnn.errors import CorpusError
from charrnn.text.encodings import decoded, unix_newlines
from charrnn.text.normalization import normalized
from charrnn.text.rows import Row
from charrnn.text.sources import listed
from charrnn.text.streams import Seen, Source, hashed
from charrnn.text.tables import TableCell, cells, chosen_rows

BytesDone = Callable[[int, int | None], None]
"""Is told now and then how many bytes are done, and of how many where that is known."""

_PROGRESS_SECONDS = 0.1

_OF_TABLES = {"task", "columns", "format", "header", "separator", "target_symbols", "restore"}
_NEW = {"task": "language", "separator": None, "target_symbols": None, "restore": None}
"""What tables of former versions were read without, and means nothing."""


class SourceTexts:
    """The texts of some sources.

    The first pass notes each source's length and hash; later ones read no further, and stop
    with an error where a source is no longer what it was.

    Args:
        sources: in their order.
        reading: how they are read.
        chunk_bytes: how much is read at once.
    """

    def __init__(self, sources: Sequence[Source], reading: ReadingSettings, chunk_bytes: int) -> None:
        self.sources, self.reading = sources, reading
        self._chunk_bytes = chunk_bytes
        self._told: dict[str, dict[str, None]] = {}
        self._seen: dict[int, Seen] = {}

    def __len__(self) -> int:
        return len(self.sources)

    @property
    def notices(self) -> list[str]:
        """What there is to tell of what was read so far, such as marks that were removed."""
        return [f"{listed(list(names))}: {what}" for what, names in self._told.items()]

    @property
    def file_bytes(self) -> int:
        """Bytes that were read, decompressed."""
        return sum(seen.length_bytes for seen in self._seen.values())

    @property
    def fingerprint(self) -> str:
        """SHA-256, as hex, of all bytes that were read and of how."""
        sources = [[seen.length_bytes, seen.sha256] for _, seen in sorted(self._seen.items())]
        reading = asdict(self.reading)
        if not self.reading.is_table:  # as it was before there were tables
            reading = {name: value for name, value in reading.items() if name not in _OF_TABLES}
        reading = {name: value for name, value in reading.items() if (name, value) not in _NEW.items()}
        description = json.dumps([reading, sources], sort_keys=True)
        return hashlib.sha256(description.encode()).hexdigest()

    def meter(self, progress: BytesDone | None) -> "Meter":
        """What tells how much of all sources is read."""
        return Meter(progress, self._total_bytes())

    def read(self, number: int, meter: "Meter | None" = None) -> Iterator[str]:
        """The characters of one source, decoded and without its mark."""
        name = self.sources[number].name

        def tell(what: str) -> None:
            self._told.setdefault(what, {})[name] = None

        return decoded((meter or Meter()).passing(self._bytes(number)), name, self.reading, tell)

    def cells(self, number: int, meter: "Meter | None" = None) -> Iterator[list[TableCell]]:
        """The column of a table that is read, some cells at a time."""
        return cells(self.rows(number, meter))

    def rows(self, number: int, meter: "Meter | None" = None) -> Iterator[Row]:
        """The rows of a table with the columns that are read."""
        texts, source = self.in_newlines(self.read(number, meter)), self.sources[number]
        return chosen_rows(texts, source.name, self.reading, source.label)

    def placed(self, number: int) -> Iterator[tuple[int | None, str]]:
        """One source as pieces of text, each with the line on which it begins, or None where it goes on."""
        form = self.reading.normalize
        if not self.reading.is_table:
            return ((None, text) for text in normalized(self.read(number), form))
        every = itertools.chain.from_iterable(self.cells(number))
        return ((cell.line, "".join(normalized([cell.text], form))) for cell in every)

    def in_newlines(self, texts: Iterator[str]) -> Iterator[str]:
        """Text with its line ends as they were asked for."""
        return unix_newlines(texts) if self.reading.newlines == "lf" else texts

    def _bytes(self, number: int) -> Iterator[bytes]:
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
            return self.file_bytes
        sizes = [source.size_bytes for source in self.sources if source.size_bytes is not None]
        return sum(sizes) if len(sizes) == len(self.sources) else None


def changed(names: str) -> CorpusError:
    """What to say when a second pass finds another text than the first."""
    return CorpusError(f"{names} was changed while it was being read; start again when it is at rest")


class Meter:
    """Tells how many bytes have passed, a few times a second."""

    def __init__(self, progress: BytesDone | None = None, total_bytes: int | None = None) -> None:
        self._progress = progress
        self._total_bytes = total_bytes
        self._done_bytes = 0
        self._told_seconds = 0.0

    def passing(self, chunks: Iterator[bytes]) -> Iterator[bytes]:
        """The chunks, counted as they pass."""
        for chunk in chunks:
            self._done_bytes += len(chunk)
            now_seconds = time.monotonic()
            is_last = self._done_bytes == self._total_bytes
            if self._progress and (is_last or now_seconds - self._told_seconds >= _PROGRESS_SECONDS):
                self._told_seconds = now_seconds
                self._progress(self._done_bytes, self._total_bytes)
            yield chunk
