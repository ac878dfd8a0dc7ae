"""One run from its first update to its last: what happens between updates, and when.

The trainer only learns; here it is decided when to report, to validate, to show a sample, to save and to
stop. Knows nothing of how things are shown: a display is told.
"""

import math
import time
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import torch

from charrnn import STARTED, __version__
from charrnn.checkpoint import Checkpoint, CorpusFacts, Progress, Weights, save
from charrnn.config import ReadingSettings, Request, SampleSettings, TrainSettings, flat, steps_or_seconds
from charrnn.display import Display
from charrnn.errors import DivergenceError, Stopped
from charrnn.learning.evaluation import Score, score_records, score_text
from charrnn.learning.model import CharRNN
from charrnn.learning.plan import Plan, validation_seconds, validation_steps
from charrnn.learning.schedule import Interval
from charrnn.learning.trainer import Trainer, Update
from charrnn.reading.alignment import first_character
from charrnn.reading.dataset import Part
from charrnn.reading.normalization import RUN_LIMIT
from charrnn.reading.vocabulary import Vocabulary
from charrnn.report import Report
from charrnn.run import Run
from charrnn.stops import Stops
from charrnn.writing.sampler import Author, write

SAMPLE_LENGTH = 300
SAMPLE_RECORDS = 8
"""What is written now and then: so many characters of a text, or so many records."""

WARM_UP_SYMBOLS, PROBE_SYMBOLS = 1_000, 10_000
"""Scored before the first update, to tell how long a whole validation takes."""

EXIT_SECONDS = 0.35
"""What the interpreter needs to end after the last save."""


def weights_of(model: CharRNN) -> Weights:
    """The network's parameters as float32 arrays (on the CPU they share the model's memory)."""
    return {name: value.detach().float().cpu().numpy() for name, value in model.named_parameters()}


class Meter:
    """Sums up updates between two reports."""

    def __init__(self) -> None:
        self.reading = (math.nan, 0.0)
        self._begin()

    def _begin(self) -> None:
        self.nats: torch.Tensor | float = 0.0
        self.count, self.seconds = 0, 0.0

    def add(self, update: Update, seconds: float) -> None:
        """Count one update in, and how long it took."""
        self.nats = self.nats + update.nats
        self.count += update.count
        self.seconds += seconds

    def read(self) -> tuple[float, float]:
        """Nats per symbol and symbols per second since the last reading, which stands if nothing came since.

        Raises:
            DivergenceError: the loss is no finite number.
        """
        if self.count:
            self.reading = finite(float(self.nats) / self.count), self.count / max(self.seconds, 1e-9)
            self._begin()
        return self.reading


def finite(nats: float) -> float:
    """The loss, if it is a number.

    Raises:
        DivergenceError: it is none.
    """
    if not math.isfinite(nats):
        raise DivergenceError(
            f"the loss became {nats}: training diverged; lower --learning-rate or --gradient-clip. "
            "The last good checkpoint is kept"
        )
    return nats


