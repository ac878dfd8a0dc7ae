"""Whether the settings of reading go together, and what they mean. Knows nothing of files."""

import codecs

from charrnn.config.settings import ReadingSettings
from charrnn.errors import UsageError


def check_reading(reading: ReadingSettings) -> None:
    """Check that settings of reading go together, and that bytes can be decoded so.

    Raises:
        UsageError: they do not.
    """
    if reading.level == "byte" and reading.normalize != "none":
        raise UsageError(
            f"--normalize is {reading.normalize}, but --level byte has no normal forms; leave one out"
        )
    if reading.delimiter is not None and reading.mode != "lines":
        raise UsageError(
            f"--delimiter is {reading.delimiter!r}, but --mode is text; give --mode lines, or leave it out"
        )
    line = delimiting_line(reading.delimiter or "")
    if "\n" in line or line.endswith("\r"):
        raise UsageError(
            f"--delimiter is {reading.delimiter!r}; expected what stands on one line, or '' for a blank line"
        )
    _check_columns(reading)
    _check_encoding(reading.encoding)


def delimiting_line(delimiter: str) -> str:
    r"""The line that a delimiter means: `%%` may be given with its line ends, and `''` is `\n\n`."""
    if delimiter == "\n" or not delimiter.endswith("\n"):
        return delimiter
    return delimiter.removesuffix("\n").removeprefix("\n")


def _check_encoding(encoding: str) -> None:
    """Check that bytes can be decoded so.

    Raises:
        UsageError: there is no such encoding, or it is not one of text.
    """
    try:
        "a".encode(encoding)
        codecs.getincrementaldecoder(encoding)
    except (LookupError, ValueError) as error:
        raise UsageError(
            f"--encoding is {encoding!r}, which Python does not know as an encoding of text; "
            "expected a name such as utf-8, latin-1, cp1252, utf-16-le, euc-kr"
        ) from error


def _check_columns(reading: ReadingSettings) -> None:
    """Check that settings of tables go together.

    Raises:
        UsageError: they contradict one another, or would do nothing.
    """
    if reading.target_symbols is not None and reading.task != "translate":
        raise UsageError(
            f"--target-symbols is {reading.target_symbols}, but --task is {reading.task}, which has none; "
            "give --task translate, or leave it out"
        )
    _check_restoring(reading)
    if not reading.is_table:
        of_tables = {"--format": reading.format, "--header": reading.header, "--separator": reading.separator}
        for option, value in of_tables.items():
            if value:
                raise UsageError(
                    f"{option} is for tables, and --columns is not given; say which column to read"
                )
        return
    asking = "--columns" if reading.columns is not None else f"--task {reading.task}"
    if reading.mode != "lines":
        raise UsageError(f"--mode is {reading.mode}, but {asking} makes each row a line; leave --mode out")
    if reading.delimiter is not None:
        raise UsageError(
            f"--delimiter is {reading.delimiter!r}, but {asking} makes each row a record; leave one out"
        )
    if reading.format in {"jsonl", "labels", "conll"} and reading.separator is not None:
        raise UsageError(
            f"--separator is {reading.separator!r}, but --format {reading.format} has none; leave one out"
        )
    _check_names(reading, columns_of(reading))


def _check_restoring(reading: ReadingSettings) -> None:
    """Check that plain text is asked for where something is to be taken out of it."""
    if reading.restore is None:
        return
    asked = f"--restore is {reading.restore}"
    if reading.task != "tag":
        raise UsageError(f"{asked}, but --task is {reading.task}; give --task tag, or leave it out")
    of_tables = {
        "--columns": reading.columns,
        "--format": reading.format,
        "--header": reading.header,
        "--separator": reading.separator,
    }
    for option, value in of_tables.items():
        if value:
            raise UsageError(f"{asked}, which reads plain text, and {option} is for tables; leave one out")


def _check_names(reading: ReadingSettings, columns: list[str]) -> None:
    """Check that the columns are as many as are needed, and can be found."""
    count, given = (1, "one column") if reading.task == "language" else (2, "two columns")
    if len(columns) != count:
        example = (
            "to learn from, such as 1 or text" if count == 1 else "for this task, such as 1,2 or text,label"
        )
        raise UsageError(f"--columns is {reading.columns!r}; expected {given} {example}")
    for column in columns:
        is_number = column.isdecimal()
        if not column or (is_number and not column.strip("0")):
            raise UsageError(f"--columns is {reading.columns}; expected numbers from 1, or names")
        if not is_number and not reading.header and reading.format in {"tsv", "csv"}:
            raise named_without_header(column)


def columns_of(reading: ReadingSettings) -> list[str]:
    """The columns that are read, by number or name: what is read, and what is to be found."""
    return ("1,2" if reading.columns is None else reading.columns).split(",")


def named_without_header(column: str) -> UsageError:
    """A column is given by its name, and nothing says that columns have any."""
    return UsageError(
        f"--columns is {column!r}, a name, and without --header no row has names; give --header, or a number"
    )
