"""What the right answers of examples cost a model: a label, tags, the symbols of a target.

Knows nothing of files, or of where examples come from.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from charrnn.decoding.cells import Array
from charrnn.decoding.chain import Chain
from charrnn.decoding.classification import SavedClassifier
from charrnn.decoding.network import Held
from charrnn.decoding.tagging import SavedTagger
from charrnn.decoding.translator import Translator
from charrnn.evaluation.target_costs import costs
from charrnn.evaluation.targets import sides
from charrnn.model.architecture import (
    Architecture,
    ClassifierArchitecture,
    TaggerArchitecture,
    TranslationArchitecture,
)
from charrnn.text.example_parts import Labelled, Paired, Tagged
from charrnn.text.parts import TaskPart
from charrnn.text.record_part import Records
from charrnn.text.tag_schemes import possible

LEAST = np.finfo(np.float64).tiny


@dataclass(frozen=True)
class Answering:
    """A model that answers.

    Attributes:
        architecture: of it.
        weights: an array for each of its names.
        symbols: of its vocabulary.
        names: of its answers, in the order of their ids.
        temperature: what the logits of labels are divided by.
    """

    architecture: Architecture
    weights: Mapping[str, Array]
    symbols: int
    names: Sequence[str]
    temperature: float = 1.0


@dataclass(frozen=True)
class AnswerCosts:
    """What right answers cost.

    Attributes:
        nats: (R,) of each example, all its answers together.
        answers: (R,) how many it has.
    """

    nats: NDArray[np.float64]
    answers: NDArray[np.int64]

    @property
    def mean(self) -> float:
        """In nats, of an answer."""
        return float(self.nats.sum() / self.answers.sum())


def answer_costs(model: Answering, part: TaskPart, held: Sequence[Held] = ()) -> AnswerCosts:
    """What the answers of some examples cost.

    Args:
        model: what answers.
        part: the examples.
        held: cells that are overwritten while it reads.
    """
    size = model.architecture
    if isinstance(part, Labelled) and isinstance(size, ClassifierArchitecture):
        return _of_labels(model, size, part, held)
    if isinstance(part, Tagged) and isinstance(size, TaggerArchitecture):
        return _of_tags(model, size, part, held)
    if isinstance(part, Paired) and isinstance(size, TranslationArchitecture):
        return _of_targets(model, size, part, held)
    raise TypeError(f"{type(size).__name__} does not answer {type(part).__name__}")


def _read(model: Answering, texts: Records) -> list[NDArray[np.intp]]:
    """Records, each with its end mark; what has no id is the last symbol, the unknown one."""
    records = (texts.ids[begin + 1 : end] for begin, end in texts.texts.tolist())
    return [np.asarray(ids, np.intp).clip(max=model.symbols - 1) for ids in records]


def _of_labels(
    model: Answering, size: ClassifierArchitecture, part: Labelled, held: Sequence[Held]
) -> AnswerCosts:
    texts = _read(model, part.texts)
    logs = SavedClassifier(size, model.weights, model.temperature, held).log_probabilities(texts)
    nats = -logs[np.arange(len(texts)), part.labels[part.texts.chosen]]
    return AnswerCosts(nats, np.ones(len(texts), np.int64))


def _of_tags(model: Answering, size: TaggerArchitecture, part: Tagged, held: Sequence[Held]) -> AnswerCosts:
    texts = _read(model, part.texts)
    tags = [part.tags[begin + 1 : end] for begin, end in part.texts.texts.tolist()]
    has_tag = [some >= 0 for some in tags]
    scores, packing, which = SavedTagger(size, model.weights, model.names, held).emissions(texts, has_tag)
    own = [some[:-1][has[:-1]] for some, has in zip(tags, has_tag, strict=True)]
    lengths = np.array(list(map(len, own)))
    starts = np.cumsum(lengths) - lengths
    of = which[packing.texts]
    wanted = np.concatenate(own)[starts[of] + packing.steps]
    chances = Chain(model.weights, possible(model.names)).probabilities(scores, packing)
    nats = -np.log(np.maximum(chances[np.arange(len(wanted)), wanted], LEAST))
    return AnswerCosts(np.bincount(of, nats, len(texts)).astype(np.float64), lengths)


def _of_targets(
    model: Answering, size: TranslationArchitecture, part: Paired, held: Sequence[Held]
) -> AnswerCosts:
    sources, targets = sides(part)
    sources = [source.clip(max=model.symbols - 1) for source in sources]
    nats = costs(Translator(size, model.weights, held), sources, targets)
    return AnswerCosts(nats, np.array([len(target) + 1 for target in targets]))
