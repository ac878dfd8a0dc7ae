"""Progress of a long job on standard error: a bar on a terminal, occasional plain lines elsewhere.

Knows nothing of what the job is.
"""

import time
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.progress import TimeRemainingColumn as RemainingColumn
from rich.text import Text

from charrnn.display.plain import PLAIN_SECONDS
from charrnn.display.sanitizer import visible
from charrnn.display.units import clock
from charrnn.runs.report import Display

QUIET_SECONDS = 1.0
"""What takes no longer is not worth a word."""


class Counter:
    """Counts what is done of a job; a context, which says at its end how far the job came."""

    def __init__(self, console: Console, what: str, unit: str, total: int | None) -> None:
        """Count from zero.

        Args:
            console: standard error.
            what: what is being done, such as the name of a file.
            unit: what is counted, in the plural.
            total: how many there will be; None where nobody knows.
        """
        self._console, self._what, self._unit, self._total = console, visible(what), unit, total
        self._done, self._began = 0, time.monotonic()
        self._said = self._began
        columns = (TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn())
        times = (TimeElapsedColumn(), RemainingColumn())
        self._bar = Progress(
            *columns, *times, console=console, transient=True, disable=not console.is_terminal
        )

    def __enter__(self) -> Self:
        self._bar.start()
        self._task = self._bar.add_task(self._what, total=self._total)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._bar.stop()
        self._say()

    def add(self, count: int) -> None:
        """So many more are done."""
        self._done += count
        self._bar.update(self._task, completed=self._done)
        if not self._console.is_terminal and time.monotonic() - self._said > PLAIN_SECONDS:
            self._say()

    def _say(self) -> None:
        self._said = time.monotonic()
        of = "" if self._total is None else f" of {self._total:,}"
        line = f"{self._what}: {self._done:,}{of} {self._unit} in {clock(self._said - self._began)}"
        self._console.print(Text(line), soft_wrap=True)


class ReadingProgress:
    """Tells a display how far a text is read, once that takes over a second.

    Args:
        display: what is told.
        what: what is being done.
    """

    def __init__(self, display: Display, what: str) -> None:
        self.display, self.what = display, what
        self.began = time.monotonic()

    def __call__(self, done_bytes: int, total_bytes: int | None) -> None:
        """Pass on how many bytes are done, of how many."""
        seconds = time.monotonic() - self.began
        if seconds > QUIET_SECONDS:
            share = done_bytes / total_bytes if total_bytes else None
            self.display.reading(reading_line(self.what, seconds, done_bytes, total_bytes), share)


def reading_line(what: str, seconds: float, done_bytes: int, total_bytes: int | None) -> str:
    """How far a corpus is read, how fast, and how long it will take, as one line."""
    rate = f"{done_bytes / 1e6 / seconds:,.0f} MB/s"
    if total_bytes is None or not done_bytes:
        return f"{what}: {done_bytes / 1e6:,.0f} MB, {rate}"
    remaining = seconds * (total_bytes / done_bytes - 1)
    return f"{what}: {done_bytes / 1e6:,.0f} of {total_bytes / 1e6:,.0f} MB, {rate}, {clock(remaining)} to go"
