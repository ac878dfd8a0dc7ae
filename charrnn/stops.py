"""Stopping cleanly: SIGINT and SIGTERM wait for the end of what must not be torn. Knows nothing of models."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType, TracebackType

from charrnn.errors import Stopped


class Stops:
    """While this context is open, the first signal raises `Stopped` at once, or where a shield ends.

    A second signal leaves the program at once.
    """

    SIGNALS = (signal.SIGINT, signal.SIGTERM)

    def __init__(self) -> None:
        self.received: int | None = None
        self._shielded = False

    def __enter__(self) -> "Stops":
        self._before = [signal.signal(number, self._handle) for number in self.SIGNALS]
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        for number, handler in zip(self.SIGNALS, self._before, strict=True):
            signal.signal(number, handler)

    def _handle(self, number: int, frame: FrameType | None) -> None:  # noqa: ARG002 - the signal module's form
        if self.received is not None:
            os._exit(128 + number)
        self.received = number
        if not self._shielded:
            self._raise()

    def _raise(self) -> None:
        assert self.received is not None  # noqa: S101
        raise Stopped(f"stopped by {signal.Signals(self.received).name}", self.received)

    @contextmanager
    def shield(self) -> Iterator[None]:
        """Let the enclosed end before a signal is heeded. Once one was heeded, nothing is raised any more."""
        heeded = self.received is not None
        self._shielded = True
        try:
            yield
        finally:
            self._shielded = False
        if self.received is not None and not heeded:
            self._raise()
