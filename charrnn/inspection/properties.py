"""Properties that a text has at each of its characters: what the cells of a network might keep track of.

A property's value is that right after a character was read: after a quotation mark that opens a string one is
inside it, after the one that closes it no longer; after a line feed the place in the line is 0. Knows nothing
of networks.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from charrnn.inspection.excerpts import Excerpts, Symbols
from charrnn.inspection.reading import Reading, since
from charrnn.text.codes import END

Values = NDArray[np.float32]

FARTHEST = 5_000
"""Characters from a bracket to its partner, at most; one without a partner does not count."""

Find = Callable[[Reading], NDArray[np.generic]]


@dataclass(frozen=True)
class Property:
    """Something that is so or not, or so much, at each character.

    Attributes:
        name: for people.
        is_number: whether it is a number.
        find: its values in a text, one for each character.
    """

    name: str
    is_number: bool
    find: Find


def _token(*names: str) -> Find:
    return lambda reading: np.maximum.reduce([reading.tokens[name] for name in names])


def _inside(pattern: str, flags: int = 0) -> Find:
    """From the first character of a match up to the one before its last."""
    compiled = re.compile(pattern, flags)

    def find(reading: Reading) -> Values:
        values = np.zeros(len(reading.text), np.float32)
        for match in compiled.finditer(reading.text):
            values[match.start() : match.end() - 1] = 1
        return values

    return find


def _depth(opening: str, pattern: str) -> Find:
    """How many brackets are open that are closed later on."""
    compiled = re.compile(pattern)

    def find(reading: Reading) -> Values:
        changes, open_ones = np.zeros(len(reading.text), np.float32), list[int]()
        for match in compiled.finditer(reading.text):
            if match[0] == opening:
                open_ones.append(match.start())
            elif open_ones and match.start() - (begin := open_ones.pop()) <= FARTHEST:
                changes[begin] += 1
                changes[match.start()] -= 1
        return np.cumsum(changes, dtype=np.float32)

    return find


def _line_before(reading: Reading) -> NDArray[np.int64]:
    lengths = np.array([0, *map(len, reading.text.split("\n"))])
    found: NDArray[np.int64] = lengths[reading.lines]
    return found


def _indentation(reading: Reading) -> NDArray[np.int64]:
    leading = np.array([len(line) - len(line.lstrip(" \t")) for line in reading.text.split("\n")])
    found: NDArray[np.int64] = np.minimum(reading.in_line, leading[reading.lines])
    return found


def _in_word(reading: Reading) -> NDArray[np.int64]:
    return since(~reading.are(lambda character: character.isalnum() or character == "_"))


def _after(pattern: str) -> Find:
    """Characters since the end of the last match."""
    compiled = re.compile(pattern)

    def find(reading: Reading) -> NDArray[np.int64]:
        ends = np.zeros(len(reading.text), np.bool_)
        ends[[match.end() - 1 for match in compiled.finditer(reading.text)]] = True
        return since(ends)

    return find


def _next(kind: Callable[[str], bool]) -> Find:
    """Whether the character that follows is of a kind."""
    return lambda reading: np.append(reading.are(kind)[1:], False)


def _is_mark(character: str) -> bool:
    return not (character.isalnum() or character.isspace() or character == "_")


PROPERTIES = (
    Property("in a string", False, _token("triple", "double", "single")),
    Property('in "…"', False, _token("double")),
    Property("in '…'", False, _token("single")),
    Property('in """…"""', False, _token("triple")),
    Property("in `…`", False, _inside(r"`[^`\n]+`")),
    Property("in “…”", False, _inside(r"“[^“”]{0,2000}”")),
    Property("in ‘…’", False, _inside(r"‘[^‘]{0,1000}?’(?!\w)")),
    Property("in «…»", False, _inside(r"«[^«»]{0,2000}»")),
    Property("in 「…」", False, _inside(r"「[^「」]{0,2000}」")),
    Property("depth of ()", True, _depth("(", r"[()]")),
    Property("depth of []", True, _depth("[", r"[\[\]]")),
    Property("depth of {}", True, _depth("{", r"[{}]")),
    Property("depth of <>", True, _depth("<", r"<(?=[\w/!?])|>")),
    Property("place in the line", True, lambda reading: reading.in_line),
    Property("length of the line before", True, _line_before),
    Property("indentation", True, _indentation),
    Property("place in the word", True, _in_word),
    Property("place in the sentence", True, _after(r"[.!?。！？…][\"'”’)\]]*\s+|\n[ \t]*\n")),
    Property("place in the paragraph", True, _after(r"\n[ \t]*\n")),
    Property("a capital", False, lambda reading: reading.are(str.isupper)),
    Property("a digit", False, lambda reading: reading.are(str.isdigit)),
    Property("in a comment", False, _token("comment")),
    Property("in a URL", False, _inside(r"(?:https?|ftp|file)://\S+|www\.\S+")),
    Property(
        "in markup",
        False,
        _inside(r"</?[A-Za-z][^<>\n]{0,300}>|&#?\w{1,10};|\[\[[^\]\n]*\]\]|\{\{[^}\n]*\}\}"),
    ),
    Property("next: a letter", False, _next(str.isalpha)),
    Property("next: a capital", False, _next(str.isupper)),
    Property("next: a digit", False, _next(str.isdigit)),
    Property("next: a blank", False, _next(lambda character: character in " \t")),
    Property("next: a line end", False, _next(lambda character: character == "\n")),
    Property("next: a mark", False, _next(_is_mark)),
)
"""What is looked for in every text, by its characters."""


def _jamo(codes: NDArray[np.uint32]) -> NDArray[np.int64]:
    """1 for the consonant that begins a syllable, 2 for its vowel, 3 for the consonant that ends it."""
    bounds = ((0x1100, 0x1160), (0x1160, 0x11A8), (0x11A8, 0x1200))
    parts = [number * ((codes >= a) & (codes < b)) for number, (a, b) in enumerate(bounds, 1)]
    found: NDArray[np.int64] = np.add.reduce(np.array(parts, np.int64))
    return found


def _in_record(codes: NDArray[np.uint32]) -> NDArray[np.int64]:
    ends = codes == END
    return since(ends) if ends.any() else np.zeros(len(codes), np.int64)


OF_SYMBOLS: dict[str, Callable[[NDArray[np.uint32]], NDArray[np.int64]]] = {
    "place of the jamo": _jamo,
    "place in the record": _in_record,
}
"""Numbers that symbols tell, and characters do not."""


def matching(name: str, pattern: re.Pattern[str]) -> Property:
    """The property of being in a match of a pattern of the user's."""

    def find(reading: Reading) -> Values:
        values = np.zeros(len(reading.text), np.float32)
        for match in pattern.finditer(reading.text):
            values[match.start() : match.end()] = 1
        return values

    return Property(name, False, find)


