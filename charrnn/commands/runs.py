"""`charrnn runs`: tables of runs, grouped by text. Does not load torch."""

import itertools
import json
import math
import sys
from collections.abc import Sequence
from functools import partial
from typing import Any

from rich.cells import cell_len
from rich.console import Group, RenderableType
from rich.filesize import decimal
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from charrnn.display.sanitizer import visible, write_text
from charrnn.display.tables import Fitted, print_result
from charrnn.display.units import bits_of, clock, figure_json, in_short
from charrnn.runs.checkpoint_facts import NATS
from charrnn.runs.summary import RunFacts, TrainingText, examine, find_runs

STATE_STYLES = {"running": "green4", "finished": "", "interrupted": "dark_orange3", "damaged": "red3"}

LEFT = frozenset({"run", "model", "state"})
"""Columns that begin at the left; figures end at the right."""

EXPENDABLE = ("parameters", "steps", "disk", "time", "model")
"""Columns that go, in this order, where there is no room for all."""


def runs(paths: tuple[str, ...], *, json_wanted: bool) -> None:
    """Print the runs that paths mean, by text and the best first, as tables or as one JSON object."""
    found = sorted(map(examine, find_runs(paths)), key=_place)
    if json_wanted:
        write_text(sys.stdout, json.dumps({"runs": [run_facts(run) for run in found]}) + "\n")
    else:
        print_result(tables(found))


def run_facts(run: RunFacts) -> dict[str, Any]:
    """A run's facts by name; what is not known is null."""
    network, subject = run.model and run.model.architecture, run.subject
    figure, verdict = run.figure, run.diagnosis
    return {
        "run": str(run.folder),
        "name": run.name,
        "state": run.state,
        "corpus": subject and subject.corpus,
        "corpus_characters": subject and subject.characters,
        "corpus_fingerprint": subject and subject.fingerprint,
        "validation_characters": subject and subject.validation_characters,
        "cell": network and network.cell,
        "layers": network and network.layers,
        "hidden": network and network.hidden,
        "parameters": network and network.parameters,
        "step": run.step,
        "seconds": run.seconds,
        "disk_bytes": run.disk_bytes,
        "task": run.model and run.model.task,
        "best_validation_bits_per_character": bits_of(figure),
        "best_validation": figure_json(figure),
        "damaged_lines": run.metrics.damaged_lines,
        "verdict": verdict.kind,
        "advice": verdict.text,
    }


def tables(found: Sequence[RunFacts]) -> RenderableType:
    """The runs, a table for each text they learn from; all of the same columns, as wide as the widest."""
    is_nats = all(run.figure is None or run.figure.name == NATS for run in found)
    rows = {id(run): row_of(run, "best bits/char" if is_nats else "best") for run in found}
    names = list(rows[id(found[0])])
    widths = {name: max(map(cell_len, [name, *(row[name].plain for row in rows.values())])) for name in names}

    def table(group: Sequence[RunFacts], names: Sequence[str]) -> Table:
        shown = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="dim")
        for name in names:
            is_left = name in LEFT
            width = None if name == "run" else widths[name]
            shown.add_column(name, justify="left" if is_left else "right", min_width=width, overflow="fold")
        for run in group:
            shown.add_row(*(rows[id(run)][name] for name in names))
        return shown

    parts: list[RenderableType] = []
    for subject, same in itertools.groupby(found, key=lambda run: run.subject):
        group = list(same)
        parts.append(Padding(Text(visible(heading(subject)), "bold"), (1 if parts else 0, 0, 0, 0)))
        parts.append(Fitted(partial(table, group), names, EXPENDABLE))
    return Group(*parts)


def heading(subject: TrainingText | None) -> str:
    """What the runs below it learn from."""
    if subject is None:
        return "unknown text"
    read = f" ({subject.reading})" if subject.reading else ""
    held_out = f", {subject.validation_characters:,} held out"
    return f"{subject.corpus}{read}: {subject.characters:,} characters{held_out}"


def row_of(run: RunFacts, best: str) -> dict[str, Text]:
    """What a run's row shows, by column; `best` is what that of its best validation is called."""
    network = run.model and run.model.architecture
    shown = {
        "run": visible(run.name),
        "model": f"{network.cell.upper()} {network.layers}×{network.hidden}" if network else "–",
        "parameters": f"{network.parameters:,}" if network else "–",
        "time": clock(run.seconds),
        "steps": f"{run.step:,}",
        best: "–" if run.figure is None else visible(in_short(run.figure)),
        "disk": decimal(run.disk_bytes),
        "state": run.state,
    }
    return {
        name: Text(text, STATE_STYLES[run.state] if name == "state" else "") for name, text in shown.items()
    }


def _place(run: RunFacts) -> tuple[bool, TrainingText | tuple[()], float, str]:
    """By text, those of an unknown one at the end; then the best first, and those without a figure last."""
    figure = run.figure
    return run.subject is None, run.subject or (), math.inf if figure is None else figure.rank, run.name
