"""Prepares a text and a model for scoring with the given settings; every report starts here."""

import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import torch
from rich.console import Console

from charrnn.commands.corpora import counted, reading_of
from charrnn.config.declaration import flat, option_name
from charrnn.config.settings import EvaluateSettings, ReadingSettings
from charrnn.display.live import make_display
from charrnn.display.progress import ReadingProgress
from charrnn.errors import CheckpointError, UsageError
from charrnn.evaluation.adaptation import Adaptation, Adapting
from charrnn.evaluation.scores import scored
from charrnn.model.measures import COST, Kept, Measure
from charrnn.model.network import CharRNN
from charrnn.model.readers import Carried, Reader, RecordReader, Windows
from charrnn.runs.checkpoint import Checkpoint, load
from charrnn.runs.folder import find_checkpoint
from charrnn.runs.language_model import language_model_of
from charrnn.runs.report import Display
from charrnn.text.corpus import Corpus
from charrnn.text.dataset import Dataset, is_encoded, open_dataset
from charrnn.text.parts import Part
from charrnn.text.passages import Passage, check_scorable, part_passages, passages
from charrnn.text.vocabulary import Vocabulary


class ScoredText(Protocol):
    """What is scored."""

    @property
    def name(self) -> str:
        """What it is called."""
        ...

    @property
    def reading(self) -> ReadingSettings:
        """How it was read."""
        ...

    @property
    def characters(self) -> int | None:
        """How many are scored, where that is known beforehand."""
        ...

    def texts(self, vocabulary: Vocabulary, display: Display) -> Iterator[Iterator[Passage]]:
        """As a model reads it."""
        ...

    def utf8(self) -> Iterator[bytes]:
        """As read, in UTF-8; at byte level its bytes."""
        ...


@dataclass(frozen=True)
class NamedText:
    """A text that the user names."""

    corpus: Corpus
    characters: None = None

    @property
    def name(self) -> str:
        """Of its first source."""
        return self.corpus.sources[0].name

    @property
    def reading(self) -> ReadingSettings:
        """How it is read."""
        return self.corpus.reading

    def texts(self, vocabulary: Vocabulary, display: Display) -> Iterator[Iterator[Passage]]:
        """One text."""
        yield passages(self.corpus, vocabulary, ReadingProgress(display, "scoring"))

    def utf8(self) -> Iterator[bytes]:
        """As read, in UTF-8; at byte level its bytes."""
        return self.corpus.utf8()


@dataclass(frozen=True)
class HeldOut:
    """What a run held out, as its folder keeps it."""

    name: str
    part: Part
    vocabulary: Vocabulary
    reading: ReadingSettings

    @property
    def characters(self) -> int:
        """Those that training divides by, too."""
        return self.part.scored_characters

    def texts(self, vocabulary: Vocabulary, display: Display) -> Iterator[Iterator[Passage]]:  # noqa: ARG002 - no file is read
        """Each stretch of it; lines together."""
        return part_passages(self.part, vocabulary, self.reading)

    def utf8(self) -> Iterator[bytes]:
        """As far as the symbols tell, in UTF-8; at byte level its bytes."""
        encoding = "latin-1" if self.reading.level == "byte" else "utf-8"
        for pieces in part_passages(self.part, self.vocabulary, self.reading):
            yield from (piece.text.encode(encoding, "surrogatepass") for piece in pieces)


def held_out(path: Path, model: Checkpoint) -> HeldOut:
    """What the run of a checkpoint held out.

    Raises:
        CheckpointError: the folder's text is damaged, or another one.
        UsageError: the checkpoint is not in its run folder, or nothing was held out.
    """
    dataset = encoded_text(path, model)
    if dataset.validation is None:
        raise UsageError("--part is validation, but the run held out nothing; give a text")
    return HeldOut(f"what {path.parent} held out", dataset.validation, model.vocabulary, model.reading)


def encoded_text(path: Path, model: Checkpoint) -> Dataset:
    """What a run keeps of the text that its checkpoint was trained on, and of what it held out.

    Raises:
        CheckpointError: the folder's text is damaged, or another one.
        UsageError: the checkpoint is not in its run folder.
    """
    if not is_encoded(path.parent):
        raise UsageError(
            f"--part is validation, but {path} is not in its run folder, which keeps the text; give the run "
            "folder, or a text"
        )
    dataset = open_dataset(path.parent)
    if not dataset.is_learnt_by(model.corpus.encoded, model.vocabulary):
        raise CheckpointError(
            f"the encoded text in {path.parent} is not the one that {path.name} was trained on; give a text"
        )
    return dataset


