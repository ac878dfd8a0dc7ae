"""Writes generated texts to standard output, made safe for a terminal, or to a new file. Knows no models."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, BinaryIO, Protocol

from charrnn.decoding.text_stream import exact_bytes
from charrnn.decoding.trace import Written
from charrnn.display.new_files import new_file
from charrnn.display.sanitizer import Sanitizer, write_text

if TYPE_CHECKING:
    from charrnn.display.progress import Counter


class Destination(Protocol):
    """Where texts go."""

    def write(self, text: str) -> None:
        """Write text that belongs to no piece, such as a prompt."""

    def show(self, piece: Written) -> None:
        """Write a piece of a text."""

    def end(self, newline: bool) -> None:
        """End a text, with a newline where several follow one another."""

    def count(self, texts: int, characters: int) -> None:
        """Be told how far it is."""


class Output:
    """Standard output: made fit to be shown on a terminal, exact in a pipe.

    Attributes:
        painted: whether each character is painted by its surprise.
    """

    def __init__(self, *, raw: bool, color: str) -> None:
        self.terminal = sys.stdout.isatty()
        self.sanitizer = Sanitizer() if self.terminal and not raw else None
        self.painted = color == "surprise" and _can_paint()

    def show(self, piece: Written) -> None:
        """Write a piece of a text at once, painted if that is wanted."""
        if not self.painted:
            self.write(piece.text)
            return
        from charrnn.display.surprise.inline import painted

        shown = [painted(self._safe(one.character), one.bits) for one in piece.characters]
        write_text(sys.stdout, "".join(shown))

    def write(self, text: str) -> None:
        """Write text at once, as it is or as a terminal may show it."""
        if text:
            write_text(sys.stdout, self._safe(text))

    def _safe(self, text: str) -> str:
        return self.sanitizer.feed(text) if self.sanitizer else text

    def end(self, newline: bool) -> None:
        """End a text: with a newline where several follow one another, and on a terminal."""
        if newline or self.terminal:
            write_text(sys.stdout, "\n")

    def count(self, texts: int, characters: int) -> None:
        """Whoever reads it sees how far it is."""


def _can_paint() -> bool:
    """Whether standard output can be painted; says what the colours mean, or that there are none."""
    from charrnn.display.surprise.inline import can_be_painted, painted_legend

    if not can_be_painted(sys.stdout):
        sys.stderr.write(
            "charrnn: --color surprise needs a terminal that has colours, and standard output is not one: "
            "plain text; --json has the figures\n"
        )
        return False
    if can_be_painted(sys.stderr):
        sys.stderr.write(painted_legend() + "\n")
    return True


class OutputFile:
    """A new file, and how far it is on standard error."""

    def __init__(self, file: BinaryIO, counter: "Counter", *, counts_texts: bool) -> None:
        self._file, self._counter, self._counts_texts = file, counter, counts_texts

    def write(self, text: str) -> None:
        """Add the exact bytes of a text."""
        self._file.write(exact_bytes(text))

    def show(self, piece: Written) -> None:
        """Add a piece of a text."""
        self.write(piece.text)
        self.count(0, len(piece.text))

    def end(self, newline: bool) -> None:
        """End a text, with a newline where several follow one another."""
        self.write("\n" if newline else "")
        self.count(1, 0)

    def count(self, texts: int, characters: int) -> None:
        """Show how far it is."""
        self._counter.add(texts if self._counts_texts else characters)


@contextmanager
def output_file(name: str, texts: int, length: int) -> Iterator[OutputFile]:
    """Make a file for texts. What was written stays in it also when a signal or an error ends the writing.

    Args:
        name: its path.
        texts: how many there will be.
        length: characters of one text; 0 where nobody knows.

    Raises:
        CharRNNError: it cannot be made or written.
    """
    from rich.console import Console

    from charrnn.display.progress import Counter

    counts_texts = texts > 1
    unit, total = ("texts", texts) if counts_texts else ("characters", length or None)
    counter = Counter(Console(stderr=True), name, unit, total)
    with new_file(name, "--output") as file, counter:
        yield OutputFile(file, counter, counts_texts=counts_texts)
