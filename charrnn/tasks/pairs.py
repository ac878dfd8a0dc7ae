"""Sources and their targets as batches, those of similar lengths together.

Knows nothing of models.
"""

from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.utils.rnn import PackedSequence

from charrnn.tasks.batches import part_of
from charrnn.tasks.passes import Numbers, Passes, Place, by_length, in_random_order
from charrnn.text.codes import END as END_CODE
from charrnn.text.example_parts import Paired
from charrnn.text.target_vocabulary import END
from charrnn.text.vocabulary import Vocabulary

PADDING = -100
"""What stands for a target where there is none."""

HIDDEN = 0.5
"""How many places of a symbol an epoch hides, on average, if it is not rarer than that."""

BUCKET = 32
"""So many batches of pairs are sorted by length together."""


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

    @property
    def texts(self) -> int:
        """How many pairs it has."""
        return len(self.inputs)

    def part(self, first: int, every: int) -> "Pairs":
        """Some of its pairs."""
        inputs, targets = self.inputs[first::every], self.targets[first::every]
        count = int((targets != PADDING).sum())
        return Pairs(part_of(self.sources, first, every), inputs, targets, count, self.epoch)


def pair_batches(
    part: Paired, *, batch_size: int, sequence_length: int, seed: int, vocabulary: Vocabulary
) -> Passes[Numbers, Pairs]:
    """Passes over pairs, counted in symbols of targets.

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
    lengths, unknown, hiding = part.targets.lengths, vocabulary.unknown, _hiding(vocabulary)
    cut = partial(alike, part, batch_size=batch_size, most=batch_size * sequence_length)

    def make(rows: Numbers, place: Place) -> Pairs:
        batch = pairs(part, rows, place.epoch)
        if unknown is None:
            return batch
        random = np.random.default_rng((seed, place.number, place.position))
        ids = batch.sources.data.numpy()
        hidden = np.where(random.random(len(ids)) < hiding[ids], unknown, ids)
        return replace(batch, sources=PackedSequence(torch.from_numpy(hidden), batch.sources.batch_sizes))

    return Passes(
        partial(in_random_order, part.records, BUCKET * batch_size, cut),
        lambda rows: int(lengths[rows].sum()),
        part.targets.symbols,
        make,
        seed=seed,
    )


def alike(part: Paired, rows: Numbers, batch_size: int, most: int) -> list[Numbers]:
    """Pairs in groups of similar lengths, the longest sources first in the whole and in each.

    All of a group take the room of the longest, so that one of long pairs is halved until it has no more than
    `most` steps, or a single pair.

    Args:
        part: the pairs.
        rows: which of them.
        batch_size: pairs in a group, at most.
        most: steps of the longest source or target, times the pairs.
    """
    sizes = np.maximum(part.sources.lengths, part.targets.lengths)

    def halved(group: Numbers) -> list[Numbers]:
        if len(group) == 1 or len(group) * int(sizes[group].max()) <= most:
            return [group]
        middle = len(group) // 2
        return [*halved(group[:middle]), *halved(group[middle:])]

    groups = by_length(rows, part.sources.lengths, batch_size, second=part.targets.lengths)
    return [half for group in groups for half in halved(group)]


def pairs(part: Paired, rows: Numbers, epoch: float) -> Pairs:
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