class Session:
    """A run under way.

    Args:
        trainer: what learns.
        run: where files go.
        training: what is learnt from.
        validation: what is measured on, or None.
        settings: every setting, as resolved.
        plan: the same, for the network and the recipe.
        vocabulary: the symbols.
        corpus: facts for the checkpoint.
        display: what is told how it goes.
        stops: signals.
    """

    def __init__(
        self,
        *,
        trainer: Trainer,
        run: Run,
        training: Part,
        validation: Part | None,
        settings: TrainSettings,
        plan: Plan,
        vocabulary: Vocabulary,
        corpus: CorpusFacts,
        display: Display,
        stops: Stops,
    ) -> None:
        self.trainer, self.run, self.validation = trainer, run, validation
        self.settings, self.plan, self.vocabulary, self.corpus = settings, plan, vocabulary, corpus
        self.display, self.stops = display, stops
        self.symbols_per_character = training.scored_symbols / max(1, training.scored_characters)
        self.given = 1 if validation is None else given_symbols(validation, vocabulary, settings.reading)
        self.progress = Progress()
        self.stale_validations, self.validated_step = 0, -1
        self.meter = Meter()
        self.last_update: Update | None = None

    def learn(self) -> Progress:
        """Train until the budget, the patience or a signal ends it; then measure and save.

        Raises:
            Stopped: a signal came; everything up to the last update is saved.
            DivergenceError: the loss is no finite number.
        """
        try:
            for update in self._updates():
                self._after(update)
                if self.out_of_patience:
                    break
            self._finish()
        except Stopped as stopped:
            self.save()
            raise Stopped(
                f"{stopped}; saved at step {self.trainer.step:,} in {self.run.folder}",
                stopped.exit_code - 128,
            ) from None
        return self.progress

    def _updates(self) -> Iterator[Update]:
        """The trainer's updates, none of them torn by a signal."""
        output = self.settings.output
        one_validation = self._expected_validation_seconds()
        updates = iter(self.trainer)
        self.reporting = Interval(None, 0.5)
        self.saving = Interval(*steps_or_seconds(output.save_every))
        self.sampling = Interval(*steps_or_seconds(output.sample_every))
        self.validating = self._validation_interval(one_validation)
        while True:
            with self.stops.shield():
                began = time.monotonic()
                update = next(updates, None)
                if update is None:
                    return
                self.meter.add(update, time.monotonic() - began)
            yield update

    def _validation_interval(self, one_validation: float) -> Interval:
        budget = self.trainer.budget
        if budget.deadline is not None:
            return Interval(None, validation_seconds(budget.deadline - time.monotonic(), one_validation))
        assert budget.steps is not None  # noqa: S101 - a budget has a bound
        symbols = 0 if self.validation is None else self.validation.symbols
        return Interval(validation_steps(self.plan, symbols, budget.steps), None)

    def _after(self, update: Update) -> None:
        """Do what is due after an update."""
        validation = None
        if self.validation is not None and self.validating.due(update.step) and update.progress < 1:
            validation = self._validate()
        if validation is not None or self.reporting.due(update.step):
            self._report(update, validation)
        if self.sampling.due(update.step):
            self._sample()
        if self.saving.due(update.step):
            self.save()
        self.last_update = update

    def _report(self, update: Update, validation_nats: float | None) -> None:
        symbol_nats, symbols_per_second = self.meter.read()
        nats = symbol_nats * self.symbols_per_character
        self.progress = replace(self.progress, training_nats_per_character=nats)
        seconds = time.monotonic() - STARTED
        spent = time.monotonic() - self.trainer.budget.started
        remaining = spent * (1 - update.progress) / max(update.progress, 1e-9)
        report = Report(
            step=update.step,
            epoch=round(update.epoch, 4),
            characters=self.characters_seen,
            seconds=round(seconds, 3),
            train_nats=nats,
            validation_nats=validation_nats,
            learning_rate=update.learning_rate,
            gradient_norm=float(update.gradient_norm),
            characters_per_second=round(symbols_per_second / self.symbols_per_character, 1),
            progress=update.progress,
            remaining_seconds=remaining,
        )
        self.run.add_metrics(report.metrics())
        self.display.report(report)

    def _validate(self) -> float:
        """Score what is held back; keep the weights if they are the best so far. Nats per character."""
        assert self.validation is not None  # noqa: S101 - who calls has looked
        if (
            self.progress.validation_nats_per_character is not None
            and self.validated_step == self.trainer.step
        ):
            return self.progress.validation_nats_per_character
        began = time.monotonic()
        score = score_part(self.trainer.model, self.validation, self.vocabulary.unknown, self.given)
        nats = finite(score.nats_per_character)
        self._keep_back(time.monotonic() - began)
        self.validated_step = self.trainer.step
        best = self.progress.best_validation_nats_per_character
        is_best = best is None or nats < best
        self.stale_validations = 0 if is_best else self.stale_validations + 1
        self.progress = replace(self.progress, validation_nats_per_character=nats)
        if is_best:
            self.progress = replace(
                self.progress, best_validation_nats_per_character=nats, best_step=self.trainer.step
            )
            with self.stops.shield():
                save(self.run.best, self.checkpoint())
        return nats

    def _expected_validation_seconds(self) -> float:
        """How long one validation takes, from parts of it; the first only warms up."""
        expected = 0.0
        if self.validation is None or self.trainer.budget.deadline is None:
            self._keep_back(expected)
            return expected
        for symbols in (WARM_UP_SYMBOLS, PROBE_SYMBOLS):
            part = self.validation.beginning(symbols)
            began = time.monotonic()
            score_part(self.trainer.model, part)
            expected = (time.monotonic() - began) * self.validation.symbols / part.symbols
        self._keep_back(expected)
        return expected

    def _keep_back(self, validation_seconds: float) -> None:
        """Leave time for the last validation, the last save and the program's end."""
        self.trainer.budget.reserve_seconds = 1.05 * validation_seconds + EXIT_SECONDS

    @property
    def out_of_patience(self) -> bool:
        """Whether too many validations in a row brought no new best."""
        patience = self.settings.budget.patience
        return patience is not None and self.stale_validations >= patience

    def _finish(self) -> None:
        """The last validation, the last report unless nothing is new, the last save."""
        is_new = self.meter.count > 0 or self.validated_step != self.trainer.step
        self.progress = replace(self.progress, finished=True)
        validation = self._validate() if self.validation is not None else None
        if self.last_update is not None and is_new:
            self._report(replace(self.last_update, progress=1.0), validation)
        self._sample()
        self.save()

    @property
    def characters_seen(self) -> int:
        """Characters learnt from so far, as read, every pass counted."""
        return round(self.trainer.symbols_seen / self.symbols_per_character)

    def save(self) -> None:
        """Write `last`, keeping the one before; without validation `best` is the same."""
        checkpoint = self.checkpoint()
        if not all(np.isfinite(values).all() for values in checkpoint.weights.values()):
            raise DivergenceError(
                "weights became infinite or not a number: training diverged; lower --learning-rate. "
                f"The last good checkpoint is {self.run.last}"
            )
        with self.stops.shield():
            save(self.run.last, checkpoint, self.run.previous)
            if self.validation is None:
                save(self.run.best, checkpoint)

    def checkpoint(self) -> Checkpoint:
        """The run as it stands."""
        trainer = self.trainer
        self.progress = replace(
            self.progress,
            step=trainer.step,
            epoch=trainer.epoch,
            characters_seen=self.characters_seen,
            seconds=round(time.monotonic() - STARTED, 3),
        )
        return Checkpoint(
            architecture=self.plan.architecture,
            vocabulary=self.vocabulary,
            reading=self.settings.reading,
            corpus=self.corpus,
            progress=self.progress,
            settings={
                n: v for n, v in flat(self.settings).items() if n not in {"corpus", "run", "validation"}
            },
            weights=weights_of(trainer.model),
            versions={"charrnn": __version__, "torch": torch.__version__, "numpy": np.__version__},
        )

    def _sample(self) -> None:
        author = Author.of(self.checkpoint())
        request = sample_request(self.settings, author)
        prompt = author.read(request).text
        texts = zip(*write(author, request, SampleSettings()), strict=True)
        text = "\n".join(prompt + "".join(pieces) for pieces in texts)
        title = f"step {self.trainer.step:,}"
        self.run.add_sample(title, text)
        self.display.sample(title, text)


def sample_request(settings: TrainSettings, author: Author) -> Request:
    """What to write now and then: some characters of a text, or a few records."""
    lines = author.vocabulary.end is not None
    return Request(
        prompt=settings.output.prompt,
        length=SAMPLE_LENGTH // 2 if lines else SAMPLE_LENGTH,
        count=SAMPLE_RECORDS if lines else 1,
        seed=settings.machine.seed,
    )


def score_part(model: CharRNN, part: Part, unknown: int | None = None, given: int = 1) -> Score:
    """Score a held-back part; its characters are those of the text as read (and end marks)."""
    if part.records is None:
        score = score_text(model, part.ids, given, unknown=unknown)
    else:
        assert part.bounds is not None  # noqa: S101 - records have bounds
        score = score_records(model, part.ids, part.bounds, part.records, unknown=unknown)
    return replace(score, characters=part.scored_characters)


def given_symbols(part: Part, vocabulary: Vocabulary, reading: ReadingSettings) -> int:
    """How many symbols the first character of a part has, which is given and not scored."""
    beginning = vocabulary.codes[np.asarray(part.ids[:RUN_LIMIT], np.intp)]
    return first_character(beginning, reading.level, reading.normalize)