@dataclass(frozen=True)
class Found:
    """A property, and its values where a text is inspected.

    Attributes:
        name: its name.
        is_number: whether it is a number.
        values: (P·T,) at each symbol of each passage.
    """

    name: str
    is_number: bool
    values: Values

    @property
    def inside(self) -> NDArray[np.bool_]:
        """(P·T,) where it is so; of a number, where it is above its mean."""
        return self.values > (self.values.mean() if self.is_number else 0)


ENOUGH, IN_PASSAGES = 20, 3
"""Places in each half that have another value than most, and passages that have some."""


def found_in(excerpts: Excerpts, properties: tuple[Property, ...]) -> tuple[list[Found], list[str]]:
    """The properties that a text has, and the names of those that it has not, or hardly.

    Args:
        excerpts: the passages.
        properties: what is looked for in it.
    """
    symbols, rows, found = excerpts.symbols, excerpts.rows, list[Found]()
    places = symbols.places[rows]
    readings = [Reading(text) for text in _texts(symbols)]
    for one in properties:
        whole = np.concatenate([np.asarray(one.find(reading), np.float32) for reading in readings])
        found.append(Found(one.name, one.is_number, whole[places]))
    for name, find in OF_SYMBOLS.items():
        found.append(Found(name, True, find(symbols.codes).astype(np.float32)[rows]))
    kept: list[Found] = []
    for one_found in found:
        is_new = not any(np.array_equal(one_found.values, other.values) for other in kept)
        if is_new and varies(one_found, excerpts.count):
            kept.append(one_found)
    names = {one.name for one in kept}
    return kept, [one.name for one in found if one.name not in names]


def _texts(symbols: Symbols) -> list[str]:
    """The texts that begin blank, by themselves."""
    bounds = [*symbols.places[symbols.breaks].tolist(), len(symbols.text)]
    bounds[0] = 0
    return [symbols.text[begin:end] for begin, end in pairwise(bounds)]


def varies(found: Found, passages: int) -> bool:
    """Whether a property differs often enough from what it mostly is, in each half of the passages."""
    distinct, counts = np.unique(found.values, return_counts=True)
    differs = (found.values != distinct[counts.argmax()]).reshape(passages, -1)
    return all(
        half.sum() >= ENOUGH and half.any(axis=1).sum() >= IN_PASSAGES
        for half in (differs[::2], differs[1::2])
    )
