"""The trainer's updates, and their results. Knows nothing of files or displays."""

import time
from collections.abc import Iterator

from charrnn.runs.signals import Stops
from charrnn.training.divergence import Divergence
from charrnn.training.reporting import Reporting
from charrnn.training.setup import Setup


class Updates:
    """One update after another, none of them torn by a signal.

    The device may still be at work on some of them: what they did is read after so many as the trainer says,
    and before something follows from it.

    Args:
        setup: what the run is made of.
        reporting: is told what they did.
        divergence: the same.
        stops: signals.
    """

    def __init__(self, setup: Setup, reporting: Reporting, divergence: Divergence, stops: Stops) -> None:
        self.trainer, self.reporting, self.divergence, self.stops = (
            setup.trainer,
            reporting,
            divergence,
            stops,
        )
        self.threads = setup.threads
        self.begin()

    def begin(self) -> None:
        """Forget what was not read."""
        self._unread, self._seconds = 0, 0.0
        self.trainer.begin_totals(self.divergence.in_a_row)

    def __iter__(self) -> Iterator[int]:
        """The number of each."""
        steps = iter(self.trainer)
        while True:
            with self.stops.shield():
                began, worked = time.monotonic(), time.process_time()
                step = next(steps, None)
                if step is None:
                    return
                seconds = time.monotonic() - began
                self._unread, self._seconds = self._unread + 1, self._seconds + seconds
                self.threads.took(seconds, time.process_time() - worked)
                if self._unread >= self.trainer.read_every:
                    self.read()
            yield step

    def read(self) -> None:
        """Learn what the updates since the last reading did.

        Raises:
            NotFinite: too many of them in a row were skipped.
        """
        if not self._unread:
            return
        began = time.monotonic()
        totals = self.trainer.read()
        self.reporting.add(totals, self._seconds + time.monotonic() - began)
        self._unread, self._seconds = 0, 0.0
        self.divergence.count(totals)
