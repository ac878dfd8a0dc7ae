"""How much of a property all cells tell together: what is spread over many has no cell of its own.

A linear readout of the cells' values is fitted to the property on every other passage, by ridge regression,
and scored on the rest, as single cells are. Knows nothing of networks.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from charrnn.decoding.cells import Array
from charrnn.inspection.properties import Found
from charrnn.inspection.scores import Measured, centred_ranks, signed_scores, spreads

SHRINKAGE = 0.01
"""Of the penalty on squared weights, for each place that is fitted; cells and properties have variance 1."""

CONSTANT = 1e-6
"""A cell whose values deviate by no more tells nothing."""


def readout_scores(values: Array, found: Sequence[Found], fitted: NDArray[np.bool_]) -> list[float]:
    """For each property the score of a readout; 0 where it orders places the wrong way round.

    Args:
        values: (N, C) of the cells.
        found: the properties, each of which varies in both halves.
        fitted: (N,) the places that it is fitted on; it is scored on the others.
    """
    told = readouts(values, np.stack([_scaled(one, fitted) for one in found], 1), fitted)
    scores = []
    for column, one in zip(np.hsplit(centred_ranks(told), len(found)), found, strict=True):
        measured = Measured.of(one.values[~fitted], is_number=one.is_number)
        scores.append(max(0.0, float(signed_scores(column, measured, spreads(column))[0])))
    return scores


def readouts(values: Array, wanted: NDArray[np.float64], fitted: NDArray[np.bool_]) -> Array:
    """What readouts tell where they were not fitted: (N - M, K).

    Args:
        values: (N, C) of the cells.
        wanted: (M, K) what each should give at the places that it is fitted on; their mean is 0.
        fitted: (N,) which M places these are.
    """
    mean, deviation = values[fitted].mean(axis=0), np.maximum(values[fitted].std(axis=0), CONSTANT)
    inputs, count = (values[fitted] - mean) / deviation, int(fitted.sum())
    # (XᵀX + λI) W = XᵀY
    products = (inputs.T @ inputs).astype(np.float64)
    products[np.diag_indices_from(products)] += SHRINKAGE * count
    weights = np.linalg.solve(products, inputs.T @ wanted.astype(np.float32))
    told: Array = ((values[~fitted] - mean) / deviation) @ weights.astype(np.float32)
    return told


def _scaled(found: Found, fitted: NDArray[np.bool_]) -> NDArray[np.float64]:
    """A property where readouts are fitted, of a number its ranks: mean 0, variance 1."""
    values = found.values[fitted]
    own = (centred_ranks(values[:, None])[:, 0] if found.is_number else values).astype(np.float64)
    scaled: NDArray[np.float64] = (own - own.mean()) / own.std()
    return scaled
