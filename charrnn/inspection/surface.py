"""How much of a property the last few characters tell alone: what a score must exceed to mean memory.

A table has for each context the mean of the property where it occurs in the other passages, drawn towards
that of the context one shorter. Knows nothing of networks.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from charrnn.inspection.excerpts import Excerpts
from charrnn.inspection.properties import Found
from charrnn.inspection.scores import Measured, centred_ranks, signed_scores, spreads

CHARACTERS = 3
"""The longest context."""

DOUBT = 1.0
"""Occurrences of a context that the mean of the shorter one counts as."""


def contexts_of(excerpts: Excerpts) -> list[NDArray[np.int64]]:
    """For each length of context the number of the one at each symbol of each passage, (P·T,) each."""
    ids, rows = excerpts.symbols.ids, excerpts.rows
    symbols, keys, found = int(ids.max()) + 2, np.zeros(len(rows), np.int64), list[NDArray[np.int64]]()
    for back in range(CHARACTERS):
        places = rows - back
        before = np.where(places < 0, 0, ids[np.maximum(places, 0)] + 1)
        keys = np.unique(keys * symbols + before, return_inverse=True)[1].reshape(-1)
        found.append(keys)
    return found


def predictions(
    values: NDArray[np.floating], contexts: list[NDArray[np.int64]], passages: int
) -> Iterator[NDArray[np.float64]]:
    """What each length of context tells of a property, (P·T,), its own passage always left out.

    Args:
        values: (P·T,) of the property.
        contexts: the context at each place, for each length.
        passages: how many there are: P.
    """
    numbers = np.repeat(np.arange(passages), len(values) // passages)
    totals = np.bincount(numbers, values, passages)
    size = len(values) // passages
    told = ((totals.sum() - totals) / max(1, len(values) - size))[numbers]
    for keys in contexts:
        mine = np.unique(keys * passages + numbers, return_inverse=True)[1].reshape(-1)
        sums = np.bincount(keys, values)[keys] - np.bincount(mine, values)[mine]
        counts = np.bincount(keys)[keys] - np.bincount(mine)[mine]
        told = (sums + DOUBT * told) / (counts + DOUBT)
        yield told


def surface_score(
    found: Found,
    chosen: tuple[NDArray[np.bool_], Measured],
    reported: tuple[NDArray[np.bool_], Measured],
    contexts: list[NDArray[np.int64]],
    passages: int,
) -> float:
    """The score of the length of context that is best on one half, on the other: as cells are chosen.

    Args:
        found: the property.
        chosen: (P·T,) which places the one half has, and the property there.
        reported: the same of the other.
        contexts: as `contexts_of` has them.
        passages: how many there are.
    """
    values = centred_ranks(found.values[:, None])[:, 0] if found.is_number else found.values
    told = np.stack(list(predictions(values, contexts, passages)), 1)
    scores = []
    for rows, measured in (chosen, reported):
        ranks = centred_ranks(told[rows])
        scores.append(np.abs(signed_scores(ranks, measured, spreads(ranks))))
    return float(scores[1][scores[0].argmax()])
