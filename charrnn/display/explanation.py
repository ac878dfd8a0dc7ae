"""Texts whose characters are painted by what they contribute to their label, on a terminal and as a page.

    Nakamura
     ##+ -      where there are no colours: for the label and against it, and much so

How much a colour means is said by the text itself: the largest contribution in it is the measure. Knows
nothing of models.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from rich.text import Text

from charrnn.display.columns import Column, glyphs, painted_columns
from charrnn.display.levels import Level
from charrnn.display.web_page import Style, coloured, figures, safe, sign, web_page


@dataclass(frozen=True)
class Contribution:
    """A character, and what it contributes to the log-odds of the label, in nats."""

    character: str
    nats: float


@dataclass(frozen=True)
class Explanation:
    """A text with its label.

    Attributes:
        label: the likeliest.
        probability: of that.
        contributions: its characters.
    """

    label: str
    probability: float
    contributions: Sequence[Contribution]


LEVELS = (
    Level("much against it", "color(16) on color(214)", "#f3b36b", "#84500c", "="),
    Level("against it", "color(16) on color(223)", "#fbe3c6", "#4a3313", "-"),
    Level("for it", "color(16) on color(153)", "#d6e6fb", "#1d3654", "+"),
    Level("much for it", "color(16) on color(75)", "#93bff5", "#245a97", "#"),
)
"""From what speaks against the label to what speaks for it."""

SHARES = (0.2, 0.6)
"""Of the largest contribution in a text, from which a character is coloured, and more so."""

_STYLE = Style([(level.light, level.dark) for level in LEVELS], "pre{margin:0 0 1.5rem}\n")


def levels_of(contributions: Sequence[Contribution]) -> list[int | None]:
    """For each character its number in `LEVELS`; None for one that hardly contributes."""
    largest = max((abs(each.nats) for each in contributions), default=0.0)
    return [level_of(each.nats / largest if largest else 0.0) for each in contributions]


def level_of(share: float) -> int | None:
    """The number in `LEVELS` of a share of the strongest, from -1 to 1; None for next to nothing."""
    steps = sum(abs(share) >= least for least in SHARES)
    return None if not steps else 1 + steps if share > 0 else 2 - steps


def legend(*, coloured: bool) -> Text:
    """What the colours, or the marks, mean."""
    shown = [
        Text(f" {level.meaning} " if coloured else f"{level.mark} {level.meaning}", level.terminal)
        for level in reversed(LEVELS)
    ]
    return Text("the label: ") + Text(" " if coloured else "   ").join(shown)


def painted(explanation: Explanation, width: int, *, coloured: bool) -> Iterator[Text]:
    """A text as lines to print, an empty one after them.

    Args:
        explanation: of it.
        width: cells that a line may take.
        coloured: whether colours are shown; else marks under the characters are.
    """
    found = explanation.contributions
    columns = [
        Column(glyphs(each.character), *_looks(level))
        for each, level in zip(found, levels_of(found), strict=True)
    ]
    lines = list(painted_columns(columns, width, coloured=coloured))
    yield from lines if lines and not lines[-1].plain else [*lines, Text()]


def _looks(level: int | None) -> tuple[str, str]:
    """The colours of a level, and its mark."""
    return ("", " ") if level is None else (LEVELS[level].terminal, LEVELS[level].mark)


PAGE_CHARACTERS = 50_000
"""A page of more would be slow to open."""


class ExplanationPage:
    """A page that stands alone, of as many texts as fit."""

    def __init__(self) -> None:
        self._elements: list[str] = []
        self._texts, self._characters = 0, 0

    def add(self, explanations: Iterable[Explanation]) -> None:
        """Show these texts too, if there is room."""
        for explanation in explanations:
            self._texts += 1
            self._characters += len(explanation.contributions) + 1
            if self._characters <= PAGE_CHARACTERS:
                self._elements.append(_text(explanation))

    def document(self, rows: Sequence[tuple[str, str]]) -> str:
        """The page.

        Args:
            rows: names and values at its top.
        """
        levels = "".join(f'<li class="l{number}">{level.meaning}</li>' for number, level in enumerate(LEVELS))
        extent = f"Texts shown: {len(self._elements):,} of {self._texts:,}."
        return web_page(
            "What characters contribute to labels",
            _STYLE,
            "<p>By how much each character of a text raises the log-odds of its label. Colours go by the "
            "largest contribution in the text; point at a character to see its own.</p>\n"
            f"{figures(rows)}<ul>{levels}</ul>\n{''.join(self._elements)}<p>{extent}</p>\n",
        )


def _text(explanation: Explanation) -> str:
    found = explanation.contributions
    characters = "".join(map(_element, found, levels_of(found)))
    named = f"{safe(explanation.label)} · {explanation.probability:.4f}"
    return f"<p>{named}</p>\n<pre>\n{characters}</pre>\n"


def _element(contribution: Contribution, level: int | None) -> str:
    """A character, in an element of its own where it contributes."""
    if level is None:
        return safe(contribution.character)
    return coloured(
        contribution.character, level, [f"{sign(contribution.character)}   {contribution.nats:+.3f} nats"]
    )
