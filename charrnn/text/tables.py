"""One column of a table as records: TSV, CSV and JSON Lines. Knows nothing of files or encodings.

TSV has no quotes: a tab parts columns, a line end rows. CSV is that of RFC 4180, so that a quoted field may
hold commas, quotes and line ends. JSON Lines has an object a line, whose keys name the columns. Lines without
anything in them are passed over.
"""

import contextlib
import csv
import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice

from charrnn.config.settings import ReadingSettings
from charrnn.errors import CorpusError, UsageError
from charrnn.text.codes import bytes_as_text
from charrnn.text.streams import COMPRESSIONS

FORMATS = {
    ".tsv": "tsv",
    ".tab": "tsv",
    ".csv": "csv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "jsonl",
}
"""What a file is in, by how its name ends."""

MARKUP = (
    "learnt with its markup, commas, quotes and keys included; --columns N (or a name, with --header; of "
    "JSON Lines a key) takes the text of one column alone"
)
"""What there is to say of a table that is read as any other text."""

LONGEST_FIELD = 2**24
"""Characters of a field; beyond that a quote was not closed."""

_SHOWN = 60
_TOGETHER = 1024


@dataclass(frozen=True)
class Cell:
    """The text of one row's column.

    Attributes:
        line: the line of the file on which the row begins, from 1.
        text: what stands there.
    """

    line: int
    text: str


@dataclass(frozen=True)
class Row:
    """A row as its format parts it, before a column is chosen."""

    line: int
    fields: list[str]


def check_columns(reading: ReadingSettings) -> None:
    """Check that settings of tables go together.

    Raises:
        UsageError: they contradict one another, or would do nothing.
    """
    if reading.columns is None:
        for option, value in (("--format", reading.format), ("--header", reading.header)):
            if value:
                raise UsageError(
                    f"{option} is for tables, and --columns is not given; say which column to read"
                )
        return
    if reading.mode != "lines":
        raise UsageError(f"--mode is {reading.mode}, but --columns makes each row a line; leave --mode out")
    if reading.delimiter is not None:
        raise UsageError(
            f"--delimiter is {reading.delimiter!r}, but --columns makes each row a record; leave one out"
        )
    if "," in reading.columns:
        raise UsageError(
            f"--columns is {reading.columns!r}; expected one column to learn from, such as 1 or text"
        )
    is_number = reading.columns.isdecimal()
    if is_number and not reading.columns.strip("0"):
        raise UsageError("--columns is 0; expected a number from 1, or a name")
    if not is_number and not reading.header and reading.format in {"tsv", "csv"}:
        raise _named_without_header(reading.columns)


def format_of(name: str) -> str | None:
    """What a file is in, by how its name ends before `.gz` and the like; None if that is no table."""
    plain = name.lower()
    for compression in COMPRESSIONS:
        plain = plain.removesuffix(compression)
    return next((form for suffix, form in FORMATS.items() if plain.endswith(suffix)), None)


def cells(texts: Iterable[str], name: str, reading: ReadingSettings) -> Iterator[list[Cell]]:
    """The cells of the column that the settings name, some at a time.

    Args:
        texts: a decoded file, in pieces.
        name: what messages call it; its end says the format, where no setting does.
        reading: column, format, header, level.

    Raises:
        CorpusError: a row is not what it should be; the message has file, line and what was found.
        UsageError: a column is called by a name that nothing gives it.
    """
    column = reading.columns or ""
    if reading.level == "byte":
        column = bytes_as_text(column.encode("utf-8", "surrogateescape"))
    lines, form = _lines(texts), reading.format or format_of(name) or "tsv"
    if form == "jsonl":
        found = _values(lines, name, column, is_byte=reading.level == "byte")
    else:
        rows = _quoted_rows(lines, name) if form == "csv" else _tabbed_rows(lines)
        found = _chosen(rows, name, column, has_header=reading.header)
    while some := list(islice(found, _TOGETHER)):
        yield some


