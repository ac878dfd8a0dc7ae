"""Classification: a text has a label. Many to one.

The network reads a whole text, from both ends by default; what shows how far it has come are texts that are
held out, with the labels that it gives them. Knows nothing of files, terminals or optimizers.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import cross_entropy
from torch.nn.utils.rnn import PackedSequence

from charrnn.evaluation.labels import fitted_temperature
from charrnn.model.architecture import ClassifierArchitecture
from charrnn.model.classifier import Classifier
from charrnn.model.layer import State
from charrnn.model.passes import still
from charrnn.tasks.batches import part_of
from charrnn.tasks.examples import whole_examples, whole_texts
from charrnn.tasks.passes import Numbers, Passes, by_length
from charrnn.tasks.task import Loss
from charrnn.text.example_parts import Labelled
from charrnn.text.vocabulary import Vocabulary

SHOWN = 8
"""Texts that are shown with their labels now and then."""

LONGEST_SHOWN = 60
"""Characters of each of them, at most."""

TOGETHER, STEPS_TOGETHER = 256, 2**16
"""Texts that are scored at once, and steps of all of them, padded to the longest, at most."""


@dataclass(frozen=True)
class LabelledTexts:
    """A batch of texts, and the label of each.

    Attributes:
        ids: the texts, each with its end mark, packed.
        labels: (B,)
        epoch: passes over the examples that are done after this batch.
        weights: (B,) how much each counts; None for alike.
    """

    ids: PackedSequence
    labels: Tensor
    epoch: float
    fresh: None = None
    weights: Tensor | None = None

    def to(self, device: torch.device) -> "LabelledTexts":
        """The same batch on a device."""
        ids = PackedSequence(self.ids.data.to(device), self.ids.batch_sizes)
        weights = None if self.weights is None else self.weights.to(device)
        return replace(self, ids=ids, labels=self.labels.to(device), weights=weights)

    @property
    def texts(self) -> int:
        """How many texts it has."""
        return len(self.labels)

    @property
    def count(self) -> int:
        """How many labels there are to find."""
        return len(self.labels)

    def part(self, first: int, every: int) -> "LabelledTexts":
        """Some of its texts."""
        weights = None if self.weights is None else self.weights[first::every]
        ids, labels = part_of(self.ids, first, every), self.labels[first::every]
        return replace(self, ids=ids, labels=labels, weights=weights)


@dataclass(frozen=True)
class ClassificationScore:
    """How good the labels are that texts were given.

    Attributes:
        right: texts whose likeliest label was theirs.
        texts: how many there were.
        nats: the sum of -ln p of their labels.
        fitted: the `temperature` of the logits at which that is lowest, where one lowers it.
    """

    right: int
    texts: int
    nats: float
    fitted: Mapping[str, float] = field(default_factory=dict)

    unit: ClassVar[str] = "accuracy"

    @property
    def value(self) -> float:
        """The share of right labels; not a number where probabilities are none."""
        return self.right / self.texts if np.isfinite(self.nats) else float("nan")

    def better_than(self, value: float) -> bool:
        """Whether another share is lower."""
        return self.value > value


@dataclass(frozen=True)
class ClassificationTask:
    """Finding the label of each text.

    Attributes:
        vocabulary: the symbols.
        labels: their names.
        is_balanced: whether all examples of a label count as much as those of any other, in the loss.
        smoothing: share of the probability that the loss asks for all labels alike (Szegedy et al. 2016).
    """

    name: ClassVar[str] = "classify"
    unit: ClassVar[str] = ClassificationScore.unit

    vocabulary: Vocabulary
    labels: tuple[str, ...]
    is_balanced: bool = False
    smoothing: float = 0.0

    def network(
        self, architecture: ClassifierArchitecture, dropout: float, generator: torch.Generator
    ) -> Classifier:
        """A trunk with pooling over time and a linear output, which predicts all labels alike."""
        return Classifier(architecture, dropout, generator)

    def batches(
        self, part: Labelled, *, batch_size: int, sequence_length: int, seed: int
    ) -> Passes[Numbers, LabelledTexts]:
        """Whole texts of like lengths."""
        return whole_examples(
            part.texts.lengths,
            batches_of(part, self.vocabulary, balanced(part) if self.is_balanced else None),
            batch_size=batch_size,
            sequence_length=sequence_length,
            seed=seed,
        )

    def loss(self, network: Classifier, batch: LabelledTexts, state: State | None) -> Loss:  # noqa: ARG002 - none
        """Score each text's label: softmax cross-entropy, smoothed and weighted as asked, summed in nats."""
        logits = network(batch.ids).float()
        nats = cross_entropy(logits, batch.labels, label_smoothing=self.smoothing, reduction="none")
        return Loss((nats if batch.weights is None else nats * batch.weights).sum(), len(batch.labels), [])

    def score(self, network: Classifier, part: Labelled) -> ClassificationScore:
        """How many labels are right."""
        logits = logits_of(network, part, self.vocabulary)
        labels = torch.from_numpy(part.labels[part.texts.chosen].astype(np.int64))
        nats = float(cross_entropy(logits.double(), labels, reduction="sum"))
        right = int((logits.argmax(1) == labels).sum())
        temperature = (
            fitted_temperature(logits.double().numpy(), labels.numpy()) if np.isfinite(nats) else 1.0
        )
        fitted = {"temperature": temperature} if temperature != 1 else {}
        return ClassificationScore(right, len(labels), nats, fitted)

    def reading_cost(self, part: Labelled) -> float:
        """In proportion to its symbols."""
        return float(part.symbols)

    def examples(self, network: Classifier, part: Labelled) -> str:
        """Some texts with the labels that they are given, and their own where that is another one."""
        count = min(SHOWN, part.records)
        chosen = part.texts.chosen[np.arange(count) * part.records // count]
        some = replace(part, texts=replace(part.texts, chosen=chosen))
        found = logits_of(network, some, self.vocabulary).argmax(1).tolist()
        lines = []
        for record, label in zip(chosen.tolist(), found, strict=True):
            begin, end = part.texts.bounds[record : record + 2].tolist()
            text = self.vocabulary.decode(part.texts.ids[begin + 1 : end][:LONGEST_SHOWN])
            own = int(part.labels[record])
            wrong = "" if own == label else f" (it is {self.labels[own]})"
            lines.append(f"{text} → {self.labels[label]}{wrong}")
        return "\n".join(lines)


def logits_of(network: Classifier, part: Labelled, vocabulary: Vocabulary) -> Tensor:
    """The logits of every text's label, (R, C), in the order of the examples."""
    lengths, make = part.texts.lengths, batches_of(part, vocabulary)
    logits = torch.empty(len(lengths), network.output.out_features)
    with still(network):
        for examples in by_length(np.arange(len(lengths)), lengths, TOGETHER, most=STEPS_TOGETHER):
            ids = make(examples, 0.0).to(network.device).ids
            logits[torch.from_numpy(examples)] = network(ids).float().cpu()
    return logits


def batches_of(
    part: Labelled, vocabulary: Vocabulary, weights: NDArray[np.float32] | None = None
) -> Callable[[Numbers, float], LabelledTexts]:
    """Makes batches of examples of a part, weighted by their labels, (C,), as asked."""

    def make(examples: Numbers, epoch: float) -> LabelledTexts:
        labels = part.labels[part.texts.chosen[examples]].astype(np.int64)
        of_each = None if weights is None else torch.from_numpy(weights[labels])
        ids = whole_texts(part.texts, examples, vocabulary)
        return LabelledTexts(ids, torch.from_numpy(labels), epoch, weights=of_each)

    return make


def balanced(part: Labelled) -> NDArray[np.float32]:
    """(C,) weights with which all labels that there are count the same; in the mean over the examples 1."""
    counts = np.bincount(part.labels[part.texts.chosen])
    weights: NDArray[np.float32] = np.divide(
        part.records / np.count_nonzero(counts), counts, out=np.zeros(len(counts)), where=counts > 0
    ).astype(np.float32)
    return weights
