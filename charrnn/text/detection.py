"""Guesses what bytes are if they are not valid text: another kind of file, or another encoding.

Knows nothing of names or paths.
"""

import codecs
import re
from collections.abc import Callable
from dataclasses import dataclass

SAMPLE_BYTES = 2**16
"""Of what is no ASCII, so much is looked at to tell an encoding."""

_LEAST_BYTES = 6
"""Fewer that are no ASCII tell nothing."""

SAVE_AS_TEXT = "save it as plain text, and give that"
EXTRACT = "extract the text in it, and give that"


@dataclass(frozen=True)
class FileKind:
    """A kind of file that is no text.

    Attributes:
        name: what it is, such as `a PDF document`.
        advice: what to do with it.
    """

    name: str
    advice: str


def kind_of_file(head: bytes) -> FileKind | None:
    """What a file is by the bytes that it begins with; None where they are no sign of anything but text."""
    return next((kind for is_meant, kind in _KINDS if is_meant(head)), None)


def likeliest_encoding(data: bytes, tried: str = "utf-8") -> str | None:
    """The encoding that bytes are most likely in, which are not what they were taken for.

    Args:
        data: from the beginning of a text, or of a line; what is decoded is all of it.
        tried: the encoding that they are not in.

    Returns:
        Python's name of the encoding; None where the bytes are UTF-8 but for some that are damaged.
    """
    is_utf8_tried = codecs.lookup(tried).name == "utf-8"
    for encoding in filter(None, (unmarked_utf16(data), "" if is_utf8_tried else "utf-8")):
        if _decodes(data, encoding):
            return encoding
    if is_utf8_tried and _is_damaged_utf8(data):
        return None
    telling = _telling(data)
    detected = _detected(telling) if sum(byte > 0x7F for byte in telling) >= _LEAST_BYTES else []
    fallbacks = ("cp1252", "latin-1")
    return next(encoding for encoding in (*detected, *fallbacks) if _decodes(data, encoding))


def is_binary(data: bytes) -> bool:
    """Whether bytes are no text in any encoding that people use."""
    return b"\0" in data and not unmarked_utf16(data)


def unmarked_utf16(head: bytes) -> str:
    """The kind of UTF-16 that bytes look like, empty if none: what is ASCII has a NUL at every other byte."""
    high, low = head[::2].count(0), head[1::2].count(0)
    if not head or 50 * (high + low) < len(head) or 3 * min(high, low) > max(high, low):
        return ""
    return "utf-16-be" if high > low else "utf-16-le"


def _decodes(data: bytes, encoding: str) -> bool:
    """Whether all of it can be read so; a character may be cut at the end."""
    try:
        codecs.getincrementaldecoder(encoding)().decode(data)
    except UnicodeError:
        return False
    return True


def _is_damaged_utf8(data: bytes) -> bool:
    """Whether most of what is no ASCII is UTF-8 all the same: no other encoding looks like it by chance."""
    read = data.decode("utf-8", "replace")
    damaged = read.count("\ufffd")
    return sum(character > "\x7f" for character in read) > 2 * damaged


def _telling(data: bytes) -> bytes:
    """The lines that are not ASCII, which alone tell something; NULs and line ends belong to no character."""
    lines = (line for line in data.splitlines(keepends=True) if not line.isascii())
    telling = b""
    for line in lines:
        telling += line
        if len(telling) >= SAMPLE_BYTES:
            break
    return telling[:SAMPLE_BYTES]


def _detected(data: bytes) -> list[str]:
    """What the bytes may be in, the likeliest first."""
    from charset_normalizer import from_bytes

    found = [match.encoding for match in from_bytes(data, cp_exclusion=_WIDE)]
    if found and found[0].startswith(_LATIN) and found[0] not in _LATIN_BY_USE[1:]:
        # The same letters and few that differ: what the world's files are in decides.
        found = [*(encoding for encoding in _LATIN_BY_USE if encoding in found), *found]
    elif found and found[0] in _LATIN_BY_USE and (_LATIN_BY_USE[0] in found or _is_same(data, found[0])):
        found = [_LATIN_BY_USE[0], *found]
    return found


