"""Translation: a text becomes another one. Many to many, one after the other.

The network reads all of a source, then writes its target. What shows how far it has come are targets that it
writes. Knows nothing of files, terminals or optimizers.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar
from unicodedata import normalize

import numpy as np
import torch
from torch.nn.functional import cross_entropy

from charrnn.config.settings import ReadingSettings
from charrnn.decoding.beam import LONGEST, Target, search
from charrnn.decoding.prompt import decomposes
from charrnn.decoding.translator import Translator
from charrnn.model.architecture import TranslationArchitecture
from charrnn.model.layer import State
from charrnn.model.translation import TranslationNetwork
from charrnn.tasks.pairs import PADDING, Pairs, alike, pair_batches, pairs
from charrnn.tasks.passes import Numbers, Passes
from charrnn.tasks.task import Loss
from charrnn.text.codes import UNKNOWN_NATS
from charrnn.text.example_parts import Paired
from charrnn.text.target_vocabulary import END, TargetVocabulary
from charrnn.text.vocabulary import Vocabulary

SHOWN = 6
"""How many examples are shown now and then."""

SCORED_TOGETHER, SCORED_STEPS = 64, 2**16
"""Pairs that are scored side by side, and the steps that these have, at most; between them a score may be
broken off."""


@dataclass(frozen=True)
class TranslationScore:
    """How well targets were written, and how well they were foreseen.

    Attributes:
        right: how many were written exactly, the likeliest symbol taken each time.
        pairs: of how many.
        nats: the sum of -ln p over the symbols of targets, end marks included, each given those before it.
        symbols: how many these are.
    """

    right: int
    pairs: int
    nats: float
    symbols: int

    fitted: ClassVar[Mapping[str, float]] = {}

    @property
    def value(self) -> float:
        """The share of exact matches."""
        return self.right / self.pairs

    @property
    def unit(self) -> str:
        """Of the value."""
        return "exact"

    @property
    def nats_per_symbol(self) -> float:
        """The mean cost of a symbol."""
        return self.nats / self.symbols

    def better_than(self, value: float) -> bool:
        """Whether these are more than others, or as many: then more was learnt since.

        Where an answer may be any of many, hardly one matches exactly, and the first would stay the best.
        """
        return self.value >= value


@dataclass(frozen=True)
class TranslationTask:
    """Turning one text into another.

    Attributes:
        vocabulary: the symbols of sources.
        target_vocabulary: those of targets.
        reading: how text is read.
    """

    name: ClassVar[str] = "translate"
    unit: ClassVar[str] = "exact"

    vocabulary: Vocabulary
    target_vocabulary: TargetVocabulary
    reading: ReadingSettings = field(default_factory=ReadingSettings)

    def network(
        self, architecture: TranslationArchitecture, dropout: float, generator: torch.Generator
    ) -> TranslationNetwork:
        """An encoder and a decoder, which predicts all symbols alike."""
        return TranslationNetwork(architecture, dropout, generator)

    def batches(
        self, part: Paired, *, batch_size: int, sequence_length: int, seed: int
    ) -> Passes[Numbers, Pairs]:
        """Pairs of similar lengths."""
        return pair_batches(
            part,
            batch_size=batch_size,
            sequence_length=sequence_length,
            seed=seed,
            vocabulary=self.vocabulary,
        )

    def loss(self, network: TranslationNetwork, batch: Pairs, state: State | None) -> Loss:  # noqa: ARG002 - nothing is carried
        """Score each symbol of the targets, given the source and those before it: summed in nats."""
        logits = network(batch.sources, batch.inputs).flatten(0, 1)
        targets = batch.targets.flatten()
        nats = cross_entropy(logits.float(), targets, ignore_index=PADDING, reduction="sum")
        return Loss(nats, batch.count, [])

    def score(self, network: TranslationNetwork, part: Paired) -> TranslationScore:
        """Exact matches, and what the targets cost; a symbol that no target in training had is charged."""
        nats, right = 0.0, 0
        translator = Translator(network.architecture, network.weights())
        for rows in alike(part, np.arange(part.records), SCORED_TOGETHER, SCORED_STEPS):
            nats += self._nats(network, pairs(part, rows, 0.0))
            written, places = self._written(translator, part, rows), part.targets.texts[rows].tolist()
            right += sum(
                np.array_equal(target.ids, part.targets.ids[begin + 1 : end - 1])
                for target, (begin, end) in zip(written, places, strict=True)
            )
        return TranslationScore(right, part.records, nats, part.targets.symbols)

    @torch.no_grad()
    def _nats(self, network: TranslationNetwork, batch: Pairs) -> float:
        """What a batch costs; a target symbol that is not known is not shown to the network."""
        is_unknown = batch.targets >= len(self.target_vocabulary)
        inputs = batch.inputs.masked_fill(batch.inputs >= len(self.target_vocabulary), END)
        targets = batch.targets.masked_fill(is_unknown, PADDING)
        shown = Pairs(batch.sources, inputs, targets, batch.count, batch.epoch).to(network.device)
        was_training = network.training
        network.eval()
        loss = self.loss(network, shown, None)
        network.train(was_training)
        return float(loss.nats) + UNKNOWN_NATS * int(is_unknown.sum())

    def _written(self, translator: Translator, part: Paired, rows: Numbers) -> list[Target]:
        """The targets that are written for some sources, the likeliest symbol taken each time."""
        sources = [part.sources.ids[begin + 1 : end] for begin, end in part.sources.texts[rows]]
        longest = min(LONGEST, 2 * int(part.targets.lengths.max()))
        return [best[0] for best in search(translator, sources, beam=1, longest=longest)]

    def reading_cost(self, part: Paired) -> float:
        """Every symbol costs alike."""
        return float(part.symbols)

    def examples(self, network: TranslationNetwork, part: Paired) -> str:
        """What it writes for a few sources.

        Raises:
            CheckpointError: what it computes is not finite.
        """
        rows = np.arange(min(SHOWN, part.records)) * part.records // min(SHOWN, part.records)
        written = self._written(Translator(network.architecture, network.weights()), part, rows)
        return "\n".join(
            f"{self._composed(self.vocabulary.decode(part.sources.ids[begin + 1 : end - 1]))} → "
            f"{self._composed(self.target_vocabulary.decode(target.ids))}"
            for target, (begin, end) in zip(written, part.sources.texts[rows], strict=True)
        )

    def _composed(self, text: str) -> str:
        """A text as people read it."""
        return normalize("NFC", text) if decomposes(self.reading.normalize) else text
