"""Writes what a run leaves behind. A disk that fills does not end training: it goes on, and tries again.

Knows nothing of networks or of when to save.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace

from charrnn.checkpoint import Checkpoint, save
from charrnn.errors import CharRNNError, Stopped
from charrnn.learning.divergence import NotFinite
from charrnn.run import Run
from charrnn.stops import Stops


class Saver:
    """Saves checkpoints where it can.

    Args:
        run: where to.
        stops: signals, which wait for the end of a write.
        tell: is told what could not be written, and when it could again.
    """

    def __init__(self, run: Run, stops: Stops, tell: Callable[[str], None]) -> None:
        self.run, self.stops, self._tell = run, stops, tell
        self._failures: dict[str, CharRNNError] = {}
        self._best_in_wait: Checkpoint | None = None

    def save_last(self, checkpoint: Checkpoint) -> None:
        """Write `last`, keeping the one before; and `best`, if that could not be written when it was due.

        Raises:
            NotFinite: a number of it is none; nothing was written.
        """
        self._write("last", checkpoint)
        if self._best_in_wait is not None:
            self.save_best(self._best_in_wait)

    def save_best(self, checkpoint: Checkpoint) -> None:
        """Write `best`: what one needs to share a model, and no more.

        Raises:
            NotFinite: a number of it is none; nothing was written.
        """
        shared = replace(checkpoint, training=checkpoint.training.without_arrays())
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


def _copied(checkpoint: Checkpoint) -> Checkpoint:
    """The same with weights of its own, which training does not move."""
    return replace(checkpoint, weights={name: values.copy() for name, values in checkpoint.weights.items()})
