"""Which cell follows each property best, and how sure that is.

The best cell is chosen on every other passage and its score reported on the rest. Beside it stand the level
that chance reaches, what the last characters tell alone, the best cell of an untrained network, and what all
cells tell together. Knows nothing of how passages are read.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from charrnn.decoding.cells import Array
from charrnn.inspection.excerpts import Excerpts
from charrnn.inspection.null import null_levels, pairings
from charrnn.inspection.properties import Found
from charrnn.inspection.readout import readout_scores
from charrnn.inspection.scores import Floats, Measured, centred_ranks, signed_scores, spreads
from charrnn.inspection.surface import contexts_of, surface_score


@dataclass(frozen=True)
class Finding:
    """A cell, and how well it follows a property.

    Attributes:
        column: which cell.
        found: the property.
        score: from 0 to 1, on the half of the passages that had no part in the choice.
        null_95: what the best of all cells and properties reaches by chance, in 95 of 100 cases at most.
        surface_score: what the last characters tell alone.
        untrained_score: that of the best cell of an untrained network.
        together_score: what a linear readout of all cells tells.
        untrained_together_score: the same of an untrained network.
        inside: the cell's mean where the property is so; of a number, where it is above its mean.
        outside: its mean elsewhere.
    """

    column: int
    found: Found
    score: float
    null_95: float
    surface_score: float
    untrained_score: float
    together_score: float
    untrained_together_score: float
    inside: float
    outside: float

    @property
    def is_named(self) -> bool:
        """Whether the score is more than chance."""
        return self.score > self.null_95

    @property
    def lead(self) -> float:
        """By how much the score exceeds what can be had without having learnt to remember."""
        return self.score - max(self.surface_score, self.untrained_score)


@dataclass(frozen=True)
class _Half:
    """Some of the passages: the ranks of cells there, and the properties."""

    rows: NDArray[np.bool_]
    ranks: Floats
    spread: NDArray[np.float64]
    measured: Sequence[Measured]

    def scores(self, number: int) -> NDArray[np.float64]:
        """(C,) of each cell for a property, in size."""
        return np.abs(signed_scores(self.ranks, self.measured[number], self.spread))


def _halves(values: Array, found: Sequence[Found], excerpts: Excerpts) -> tuple[_Half, _Half]:
    """Every other passage, and the rest."""
    numbers = np.repeat(np.arange(excerpts.count), excerpts.length)
    halves = []
    for rows in (numbers % 2 == 0, numbers % 2 == 1):
        ranks = centred_ranks(values[rows])
        measured = [Measured.of(one.values[rows], is_number=one.is_number) for one in found]
        halves.append(_Half(rows, ranks, spreads(ranks), measured))
    return halves[0], halves[1]


def findings(
    values: Array,
    untrained: Array,
    found: Sequence[Found],
    excerpts: Excerpts,
    generator: np.random.Generator,
    *,
    column: int | None = None,
) -> list[Finding]:
    """For each property the cell that follows it best, those first that tell more than text and chance.

    Args:
        values: (P·T, C) of the cells.
        untrained: the same of an untrained network.
        found: the properties, each of which varies in both halves of the passages.
        excerpts: the passages.
        generator: of the pairings.
        column: this cell alone, whichever is best.
    """
    if not found:
        return []
    bests, scores, levels = _bests(values, found, excerpts, generator, column)
    numbers = range(len(found))
    halves = _halves(untrained, found, excerpts)
    blank = [_best(number, *halves) for number in numbers]
    together, blank_together = (readout_scores(some, found, halves[0].rows) for some in (values, untrained))
    contexts = contexts_of(excerpts)
    made = []
    for number, one in enumerate(found):
        own, inside = values[:, bests[number]], one.inside
        choice, report = ((half.rows, half.measured[number]) for half in halves)
        surface = surface_score(one, choice, report, contexts, excerpts.count)
        made.append(
            Finding(
                column=bests[number],
                found=one,
                score=scores[number],
                null_95=levels[number],
                surface_score=surface,
                untrained_score=blank[number],
                together_score=together[number],
                untrained_together_score=blank_together[number],
                inside=float(own[inside].mean()),
                outside=float(own[~inside].mean()),
            )
        )
    return sorted(made, key=lambda finding: -finding.lead)


def _bests(
    values: Array,
    found: Sequence[Found],
    excerpts: Excerpts,
    generator: np.random.Generator,
    column: int | None,
) -> tuple[list[int], list[float], list[float]]:
    """For each property the cell that is best on one half, its score on the other, the level of chance."""
    chosen, reported = _halves(values, found, excerpts)
    numbers = range(len(found))
    bests = [int(chosen.scores(number).argmax()) if column is None else column for number in numbers]
    orders = pairings(excerpts.count // 2, generator)
    levels = null_levels(reported.ranks, reported.measured, reported.spread, orders)
    return bests, [float(reported.scores(number)[bests[number]]) for number in numbers], levels.tolist()


def _best(number: int, chosen: _Half, reported: _Half) -> float:
    """The score of the cell that is best on one half, on the other."""
    return float(reported.scores(number)[chosen.scores(number).argmax()])
