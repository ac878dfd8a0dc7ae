"""`charrnn evaluate --gradients`: how the gradient of a loss vanishes as it flows back in time."""

import itertools
import json
import math
import sys
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from rich import box
from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from charrnn.commands.scoring import Question, Subject, progress_display
from charrnn.display.sanitizer import visible, write_text
from charrnn.display.tables import print_result
from charrnn.errors import CorpusError
from charrnn.evaluation.gradients import POSITIONS, fading

LAGS = 200
"""The longest distance, in symbols."""

SHOWN = (1, 2, 3, 5, 7, 10, 15, 20, 30, 50, 70, 100, 150, 200)
"""Lags of the table."""

READ = 200_000
"""Symbols of the text among which places are chosen, at most."""

BAR, DECADES = 24, 8
"""Cells of the longest bar, and how many powers of ten below it the bars end."""


def gradients(question: Question) -> None:
    """Print the mean norm of the gradient by lag, for each model that is given."""
    with progress_display(streams=False) as display:
        subjects = question.subjects(display)
        names = [_name(subject) for subject in subjects]
        norms = [_norms(subject) for subject in subjects]
    if question.json_wanted:
        models = [
            {
                "checkpoint": str(subject.path),
                "cell": subject.network.architecture.cell,
                "norms": found.tolist(),
            }
            for subject, found in zip(subjects, norms, strict=True)
        ]
        write_text(sys.stdout, json.dumps({"lags": list(range(1, LAGS + 1)), "models": models}) + "\n")
    else:
        print_result(table(names, norms))


def _norms(subject: Subject) -> NDArray[np.float64]:
    pieces = itertools.chain.from_iterable(subject.texts())
    known = (piece.ids[piece.ids < len(subject.vocabulary)] for piece in pieces)
    ids, read = [], 0
    for some in known:
        ids.append(some)
        read += len(some)
        if read >= READ:
            break
    if read <= LAGS + 1:
        raise CorpusError(
            f"{subject.text.name} has {read:,} symbols that the model knows; --gradients looks "
            f"back over {LAGS}; give a longer text"
        )
    return fading(subject.network, np.concatenate(ids)[:READ], LAGS)


def _name(subject: Subject) -> str:
    network = subject.network.architecture
    return (
        f"{network.cell} {network.layers}×{network.hidden}, {subject.path.parent.name or subject.path.name}"
    )


def table(names: Sequence[str], norms: Sequence[NDArray[np.float64]]) -> RenderableType:
    """A row for each lag; for each model the norm, and a bar whose length is its logarithm."""
    columns = Table(box=box.SIMPLE_HEAD, padding=(0, 1), header_style="bold")
    columns.add_column("lag", justify="right")
    for name in names:
        columns.add_column(Text(visible(name)), overflow="fold")
    high = max(float(found.max()) for found in norms) or 1.0
    for lag in SHOWN:
        cells = [_cell(float(found[lag - 1]), high) for found in norms]
        columns.add_row(str(lag), *(Text(cell) for cell in cells))
    columns.caption = (
        f"norm of ∂ loss(t) / ∂ state(t - lag), mean over up to {POSITIONS} places; bars are logarithmic, "
        f"from {high / 10**DECADES:.0e} to {high:.0e}"
    )
    return columns


def _cell(norm: float, high: float) -> str:
    share = 1 + math.log10(norm / high) / DECADES if norm > 0 else 0.0
    return f"{norm:8.1e} {'█' * round(BAR * max(0.0, share))}"
