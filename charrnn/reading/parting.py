"""Parting a text in two, never inside a character. Knows nothing of files or vocabularies."""

import unicodedata
from collections.abc import Iterable, Iterator

from charrnn.reading.census import character_starts
from charrnn.reading.normalization import joins

_ZERO_WIDTH_JOINER = "\u200d"


def parted(texts: Iterable[str], position: int | None, level: str) -> Iterator[tuple[bool, str]]:
    """The pieces of a text, each with whether it comes after the place where the text is parted.

    That is after so many characters, or a few more where it would be inside one.

    Args:
        texts: the pieces.
        position: how many characters stand before the part; without it, all do.
        level: `char`, or `byte` where the text's characters are bytes of UTF-8.
    """
    before = ""
    left = position
    for text in texts:
        if not text:
            continue
        index = 0
        if left is None:
            index = len(text)
        elif left >= 0:
            index, left = _place(text, left, level)
            while index < len(text) and _inside_character(
                text[index - 1] if index else before, text[index], level
            ):
                index += 1
            before = text[-1]
            left = left if index == len(text) else -1
        if index:
            yield False, text[:index]
        if index < len(text):
            yield True, text[index:]


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
    return is_mark or _ZERO_WIDTH_JOINER in (before, character) or bool(joins()[ord(character)])
