"""Bytes to characters: encodings, byte-order marks, line ends. Knows nothing of files."""

import codecs
from collections.abc import Callable, Iterable, Iterator

from charrnn.config.settings import ReadingSettings
from charrnn.errors import CorpusError
from charrnn.text.codes import bytes_as_text
from charrnn.text.detection import is_binary, kind_of_file, likeliest_encoding, unmarked_utf16

MARKS = {
    codecs.BOM_UTF32_LE: "utf-32-le",
    codecs.BOM_UTF32_BE: "utf-32-be",
    codecs.BOM_UTF16_LE: "utf-16-le",
    codecs.BOM_UTF16_BE: "utf-16-be",
}
"""Byte-order marks that say what a file is in, the longer ones first: one begins with another."""

NO_TEXT = "not text"

_MARK = "\ufeff"
_SHOWN_BYTES = 8
_HEAD_BYTES = 4096

Notify = Callable[[str], None]
"""Takes something to tell about the file that is being read."""


def why_no_text(head: bytes, reading: ReadingSettings, *, whole: bool = False) -> str:
    """Why the beginning of a file (or all of it) is no text that can be read so; empty if it is.

    At byte level every file is text.
    """
    if reading.level == "byte":
        return ""
    if kind_of_file(head):
        return NO_TEXT
    try:
        return NO_TEXT if "\0" in _decoder(head, reading).decode(head, final=whole) else ""
    except UnicodeError:
        if is_binary(head):
            return NO_TEXT
        encoding = likeliest_encoding(head, _encoding(head, reading))
        return f"not {reading.encoding}; " + (
            f"give --encoding {encoding}" if encoding else "damaged; give --errors replace"
        )


def decoded(chunks: Iterator[bytes], name: str, reading: ReadingSettings, notify: Notify) -> Iterator[str]:
    """The characters of one file; at byte level those whose code points are its bytes.

    Args:
        chunks: the bytes of the file.
        name: what messages call it.
        reading: level, encoding, errors.
        notify: is told of a mark that was removed, and the like.

    Raises:
        CorpusError: it is a file of another kind, or has bytes that the encoding does not allow.
    """
    if reading.level == "byte":
        return map(bytes_as_text, chunks)
    return _without_mark(_characters(_with_long_head(chunks), name, reading, notify), notify)


def unix_newlines(texts: Iterable[str]) -> Iterator[str]:
    """The same text with CR LF and CR made LF."""
    held = ""
    for text in texts:
        joined = held + text
        held = "\r" if joined.endswith("\r") else ""
        yield joined.removesuffix("\r").replace("\r\n", "\n").replace("\r", "\n")
    if held:
        yield "\n"


def _with_long_head(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """The same bytes, the first chunk long enough to hold a mark, and to tell a kind of file."""
    head = b""
    for chunk in chunks:
        head += chunk
        if len(head) >= _HEAD_BYTES:
            break
    yield head
    yield from chunks


def _decoder(head: bytes, reading: ReadingSettings) -> codecs.IncrementalDecoder:
    return codecs.getincrementaldecoder(_encoding(head, reading))(reading.errors)


def _encoding(head: bytes, reading: ReadingSettings) -> str:
    """The encoding that was asked for, or in place of UTF-8 the one that a mark announces."""
    if codecs.lookup(reading.encoding).name == "utf-8":
        return next((encoding for mark, encoding in MARKS.items() if head.startswith(mark)), "utf-8")
    return reading.encoding


def _characters(
    chunks: Iterator[bytes], name: str, reading: ReadingSettings, notify: Notify
) -> Iterator[str]:
    head = next(chunks)
    if kind := kind_of_file(head):
        raise CorpusError(
            f"{name} is {kind.name}, not text; {kind.advice} (or --level byte, to learn its bytes)"
        )
    _announce(head, reading, notify)
    encoding, decoder = _encoding(head, reading), _decoder(head, reading)
    position_bytes = 0
    lines = 0
    for chunk, final in _last_marked(head, chunks):
        position_bytes += len(chunk)
        try:
            text = decoder.decode(chunk, final)
        except UnicodeDecodeError as error:
            raise _invalid(name, encoding, error, position_bytes, lines) from error
        except UnicodeError as error:
            raise CorpusError(
                f"{name} is not {reading.encoding}: {error}; give its --encoding NAME"
            ) from error
        lines += text.count("\n")
        yield text


def _last_marked(head: bytes, chunks: Iterator[bytes]) -> Iterator[tuple[bytes, bool]]:
    yield head, False
    for chunk in chunks:
        yield chunk, False
    yield b"", True


def _announce(head: bytes, reading: ReadingSettings, notify: Notify) -> None:
    encoding = _encoding(head, reading)
    if encoding in MARKS.values() and encoding != reading.encoding:
        notify(f"read as {encoding.upper()[:6]}, as its byte-order mark says")
    elif encoding == "utf-8" and (likely := unmarked_utf16(head)):
        notify(f"looks like UTF-16 without a mark; if so, give --encoding {likely}")


def _without_mark(texts: Iterator[str], notify: Notify) -> Iterator[str]:
    for text in texts:
        if text:
            if text.startswith(_MARK):
                notify("byte-order mark removed")
            yield text.removeprefix(_MARK)
            break
    yield from texts


def _invalid(name: str, encoding: str, error: UnicodeDecodeError, read_bytes: int, lines: int) -> CorpusError:
    """The message for bytes that cannot be decoded; what the decoder held back counts in its place.

    Decoders may give themselves another name in the error, which nobody knows.
    """
    before_bytes = read_bytes - len(error.object)
    offset = before_bytes + error.start
    before = error.object[: error.start].decode(encoding, "ignore")
    wrong = error.object[error.start : max(error.end, error.start + 1)][:_SHOWN_BYTES]
    line = lines + before.count("\n") + 1
    return CorpusError(
        f"{name} is not valid {encoding}: byte {offset:,} in line {line:,} "
        f"is {wrong.hex(' ').upper()} ({error.reason}); {_advice(error, encoding, is_start=not before_bytes)}"
    )


def _advice(error: UnicodeDecodeError, encoding: str, *, is_start: bool) -> str:
    """What to do about bytes that cannot be decoded; they may begin inside a character."""
    data = error.object
    errors = "--errors replace or --errors ignore"
    if is_binary(data):
        return (
            f"it contains NUL bytes, so it is hardly text: give --level byte to learn its bytes, or {errors}"
        )
    likely = likeliest_encoding(data if is_start else data[data.find(b"\n") + 1 :], encoding)
    if likely is None:
        return f"most of it is: give {errors}, or --encoding NAME"
    return f"give --encoding NAME (the likeliest is {likely}), or {errors}"
