"""Training shown by plain lines, for logs and pipes, or not at all."""

import math
import time
from types import TracebackType

from rich.console import Console
from rich.text import Text

from charrnn.display.sanitizer import visible
from charrnn.display.units import both, clock
from charrnn.runs.report import Report

PLAIN_SECONDS = 5.0
"""Between two plain lines."""


class QuietDisplay:
    """Shows nothing."""

    def __enter__(self) -> "QuietDisplay":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        pass

    def note(self, text: str) -> None:
        """Say nothing."""

    def reading(self, line: str, share: float | None) -> None:
        """Say nothing."""

    def stage(self, what: str) -> None:
        """Say nothing."""

    def report(self, report: Report) -> None:
        """Say nothing."""

    def sample(self, title: str, text: str) -> None:
        """Say nothing."""


class PlainDisplay:
    """A line every few seconds, for logs and pipes; samples stand in the run folder."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self.last_seconds = -math.inf

    def __enter__(self) -> "PlainDisplay":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        pass

    def note(self, text: str) -> None:
        """Print a line."""
        self._line(text)

    def reading(self, line: str, share: float | None) -> None:  # noqa: ARG002 - the line says it too
        """Print a line now and then."""
        if self._due():
            self._line(line)

    def stage(self, what: str) -> None:
        """Print a line now and then."""
        if self._due():
            self._line(f"{what} …")

    def report(self, report: Report) -> None:
        """Print a line now and then, and whenever something was validated."""
        if report.validation_nats is not None or self._due():
            self._line(report_line(report))

    def sample(self, title: str, text: str) -> None:
        """Say nothing: samples are many lines."""

    def _due(self) -> bool:
        now = time.monotonic()
        if now - self.last_seconds < PLAIN_SECONDS:
            return False
        self.last_seconds = now
        return True

    def _line(self, text: str) -> None:
        self.console.print(Text(visible(text)), soft_wrap=True)


def report_line(report: Report) -> str:
    """A report as one line of plain text."""
    validation = "" if report.validation_nats is None else f"  validation {both(report.validation_nats)}"
    return (
        f"{report.progress:4.0%}  {clock(report.seconds)}  step {report.step:,}  epoch {report.epoch:.2f}  "
        f"{report.characters_per_second:,.0f} characters/s  training {both(report.train_nats)}{validation}"
    )
