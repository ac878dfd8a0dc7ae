"""Prepares a text and a model for scoring with the given settings; every report starts here."""

import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from rich.console import Console

from charrnn.commands.corpora import counted, reading_of
from charrnn.commands.scored_text import NamedText, ScoredText, held_out
from charrnn.config.declaration import flat, option_name
from charrnn.config.settings import EvaluateSettings, ReadingSettings
from charrnn.display.live import make_display
from charrnn.errors import UsageError
from charrnn.evaluation.adaptation import Adaptation, Adapting
from charrnn.evaluation.scores import scored
from charrnn.model.measures import COST, Kept, Measure
from charrnn.model.network import CharRNN
from charrnn.model.readers import Carried, Reader, RecordReader, Windows
from charrnn.runs.checkpoint import Checkpoint, load
from charrnn.runs.folder import find_checkpoint
from charrnn.runs.language_model import language_model_of
from charrnn.runs.report import Display
from charrnn.text.passages import Passage, check_scorable
from charrnn.text.vocabulary import Vocabulary
from charrnn.training.machine import find_device


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
        """The text under the one model."""
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
        device = find_device(self.settings.device)
        path = find_checkpoint(checkpoint)
        model = load(path)
        reading = reading_of(model, self.given)
        check_settings_for(model, self.settings)
        text = held_out(path, model) if self.settings.part else self._named(reading, model, display)
        return Subject(path, model, network_of(model).to(device), text, self.settings, display)

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