@dataclass(frozen=True)
class Subject:
    """A text and a model.

    Attributes:
        path: the checkpoint.
        model: what it holds.
        network: the network in it.
        text: what is scored, found fit for it.
        settings: how it is scored.
        display: is told how far it has come.
    """

    path: Path
    model: Checkpoint
    network: CharRNN
    text: ScoredText
    settings: EvaluateSettings
    display: Display

    @property
    def vocabulary(self) -> Vocabulary:
        """The model's."""
        return self.model.vocabulary

    def texts(self) -> Iterator[Iterator[Passage]]:
        """The text as the model reads it: one text, or several that begin blank."""
        return self.text.texts(self.vocabulary, self.display)

    def scored(self, measure: Measure = COST, *, adapting: bool) -> Iterator[tuple[Passage, Kept]]:
        """The text with what is kept of each symbol's prediction."""
        for pieces in self.texts():
            yield from scored(pieces, self._reader(measure, adapting=adapting), self.vocabulary.unknown)

    def _reader(self, measure: Measure, *, adapting: bool) -> Reader:
        settings = self.settings
        if self.vocabulary.end is not None:
            return RecordReader(self.network, self.vocabulary.end, measure)
        if adapting:
            how = Adaptation(settings.adapt_rate, settings.adapt_decay, settings.adapt_window)
            return Adapting(self.network, how, measure)
        if settings.window:
            return Windows(self.network, settings.window, measure)
        return Carried(self.network, measure, exact=settings.exact)


@dataclass(frozen=True)
class Question:
    """What a user asked for.

    Attributes:
        paths: the text.
        checkpoints: the model's path, or none for the newest run; several for what compares models.
        given: reading settings that were set; the model's own stand for the others.
        settings: how it is scored.
        json_wanted: JSON instead of text.
    """

    paths: tuple[str, ...]
    checkpoints: tuple[str, ...]
    given: Mapping[str, Any]
    settings: EvaluateSettings
    json_wanted: bool

    def subject(self, display: Display) -> Subject:
        """The text under the one model.

        Raises:
            UsageError: there are several.
        """
        if len(self.checkpoints) > 1:
            raise UsageError(
                f"--checkpoint is given {len(self.checkpoints)} times; only --gradients compares models; "
                "give one"
            )
        return self.subjects(display)[0]

    def subjects(self, display: Display) -> list[Subject]:
        """The text under each model: loaded, counted, and found to fit one another.

        Raises:
            CheckpointError: there is no such model.
            CorpusError: the text cannot be read, or there is nothing to score.
            UsageError: settings are not for this model, or contradict one another.
        """
        return [self._open(path, display) for path in self.checkpoints or (None,)]

    def _open(self, checkpoint: str | None, display: Display) -> Subject:
        self.check_text()
        path = find_checkpoint(checkpoint)
        model = load(path)
        reading = reading_of(model, self.given)
        check_settings_for(model, self.settings)
        text = held_out(path, model) if self.settings.part else self._named(reading, model, display)
        return Subject(path, model, network_of(model), text, self.settings, display)

    def _named(self, reading: ReadingSettings, model: Checkpoint, display: Display) -> NamedText:
        corpus = counted(self.paths, reading, display)
        check_scorable(corpus, model.vocabulary)
        return NamedText(corpus)

    def check_text(self) -> None:
        """Make sure that there is either a text or a part."""
        part = self.settings.part
        if not part and not self.paths:
            raise UsageError("no text is given; name a file, or give --part validation")
        if not part:
            return
        if self.paths:
            raise UsageError(
                f"{self.paths[0]} and --part {part} are given; expected a text or a part; leave one out"
            )
        read = [name for name in flat(ReadingSettings()) if name in self.given]
        if read:
            raise UsageError(
                f"{option_name(read[0])} is given, but --part {part} was read when the run began; "
                "leave one out"
            )


def network_of(checkpoint: Checkpoint, label: str | None = None) -> CharRNN:
    """The network with a checkpoint's weights; of one that writes by label, as it is with that label."""
    model = language_model_of(checkpoint, label)
    network = CharRNN(model.architecture, 0.0, torch.Generator().manual_seed(0))
    network.put(model.weights)
    return network.eval()


def progress_display(*, streams: bool) -> Display:
    """Shows how far it has come on standard error, unless results come bit by bit on the same terminal."""
    quiet = streams and sys.stdout.isatty()
    return make_display(Console(stderr=True, highlight=False), quiet=quiet)


def check_settings_for(model: Checkpoint, settings: EvaluateSettings) -> None:
    """Check that a text can be scored in this way under a model.

    Raises:
        UsageError: it cannot, since the model reads lines, or since settings contradict one another.
    """
    for_texts = {"--window": settings.window, "--adapt": settings.adapt, "--gradients": settings.gradients}
    given = [option for option, value in for_texts.items() if value]
    if model.vocabulary.mode == "lines" and given:
        raise UsageError(
            f"{given[0]} is for one long text; in lines mode each line starts blank, so leave it out"
        )
    if settings.adapt and settings.window:
        raise UsageError(
            f"--window is {settings.window}, but --adapt carries the state and the weights; leave one out"
        )
