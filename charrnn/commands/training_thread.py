"""Training for a Python program, in a separate thread, where KeyboardInterrupt cannot interrupt it.

Python raises KeyboardInterrupt in the main thread at any point, even in the middle of an update. So the main
thread only waits. On an interruption it asks the training thread to stop, which finishes the update, saves
and returns. Torch's per-thread settings (no_grad, flushing of denormals, default device) of the caller are
not affected. Independent of what is trained.
"""

import queue
import signal
import threading
from collections.abc import Callable
from typing import Any

from charrnn.commands.caller import Caller
from charrnn.runs.folder import Run
from charrnn.runs.report import Report
from charrnn.runs.signals import Stops, stopped_by
from charrnn.training.machine import give_freed_memory_back
from charrnn.training.threads import thread_count_kept

Listener = Callable[[dict[str, Any]], object]
"""Is given each line of `metrics.jsonl`, by name."""

WAIT_SECONDS = 0.1
"""So often each thread looks whether the other one has ended."""


@thread_count_kept()
def trained_apart(train: Callable[[Caller], Run], listener: Listener | None, started: float) -> Run:
    """Train in another thread, and wait for it.

    Args:
        train: what to do there.
        listener: is told how it goes, in the thread that waits.
        started: since when the run's time counts, on the monotonic clock.

    Raises:
        BaseException: what training raised; or what came here meanwhile, from the listener or a signal, once
            training has stopped and saved.
    """
    stops = Stops()
    display = HandedOver(stops, is_wanted=listener is not None)
    training = _Training(train, Caller(stops, display, started))
    try:
        training.start()
        while training.is_alive():
            display.hand_over(listener)
        training.join()
    except BaseException as interruption:
        stops.ask(signal.SIGINT)
        if training.ident is not None:
            training.join()
        if training.error is not None:
            interruption.add_note(str(training.error).removeprefix(f"{stopped_by(signal.SIGINT)}; "))
        raise
    finally:
        give_freed_memory_back()
    return training.result()


class _Training(threading.Thread):
    """Keeps what came of it."""

    def __init__(self, train: Callable[[Caller], Run], caller: Caller) -> None:
        super().__init__(name="charrnn.train")
        self.error: BaseException | None = None
        self._run: Run | None = None
        self._train, self._caller = train, caller

    def run(self) -> None:
        """Train."""
        try:
            self._run = self._train(self._caller)
        except BaseException as error:  # raised again by whoever waits
            self.error = error

    def result(self) -> Run:
        """The run, or the error that ended it."""
        if self._run is None:
            assert self.error is not None  # noqa: S101 - it is one or the other
            raise self.error
        return self._run


class HandedOver:
    """A display that hands each report over to the thread that waits, and goes on once it was taken.

    Args:
        stops: whether training is to stop, which is looked at whenever something is told.
        is_wanted: whether somebody takes reports.
    """

    def __init__(self, stops: Stops, *, is_wanted: bool) -> None:
        self._stops, self._is_wanted = stops, is_wanted
        self._reports = queue.SimpleQueue[tuple[Report, threading.Event]]()

    def __enter__(self) -> "HandedOver":
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def hand_over(self, listener: Listener | None) -> None:
        """Wait a moment for a report, and give it to the listener."""
        try:
            report, taken = self._reports.get(timeout=WAIT_SECONDS)
        except queue.Empty:
            return
        try:
            if listener is not None:
                listener(report.metrics())
        except BaseException:
            self._stops.ask(signal.SIGINT)
            raise
        finally:
            taken.set()

    def note(self, text: str) -> None:  # noqa: ARG002 - nobody reads it
        """Stop here, if that was asked for."""
        self._stops.check()

    def reading(self, line: str, share: float | None) -> None:  # noqa: ARG002
        """Stop here, if that was asked for."""
        self._stops.check()

    def stage(self, what: str) -> None:  # noqa: ARG002
        """Stop here, if that was asked for."""
        self._stops.check()

    def report(self, report: Report) -> None:
        """Hand it over."""
        taken = threading.Event()
        if self._is_wanted:
            self._reports.put((report, taken))
            while not taken.wait(WAIT_SECONDS) and self._stops.received is None:
                pass
        self._stops.check()

    def sample(self, title: str, text: str) -> None:  # noqa: ARG002
        """Stop here, if that was asked for."""
        self._stops.check()
