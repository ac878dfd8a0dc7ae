"""What can be taken out of plain text and put back by tags: spaces, capitals, diacritics.

A tagger learns from any text so: what is taken out becomes the tags of the characters that stay. Knows
nothing of models or files.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from unicodedata import category, normalize

BEGINS, INSIDE = "B", "I"
"""Of a character that a space stood before, and of any other: words are spans."""

LOWER, UPPER = "lower", "upper"

PLAIN, STROKE = "plain", "stroke"
STROKES = {"đ": "d", "Đ": "D", "ł": "l", "Ł": "L", "ø": "o", "Ø": "O", "ħ": "h", "Ħ": "H", "ŧ": "t", "Ŧ": "T"}
"""Letters with a stroke, which Unicode does not take apart."""
_STRUCK = {letter: struck for struck, letter in STROKES.items()}

Taken = tuple[str, list[str]]
"""What stays of a text, and a tag for each of its characters."""


@dataclass(frozen=True)
class Restoring:
    """What is taken out, and put back.

    Attributes:
        take: parts a text.
        put: joins what stays with tags; of what was taken it is the text, but for blanks at its ends or
            several together.
    """

    take: Callable[[str], Taken]
    put: Callable[[str, Sequence[str]], str]


def _take_spaces(text: str) -> Taken:
    words = text.split(" ")
    tags = [BEGINS if place == 0 else INSIDE for word in words for place in range(len(word))]
    return "".join(words), tags


def _put_spaces(text: str, tags: Sequence[str]) -> str:
    pairs = zip(text, tags, strict=True)
    return "".join(f" {c}" if tag == BEGINS else c for c, tag in pairs).removeprefix(" ")


def _take_case(text: str) -> Taken:
    lowered = [c.lower() if len(c.lower()) == 1 and c.lower().upper() == c else c for c in text]
    return "".join(lowered), [LOWER if c == low else UPPER for c, low in zip(text, lowered, strict=True)]


def _put_case(text: str, tags: Sequence[str]) -> str:
    pairs = zip(text, tags, strict=True)
    return "".join(c.upper() if tag == UPPER and len(c.upper()) == 1 else c for c, tag in pairs)


def _take_marks(text: str) -> Taken:
    parted = [_without_marks(character) for character in normalize("NFC", text)]
    return "".join(letter for letter, _ in parted), [tag for _, tag in parted]


def _without_marks(character: str) -> tuple[str, str]:
    """A letter, and its marks as a tag: their code points."""
    if character in STROKES:
        return STROKES[character], STROKE
    parts = normalize("NFD", character)
    letter, marks = parts[0], parts[1:]
    if marks and all(category(mark) == "Mn" for mark in marks):
        return letter, "+".join(f"{ord(mark):04X}" for mark in marks)
    return character, PLAIN


def _put_marks(text: str, tags: Sequence[str]) -> str:
    return "".join(_with_marks(letter, tag) for letter, tag in zip(text, tags, strict=True))


def _with_marks(letter: str, tag: str) -> str:
    """A letter with the marks of a tag; without them where there is no such character."""
    if tag == PLAIN:
        return letter
    if tag == STROKE:
        return _STRUCK.get(letter, letter)
    marked = normalize("NFC", letter + "".join(chr(int(mark, 16)) for mark in tag.split("+")))
    return marked if len(marked) == 1 else letter


RESTORINGS = {
    "spaces": Restoring(_take_spaces, _put_spaces),
    "case": Restoring(_take_case, _put_case),
    "marks": Restoring(_take_marks, _put_marks),
}
"""By the name that `--restore` has for what is taken out."""
