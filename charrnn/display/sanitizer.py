"""Makes untrusted text safe for a terminal: control characters become visible marks.

Knows nothing of models, nor of colours and styles.
"""

import re
import sys
import unicodedata
from typing import TextIO

from charrnn.decoding.text_stream import exact_bytes
from charrnn.errors import ClosedPipe

MARKS_IN_A_ROW = 4
"""Combining marks shown on one letter; no writing needs more, and a hundred climb over the lines above."""


def visible(text: str) -> str:
    """A whole text as a terminal may show it; for one that comes in pieces, see `Sanitizer`."""
    return Sanitizer().feed(text)


class Sanitizer:
    """Makes text fit to be shown, piece by piece; it remembers how many combining marks came last.

    Newline and tab stay. Other controls become control pictures (␛) or, like bidirectional controls, tag
    characters, line and paragraph separators, lone surrogates and marks beyond a few in a row, their code
    point (⟨U+202E⟩). A byte that is no part of a character becomes U+FFFD.
    """

    def __init__(self) -> None:
        self._marks = 0

    def feed(self, text: str) -> str:
        """The next piece, as it may be shown."""
        if text.isascii():
            self._marks = self._marks if not text else 0
            return _STEERING.sub(_shown, text)
        return _STEERING.sub(_shown, "".join(map(self._counted, text)))

    def _counted(self, character: str) -> str:
        self._marks = self._marks + 1 if unicodedata.category(character) in _MARKS else 0
        return character if self._marks <= MARKS_IN_A_ROW else _code_point(character)


def print_text(text: str) -> None:
    """Write text that nobody vouches for to standard output: exact in a pipe, made visible on a terminal."""
    write_text(sys.stdout, visible(text) if sys.stdout.isatty() else text)


def write_text(stream: TextIO, text: str, *, exact: bool | None = None) -> None:
    r"""Write text, whatever the stream's encoding, and hand it on at once.

    A pipe or a file gets the exact UTF-8 bytes. A terminal gets the characters its encoding has, and
    escapes (`\u2192`) for the others; control codes are not looked at here, which is `visible`'s task.

    Args:
        stream: such as standard output.
        text: what to write.
        exact: whether bytes are wanted; None for all but a terminal.

    Raises:
        ClosedPipe: nobody reads the stream any more.
    """
    try:
        _write(stream, text, exact=exact)
    except BrokenPipeError as error:
        raise ClosedPipe from error


def _write(stream: TextIO, text: str, *, exact: bool | None) -> None:
    buffer = getattr(stream, "buffer", None)
    if buffer is None:  # text kept in memory: nothing is encoded
        stream.write(text)
        return
    exact = not stream.isatty() if exact is None else exact
    stream.flush()
    buffer.write(exact_bytes(text) if exact else text.encode(stream.encoding, "backslashreplace"))
    stream.flush()


_MARKS = frozenset({"Mn", "Me"})

_STEERING = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f"  # C0, C1 and DEL, but for tab and newline
    "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"  # bidirectional controls
    "\u2028\u2029"  # line and paragraph separators
    "\ud800-\udfff"
    "\U000e0000-\U000e007f]"  # tag characters
)


def _shown(steering: re.Match[str]) -> str:
    code = ord(steering[0])
    if code < 0x20:
        return chr(0x2400 + code)
    if code == 0x7F:
        return "\u2421"
    return "\ufffd" if 0xDC80 <= code < 0xDD00 else _code_point(steering[0])


def _code_point(character: str) -> str:
    return f"⟨U+{ord(character):04X}⟩"
