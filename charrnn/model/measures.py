"""What is recorded of a prediction: the loss of the actual symbol, and the likeliest alternatives."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import cross_entropy, softmax

from charrnn.model.network import CharRNN, flattened

Kept = NDArray[np.float32]
"""(N, D): for each of N symbols its cost in nats, and what else a measure keeps."""


@dataclass(frozen=True)
class Measure:
    """What is kept of each prediction.

    Attributes:
        columns: D, how many numbers; the first is the cost.
        of: makes them, (N, D), from logits (N, V) and what came (N,).
    """

    columns: int
    of: Callable[[Tensor, Tensor], Tensor]

    def of_texts(self, logits: Tensor, targets: Tensor) -> Tensor:
        """The same for texts side by side, (B, T, D), from logits (B, T, V) and what came (B, T)."""
        found = self.of(*flattened(logits, targets))
        return found.view(*targets.t().shape, self.columns).transpose(0, 1)


def _costs(logits: Tensor, targets: Tensor) -> Tensor:
    return cross_entropy(logits.float(), targets, reduction="none")[:, None]


COST = Measure(1, _costs)
"""-ln p of what came."""


NOTHING = Measure(0, lambda logits, _: logits.new_empty(len(logits), 0))
"""For reading on without looking."""


def likeliest(count: int) -> Measure:
    """The cost, then the `count` highest probabilities, highest first, then the ids they belong to."""

    def of(logits: Tensor, targets: Tensor) -> Tensor:
        chances, ids = softmax(logits.float(), -1).topk(count, dim=-1)
        return torch.cat((_costs(logits, targets), chances, ids.float()), 1)

    return Measure(1 + 2 * count, of)


def unforeseen(model: CharRNN, measure: Measure) -> Kept:
    """(1, D): what is kept of a symbol before which nothing was read."""
    kept = nothing(measure, 1)
    kept[:, 0] = math.log(model.architecture.symbols)
    return kept


def nothing(measure: Measure, rows: int = 0) -> Kept:
    """(rows, D): zeros."""
    return np.zeros((rows, measure.columns), np.float32)
