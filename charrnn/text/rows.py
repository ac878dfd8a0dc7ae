"""Rows of text in a format: TSV, CSV, JSON Lines and texts with labels. Knows nothing of settings or files.

TSV has no quotes: a tab parts columns, a line end rows. CSV is that of RFC 4180, so that a quoted field may
hold commas, quotes and line ends. JSON Lines has an object a line, whose keys name the columns. A labelled
text is a line that begins with `__label__x` and a blank, or one of a file that is called by its label: the
text is the first column, the label the second. Lines without anything in them are passed over.
"""

import contextlib
import csv
import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from charrnn.errors import CorpusError
from charrnn.text.codes import bytes_as_text

LONGEST_FIELD = 2**24
"""Characters of a field; beyond that a quote was not closed."""

LONGEST_ROW = 2**28
"""Characters of a line, which is in memory whole."""

_LABEL = "__label__"
_SHOWN = 60


@dataclass(frozen=True)
class Row:
    """A row as its format parts it, before a column is chosen."""

    line: int
    fields: list[str]


def lines_of(texts: Iterable[str], name: str) -> Iterator[str]:
    """The lines of a text, each with the line feed at its end.

    Raises:
        CorpusError: one is so long that it is no row; each is taken into memory whole.
    """
    held, length, number = list[str](), 0, 1
    for text in texts:
        first, feed, rest = text.rpartition("\n")
        if feed:
            lines = "".join([*held, first]).split("\n")
            yield from (line + "\n" for line in lines)
            held, length, number = [], 0, number + len(lines)
        held.append(rest)
        length += len(rest)
        if length > LONGEST_ROW:
            raise CorpusError(
                f"{name}, line {number:,}: found over {LONGEST_ROW:,} characters without a line end; "
                "expected a row; give a text with one row on each line"
            )
    if last := "".join(held):
        yield last


def parted_rows(lines: Iterator[str], separator: str) -> Iterator[Row]:
    """The rows of lines that a separator parts."""
    for number, line in enumerate(lines, 1):
        if content := _without_end(line):
            yield Row(number, content.split(separator))


def labelled(lines: Iterator[str], name: str, label: str) -> Iterator[Row]:
    """Text and label of each line: its own, or else the file's."""
    for number, line in enumerate(lines, 1):
        content = _without_end(line)
        if content.startswith(_LABEL):
            own, _, text = content.removeprefix(_LABEL).partition(" ")
            yield Row(number, [text, own])
        elif label and content:
            yield Row(number, [content, label])
        elif content:
            raise CorpusError(
                f"{name}, line {number:,}: found {shown([content])}; expected {_LABEL}x and a blank before "
                "the text; correct it, or give a folder of files called LABEL.txt"
            )


def symbols_tagged(lines: Iterator[str], name: str, *, is_byte: bool) -> Iterator[Row]:
    """Texts of CoNLL: a character, a tab and its tag on each line, a blank line after each text.

    Raises:
        CorpusError: a line is another one.
    """
    first, characters, tags = 0, list[str](), list[str]()
    for number, line in enumerate(lines, 1):
        content = _without_end(line)
        if content:
            character, _, tag = content.partition("\t")
            if not (is_byte or len(character) == 1) or tag.split() != [tag]:
                raise CorpusError(
                    f"{name}, line {number:,}: found {shown([content])}; expected a character, a tab and its "
                    "tag, or a blank line after a text; correct it, or give the right --format"
                )
            first = first if characters else number
            characters.append(character)
            tags.append(tag)
        elif characters:
            yield Row(first, ["".join(characters), " ".join(tags)])
            characters, tags = [], []
    if characters:
        yield Row(first, ["".join(characters), " ".join(tags)])


def taken_apart(
    lines: Iterator[str], take: Callable[[str], tuple[str, list[str]]], *, is_byte: bool
) -> Iterator[Row]:
    """What stays of lines where something is taken out, and the tags that say what."""
    for number, line in enumerate(lines, 1):
        if content := _without_end(line):
            text = _as_bytes(content).decode("utf-8", "surrogateescape") if is_byte else content
            stays, tags = take(text)
            kept = bytes_as_text(stays.encode("utf-8", "surrogateescape")) if is_byte else stays
            yield Row(number, [kept, " ".join(tags)])


def quoted_rows(lines: Iterator[str], name: str, separator: str) -> Iterator[Row]:
    """The rows of CSV.

    Raises:
        CorpusError: quotes are not closed, or stand where none may be.
    """
    reader = csv.reader(lines, strict=True, delimiter=separator)
    while True:
        line = reader.line_num + 1
        try:
            with _long_fields():
                fields = next(reader, None)
        except csv.Error as error:
            raise CorpusError(
                f"{name}, line {line:,}: not a row of CSV: {error}; expected fields separated by "
                f"{'commas' if separator == ',' else repr(separator)}, and quotes doubled within quotes"
            ) from error
        if fields is None:
            return
        if fields:
            yield Row(line, fields)


@contextlib.contextmanager
def _long_fields() -> Iterator[None]:
    """Let fields be longer than Python has it, for as long as it takes: the limit is one for the program."""
    before = csv.field_size_limit(LONGEST_FIELD)
    try:
        yield
    finally:
        csv.field_size_limit(before)


def values(lines: Iterator[str], name: str, keys: list[str], *, is_byte: bool) -> Iterator[Row]:
    """The texts under some keys of each line's object."""
    restored: Callable[[str], str | bytes] = _as_bytes if is_byte else str
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        place = f"{name}, line {number:,}"
        try:
            value = json.loads(restored(line))
        except (ValueError, RecursionError) as error:
            raise CorpusError(
                f"{place}: found {shown([_without_end(line)])}, which is not JSON ({error}); expected an "
                "object"
            ) from error
        texts = [_text_under(value, key, place, is_byte=is_byte) for key in keys]
        yield Row(number, texts)


def _text_under(value: object, key: str, place: str, *, is_byte: bool) -> str:
    """The text under a key of what a line holds."""
    text = value.get(_as_bytes(key).decode() if is_byte else key) if isinstance(value, dict) else None
    if not isinstance(text, str):
        found = ", ".join(value) if isinstance(value, dict) else type(value).__name__
        raise CorpusError(
            f"{place}: found {shown([found])}; expected an object with a text under {key!r}; "
            "correct it, or give another --columns"
        )
    if any("\ud800" <= character <= "\udfff" for character in text):
        text = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return bytes_as_text(text.encode()) if is_byte else text


def _as_bytes(text: str) -> bytes:
    return text.encode("latin-1")


def _without_end(line: str) -> str:
    return line.removesuffix("\n").removesuffix("\r") if line.endswith("\n") else line


def columns_found(row: Row) -> str:
    """How many columns a row has, in words."""
    return f"{len(row.fields)} column{'' if len(row.fields) == 1 else 's'}"


def shown(fields: list[str]) -> str:
    """What a message shows of a row."""
    text = " | ".join(fields)
    return repr(text if len(text) <= _SHOWN else text[:_SHOWN] + "…")
