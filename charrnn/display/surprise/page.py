"""A self-contained HTML page with a text coloured by surprise.

The elements depend on how surprising each character was, never on what it is. Knows nothing of models.
"""

from collections.abc import Iterable, Sequence

from charrnn.display.surprise.characters import Character
from charrnn.display.surprise.scale import LEVELS, level_of
from charrnn.display.web_page import Style, coloured, safe, sign, web_page
from charrnn.display.web_page import figures as shown_figures

_STYLE = Style([(level.light, level.dark) for level in LEVELS])

ALTERNATIVES = 5
"""In the note on a character, at most."""


def page(title: str, figures: Sequence[tuple[str, str]], characters: Iterable[Character], extent: str) -> str:
    """The whole page.

    Args:
        title: what the text is called.
        figures: names and values, at the top.
        characters: the text.
        extent: how much of it is shown, in words.
    """
    levels = "".join(
        f'<li class="l{number}">chance {level.meaning}</li>' for number, level in enumerate(LEVELS)
    )
    return web_page(
        title,
        _STYLE,
        "<p>How surprising each character was to the model, by the chance that it "
        "had: 1/2, 1/4, 1/8 … are 1, 2, 3 … bits. Point at one to see what was likelier.</p>\n"
        f"{shown_figures(figures)}<ul>{levels}</ul>\n"
        f"<pre>\n{''.join(map(_element, characters))}</pre>\n<p>{safe(extent)}</p>\n",
    )


def _element(character: Character) -> str:
    """A character, in an element of its own where it was not expected."""
    level = 0 if character.bits is None else level_of(character.bits)
    if character.bits is None or not level:
        return safe(character.text)
    note = [f"{sign(character.text)}   {character.bits:.1f} bits"]
    note += [f"{sign(text)}   {chance:.0%}" for text, chance in character.likelier[:ALTERNATIVES]]
    return coloured(character.text, level, note)
