"""Splitting a text at given places, never inside a character. Knows nothing of files or vocabularies."""

import unicodedata
from collections.abc import Iterable, Iterator, Sequence

from charrnn.text.normalization import is_joined
from charrnn.text.statistics import character_starts

_ZERO_WIDTH_JOINER = "\u200d"


def parted(texts: Iterable[str], positions: Sequence[int], level: str) -> Iterator[tuple[int, str]]:
    """The pieces of a text, each with the number of the part that it belongs to.

    A part begins after so many characters of the text, or a few more where that would be inside one; one
    that would begin behind the next is left out.

    Args:
        texts: the pieces.
        positions: how many characters stand before each part but the first, ascending.
        level: `char`, or `byte` where the text's characters are bytes of UTF-8.
    """
    gaps = [after - before for before, after in zip([0, *positions], positions, strict=False)]
    number, before, moved = 0, "", 0
    left = gaps[0] if gaps else 0
    for text in texts:
        rest = text
        while rest and number < len(gaps):
            index, left = _place(rest, left, level)
            while index < len(rest) and _inside_character(
                rest[index - 1 : index] or before, rest[index], level
            ):
                index, moved = index + 1, moved + 1
            if index:
                yield number, rest[:index]
                before, rest = rest[index - 1], rest[index:]
            if rest:
                number += 1
                left, moved = max(0, gaps[number] - moved) if number < len(gaps) else 0, 0
        if rest:
            yield number, rest


def _place(text: str, characters: int, level: str) -> tuple[int, int]:
    """The index after so many characters, or the text's length and how many are missing."""
    if level == "char":
        index = min(characters, len(text))
        return index, characters - index
    starts = character_starts(text)
    if characters < len(starts):
        return int(starts[characters]), 0
    return len(text), characters - len(starts)


def _inside_character(before: str, character: str, level: str) -> bool:
    """Whether the place between the two is inside what a reader sees as one character."""
    if before == "\r" and character == "\n":
        return True
    if level == "byte" or not before:
        return False
    is_mark = unicodedata.category(character).startswith("M")
    return is_mark or _ZERO_WIDTH_JOINER in (before, character) or is_joined(character)
