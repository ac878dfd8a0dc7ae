"""A text under a model, ready to be scored in the way that was asked for: what every report begins with."""

import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from rich.console import Console

from charrnn.checkpoint import Checkpoint, load
from charrnn.commands.corpora import counted, reading_of
from charrnn.config import EvaluateSettings
from charrnn.display import Display, ReadingProgress, make_display
from charrnn.errors import UsageError
from charrnn.learning.adaptation import Adaptation, Adapting
from charrnn.learning.evaluation import scored
from charrnn.learning.measures import COST, Kept, Measure
from charrnn.learning.model import CharRNN
from charrnn.learning.readers import Carried, Reader, Records, Windows
from charrnn.reading.corpus import Corpus
from charrnn.reading.passages import Piece, check_scorable, passages
from charrnn.reading.vocabulary import Vocabulary
from charrnn.run import find_checkpoint


@dataclass(frozen=True)
class Subject:
    """A text and a model.

    Attributes:
        path: the checkpoint.
        model: what it holds.
        network: the network in it.
        corpus: the text, counted and found fit to be scored.
        settings: how it is scored.
        display: is told how far it has come.
    """

    path: Path
    model: Checkpoint
    network: CharRNN
    corpus: Corpus
    settings: EvaluateSettings
    display: Display

    @property
    def vocabulary(self) -> Vocabulary:
        """The model's."""
        return self.model.vocabulary

    def pieces(self) -> Iterator[Piece]:
        """The text as the model reads it."""
        return passages(self.corpus, self.vocabulary, ReadingProgress(self.display, "scoring"))

    def scored(self, measure: Measure = COST, *, adapting: bool) -> Iterator[tuple[Piece, Kept]]:
        """The text with what is kept of each symbol's prediction."""
        return scored(self.pieces(), self._reader(measure, adapting=adapting), self.vocabulary.unknown)

    def _reader(self, measure: Measure, *, adapting: bool) -> Reader:
        settings = self.settings
        if self.vocabulary.end is not None:
            return Records(self.network, self.vocabulary.end, measure)
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
        path = find_checkpoint(checkpoint)
        model = load(path)
        reading = reading_of(model, self.given)
        _check(self.settings, has_records=model.vocabulary.end is not None)
        corpus = counted(self.paths, reading, display)
        check_scorable(corpus, model.vocabulary)
        return Subject(path, model, network_of(model), corpus, self.settings, display)


def network_of(checkpoint: Checkpoint) -> CharRNN:
    """The network with a checkpoint's weights."""
    network = CharRNN(checkpoint.architecture, 0.0, torch.Generator().manual_seed(0))
    network.load_state_dict({name: torch.from_numpy(values) for name, values in checkpoint.weights.items()})
    return network.eval()


def progress_display(*, streams: bool) -> Display:
    """Shows how far it has come on standard error, unless results come bit by bit on the same terminal."""
    quiet = streams and sys.stdout.isatty()
    return make_display(Console(stderr=True, highlight=False), quiet=quiet)


def _check(settings: EvaluateSettings, *, has_records: bool) -> None:
    for_texts = {"--window": settings.window, "--adapt": settings.adapt, "--gradients": settings.gradients}
    given = [option for option, value in for_texts.items() if value]
    if has_records and given:
        raise UsageError(
            f"{given[0]} is for one long text; in lines mode each line starts blank, so leave it out"
        )
    if settings.adapt and settings.window:
        raise UsageError(
            f"--window is {settings.window}, but --adapt carries the state and the weights; leave one out"
        )