def _is_same(data: bytes, encoding: str) -> bool:
    """Whether it reads the same in the most used of the Latin encodings."""
    return data.decode(encoding, "replace") == data.decode(_LATIN_BY_USE[0], "replace")


_WIDE = ["utf_16", "utf_16_be", "utf_16_le", "utf_32", "utf_32_be", "utf_32_le"]
"""Told by their NULs; few bytes look like them by chance."""

_LATIN = ("cp1250", "cp1252", "cp1254", "cp1257", "iso8859_", "latin_1", "mac_")
_LATIN_BY_USE = ("cp1252", "iso8859_2", "cp1250")


def _begins(*magic: bytes) -> Callable[[bytes], bool]:
    return lambda head: head.startswith(magic)


def _matches(magic: bytes) -> Callable[[bytes], bool]:
    pattern = re.compile(magic, re.DOTALL)
    return lambda head: pattern.match(head) is not None


def _zip_with(*names: bytes) -> Callable[[bytes], bool]:
    return lambda head: head.startswith(_ZIP) and any(name in head for name in names)


def _is_tar(head: bytes) -> bool:
    return head[257:262] == b"ustar"


_ZIP = b"PK\x03\x04"

_KINDS: tuple[tuple[Callable[[bytes], bool], FileKind], ...] = (
    (_zip_with(b"application/epub+zip"), FileKind("an EPUB book", EXTRACT)),
    (_zip_with(b"application/vnd.oasis.opendocument"), FileKind("an OpenDocument file", SAVE_AS_TEXT)),
    (_zip_with(b"word/"), FileKind("a Word document (docx)", SAVE_AS_TEXT)),
    (_zip_with(b"xl/"), FileKind("an Excel workbook (xlsx)", "save it as CSV, and give that with --columns")),
    (_zip_with(b"ppt/"), FileKind("a PowerPoint file (pptx)", SAVE_AS_TEXT)),
    (_begins(_ZIP, b"PK\x05\x06"), FileKind("a zip archive", "unpack it, and give the files in it")),
    (_is_tar, FileKind("a tar archive", "unpack it, and give the folder")),
    (_begins(b"%PDF-"), FileKind("a PDF document", "extract the text in it (pdftotext), and give that")),
    (_begins(b"{\\rtf"), FileKind("an RTF document", SAVE_AS_TEXT)),
    (
        _begins(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"),
        FileKind("an old Office document (doc, xls)", SAVE_AS_TEXT),
    ),
    (_begins(b"\x1f\x8b\x08"), FileKind("compressed by gzip", "let its name end in .gz, or decompress it")),
    (
        _matches(rb"BZh[1-9]1AY&SY"),
        FileKind("compressed by bzip2", "let its name end in .bz2, or decompress it"),
    ),
    (_begins(b"\xfd7zXZ\0"), FileKind("compressed by xz", "let its name end in .xz, or decompress it")),
    (_begins(b"\x28\xb5\x2f\xfd"), FileKind("compressed by zstd", "decompress it (unzstd)")),
    (_begins(b"7z\xbc\xaf\x27\x1c"), FileKind("a 7z archive", "unpack it, and give the files in it")),
    (_begins(b"Rar!\x1a\x07"), FileKind("a RAR archive", "unpack it, and give the files in it")),
    (
        _begins(b"\x89PNG\r\n", b"\xff\xd8\xff", b"GIF87a", b"GIF89a", b"II*\0", b"MM\0*"),
        FileKind("an image", "give a text"),
    ),
    (_matches(rb"RIFF....(WAVE|WEBP|AVI )"), FileKind("a sound, an image or a film", "give a text")),
    (_matches(rb"OggS\0|ID3[\2-\4]|fLaC\0|MThd\0"), FileKind("a sound or music file", "give a text")),
    (_begins(b"SQLite format 3\0"), FileKind("an SQLite database", "export its text, and give that")),
    (_begins(b"\x7fELF", b"MZ\x90\0", b"\xcf\xfa\xed\xfe"), FileKind("a program", "give a text")),
    (_begins(b"\x93NUMPY"), FileKind("a NumPy array", "export its text, and give that")),
    (_begins(b"PAR1\x15"), FileKind("a Parquet table", "export it as CSV, and give that with --columns")),
)
"""Files that people take for texts, by how they begin; the more special ones first."""
