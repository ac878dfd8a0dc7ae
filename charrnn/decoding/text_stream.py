"""One text as it is written: symbols go in one by one, finished characters come out.

A character comes out once nothing that follows can change it: all its UTF-8 bytes are there, its parts are
composed, it cannot be the beginning of a stop text. Knows nothing of models or of how symbols are chosen.
"""

import codecs
import re
from typing import Protocol
from unicodedata import combining, normalize

import numpy as np
from numpy.typing import NDArray

from charrnn.text.codes import bytes_as_text, to_codes, to_text

LONGEST_SEQUENCE = 32
"""Code points that are composed together at most, so that endless marks on one letter get written too."""


class Stage(Protocol):
    """A step on the way from symbols to what is written."""

    def feed(self, text: str) -> str:
        """Take more text; what is finished of it."""

    def finish(self) -> str:
        """What was held back, the text having ended."""


class TextStream:
    """Symbols in, text out: the stages in a row."""

    def __init__(
        self, level: str, *, compose: bool, length: int, stop: tuple[str, ...], lines: int | None = None
    ) -> None:
        """Begin a text.

        Args:
            level: `char`, where a symbol is a code point, or `byte`.
            compose: whether decomposed characters are composed (NFC).
            length: characters to write, after composition; 0 for no limit.
            stop: texts at which the writing ends; they are not written themselves.
            lines: line feeds at the last of which the writing ends; it is not written itself.
        """
        self._ending = Ending(length, stop, lines)
        self._stages: list[Stage] = [Utf8()] * (level == "byte") + [Composer()] * compose + [self._ending]

    @property
    def done(self) -> bool:
        """Whether the text has ended; what is fed after that is left out."""
        return self._ending.done

    @property
    def count(self) -> int:
        """Characters so far, those that are held back included."""
        return self._ending.count

    @property
    def left(self) -> int | None:
        """Characters that may follow, which take as many symbols or more; None for no limit."""
        return self._ending.left

    def feed(self, codes: NDArray[np.uint32]) -> str:
        """Take the next symbols; the characters that are finished with them."""
        text = to_text(codes)
        for stage in self._stages:
            text = stage.feed(text)
        return text

    def finish(self) -> str:
        """End the text here; what was held back of it."""
        text = ""
        for stage in self._stages:
            text = stage.feed(text) + stage.finish()
        return text


def spell(text: str, level: str) -> NDArray[np.uint32]:
    """The symbols of a text, `char` or `byte`: what a stream would make that text of."""
    return to_codes(bytes_as_text(exact_bytes(text)) if level == "byte" else text)


def exact_bytes(text: str) -> bytes:
    """The UTF-8 of a text; a byte that `Utf8` could not make a character of is that byte again.

    Any other lone surrogate has no UTF-8, and becomes U+FFFD.
    """
    return _NO_BYTE.sub("\ufffd", text).encode("utf-8", "surrogateescape")


_NO_BYTE = re.compile("[\ud800-\udc7f\udd00-\udfff]")


class Utf8:
    """Bytes, each given as the character of its number, to the characters they spell.

    A byte that is no part of a character becomes a lone surrogate, so that encoding with `surrogateescape`
    gives back exactly the bytes that came.
    """

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")("surrogateescape")

    def feed(self, text: str) -> str:
        """Take bytes; the characters that are complete."""
        return self._decoder.decode(text.encode("latin-1"))

    def finish(self) -> str:
        """The bytes of a character that stayed incomplete."""
        return self._decoder.decode(b"", final=True)


class Composer:
    """Decomposed text to composed text: Hangul jamo to syllables, letters and accents to one character."""

    def __init__(self) -> None:
        self._held = ""

    def feed(self, text: str) -> str:
        """Take decomposed characters; the composed ones that nothing can join any more."""
        return "".join(map(self._take, text))

    def _take(self, character: str) -> str:
        composed = normalize("NFC", self._held)
        begins = not joins(composed, character) and not combining(character)
        if begins or len(self._held) >= LONGEST_SEQUENCE:
            self._held = character
            return composed
        self._held += character
        return ""

    def finish(self) -> str:
        """The last sequence."""
        composed, self._held = normalize("NFC", self._held), ""
        return composed


def joins(text: str, character: str) -> bool:
    """Whether a character, put after a composed text, becomes one with the end of it."""
    return normalize("NFC", text + character) != text + character


class Ending:
    """Text up to a length, a number of lines or a stop text, whichever comes first.

    Attributes:
        done: whether one of them was reached, or the text finished before.
        count: characters so far, those that are held back included.
        left: characters that may follow; None for no limit.
    """

    def __init__(self, length: int, stop: tuple[str, ...], lines: int | None = None) -> None:
        self.done = False
        self.count = 0
        self.left = length or None
        self._lines_left = lines
        self._stop = stop
        self._held = ""

    def feed(self, text: str) -> str:
        """Take finished characters; those to write, save a last few that may begin a stop text."""
        within = self._within_lines("" if self.done else text[: self.left])
        written = "".join(map(self._search, within)) if self._stop else within
        self.count += len(within)
        if self.left is not None:
            self.left -= len(within)
        return written + self.finish() if 0 in (self.left, self._lines_left) else written

    def _within_lines(self, text: str) -> str:
        """The text before the line feed that is the last one."""
        if self._lines_left is None:
            return text
        lines = text.split("\n", self._lines_left)
        ended = len(lines) > self._lines_left
        kept = lines[: self._lines_left] if ended else lines
        self._lines_left -= len(lines) - 1
        return "\n".join(kept)

    def _search(self, character: str) -> str:
        if self.done:
            return ""
        text = self._held + character
        met = max((len(stop) for stop in self._stop if text.endswith(stop)), default=0)
        self.done = bool(met)
        held = 0 if met else self._possible_beginning(text)
        self._held = text[len(text) - held :]
        return text[: len(text) - (met or held)]

    def _possible_beginning(self, text: str) -> int:
        """Characters at the end that may turn out to begin a stop text."""
        return max(
            (n for n in range(1, len(text) + 1) if any(stop.startswith(text[-n:]) for stop in self._stop)),
            default=0,
        )

    def finish(self) -> str:
        """End the text here; what only looked like the beginning of a stop text."""
        self.done = True
        written, self._held = self._held, ""
        return written
