"""`charrnn inspect`: which cells follow a property of the text, how surely, and how much hangs on them.

Without ablation no torch is loaded.
"""

import itertools
import json
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from rich.console import Console

from charrnn.commands.answering import check_memory
from charrnn.commands.cells import column_of
from charrnn.commands.corpora import counted
from charrnn.commands.inspect_report import Report, print_report, write_page
from charrnn.commands.scored_text import NamedText, ScoredText, held_out
from charrnn.config.settings import InspectSettings
from charrnn.config.values import named_pattern
from charrnn.display.live import make_display
from charrnn.display.new_files import check_new_file
from charrnn.display.progress import Counter
from charrnn.display.sanitizer import write_text
from charrnn.display.standard_error import loading
from charrnn.errors import UsageError
from charrnn.inspection.ablation import Use, Walk, uses
from charrnn.inspection.activations import Activity, Trunk, cells_of, record
from charrnn.inspection.excerpts import Excerpts, spread, symbols_of
from charrnn.inspection.findings import Finding, findings
from charrnn.inspection.properties import PROPERTIES, Found, Property, found_in, matching
from charrnn.inspection.untrained import untrained
from charrnn.model.architecture import LabelledArchitecture, TranslationArchitecture
from charrnn.runs.checkpoint import Checkpoint, load
from charrnn.runs.folder import find_checkpoint
from charrnn.text.passages import check_scorable


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
        UsageError: the model has no such cell, or is of a task whose cells are not inspected.
        CorpusError: the text cannot be read, or is too short.
    """
    if settings.html is not None:
        check_new_file(settings.html, "--html", paths)
    if settings.show and json_wanted:
        raise UsageError("--show and --json are given, but --show is for people; leave one out")
    path = find_checkpoint(checkpoint)
    model = load(path)
    trunk = trunk_of(path, model)
    cell = None if settings.cell is None else column_of(settings.cell, trunk.architecture)
    name, excerpts = _excerpts(paths, path, model, settings)
    _check_memory(trunk, excerpts)
    found, left_out = found_in(excerpts, _wanted(settings.property))
    activity, results = _findings(trunk, excerpts, found, settings.seed, cell)
    shown = [one for one in results if cell is not None or one.is_named][: settings.top]
    used = {}
    if settings.ablate and model.task == "language":
        used = _used(trunk, excerpts, activity, shown, settings.ablate, alone=cell is not None)
    report = Report(path, model.task, trunk, excerpts, activity, results, shown, used, left_out)
    if settings.html is not None:
        write_page(settings.html, name, report)
    if json_wanted:
        write_text(sys.stdout, json.dumps(report.json()) + "\n")
    else:
        print_report(report, show=settings.show)


def trunk_of(path: Path, model: Checkpoint) -> Trunk:
    """What reads the text.

    Raises:
        UsageError: of models of this task no cells are inspected.
    """
    architecture, weights = model.architecture, model.weights
    if isinstance(architecture, LabelledArchitecture):
        raise UsageError(
            f"{path} was trained with --task generate, whose cells also depend on a label that the text does "
            "not tell; expected a model of another task; give another --checkpoint"
        )
    if isinstance(architecture, TranslationArchitecture):
        own = {
            name.removeprefix("encoder."): weights[name] for name in weights if name.startswith("encoder.")
        }
        return Trunk(architecture.encoder, own)
    return Trunk(architecture, weights)


def _excerpts(
    paths: tuple[str, ...], path: Path, model: Checkpoint, settings: InspectSettings
) -> tuple[str, Excerpts]:
    """The name of the text, and the passages of it that are inspected."""
    text: ScoredText
    with make_display(Console(stderr=True, highlight=False), quiet=False) as display:
        if paths:
            corpus = counted(paths, model.reading, display)
            check_scorable(corpus, model.vocabulary)
            text = NamedText(corpus)
        else:
            text = held_out(path, model, "no text is given")
        texts = text.texts(model.vocabulary, display)
        symbols = symbols_of(texts, model.vocabulary, ends_first=model.task == "language")
    return text.name, spread(symbols, settings.characters, text.name)


def _check_memory(trunk: Trunk, excerpts: Excerpts) -> None:
    """Refuse more cells and characters than there is memory for: values and ranks, twice, and a copy."""
    cells, characters = cells_of(trunk.architecture), len(excerpts.rows)
    check_memory(
        5 * 4 * cells * characters,
        f"looking at {cells:,} cells over {characters:,} characters",
        "lower --characters",
    )


def _wanted(patterns: tuple[str, ...]) -> tuple[Property, ...]:
    """What is looked for: the user's own properties take the place of others with their names."""
    own = {name: matching(name, pattern) for name, pattern in map(named_pattern, patterns)}
    return (*(one for one in PROPERTIES if one.name not in own), *own.values())


def _findings(
    trunk: Trunk, excerpts: Excerpts, found: Sequence[Found], seed: int, cell: int | None
) -> tuple[Activity, list[Finding]]:
    """What the cells do, and which follow what."""
    random = np.random.default_rng(seed)
    console, symbols = Console(stderr=True, highlight=False), 2 * len(excerpts.rows)
    with Counter(
        console, "reading with the network and with an untrained one", "symbols", symbols
    ) as counter:
        activity = record(trunk, excerpts, counter.add)
        blank = record(untrained(trunk.architecture, random), excerpts, counter.add)
    return activity, findings(activity.values, blank.values, found, excerpts, random, column=cell)


def _used(
    trunk: Trunk, excerpts: Excerpts, activity: Activity, shown: Sequence[Finding], most: int, *, alone: bool
) -> dict[int, Use]:
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
