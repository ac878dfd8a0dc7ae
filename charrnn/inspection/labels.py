"""Models that are told the label of each text: they are shown pairs of a symbol and a label.

A label adds a vector to that of every symbol. So a trunk whose table has a row for each such pair, the sum of
both, is one that any other is. Knows nothing of files.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from charrnn.decoding.cells import Array
from charrnn.inspection.activations import Trunk
from charrnn.inspection.excerpts import Symbols
from charrnn.model.architecture import LabelledArchitecture

LABELS = "label.weight"


@dataclass(frozen=True)
class Pairs:
    """The pairs that a text has.

    Attributes:
        symbols: (K,) of each the symbol.
        labels: (K,) of each the label.
    """

    symbols: NDArray[np.int64]
    labels: NDArray[np.int64]

    def trunk(self, architecture: LabelledArchitecture, weights: Mapping[str, Array]) -> Trunk:
        """What reads them.

        Args:
            architecture: of the model.
            weights: an array for each name of its trunk at least; without those of labels nothing is added.
        """
        alone = architecture.without_labels()
        table = weights["embedding.weight"] if alone.embedding else np.eye(alone.symbols, dtype=np.float32)
        vectors = table[self.symbols]
        if LABELS in weights:
            vectors = vectors + weights[LABELS][self.labels]
        size = replace(alone, embedding=vectors.shape[1], symbols=len(vectors))
        own = {name: array for name, array in weights.items() if name != LABELS}
        return Trunk(size, own | {"embedding.weight": vectors})


def paired(symbols: Symbols, labels: NDArray[np.int32], known: int) -> tuple[Symbols, Pairs]:
    """Lines whose labels are told.

    Args:
        symbols: the lines.
        labels: of each of them, in order.
        known: symbols of the vocabulary.
    """
    lines = np.searchsorted(symbols.starts, np.arange(len(symbols.ids)), "right") - 1
    both = labels[lines].astype(np.int64) * known + symbols.ids
    pairs, shown = np.unique(both, return_inverse=True)
    return replace(symbols, shown=shown.reshape(-1)), Pairs(pairs % known, pairs // known)
