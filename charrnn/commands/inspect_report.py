"""What `charrnn inspect` tells of what it found: as tables and painted text, as a page, as JSON."""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from rich.text import Text

from charrnn.display.cells.page import page
from charrnn.display.cells.painting import legend, painted
from charrnn.display.cells.tables import Row, cell_table, dear, gate_table, median_spans, place
from charrnn.display.columns import Canvas
from charrnn.display.new_files import put_new_file
from charrnn.display.sanitizer import visible, write_text
from charrnn.display.tables import print_result
from charrnn.inspection.ablation import Rise
from charrnn.inspection.activations import Activity, Trunk, place_of
from charrnn.inspection.excerpts import Excerpts
from charrnn.inspection.findings import Finding
from charrnn.inspection.pictures import pictures
from charrnn.model.architecture import WRITING

DEAREST = 8
"""Cells that cost most to lose, of which a line tells."""

ON_A_PAGE = 8
"""Cells under which a page shows text."""


class Use(Protocol):
    """What taking a cell away costs."""

    def rise(self, where: NDArray[np.bool_] | None = None) -> Rise | None:
        """By how many bits, over all; or where a property is so, if that can be told."""


@dataclass(frozen=True)
class Report:
    """What was found.

    Attributes:
        path: the checkpoint.
        task: of the model.
        trunk: what read the text.
        excerpts: what of it.
        activity: of the cells.
        findings: one for each property, best first.
        shown: those that are told.
        used: what taking cells away costs, by column.
        left_out: properties that the text does not have.
    """

    path: Path
    task: str
    trunk: Trunk
    excerpts: Excerpts
    activity: Activity
    findings: Sequence[Finding]
    shown: Sequence[Finding]
    used: Mapping[int, Use]
    left_out: Sequence[str]

    @cached_property
    def rows(self) -> list[Row]:
        """The findings that are told, by name."""
        return [self._row(finding) for finding in self.shown]

    @cached_property
    def ablated(self) -> list[Row]:
        """All cells that were taken away, and what they are shown to follow, the dearest first."""
        rows = []
        for column, use in self.used.items():
            follows = [one.found.name for one in self.shown if one.column == column]
            rows.append({**self._place(column), "properties": follows, **_cost("", use)})
        return sorted(rows, key=lambda row: -(row["ablation_bits"] or 0.0))

    @property
    def unit(self) -> str:
        """What is charged for."""
        return "character" if self.task in WRITING else "answer"

    @property
    def not_followed(self) -> list[str]:
        """Properties that no cell follows more closely than by chance."""
        return [one.found.name for one in self.findings if not one.is_named]

    def json(self) -> dict[str, Any]:
        """All of it, by name."""
        return {
            "checkpoint": str(self.path),
            "task": self.task,
            "characters": len(self.excerpts.rows),
            "gates": [
                {
                    "layer": gate.layer,
                    "gate": gate.name,
                    "left_saturated": float(gate.left.mean()),
                    "right_saturated": float(gate.right.mean()),
                }
                for gate in self.activity.gates
            ],
            "cells": self.rows,
            "ablated": self.ablated,
            "not_followed": self.not_followed,
            "left_out": self.left_out,
        }

    def _place(self, column: int) -> dict[str, Any]:
        where = place_of(column, self.trunk.architecture)
        direction = "reverse" if where.is_reversed else "forward"
        return {"layer": where.layer, "cell": where.cell, "direction": direction}

    def _row(self, finding: Finding) -> dict[str, Any]:
        spans, use, inside = self.activity.spans, self.used.get(finding.column), finding.found.inside
        return {
            **self._place(finding.column),
            "property": finding.found.name,
            "score": finding.score,
            "null_95": finding.null_95,
            "surface_score": finding.surface_score,
            "untrained_score": finding.untrained_score,
            "together_score": finding.together_score,
            "untrained_together_score": finding.untrained_together_score,
            "span_characters": None if spans is None else float(spans[finding.column]),
            "value_inside": finding.inside,
            "value_outside": finding.outside,
            **_cost("", use),
            **_cost("_inside", use, inside),
            **_cost("_outside", use, ~inside),
        }


def _cost(where: str, use: Use | None, those: NDArray[np.bool_] | None = None) -> dict[str, Any]:
    """What taking a cell away costs where a property is so, and between what that is, by name."""
    rise = None if use is None else use.rise(those)
    return {
        f"ablation_bits{where}": rise and rise.bits,
        f"ablation_interval{where}": rise and [rise.low, rise.high],
    }


def print_report(report: Report, *, show: bool) -> None:
    """Print tables: the gates, what cells follow, what hangs on them; and text under the first of these."""
    if report.activity.gates:
        spans = median_spans(report.activity.spans, report.trunk.architecture.layers)
        print_result(gate_table(report.activity.gates, spans))
        write_text(sys.stdout, "\n")
    if report.rows:
        print_result(cell_table(report.rows))
    lines = [] if report.rows else ["no cell follows any of the properties more closely than chance does"]
    if dearest := report.ablated[:DEAREST]:
        lines.append(f"dearest to lose, in bits per {report.unit}: {', '.join(map(dear, dearest))}")
    if report.not_followed:
        lines.append(f"no closer than chance: {', '.join(report.not_followed)}")
    for line in lines:
        write_text(sys.stdout, visible(line) + "\n")
    if show:
        _show(report)


def _show(report: Report) -> None:
    """Print a stretch of text, painted by the cell of the first finding."""
    canvas = Canvas()
    for picture in pictures(report.trunk, report.excerpts, report.activity, report.shown[:1]):
        row = report.rows[0]
        heading = Text(f"cell {place(row)}: {visible(row['property'])}", "bold")
        lines: list[Text] = [Text(), heading, legend(coloured=canvas.coloured), Text()]
        canvas.print(lines)
        canvas.print(painted(picture, canvas.width, coloured=canvas.coloured))


def write_page(path: str, name: str, report: Report) -> None:
    """Write a page.

    Args:
        path: where to, a new file.
        name: of the text.
        report: what was found.
    """
    architecture = report.trunk.architecture
    shape = f"{architecture.cell.upper()} {architecture.layers}×{architecture.hidden}"
    facts = [
        ("model", f"{report.path}, {shape}"),
        ("text", name),
        ("characters", f"{len(report.excerpts.rows):,} in {report.excerpts.count} passages"),
    ]
    first: dict[int, int] = {}  # of each cell the finding that comes first
    for number, finding in enumerate(report.shown):
        first.setdefault(finding.column, number)
    numbers = list(first.values())[:ON_A_PAGE]
    chosen = [report.shown[number] for number in numbers]
    painted_texts = pictures(report.trunk, report.excerpts, report.activity, chosen)
    shown = [(report.rows[number], text) for number, text in zip(numbers, painted_texts, strict=True)]
    document = page("What the cells follow", facts, report.rows, report.activity.gates, shown)
    put_new_file(path, "--html", document.encode("utf-8"))
