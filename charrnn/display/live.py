"""What is shown on a terminal, and the plain lines where there is none: rich renderables from plain data.

Text from a corpus or a model passes through `visible`, never through rich's markup. Knows nothing of torch.
"""

import math
import sys
import time
from collections.abc import Callable, Sequence
from types import TracebackType

from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.panel import Panel
from rich.progress_bar import ProgressBar
from rich.spinner import Spinner
from rich.table import Column, Table
from rich.text import Text

from charrnn.display.live_panel import LivePanel
from charrnn.display.plots.curves import Track, live_series, loss_chart
from charrnn.display.plots.terminal import Plot
from charrnn.display.sanitizer import visible, write_text
from charrnn.runs.report import Display, Report

SAMPLE_LINES = 8
CURVE_LINES = 10
"""Of a sample and of the curves, at most."""

LEAST_LINES = 4
"""Curves lower than that show nothing."""

OTHER_LINES = SAMPLE_LINES + 11
"""What the panel has beside the curves: progress, figures, the sample's frame, axes, the two lines below."""

HINTS = ("Ctrl-C saves and stops; charrnn train --resume goes on", "Ctrl-C saves and stops")
"""The last line, as long as there is room for. What is typed meanwhile appears behind it and is drawn over;
behind a line as wide as the terminal it would begin another one."""

EXPENDABLE = ("gradient", "learning\nrate", "epoch", "char/s", "best", "step")
"""Figures that go, in this order, where there is no room for all."""

PIPE_WIDTH = 1000
PLAIN_SECONDS = 5.0
"""Between two plain lines."""

QUIET_SECONDS = 1.0
"""What takes no longer is not worth a word."""


def make_display(console: Console, *, quiet: bool) -> Display:
    """The display that fits: live on a terminal, plain lines elsewhere, nothing when quiet."""
    if quiet:
        return QuietDisplay()
    return LiveDisplay(console) if console.is_terminal else PlainDisplay(console)


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


class LiveDisplay:
    """A panel that is drawn again and again: progress, figures, curves, the newest sample."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self.best_nats = math.inf
        self.validation_nats: float | None = None
        self.last_report: Report | None = None
        self.last_sample: tuple[str, str] | None = None
        self.training, self.validation = Track(), Track()
        self.plot: Plot | None = None
        self.doing: RenderableType = Text("")
        self.what, self.since = "", math.inf
        self.is_over = False
        self.live = LivePanel(console, self.panel)

    def __enter__(self) -> "LiveDisplay":
        self.live.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.is_over = True
        self.live.__exit__(kind, error, traceback)

    def note(self, text: str) -> None:
        """Print a line above the panel."""
        self.live.note(Text(visible(text)))

    def reading(self, line: str, share: float | None) -> None:
        """Show how far the corpus is read."""
        row = Table.grid(padding=(0, 2))
        bar = [] if share is None else [ProgressBar(total=1.0, completed=share, width=40)]
        row.add_row(*bar, Text(line))
        self.doing = row

    def stage(self, what: str) -> None:
        """Show what is being done: alone before there are figures, beside them once it takes long."""
        self.doing = Spinner("line", Text(f"{visible(what)} …"))
        self.what, self.since = what, time.monotonic()

    def report(self, report: Report) -> None:
        """Show new figures."""
        if report.validation_nats is not None:
            self.validation_nats = report.validation_nats
            self.best_nats = min(self.best_nats, report.validation_nats)
            self.validation.add(report.step, report.validation_nats / math.log(2))
        self.training.add(report.step, report.train_nats / math.log(2))
        self.last_report, self.plot, self.since = report, None, math.inf

    def sample(self, title: str, text: str) -> None:
        """Show a new sample in the panel."""
        self.last_sample = (title, text)

    def panel(self) -> RenderableType:
        """Progress, figures, curves and sample as they stand; no curves on a terminal that is too low."""
        report = self.last_report
        if report is None:
            return Text("") if self.is_over else self.doing
        takes_long = time.monotonic() - self.since > QUIET_SECONDS
        parts: list[RenderableType] = [
            progress_row(report, self.what if takes_long else ""),
            figures(report, self.validation_nats, self.best_nats),
        ]
        rows = min(CURVE_LINES, self.console.height - OTHER_LINES)
        if rows >= LEAST_LINES:
            parts.append(self._plot(rows))
        if self.last_sample is not None:
            parts.append(sample_panel(*self.last_sample))
        if not self.is_over:
            hint = next((hint for hint in HINTS if len(hint) < self.console.width - len("^C")), "")
            parts.append(Text(hint, "dim"))
        return Group(*parts)

    def _plot(self, rows: int) -> Plot:
        """The curves; drawn once for each report, and when the terminal's height changes."""
        plot = self.plot
        if plot is None or plot.rows != rows:
            series = live_series(tuple(self.training.points), tuple(self.validation.points))
            plot = self.plot = Plot(loss_chart(series), rows)
        return plot


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


