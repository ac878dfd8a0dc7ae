"""Training shown by plain lines, for logs and pipes, or not at all."""

import math
import time
from types import TracebackType

from rich.console import Console
from rich.text import Text

from charrnn.display.sanitizer import visible
from charrnn.display.units import clock, in_full, training_loss
from charrnn.runs.checkpoint_facts import NATS, Figure
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
        if validated(report) is not None or self._due():
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


def validated(report: Report) -> Figure | None:
    """What was just measured on what is held out, if that was done."""
    nats = report.validation_nats
    return report.figure if nats is None else Figure(NATS, nats)


def report_line(report: Report) -> str:
    """A report as one line of plain text."""
    found = validated(report)
    validation = "" if found is None else f"  validation {in_full(found)}"
    read = "characters" if report.unit == NATS else "answers"
    return (
        f"{report.progress:4.0%}  {clock(report.seconds)}  step {report.step:,}  epoch {report.epoch:.2f}  "
        f"{report.characters_per_second:,.0f} {read}/s  "
        f"training {training_loss(report.train_nats, report.unit)}{validation}"
    )
