"""Stretches of a text in which a cell can be watched: characters, each with the cell's value after it.

Knows nothing of how they are shown.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from charrnn.inspection.activations import Activity, Trunk, record
from charrnn.inspection.excerpts import Excerpts
from charrnn.inspection.findings import Finding
from charrnn.text.codes import LINE_FEED

SYMBOLS = 1200
"""Of a stretch, at most."""

LINE = 120
"""Symbols within which a stretch that begins in the middle of a line is moved to the next one."""

TAILS = 0.05
"""The share of a cell's values at each end that have the strongest colours whatever they are."""


@dataclass(frozen=True)
class Scale:
    """What the colours of a cell mean.

    Attributes:
        middle: the value that has no colour.
        reach: how far from that the strongest colours are.
    """

    middle: float
    reach: float

    @classmethod
    def of(cls, values: NDArray[np.floating]) -> "Scale":
        """That of a cell with these values, (N,)."""
        low, high = np.quantile(values, [TAILS, 1 - TAILS]).tolist()
        return cls((low + high) / 2, max((high - low) / 2, 1e-6))

    def share(self, value: float) -> float:
        """Where a value lies: 0 in the middle, 1 where its highest ones are, -1 where its lowest."""
        return (value - self.middle) / self.reach


@dataclass(frozen=True)
class Picture:
    """A stretch of text under a cell.

    Attributes:
        finding: the cell, and what it follows.
        characters: each with the cell's value after it was read.
        scale: of the cell.
    """

    finding: Finding
    characters: Sequence[tuple[str, float]]
    scale: Scale


def pictures(trunk: Trunk, excerpts: Excerpts, activity: Activity, shown: Sequence[Finding]) -> list[Picture]:
    """A stretch for each finding, from where its property varies most."""
    if not shown:
        return []
    length = min(SYMBOLS, len(excerpts.symbols.ids))
    begins = np.array([_begin(one, excerpts, length) for one in shown])
    stretches = Excerpts(excerpts.symbols, begins, length)
    values = record(trunk, stretches).values.reshape(len(shown), length, -1)
    made = []
    for one, begin, found in zip(shown, begins.tolist(), values, strict=True):
        places = excerpts.symbols.places[begin : begin + length]
        last = np.append(np.flatnonzero(np.diff(places)), length - 1)
        characters = [
            (excerpts.symbols.text[place], value)
            for place, value in zip(places[last].tolist(), found[last, one.column].tolist(), strict=True)
        ]
        made.append(Picture(one, characters, Scale.of(activity.values[:, one.column])))
    return made


def _begin(finding: Finding, excerpts: Excerpts, length: int) -> int:
    """Where a stretch begins that has the passage in its middle in which the property varies most."""
    spread = finding.found.values.reshape(excerpts.count, -1).std(axis=1)
    spread[::2] = -1  # of those on which the cell was not chosen
    middle = int(excerpts.begins[spread.argmax()]) + excerpts.length // 2
    total = len(excerpts.symbols.ids)
    begin = min(max(0, middle - length // 2), total - length)
    feeds = np.flatnonzero(excerpts.symbols.codes[begin : min(begin + LINE, total - length)] == LINE_FEED)
    return begin + int(feeds[0]) + 1 if len(feeds) and begin else begin
