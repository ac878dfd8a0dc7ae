"""The scale of surprise: five levels, each with a colour, the same everywhere.

A character with probability p has a surprise of log2(1 / p) bits. Knows nothing of models, terminals or
pages.
"""

import bisect
import math

from charrnn.display.levels import Level

LEVELS = (
    Level("over 1/2", "", "transparent", "transparent", " "),
    Level("1/2 to 1/8", "color(136)", "#fbf0c0", "#46400f", "."),
    Level("1/8 to 1/64", "color(16) on color(222)", "#f9d48a", "#6e5408", ":"),
    Level("1/64 to 1/1,024", "color(16) on color(209)", "#f3a267", "#944611", "+"),
    Level("under 1/1,024", "color(231) on color(160)", "#e9655c", "#a81f2b", "#"),
)
"""From what was expected to what was not."""

FROM_BITS = (0, 1, 3, 6, 10)
"""The least surprise that belongs to each."""


def level_of(bits: float) -> int:
    """The number of the level that a surprise belongs to; what is no number is the highest."""
    if math.isnan(bits):
        return len(LEVELS) - 1
    return max(0, bisect.bisect_right(FROM_BITS, bits) - 1)
