"""What an export is worth: what its weights cost, and whether it computes what the model does.

Networks are compared by their logits, symbol by symbol, on the same texts.
"""

import math
from collections.abc import Callable
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from charrnn.decoding.filters import Logits, log_probabilities
from charrnn.errors import CharRNNError
from charrnn.export.held_out import Texts

COMPARED, MEASURED = 2_000, 20_000
"""Symbols on which logits are compared, and on which the loss is measured."""

ROWS = 20
"""Texts side by side when the loss is measured."""

BLANK_EVERY = 50
"""Symbols after which networks that are compared begin anew. Some are chaotic: rounding grows step by step
until they have nothing in common any more, and neither of them is wrong."""

CLOSE = 1e-3
"""Logits of an export may differ by no more, which is ten times what rounding is seen to do."""


class Steps(Protocol):
    """A network that reads one symbol of each of some texts at a time."""

    def step(self, ids: NDArray[np.intp]) -> Logits:
        """Read one symbol of each text; the logits of the next, (texts, V)."""

    def reset(self) -> None:
        """Blank the state of every text."""


Network = Callable[[int], Steps]
"""A network for so many texts side by side."""


def nats(network: Network, texts: Texts) -> float:
    """The mean cost of a symbol."""
    total, steps = 0.0, network(ROWS)
    every = np.arange(ROWS)
    for ids, is_there in texts.side_by_side(ROWS):
        steps.reset()
        for place in range(ids.shape[1] - 1):
            logs = log_probabilities(steps.step(ids[:, place]))
            costs = -logs[every, ids[:, place + 1]]
            total += float(costs[is_there[:, place + 1]].sum())
    return total / texts.symbols


def bits_lost(model: Network, stored: Network, texts: Texts) -> float | None:
    """What a character costs more with the stored weights; None where no text was held out."""
    if not texts.are_held_out:
        return None
    lost = nats(stored, texts) - nats(model, texts)
    return lost / texts.characters_per_symbol / math.log(2)


def largest_difference(stored: Network, exported: Network, texts: Texts) -> float:
    """The largest difference between logits of two networks, both of them blank every `BLANK_EVERY` symbols.

    Raises:
        CharRNNError: as `close`.
    """
    rows = min(len(texts.texts), ROWS)
    largest, ours, theirs = 0.0, stored(rows), exported(rows)
    for ids, is_there in texts.side_by_side(rows):
        for place in range(ids.shape[1] - 1):
            if place % BLANK_EVERY == 0:
                ours.reset()
                theirs.reset()
            expected, found = ours.step(ids[:, place]), theirs.step(ids[:, place])
            differences = np.abs(expected - found)[is_there[:, place]]
            largest = float(np.maximum(largest, differences.max(initial=0)))  # keeps what is no number
    return close(largest)


def close(difference: float) -> float:
    """A difference between logits that is no more than rounding.

    Raises:
        CharRNNError: it is too large for that: the export would not be the model.
    """
    if not difference <= CLOSE:
        raise CharRNNError(
            f"the export computes other logits than the model, by up to {difference:g}; expected at most "
            f"{CLOSE:g}; nothing was written; report it as a bug"
        )
    return difference
