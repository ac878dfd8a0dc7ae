"""Lines of dots in a grid of characters: Braille patterns have 2 × 4 dots each. Knows nothing of charts."""

import itertools
import math
from operator import itemgetter

from rich.text import Text

Place = tuple[float, float]
"""Across and upwards, each from 0 to 1."""

BLANK = 0x2800
_DOTS = ((0x40, 0x04, 0x02, 0x01), (0x80, 0x20, 0x10, 0x08))
"""Bits of a Braille pattern's dots (Unicode's block from U+2800): left and right column, upwards."""

_LOWER = 0x40 | 0x80 | 0x04 | 0x20
"""The dots of the lower half, for terminals that have no more than ASCII."""


class Canvas:
    """A grid of characters to draw on. A character has the style of what was drawn there last.

    Args:
        columns: characters across.
        rows: characters upwards.
    """

    def __init__(self, columns: int, rows: int) -> None:
        self.columns, self.rows = columns, rows
        self._dots = [[0] * columns for _ in range(rows)]
        self._styles = [[""] * columns for _ in range(rows)]
        self._marks: dict[tuple[int, int], str] = {}

    def line(self, begin: Place, end: Place, style: str) -> None:
        """Draw a straight line, or that part of it which is on the canvas."""
        inside = _clipped(begin, end)
        if inside is None:
            return
        (x0, y0), (x1, y1) = ((x * (2 * self.columns - 1), y * (4 * self.rows - 1)) for x, y in inside)
        steps = max(1, math.ceil(max(abs(x1 - x0), abs(y1 - y0))))
        for step in range(steps + 1):
            share = step / steps
            self._dot(round(x0 + share * (x1 - x0)), round(y0 + share * (y1 - y0)), style)

    def mark(self, place: Place, character: str, style: str) -> None:
        """Put a character somewhere, over what is drawn; one beside the canvas is left out."""
        x, y = place
        if 0 <= x <= 1 and 0 <= y <= 1:
            column, row = round(x * (self.columns - 1)), round(y * (self.rows - 1))
            self._marks[row, column] = character
            self._styles[row][column] = style

    def lines(self, *, ascii_only: bool = False) -> list[Text]:
        """The grid as lines of text, the highest first."""
        return [self._line(row, ascii_only=ascii_only) for row in reversed(range(self.rows))]

    def _dot(self, x: int, y: int, style: str) -> None:
        row, column = y // 4, x // 2
        self._dots[row][column] |= _DOTS[x % 2][y % 4]
        if (row, column) not in self._marks:
            self._styles[row][column] = style

    def _line(self, row: int, *, ascii_only: bool) -> Text:
        shape = _ascii if ascii_only else _braille
        characters = (
            self._marks.get((row, column)) or shape(dots) for column, dots in enumerate(self._dots[row])
        )
        text = Text(no_wrap=True)
        cells = zip(self._styles[row], characters, strict=True)
        for style, group in itertools.groupby(cells, itemgetter(0)):
            text.append("".join(character for _, character in group), style or None)
        return text


def _braille(dots: int) -> str:
    return chr(BLANK + dots) if dots else " "


def _ascii(dots: int) -> str:
    """A character for the halves that have dots."""
    return " '.:"[bool(dots & ~_LOWER) + 2 * bool(dots & _LOWER)]


def _clipped(begin: Place, end: Place) -> tuple[Place, Place] | None:
    """The part of a line between the heights 0 and 1, or None (Liang & Barsky 1984, for one axis)."""
    (x0, y0), (x1, y1) = begin, end
    if y0 == y1:
        return (begin, end) if 0 <= y0 <= 1 else None
    low, high = sorted(((0 - y0) / (y1 - y0), (1 - y0) / (y1 - y0)))
    first, last = max(0.0, low), min(1.0, high)
    if first > last:
        return None
    at = [(x0 + share * (x1 - x0), min(1.0, max(0.0, y0 + share * (y1 - y0)))) for share in (first, last)]
    return at[0], at[1]
