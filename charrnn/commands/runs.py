"""`charrnn runs`: a table of runs. Loads no torch."""

import json
import math
import sys
from typing import Any

from rich.table import Table
from rich.text import Text

from charrnn.display import bits, clock, print_result
from charrnn.run_facts import RunFacts, examine, find_runs
from charrnn.terminal import visible, write_text

STATE_STYLES = {"running": "green", "finished": "", "interrupted": "yellow", "damaged": "red"}


def runs(paths: tuple[str, ...], *, json_wanted: bool) -> None:
    """Print the runs that paths mean, the best first, as a table or as one JSON object."""
    found = sorted(map(examine, find_runs(paths)), key=_place)
    if json_wanted:
        write_text(sys.stdout, json.dumps({"runs": [facts_of(run) for run in found]}) + "\n")
    else:
        print_result(table(found))


def facts_of(run: RunFacts) -> dict[str, Any]:
    """A run's facts by name; what is not known is null."""
    network = run.model and run.model.architecture
    nats, verdict = run.best_validation_nats, run.verdict
    return {
        "run": str(run.folder),
        "name": run.name,
        "state": run.state,
        "cell": network and network.cell,
        "layers": network and network.layers,
        "hidden": network and network.hidden,
        "parameters": network and network.parameters,
        "step": run.step,
        "seconds": run.seconds,
        "best_validation_bits_per_character": None if nats is None else nats / math.log(2),
        "damaged_lines": run.metrics.damaged_lines,
        "verdict": verdict.kind,
        "advice": verdict.text,
    }


def table(found: list[RunFacts]) -> Table:
    """The runs, a row each."""
    shown = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="dim")
    shown.add_column("run", overflow="fold")
    shown.add_column("model")
    for name in ("parameters", "time", "steps", "best bits/char"):
        shown.add_column(name, justify="right")
    shown.add_column("state")
    for run in found:
        network = run.model and run.model.architecture
        shown.add_row(
            Text(visible(run.name)),
            f"{network.cell.upper()} {network.layers}×{network.hidden}" if network else "–",
            f"{network.parameters:,}" if network else "–",
            clock(run.seconds),
            f"{run.step:,}",
            bits(run.best_validation_nats),
            Text(run.state, STATE_STYLES[run.state]),
        )
    return shown


def _place(run: RunFacts) -> tuple[float, str]:
    """The best first; those without a figure at the end, by name."""
    nats = run.best_validation_nats
    return math.inf if nats is None else nats, run.name
