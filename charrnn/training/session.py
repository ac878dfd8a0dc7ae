"""One run from its first update to its last, with everything that happens between updates.

The trainer only makes updates. Reporting, validation, sampling and saving are separate parts, each with its
own interval and state. The session decides their order, when to roll back, and when to stop. Knows nothing of
how things are shown: it calls a display.
"""

import contextlib
import shlex
from collections.abc import Iterator

from charrnn.errors import NothingLearntError, Stopped
from charrnn.runs.checkpoint_facts import Progress
from charrnn.runs.folder import Run
from charrnn.runs.report import Display
from charrnn.runs.signals import Stops
from charrnn.training.divergence import Divergence, NotFinite
from charrnn.training.reporting import Reporting
from charrnn.training.rolling_back import RollingBack
from charrnn.training.run_state import RunState
from charrnn.training.sampling import Sampling
from charrnn.training.saving import Saver
from charrnn.training.setup import Setup
from charrnn.training.updates import Updates
from charrnn.training.validating import Validating


class Session:
    """A run under way.

    Args:
        setup: what it is made of.
        run: where files go.
        display: what is told how it goes.
        stops: signals.
    """

    def __init__(self, setup: Setup, run: Run, display: Display, stops: Stops) -> None:
        self.setup, self.trainer, self.display, self.stops = setup, setup.trainer, display, stops
        output = setup.plan.settings.output
        self.saver = Saver(run, stops, display.note, output.save_every)
        self.reporting = Reporting(setup, self.saver, display)
        self.validating = Validating(setup, stops.check)
        self.sampling = Sampling(setup, self.saver, display)
        self.divergence = Divergence()
        self.updates = Updates(setup, self.reporting, self.divergence, stops)
        self.state = RunState(setup, self.reporting, self.validating, self.divergence)
        self.rolling_back = RollingBack(self.state, self.saver, self.updates, display)

    @property
    def run(self) -> Run:
        """Where files go."""
        return self.saver.run

    def learn(self) -> Progress:
        """Train until the budget, the patience or a signal ends it; then measure and save.

        Returns:
            How far it came, its best being what stands in `best`, whatever was done again since.

        Raises:
            Stopped: a signal came; everything up to the last update is saved.
            DivergenceError: the loss is not a finite number, however often the run went back.
            ResourceError: the disk is full; what could not be saved is lost.
        """
        try:
            while not self.state.finished:
                try:
                    for step in self._steps():
                        self._after(step)
                    self._finish()
                except NotFinite as why:
                    with self.stops.shield():
                        self.rolling_back.roll_back(str(why))
        except Stopped as stopped:
            self.stops.heed()
            raise self._saved(stopped) from None
        self.saver.finish()
        best = self.saver.best
        return self.state.progress if best is None else self.state.progress.with_best_of(best)

    def _steps(self) -> Iterator[int]:
        """The number of each update, until the budget or the patience is spent."""
        self.validating.begin(self._last_seconds)
        self.reporting.interval.restart()
        self.saver.interval.restart()
        self.sampling.begin()
        # A signal may have come before it was this step's turn, or before its report.
        if self.validating.is_due or (self.validating.is_known and self.reporting.count):
            self.reporting.report(self._validate())
        updates = iter(self.updates)
        while not self.validating.is_out_of_patience and (step := next(updates, None)) is not None:
            yield step

    def _after(self, step: int) -> None:
        """Do what is due after an update."""
        validation = self._validate() if self.validating.is_due else None
        if validation is not None or self.reporting.interval.is_due(step):
            self.updates.read()
            self.reporting.report(validation)
        if self.sampling.interval.is_due(step):
            self.updates.read()
            self.sampling.sample()
        if self.saver.interval.is_due(step):
            self._save_if_good()

    def _validate(self) -> float | None:
        """Score what is held out; keep the weights if they are the best so far.

        Returns:
            What was found; None where the run's time was over before it ended.
        """
        if self.validating.is_known:
            return self.validating.value
        self.updates.read()
        self.display.stage("validating")
        score = self.validating.measure(self._last_seconds)
        if score is None:
            return None
        with self.stops.shield():
            self.validating.count(score)
            self.saver.save_best(self.state.model(), score)
        return score.value

    def _finish(self) -> None:
        """The last validation, the last report unless nothing is new, the last save.

        What there is no time for is left out.

        Raises:
            NothingLearntError: there was no update; nothing is measured or written.
        """
        if not self.trainer.step:
            raise nothing_learnt(self)
        self.updates.read()
        is_new = self.reporting.count > 0 or not self.validating.is_known
        validation = None if self.validating.part is None else self._validate()
        if self.validating.part is not None and validation is None:
            self.display.note("the last validation is skipped: there was no time left for it")
        if not self.trainer.budget.is_overdue():
            self.sampling.sample()
        with self.stops.shield():
            self.state.finished = True
            if is_new:
                self.reporting.report(validation, is_last=True)
            self.save()

    def _saved(self, stopped: Stopped) -> Stopped:
        """Save; the stop, saying where."""
        with contextlib.suppress(NotFinite):  # then the last good checkpoint is what there is
            self._save_if_good()
        self.saver.finish()
        return where_it_stopped(self.saver, stopped)

    @property
    def _last_seconds(self) -> float:
        """How long the last sample and the last save take, as far as is known."""
        return self.sampling.seconds + self.saver.seconds

    def _save_if_good(self) -> None:
        """Save, unless the last update was skipped: weights that may be lost are not good to come back to."""
        self.updates.read()
        if not self.divergence.in_a_row:
            self.save()

    def save(self) -> None:
        """Write `last`, keeping the one before; without validation `best` is the same.

        Raises:
            NotFinite: weights or what moves them are not finite; nothing was written.
        """
        self.updates.read()
        with self.stops.shield():
            self.saver.save_last(self.state.checkpoint())
            if self.validating.part is None:
                self.saver.save_best(self.state.model())


def where_it_stopped(saver: Saver, stopped: Stopped) -> Stopped:
    """The stop, saying where the run was saved and how to go on."""
    folder = saver.run.folder
    on = f"go on with: charrnn train --resume --run {shlex.quote(str(folder))}"
    return Stopped(f"{stopped}; saved at step {saver.step:,} in {folder}; {on}", stopped.exit_code - 128)


def nothing_learnt(session: Session) -> NothingLearntError:
    """What to say of a run without an update."""
    clock, max_time = session.trainer.budget.clock, session.setup.plan.settings.budget.max_time
    return NothingLearntError(
        f"no update was made: {clock():.1f} s had passed before the first one, and --max-time is "
        f"{max_time}; nothing is learnt; give it more time: charrnn train --resume --run "
        f"{session.run.folder} --max-time 2m; or begin another run with a smaller --hidden"
    )
