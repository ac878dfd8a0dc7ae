"""How well the value of a cell follows a property: |2 AUC - 1| where that is yes or no, else |Spearman's ρ|.

Both are linear in the ranks of the cell's values, so that scores of all cells and properties are one product:

    2 AUC - 1 = 2 Σ_yes r / (n_yes n_no)          r the rank among all places, less the mean rank,
    ρ = Σ r s / √(Σ r² Σ s²)                      s the same of the property; ties share their mean rank

Knows nothing of networks.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]


def centred_ranks(values: NDArray[np.floating]) -> Floats:
    """The rank of each value in its column, ties sharing their mean, less the mean rank: (N, C) to (N, C)."""
    count = len(values)
    ranks = np.empty(values.shape, np.float32)
    for column in range(values.shape[1]):
        order = np.argsort(values[:, column], kind="stable")
        ordered = values[order, column]
        firsts = np.flatnonzero(np.append(True, ordered[1:] != ordered[:-1]))
        sizes = np.diff(np.append(firsts, count))
        ranks[order, column] = np.repeat(firsts + (sizes - 1) / 2 - (count - 1) / 2, sizes)
    return ranks


@dataclass(frozen=True)
class Measured:
    """A property's side of the score, and what the other side is divided by.

    Attributes:
        weights: (N,) a score is |Σ ranks · weights|,
        by_spread: divided by the root of Σ ranks², if this is so.
    """

    weights: Floats
    by_spread: bool

    @classmethod
    def of(cls, values: NDArray[np.floating], *, is_number: bool) -> "Measured":
        """That of a property with these values, which are not all the same."""
        if is_number:
            ranks = centred_ranks(values[:, None])[:, 0].astype(np.float64)
            return cls((ranks / np.sqrt((ranks**2).sum())).astype(np.float32), by_spread=True)
        is_so = values > 0
        share = 2 / (float(is_so.sum()) * float((~is_so).sum()))
        return cls((is_so * share).astype(np.float32), by_spread=False)


def spreads(ranks: Floats) -> NDArray[np.float64]:
    """(C,) the root of Σ ranks² of each column; 1 for a constant one, whose ranks are all 0."""
    squares = np.einsum("nc,nc->c", ranks, ranks, dtype=np.float64)
    return np.where(squares > 0, np.sqrt(squares), 1.0)


def signed_scores(ranks: Floats, measured: Measured, spread: NDArray[np.float64]) -> NDArray[np.float64]:
    """(C,) the score of each column before its sign is dropped; 0 for a constant one."""
    sums = (measured.weights @ ranks).astype(np.float64)
    return sums / spread if measured.by_spread else sums
