"""A tagger that was trained, in NumPy and without torch: the tags of whole texts, of any length in one pass.

The equations stand in `model/tagger.py` and `chain.py`. Knows nothing of files or terminals.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from charrnn.decoding.cells import Array
from charrnn.decoding.chain import Chain
from charrnn.decoding.encoder import Encoder
from charrnn.decoding.network import NOT_FINITE, Held
from charrnn.errors import CheckpointError
from charrnn.model.architecture import TaggerArchitecture
from charrnn.model.packing import Packing
from charrnn.model.substrings import substrings
from charrnn.text.tag_schemes import possible

Ids = NDArray[np.integer[Any]]


@dataclass(frozen=True)
class Tags:
    """What was found for one text.

    Attributes:
        ids: (M,) the tag of each of its symbols that gets one.
        probabilities: (M,) of these tags, each by itself.
    """

    ids: NDArray[np.intp]
    probabilities: NDArray[np.float64]


class SavedTagger:
    """What tags texts."""

    def __init__(
        self,
        architecture: TaggerArchitecture,
        weights: Mapping[str, Array],
        tags: Sequence[str],
        held: Sequence[Held] = (),
    ) -> None:
        """Prepare the weights.

        Args:
            architecture: cell, sizes and direction, and how many tags.
            weights: an array for each name in `architecture.shapes()`.
            tags: their names.
            held: cells that are overwritten, as `Encoder` has them.
        """
        self._encoder = Encoder(architecture, weights, held)
        self._weight, self._bias = weights["output.weight"].T, weights["output.bias"]
        self._table = weights.get("substrings.weight")
        self._chain = Chain(weights, possible(tags))

    def tags(self, texts: Sequence[Ids], begins: Sequence[NDArray[np.bool_]] | None = None) -> list[Tags]:
        """The best tags of each text, no impossible sequence among them.

        Args:
            texts: one at least; the ids of each, with its end mark.
            begins: for each whether a symbol begins a character, that of the end mark being all one; None if
                every symbol does. The others get no tag.

        Raises:
            CheckpointError: scores are not finite.
        """
        emissions, packing, which = self.emissions(texts, begins)
        nothing = Tags(np.empty(0, np.intp), np.empty(0, np.float64))
        found = [nothing] * len(texts)
        if len(emissions):
            best = self._chain.best(emissions, packing)
            chances = self._chain.probabilities(emissions, packing)[np.arange(len(best)), best]
            for number, (text, length) in enumerate(zip(which.tolist(), packing.lengths, strict=True)):
                rows = packing.offsets[:length] + number
                found[text] = Tags(best[rows], chances[rows])
        return found

    def emissions(
        self, texts: Sequence[Ids], begins: Sequence[NDArray[np.bool_]] | None = None
    ) -> tuple[Array, Packing, NDArray[np.int64]]:
        """The score of each tag at each symbol that gets one, (M, K); how these lie, and of which texts."""
        read = self._encoder.read(texts)
        packing, order = read.packing, read.order
        kept = packing.steps < packing.lengths[packing.texts] - 1
        if begins is not None:
            lengths = np.array([len(text) for text in texts])
            starts = np.cumsum(lengths) - lengths
            kept &= np.concatenate(begins)[starts[order][packing.texts] + packing.steps]
        rows, packing, which = packing.only(kept)
        with np.errstate(all="ignore"):
            scores: Array = read.hidden[rows] @ self._weight + self._bias
            if self._table is not None:
                for found in substrings(read.ids, read.packing, len(self._table)):
                    scores += self._table[found[rows]]
        if not np.isfinite(scores).all():
            raise CheckpointError(NOT_FINITE)
        return scores, packing, order[which]
