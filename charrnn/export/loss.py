"""What stored weights cost on what the model's run held out, for each character or answer in the mean.

An answer is a label, a tag, or a symbol of a target.
"""

import math
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from functools import partial

import numpy as np
from numpy.typing import NDArray

from charrnn.decoding.cells import Array
from charrnn.decoding.chain import Chain
from charrnn.decoding.classification import SavedClassifier
from charrnn.decoding.labels import with_label
from charrnn.decoding.network import Decoder
from charrnn.decoding.tagging import SavedTagger
from charrnn.decoding.translator import Translator
from charrnn.evaluation.target_costs import costs
from charrnn.evaluation.targets import sides
from charrnn.export.held_out import Text, Texts, dataset_of, held_out_texts
from charrnn.export.measure import MEASURED, bits_lost, nats
from charrnn.export.source import Source
from charrnn.model.architecture import (
    ClassifierArchitecture,
    LabelledArchitecture,
    TaggerArchitecture,
    TranslationArchitecture,
)
from charrnn.runs.checkpoint import Checkpoint
from charrnn.text.example_parts import Labelled, Paired, Tagged
from charrnn.text.tag_schemes import possible

Weights = Mapping[str, Array]

Cost = Callable[[Weights], float]
"""The nats of an answer with some weights, in the mean."""

LEAST = np.finfo(np.float64).tiny


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
    size, most = model.architecture, len(model.vocabulary) - 1
    if isinstance(some, Labelled) and isinstance(size, LabelledArchitecture):
        return partial(_of_texts_by_label, size, some, len(model.vocabulary))
    if isinstance(some, Labelled) and isinstance(size, ClassifierArchitecture):
        return partial(_of_labels, model, size, some, _read(some.texts.ids, some.texts.texts, most))
    if isinstance(some, Tagged) and isinstance(size, TaggerArchitecture):
        return partial(_of_tags, model, size, some, _read(some.texts.ids, some.texts.texts, most))
    if isinstance(some, Paired) and isinstance(size, TranslationArchitecture):
        return partial(_of_targets, size, some, most)
    return None


def _read(ids: NDArray[np.unsignedinteger], places: NDArray[np.int64], most: int) -> list[Text]:
    """Records, each with its end mark; what has no id is the last symbol, the unknown one."""
    return [np.asarray(ids[begin + 1 : end], np.intp).clip(max=most) for begin, end in places.tolist()]


def _of_texts_by_label(size: LabelledArchitecture, part: Labelled, symbols: int, weights: Weights) -> float:
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
    return total / max(predicted, 1)


def _of_labels(
    model: Checkpoint, size: ClassifierArchitecture, part: Labelled, texts: Sequence[Text], weights: Weights
) -> float:
    classifier = SavedClassifier(size, weights, model.fitted.get("temperature", 1.0))
    logs = classifier.log_probabilities(texts)
    return float(-logs[np.arange(len(texts)), part.labels[part.texts.chosen]].mean())


def _of_tags(
    model: Checkpoint, size: TaggerArchitecture, part: Tagged, texts: Sequence[Text], weights: Weights
) -> float:
    tags = [part.tags[begin + 1 : end] for begin, end in part.texts.texts.tolist()]
    has_tag = [some >= 0 for some in tags]
    scores, packing, which = SavedTagger(size, weights, model.answers).emissions(texts, has_tag)
    own = [some[:-1][has[:-1]] for some, has in zip(tags, has_tag, strict=True)]
    starts = np.cumsum([0, *map(len, own)])
    rows = np.concatenate(own)[starts[which[packing.texts]] + packing.steps]
    chances = Chain(weights, possible(model.answers)).probabilities(scores, packing)
    return float(-np.log(np.maximum(chances[np.arange(len(rows)), rows], LEAST)).mean())


def _of_targets(size: TranslationArchitecture, part: Paired, most: int, weights: Weights) -> float:
    sources, targets = sides(part)
    sources = [source.clip(max=most) for source in sources]
    total = costs(Translator(size, weights), sources, targets).sum()
    return float(total / sum(len(target) + 1 for target in targets))
