"""Validation: on how much of the held-out text, when, and which weights were the best.

Knows nothing of files or displays.
"""

import contextlib
import math
import time
from collections.abc import Callable

from charrnn.errors import CheckpointError
from charrnn.evaluation.scores import OutOfTime, broken_off
from charrnn.runs.checkpoint_facts import Progress
from charrnn.runs.training_state import Numbers
from charrnn.tasks.task import Score
from charrnn.text.parts import TaskPart
from charrnn.training.divergence import NotFinite
from charrnn.training.schedule import Interval
from charrnn.training.setup import Setup
from charrnn.training.trainer import Trainer
from charrnn.training.validation_plan import validation_seconds, validation_steps

WARM_UP_SYMBOLS, PROBES, PROBE_SHARE = 100, (1_000, 10_000, 40_000, 160_000), 0.02
"""Scored before the first update, to tell how long a whole validation takes: the longer ones only if this
takes a fiftieth of the time at most, or where the shorter ones, which tell less, say that it is too long."""

CLEAR = 0.5
"""Where the shorter ones say that a validation takes less than this share of what it may, that is enough:
they are wrong by a factor of two at most."""

VALIDATION_SHARE, LEAST_MEASURED = 0.05, 1_000
"""Of the time that is left, one validation takes no more: the text it is measured on is halved until then,
but not below so many symbols."""


