"""Values written as text: durations, intervals, temperatures. Errors say what was expected."""

import math
import re

_UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}

_LARGEST_VALUE = 1e6
"""That a cell can be held at."""

_LONGEST_DURATION, _MOST_SECONDS = 64, 1e9
"""Characters of a duration; thirty years."""


def seconds(duration: str) -> float:
    """The seconds in a duration such as `90s`, `10m`, `1.5h`, `1h30m` or `2d`.

    Raises:
        ValueError: the text is no duration, or a duration of zero.
    """
    parts = re.findall(r"([0-9]{1,9}(?:\.[0-9]{1,9})?)([smhd])", duration[:_LONGEST_DURATION])
    total = sum(float(number) * _UNITS[unit] for number, unit in parts)
    if "".join(number + unit for number, unit in parts) != duration or not 0 < total <= _MOST_SECONDS:
        raise ValueError("a duration such as 90s, 10m, 2h or 1h30m")
    return total


def duration(total_seconds: float) -> str:
    """So many whole seconds, or a little more, as `seconds` reads them: 1h1m30s."""
    minutes, rest = divmod(max(1, math.ceil(total_seconds)), 60)
    hours, minutes = divmod(minutes, 60)
    parts = ((hours, "h"), (minutes, "m"), (rest, "s"))
    return "".join(f"{number}{unit}" for number, unit in parts if number)


def time_bound(value: str) -> float:
    """The seconds of a bound on the time; `+5m`, of a run that goes on, is made one before it gets here.

    Raises:
        ValueError: it is none.
    """
    if value.startswith("+"):
        raise ValueError("a duration such as 5m; +5m is for --resume, where it adds to what was done")
    return seconds(value)


def steps_or_seconds(interval: str) -> tuple[int | None, float | None]:
    """An interval counted in steps (`500`) or on the clock (`60s`): one of the two is set.

    Raises:
        ValueError: it is neither.
    """
    if re.fullmatch("[1-9][0-9]{0,17}", interval):
        return int(interval), None
    try:
        return None, seconds(interval)
    except ValueError:
        raise ValueError("a number of steps (500) or a duration (60s)") from None


def temperatures(value: float | str) -> tuple[float, float]:
    """The temperatures at the beginning and the end of a text: of `0.5:1.2`; of `0.8`, the same twice.

    Raises:
        ValueError: it is neither, or out of the limits.
    """
    parts = str(value).split(":")
    try:
        first, last = float(parts[0]), float(parts[-1])
    except ValueError:
        first = last = math.nan
    if len(parts) > 2 or not (0 <= first <= 100 and 0 <= last <= 100):
        raise ValueError("a number from 0 to 100, or two with a colon between, such as 0.5:1.2")
    return first, last


def cell_place(text: str) -> tuple[int, int]:
    """The layer and the cell in `LAYER:CELL`, both counted from 1.

    Raises:
        ValueError: the text is none.
    """
    if not re.fullmatch("[1-9][0-9]{0,3}:[1-9][0-9]{0,5}", text):
        raise ValueError("LAYER:CELL, such as 1:37; both are counted from 1")
    layer, cell = text.split(":")
    return int(layer), int(cell)


def held_cell(text: str) -> tuple[int, int, float]:
    """The layer, the cell and the value in `LAYER:CELL=X`.

    Raises:
        ValueError: the text is none.
    """
    place, _, value = text.partition("=")
    try:
        layer, cell = cell_place(place)
        number = float(value)
    except ValueError:
        number = math.nan
    if not abs(number) <= _LARGEST_VALUE:
        raise ValueError("LAYER:CELL=X, such as 1:37=2.5, X being a number; layers and cells count from 1")
    return layer, cell, number


def named_pattern(text: str) -> tuple[str, re.Pattern[str]]:
    """The name and the regular expression in `NAME=REGEX`.

    Raises:
        ValueError: the text is none.
    """
    name, equals, pattern = text.partition("=")
    if not (name.strip() and equals and pattern):
        raise ValueError("NAME=REGEX, such as year=1[0-9]{3}")
    try:
        return name, re.compile(pattern, re.MULTILINE)
    except (re.error, OverflowError, RecursionError) as error:
        raise ValueError(f"NAME=REGEX with a regular expression of Python's: {error}") from None


def separating(value: str) -> None:
    """Check that a text can part columns.

    Raises:
        ValueError: it cannot.
    """
    if len(value) != 1 or value in '\r\n"\0':
        raise ValueError("one character, neither a line end nor a quote")


def one_character(text: str) -> None:
    """Check that there is something to say, for options that take a text."""
    if not text:
        raise ValueError("at least one character")


def license_identifier(text: str) -> None:
    """Check the form of a licence's SPDX identifier.

    Raises:
        ValueError: it is none.
    """
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9.+-]{0,63}", text):
        raise ValueError("an SPDX identifier, such as mit or cc-by-4.0; or other")
