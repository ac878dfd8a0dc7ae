"""Sources and their targets as batches, those of similar lengths together.

Knows nothing of models.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.utils.rnn import PackedSequence

from charrnn.text.codes import END as END_CODE
from charrnn.text.example_parts import Paired
from charrnn.text.target_vocabulary import END
from charrnn.text.vocabulary import Vocabulary

PADDING = -100
"""What stands for a target where there is none."""

HIDDEN = 0.5
"""How many places of a symbol an epoch hides, on average, if it is not rarer than that."""

Rows = NDArray[np.intp]
"""Which pairs: their places among those that a part has chosen."""


@dataclass(frozen=True)
class Pairs:
    """A batch of sources and targets.

    Attributes:
        sources: B texts, each with its end mark, packed, longest first.
        inputs: (B, T), for each of them the end mark and its target; padded with end marks.
        targets: (B, T), the same one symbol on, its end mark included; padded with `PADDING`.
        count: how many target symbols there are, end marks included.
        epoch: passes over the pairs that are done after this batch.
        fresh: nothing is carried from batch to batch.
    """

    sources: PackedSequence
    inputs: Tensor
    targets: Tensor
    count: int
    epoch: float
    fresh: None = None

    def to(self, device: torch.device) -> "Pairs":
        """The same batch on a device."""
        sources = PackedSequence(self.sources.data.to(device), self.sources.batch_sizes)
        return Pairs(sources, self.inputs.to(device), self.targets.to(device), self.count, self.epoch)


class PairBatches:
    """Pairs in batches, all of them once in every epoch, in an order drawn from the seed and its number.

    So that little is padded, a stretch of `BUCKET` batches is sorted by lengths before it is cut into
    batches, and these are shuffled again.

    Symbols of sources are hidden now and then behind the unknown one, the rare ones most: the network learns
    what to do about a symbol that it never met. Of one that occurs n times each place is hidden with
    probability `HIDDEN / (HIDDEN + n)` (Kiperwasser & Goldberg 2016, arXiv 1603.04351).

    Args:
        part: the pairs.
        batch_size: pairs in a batch, at most.
        sequence_length: batches have no more than `batch_size` times as many steps, if they have several
            pairs: of the longest source or target, times the pairs.
        seed: of the order, and of what is hidden.
        vocabulary: of the sources; nothing is hidden where it has no unknown symbol.
    """

    BUCKET = 32

    def __init__(
        self, part: Paired, *, batch_size: int, sequence_length: int, seed: int, vocabulary: Vocabulary
    ) -> None:
        self.part, self.batch_size, self.seed = part, batch_size, seed
        self.most = batch_size * sequence_length
        self.unknown, self.hiding = vocabulary.unknown, _hiding(vocabulary)
        self.epoch, self.position = 0, 0

    def __iter__(self) -> Iterator[Pairs]:
        """Every pair once in each epoch, from the current position on."""
        lengths, total = self.part.targets.lengths, self.part.targets.symbols
        while True:
            done = 0
            for number, rows in enumerate(self._epoch()):
                done += int(lengths[rows].sum())
                if number >= self.position:
                    self.position += 1
                    yield self._partly_hidden(pairs(self.part, rows, self.epoch + done / total), number)
            self.epoch, self.position = self.epoch + 1, 0

    def _epoch(self) -> Iterator[Rows]:
        random = np.random.default_rng((self.seed, self.epoch))
        order, stretch = random.permutation(self.part.records), self.BUCKET * self.batch_size
        for begin in range(0, len(order), stretch):
            groups = by_length(self.part, order[begin : begin + stretch], self.batch_size, self.most)
            for group in random.permutation(len(groups)):
                yield groups[group]

    def _partly_hidden(self, batch: Pairs, number: int) -> Pairs:
        """A batch with some symbols of its sources hidden: which, follows from its number in the epoch."""
        if self.unknown is None:
            return batch
        random = np.random.default_rng((self.seed, self.epoch, number))
        ids = batch.sources.data.numpy()
        hidden = np.where(random.random(len(ids)) < self.hiding[ids], self.unknown, ids)
        return replace(batch, sources=PackedSequence(torch.from_numpy(hidden), batch.sources.batch_sizes))

    def steps(self, epochs: float) -> int:
        """How many batches so many passes over the pairs take."""
        return max(1, round(epochs * sum(1 for _ in self._epoch())))

    def numbers(self) -> dict[str, float]:
        """Where it is: which pass, and how many of its batches are done."""
        return {"epoch": self.epoch, "position": self.position}

    def restore(self, numbers: Mapping[str, float]) -> None:
        """Go to where `numbers` was."""
        self.epoch, self.position = int(numbers["epoch"]), int(numbers["position"])

    def texts_going_on(self) -> int:
        """None: each text is read whole."""
        return 0


def by_length(part: Paired, rows: Rows, batch_size: int, most: int) -> list[Rows]:
    """Pairs in groups of similar lengths, the longest sources first in the whole and in each.

    All of a group take the room of the longest, so that one of long pairs is halved until it has no more than
    `most` steps, or a single pair.

    Args:
        part: the pairs.
        rows: which of them.
        batch_size: pairs in a group, at most.
        most: steps of the longest source or target, times the pairs.
    """
    order = np.lexsort((-part.targets.lengths[rows], -part.sources.lengths[rows]))
    sizes = np.maximum(part.sources.lengths, part.targets.lengths)

    def halved(group: Rows) -> list[Rows]:
        if len(group) == 1 or len(group) * int(sizes[group].max()) <= most:
            return [group]
        middle = len(group) // 2
        return [*halved(group[:middle]), *halved(group[middle:])]

    groups = (rows[order[begin : begin + batch_size]] for begin in range(0, len(rows), batch_size))
    return [half for group in groups for half in halved(group)]


def pairs(part: Paired, rows: Rows, epoch: float) -> Pairs:
    """A batch of pairs that are given with the longest sources first."""
    begins, lengths = part.sources.texts[rows, 0] + 1, part.sources.lengths[rows]
    steps = np.arange(int(lengths[0]))[:, None]
    running = steps < lengths
    ids = part.sources.ids[(begins + steps)[running]].astype(np.int64)
    sources = PackedSequence(torch.from_numpy(ids), torch.from_numpy(running.sum(axis=1)))
    begins, lengths = part.targets.texts[rows, 0, None], part.targets.lengths[rows, None]
    steps = np.arange(int(lengths.max()))
    running = steps < lengths
    places = begins + np.minimum(steps, lengths - 1)
    inputs = np.where(running, part.targets.ids[places], END).astype(np.int64)
    targets = np.where(running, part.targets.ids[places + 1].astype(np.int64), PADDING)
    return Pairs(sources, torch.from_numpy(inputs), torch.from_numpy(targets), int(running.sum()), epoch)


def _hiding(vocabulary: Vocabulary) -> NDArray[np.float64]:
    """(V,) how likely each symbol is hidden; those that are no characters never."""
    is_character = vocabulary.codes < END_CODE
    return np.where(is_character, HIDDEN / (HIDDEN + np.maximum(vocabulary.counts, 1)), 0.0)
