"""Characters painted in place by how surprising they were, as they are written. Knows nothing of models.

The text stands between the colour codes as it is: what would steer a terminal is taken out before that.
"""

import os
from functools import cache
from typing import TextIO

from rich.color import ColorSystem
from rich.style import Style

from charrnn.display.surprise.scale import FROM_BITS, LEVELS, level_of


def can_be_painted(stream: TextIO) -> bool:
    """Whether a stream is a terminal on which colours are known and wanted."""
    wanted = not os.environ.get("NO_COLOR") and os.environ.get("TERM") not in {"dumb", "unknown"}
    return stream.isatty() and wanted


def painted(text: str, bits: float) -> str:
    """What a terminal shows for a character, in the colour of its surprise; a line's end has none."""
    return text if text == "\n" else _style(level_of(bits)).render(text, color_system=_COLORS)


def painted_legend() -> str:
    """What the colours mean, as one line."""
    return "chance: " + " ".join(
        painted(f" {level.meaning} ", bits) for level, bits in zip(LEVELS, FROM_BITS, strict=True)
    )


_COLORS = ColorSystem.EIGHT_BIT


@cache
def _style(level: int) -> Style:
    return Style.parse(LEVELS[level].terminal)
