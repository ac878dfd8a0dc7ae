"""A text painted by surprise, for a terminal or a pipe: what was likelier stands under each surprising place.

    To be, or not to bo⏎
                      #      how surprising, where there are no colours
                      e      what was likelier, the likeliest first
                      u

Nothing moves a cursor: lines follow one another, none longer than it may be, as the text comes.
Knows nothing of models.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from rich.cells import cell_len
from rich.text import Text

from charrnn.display.sanitizer import visible
from charrnn.display.surprise.characters import Character
from charrnn.display.surprise.scale import LEVELS, level_of

ROWS = 3
"""Alternatives under a character, at most."""

EXPLAINED_LEVEL = 2
"""The lowest level whose characters have alternatives under them."""

_GLYPHS = {"\n": "⏎", "\t": "→"}


@dataclass(frozen=True)
class _Column:
    """A character on the screen: what stands there and under it, all as wide as the widest."""

    text: str
    level: int
    likelier: tuple[str, ...]

    @property
    def width(self) -> int:
        return max(1, *map(cell_len, (self.text, *self.likelier)))

    def cell(self, row: int) -> str:
        """What stands so many rows under the character."""
        return _padded(self.likelier[row] if row < len(self.likelier) else "", self.width)


def painted(characters: Iterable[Character], width: int, *, coloured: bool) -> Iterator[Text]:
    """Lines to print: each line of the text, then the rows under it and an empty one.

    Args:
        characters: the text.
        width: cells that a line may take.
        coloured: whether colours show how surprising each character was; else marks under it do.
    """
    for columns in _lines(map(_column, characters), width):
        line = Text()
        for column in columns:
            line.append(_padded(column.text, column.width), LEVELS[column.level].terminal)
        yield line
        rows = [[column.cell(row) for column in columns] for row in range(ROWS)]
        if not coloured:
            rows.insert(0, [_padded(LEVELS[column.level].mark, column.width) for column in columns])
        under = [shown for row in rows if (shown := "".join(row).rstrip())]
        yield from (Text(shown, "dim") for shown in under)
        if under:
            yield Text()


def legend_line(*, coloured: bool) -> Text:
    """What the colours, or the marks, mean."""
    shown = [
        Text(f" {level.meaning} " if coloured else f"{level.mark} {level.meaning}", level.terminal)
        for level in LEVELS
        if coloured or level.mark.strip()
    ]
    return Text("chance: ") + Text(" " if coloured else "   ").join(shown)


def _column(character: Character) -> _Column:
    level = 0 if character.bits is None else level_of(character.bits)
    likelier = character.likelier[:ROWS] if level >= EXPLAINED_LEVEL else ()
    alternatives = tuple(_glyphs(text).replace(" ", "␣") for text, _ in likelier)
    return _Column(_glyphs(character.text), level, alternatives)


def _lines(columns: Iterable[_Column], width: int) -> Iterator[list[_Column]]:
    """Parted after newlines, and where a line would become too long."""
    line: list[_Column] = []
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


def _glyphs(text: str) -> str:
    """A character as it is shown: newlines and tabs as signs, what would steer a terminal as marks."""
    return visible("".join(_GLYPHS.get(character, character) for character in text))


def _padded(text: str, width: int) -> str:
    return text + " " * (width - cell_len(text))
