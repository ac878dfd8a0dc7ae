"""`charrnn evaluate --show` and `--html`: a text painted by surprise, on a terminal and as a page."""

import itertools
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from rich.console import Console
from rich.text import Text

from charrnn.durable import write_atomically
from charrnn.errors import UsageError
from charrnn.learning.evaluation import UNKNOWN_NATS, Predictions
from charrnn.reading.corpus import Corpus
from charrnn.reading.vocabulary import Vocabulary
from charrnn.showing.characters import Character, Prediction, characters
from charrnn.showing.page import page
from charrnn.showing.painting import legend_line, painted
from charrnn.terminal import write_text

LIKELIEST = 6
"""Of so many of the likeliest symbols those are shown that were likelier than what came."""

PIPE_WIDTH = 100
PAGE_CHARACTERS = 50_000
"""A page of more would be slow to open."""


def met(corpus: Corpus, found: Iterator[Predictions], vocabulary: Vocabulary) -> Iterator[Character]:
    """The characters of a text as the model met them.

    Args:
        corpus: the text.
        found: what the model expected at each place, in order.
        vocabulary: the model's.
    """
    return characters(corpus.codes(), _predictions(found, vocabulary), vocabulary, UNKNOWN_NATS)


def _predictions(found: Iterator[Predictions], vocabulary: Vocabulary) -> Iterator[Prediction]:
    """One for each symbol, as plain numbers."""
    for logs, targets in found:
        best, places = logs.topk(min(LIKELIEST, len(vocabulary)), dim=-1)
        costs = -logs.gather(1, targets[:, None])[:, 0]
        rows = zip(costs.tolist(), places.tolist(), best.exp().tolist(), strict=True)
        yield from itertools.starmap(Prediction, rows)


def show(text: Iterator[Character], total: int) -> None:
    """Print a text as the model meets it, painted where there are colours, and what it cost at the end.

    Args:
        text: as the model meets it.
        total: how many characters of it are scored.
    """
    console = Console(highlight=False, markup=False)
    coloured = console.color_system is not None and not console.no_color
    width = console.width if sys.stdout.isatty() else PIPE_WIDTH
    bits = 0.0

    def summed() -> Iterator[Character]:
        nonlocal bits
        for character in text:
            bits += character.bits or 0.0
            yield character

    lines = painted(summed(), width, coloured=coloured)
    for line in itertools.chain([legend_line(coloured=coloured), Text()], lines):
        _print(console, line)
    _print(console, Text(f"\n{total:,} characters, {bits / total:.4f} bits per character"))


def _print(console: Console, line: Text) -> None:
    with console.capture() as capture:
        console.print(line, soft_wrap=True)
    write_text(sys.stdout, capture.get())


def check_page(path: str) -> None:
    """Make sure that a page can be written, before any work is done.

    Raises:
        UsageError: something stands there already, or the folder is missing.
    """
    if Path(path).exists():
        raise UsageError(f"--html is {path}, which exists; give another name, or move that one away")
    if not Path(path).parent.is_dir():
        raise UsageError(f"--html is {path}, but there is no folder {Path(path).parent}; make it first")


def write_page(path: str, title: str, figures: Sequence[tuple[str, str]], text: Iterator[Character]) -> None:
    """Write a page that shows the beginning of a text.

    Args:
        path: where to; `check_page` has looked at it.
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
    write_atomically(Path(path), document.encode("utf-8"))
