"""A training text, streamed from its sources as arrays of codes, never whole in memory.

    sources (bytes) -> text as read (str) -> normal form -> codes (uint32), with end marks in lines mode

Knows nothing of vocabularies or models.
"""

import io
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from charrnn.config.settings import ReadingSettings
from charrnn.errors import CorpusError
from charrnn.text.builtins import BUILTINS
from charrnn.text.codes import END
from charrnn.text.encodings import why_no_text
from charrnn.text.modes import TextPart, mode_of
from charrnn.text.reading_checks import check_reading
from charrnn.text.source_texts import BytesDone, SourceTexts
from charrnn.text.sources import HEAD_BYTES, find_sources, is_one_file, listed, short_name
from charrnn.text.statistics import CodeCounter, Statistics, Tally
from charrnn.text.streams import Source
from charrnn.text.tables import MARKUP, TableCell, format_of

CHUNK_BYTES = 2**19


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
        if tables and not reading.is_table:
            self._found_notices.append(f"{listed(tables)}: {MARKUP}")
        self.name = short_name(paths[0])
        self.is_one_file = is_one_file(paths)
        self.is_built_in = all(path in BUILTINS for path in paths)
        self._texts = SourceTexts(self.sources, reading, chunk_bytes)
        self._mode = mode_of(self._texts)
        self._statistics: Statistics | None = None

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
        return self._mode.undivided(self.statistics())

    @property
    def notices(self) -> list[str]:
        """What there is to tell: files that were skipped; after a first pass, marks that were removed."""
        undivided = None if self._statistics is None else self.undivided
        told = [f"{self.names}: {undivided}"] if undivided else []
        return [*self._found_notices, *self._texts.notices, *told]

    def statistics(self, progress: BytesDone | None = None) -> Statistics:
        """Count the text: one pass, the first time.

        Raises:
            CorpusError: it is empty, or not what its settings say.
        """
        if self._statistics is None:
            self._statistics = self._counted(progress)
        return self._statistics

    def codes(self, progress: BytesDone | None = None) -> Iterator[NDArray[np.uint32]]:
        """The whole text as codes."""
        for part in self.parts(progress=progress):
            yield from part.codes

    def source_codes(self, number: int) -> Iterator[NDArray[np.uint32]]:
        """One source as codes, as if it were the whole text."""
        return self._mode.source_codes(number)

    def parts(self, positions: Sequence[int] = (), progress: BytesDone | None = None) -> Iterator[TextPart]:
        """The text parted after so many characters as read, each part normalised on its own.

        In lines mode there is one part: each source by itself, since its end ends a record. In text mode it
        is parted a little later where that would be inside a character: before a combining mark, between
        CR and LF. The parts come one after the other: use up the first before asking for the second.

        Args:
            positions: text mode: how many characters stand before each part but the first; without one, there
                is one part.
            progress: is told how far it has come.
        """
        return self._mode.parts(positions, self._texts.meter(progress))

    def texts(self, progress: BytesDone | None = None) -> Iterator[str]:
        """The text as read, before normalising: all sources, with nothing between them; bytes as text."""
        return self._mode.texts(self._texts.meter(progress))

    def answers(self) -> Iterator[tuple[str, TableCell]]:
        """What is to be found for each record, in their order, and the source it is from."""
        return ((name, answer) for name, _, answer in self.examples())

    def examples(self) -> Iterator[tuple[str, TableCell, TableCell]]:
        """Of each record the source it is from, what is read, and what is to be found."""
        # At byte level what is read is bytes, and so are targets; labels and tags are names.
        is_bytes = self.reading.level == "byte" and self.reading.task != "translate"
        for number, source in enumerate(self.sources):
            for row in self._texts.rows(number):
                text, answer = row.fields[:2]
                if is_bytes and self.reading.restore is None:
                    answer = answer.encode("latin-1").decode("utf-8", "replace")
                yield source.name, TableCell(row.line, text), TableCell(row.line, answer)

    def placed_texts(self, number: int) -> Iterator[tuple[int | None, str]]:
        """One source as pieces of text, each with the line on which it begins, or None where it goes on."""
        return self._texts.placed(number)

    def utf8(self) -> Iterator[bytes]:
        """The text as read, before normalising, in UTF-8; at byte level its bytes."""
        encoding = "latin-1" if self.reading.level == "byte" else "utf-8"
        return (text.encode(encoding, "surrogatepass") for text in self.texts())

    def _counted(self, progress: BytesDone | None) -> Statistics:
        counter = CodeCounter(is_lines=self.reading.mode == "lines")
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
            file_bytes=self._texts.file_bytes,
            records=int(counter.counts[END]),
            empty_records=counter.empty_records,
            longest_record=counter.longest_record,
            fingerprint=self._texts.fingerprint,
        )
