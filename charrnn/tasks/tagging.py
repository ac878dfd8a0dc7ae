"""Tagging: each character of a text has a tag. Many to many, in step.

The network reads a whole text, from both ends by default; a linear chain over it knows which tags follow each
other. What shows how far it has come are texts that are held out, cut or marked by the tags that they get.
Knows nothing of files, terminals or optimizers.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.utils.rnn import PackedSequence

from charrnn.decoding.chain import Chain
from charrnn.decoding.network import NOT_FINITE
from charrnn.errors import CheckpointError, CorpusError
from charrnn.model.architecture import TaggerArchitecture
from charrnn.model.layer import State
from charrnn.model.packing import Packing
from charrnn.model.passes import still
from charrnn.model.tagger import Tagger
from charrnn.tasks.batches import part_of
from charrnn.tasks.examples import whole_examples, whole_texts
from charrnn.tasks.passes import Numbers, Passes, by_length
from charrnn.tasks.task import Loss
from charrnn.text.example_parts import Tagged
from charrnn.text.tag_schemes import SpanMarks, TagIds, possible, scheme_of
from charrnn.text.vocabulary import Ids, Vocabulary

SHOWN = 6
"""Texts that are shown with their tags now and then."""

LONGEST_SHOWN = 60
"""Symbols of each of them, at most."""

TOGETHER, STEPS_TOGETHER = 256, 2**16
"""Texts that are scored at once, and steps of all of them, padded to the longest, at most."""


@dataclass(frozen=True)
class TaggedTexts:
    """A batch of texts, and the tags of their characters.

    Attributes:
        ids: the texts, each with its end mark, packed.
        rows: (M,) which of their symbols have a tag.
        tags: (M,) of each of these.
        packing: how these lie: of each text those that have a tag.
        examples: (B,) the number of each text.
        epoch: passes over the examples that are done after this batch.
    """

    ids: PackedSequence
    rows: Tensor
    tags: Tensor
    packing: Packing
    examples: Numbers
    epoch: float
    fresh: None = None

    def to(self, device: torch.device) -> "TaggedTexts":
        """The same batch on a device."""
        ids = PackedSequence(self.ids.data.to(device), self.ids.batch_sizes)
        return replace(self, ids=ids, rows=self.rows.to(device), tags=self.tags.to(device))

    @property
    def texts(self) -> int:
        """How many texts it has."""
        return len(self.examples)

    @property
    def count(self) -> int:
        """How many tags there are to find."""
        return len(self.tags)

    def part(self, first: int, every: int) -> "TaggedTexts":
        """Some of its texts."""
        is_of_part = Packing(self.ids.batch_sizes.numpy()).texts % every == first
        rows = self.rows.numpy()
        tagged, packing, _ = self.packing.only(is_of_part[rows])
        return replace(
            self,
            ids=part_of(self.ids, first, every),
            rows=torch.from_numpy((np.cumsum(is_of_part) - 1)[rows[tagged]]),
            tags=self.tags[torch.from_numpy(tagged)],
            packing=packing,
            examples=self.examples[first::every],
        )


@dataclass(frozen=True)
class TaggingScore:
    """How good tags are.

    Attributes:
        right: spans, or tags, that are right.
        found: how many were found.
        wanted: how many there are.
        unit: `span_f1`, or `accuracy` where tags mark no spans.
        is_finite: whether what the network says are numbers.
    """

    right: int
    found: int
    wanted: int
    unit: str
    is_finite: bool = True

    fitted: ClassVar[Mapping[str, float]] = {}

    @property
    def value(self) -> float:
        """2 · right / (found + wanted): of spans their F1, of tags the share of right ones."""
        if not self.is_finite:
            return float("nan")
        return 2 * self.right / (self.found + self.wanted) if self.found + self.wanted else 1.0

    def better_than(self, value: float) -> bool:
        """Whether another figure is lower."""
        return self.value > value


@dataclass(frozen=True)
class TaggingTask:
    """Finding the tag of each character.

    Attributes:
        vocabulary: the symbols.
        tags: their names.
    """

    name: ClassVar[str] = "tag"

    vocabulary: Vocabulary
    tags: tuple[str, ...]

    @cached_property
    def marks(self) -> SpanMarks | None:
        """The spans that tags mark; None if they mark none."""
        scheme = scheme_of(self.tags)
        return None if scheme is None else SpanMarks.of(self.tags, scheme)

    @property
    def unit(self) -> str:
        """The F1 of spans, or the share of right tags where they mark none."""
        return "accuracy" if self.marks is None else "span_f1"

    def network(self, architecture: TaggerArchitecture, dropout: float, generator: torch.Generator) -> Tagger:
        """A trunk with a linear output and a chain, for which all possible sequences are alike."""
        return Tagger(architecture, dropout, generator, possible(self.tags))

    def batches(
        self, part: Tagged, *, batch_size: int, sequence_length: int, seed: int
    ) -> Passes[Numbers, TaggedTexts]:
        """Whole texts of like lengths; from an empty one there is nothing to learn.

        Raises:
            CorpusError: all are empty.
        """
        some = replace(part, texts=replace(part.texts, chosen=part.texts.chosen[part.texts.lengths > 1]))
        if not len(some.texts.chosen):
            raise CorpusError("all texts to learn from are empty; expected some with tags; give more texts")
        return whole_examples(
            some.texts.lengths,
            batches_of(some, self.vocabulary),
            batch_size=batch_size,
            sequence_length=sequence_length,
            seed=seed,
        )

    def loss(self, network: Tagger, batch: TaggedTexts, state: State | None) -> Loss:  # noqa: ARG002 - none
        """Score the tags of each text as one sequence, summed in nats."""
        emissions = network(batch.ids, batch.rows).float()
        return Loss(network.chain.nats(emissions, batch.tags, batch.packing), len(batch.tags), [])

    def score(self, network: Tagger, part: Tagged) -> TaggingScore:
        """How many spans are right, or tags where these mark no spans."""
        total = np.zeros(3, np.int64)
        for batch, found in tagged(network, part, self.vocabulary):
            if found is None:
                return TaggingScore(0, 0, 0, self.unit, is_finite=False)
            order = np.argsort(batch.packing.texts, kind="stable")  # text by text
            firsts = batch.packing.steps[order] == 0
            total += self._alike(found[order], batch.tags.numpy()[order], firsts)
        right, found_in_all, wanted = total.tolist()
        return TaggingScore(right, found_in_all, wanted, self.unit)

    def _alike(self, found: TagIds, wanted: TagIds, firsts: NDArray[np.bool_]) -> tuple[int, int, int]:
        """Of the spans, or else the tags, of texts one after the other: those right, found and wanted."""
        if self.marks is None:
            return int((found == wanted).sum()), len(found), len(wanted)
        spans, own = (set(map(tuple, self.marks.spans(ids, firsts).tolist())) for ids in (found, wanted))
        return len(spans & own), len(spans), len(own)

    def reading_cost(self, part: Tagged) -> float:
        """In proportion to its symbols."""
        return float(part.symbols)

    def examples(self, network: Tagger, part: Tagged) -> str:
        """Some texts with the tags that they get, and their own where these are others."""
        count = min(SHOWN, part.records)
        chosen = part.texts.chosen[np.arange(count) * part.records // count]
        some = replace(part, texts=replace(part.texts, chosen=chosen))
        lines = [""] * count
        for batch, found in tagged(network, some, self.vocabulary):
            if found is None:
                raise CheckpointError(NOT_FINITE)
            ids, sizes = batch.ids.data.numpy(), batch.ids.batch_sizes.numpy()
            for text, example in enumerate(batch.examples.tolist()):
                lines[example] = self._shown(ids, Packing(sizes), text, batch, found)
        return "\n".join(lines)

    def _shown(self, ids: Ids, packing: Packing, text: int, batch: TaggedTexts, found: TagIds) -> str:
        """One text of a batch with its tags."""
        own_rows = np.flatnonzero(packing.texts == text)[:-1]
        tagged_rows = batch.rows.numpy()
        places = np.flatnonzero(np.isin(tagged_rows, own_rows))
        begins = np.searchsorted(own_rows, tagged_rows[places])
        pieces = [self.vocabulary.decode(ids[rows]) for rows in np.split(own_rows, begins)[1:]]
        shown, own = (self._marked(pieces, tags[places]) for tags in (found, batch.tags.numpy()))
        return shown if shown == own else f"{shown} (it is {own})"

    def _marked(self, pieces: Sequence[str], tags: TagIds) -> str:
        """Characters cut where spans begin and end; or, where tags mark none, with their tags after them."""
        pieces, tags = pieces[:LONGEST_SHOWN], tags[:LONGEST_SHOWN]
        if self.marks is None:
            return "".join(pieces) + " → " + " ".join(self.tags[tag] for tag in tags)
        spans = self.marks.spans(tags, np.arange(len(tags)) == 0)
        cuts = np.setdiff1d(spans[:, :2], [0, len(pieces)])
        parts = np.split(np.array(pieces, object), cuts)
        return "|".join("".join(part) for part in parts)


def tagged(
    network: Tagger, part: Tagged, vocabulary: Vocabulary
) -> Iterator[tuple[TaggedTexts, NDArray[np.intp] | None]]:
    """Texts of a part, batch by batch, with the tags that they get; None where scores are not finite."""
    lengths, make = part.texts.lengths, batches_of(part, vocabulary)
    chain = Chain(network.weights(), network.possible)
    for examples in by_length(np.arange(len(lengths)), lengths, TOGETHER, most=STEPS_TOGETHER):
        batch = make(examples, 0.0)
        if not len(batch.tags):
            yield batch, np.empty(0, np.intp)
            continue
        with still(network):
            there = batch.to(network.device)
            emissions = network(there.ids, there.rows).float().cpu().numpy()
        is_finite = bool(np.isfinite(emissions).all())
        yield batch, chain.best(emissions, batch.packing) if is_finite else None


def batches_of(part: Tagged, vocabulary: Vocabulary) -> Callable[[Numbers, float], TaggedTexts]:
    """Makes batches of examples of a part."""

    def make(examples: Numbers, epoch: float) -> TaggedTexts:
        texts, chosen = part.texts, part.texts.chosen[examples]
        ids = whole_texts(texts, examples, vocabulary)
        packing = Packing(ids.batch_sizes.numpy())
        tags = part.tags[texts.bounds[chosen][packing.texts] + 1 + packing.steps]
        has_tag = (packing.steps < packing.lengths[packing.texts] - 1) & (tags >= 0)
        rows, of_tags, _ = packing.only(has_tag)
        found = torch.from_numpy(tags[rows].astype(np.int64))
        return TaggedTexts(ids, torch.from_numpy(rows), found, of_tags, examples, epoch)

    return make
