"""Input lines, one by one: from files, or from standard input as they arrive. Does not load torch."""

import codecs
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import IO

from charrnn.config.settings import ReadingSettings
from charrnn.display.sanitizer import visible
from charrnn.errors import CorpusError, InputError
from charrnn.text.encodings import decoded, why_no_text
from charrnn.text.sources import HEAD_BYTES, STANDARD_INPUT, find_sources
from charrnn.text.streams import readable

TOGETHER = 256
"""Lines that are answered side by side, at most."""

_CHUNK_BYTES = 2**16
_TYPED = "standard input"


def asked(texts: Sequence[str], typed: Sequence[str], reading: ReadingSettings) -> Iterator[Sequence[str]]:
    """The lines to be answered, some at a time: those that are typed as options, then those that are read.

    Args:
        texts: as of `input_lines`; none mean standard input, unless a text is typed.
        typed: texts from the command line.
        reading: how text is decoded.
    """
    yield from (typed[begin : begin + TOGETHER] for begin in range(0, len(typed), TOGETHER))
    if texts or not typed:
        yield from input_lines(texts, reading)


def input_lines(texts: Sequence[str], reading: ReadingSettings) -> Iterator[list[str]]:
    """Lines without their ends, in order, those together that are there at once.

    What comes through a pipe line by line is given line by line: nothing waits for more. A line ends by LF or
    CR LF, and the last one also where the text ends.

    Args:
        texts: files, folders and built-in texts; `-` is standard input, which none mean too.
        reading: how text is decoded.

    Raises:
        CorpusError: a text cannot be read.
    """
    for text in texts or (STANDARD_INPUT,):
        pieces = _typed(reading) if text == STANDARD_INPUT else _read(text, reading)
        for lines in _lines(pieces):
            yield from (lines[begin : begin + TOGETHER] for begin in range(0, len(lines), TOGETHER))


def _lines(pieces: Iterable[str]) -> Iterator[list[str]]:
    """The lines that each piece of a text completes."""
    held: list[str] = []
    for piece in pieces:
        *lines, rest = piece.split("\n")
        if lines:
            lines[0] = "".join([*held, lines[0]])
            held = []
            yield [line.removesuffix("\r") for line in lines]
        held.append(rest)
    if last := "".join(held):
        yield [last]


def _read(path: str, reading: ReadingSettings) -> Iterator[str]:
    """A file, or those of a folder; a line that no end follows ends with its file."""
    reading = replace(reading, level="char")  # bytes are characters' own: a line is a text in any case
    sources, notices = find_sources(
        [path], lambda head: why_no_text(head, reading, whole=len(head) < HEAD_BYTES)
    )
    for notice in notices:
        _tell(notice)
    for source in sources:
        last = ""
        for piece in decoded(source.chunks(_CHUNK_BYTES), source.name, reading, _tell):
            yield piece
            last = piece or last
        if last and not last.endswith("\n"):
            yield "\n"


def _typed(reading: ReadingSettings) -> Iterator[str]:
    """Standard input, as far as it has come."""
    if sys.stdin is None:
        raise InputError(f"{_TYPED} is closed; give a file, or pipe lines in")
    decoder = codecs.getincrementaldecoder(reading.encoding)(reading.errors)
    lines, is_first = 1, True
    while True:
        with readable(_TYPED):
            chunk = _there(sys.stdin.buffer)
        try:
            text = decoder.decode(chunk, not chunk)
        except UnicodeError as error:
            raise CorpusError(
                f"{_TYPED} is not valid {reading.encoding} at line {lines:,} or soon after: {error}; "
                "convert it to that"
            ) from error
        if text:
            yield text.removeprefix("\ufeff") if is_first else text
            is_first = False
        lines += text.count("\n")
        if not chunk:
            return


def _there(stream: IO[bytes]) -> bytes:
    """What has come; waits for the first byte, and is empty at the end."""
    read = getattr(stream, "read1", stream.read)
    return bytes(read(_CHUNK_BYTES))


def _tell(notice: str) -> None:
    sys.stderr.write(f"charrnn: {visible(notice)}\n")
