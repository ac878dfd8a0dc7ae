"""A classifier that was trained, in NumPy and without torch: the probability of each label of whole texts.

The equations stand in `model/classifier.py`. Knows nothing of files or terminals.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from charrnn.decoding.cells import Array
from charrnn.decoding.encoder import Encoded, Encoder
from charrnn.decoding.filters import log_probabilities
from charrnn.decoding.network import NOT_FINITE, Held
from charrnn.errors import CheckpointError
from charrnn.model.architecture import ClassifierArchitecture


class SavedClassifier:
    """What tells the label of a text."""

    def __init__(
        self,
        architecture: ClassifierArchitecture,
        weights: Mapping[str, Array],
        temperature: float = 1.0,
        held: Sequence[Held] = (),
    ) -> None:
        """Prepare the weights.

        Args:
            architecture: cell, sizes and direction, and how many labels.
            weights: an array for each name in `architecture.shapes()`.
            temperature: what logits are divided by.
            held: cells that are overwritten, as `Encoder` has them.
        """
        self._encoder = Encoder(architecture, weights, held)
        self._weight, self._bias = weights["output.weight"].T, weights["output.bias"]
        self._temperature = temperature

    def logits(self, texts: Sequence[NDArray[np.integer[Any]]]) -> Array:
        """The logits of each text's label, (B, C).

        Args:
            texts: one at least; the ids of each, with its end mark.

        Raises:
            CheckpointError: they are not finite.
        """
        with np.errstate(all="ignore"):
            found: Array = pooled(self._encoder.read(texts)) @ self._weight + self._bias
        if not np.isfinite(found).all():
            raise CheckpointError(NOT_FINITE)
        return found

    def log_probabilities(self, texts: Sequence[NDArray[np.integer[Any]]]) -> NDArray[np.float64]:
        """The logarithm of the probability of each text's labels, (B, C); otherwise as `logits`."""
        return log_probabilities(self.logits(texts) / np.float32(self._temperature))


def pooled(texts: Encoded) -> Array:
    """The mean and the maximum of each text's hidden states, in the order in which texts were given."""
    packing, width = texts.packing, texts.hidden.shape[1]
    total = np.zeros((len(texts.order), width), np.float32)
    highest = np.full_like(total, -np.inf)
    for offset, running in zip(packing.offsets.tolist(), packing.sizes.tolist(), strict=True):
        step = texts.hidden[offset : offset + running]
        total[:running] += step
        np.maximum(highest[:running], step, out=highest[:running])
    found = np.empty((len(total), 2 * width), np.float32)
    found[texts.order, :width] = total / packing.lengths[:, None]
    found[texts.order, width:] = highest
    return found
