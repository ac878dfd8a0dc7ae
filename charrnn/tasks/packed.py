"""Independent texts of different lengths as packed batches, the longest text of each first.

Knows nothing of models, or of one long text: see `windows.py`.
"""

import itertools
from collections.abc import Iterator, Mapping
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn.utils.rnn import PackedSequence

from charrnn.tasks.batches import NextSymbols
from charrnn.text.vocabulary import Ids


class PackedRecords:
    """Independent texts of different lengths: each starts blank, and ends by itself.

    Every epoch goes through all of them once, in an order drawn from the seed and the epoch's number. So
    that little is wasted, a stretch of `BUCKET` batches is sorted by length before it is cut into batches,
    and these are shuffled again. Within a batch the longest comes first (packed): lengths 5, 2, 3 become

        time    1 2 3 4 5
        text a  * * * * *      batch_sizes 3 3 2 1 1
        text c  * * *
        text b  * *

    A text longer than T is read on in the next batch, its state carried, beside those still running.

    Args:
        ids: the texts, an end mark before the first and after each.
        bounds: (R + 1,) where the end marks stand; text r is read from mark r up to mark r + 1.
        chosen: which texts to use.
        batch_size: texts in a batch.
        sequence_length: T, the most steps of one batch.
        seed: of the order.
    """

    BUCKET = 64

    def __init__(
        self,
        ids: Ids,
        bounds: NDArray[np.int64],
        chosen: NDArray[np.int64],
        *,
        batch_size: int,
        sequence_length: int,
        seed: int,
    ) -> None:
        self.ids, self.bounds, self.chosen = ids, bounds, chosen
        self.batch_size, self.sequence_length, self.seed = batch_size, sequence_length, seed
        self.transitions = int((bounds[chosen + 1] - bounds[chosen]).sum())
        self.epoch, self.position = 0, 0

    def __iter__(self) -> Iterator[NextSymbols]:
        """Every text once in each epoch, from the current position on."""
        for begins, lengths, fresh, epoch in self.windows():
            yield pack(self.ids, begins, lengths, fresh=fresh, epoch=epoch)

    def windows(self) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64], bool, float]]:
        """The same as places: begins, lengths, whether fresh, and how many passes are done after each."""
        while True:
            done = 0
            for number, (begins, lengths, fresh) in enumerate(self._epoch_windows()):
                done += int(lengths.sum())
                if number >= self.position:
                    self.position += 1
                    yield begins, lengths, fresh, self.epoch + done / self.transitions
            self.epoch, self.position = self.epoch + 1, 0

    @cached_property
    def batches_in_an_epoch(self) -> int:
        """How many batches one pass takes; the same in every epoch but for texts longer than T."""
        return sum(1 for _ in self._epoch_windows())

    def _epoch_windows(self) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64], bool]]:
        random = np.random.default_rng((self.seed, self.epoch))
        order = random.permutation(self.chosen)
        stretch = self.BUCKET * self.batch_size
        for begin in range(0, len(order), stretch):
            yield from self._stretch_windows(order[begin : begin + stretch], random)

    def _stretch_windows(
        self, texts: NDArray[np.int64], random: np.random.Generator
    ) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64], bool]]:
        lengths = self.bounds[texts + 1] - self.bounds[texts]
        texts = texts[np.argsort(-lengths, kind="stable")]
        groups = range(0, len(texts), self.batch_size)
        for group in random.permutation(np.array(groups)):
            members = texts[group : group + self.batch_size]
            begins = self.bounds[members]
            yield from windows(begins, self.bounds[members + 1] - begins, self.sequence_length)

    def steps(self, epochs: float) -> int:
        """How many batches so many passes over the texts take."""
        return max(1, round(epochs * self.batches_in_an_epoch))

    def numbers(self) -> dict[str, float]:
        """Where it is: which pass, and how many of its batches are done."""
        return {"epoch": self.epoch, "position": self.position}

    def restore(self, numbers: Mapping[str, float]) -> None:
        """Go to where `numbers` was."""
        self.epoch, self.position = int(numbers["epoch"]), int(numbers["position"])

    def texts_going_on(self) -> int:
        """How many texts of the next batch go on from a state."""
        following = itertools.islice(self._epoch_windows(), self.position, None)
        begins, _, fresh = next(following, (np.empty(0, np.int64), None, True))
        return 0 if fresh else len(begins)


def windows(
    begins: NDArray[np.int64], lengths: NDArray[np.int64], longest: int
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64], bool]]:
    """Cut texts, longest first, into windows of at most `longest` steps: begins, lengths, whether fresh."""
    for offset in range(0, int(lengths[0]), longest):
        running = int((lengths > offset).sum())
        yield begins[:running] + offset, np.minimum(lengths[:running] - offset, longest), offset == 0


def pack(
    ids: Ids, begins: NDArray[np.int64], lengths: NDArray[np.int64], *, fresh: bool, epoch: float
) -> NextSymbols:
    """A packed batch of texts given by where they begin and how many steps they take, longest first."""
    steps = np.arange(int(lengths[0]))
    running = steps[:, None] < lengths
    places = (begins + steps[:, None])[running]
    batch_sizes = torch.from_numpy(running.sum(axis=1))
    inputs, targets = (
        PackedSequence(torch.from_numpy(ids[places + on].astype(np.int64)), batch_sizes) for on in (0, 1)
    )
    return NextSymbols(inputs, targets, torch.ones(len(begins), dtype=torch.bool) if fresh else None, epoch)
