"""What chance alone reaches: the best score where values and properties are of different passages.

The values of the cells in passage i are paired with the property in passage j. Turning a series against
itself in a circle instead would keep slow signals alike, and find what is not there (Harris 2020, arXiv
2012.06862). Properties differ in what chance reaches, those that change slowly most of all, so each one's
scores become ranks among those of all pairings, before the best of all properties is taken: the level is of
the maximum over cells and properties (Westfall & Young 1993). Knows nothing of networks or text.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from charrnn.inspection.scores import Floats, Measured

PAIRINGS = 1000
CELLS = 256
"""Columns that are looked at together: bounds memory."""

LEVEL = 0.95


def pairings(passages: int, generator: np.random.Generator, count: int = PAIRINGS) -> NDArray[np.int64]:
    """(K, P) orders of passages in which none is where it was."""
    places = np.arange(passages)
    found: list[NDArray[np.int64]] = []
    while len(found) < count:
        order = generator.permutation(passages)
        if not (order == places).any():  # one in e is not
            found.append(order)
    return np.array(found)


def null_levels(
    ranks: Floats,
    properties: Sequence[Measured],
    spread: NDArray[np.float64],
    orders: NDArray[np.int64],
) -> NDArray[np.float64]:
    """(properties,) what each one's score must exceed.

    Args:
        ranks: (P·T, C) centred ranks of the cells' values, passage by passage.
        properties: each of as many places.
        spread: (C,) of the ranks.
        orders: (K, P) which passage's property each passage's values are paired with.
    """
    return levels_of(best_by_chance(ranks, properties, spread, orders))


def best_by_chance(
    ranks: Floats, properties: Sequence[Measured], spread: NDArray[np.float64], orders: NDArray[np.int64]
) -> NDArray[np.float64]:
    """(K, properties) the best score of all columns in each pairing; arguments as of `null_levels`."""
    (count, passages), width = orders.shape, ranks.shape[1]
    length = len(ranks) // passages
    weights = np.stack([one.weights.reshape(passages, length) for one in properties])
    by_spread = np.array([one.by_spread for one in properties])
    best = np.zeros((count, len(properties)))
    for first in range(0, width, CELLS):
        some = slice(first, first + CELLS)
        values = ranks[:, some].reshape(passages, length, -1)
        sums = np.zeros((count, len(properties), values.shape[2]), np.float32)
        for number in range(passages):
            # Of this passage's values with each passage's properties.
            products = np.matmul(weights, values[number])
            sums += products[:, orders[:, number]].swapaxes(0, 1)
        highest = np.where(
            by_spread, (np.abs(sums) / spread[some]).max(2, initial=0), np.abs(sums).max(2, initial=0)
        )
        np.maximum(best, highest, out=best)
    return best


def levels_of(best: NDArray[np.float64], level: float = LEVEL) -> NDArray[np.float64]:
    """The level of the maximum over columns whose scales differ, in the scale of each: (K, M) to (M,)."""
    ordered = np.sort(best, axis=0)
    ranks = np.stack(
        [np.searchsorted(ordered[:, column], best[:, column], "right") for column in range(best.shape[1])], 1
    )
    highest = np.sort(ranks.max(axis=1))
    wanted = highest[min(len(highest) - 1, int(np.ceil(level * len(highest))) - 1)]
    levels: NDArray[np.float64] = ordered[wanted - 1]
    return levels
