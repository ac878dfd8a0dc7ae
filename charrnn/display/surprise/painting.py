"""A text painted by surprise, for a terminal or a pipe: what was likelier stands under each surprising place.

    To be, or not to bo⏎
                      #      how surprising, where there are no colours
                      e      what was likelier, the likeliest first
                      u

Knows nothing of models.
"""

from collections.abc import Iterable, Iterator

from rich.text import Text

from charrnn.display.columns import Column, glyphs, painted_columns
from charrnn.display.surprise.characters import Character
from charrnn.display.surprise.scale import LEVELS, level_of

ROWS = 3
"""Alternatives under a character, at most."""

EXPLAINED_LEVEL = 2
"""The lowest level whose characters have alternatives under them."""


def painted(characters: Iterable[Character], width: int, *, coloured: bool) -> Iterator[Text]:
    """Lines to print: each line of the text, then the rows under it and an empty one.

    Args:
        characters: the text.
        width: cells that a line may take.
        coloured: whether colours show how surprising each character was; else marks under it do.
    """
    return painted_columns(map(_column, characters), width, coloured=coloured)


def legend_line(*, coloured: bool) -> Text:
    """What the colours, or the marks, mean."""
    shown = [
        Text(f" {level.meaning} " if coloured else f"{level.mark} {level.meaning}", level.terminal)
        for level in LEVELS
        if coloured or level.mark.strip()
    ]
    return Text("chance: ") + Text(" " if coloured else "   ").join(shown)


def _column(character: Character) -> Column:
    level = 0 if character.bits is None else level_of(character.bits)
    likelier = character.likelier[:ROWS] if level >= EXPLAINED_LEVEL else ()
    alternatives = tuple(glyphs(text).replace(" ", "␣") for text, _ in likelier)
    return Column(glyphs(character.text), LEVELS[level].terminal, LEVELS[level].mark, alternatives)
