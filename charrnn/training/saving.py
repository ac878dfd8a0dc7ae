"""Writes the files of a run. A full disk does not end training: it continues, and saving is tried again.

Knows nothing of networks.
"""

import contextlib
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace

from charrnn.config.values import steps_or_seconds
from charrnn.errors import CharRNNError, CheckpointError, Stopped
from charrnn.runs.checkpoint import Checkpoint, load, save
from charrnn.runs.checkpoint_facts import Progress
from charrnn.runs.folder import Run
from charrnn.runs.signals import Stops
from charrnn.tasks.task import Score
from charrnn.training.divergence import NotFinite
from charrnn.training.schedule import Interval


class Saver:
    """Saves checkpoints where it can.

    Args:
        run: where to.
        stops: signals, which wait for the end of a write.
        tell: is told what could not be written, and when it could again.
        every: the time between two saves, in steps or on the clock.

    Attributes:
        step: after which update `last` was written.
        seconds: that this took; 0 before.
        best: how far training had come with the weights in `best`; None where nothing is known of them.
    """

    def __init__(self, run: Run, stops: Stops, tell: Callable[[str], None], every: str) -> None:
        self.run, self.stops, self._tell = run, stops, tell
        self._failures: dict[str, CharRNNError] = {}
        self._best_in_wait: Checkpoint | None = None
        self.interval = Interval(*steps_or_seconds(every))
        self.step, self.seconds = 0, 0.0
        self.best: Progress | None = None

    def find_best(self, checkpoint: Checkpoint) -> None:
        """Know what stands in `best`, for a run that goes on from a checkpoint.

        That may be older: what comes after it is done again, and may turn out worse. A `best` that is
        damaged, or was measured on something else, is replaced by the next one.
        """
        self.best = None
        with contextlib.suppress(CheckpointError):
            found = load(self.run.best)
            if _measured_on(found) == _measured_on(checkpoint):
                self.best = found.progress

    def save_last(self, checkpoint: Checkpoint) -> None:
        """Write `last`, keeping the one before; and `best`, if that could not be written when it was due.

        Raises:
            NotFinite: a number of it is none; nothing was written.
        """
        self.interval.restart()
        began = time.monotonic()
        with self.stops.shield():
            self._write("last", checkpoint)
            self.step = checkpoint.progress.step
            if self._best_in_wait is not None:
                self._write_best(self._best_in_wait)
        self.seconds = time.monotonic() - began

    def save_best(self, model: Checkpoint, score: Score | None = None) -> None:
        """Write `best`, unless what stands there is as good.

        Args:
            model: the run as it stands, with what one needs to share the model, and no more.
            score: what its weights were found to reach; None where nothing is measured.

        Raises:
            NotFinite: a number of it is none; nothing was written.
        """
        if score is not None and self.best_value is not None and not score.better_than(self.best_value):
            return
        nats = model.progress.validation_nats_per_character
        step = None if nats is None else model.progress.step
        progress = replace(model.progress, best_validation_nats_per_character=nats, best_step=step)
        fitted = {} if score is None else dict(score.fitted)
        self._write_best(replace(model, progress=progress, fitted=fitted))
        self.best = progress

    @property
    def best_value(self) -> float | None:
        """The validation of what stands in `best`, if that is known."""
        return None if self.best is None else self.best.validation_nats_per_character

    def _write_best(self, shared: Checkpoint) -> None:
        written = self._write("best", shared)
        self._best_in_wait = None if written else _copied(shared)

    def _write(self, name: str, checkpoint: Checkpoint) -> bool:
        if not checkpoint.is_finite():
            raise NotFinite("weights became infinite or not a number")
        path, previous = (self.run.last, self.run.previous) if name == "last" else (self.run.best, None)
        with self.stops.shield(), self.forgiving(name):
            save(path, checkpoint, previous)
        return name not in self._failures

    @contextmanager
    def forgiving(self, name: str) -> Iterator[None]:
        """Go on though something could not be written, and say so once.

        Args:
            name: what is written; `finish` fails where the last attempt at a name did.
        """
        try:
            yield
        except Stopped:
            raise
        except CharRNNError as error:
            if name not in self._failures:
                self._tell(f"{error}; training goes on and tries again")
            self._failures[name] = error
        else:
            if self._failures.pop(name, None) is not None:
                self._tell(f"{name} could be written again")

    def finish(self) -> None:
        """Make sure that what there was to save was saved.

        Raises:
            CharRNNError: it was not; a ResourceError where the disk is full.
        """
        for name in ("last", "best"):
            if name in self._failures:
                raise self._failures[name]


def _measured_on(checkpoint: Checkpoint) -> tuple[str, float | None]:
    """What its validation is of: the text with its parts, and how much of it."""
    session = checkpoint.training.numbers.get("session", {})
    return checkpoint.corpus.encoded, session.get("measured_symbols")


def _copied(checkpoint: Checkpoint) -> Checkpoint:
    """The same with weights of its own, which training does not move."""
    return replace(checkpoint, weights={name: values.copy() for name, values in checkpoint.weights.items()})
