"""A run's metrics over time, read from `metrics.jsonl`, even if the file is damaged.

Knows nothing of how they are computed (`runs/report.py`) or shown.
"""

import json
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from charrnn.errors import InputError
from charrnn.runs.checkpoint_facts import NATS, Figure
from charrnn.text.files import open_regular

LONGEST_LINE = 65_536
"""Bytes; a report takes some 250. What is longer is damage, and is not taken into memory whole."""

MOST_METRICS_BYTES = 2**28
"""Of the whole file, the newest: some six days, reported twice a second."""

LARGEST = 1e15
"""No figure of a run is negative or larger; what is would only spoil every scale."""


@dataclass(frozen=True, slots=True)
class Point:
    """One report of a run. The fields are those of the file; losses are nats per character.

    Where something else is counted on what is held out, `figure` has it, `validation_accuracy` or the like.
    """

    step: int
    epoch: float
    characters: int
    seconds: float
    train_nats: float
    learning_rate: float
    gradient_norm: float
    characters_per_second: float
    validation_nats: float | None = None
    figure: Figure | None = None


@dataclass(frozen=True)
class Metrics:
    """What a file tells.

    Attributes:
        points: its reports, steps rising.
        damaged_lines: lines that are no report, and were left out.
    """

    points: tuple[Point, ...] = ()
    damaged_lines: int = 0

    @property
    def best(self) -> Figure | None:
        """The best validation; None where nothing was validated."""
        nats = self.best_validation_nats
        losses = [] if nats is None else [Figure(NATS, nats)]
        figures = losses + [point.figure for point in self.points if point.figure is not None]
        return min(figures, key=lambda figure: figure.rank, default=None)

    @property
    def best_validation_nats(self) -> float | None:
        """The lowest validation, nats per character; None where nothing was validated."""
        return min((p.validation_nats for p in self.points if p.validation_nats is not None), default=None)


def read_metrics(path: Path) -> Metrics:
    """Read `metrics.jsonl`; a file that is not there yet tells nothing.

    A run that went on from an earlier save repeats steps: the later report counts. The last line may be half
    written, which is no damage.

    Raises:
        InputError: the file cannot be read.
    """
    points: list[Point] = []
    damaged = 0
    for line in _lines(path):
        point = _point(line)
        if point is None:
            damaged += line.endswith(b"\n")
            continue
        while points and points[-1].step > point.step:
            points.pop()
        points.append(point)
    return Metrics(tuple(points), damaged)


def _lines(path: Path) -> Iterator[bytes]:
    try:
        with open_regular(path) as file:
            if (beyond := os.fstat(file.fileno()).st_size - MOST_METRICS_BYTES) > 0:
                file.seek(beyond - 1)
                file.readline(LONGEST_LINE)  # the rest of a report
            yield from iter(lambda: file.readline(LONGEST_LINE), b"")
    except FileNotFoundError:
        return
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror or error}") from error


def _point(line: bytes) -> Point | None:
    """The report in a line, or None where it is none."""
    try:
        values = json.loads(line)
        named = [name.removeprefix(_COUNTED) for name in values if _IS_COUNTED.fullmatch(name)]
        figures = [Figure(name, _number(values[_COUNTED + name])) for name in named if name != "nats"]
        numbers = {name: _number(values[name]) for name in _NAMES if name != _MAYBE or name in values}
        return Point(**numbers, figure=figures[0] if figures else None)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None


def _number(value: Any) -> Any:  # noqa: ANN401 - whatever the file holds
    if type(value) not in {int, float} or not 0 <= value < LARGEST:
        raise ValueError("no number of a report")
    return value


_NAMES = tuple(field.name for field in fields(Point) if field.name != "figure")
_MAYBE, _COUNTED = "validation_nats", "validation_"
_IS_COUNTED = re.compile(_COUNTED + "[a-z0-9_]{1,40}")
