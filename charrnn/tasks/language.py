"""Language modelling: predict each next symbol. Many to many, in step.

The network is a trunk and a linear output layer; its progress is shown by samples. Knows nothing of files,
terminals or optimizers.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import ClassVar

import numpy as np
import torch
from torch.nn.functional import cross_entropy

from charrnn.config.settings import ReadingSettings, Request, SampleSettings
from charrnn.decoding.best_of import whole_texts
from charrnn.decoding.language_model import SavedModel
from charrnn.decoding.sampler import read, write
from charrnn.evaluation.scores import LanguageScore, reading_cost, score_part
from charrnn.model.architecture import Architecture
from charrnn.model.layer import State
from charrnn.model.network import CharRNN, flattened
from charrnn.tasks.batches import Batches, NextSymbols
from charrnn.tasks.packed import pack, packed_records
from charrnn.tasks.task import Loss
from charrnn.tasks.windows import RESETS, PartedStreams, Streams
from charrnn.text.parts import Part
from charrnn.text.record_part import Records
from charrnn.text.text_parts import OneText, PartedText
from charrnn.text.vocabulary import Vocabulary

SAMPLE_LENGTH = 300
SAMPLE_RECORDS = 8
"""What is written now and then: so many characters of a text, or so many records."""


@dataclass(frozen=True)
class LanguageTask:
    """Predicting the next symbol, of one long text or of lines.

    Attributes:
        vocabulary: the symbols.
        reading: how text is read.
        prompt: how its examples begin.
        seed: of their random numbers.
        starts: for each id, how often it begins a line.
        empty_records: whether there are records without a character, in lines mode.
        longest_record: symbols of the longest record, in lines mode; 0 where it is not known.
    """

    name: ClassVar[str] = "language"
    unit: ClassVar[str] = "nats_per_character"

    vocabulary: Vocabulary
    reading: ReadingSettings = field(default_factory=ReadingSettings)
    prompt: str = ""
    seed: int = 1
    starts: Sequence[int] = ()
    empty_records: bool = False
    longest_record: int = 0

    def network(self, architecture: Architecture, dropout: float, generator: torch.Generator) -> CharRNN:
        """A trunk with a linear output, which predicts all symbols alike."""
        return CharRNN(architecture, dropout, generator)

    def batches(self, part: Part, *, batch_size: int, sequence_length: int, seed: int) -> Batches:
        """Streams of one text or of its stretches, or packed records."""
        size, length = batch_size, sequence_length
        match part:
            case OneText(ids):
                return Streams(ids, size, length, resets=RESETS, seed=seed)
            case PartedText(ids, texts=texts):
                return PartedStreams(ids, texts, size, length, resets=RESETS, seed=seed)
            case Records(ids, bounds=bounds, chosen=chosen):
                make = partial(pack, ids)
                return packed_records(
                    bounds, chosen, make, batch_size=size, sequence_length=length, seed=seed
                )
            case _:
                raise TypeError(f"there are no batches of {type(part).__name__}")

    def loss(self, network: CharRNN, batch: NextSymbols, state: State | None) -> Loss:
        """Score each symbol given those before it: softmax cross-entropy, summed in nats."""
        logits, after = network(batch.ids, state)
        targets = batch.target_data
        if logits.ndim > 2:
            logits, targets = flattened(logits, targets)
        nats = cross_entropy(logits.float(), targets, reduction="sum")
        return Loss(nats, batch.count, after)

    def score(self, network: CharRNN, part: Part) -> LanguageScore:
        """Nats per character, those that are given left out."""
        given = part.given(self.vocabulary, self.reading)
        return score_part(network, part, self.vocabulary.unknown, given)

    def reading_cost(self, part: Part) -> float:
        """How long scoring a part takes, compared with other parts of the same text."""
        return reading_cost(part)

    def examples(self, network: CharRNN, part: Part) -> str:  # noqa: ARG002 - it writes of its own
        """What it writes: some characters of a text, or a few records.

        Raises:
            CheckpointError: what it predicts is not finite.
        """
        model = SavedModel(
            architecture=network.architecture,
            weights=network.weights(),
            vocabulary=self.vocabulary,
            starts=np.array(self.starts, np.int64),
            normal_form=self.reading.normalize,
            empty_records=self.empty_records,
            longest_record=self.longest_record,
        )
        in_lines = self.vocabulary.mode == "lines"
        request = Request(
            prompt=self.prompt,
            length=SAMPLE_LENGTH // 2 if in_lines else SAMPLE_LENGTH,
            count=SAMPLE_RECORDS if in_lines else 1,
            seed=self.seed,
        )
        prompt = read(model, request).text
        return "\n".join(prompt + text for text in whole_texts(write(model, request, SampleSettings())))
