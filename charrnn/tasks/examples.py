"""Examples, each by itself and whole, as batches of like lengths: what every task with examples learns from.

Knows nothing of what an example is.
"""

from collections.abc import Callable, Iterator, Mapping
from functools import cached_property
from typing import Generic, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn.utils.rnn import PackedSequence

from charrnn.model.packing import Packing
from charrnn.tasks.batches import Batch
from charrnn.text.record_part import Records
from charrnn.text.vocabulary import Vocabulary

AnyBatch = TypeVar("AnyBatch", bound=Batch)

Numbers = NDArray[np.int64]


class ExampleBatches(Generic[AnyBatch]):
    """Every epoch goes through all examples once, in an order drawn from the seed and the epoch's number.

    So that little is wasted, a stretch of `BUCKET` batches is sorted by length before it is cut into batches,
    and these are shuffled again. An example is never cut: where they are long, fewer go into a batch.

    Args:
        lengths: (R,) steps of each example.
        make: makes a batch of some of them, the longest first, and of the passes that are done after it.
        batch_size: examples in a batch, at most.
        sequence_length: batches have no more than `batch_size` times as many steps, if they have several
            examples: of the longest one's steps, times the examples.
        seed: of the order.
    """

    BUCKET = 64

    def __init__(
        self,
        lengths: Numbers,
        make: Callable[[Numbers, float], AnyBatch],
        *,
        batch_size: int,
        sequence_length: int,
        seed: int,
    ) -> None:
        self.lengths, self.make = lengths, make
        self.batch_size, self.most, self.seed = batch_size, batch_size * sequence_length, seed
        self.epoch, self.position = 0, 0

    def __iter__(self) -> Iterator[AnyBatch]:
        """Every example once in each epoch, from the current position on."""
        while True:
            done = 0
            for number, examples in enumerate(self._epoch()):
                done += len(examples)
                if number >= self.position:
                    self.position += 1
                    yield self.make(examples, self.epoch + done / len(self.lengths))
            self.epoch, self.position = self.epoch + 1, 0

    @cached_property
    def batches_in_an_epoch(self) -> int:
        """How many batches one pass takes; the same in every epoch but for long examples."""
        return sum(1 for _ in self._epoch())

    def _epoch(self) -> Iterator[Numbers]:
        random = np.random.default_rng((self.seed, self.epoch))
        order = random.permutation(len(self.lengths))
        stretch = self.BUCKET * self.batch_size
        for begin in range(0, len(order), stretch):
            batches = list(
                by_length(self.lengths, self.batch_size, self.most, order[begin : begin + stretch])
            )
            for number in random.permutation(len(batches)):
                yield batches[number]

    def steps(self, epochs: float) -> int:
        """How many batches so many passes over the examples take."""
        return max(1, round(epochs * self.batches_in_an_epoch))

    def numbers(self) -> dict[str, float]:
        """Where it is: which pass, and how many of its batches are done."""
        return {"epoch": self.epoch, "position": self.position}

    def restore(self, numbers: Mapping[str, float]) -> None:
        """Go to where `numbers` was."""
        self.epoch, self.position = int(numbers["epoch"]), int(numbers["position"])

    def texts_going_on(self) -> int:
        """None: every example begins anew."""
        return 0


def by_length(
    lengths: Numbers, batch_size: int, most: int, examples: Numbers | None = None
) -> Iterator[Numbers]:
    """Examples in groups of like lengths, the longest first, also within each.

    Args:
        lengths: (R,) of each example.
        batch_size: examples in a group, at most.
        most: steps of the longest one times examples, at most, where a group has several.
        examples: which ones; None for all.
    """
    examples = np.arange(len(lengths)) if examples is None else examples
    examples = examples[np.argsort(-lengths[examples], kind="stable")]
    begin = 0
    while begin < len(examples):
        count = max(1, min(batch_size, most // int(lengths[examples[begin]])))
        yield examples[begin : begin + count]
        begin += count


def whole_texts(records: Records, examples: Numbers, vocabulary: Vocabulary) -> PackedSequence:
    """Some records, the longest first, each with its end mark, packed.

    A symbol that the vocabulary lacks is read as the last one: the unknown symbol, or else the end mark.
    """
    chosen = records.chosen[examples]
    begins = records.bounds[chosen] + 1
    packing = Packing.of(records.bounds[chosen + 1] + 1 - begins)
    ids = records.ids[begins[packing.texts] + packing.steps].astype(np.int64).clip(max=len(vocabulary) - 1)
    return PackedSequence(torch.from_numpy(ids), torch.from_numpy(packing.sizes))
