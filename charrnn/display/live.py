"""What a terminal shows while training runs: rich renderables from plain data.

Text from a corpus or a model passes through `visible`, never through rich's markup. Knows nothing of torch.
"""

import math
import time
from collections.abc import Sequence
from types import TracebackType

from rich.console import Console, Group, RenderableType
from rich.panel import Panel
from rich.progress_bar import ProgressBar
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from charrnn.display.live_panel import LivePanel
from charrnn.display.plain import PlainDisplay, QuietDisplay, validated
from charrnn.display.plots.curves import Track, live_series, loss_chart
from charrnn.display.plots.terminal import Plot
from charrnn.display.progress import QUIET_SECONDS
from charrnn.display.sanitizer import visible
from charrnn.display.tables import Fitted
from charrnn.display.units import bits, clock, in_short
from charrnn.runs.checkpoint_facts import NATS, Figure
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

EXPENDABLE = ("gradient", "learning\nrate", "epoch", "char/s", "answers/s", "best", "step")
"""Figures that go, in this order, where there is no room for all."""


def make_display(console: Console, *, quiet: bool) -> Display:
    """The display that fits: live on a terminal, plain lines elsewhere, nothing when quiet."""
    if quiet:
        return QuietDisplay()
    return LiveDisplay(console) if console.is_terminal else PlainDisplay(console)


class LiveDisplay:
    """A panel that is drawn again and again: progress, figures, curves, the newest sample."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self.best: Figure | None = None
        self.validated: Figure | None = None
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
        found = validated(report)
        if found is not None:
            self.validated = found
            self.best = min(self.best or found, found, key=lambda figure: figure.rank)
        if report.validation_nats is not None:
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
            figures(report, self.validated, self.best),
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


def progress_row(report: Report, doing: str = "") -> RenderableType:
    """A bar, the share that is done, the time it took, and the time it still takes or what is being done."""
    row = Table.grid(padding=(0, 2))
    bar = ProgressBar(total=1.0, completed=report.progress, width=40)
    rest = f"{visible(doing)} …" if doing else f"{clock(report.remaining_seconds)} to go"
    times = f"{clock(report.seconds)} gone, {rest}"
    row.add_row(bar, Text(f"{report.progress:4.0%}"), Text(times))
    return row


def figures(report: Report, found: Figure | None, best: Figure | None) -> RenderableType:
    """The figures of the run in columns."""
    is_nats = report.unit == NATS
    columns = {
        "step": f"{report.step:,}",
        "epoch": f"{report.epoch:.2f}",
        "char/s" if is_nats else "answers/s": f"{report.characters_per_second:,.0f}",
        "training\nbits/char" if is_nats else "training\nloss": (
            bits(report.train_nats) if is_nats else f"{report.train_nats:.3f}"
        ),
        "validation": "–" if found is None else in_short(found),
        "best": "–" if best is None else in_short(best),
        "learning\nrate": f"{report.learning_rate:.2g}",
        "gradient": f"{report.gradient_norm:.2f}",
    }

    def table(names: Sequence[str]) -> Table:
        shown = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="dim")
        for name in names:
            shown.add_column(name, justify="right")
        shown.add_row(*(Text(columns[name]) for name in names))
        return shown

    return Fitted(table, list(columns), [name for name in EXPENDABLE if name in columns])


def sample_panel(title: str, text: str) -> RenderableType:
    """A sample in a frame, a few lines of it."""
    lines = visible(text).split("\n")[:SAMPLE_LINES]
    return Panel(
        Text("\n".join(lines), no_wrap=True, overflow="ellipsis"), title=Text(title), title_align="left"
    )
