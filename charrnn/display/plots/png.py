"""Charts as a PNG file, by matplotlib, which only the extra `plot` installs. Knows nothing of training."""

import io
from collections.abc import Sequence
from typing import Any

from charrnn.display.plots.chart import Chart
from charrnn.display.plots.svg import COLOURS
from charrnn.display.sanitizer import visible
from charrnn.errors import UsageError


def png(charts: Sequence[Chart]) -> bytes:
    """The charts, one below the other.

    Raises:
        UsageError: matplotlib is not installed.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise UsageError(
            "a PNG needs matplotlib, which is not installed; install it with pip install 'charrnn[plot]', "
            "or write an .svg, which needs nothing"
        ) from error
    figure = Figure(figsize=(8, 2.6 * len(charts)), dpi=150, layout="constrained")
    for place, chart in enumerate(charts, 1):
        _draw(figure.add_subplot(len(charts), 1, place), chart)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png")
    return buffer.getvalue()


def _draw(axes: Any, chart: Chart) -> None:  # noqa: ANN401 - matplotlib is not there when types are checked
    across, upwards = chart.spans()
    for series in chart.series:
        axes.plot(
            [x for x, _ in series.points],
            [y for _, y in series.points],
            color=COLOURS[series.colour % len(COLOURS)],
            alpha=0.55 if series.faint else 1.0,
            linewidth=1.2 if series.faint else 1.8,
            linestyle="none" if series.is_scatter else "-",
            marker="o" if series.marks_each or series.is_scatter else None,
            markersize=3,
            label=visible(series.name).replace("$", r"\$"),
        )
    axes.set(xlim=(across.low, across.high), ylim=(upwards.low, upwards.high), xlabel=chart.across)
    axes.set_title(chart.title, loc="left", fontsize="medium", fontweight="bold")
    axes.grid(axis="y", alpha=0.3)
    if any(series.name for series in chart.series):
        axes.legend(frameon=False, fontsize="small")
