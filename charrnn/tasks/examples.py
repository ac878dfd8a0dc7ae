"""Examples, each by itself and whole, as batches of like lengths: what classification and tagging learn from.

Knows nothing of what an example is.
"""

from collections.abc import Callable
from functools import partial

import numpy as np
import torch
from torch.nn.utils.rnn import PackedSequence

from charrnn.model.packing import Packing
from charrnn.tasks.passes import BUCKET, AnyBatch, Numbers, Passes, by_length, in_random_order
from charrnn.text.record_part import Records
from charrnn.text.vocabulary import Vocabulary


def whole_examples(
    lengths: Numbers,
    make: Callable[[Numbers, float], AnyBatch],
    *,
    batch_size: int,
    sequence_length: int,
    seed: int,
) -> Passes[Numbers, AnyBatch]:
    """Passes over examples that are never cut: where they are long, fewer go into a batch.

    Args:
        lengths: (R,) steps of each example.
        make: makes a batch of some of them, the longest first, and of the passes that are done after it.
        batch_size: examples in a batch, at most.
        sequence_length: batches have no more than `batch_size` times as many steps, if they have several
            examples: of the longest one's steps, times the examples.
        seed: of the order.
    """
    cut = partial(by_length, lengths=lengths, batch_size=batch_size, most=batch_size * sequence_length)
    return Passes(
        partial(in_random_order, len(lengths), BUCKET * batch_size, cut),
        len,
        len(lengths),
        lambda examples, place: make(examples, place.epoch),
        seed=seed,
    )


def whole_texts(records: Records, examples: Numbers, vocabulary: Vocabulary) -> PackedSequence:
    """Some records, the longest first, each with its end mark, packed.

    A symbol that the vocabulary lacks is read as the last one: the unknown symbol, or else the end mark.
    """
    chosen = records.chosen[examples]
    begins = records.bounds[chosen] + 1
    packing = Packing.of(records.bounds[chosen + 1] + 1 - begins)
    ids = records.ids[begins[packing.texts] + packing.steps].astype(np.int64).clip(max=len(vocabulary) - 1)
    return PackedSequence(torch.from_numpy(ids), torch.from_numpy(packing.sizes))
