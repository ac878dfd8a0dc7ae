"""A linear chain over the tags of neighbours, in NumPy: the best sequence, and the probability of each tag.

The score of a sequence y of T tags, given what the network says of each place, e:

    s(y) = first[y_1] + Σ_t e_t[y_t] + Σ_t transition[y_t, y_{t+1}] + last[y_T]

and its probability is the softmax of s over all sequences (Lafferty et al. 2001, "Conditional random
fields"). An impossible sequence has the score -∞. Knows nothing of how e is made, of text or files.
"""

from collections.abc import Mapping
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from charrnn.decoding.cells import Array
from charrnn.model.packing import Packing
from charrnn.text.tag_schemes import Possible

Scores = NDArray[np.float64]
Emissions = NDArray[np.floating[Any]]


class Chain:
    """Scores sequences of K tags."""

    def __init__(self, weights: Mapping[str, Array], possible: Possible) -> None:
        """Rule out what is impossible.

        Args:
            weights: `chain.first`, `chain.transition` and `chain.last`.
            possible: what may come out.
        """
        self.first = np.where(possible.first, weights["chain.first"], -np.inf).astype(np.float64)
        self.follows = np.where(possible.follows, weights["chain.transition"], -np.inf).astype(np.float64)
        self.last = np.where(possible.last, weights["chain.last"], -np.inf).astype(np.float64)

    def best(self, emissions: Emissions, packing: Packing) -> NDArray[np.intp]:
        """The best sequence of each text (Viterbi 1967), (N,); of equal ones that of the lower tags.

        Args:
            emissions: (N, K), e of all texts.
            packing: where the steps of each lie.
        """
        texts, steps = int(packing.sizes[0]), _steps(packing)
        came_from = np.empty(emissions.shape, np.intp)
        score = self.first + emissions[:texts]
        for rows in steps[1:]:
            running = rows.stop - rows.start
            paths = score[:running, :, None] + self.follows
            came_from[rows] = paths.argmax(1)
            score[:running] = paths.max(1) + emissions[rows]
        tags = (score + self.last).argmax(1)
        found = np.empty(len(emissions), np.intp)
        for rows in reversed(steps):
            running = tags[: rows.stop - rows.start]
            found[rows] = running
            if rows.start:
                running[:] = np.take_along_axis(came_from[rows], running[:, None], 1)[:, 0]
        return found

    def probabilities(self, emissions: Emissions, packing: Packing) -> Scores:
        """The probability of each tag at each place, (N, K), all sequences considered."""
        texts, steps = int(packing.sizes[0]), _steps(packing)
        forward, backward = (np.empty(emissions.shape, np.float64) for _ in range(2))
        forward[:texts] = self.first + emissions[:texts]
        for before, rows in pairwise(steps):
            reached = forward[before][: rows.stop - rows.start, :, None] + self.follows
            forward[rows] = _log_sum_exp(reached, 1) + emissions[rows]
        later = np.tile(self.last, (texts, 1))
        for rows in reversed(steps):
            running = rows.stop - rows.start
            backward[rows] = later[:running]
            leaving = self.follows + (later[:running] + emissions[rows])[:, None]
            later[:running] = _log_sum_exp(leaving, 2)
        both = forward + backward
        return np.exp(both - _log_sum_exp(both, 1)[:, None])


def _steps(packing: Packing) -> list[slice]:
    """The rows of each step."""
    begins = packing.offsets.tolist()
    return [slice(b, b + size) for b, size in zip(begins, packing.sizes.tolist(), strict=True)]


@np.errstate(divide="ignore")
def _log_sum_exp(values: Scores, axis: int) -> Scores:
    """Ln Σ exp along an axis; -∞ where all are."""
    highest = np.maximum(values.max(axis, keepdims=True), np.finfo(np.float64).min)
    found: Scores = np.log(np.exp(values - highest).sum(axis)) + np.squeeze(highest, axis)
    return found
