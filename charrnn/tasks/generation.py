"""Generation by label: a language model of lines that is told the label of each. One to many.

What the label adds to every input says what kind of text is to come; all else is as in `language.py`. Knows
nothing of files, terminals or optimizers.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import cross_entropy

from charrnn.config.settings import ReadingSettings, Request, SampleSettings
from charrnn.decoding.best_of import whole_texts
from charrnn.decoding.labels import with_label
from charrnn.decoding.language_model import SavedModel
from charrnn.decoding.sampler import read, write
from charrnn.evaluation.by_label import score_told
from charrnn.evaluation.scores import LanguageScore
from charrnn.model.architecture import LabelledArchitecture
from charrnn.model.layer import State
from charrnn.model.network import LabelledRNN
from charrnn.tasks.batches import NextSymbols
from charrnn.tasks.packed import Windows, pack, packed_records
from charrnn.tasks.passes import Passes
from charrnn.tasks.task import Loss
from charrnn.text.example_parts import Labelled
from charrnn.text.vocabulary import Vocabulary

EXAMPLES, LONGEST_EXAMPLE = 8, 150
"""What is written now and then: so many lines of so many characters at most."""


@dataclass(frozen=True)
class NextSymbolsByLabel:
    """A batch of lines, and the label of each.

    Attributes:
        symbols: the lines, packed.
        labels: (B,) of each of them, in their order.
    """

    symbols: NextSymbols
    labels: Tensor

    @property
    def fresh(self) -> Tensor | None:
        """(B,), true for the lines whose state starts blank; None if every line goes on."""
        return self.symbols.fresh

    @property
    def epoch(self) -> float:
        """Passes over the text that are done after this batch."""
        return self.symbols.epoch

    @property
    def texts(self) -> int:
        """How many lines it has."""
        return self.symbols.texts

    @property
    def count(self) -> int:
        """How many symbols are predicted."""
        return self.symbols.count

    def part(self, first: int, every: int) -> "NextSymbolsByLabel":
        """Some of its lines."""
        return NextSymbolsByLabel(self.symbols.part(first, every), self.labels[first::every])

    def to(self, device: torch.device) -> "NextSymbolsByLabel":
        """The same batch on a device."""
        return NextSymbolsByLabel(self.symbols.to(device), self.labels.to(device))


def batches_of(part: Labelled) -> Callable[[Windows, float], NextSymbolsByLabel]:
    """Makes batches of windows of a part's texts, each with the label of its text."""
    ids, bounds = part.texts.ids, part.texts.bounds

    def make(group: Windows, epoch: float) -> NextSymbolsByLabel:
        texts = np.searchsorted(bounds, group.begins, "right") - 1
        labels = torch.from_numpy(part.labels[texts].astype(np.int64))
        return NextSymbolsByLabel(pack(ids, group, epoch), labels)

    return make


@dataclass(frozen=True)
class GenerationTask:
    """Predicting the next symbol of lines whose label is told.

    Attributes:
        vocabulary: the symbols.
        labels: their names.
        reading: how text is read.
        counts: for each label, how many lines have it.
        prompt: how its examples begin.
        seed: of their random numbers.
        empty_records: whether there are lines without a character.
        longest_record: symbols of the longest line; 0 where it is not known.
    """

    name: ClassVar[str] = "generate"
    unit: ClassVar[str] = "nats_per_character"

    vocabulary: Vocabulary
    labels: Sequence[str]
    reading: ReadingSettings = field(default_factory=ReadingSettings)
    counts: Sequence[int] = ()
    prompt: str = ""
    seed: int = 1
    empty_records: bool = False
    longest_record: int = 0

    def network(
        self, architecture: LabelledArchitecture, dropout: float, generator: torch.Generator
    ) -> LabelledRNN:
        """A language model with a vector for each label."""
        return LabelledRNN(architecture, dropout, generator)

    def batches(
        self, part: Labelled, *, batch_size: int, sequence_length: int, seed: int
    ) -> Passes[Windows, NextSymbolsByLabel]:
        """Packed lines."""
        return packed_records(
            part.texts.bounds,
            part.texts.chosen,
            batches_of(part),
            batch_size=batch_size,
            sequence_length=sequence_length,
            seed=seed,
        )

    def loss(self, network: LabelledRNN, batch: NextSymbolsByLabel, state: State | None) -> Loss:
        """Score each symbol given those before it and the label: cross-entropy, summed in nats."""
        symbols = batch.symbols
        logits, after = network(symbols.ids, state, batch.labels)
        nats = cross_entropy(logits.float(), symbols.target_data, reduction="sum")
        return Loss(nats, symbols.count, after)

    def score(self, network: LabelledRNN, part: Labelled) -> LanguageScore:
        """Nats per character, the label being told."""
        return score_told(network, part, self.vocabulary.unknown)

    def reading_cost(self, part: Labelled) -> float:
        """How long scoring a part takes, compared with other parts of the same text."""
        return float(part.symbols)

    def examples(self, network: LabelledRNN, part: Labelled) -> str:  # noqa: ARG002 - it writes
        """What it writes: a line of each of the most frequent labels, the label before it.

        Raises:
            CheckpointError: what it predicts is not finite.
        """
        counts = np.array(self.counts or [1] * len(self.labels))
        frequent = np.argsort(-counts, kind="stable")[:EXAMPLES].tolist()
        weights = network.weights()
        texts = [self._example(network.architecture, weights, label) for label in frequent]
        return "\n".join(f"{self.labels[label]}: {text}" for label, text in zip(frequent, texts, strict=True))

    def _example(
        self, architecture: LabelledArchitecture, weights: Mapping[str, NDArray[np.float32]], label: int
    ) -> str:
        alone, own = with_label(architecture, weights, label)
        model = SavedModel(
            architecture=alone,
            weights=own,
            vocabulary=self.vocabulary,
            starts=np.zeros(len(self.vocabulary), np.int64),
            normal_form=self.reading.normalize,
            empty_records=self.empty_records,
            longest_record=self.longest_record,
        )
        request = Request(prompt=self.prompt, length=LONGEST_EXAMPLE, seed=self.seed)
        (text,) = whole_texts(write(model, request, SampleSettings()))
        return read(model, request).text + text
