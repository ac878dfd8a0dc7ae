"""`charrnn evaluate --show` and `--html`: a text coloured by surprise, on a terminal and as a page."""

import itertools
import sys
from collections.abc import Iterable, Iterator, Sequence

import numpy as np
from rich.text import Text

from charrnn.commands.scoring import Question, Subject, progress_display
from charrnn.display.columns import Canvas
from charrnn.display.new_files import put_new_file
from charrnn.display.sanitizer import write_text
from charrnn.display.surprise.characters import Character, Prediction, Symbol, characters
from charrnn.display.surprise.page import page
from charrnn.display.surprise.painting import legend_line, painted
from charrnn.model.measures import Kept, likeliest
from charrnn.text.passages import Passage

LIKELIEST = 6
"""Of so many of the likeliest symbols those are shown that were likelier than what came."""

PAGE_CHARACTERS = 50_000
"""A page of more would be slow to open."""


def show(question: Question) -> None:
    """Print a text as the model meets it, painted where there are colours, and what it cost at the end."""
    total = 0

    def counted(found: Iterable[tuple[Passage, Kept]]) -> Iterator[tuple[Passage, Kept]]:
        nonlocal total
        for piece, kept in found:
            total += int(piece.begins.sum())
            yield piece, kept

    with progress_display(streams=True) as display:
        subject = question.subject(display)
        bits = paint(characters(symbols(counted(_expected(subject))), subject.vocabulary))
    write_text(sys.stdout, f"\n{total:,} characters, {bits / total:.4f} bits per character\n")


def met(subject: Subject) -> Iterator[Character]:
    """The characters of a text as the model met them."""
    return characters(symbols(_expected(subject)), subject.vocabulary)


def _expected(subject: Subject) -> Iterator[tuple[Passage, Kept]]:
    count = min(LIKELIEST, len(subject.vocabulary))
    return subject.scored(likeliest(count), adapting=subject.settings.adapt)


def symbols(found: Iterable[tuple[Passage, Kept]]) -> Iterator[Symbol]:
    """The symbols of a text, each with what was expected in its place.

    Args:
        found: the text, scored by the measure `likeliest`; an end mark before the first record is left out.
    """
    for piece, kept in found:
        if not piece.text:
            continue
        yield from ((code, None) for code in piece.codes[: piece.given].tolist())
        rows = kept[piece.given :]
        chances, ids = np.split(rows[:, 1:], 2, axis=1)
        expected = map(Prediction, rows[:, 0].tolist(), ids.astype(np.int64).tolist(), chances.tolist())
        yield from zip(piece.codes[piece.given :].tolist(), expected, strict=True)


def paint(text: Iterable[Character]) -> float:
    """Print the characters of a text, line by line as they come; what they cost altogether, in bits."""
    canvas = Canvas()
    bits = 0.0

    def summed() -> Iterator[Character]:
        nonlocal bits
        for character in text:
            bits += character.bits or 0.0
            yield character

    lines = painted(summed(), canvas.width, coloured=canvas.coloured)
    canvas.print(itertools.chain([legend_line(coloured=canvas.coloured), Text()], lines))
    return bits


def write_page(path: str, title: str, figures: Sequence[tuple[str, str]], text: Iterator[Character]) -> None:
    """Write a page that shows the beginning of a text.

    Args:
        path: where to, a new file.
        title: what the text is called.
        figures: of the whole text.
        text: as the model meets it.
    """
    shown = list(itertools.islice(text, PAGE_CHARACTERS))
    extent = (
        f"All {len(shown):,} characters are shown."
        if next(text, None) is None
        else f"The first {len(shown):,} characters are shown; the figures are of all of them."
    )
    document = page(title, figures, shown, extent)
    put_new_file(path, "--html", document.encode("utf-8"))
