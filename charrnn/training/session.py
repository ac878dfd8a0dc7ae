"""One run from its first update to its last: what happens between updates, and when.

The trainer only learns; here it is decided when to report, to validate, to show a sample, to save and to
stop. Knows nothing of how things are shown: a display is told.
"""

import contextlib
import math
import shlex
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from charrnn import __version__
from charrnn.config.declaration import flat, shortened
from charrnn.config.settings import IN_THE_CHECKPOINT
from charrnn.config.values import steps_or_seconds
from charrnn.errors import CheckpointError, NothingLearntError, Stopped
from charrnn.evaluation.scores import OutOfTime, broken_off
from charrnn.runs.checkpoint import Checkpoint
from charrnn.runs.checkpoint_facts import CorpusFacts, Progress
from charrnn.runs.folder import Run
from charrnn.runs.recovery import recover
from charrnn.runs.report import Display, Report
from charrnn.runs.signals import Stops
from charrnn.runs.training_state import Numbers
from charrnn.tasks.task import Score
from charrnn.text.parts import Part
from charrnn.text.vocabulary import Vocabulary
from charrnn.training import snapshot
from charrnn.training.divergence import Divergence, NotFinite
from charrnn.training.held_out import validation_seconds, validation_steps
from charrnn.training.plan import Plan
from charrnn.training.saving import Saver
from charrnn.training.schedule import Interval
from charrnn.training.threads import Threads, to_choose_from
from charrnn.training.trainer import Tally, Trainer

FIRST_SAMPLE_SECONDS = 8.0
"""After the start of the run, or a second after the first update: whoever watches sees what it is about.
Samples have random numbers of their own, so that no weight depends on when they are written."""

WARM_UP_SYMBOLS, PROBES, PROBE_SHARE = 100, (1_000, 10_000, 40_000, 160_000), 0.02
"""Scored before the first update, to tell how long a whole validation takes: the longer ones only if this
takes a fiftieth of the time at most, or where the shorter ones, which tell less, say that it is too long."""

VALIDATION_SHARE, LEAST_MEASURED = 0.05, 1_000
"""Of the time that is left, one validation takes no more: the text it is measured on is halved until then,
but not below so many symbols."""

RESERVE_SHARE = 0.1
"""Of the time from the first update on, no more is kept back for what follows the last one."""

EXIT_SECONDS, EXIT_SHARE, LONGEST_EXIT = 0.35, 0.15, 2.0
"""What the interpreter needs to end after the last save: so long, or this share of what its start took, where
other programs make it slow; the start may have read a long text, which says nothing about the end."""


class Meter:
    """Sums up updates between two reports."""

    def __init__(self) -> None:
        self.reading = (math.nan, 0.0)
        self._begin()

    def _begin(self) -> None:
        self.nats, self.count, self.seconds = 0.0, 0, 0.0

    def add(self, tally: Tally, seconds: float) -> None:
        """Count updates in, and how long they took; not those that learnt nothing."""
        if tally.count:
            self.nats += tally.nats
            self.count += tally.count
            self.seconds += seconds

    def read(self) -> tuple[float, float]:
        """Nats per symbol, symbols per second since the last reading, which stands if nothing came since."""
        if self.count:
            self.reading = self.nats / self.count, self.count / max(self.seconds, 1e-9)
            self._begin()
        return self.reading


