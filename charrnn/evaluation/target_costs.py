"""What known targets cost, given their own sources or those of others. Knows nothing of text or files."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from charrnn.decoding.filters import log_probabilities
from charrnn.decoding.translator import Ids, Translator, by_length
from charrnn.text.codes import UNKNOWN_NATS
from charrnn.text.target_vocabulary import END

TOGETHER = 256
"""Targets that are read side by side, at most."""

SEED = 1
"""Of whose source each target gets instead of its own."""


@dataclass(frozen=True)
class TargetCosts:
    """What known targets cost a model; (R,) each, in nats, with their end marks.

    Attributes:
        own: given their sources.
        shuffled: given the source of another one.
        sizes: how many characters, or symbols, each has, its end mark included.
    """

    own: NDArray[np.float64]
    shuffled: NDArray[np.float64]
    sizes: NDArray[np.int64]

    def figures(self, unit: str) -> dict[str, float | None]:
        """Bits for each character or symbol; where both are alike, a source tells nothing of its target.

        Args:
            unit: `character` or `symbol`; a single target has no other's source.
        """
        own, shuffled = (
            float(nats.sum() / math.log(2) / self.sizes.sum()) for nats in (self.own, self.shuffled)
        )
        return {f"bits_per_{unit}": own, f"bits_per_{unit}_shuffled": shuffled if len(self.own) > 1 else None}

    def only(self, chosen: NDArray[np.bool_]) -> "TargetCosts":
        """Those of some targets."""
        return TargetCosts(self.own[chosen], self.shuffled[chosen], self.sizes[chosen])


def own_and_shuffled(
    translator: Translator, sources: Sequence[Ids], targets: Sequence[Ids], sizes: NDArray[np.int64]
) -> TargetCosts:
    """What targets cost given their own sources and those of others, each of them once."""
    shuffled = [sources[place] for place in others(len(sources), np.random.default_rng(SEED)).tolist()]
    return TargetCosts(costs(translator, sources, targets), costs(translator, shuffled, targets), sizes)


def costs(translator: Translator, sources: Sequence[Ids], targets: Sequence[Ids]) -> NDArray[np.float64]:
    """(R,) what each target costs given its source, in nats, its end mark included.

    A symbol that the network has no id for is charged, and not shown to it.

    Args:
        translator: the network.
        sources: ids, each with its end mark.
        targets: ids, without.

    Raises:
        CheckpointError: what it predicts is not finite.
    """
    nats = np.zeros(len(sources))
    for some in by_length([len(source) for source in sources], TOGETHER):
        nats[some] = _costs(
            translator, [sources[place] for place in some], [targets[place] for place in some]
        )
    return nats


def _costs(translator: Translator, sources: Sequence[Ids], targets: Sequence[Ids]) -> NDArray[np.float64]:
    lengths = np.array([len(target) + 1 for target in targets])
    order = np.argsort(-lengths, kind="stable")  # those that still run are always the first ones
    wanted = np.full((int(lengths.max()), len(order)), END, np.intp)
    for column, place in enumerate(order.tolist()):
        wanted[: lengths[place] - 1, column] = targets[place]
    symbols, running = translator.architecture.target_symbols, len(order)
    nats = np.zeros(running)
    writer = translator.writer(translator.encode([sources[place] for place in order.tolist()]))
    given = np.full(running, END)
    for step, row in enumerate(wanted):
        left = int((lengths > step).sum())
        if left < running:
            writer.keep(np.arange(left))
            running = left
        logs = log_probabilities(writer.step(given[:running]))
        is_unknown = row[:running] >= symbols
        given = np.where(is_unknown, END, row[:running])
        nats[order[:running]] += np.where(is_unknown, UNKNOWN_NATS, -logs[np.arange(running), given])
    return nats


def others(count: int, random: np.random.Generator) -> NDArray[np.intp]:
    """(R,) for each of so many rows another one, drawn, each of them once: no row is its own.

    All rows stand in a circle, and each gets the one before it.
    """
    circle = random.permutation(count)
    found: NDArray[Any] = np.empty(count, np.intp)
    found[circle] = np.roll(circle, 1)
    return found