def _lines(texts: Iterable[str]) -> Iterator[str]:
    """The lines of a text, each with the line feed at its end."""
    held: list[str] = []
    for text in texts:
        first, feed, rest = text.rpartition("\n")
        if feed:
            yield from (line + "\n" for line in "".join([*held, first]).split("\n"))
            held = []
        held.append(rest)
    if last := "".join(held):
        yield last


def _tabbed_rows(lines: Iterator[str]) -> Iterator[Row]:
    for number, line in enumerate(lines, 1):
        if content := _without_end(line):
            yield Row(number, content.split("\t"))


def _quoted_rows(lines: Iterator[str], name: str) -> Iterator[Row]:
    reader = csv.reader(lines, strict=True)
    while True:
        line = reader.line_num + 1
        try:
            with _long_fields():
                fields = next(reader, None)
        except csv.Error as error:
            raise CorpusError(
                f"{name}, line {line:,}: not a row of CSV: {error}; expected fields separated by commas, and "
                "quotes doubled within quotes"
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


def _chosen(rows: Iterator[Row], name: str, column: str, *, has_header: bool) -> Iterator[Cell]:
    """One column of rows that all are as wide as the first."""
    first = next(rows, None)
    if first is None:
        return
    place = _place(first, name, column, has_header=has_header)
    if not has_header:
        yield Cell(first.line, first.fields[place])
    for row in rows:
        if len(row.fields) != len(first.fields):
            raise CorpusError(
                f"{name}, line {row.line:,}: found {_columns(row)} ({_shown(row.fields)}); expected "
                f"{len(first.fields)}, as in line {first.line:,}; correct it, or give the right --format"
            )
        yield Cell(row.line, row.fields[place])


def _place(first: Row, name: str, column: str, *, has_header: bool) -> int:
    """Which field of a row is the column."""
    if has_header and column in first.fields:
        return first.fields.index(column)
    if not column.isdecimal() and not has_header:
        raise _named_without_header(column)
    if column.isdecimal() and len(column) < 10 and 1 <= int(column) <= len(first.fields):
        return int(column) - 1
    raise CorpusError(
        f"{name}, line {first.line:,}: found {_columns(first)} ({_shown(first.fields)}), none of them "
        f"{column!r}; give another --columns, or the right --format"
    )


def _named_without_header(column: str) -> UsageError:
    return UsageError(
        f"--columns is {column!r}, a name, and without --header no row has names; give --header, or a number"
    )


def _values(lines: Iterator[str], name: str, key: str, *, is_byte: bool) -> Iterator[Cell]:
    """The text under a key of each line's object."""
    restored: Callable[[str], str | bytes] = _as_bytes if is_byte else str
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        place = f"{name}, line {number:,}"
        try:
            value = json.loads(restored(line))
        except (ValueError, RecursionError) as error:
            raise CorpusError(
                f"{place}: found {_shown([_without_end(line)])}, which is not JSON ({error}); expected an "
                "object"
            ) from error
        text = value.get(_as_bytes(key).decode() if is_byte else key) if isinstance(value, dict) else None
        if not isinstance(text, str):
            found = ", ".join(value) if isinstance(value, dict) else type(value).__name__
            raise CorpusError(
                f"{place}: found {_shown([found])}; expected an object with a text under {key!r}; "
                "correct it, or give another --columns"
            )
        if any("\ud800" <= character <= "\udfff" for character in text):
            text = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
        yield Cell(number, bytes_as_text(text.encode()) if is_byte else text)


def _as_bytes(text: str) -> bytes:
    return text.encode("latin-1")


def _without_end(line: str) -> str:
    return line.removesuffix("\n").removesuffix("\r") if line.endswith("\n") else line


def _columns(row: Row) -> str:
    return f"{len(row.fields)} column{'' if len(row.fields) == 1 else 's'}"


def _shown(fields: list[str]) -> str:
    text = " | ".join(fields)
    return repr(text if len(text) <= _SHOWN else text[:_SHOWN] + "…")