def progress_row(report: Report, doing: str = "") -> RenderableType:
    """A bar, the share that is done, the time it took, and the time it still takes or what is being done."""
    row = Table.grid(padding=(0, 2))
    bar = ProgressBar(total=1.0, completed=report.progress, width=40)
    rest = f"{visible(doing)} …" if doing else f"{clock(report.remaining_seconds)} to go"
    times = f"{clock(report.seconds)} gone, {rest}"
    row.add_row(bar, Text(f"{report.progress:4.0%}"), Text(times))
    return row


class Fitted:
    """A table that leaves out columns where there is no room for all, so that none is cut.

    Args:
        table: makes the table of the columns that are named.
        names: all columns.
        expendable: those that go, in this order.
    """

    def __init__(
        self, table: Callable[[Sequence[str]], Table], names: Sequence[str], expendable: Sequence[str]
    ) -> None:
        self.table, self.names, self.expendable = table, names, expendable

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Draw as many columns as fit."""
        names, unbounded = list(self.names), options.update(max_width=PIPE_WIDTH)
        for name in self.expendable:
            if console.measure(self.table(names), options=unbounded).maximum <= options.max_width:
                break
            names.remove(name)
        yield self.table(names)


def figures(report: Report, validation_nats: float | None, best_nats: float) -> RenderableType:
    """The figures of the run in columns."""
    columns = {
        "step": f"{report.step:,}",
        "epoch": f"{report.epoch:.2f}",
        "char/s": f"{report.characters_per_second:,.0f}",
        "training\nbits/char": bits(report.train_nats),
        "validation": bits(validation_nats),
        "best": bits(best_nats if math.isfinite(best_nats) else None),
        "learning\nrate": f"{report.learning_rate:.2g}",
        "gradient": f"{report.gradient_norm:.2f}",
    }

    def table(names: Sequence[str]) -> Table:
        shown = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="dim")
        for name in names:
            shown.add_column(name, justify="right")
        shown.add_row(*(Text(columns[name]) for name in names))
        return shown

    return Fitted(table, list(columns), EXPENDABLE)


def sample_panel(title: str, text: str) -> RenderableType:
    """A sample in a frame, a few lines of it."""
    lines = visible(text).split("\n")[:SAMPLE_LINES]
    return Panel(
        Text("\n".join(lines), no_wrap=True, overflow="ellipsis"), title=Text(title), title_align="left"
    )


def report_line(report: Report) -> str:
    """A report as one line of plain text."""
    validation = "" if report.validation_nats is None else f"  validation {both(report.validation_nats)}"
    return (
        f"{report.progress:4.0%}  {clock(report.seconds)}  step {report.step:,}  epoch {report.epoch:.2f}  "
        f"{report.characters_per_second:,.0f} characters/s  training {both(report.train_nats)}{validation}"
    )


def reading_line(what: str, seconds: float, done_bytes: int, total_bytes: int | None) -> str:
    """How far a corpus is read, how fast, and how long it will take, as one line."""
    rate = f"{done_bytes / 1e6 / seconds:,.0f} MB/s"
    if total_bytes is None or not done_bytes:
        return f"{what}: {done_bytes / 1e6:,.0f} MB, {rate}"
    remaining = seconds * (total_bytes / done_bytes - 1)
    return f"{what}: {done_bytes / 1e6:,.0f} of {total_bytes / 1e6:,.0f} MB, {rate}, {clock(remaining)} to go"


def bits(nats: float | None) -> str:
    """Nats as bits, to three places; a dash where there is no figure."""
    return "–" if nats is None else f"{nats / math.log(2):.3f}"


def both(nats: float) -> str:
    """A loss in both units."""
    return f"{bits(nats)} bits/char ({nats:.3f} nats)"


def clock(seconds: float) -> str:
    """Seconds as 0:07, 12:34 or 1:02:03."""
    whole = round(min(seconds, 10**9))
    hours, rest = divmod(whole, 3600)
    return f"{hours}:{rest // 60:02}:{rest % 60:02}" if hours else f"{rest // 60}:{rest % 60:02}"


def print_result(renderable: RenderableType) -> None:
    """Print to standard output: as wide as the terminal, as wide as it needs to be in a pipe."""
    width = None if sys.stdout.isatty() else PIPE_WIDTH
    console = Console(width=width, highlight=False, markup=False)
    with console.capture() as capture:
        console.print(renderable)
    lines = (line.rstrip() for line in capture.get().strip("\n").split("\n"))
    write_text(sys.stdout, "\n".join(lines) + "\n")


def two_columns(rows: Sequence[tuple[str, str]]) -> RenderableType:
    """Names and values, aligned whatever the width of their characters."""
    table = Table.grid(Column(), Column(overflow="fold"), padding=(0, 2))
    for name, value in rows:
        table.add_row(Text(name, style="dim"), Text(visible(value)))
    return table
