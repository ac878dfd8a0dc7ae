"""What stored weights cost on what the model's run held out, for each character or answer in the mean.

An answer is a label, a tag, or a symbol of a target.
"""

import math
from collections import defaultdict
from collections.abc import Callable, Mapping
from functools import partial

import numpy as np

from charrnn.decoding.cells import Array
from charrnn.decoding.labels import with_label
from charrnn.decoding.network import Decoder
from charrnn.evaluation.answer_costs import Answering, answer_costs
from charrnn.export.held_out import Text, Texts, dataset_of, held_out_texts
from charrnn.export.measure import MEASURED, bits_lost, nats
from charrnn.export.source import Source
from charrnn.model.architecture import LabelledArchitecture
from charrnn.text.example_parts import Labelled

Weights = Mapping[str, Array]

Cost = Callable[[Weights], float]
"""The nats of an answer with some weights, in the mean."""


def lost(source: Source, stored: Weights) -> float | None:
    """What a character, or an answer, costs more with these weights, in bits; None where none is held out.

    Args:
        source: the model.
        stored: its weights as they are stored.
    """
    model = source.model
    if source.settings.weights == "f32":
        return 0.0
    if model.task == "language":
        own, others = (partial(Decoder, model.architecture, some) for some in (model.weights, stored))
        return bits_lost(own, others, held_out_texts(source, MEASURED))
    cost = _cost(source)
    return None if cost is None else (cost(stored) - cost(model.weights)) / math.log(2)


def _cost(source: Source) -> Cost | None:
    """How answers are charged, some of those that are held out."""
    dataset, model = dataset_of(source), source.model
    part = None if dataset is None else dataset.examples[1]
    some = None if part is None else part.beginning(MEASURED)
    size, symbols = model.architecture, len(model.vocabulary)
    if isinstance(some, Labelled) and isinstance(size, LabelledArchitecture):
        return partial(_of_texts_by_label, size, some, symbols)
    if some is None:
        return None

    def cost(weights: Weights) -> float:
        return answer_costs(Answering(size, weights, symbols, model.answers, model.temperature), some).mean

    return cost


def _of_texts_by_label(size: LabelledArchitecture, part: Labelled, symbols: int, weights: Weights) -> float:
    """The mean cost of a character in nats, each text under its own label."""
    by_label: dict[int, list[Text]] = defaultdict(list)
    labels = part.labels[part.texts.chosen].tolist()
    for label, (begin, end) in zip(labels, part.texts.texts.tolist(), strict=True):
        ids = np.asarray(part.texts.ids[begin:end], np.intp)
        if ids.max() < symbols:
            by_label[label].append(ids)
    total, predicted = 0.0, 0
    for label, some in by_label.items():
        texts = Texts(sorted(some, key=len, reverse=True), 1.0, are_held_out=True)
        total += nats(partial(Decoder, *with_label(size, weights, label)), texts) * texts.symbols
        predicted += texts.symbols
    return total / max(predicted, 1) * part.texts.scored_symbols / part.texts.scored_characters
