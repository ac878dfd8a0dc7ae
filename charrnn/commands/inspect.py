"""`charrnn inspect`: which cells follow a property of the text, how surely, and how much hangs on them.

Without ablation no torch is loaded.
"""

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console

from charrnn.commands.cells import column_of
from charrnn.commands.corpora import counted
from charrnn.commands.scored_text import NamedText, ScoredText, held_out
from charrnn.config.settings import InspectSettings
from charrnn.config.values import named_pattern
from charrnn.display.cells.tables import cell_table, gate_table, median_spans
from charrnn.display.live import make_display
from charrnn.display.progress import Counter
from charrnn.display.sanitizer import visible, write_text
from charrnn.display.tables import print_result
from charrnn.errors import UsageError
from charrnn.inspection.activations import Activity, Trunk, place_of, record
from charrnn.inspection.excerpts import Excerpts, spread, symbols_of
from charrnn.inspection.findings import Finding, findings
from charrnn.inspection.properties import PROPERTIES, Found, Property, found_in, matching
from charrnn.inspection.untrained import untrained
from charrnn.model.architecture import Architecture, LabelledArchitecture, TranslationArchitecture
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
    path = find_checkpoint(checkpoint)
    model = load(path)
    trunk = trunk_of(path, model)
    cell = None if settings.cell is None else column_of(settings.cell, trunk.architecture)
    excerpts = _excerpts(paths, path, model, settings)
    found, left_out = found_in(excerpts, _wanted(settings.property))
    inspected = _inspected(trunk, excerpts, found, settings.seed, cell)
    shown = [one for one in inspected.findings if cell is not None or one.is_named][: settings.top]
    rows = [_row(one, inspected.activity, trunk.architecture) for one in shown]
    if json_wanted:
        told = {"checkpoint": str(path), "task": model.task, "characters": len(excerpts.rows)}
        told |= {"gates": _gates(inspected.activity), "cells": rows}
        told |= {"not_followed": _not_followed(inspected.findings), "left_out": left_out}
        write_text(sys.stdout, json.dumps(told) + "\n")
    else:
        _print(rows, inspected, trunk.architecture)


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


def _excerpts(paths: tuple[str, ...], path: Path, model: Checkpoint, settings: InspectSettings) -> Excerpts:
    """The passages that are inspected."""
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
    return spread(symbols, settings.characters, text.name)


def _wanted(patterns: tuple[str, ...]) -> tuple[Property, ...]:
    """What is looked for: the user's own properties take the place of others with their names."""
    own = {name: matching(name, pattern) for name, pattern in map(named_pattern, patterns)}
    return (*(one for one in PROPERTIES if one.name not in own), *own.values())


@dataclass(frozen=True)
class Inspected:
    """What was found.

    Attributes:
        activity: of the cells.
        findings: one for each property, best first.
    """

    activity: Activity
    findings: Sequence[Finding]


def _inspected(
    trunk: Trunk, excerpts: Excerpts, found: Sequence[Found], seed: int, cell: int | None
) -> Inspected:
    random = np.random.default_rng(seed)
    console, symbols = Console(stderr=True, highlight=False), 2 * len(excerpts.rows)
    with Counter(
        console, "reading with the network and with an untrained one", "symbols", symbols
    ) as counter:
        activity = record(trunk, excerpts, counter.add)
        blank = record(untrained(trunk.architecture, random), excerpts, counter.add)
    return Inspected(activity, findings(activity.values, blank.values, found, excerpts, random, column=cell))


def _row(finding: Finding, activity: Activity, architecture: Architecture) -> dict[str, Any]:
    """A finding by name."""
    place = place_of(finding.column, architecture)
    return {
        "layer": place.layer,
        "cell": place.cell,
        "direction": "reverse" if place.is_reversed else "forward",
        "property": finding.found.name,
        "score": finding.score,
        "null_95": finding.null_95,
        "surface_score": finding.surface_score,
        "untrained_score": finding.untrained_score,
        "span_characters": None if activity.spans is None else float(activity.spans[finding.column]),
        "value_inside": finding.inside,
        "value_outside": finding.outside,
        "ablation_bits": None,
        "ablation_bits_inside": None,
    }


def _not_followed(findings: Sequence[Finding]) -> list[str]:
    return [one.found.name for one in findings if not one.is_named]


def _gates(activity: Activity) -> list[dict[str, Any]]:
    return [
        {
            "layer": gate.layer,
            "gate": gate.name,
            "left_saturated": float(gate.left.mean()),
            "right_saturated": float(gate.right.mean()),
        }
        for gate in activity.gates
    ]


def _print(rows: Sequence[Mapping[str, Any]], inspected: Inspected, architecture: Architecture) -> None:
    """Print tables: the gates, and what cells follow."""
    if inspected.activity.gates:
        print_result(
            gate_table(inspected.activity.gates, median_spans(inspected.activity.spans, architecture.layers))
        )
        write_text(sys.stdout, "\n")
    if rows:
        print_result(cell_table(rows))
    else:
        write_text(sys.stdout, "no cell follows any of the properties more closely than chance does\n")
    if missing := _not_followed(inspected.findings):
        write_text(sys.stdout, visible(f"followed by none: {', '.join(missing)}") + "\n")
