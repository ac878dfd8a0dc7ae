"""A text painted by the values of a cell, on a terminal or in a pipe.

    print("a")
    ---++++#--     where there are no colours: below the middle of its values and above it, and far so

Knows nothing of models.
"""

from collections.abc import Iterator
from dataclasses import replace

from rich.text import Text

from charrnn.display.columns import Column, glyphs, painted_columns
from charrnn.display.explanation import LEVELS as OF_CONTRIBUTIONS
from charrnn.display.explanation import level_of
from charrnn.inspection.pictures import Picture

MEANINGS = ("far below its middle", "below", "above", "far above its middle")

LEVELS = tuple(
    replace(level, meaning=meaning) for level, meaning in zip(OF_CONTRIBUTIONS, MEANINGS, strict=True)
)
"""From the lowest values of a cell to the highest."""


def legend(*, coloured: bool) -> Text:
    """What the colours, or the marks, mean."""
    shown = [
        Text(f" {level.meaning} " if coloured else f"{level.mark} {level.meaning}", level.terminal)
        for level in LEVELS
    ]
    return Text("the cell after each character: ") + Text(" " if coloured else "   ").join(shown)


def painted(picture: Picture, width: int, *, coloured: bool) -> Iterator[Text]:
    """Lines to print.

    Args:
        picture: the text and the cell's values.
        width: cells of the terminal that a line may take.
        coloured: whether colours are shown; else marks under the characters are.
    """
    columns = (
        Column(glyphs(character), *_looks(level_of(picture.scale.share(value))))
        for character, value in picture.characters
    )
    yield from painted_columns(columns, width, coloured=coloured)


def _looks(level: int | None) -> tuple[str, str]:
    """The colours of a level, and its mark."""
    return ("", " ") if level is None else (LEVELS[level].terminal, LEVELS[level].mark)
