"""A step of a scale of colours, on a terminal and on a page. Knows nothing of what is measured by it."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Level:
    """A step of a scale.

    Attributes:
        meaning: what belongs to it, in words.
        terminal: colours of a terminal, as rich names those of the 256; none for what is not coloured.
        light: background colour on a light page; dark text is readable on it.
        dark: background colour on a dark page; light text is readable on it.
        mark: what stands under the character where there are no colours.
    """

    meaning: str
    terminal: str
    light: str
    dark: str
    mark: str
