"""`charrnn plot`: the curves of runs, in the terminal or as a picture. Loads no torch."""

import json
import math
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import Group, RenderableType
from rich.text import Text

from charrnn.commands.runs import run_facts
from charrnn.config.settings import PlotSettings
from charrnn.display.new_files import check_new_file, put_new_file
from charrnn.display.plots.chart import Chart
from charrnn.display.plots.curves import charts
from charrnn.display.plots.png import png
from charrnn.display.plots.svg import svg
from charrnn.display.plots.terminal import Plot
from charrnn.display.sanitizer import visible, write_text
from charrnn.display.tables import print_result
from charrnn.errors import InputError
from charrnn.runs.metrics import Point
from charrnn.runs.summary import RunFacts, chosen_runs, examine

PICTURES: Mapping[str, Callable[[Sequence[Chart]], bytes]] = {
    ".png": png,
    ".svg": lambda drawn: svg(drawn).encode(),
}
"""What draws a picture, by the end of its file's name."""

ROWS = (14, 6, 6)
"""Characters upwards of the charts: losses, learning rate, speed."""


def plot(paths: tuple[str, ...], settings: PlotSettings, *, json_wanted: bool) -> None:
    """Draw the curves of the runs that paths mean, and say what they show.

    Args:
        paths: run folders, or folders of runs; the newest run when there is none.
        settings: what is drawn across, and the file of a picture, which is drawn instead.
        json_wanted: one JSON object instead of charts.
    """
    if settings.output is not None:
        check_new_file(settings.output, "--output")
    found = [examine(folder) for folder in chosen_runs(paths)]
    for run in found:
        if run.metrics.damaged_lines:
            _warn(f"{run.folder}: {run.metrics.damaged_lines:,} damaged lines of metrics.jsonl are left out")
    drawn = charts_of(found, settings.by)
    if settings.output is not None and not drawn:
        names = ", ".join(str(run.folder) for run in found)
        raise InputError(f"{names} has no figures yet, nothing to draw; train it longer")
    if settings.output is not None:
        picture = PICTURES[Path(settings.output).suffix.lower()](drawn)
        put_new_file(settings.output, "--output", picture)
    if json_wanted:
        listed = [run_facts(run) | {"points": list(map(_values, run.metrics.points))} for run in found]
        write_text(sys.stdout, json.dumps({"runs": listed}) + "\n")
    else:
        print_result(shown(found, drawn if settings.output is None else []))


def charts_of(found: Sequence[RunFacts], by: str) -> list[Chart]:
    """The charts of the runs that have figures; none where no run has."""
    measured = {name: run.metrics.points for name, run in _named(found).items() if run.metrics.points}
    return charts(measured, by) if measured else []


def shown(found: Sequence[RunFacts], drawn: Sequence[Chart]) -> RenderableType:
    """The charts, and below them what each run's curves say."""
    plots = [Plot(chart, rows) for chart, rows in zip(drawn, ROWS, strict=bool(drawn))]
    named = _named(found).items()
    verdicts = [f"{name}: {run.diagnosis.text}" for name, run in named]
    return Group(*plots, *(Text(visible(line)) for line in verdicts))


def _named(found: Sequence[RunFacts]) -> dict[str, RunFacts]:
    """The runs by their folders' names, or by their paths where two of these are the same."""
    names = {run.name for run in found}
    return {(run.name if len(names) == len(found) else str(run.folder)): run for run in found}


def _values(point: Point) -> dict[str, Any]:
    """A report by name, losses in bits."""
    validation = point.validation_nats
    return {
        "step": point.step,
        "epoch": point.epoch,
        "characters": point.characters,
        "seconds": point.seconds,
        "training_bits_per_character": point.train_nats / math.log(2),
        "validation_bits_per_character": None if validation is None else validation / math.log(2),
        "learning_rate": point.learning_rate,
        "gradient_norm": point.gradient_norm,
        "characters_per_second": point.characters_per_second,
    }


def _warn(text: str) -> None:
    sys.stderr.write(f"charrnn: {visible(text)}\n")
