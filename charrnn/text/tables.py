"""Columns of a table as records: which they are, and their cells. Knows nothing of files or encodings.

The formats themselves are in `rows.py`.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice

from charrnn.config.settings import ReadingSettings
from charrnn.errors import CorpusError
from charrnn.text.codes import bytes_as_text
from charrnn.text.reading_checks import columns_of, named_without_header
from charrnn.text.restoring import RESTORINGS
from charrnn.text.rows import (
    Row,
    columns_found,
    labelled,
    lines_of,
    parted_rows,
    quoted_rows,
    shown,
    symbols_tagged,
    taken_apart,
    values,
)
from charrnn.text.streams import COMPRESSIONS

FORMATS = {
    ".tsv": "tsv",
    ".tab": "tsv",
    ".csv": "csv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "jsonl",
    ".conll": "conll",
}
"""What a file is in, by how its name ends."""

MARKUP = (
    "learnt with its markup, commas, quotes and keys included; --columns N (or a name, with --header; of "
    "JSON Lines a key) takes the text of one column alone"
)
"""What there is to say of a table that is read as any other text."""

_TOGETHER = 1024


@dataclass(frozen=True)
class TableCell:
    """The text of one row's column.

    Attributes:
        line: the line of the file on which the row begins, from 1.
        text: what stands there.
    """

    line: int
    text: str


def format_of(name: str) -> str | None:
    """What a file is in, by how its name ends before `.gz` and the like; None if that is no table."""
    plain = name.lower()
    for compression in COMPRESSIONS:
        plain = plain.removesuffix(compression)
    return next((form for suffix, form in FORMATS.items() if plain.endswith(suffix)), None)


def cells(rows: Iterator[Row]) -> Iterator[list[TableCell]]:
    """The first column of rows, which is what is read; some cells at a time."""
    while some := [TableCell(row.line, row.fields[0]) for row in islice(rows, _TOGETHER)]:
        yield some


def chosen_rows(texts: Iterable[str], name: str, reading: ReadingSettings, label: str = "") -> Iterator[Row]:
    """The rows of a table with the columns that the settings name; every row has them all.

    Args:
        texts: a decoded file, in pieces.
        name: what messages call it; its end says the format, where no setting does.
        reading: columns, format, header, level.
        label: of the file's lines, where their file names it and no column was asked for.

    Raises:
        CorpusError: a row is not what it should be; the message has file, line and what was found.
        UsageError: a column is called by a name that nothing gives it.
    """
    is_byte = reading.level == "byte"
    columns = [as_read(column, reading) for column in columns_of(reading)]
    is_of_labels = bool(label) and reading.columns is None and reading.task in {"classify", "generate"}
    form = reading.format or format_of(name) or ("labels" if is_of_labels else "tsv")
    lines = lines_of(texts, name)
    if reading.restore is not None:
        return taken_apart(lines, RESTORINGS[reading.restore].take, is_byte=is_byte)
    if form == "jsonl":
        return values(lines, name, columns, is_byte=is_byte)
    if form == "conll":
        return symbols_tagged(lines, name, is_byte=is_byte)
    if form == "labels":
        return labelled(lines, name, as_read(label, reading))
    separator = reading.separator or ("," if form == "csv" else "\t")
    rows = quoted_rows(lines, name, separator) if form == "csv" else parted_rows(lines, separator)
    return _chosen(rows, name, columns, has_header=reading.header)


def as_read(text: str, reading: ReadingSettings) -> str:
    """A text as it looks in what is read so: at byte level its bytes."""
    return bytes_as_text(text.encode("utf-8", "surrogateescape")) if reading.level == "byte" else text


def _chosen(rows: Iterator[Row], name: str, columns: list[str], *, has_header: bool) -> Iterator[Row]:
    """Some columns of rows that all are as wide as the first."""
    first = next(rows, None)
    if first is None:
        return
    places = [_place(first, name, column, has_header=has_header) for column in columns]
    if not has_header:
        yield Row(first.line, [first.fields[place] for place in places])
    for row in rows:
        if len(row.fields) != len(first.fields):
            raise CorpusError(
                f"{name}, line {row.line:,}: found {columns_found(row)} ({shown(row.fields)}); expected "
                f"{len(first.fields)}, as in line {first.line:,}; correct it, or give the right --format"
            )
        yield Row(row.line, [row.fields[place] for place in places])


def _place(first: Row, name: str, column: str, *, has_header: bool) -> int:
    """Which field of a row is the column."""
    if has_header and column in first.fields:
        return first.fields.index(column)
    if not column.isdecimal() and not has_header:
        raise named_without_header(column)
    if column.isdecimal() and len(column) < 10 and 1 <= int(column) <= len(first.fields):
        return int(column) - 1
    raise CorpusError(
        f"{name}, line {first.line:,}: found {columns_found(first)} ({shown(first.fields)}), none of them "
        f"{column!r}; give another --columns, or the right --format"
    )
