"""The scale of surprise: five levels, each with a colour, the same everywhere.

A character with probability p has a surprise of log2(1 / p) bits. Knows nothing of models, terminals or
pages.
"""

import bisect
import math
from dataclasses import dataclass


@dataclass(frozen=True)
class Level:
    """A step of the scale.

    Attributes:
        from_bits: the least surprise that belongs to it.
        meaning: the chances that belong to it, in words.
        terminal: colours of a terminal, as rich names those of the 256; none for what was expected.
        light: background colour on a light page; dark text is readable on it.
        dark: background colour on a dark page; light text is readable on it.
        mark: what stands under the character where there are no colours.
    """

    from_bits: float
    meaning: str
    terminal: str
    light: str
    dark: str
    mark: str


LEVELS = (
    Level(0, "over 1/2", "", "transparent", "transparent", " "),
    Level(1, "1/2 to 1/8", "color(136)", "#fbf0c0", "#46400f", "."),
    Level(3, "1/8 to 1/64", "color(16) on color(222)", "#f9d48a", "#6e5408", ":"),
    Level(6, "1/64 to 1/1,024", "color(16) on color(209)", "#f3a267", "#944611", "+"),
    Level(10, "under 1/1,024", "color(231) on color(160)", "#e9655c", "#a81f2b", "#"),
)
"""From what was expected to what was not."""

_FROM_BITS = [level.from_bits for level in LEVELS]


def level_of(bits: float) -> int:
    """The number of the level that a surprise belongs to; what is no number is the highest."""
    if math.isnan(bits):
        return len(LEVELS) - 1
    return max(0, bisect.bisect_right(_FROM_BITS, bits) - 1)
