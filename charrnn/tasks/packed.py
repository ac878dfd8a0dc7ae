"""Independent texts of different lengths as packed batches, the longest text of each first.

Knows nothing of models, or of one long text: see `windows.py`.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn.utils.rnn import PackedSequence

from charrnn.tasks.batches import NextSymbols
from charrnn.tasks.passes import BUCKET, AnyBatch, Passes, by_length, in_random_order
from charrnn.text.vocabulary import Ids


@dataclass(frozen=True)
class Windows:
    """Windows of texts side by side, the longest first.

    Attributes:
        begins: (B,) where each begins in the ids.
        lengths: (B,) how many steps it takes.
        is_fresh: whether the texts begin here, instead of going on.
    """

    begins: NDArray[np.int64]
    lengths: NDArray[np.int64]
    is_fresh: bool

    @property
    def steps(self) -> int:
        """Of all of them."""
        return int(self.lengths.sum())

    @property
    def going_on(self) -> int:
        """How many texts go on from a state."""
        return 0 if self.is_fresh else len(self.begins)


def packed_records(
    bounds: NDArray[np.int64],
    chosen: NDArray[np.int64],
    make: Callable[[Windows, float], AnyBatch],
    *,
    batch_size: int,
    sequence_length: int,
    seed: int,
    bucket: int = BUCKET,
) -> Passes[Windows, AnyBatch]:
    """Passes over independent texts: each starts blank, and ends by itself.

    Within a batch the longest comes first (packed): lengths 5, 2, 3 become

        time    1 2 3 4 5
        text a  * * * * *      batch_sizes 3 3 2 1 1
        text c  * * *
        text b  * *

    A text longer than T is read on in the next batch, its state carried, beside those still running.

    Args:
        bounds: (R + 1,) where the end marks stand; text r is read from mark r up to mark r + 1.
        chosen: which texts to use.
        make: makes a batch of windows, and of the passes that are done after it.
        batch_size: texts in a batch.
        sequence_length: T, the most steps of one batch.
        seed: of the order.
        bucket: so many batches are sorted by length together.
    """
    begins, lengths = bounds[chosen], bounds[chosen + 1] - bounds[chosen]
    cut = partial(by_length, lengths=lengths, batch_size=batch_size)

    def groups(random: np.random.Generator) -> Iterator[Windows]:
        for texts in in_random_order(len(chosen), bucket * batch_size, cut, random):
            yield from windows(begins[texts], lengths[texts], sequence_length)

    return Passes(
        groups,
        lambda group: group.steps,
        int(lengths.sum()),
        lambda group, place: make(group, place.epoch),
        seed=seed,
        going_on=lambda group: group.going_on,
    )


def windows(begins: NDArray[np.int64], lengths: NDArray[np.int64], longest: int) -> Iterator[Windows]:
    """Cut texts, longest first, into windows of at most `longest` steps."""
    for offset in range(0, int(lengths[0]), longest):
        running = int((lengths > offset).sum())
        steps = np.minimum(lengths[:running] - offset, longest)
        yield Windows(begins[:running] + offset, steps, is_fresh=offset == 0)


def pack(ids: Ids, group: Windows, epoch: float) -> NextSymbols:
    """A packed batch of the texts in these windows."""
    steps = np.arange(int(group.lengths[0]))
    running = steps[:, None] < group.lengths
    places = (group.begins + steps[:, None])[running]
    batch_sizes = torch.from_numpy(running.sum(axis=1))
    inputs, targets = (
        PackedSequence(torch.from_numpy(ids[places + on].astype(np.int64)), batch_sizes) for on in (0, 1)
    )
    fresh = torch.ones(len(group.begins), dtype=torch.bool) if group.is_fresh else None
    return NextSymbols(inputs, targets, fresh, epoch)
