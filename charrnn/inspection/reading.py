"""A text, and what several properties need of it: its code points, lines, strings and comments."""

import re
from collections.abc import Callable
from functools import cached_property

import numpy as np
from numpy.typing import NDArray


class Reading:
    """A text, and what several properties need of it.

    Args:
        text: the characters.
    """

    def __init__(self, text: str) -> None:
        self.text = text

    @cached_property
    def codes(self) -> NDArray[np.uint32]:
        """The code point of each character."""
        return np.frombuffer(self.text.encode("utf-32-le", "surrogatepass"), np.uint32)

    def are(self, kind: Callable[[str], bool]) -> NDArray[np.bool_]:
        """Which characters are of a kind."""
        distinct, where = np.unique(self.codes, return_inverse=True)
        return np.array([kind(chr(code)) for code in distinct.tolist()], np.bool_)[where]

    @cached_property
    def in_line(self) -> NDArray[np.int64]:
        """How many characters of its line were read with each: 0 for a line feed."""
        return since(self.codes == ord("\n"))

    @cached_property
    def lines(self) -> NDArray[np.int64]:
        """The number of each character's line; a line feed is of the next one."""
        return np.cumsum(self.codes == ord("\n"))

    @cached_property
    def tokens(self) -> dict[str, NDArray[np.float32]]:
        """Where one is inside strings and comments of source code, by name."""
        found = {name: np.zeros(len(self.text), np.float32) for name in _TOKENS.groupindex}
        for match in _TOKENS.finditer(self.text):
            name = str(match.lastgroup)
            first = match.start() + (2 if name == "triple" else 0)
            found[name][first : match.end() - (name != "comment")] = 1
        return found


_TOKENS = re.compile(
    r"""(?P<triple>\"{3}[\s\S]*?\"{3}|'{3}[\s\S]*?'{3})
    |(?P<comment>\#[^\n]*|(?<!:)//[^\n]*|/\*[\s\S]*?\*/|<!--[\s\S]*?-->)
    |(?P<double>"(?:[^"\\\n]|\\.|\n(?!\s*\n)){0,1000}?")
    |(?P<single>(?:(?<!\w)|(?<=\b[bBfFrRuU]))'(?:[^'\\\n]|\\.){0,500}?'(?!\w))""",
    re.VERBOSE,
)


def since(marks: NDArray[np.bool_]) -> NDArray[np.int64]:
    """How many places lie between the last mark and each place: 0 at a mark; one is before the first."""
    places = np.arange(len(marks))
    last: NDArray[np.int64] = np.maximum.accumulate(np.where(marks, places, -1))
    return places - last
