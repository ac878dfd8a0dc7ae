"""Checks whether the held-out part resembles the training part, by a bigram model.

Equal parts of the training text are each scored with the bigrams of the others, which shows how much these
parts differ among themselves. The held-out part is scored with the bigrams of all. Knows nothing of networks.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from charrnn.evaluation.baselines import counting
from charrnn.evaluation.baselines.ngrams import Ids
from charrnn.text.parts import Part
from charrnn.text.text_parts import OneText

PARTS = 10
LONGEST, SHORTEST = 2**16, 1_000
"""Symbols of each part of the training text that are looked at; of fewer nothing can be told."""

PAIRED = 1024
"""Of a larger vocabulary single symbols are counted, not pairs."""

NOTICEABLE = 0.1
"""Another cost than the training text's mean by less is no sign of another kind."""


@dataclass(frozen=True)
class Likeness:
    """Bits per symbol under pairs counted in the training text.

    Attributes:
        held_out: what the held-out part costs.
        training: what parts of the training text cost under the pairs of the others.
    """

    held_out: float
    training: list[float]

    @property
    def mean(self) -> float:
        """Of the training text's parts."""
        return sum(self.training) / len(self.training)

    @property
    def is_unlike(self) -> bool:
        """Whether the held-out part is further off than a tenth, and than twice any part of the training."""
        furthest = max(abs(bits - self.mean) for bits in self.training)
        return abs(self.held_out - self.mean) > max(NOTICEABLE * self.mean, 2 * furthest)


def likeness(training: Part, validation: Part, symbols: int) -> Likeness | None:
    """Compare the two parts of a text; None where they are too short for that.

    Args:
        training: what is learnt from.
        validation: what is held out.
        symbols: of the vocabulary.
    """
    text, held = _stream(training), validation.last_symbols(PARTS * LONGEST)
    held = held[held < symbols]
    length = min(LONGEST, len(text) // PARTS)
    if min(length, len(held)) < SHORTEST:
        return None
    places = np.linspace(0, len(text) - length, PARTS).astype(np.int64)
    parts = [_Pairs(text[place : place + length], symbols) for place in places]
    counts = np.sum([part.counts for part in parts], axis=0)
    own = [part.bits(counts - part.counts) for part in parts]
    return Likeness(_Pairs(held, symbols).bits(counts), own)


def _stream(part: Part) -> Ids:
    """A text as it is mapped; of records or stretches the last few millions."""
    return part.ids if isinstance(part, OneText) else part.last_symbols(counting.LONGEST)


class _Pairs:
    """The pairs of symbols of a text, or its single symbols where the vocabulary is large."""

    def __init__(self, ids: Ids, symbols: int) -> None:
        self.symbols = symbols
        self.rows = symbols if symbols <= PAIRED else 1
        before = ids[:-1].astype(np.int64) if self.rows > 1 else np.zeros(len(ids) - 1, np.int64)
        self.places = before * symbols + ids[1:]
        self.counts = np.bincount(self.places, minlength=self.rows * symbols)

    def bits(self, counts: NDArray[np.int64]) -> float:
        """The mean cost of the text under counts of pairs, smoothed by those of their second symbols."""
        table = counts.reshape(self.rows, self.symbols)
        alone = (table.sum(0) + 0.5) / (counts.sum() + 0.5 * self.symbols)
        chances = (table + alone) / (table.sum(1, keepdims=True) + 1)
        return float(-np.log2(chances.ravel()[self.places]).mean())
