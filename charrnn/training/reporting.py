"""Periodic reports of training, each about the updates since the last one, to a file and a display."""

from charrnn.runs.checkpoint_facts import NATS, Figure, Progress
from charrnn.runs.report import Display, Report
from charrnn.runs.training_state import Numbers
from charrnn.training.saving import Saver
from charrnn.training.schedule import Interval
from charrnn.training.setup import Setup
from charrnn.training.trainer import UpdateTotals

REPORT_SECONDS = 0.5


class Reporting:
    """Sums up updates between two reports.

    Args:
        setup: what the run is made of.
        saver: where metrics go.
        display: what else is told.

    Attributes:
        nats_per_character: of the last report, or of the checkpoint; None before the first.
        gradient_norm: of the last update that was learnt from.
    """

    def __init__(self, setup: Setup, saver: Saver, display: Display) -> None:
        self.trainer, self.saver, self.display = setup.trainer, saver, display
        self.symbols_per_character = setup.symbols_per_character
        self.interval = Interval(None, REPORT_SECONDS)
        self.nats_per_character: float | None = None
        self.gradient_norm = 0.0
        self._begin()

    def _begin(self) -> None:
        """Forget all updates, and how fast the last ones were."""
        self.characters_per_second: float | None = None
        self.nats, self.count, self.seconds = 0.0, 0, 0.0

    def add(self, totals: UpdateTotals, seconds: float) -> None:
        """Count updates in, and how long they took, but for those that learnt nothing."""
        if totals.gradient_norm is not None:
            self.nats += totals.nats
            self.count += totals.count
            self.seconds += seconds
            self.gradient_norm = totals.gradient_norm

    @property
    def characters_seen(self) -> int:
        """Characters learnt from so far, as read, every pass counted."""
        return round(self.trainer.symbols_seen / self.symbols_per_character)

    def report(self, validation: float | None, *, is_last: bool = False) -> None:
        """Tell of the updates since the last report, or the same again where there were none.

        A stop waits: what was told is not counted again, and what was not, is.
        """
        with self.saver.stops.shield():
            self._report(validation, is_last=is_last)

    def _report(self, validation: float | None, *, is_last: bool) -> None:
        self.interval.restart()
        if self.count:
            self.nats_per_character = self.nats / self.count * self.symbols_per_character
            per_second = self.count / max(self.seconds, 1e-9) / self.symbols_per_character
            self._begin()
            self.characters_per_second = round(per_second, 1)
        if self.nats_per_character is None or self.characters_per_second is None:
            return  # every update was skipped
        trainer, budget = self.trainer, self.trainer.budget
        progress = 1.0 if is_last else budget.progress(trainer.step)
        is_nats = trainer.task.unit == NATS
        report = Report(
            step=trainer.step,
            epoch=round(trainer.epoch, 4),
            characters=self.characters_seen,
            seconds=round(budget.clock(), 3),
            train_nats=self.nats_per_character,
            validation_nats=validation if is_nats else None,
            learning_rate=trainer.learning_rate,
            gradient_norm=self.gradient_norm,
            characters_per_second=self.characters_per_second,
            progress=progress,
            remaining_seconds=(budget.clock() - budget.started) * (1 - progress) / max(progress, 1e-9),
            processes=1 if trainer.world is None else trainer.world.size,
            communication_seconds=0.0 if trainer.world is None else trainer.world.seconds_waited(),
            figure=None if validation is None or is_nats else Figure(trainer.task.unit, validation),
            unit=trainer.task.unit,
        )
        with self.saver.forgiving("metrics"):
            self.saver.run.add_metrics(report.metrics())
        self.display.report(report)

    def numbers(self) -> Numbers:
        """What a run goes on with."""
        return {
            "gradient_norm": self.gradient_norm,
            "unreported_nats": self.nats,
            "unreported_symbols": self.count,
            "unreported_seconds": self.seconds,
        }

    def restore(self, numbers: Numbers, progress: Progress) -> None:
        """Go on from what `numbers` gave."""
        self.gradient_norm = float(numbers["gradient_norm"])
        self.nats_per_character = progress.training_nats_per_character
        self._begin()
        self.nats = float(numbers["unreported_nats"])
        self.count = int(numbers["unreported_symbols"])
        self.seconds = float(numbers["unreported_seconds"])
