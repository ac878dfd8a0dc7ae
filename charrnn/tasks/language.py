"""What the network is asked: here, the next symbol. A task turns a batch into a loss.

Losses are sums with their counts, never means: means are taken once, at the end, and stay right for
texts of different lengths. Knows nothing of files, terminals or optimizers.
"""

from dataclasses import dataclass

from torch import Tensor
from torch.nn.functional import cross_entropy

from charrnn.model.network import CharRNN, State, flattened
from charrnn.tasks.batches import Batch, Batches
from charrnn.tasks.packed import PackedRecords
from charrnn.tasks.windows import RESETS, PartedStreams, Streams
from charrnn.text.parts import Part
from charrnn.text.record_part import Records
from charrnn.text.text_parts import OneText, PartedText


@dataclass(frozen=True)
class Loss:
    """What a batch cost: the sum of -ln p(target) in nats, over `count` targets, and the state after it."""

    nats: Tensor
    count: int
    state: State


def language_model(model: CharRNN, batch: Batch, state: State | None) -> Loss:
    """Score each symbol given those before it: softmax cross-entropy, summed in nats.

    Args:
        model: the network.
        batch: symbols and, for each, the one that follows it.
        state: the state to go on from; None starts blank.
    """
    logits, after = model(batch.ids, state)
    targets = batch.target_data
    if logits.ndim > 2:
        logits, targets = flattened(logits, targets)
    nats = cross_entropy(logits.float(), targets, reduction="sum")
    return Loss(nats, batch.count, after)


def batches_of(part: Part, size: int, length: int, seed: int) -> Batches:
    """The batches of a part: streams of one text or of its stretches, or packed records.

    Args:
        part: what is learnt from.
        size: texts in a batch.
        length: the most symbols of each.
        seed: of which windows start blank, or of the order of records.
    """
    match part:
        case OneText(ids):
            return Streams(ids, size, length, resets=RESETS, seed=seed)
        case PartedText(ids, texts=texts):
            return PartedStreams(ids, texts, size, length, resets=RESETS, seed=seed)
        case Records(ids, bounds=bounds, chosen=chosen):
            return PackedRecords(ids, bounds, chosen, batch_size=size, sequence_length=length, seed=seed)
        case _:
            raise TypeError(f"there are no batches of {type(part).__name__}")
