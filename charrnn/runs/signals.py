"""Clean stops: a signal that ends the program is deferred until critical sections are finished.

Knows nothing of models. Importing it is cheap and changes nothing: the program calls `leave_when_asked` as
its very first act, and each command opens `Stops` once it has loaded what it needs.
"""

import contextlib
import os
import signal
import sys
from collections.abc import Iterator
from types import FrameType, TracebackType

from charrnn.errors import Stopped

SIGNALS = tuple(
    getattr(signal, name)
    for name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGXCPU", "SIGUSR1", "SIGUSR2")
    if hasattr(signal, name)  # not every system has them all
)
"""Ctrl-C, a polite kill, a closed terminal, and what schedulers send before a job's time is over. The system
would end the program at each of them. SIGQUIT (Ctrl-backslash) still does: it is there to leave at once."""


def leave_when_asked() -> None:
    """From now on a signal ends the program at once, with one line and its exit code: nothing can be lost."""
    for number in _heard():
        signal.signal(number, _leave)
    sys.unraisablehook = _say_unless_stopped


def unhandled() -> None:
    """From now on the system ends the program at a signal, also while it waits inside a library."""
    for number in _heard():
        signal.signal(number, signal.SIG_DFL)


def _heard() -> list[signal.Signals]:
    """All but those that were ignored when the program began, as `nohup` has SIGHUP: these stay ignored."""
    return [number for number in SIGNALS if signal.getsignal(number) is not signal.SIG_IGN]


def _leave(number: int, frame: FrameType | None) -> None:  # noqa: ARG001 - the signal module's form
    _show_cursor()
    with contextlib.suppress(OSError):
        os.write(2, f"charrnn: {stopped_by(number)}\n".encode())
    os._exit(128 + number)


def stopped_by(number: int) -> str:
    """What to say of a signal."""
    return f"stopped by {signal.Signals(number).name}"


def _say_unless_stopped(what: "sys.UnraisableHookArgs") -> None:
    """Keep silent where a stop came in a destructor or the like, which cannot fail: it is raised again."""
    if not isinstance(what.exc_value, Stopped):
        sys.__unraisablehook__(what)


class Stops:
    """While this context is open, the first signal raises `Stopped` at once, or where a shield ends.

    Libraries may swallow an error that comes in their midst: until `heed` is called, the end of every shield
    and of the context raises it again. Further signals change nothing, since a terminal that is closed sends
    several; but a Ctrl-C then leaves the program at once. Where the context is not opened no signal is heard,
    and `ask` alone stops what goes on.

    Args:
        interruptible: whether Ctrl-C raises KeyboardInterrupt instead, each time.
    """

    def __init__(self, *, interruptible: bool = False) -> None:
        self.received: int | None = None
        self._interruptible = interruptible
        self._shields = 0
        self._heeded = False

    def __enter__(self) -> "Stops":
        self._before = {number: signal.signal(number, self._handle) for number in _heard()}
        if self._interruptible and signal.SIGINT in self._before:
            signal.signal(signal.SIGINT, signal.default_int_handler)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        for number, handler in self._before.items():
            if self.received is None or handler is not _leave:  # what was stopped has yet to be said
                signal.signal(number, handler)
        if not isinstance(error, Stopped):
            self._raise_unless_heeded()

    def ask(self, number: int) -> None:
        """Ask for the end as that signal does, from another thread: heeded where `check` is called next."""
        if self.received is None:
            self.received = number

    def check(self) -> None:
        """Raise `Stopped` here if the end was asked for, unless a shield is up."""
        if not self._shields:
            self._raise_unless_heeded()

    def _handle(self, number: int, frame: FrameType | None) -> None:  # noqa: ARG002 - the signal module's form
        if self.received is None:
            self.received = number
            self.check()
        elif number == signal.SIGINT:
            _show_cursor()
            os._exit(128 + number)

    def _raise_unless_heeded(self) -> None:
        if self.received is not None and not self._heeded:
            raise Stopped(stopped_by(self.received), self.received)

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
        self.check()


def _show_cursor() -> None:
    """Leave a terminal as it was: a live display hides the cursor."""
    with contextlib.suppress(OSError):
        if os.isatty(2):
            os.write(2, b"\x1b[?25h")
