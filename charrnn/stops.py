"""Stopping cleanly: SIGINT and SIGTERM wait for the end of what must not be torn. Knows nothing of models."""

import contextlib
import os
import signal
from collections.abc import Iterator
from types import FrameType, TracebackType

from charrnn.errors import Stopped


class Stops:
    """While this context is open, the first signal raises `Stopped` at once, or where a shield ends.

    Libraries may swallow an error that comes in their midst: until `heed` is called, the end of every shield
    and of the context raises it again. A second signal leaves the program at once.
    """

    SIGNALS = (signal.SIGINT, signal.SIGTERM)

    def __init__(self) -> None:
        self.received: int | None = None
        self._shields = 0
        self._heeded = False

    def __enter__(self) -> "Stops":
        self._before = [signal.signal(number, self._handle) for number in self.SIGNALS]
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        for number, handler in zip(self.SIGNALS, self._before, strict=True):
            signal.signal(number, handler)
        if not isinstance(error, Stopped):
            self._raise_unless_heeded()

    def _handle(self, number: int, frame: FrameType | None) -> None:  # noqa: ARG002 - the signal module's form
        if self.received is not None:
            _show_cursor()
            os._exit(128 + number)
        self.received = number
        if not self._shields:
            self._raise_unless_heeded()

    def _raise_unless_heeded(self) -> None:
        if self.received is not None and not self._heeded:
            raise Stopped(f"stopped by {signal.Signals(self.received).name}", self.received)

    def heed(self) -> None:
        """Say that the program is on its way out: nothing is raised any more."""
        self._heeded = True

    @contextlib.contextmanager
    def shield(self) -> Iterator[None]:
        """Let the enclosed end before a signal is heeded."""
        self._shields += 1
        try:
            yield
        finally:
            self._shields -= 1
        if not self._shields:
            self._raise_unless_heeded()


def _show_cursor() -> None:
    """Leave a terminal as it was: a live display hides the cursor."""
    with contextlib.suppress(OSError):
        if os.isatty(2):
            os.write(2, b"\x1b[?25h")
