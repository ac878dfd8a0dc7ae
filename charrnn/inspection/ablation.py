"""What hangs on a cell: how much worse the next characters are predicted with the cell held at its mean.

What a cell encodes a network need not use (Antverg & Belinkov 2021, arXiv 2110.07483). Cells are taken away
one by one, side by side in one batch. Intervals are of passages drawn again and again. No torch.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from charrnn.decoding.cells import Array
from charrnn.decoding.filters import log_probabilities
from charrnn.decoding.network import Decoder, Held
from charrnn.inspection.activations import WARM_UP, Tell, Trunk
from charrnn.inspection.excerpts import Excerpts

ROWS = 4096
"""Texts that are read side by side, at most: as many passages as this for some of the cells."""

DRAWS, OUTSIDE = 1000, 0.025
"""Resamples of an interval, and the share of them on each side of it."""


@dataclass(frozen=True)
class Walk:
    """Passages as rows that are read side by side, with what comes before them.

    Attributes:
        ids: (P, W + T) what the network is shown; anything where a row has not begun yet.
        blank: (P, W + T) where the state is blanked before a symbol is read.
        targets: (P, T) what follows each symbol of the passages.
        is_scored: (P, T) whether anything does.
        characters: (P, T) how many characters of the text begin with what follows: 1 or 0.
    """

    ids: NDArray[np.int64]
    blank: NDArray[np.bool_]
    targets: NDArray[np.int64]
    is_scored: NDArray[np.bool_]
    characters: NDArray[np.int64]

    @classmethod
    def of(cls, excerpts: Excerpts) -> "Walk":
        """That of passages."""
        symbols, total = excerpts.symbols, len(excerpts.symbols.ids)
        is_start = np.zeros(total + 1, np.bool_)
        is_start[symbols.starts] = True
        is_break = np.zeros(total + 1, np.bool_)
        is_break[symbols.breaks] = is_break[total] = True
        rows = excerpts.begins[:, None] + np.arange(-WARM_UP, excerpts.length)
        places = rows[:, WARM_UP:]
        after = np.minimum(places + 1, total - 1)
        return cls(
            ids=symbols.inputs[np.maximum(rows, 0)],
            blank=is_start[np.maximum(rows, 0)] & (rows >= 0),
            targets=symbols.ids[after],
            is_scored=~is_break[places + 1],
            characters=(symbols.places[after] != symbols.places[places]).astype(np.int64),
        )

    @property
    def steps(self) -> int:
        """Symbols of a passage: T."""
        return len(self.targets[0])

    @property
    def warm_up(self) -> int:
        """Symbols before it: W."""
        return len(self.ids[0]) - self.steps


def read_before(trunk: Trunk, walk: Walk) -> Decoder:
    """A decoder whose rows have read what comes before the passages."""
    decoder = Decoder(trunk.architecture, trunk.weights, len(walk.ids))
    for step in range(walk.warm_up):
        _blank(decoder, walk.blank[:, step])
        decoder.step(walk.ids[:, step])
    return decoder


def _blank(decoder: Decoder, which: NDArray[np.bool_]) -> None:
    if which.any():
        zeros = tuple(np.zeros((1, part.shape[1]), np.float32) for part in decoder.state)
        decoder.put(np.flatnonzero(which), zeros)


def costs(
    trunk: Trunk, walk: Walk, means: Array, columns: Sequence[int], tell: Tell | None = None
) -> Iterator[NDArray[np.float32]]:
    """What each next symbol costs in nats, (P, T), first as the network is, then without each of some cells.

    Args:
        trunk: a language model.
        walk: the passages.
        means: (C,) what cells are held at.
        columns: the cells.
        tell: is told how many more symbols were read.
    """
    before = read_before(trunk, walk).state
    passages, hidden = len(walk.ids), trunk.architecture.hidden
    groups: list[Sequence[int | None]] = [[None]]
    together = max(1, ROWS // passages)
    groups += [columns[first : first + together] for first in range(0, len(columns), together)]
    for group in groups:
        decoder = Decoder(trunk.architecture, trunk.weights, len(group) * passages)
        decoder.state = tuple(np.tile(part, (len(group), 1)) for part in before)
        decoder.hold(
            [
                Held(
                    column // hidden,
                    np.full(passages, column % hidden),
                    np.full(passages, means[column]),
                    np.arange(number * passages, (number + 1) * passages),
                )
                for number, column in enumerate(group)
                if column is not None
            ]
        )
        found = _nats(decoder, walk, len(group), tell)
        yield from found.reshape(len(group), passages, -1)


def _nats(decoder: Decoder, walk: Walk, times: int, tell: Tell | None) -> NDArray[np.float32]:
    """What each next symbol costs, passages following one another so many times: (times·P, T)."""
    nats = np.zeros((times * len(walk.ids), walk.steps), np.float32)
    every = np.arange(len(nats))
    for step in range(walk.steps):
        at = walk.warm_up + step
        _blank(decoder, np.tile(walk.blank[:, at], times))
        logits = decoder.step(np.tile(walk.ids[:, at], times))
        nats[:, step] = -log_probabilities(logits)[every, np.tile(walk.targets[:, step], times)]
        if tell is not None:
            tell(len(nats))
    return nats * np.tile(walk.is_scored, (times, 1))


@dataclass(frozen=True)
class Rise:
    """How much more characters cost.

    Attributes:
        bits: per character.
        low: of the interval that holds 95 of 100 resamples of the passages.
        high: of it.
    """

    bits: float
    low: float
    high: float


def rise(
    more: NDArray[np.floating], characters: NDArray[np.integer], generator: np.random.Generator
) -> Rise | None:
    """The rise of the cost, with its interval; None where there is no character.

    Args:
        more: (P, T) nats that each next symbol costs more; 0 where it does not count.
        characters: (P, T) how many characters begin with it; 0 where it does not count.
        generator: of the resamples.
    """
    sums, counts = more.sum(axis=1, dtype=np.float64) / np.log(2), characters.sum(axis=1)
    if not counts.any():
        return None
    passages = len(sums)
    times = generator.multinomial(passages, np.full(passages, 1 / passages), DRAWS)
    drawn = times @ counts
    ratios = (times @ sums)[drawn > 0] / drawn[drawn > 0]
    low, high = np.quantile(ratios, [OUTSIDE, 1 - OUTSIDE]).tolist()
    return Rise(float(sums.sum() / counts.sum()), low, high)


@dataclass(frozen=True)
class Use:
    """What taking a cell away costs.

    Attributes:
        nats: (P, T) more for each next symbol.
        walk: the passages.
    """

    nats: NDArray[np.float32]
    walk: Walk

    def rise(self, where: NDArray[np.bool_] | None = None) -> Rise | None:
        """By how many bits a character costs more, over all; or of those read where (P·T,) says.

        The resamples are the same each time.
        """
        kept = np.ones(self.nats.shape, np.bool_) if where is None else where.reshape(self.nats.shape)
        kept = kept & self.walk.is_scored
        return rise(self.nats * kept, self.walk.characters * kept, np.random.default_rng(0))


def uses(
    trunk: Trunk, walk: Walk, means: Array, columns: Sequence[int], tell: Tell | None = None
) -> dict[int, Use]:
    """What taking away each of some cells costs, by its column; arguments as of `costs`."""
    as_it_is, *without = costs(trunk, walk, means, columns, tell)
    return {column: Use(nats - as_it_is, walk) for column, nats in zip(columns, without, strict=True)}