class Validating:
    """Validations, and what they found.

    Args:
        setup: what the run is made of; the trainer's averaged network is measured.
        check: raises where a signal asks for the end.

    Attributes:
        part: what is measured on, or None.
        measured_symbols: how much of what is held out that is, at most.
        value: what was found last; None before.
        best: the best so far, and after which update that was; (None, None) before.
        step: after which update it was measured last; -1 before.
        stale: validations since the best became better; of equal scores the last is the best.
        seconds: that one takes, as far as is known; 0 where nothing depends on that.
    """

    def __init__(self, setup: Setup, check: Callable[[], object]) -> None:
        self.trainer, self.plan, self._check = setup.trainer, setup.plan, check
        self.measured_symbols = setup.measured_symbols
        self.part = setup.validation and setup.validation.beginning(setup.measured_symbols)
        self.value: float | None = None
        self.best: tuple[float | None, int | None] = (None, None)
        self.step, self.stale, self.seconds = -1, 0, 0.0
        self.interval = Interval(None, None)

    def begin(self, last_seconds: float) -> None:
        """Before the first update: see how long a validation takes, and choose the time between two."""
        budget = self.trainer.budget
        self.seconds = self.seconds or expected_seconds(self.trainer, self.part)
        if budget.deadline is None and budget.steps is not None:
            symbols = 0 if self.part is None else self.part.symbols
            self.interval = Interval(validation_steps(self.plan, symbols, budget.steps), None)
        else:
            self.interval = Interval(None, math.inf)
        self._adapt(last_seconds)

    def _adapt(self, last_seconds: float) -> None:
        """Leave time for the last validation and what follows it; validate as often as that allows."""
        budget = self.trainer.budget
        if budget.deadline is not None:
            budget.keep_back(1.05 * self.seconds + last_seconds)
            self.interval.seconds = validation_seconds(budget.seconds_in_all, self.seconds)

    @property
    def is_due(self) -> bool:
        """Whether it is time between two updates, and it was not done; at the end it is done anyway."""
        step = self.trainer.step
        is_new = self.part is not None and 0 < step != self.step
        return is_new and self.interval.is_due(step) and not self._ends_soon

    @property
    def _ends_soon(self) -> bool:
        """Whether the updates, or on a clock the next half interval, end before another validation pays.

        One just before the end would take the time of the updates with the lowest learning rates.
        """
        budget, soon = self.trainer.budget, self.interval.seconds
        is_late = soon is not None and budget.seconds_left - budget.reserve_seconds < soon / 2
        return is_late or budget.progress(self.trainer.step) >= 1

    @property
    def is_known(self) -> bool:
        """Whether the last update was followed by a validation."""
        return self.step == self.trainer.step and self.value is not None

    @property
    def is_out_of_patience(self) -> bool:
        """Whether too many validations in a row brought no new best."""
        patience = self.plan.settings.budget.patience
        return patience is not None and self.stale >= patience

    def measure(self, last_seconds: float) -> Score | None:
        """Score what is held out; None where the run's time was over before that was done.

        Args:
            last_seconds: that the last sample and the last save take; time is left for them.

        Raises:
            NotFinite: the score is not a finite number.
        """
        assert self.part is not None  # noqa: S101 - who calls has looked
        self.interval.restart()
        began, network = time.monotonic(), self.trainer.averaged
        try:
            with broken_off(network, self._is_too_late):
                score = self.trainer.task.score(network, self.part)
        except OutOfTime:
            return None
        except CheckpointError as error:  # of the decoder, which refuses weights that predict nothing finite
            raise NotFinite(str(error)) from error
        self.seconds = time.monotonic() - began
        self._adapt(last_seconds)
        if not math.isfinite(score.value):
            raise NotFinite(f"the validation loss became {score.value}")
        return score

    def _is_too_late(self) -> bool:
        """Whether the time is over for a validation that is under way; a stop ends it too."""
        self._check()
        return self.trainer.budget.is_overdue()

    def count(self, score: Score) -> None:
        """Note what was found after the last update."""
        best, _ = self.best
        is_best = best is None or score.better_than(best)
        self.step, self.value = self.trainer.step, score.value
        self.stale = 0 if is_best and score.value != best else self.stale + 1
        if is_best:
            self.best = self.value, self.step

    def fit(self) -> None:
        """Before the first update of a run on a clock: measure on no more than there is time for.

        All its validations are then of the same text.
        """
        self.seconds = expected_seconds(self.trainer, self.part)
        if self.part is None or not self.seconds:
            return
        affordable = VALIDATION_SHARE * self.trainer.budget.seconds_left
        halvings = math.ceil(math.log2(max(1.0, self.seconds / max(affordable, 1e-9))))
        symbols = max(LEAST_MEASURED, self.part.symbols >> halvings)
        if symbols < self.part.symbols:
            whole, self.part = self.part, self.part.beginning(symbols)
            self.measured_symbols = self.part.symbols
            cost = self.trainer.task.reading_cost
            self.seconds *= cost(self.part) / cost(whole)

    def numbers(self) -> Numbers:
        """What a run goes on with."""
        return {
            "stale_validations": self.stale,
            "validated_step": self.step,
            "measured_symbols": self.measured_symbols,
        }

    def restore(self, numbers: Numbers, progress: Progress) -> None:
        """Go on from what `numbers` gave."""
        self.stale, self.step = int(numbers["stale_validations"]), int(numbers["validated_step"])
        self.value = progress.validation_nats_per_character
        self.best = progress.best_validation_nats_per_character, progress.best_step


def expected_seconds(trainer: Trainer, part: TaskPart | None) -> float:
    """How long a validation on a part takes, from shorter ones; 0 where nothing depends on that."""
    expected, budget, task, network = 0.0, trainer.budget, trainer.task, trainer.averaged
    if part is None or budget.deadline is None:
        return expected
    left, whole = budget.seconds_left, task.reading_cost(part)
    with contextlib.suppress(OutOfTime), broken_off(network, budget.is_overdue):
        task.score(network, part.beginning(WARM_UP_SYMBOLS))
        for symbols in PROBES:
            shorter = part.beginning(symbols)
            share = task.reading_cost(shorter) / whole
            is_too_long = expected > VALIDATION_SHARE * left
            if 0 < expected < CLEAR * VALIDATION_SHARE * left:
                break
            if expected * share > (VALIDATION_SHARE if is_too_long else PROBE_SHARE) * left:
                break
            began = time.monotonic()
            task.score(network, shorter)
            expected = (time.monotonic() - began) / share
            if shorter is part:
                break
    return expected
