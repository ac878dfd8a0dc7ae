"""Characters painted in place, with what stands under each of them, on a terminal or in a pipe.

Nothing moves a cursor: lines follow one another, none longer than it may be, as the text comes. Knows
nothing of what the colours mean.
"""

import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from charrnn.display.sanitizer import visible, write_text

PIPE_WIDTH = 100
"""Cells of a line where there is no terminal."""

_GLYPHS = {"\n": "⏎", "\t": "→"}


@dataclass(frozen=True)
class Column:
    """A character on the screen: what stands there and under it, all as wide as the widest.

    Attributes:
        text: as a terminal may show it, see `glyphs`.
        style: its colours, as rich names them.
        mark: what stands under it where there are no colours.
        under: what stands under that, from above, in any case.
    """

    text: str
    style: str
    mark: str
    under: tuple[str, ...] = ()

    @property
    def width(self) -> int:
        """Cells that it takes."""
        return max(1, *map(cell_len, (self.text, *self.under)))


class Canvas:
    """Standard output, as far as painted lines need to know it.

    Attributes:
        coloured: whether it shows colours.
        width: cells that a line may take.
    """

    def __init__(self) -> None:
        self._console = Console(highlight=False, markup=False)
        self.coloured = self._console.color_system is not None and not self._console.no_color
        self.width = self._console.width if sys.stdout.isatty() else PIPE_WIDTH

    def print(self, lines: Iterable[Text]) -> None:
        """Print lines, as they come."""
        for line in lines:
            with self._console.capture() as capture:
                self._console.print(line, soft_wrap=True)
            write_text(sys.stdout, capture.get())


def painted_columns(columns: Iterable[Column], width: int, *, coloured: bool) -> Iterator[Text]:
    """Lines to print: each line of the text, then the rows under it and an empty one.

    Args:
        columns: the text.
        width: cells that a line may take.
        coloured: whether colours are shown; else marks are.
    """
    for line in _lines(columns, width):
        shown = Text()
        for column in line:
            shown.append(_padded(column.text, column.width), column.style)
        yield shown
        rows = [
            [_padded(column.under[row] if row < len(column.under) else "", column.width) for column in line]
            for row in range(max(len(column.under) for column in line))
        ]
        if not coloured:
            rows.insert(0, [_padded(column.mark, column.width) for column in line])
        under = [text for row in rows if (text := "".join(row).rstrip())]
        yield from (Text(text, "dim") for text in under)
        if under:
            yield Text()


def glyphs(text: str) -> str:
    """A character as it is shown: newlines and tabs as signs, what would steer a terminal as marks."""
    return visible("".join(_GLYPHS.get(character, character) for character in text))


def _lines(columns: Iterable[Column], width: int) -> Iterator[list[Column]]:
    """Parted after newlines, and where a line would become too long."""
    line: list[Column] = []
    used = 0
    for column in columns:
        if line and used + column.width > width:
            yield line
            line, used = [], 0
        line.append(column)
        used += column.width
        if column.text == _GLYPHS["\n"]:
            yield line
            line, used = [], 0
    if line:
        yield line


def _padded(text: str, width: int) -> str:
    return text + " " * (width - cell_len(text))