class Session:
    """A run under way.

    Args:
        trainer: what learns.
        run: where files go.
        training: what is learnt from.
        validation: what is measured on, or None.
        measured_symbols: how much of what is held out that is, at most.
        plan: every setting, and the network.
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
        measured_symbols: int,
        plan: Plan,
        vocabulary: Vocabulary,
        corpus: CorpusFacts,
        display: Display,
        stops: Stops,
    ) -> None:
        self.trainer, self.task = trainer, trainer.task
        self.validation, self.measured_symbols = validation, measured_symbols
        self.plan, self.settings, self.vocabulary, self.corpus = plan, plan.settings, vocabulary, corpus
        self.display, self.stops = display, stops
        self.saver = Saver(run, stops, display.note)
        self.symbols_per_character = training.scored_symbols / max(1, training.scored_characters)
        self.progress = Progress()
        self.stale_validations, self.validated_step = 0, -1
        self.divergence = Divergence()
        self.meter = Meter()
        self.threads = Threads(to_choose_from(plan.settings.machine.threads))
        self.gradient_norm, self.saved_step, self.save_seconds = 0.0, 0, 0.0
        self.unread, self.unread_seconds = 0, 0.0

    @property
    def run(self) -> Run:
        """Where files go."""
        return self.saver.run

    def move(self, run: Run) -> None:
        """Let files go there from now on."""
        self.saver.run = run

    def learn(self) -> Progress:
        """Train until the budget, the patience or a signal ends it; then measure and save.

        Raises:
            Stopped: a signal came; everything up to the last update is saved.
            DivergenceError: the loss is not a finite number, however often the run went back.
            ResourceError: the disk is full; what could not be saved is lost.
        """
        try:
            while not self.progress.finished:
                try:
                    for step in self._updates():
                        self._after(step)
                    self._finish()
                except NotFinite as why:
                    with self.stops.shield():
                        self._roll_back(str(why))
        except Stopped as stopped:
            self.stops.heed()
            raise self._saved(stopped) from None
        self.saver.finish()
        return self._told()

    def _told(self) -> Progress:
        """The run's progress, its best being what stands in `best`, whatever was done again since."""
        best = self.saver.best
        return self.progress if best is None else self.progress.with_best_of(best)

    def _saved(self, stopped: Stopped) -> Stopped:
        """Save where the run was stopped; the stop, saying so."""
        with contextlib.suppress(NotFinite):  # then the last good checkpoint is what there is
            self.save()
        self.saver.finish()
        folder = self.run.folder
        where = f"saved at step {self.saved_step:,} in {folder}"
        on = f"go on with: charrnn train --resume --run {shlex.quote(str(folder))}"
        return Stopped(f"{stopped}; {where}; {on}", stopped.exit_code - 128)

    def _updates(self) -> Iterator[int]:
        """The numbers of the trainer's updates, none of them torn by a signal."""
        output = self.settings.output
        one_validation = self._expected_validation_seconds()
        updates = iter(self.trainer)
        self.reporting = Interval(None, 0.5)
        self.saving = Interval(*steps_or_seconds(output.save_every))
        self.sampling = Interval(*steps_or_seconds(output.sample_every))
        self.sampling.hasten(max(1.0, FIRST_SAMPLE_SECONDS - self.trainer.budget.clock()))
        self.validating = self._validation_interval(one_validation)
        self._expect(one_validation)
        self._validate_if_due()  # a signal may have come before it was this step's turn
        while not self.out_of_patience:
            with self.stops.shield():
                began, worked = time.monotonic(), time.process_time()
                step = next(updates, None)
                if step is None:
                    return
                self.unread += 1
                seconds = time.monotonic() - began
                self.unread_seconds += seconds
                self.threads.took(seconds, time.process_time() - worked)
                if self.unread >= self.trainer.read_every:
                    self._read()
            yield step

    def _read(self) -> None:
        """Learn what the updates since the last reading did; the device may have to end them first.

        Raises:
            NotFinite: too many of them in a row were skipped.
        """
        if not self.unread:
            return
        began = time.monotonic()
        tally = self.trainer.read()
        self.meter.add(tally, self.unread_seconds + time.monotonic() - began)
        self.unread, self.unread_seconds = 0, 0.0
        if tally.gradient_norm is not None:
            self.gradient_norm = tally.gradient_norm
        self.divergence.count(tally)

    def _roll_back(self, why: str) -> None:
        """Go back to the last good checkpoint, with half the learning rate.

        Raises:
            DivergenceError: the run went back often enough.
        """
        step, share = self.trainer.step, self.divergence.roll_back(why)
        skipped, roll_backs = self.divergence.skipped, self.divergence.roll_backs
        found = recover(self.run)
        self.restore(found.checkpoint)
        self.divergence.skipped, self.divergence.in_a_row, self.divergence.roll_backs = skipped, 0, roll_backs
        self.trainer.begin_tally()
        self.trainer.rate_factor = share
        for notice in found.notices:
            self.display.note(notice)
        self.display.note(
            f"training diverged at step {step:,}: {why}; back to step {self.trainer.step:,}, "
            f"with {share:g} times the learning rate"
        )

    def restore(self, checkpoint: Checkpoint) -> None:
        """Go on from a checkpoint of this run.

        Raises:
            CheckpointError: it is one of another run.
        """
        numbers = checkpoint.training.numbers
        try:
            is_moved = checkpoint.settings.get("device") != self.settings.machine.device
            snapshot.put_back(self.trainer, checkpoint.weights, checkpoint.training, is_moved=is_moved)
            self.divergence.restore(numbers["divergence"])
            self.trainer.begin_tally(self.divergence.in_a_row)
            session = numbers["session"]
            self.stale_validations = int(session["stale_validations"])
            self.validated_step = int(session["validated_step"])
            self.gradient_norm = float(session["gradient_norm"])
        except (KeyError, ValueError, RuntimeError) as error:
            raise misfit(self.run.folder, error) from error
        self.progress, self.saved_step = replace(checkpoint.progress, finished=False), self.trainer.step
        self.meter, self.unread, self.unread_seconds = Meter(), 0, 0.0
        with self.saver.forgiving("metrics"):
            self.run.drop_metrics_after(self.trainer.step)

    def _validation_interval(self, one_validation: float) -> Interval:
        budget = self.trainer.budget
        if budget.deadline is not None:
            return Interval(None, validation_seconds(budget.seconds_left, one_validation))
        assert budget.steps is not None  # noqa: S101 - a budget has a bound
        symbols = 0 if self.validation is None else self.validation.symbols
        return Interval(validation_steps(self.plan, symbols, budget.steps), None)

    def _after(self, step: int) -> None:
        """Do what is due after an update."""
        validation = self._validate_if_due()
        if validation is not None or self.reporting.due(step):
            self._report(validation)
        if self.sampling.due(step):
            self._sample()
        # After a skipped update the weights may be lost: what is saved must be good to come back to.
        if not self.divergence.in_a_row and self.saving.due(step):
            self.save()

    def _validate_if_due(self) -> float | None:
        """Validate between updates, if it is time and was not done."""
        step = self.trainer.step
        if self.validation is None or not 0 < step != self.validated_step:
            return None
        is_over = self.trainer.budget.progress(step) >= 1  # then it is done at the end
        return self._validate() if self.validating.due(step) and not is_over else None

    def _report(self, validation_nats: float | None) -> None:
        self._read()
        trainer, budget = self.trainer, self.trainer.budget
        symbol_nats, symbols_per_second = self.meter.read()
        nats = symbol_nats * self.symbols_per_character
        if math.isnan(nats):  # every update since the beginning was skipped
            return
        self.progress = replace(self.progress, training_nats_per_character=nats)
        progress = 1.0 if self.progress.finished else budget.progress(trainer.step)
        report = Report(
            step=trainer.step,
            epoch=round(trainer.epoch, 4),
            characters=self.characters_seen,
            seconds=round(budget.clock(), 3),
            train_nats=nats,
            validation_nats=validation_nats,
            learning_rate=trainer.learning_rate,
            gradient_norm=self.gradient_norm,
            characters_per_second=round(symbols_per_second / self.symbols_per_character, 1),
            progress=progress,
            remaining_seconds=(budget.clock() - budget.started) * (1 - progress) / max(progress, 1e-9),
        )
        with self.saver.forgiving("metrics"):
            self.run.add_metrics(report.metrics())
        self.display.report(report)

    def _validate(self) -> float | None:
        """Score what is held out; keep the weights if they are the best so far.

        Returns:
            Nats per character; None where the run's time was over before it ended.

        Raises:
            NotFinite: the score is not a finite number.
        """
        assert self.validation is not None  # noqa: S101 - who calls has looked
        self._read()
        known = self.progress.validation_nats_per_character
        if known is not None and self.validated_step == self.trainer.step:
            return known
        self.display.stage("validating")
        began, network = time.monotonic(), self.trainer.averaged
        try:
            with broken_off(network, self._is_too_late):
                score = self.task.score(network, self.validation)
        except OutOfTime:
            return None
        self._expect(time.monotonic() - began)
        if not math.isfinite(score.value):
            raise NotFinite(f"the validation loss became {score.value}")
        with self.stops.shield():
            self._keep_if_best(score)
        return score.value

    def _is_too_late(self) -> bool:
        """Whether the time is over for a validation that is under way; a stop ends it too."""
        self.stops.check()
        return self.trainer.budget.is_overdue()

    def _keep_if_best(self, score: Score) -> None:
        best = self.progress.best_validation_nats_per_character
        is_best = best is None or score.better_than(best)
        self.validated_step = self.trainer.step
        self.stale_validations = 0 if is_best else self.stale_validations + 1
        self.progress = replace(self.progress, validation_nats_per_character=score.value)
        if is_best:
            step = self.trainer.step
            self.progress = replace(
                self.progress, best_validation_nats_per_character=score.value, best_step=step
            )
        self.saver.save_best(self.checkpoint(), score)

    def fit_validation(self) -> None:
        """Before the first update of a run on a clock: measure on no more than there is time for.

        All its validations are then of the same text.
        """
        expected = self._expected_validation_seconds()
        if self.validation is None or not expected:
            return
        affordable = VALIDATION_SHARE * self.trainer.budget.seconds_left
        halvings = math.ceil(math.log2(max(1.0, expected / max(affordable, 1e-9))))
        symbols = max(LEAST_MEASURED, self.validation.symbols >> halvings)
        if symbols < self.validation.symbols:
            self.validation = self.validation.beginning(symbols)
            self.measured_symbols = self.validation.symbols

    def _expected_validation_seconds(self) -> float:
        """How long one validation takes, from parts of it; 0 where nothing depends on that."""
        expected, budget = 0.0, self.trainer.budget
        if self.validation is None or budget.deadline is None:
            return expected
        network, left = self.trainer.averaged, budget.seconds_left
        whole = self.task.reading_cost(self.validation)
        with contextlib.suppress(OutOfTime), broken_off(network, budget.is_overdue):
            self.task.score(network, self.validation.beginning(WARM_UP_SYMBOLS))
            for symbols in PROBES:
                part = self.validation.beginning(symbols)
                share = self.task.reading_cost(part) / whole
                is_too_long = expected > VALIDATION_SHARE * left
                if expected * share > (VALIDATION_SHARE if is_too_long else PROBE_SHARE) * left:
                    break
                began = time.monotonic()
                self.task.score(network, part)
                expected = (time.monotonic() - began) / share
                if part is self.validation:
                    break
        return expected

    def _expect(self, one_validation_seconds: float) -> None:
        """Leave time for the last validation, the last save and the end; validate as often as that allows."""
        budget = self.trainer.budget
        if budget.deadline is None:
            return
        total = budget.deadline - (budget.started if budget.started >= 0 else budget.clock())
        ending = min(LONGEST_EXIT, max(EXIT_SECONDS, EXIT_SHARE * budget.started))
        wanted = 1.05 * one_validation_seconds + self.save_seconds + ending
        budget.reserve_seconds = min(wanted, max(EXIT_SECONDS, RESERVE_SHARE * total))
        self.validating.seconds = validation_seconds(total, one_validation_seconds)

    @property
    def out_of_patience(self) -> bool:
        """Whether too many validations in a row brought no new best."""
        patience = self.settings.budget.patience
        return patience is not None and self.stale_validations >= patience

    def _finish(self) -> None:
        """The last validation, the last report unless nothing is new, the last save.

        What there is no time for is left out.

        Raises:
            NothingLearntError: there was no update; nothing is measured or written.
        """
        if not self.trainer.step:
            raise NothingLearntError(self._nothing_learnt())
        self._read()
        is_new = self.meter.count > 0 or self.validated_step != self.trainer.step
        validation = self._validate() if self.validation is not None else None
        if self.validation is not None and validation is None:
            self.display.note("the last validation is left out: the time was over before it ended")
        if not self.trainer.budget.is_overdue():
            self._sample()
        with self.stops.shield():
            self.progress = replace(self.progress, finished=True)
            if is_new and self.trainer.step:
                self._report(validation)
            self.save()

    def _nothing_learnt(self) -> str:
        budget, folder = self.trainer.budget, self.run.folder
        time_given = self.settings.budget.max_time
        return (
            f"no update was made: {budget.clock():.1f} s had passed before the first one, and --max-time is "
            f"{time_given}; nothing is learnt; give it more time: charrnn train --resume --run {folder} "
            "--max-time 2m; or begin another run with a smaller --hidden"
        )

    @property
    def characters_seen(self) -> int:
        """Characters learnt from so far, as read, every pass counted."""
        return round(self.trainer.symbols_seen / self.symbols_per_character)

    def save(self) -> None:
        """Write `last`, keeping the one before; without validation `best` is the same.

        Raises:
            NotFinite: weights or what moves them are not finite; nothing was written.
        """
        self._read()
        began, checkpoint = time.monotonic(), self.checkpoint()
        with self.stops.shield():
            self.saver.save_last(checkpoint)
            self.saved_step = self.trainer.step
            if self.validation is None:
                self.saver.save_best(checkpoint)
        self.save_seconds = time.monotonic() - began

    def checkpoint(self) -> Checkpoint:
        """The run as it stands."""
        trainer, training = self.trainer, snapshot.take(self.trainer)
        self.progress = replace(
            self.progress,
            step=trainer.step,
            epoch=trainer.epoch,
            characters_seen=self.characters_seen,
            seconds=round(trainer.budget.clock(), 3),
        )
        return Checkpoint(
            architecture=self.plan.architecture,
            vocabulary=self.vocabulary,
            reading=self.settings.reading,
            corpus=self.corpus,
            progress=self.progress,
            settings={n: v for n, v in flat(self.settings).items() if n in IN_THE_CHECKPOINT},
            weights=trainer.averaged.weights(),
            versions={"charrnn": __version__, "torch": torch.__version__, "numpy": np.__version__},
            training=replace(training, numbers=training.numbers | self._numbers()),
            task=self.task.name,
        )

    def _numbers(self) -> dict[str, Numbers]:
        session: Numbers = {
            "stale_validations": self.stale_validations,
            "validated_step": self.validated_step,
            "gradient_norm": self.gradient_norm,
            "measured_symbols": self.measured_symbols,
        }
        return {"session": session, "divergence": self.divergence.numbers()}

    def _sample(self) -> None:
        self._read()
        try:
            text = self.task.examples(self.trainer.averaged)
        except CheckpointError as error:  # what it predicts is not finite
            raise NotFinite(str(error)) from error
        title = f"step {self.trainer.step:,}"
        with self.saver.forgiving("samples"):
            self.run.add_sample(title, text)
        self.display.sample(title, text)


def misfit(folder: Path, error: Exception) -> CheckpointError:
    """What to say of a checkpoint that is of another run."""
    lacks = "it lacks " if isinstance(error, KeyError) else ""
    reason = shortened(f"{lacks}{error}")
    return CheckpointError(f"the checkpoint does not fit the run in {folder}: {reason}; begin the run anew")
