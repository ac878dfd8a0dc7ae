"""Passes over independent examples: each once in every pass, in groups of like lengths.

Knows nothing of what an example is, or of what a batch of some is.
"""

import itertools
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from charrnn.tasks.batches import Batch

Group = TypeVar("Group")
AnyBatch = TypeVar("AnyBatch", bound=Batch)

Numbers = NDArray[np.int64]

BUCKET = 64
"""So many batches are sorted by length together: little is wasted, and the order stays a random one."""


@dataclass(frozen=True)
class Place:
    """Where a batch stands.

    Attributes:
        number: of its pass, from 0.
        position: its number in this pass, from 0.
        epoch: passes that are done after it.
    """

    number: int
    position: int
    epoch: float


class Passes(Generic[Group, AnyBatch]):
    """Batches without end, of groups whose order is drawn from the seed and the number of the pass.

    Args:
        groups: the groups of one pass, drawn from these random numbers.
        size: of a group; passes are counted in it.
        total: the size of all groups of a pass.
        make: makes the batch of a group at its place.
        seed: of the order.
        going_on: how many texts of a group go on from a state; none if it is not said.
    """

    def __init__(
        self,
        groups: Callable[[np.random.Generator], Iterator[Group]],
        size: Callable[[Group], int],
        total: int,
        make: Callable[[Group, Place], AnyBatch],
        *,
        seed: int,
        going_on: Callable[[Group], int] = lambda _: 0,
    ) -> None:
        self._groups, self._size, self._total, self._make = groups, size, total, make
        self._going_on, self.seed = going_on, seed
        self.epoch, self.position = 0, 0

    def __iter__(self) -> Iterator[AnyBatch]:
        """Every group once in each pass, from the current position on."""
        while True:
            done = 0
            for position, group in enumerate(self._pass()):
                done += self._size(group)
                if position >= self.position:
                    self.position += 1
                    yield self._make(group, Place(self.epoch, position, self.epoch + done / self._total))
            self.epoch, self.position = self.epoch + 1, 0

    def _pass(self) -> Iterator[Group]:
        return self._groups(np.random.default_rng((self.seed, self.epoch)))

    @cached_property
    def batches_in_a_pass(self) -> int:
        """How many batches one pass takes; the same in every one but for long examples."""
        return sum(1 for _ in self._pass())

    def steps(self, epochs: float) -> int:
        """How many batches so many passes take."""
        return max(1, round(epochs * self.batches_in_a_pass))

    def numbers(self) -> dict[str, float]:
        """Where it is: which pass, and how many of its batches are done."""
        return {"epoch": self.epoch, "position": self.position}

    def restore(self, numbers: Mapping[str, float]) -> None:
        """Go to where `numbers` was."""
        self.epoch, self.position = int(numbers["epoch"]), int(numbers["position"])

    def texts_going_on(self) -> int:
        """How many texts of the next batch go on from a state."""
        following = itertools.islice(self._pass(), self.position, None)
        return next(map(self._going_on, following), 0)


def in_random_order(
    count: int, stretch: int, cut: Callable[[Numbers], list[Numbers]], random: np.random.Generator
) -> Iterator[Numbers]:
    """So many examples in groups that come in a random order, each group of examples of like lengths.

    Args:
        count: how many examples.
        stretch: how many of them, in a random order themselves, are cut into groups together.
        cut: sorts examples by length and cuts them into groups.
        random: what the order is drawn from.
    """
    order = random.permutation(count)
    for begin in range(0, count, stretch):
        groups = cut(order[begin : begin + stretch])
        for number in random.permutation(len(groups)):
            yield groups[number]


def by_length(
    examples: Numbers,
    lengths: Numbers,
    batch_size: int,
    *,
    most: int = sys.maxsize,
    second: Numbers | None = None,
) -> list[Numbers]:
    """Examples in groups of like lengths, the longest first, also within each.

    Args:
        examples: which ones.
        lengths: (R,) of each of all examples.
        batch_size: examples in a group, at most.
        most: steps of the longest one times examples, at most, where a group has several.
        second: (R,) lengths that decide between examples of the same length.
    """
    keys = [-some[examples] for some in (second, lengths) if some is not None]
    examples = examples[np.lexsort(keys)]
    groups, begin = [], 0
    while begin < len(examples):
        count = max(1, min(batch_size, most // int(lengths[examples[begin]])))
        groups.append(examples[begin : begin + count])
        begin += count
    return groups
