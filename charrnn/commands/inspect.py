"""`charrnn inspect`: which cells follow a property of the text, how surely, and how much hangs on them.

Without ablation no torch is loaded.
"""

import itertools
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from rich.console import Console

from charrnn.commands.answering import check_memory
from charrnn.commands.cells import column_of
from charrnn.commands.inspect_report import Report, Use, print_report, write_page
from charrnn.commands.inspected import Inspected, inspected
from charrnn.config.settings import InspectSettings
from charrnn.config.values import named_pattern
from charrnn.display.new_files import check_new_file
from charrnn.display.progress import Counter
from charrnn.display.sanitizer import write_text
from charrnn.display.standard_error import loading
from charrnn.errors import UsageError
from charrnn.evaluation.answer_costs import Answering
from charrnn.inspection.ablation import Walk, uses
from charrnn.inspection.activations import Activity, Trunk, cells_of, record
from charrnn.inspection.answers import answer_uses
from charrnn.inspection.excerpts import Excerpts, spread
from charrnn.inspection.findings import Finding, findings
from charrnn.inspection.properties import PROPERTIES, Found, Property, found_in, matching
from charrnn.model.architecture import WRITING
from charrnn.runs.checkpoint import Checkpoint, load
from charrnn.runs.folder import find_checkpoint
from charrnn.text.parts import TaskPart

ASKED = 5_000
"""Symbols of examples that are answered without a cell, about."""


def inspect(
    paths: tuple[str, ...], checkpoint: str | None, settings: InspectSettings, *, json_wanted: bool
) -> None:
    """Print the cells that follow something, best first.

    Args:
        paths: the text; none for what the run held out.
        checkpoint: the model's path, or None for the newest run.
        settings: what is looked for.
        json_wanted: whether to print one JSON object.

    Raises:
        UsageError: the model has no such cell.
        CorpusError: the text cannot be read, or is too short.
    """
    if settings.html is not None:
        check_new_file(settings.html, "--html", paths)
    if settings.show and json_wanted:
        raise UsageError("--show and --json are given, but --show is for people; leave one out")
    path = find_checkpoint(checkpoint)
    model = load(path)
    with inspected(paths, path, model) as text:
        report = _report(path, model, text, settings)
        if settings.html is not None:
            write_page(settings.html, text.name, report)
    if json_wanted:
        write_text(sys.stdout, json.dumps(report.json()) + "\n")
    else:
        print_report(report, show=settings.show)


def _report(path: Path, model: Checkpoint, text: Inspected, settings: InspectSettings) -> Report:
    """What there is to tell."""
    trunk = text.trunk
    cell = None if settings.cell is None else column_of(settings.cell, trunk.architecture)
    excerpts = spread(text.symbols, settings.characters, text.name)
    _check_memory(trunk, excerpts)
    found, left_out = found_in(excerpts, _wanted(settings.property))
    activity, results = _findings(text, excerpts, found, settings.seed, cell)
    shown = [one for one in results if cell is not None or one.is_named][: settings.top]
    used: Mapping[int, Use] = {}
    if settings.ablate and model.task in WRITING:
        used = _used(trunk, excerpts, activity, shown, settings.ablate, alone=cell is not None)
    elif settings.ablate and text.examples is not None:
        used = _used_to_answer(model, text.examples, activity, shown, settings.ablate)
    return Report(path, model.task, trunk, excerpts, activity, results, shown, used, left_out)


def _check_memory(trunk: Trunk, excerpts: Excerpts) -> None:
    """Refuse more cells and characters than there is memory for.

    Values and ranks, twice, and a copy; of a readout each cell's product with each, and what solves for it.
    """
    cells, characters = cells_of(trunk.architecture), len(excerpts.rows)
    check_memory(
        5 * 4 * cells * characters + 3 * 8 * cells**2,
        f"looking at {cells:,} cells over {characters:,} characters",
        "lower --characters",
    )


def _wanted(patterns: tuple[str, ...]) -> tuple[Property, ...]:
    """What is looked for: the user's own properties take the place of others with their names."""
    own = {name: matching(name, pattern) for name, pattern in map(named_pattern, patterns)}
    return (*(one for one in PROPERTIES if one.name not in own), *own.values())


def _findings(
    text: Inspected, excerpts: Excerpts, found: Sequence[Found], seed: int, cell: int | None
) -> tuple[Activity, list[Finding]]:
    """What the cells do, and which follow what."""
    random = np.random.default_rng(seed)
    console, symbols = Console(stderr=True, highlight=False), 2 * len(excerpts.rows)
    with Counter(
        console, "reading with the network and with an untrained one", "symbols", symbols
    ) as counter:
        activity = record(text.trunk, excerpts, counter.add)
        blank = record(text.untrained(random), excerpts, counter.add)
    return activity, findings(activity.values, blank.values, found, excerpts, random, column=cell)


def _used(
    trunk: Trunk, excerpts: Excerpts, activity: Activity, shown: Sequence[Finding], most: int, *, alone: bool
) -> Mapping[int, Use]:
    """What taking cells away costs, by their columns: those of the findings, and others that promise most."""
    walk, means = Walk.of(excerpts), activity.values.mean(axis=0)
    columns, console = list(dict.fromkeys(one.column for one in shown)), Console(stderr=True, highlight=False)
    if not alone:
        with loading("PyTorch", quiet=False):
            from charrnn.inspection.attribution import attributions
        with Counter(console, "looking at gradients", "symbols", walk.targets.size) as counter:
            promised = attributions(trunk, walk, activity.values, means, counter.add)
        columns = sorted(columns, key=lambda column: -promised[column])[:most]
        others = (column for column in np.argsort(-promised).tolist() if column not in columns)
        columns += itertools.islice(others, most - len(columns))
    symbols = (1 + len(columns)) * walk.targets.size
    with Counter(console, "holding cells at their mean", "symbols", symbols) as counter:
        return uses(trunk, walk, means, columns, counter.add)


def _used_to_answer(
    model: Checkpoint, examples: TaskPart, activity: Activity, shown: Sequence[Finding], most: int
) -> Mapping[int, Use]:
    """What taking cells of findings away costs of right answers, by their columns."""
    columns = list(dict.fromkeys(one.column for one in shown))[:most]
    vocabulary, temperature = model.vocabulary, model.temperature
    answering = Answering(model.architecture, model.weights, len(vocabulary), model.answers, temperature)
    some = examples.beginning(ASKED)
    console, means = Console(stderr=True, highlight=False), activity.values.mean(axis=0)
    symbols = (1 + len(columns)) * some.symbols
    with Counter(console, "holding cells at their mean", "symbols", symbols) as counter:
        return answer_uses(answering, some, means, columns, counter.add)
