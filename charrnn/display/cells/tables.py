"""What the cells of a network follow and what its gates do, as tables for a terminal or a pipe."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from charrnn.display.plots.chart import Chart, Series, Span
from charrnn.display.plots.terminal import Plot
from charrnn.display.sanitizer import visible
from charrnn.display.tables import Fitted
from charrnn.inspection.activations import Gate

Row = Mapping[str, Any]
"""A finding by name, as `--json` prints it."""

EVER = 1e4
"""A longer memory, in characters, is not told from one that lasts for ever."""

EXPENDABLE = (
    *("remembers", "in / else", "all cells", "untrained", "3 characters", "chance", "elsewhere", "inside"),
)
"""Columns that go, in this order, where there is no room for all."""

ROWS = 10
"""Of the plot of gates."""


def cell_table(rows: Sequence[Row]) -> RenderableType:
    """A row for each finding."""

    def table(shown: Sequence[str]) -> Table:
        columns = Table(box=box.SIMPLE_HEAD, padding=(0, 1), header_style="bold")
        for name in shown:
            columns.add_column(name, justify="left" if name == "property" else "right")
        for row in rows:
            cells = cells_of(row)
            columns.add_row(*(Text(cells[name], style=_style(row, name)) for name in shown))
        return columns

    return Fitted(table, columns_of(rows), EXPENDABLE)


def columns_of(rows: Sequence[Row]) -> list[str]:
    """What a table of findings has to tell."""
    names = ["property", "cell", "score", "chance", "3 characters", "untrained", "all cells"]
    names += ["remembers", "in / else"]
    is_ablated = any(row["ablation_bits"] is not None for row in rows)
    is_parted = any(row["ablation_bits_inside"] is not None for row in rows)
    return [*names, *["bits lost"] * is_ablated, *["inside", "elsewhere"] * is_parted]


def cells_of(row: Row) -> dict[str, str]:
    """What a table shows of a finding, by column."""
    return {
        "property": visible(row["property"]),
        "cell": place(row),
        "score": f"{row['score']:.2f}",
        "chance": f"{row['null_95']:.2f}",
        "3 characters": f"{row['surface_score']:.2f}",
        "untrained": f"{row['untrained_score']:.2f}",
        "all cells": f"{row['together_score']:.2f} / {row['untrained_together_score']:.2f}",
        "remembers": span(row["span_characters"]),
        "in / else": f"{row['value_inside']:+.2f} / {row['value_outside']:+.2f}",
        "bits lost": _lost(row, ""),
        "inside": _lost(row, "_inside"),
        "elsewhere": _lost(row, "_outside"),
    }


def _lost(row: Row, where: str) -> str:
    """What taking the cell away costs; in brackets where its interval has 0 in it."""
    bits, interval = row[f"ablation_bits{where}"], row[f"ablation_interval{where}"]
    if bits is None or interval is None:
        return "–"
    return f"{bits:.4f}" if interval[0] > 0 or interval[1] < 0 else f"({bits:.4f})"


def dear(row: Row) -> str:
    """A cell, what it follows, and what it costs to lose."""
    follows = f" ({visible(row['properties'][0])})" if row["properties"] else ""
    return f"{row['layer']}:{row['cell']}{follows} {row['ablation_bits']:.3f}"


def place(row: Row) -> str:
    """Which cell it is."""
    return f"{row['layer']}:{row['cell']}" + (" reversed" if row["direction"] == "reverse" else "")


def span(characters: float | None) -> str:
    """A memory span."""
    if characters is None:
        return "–"
    return "for ever" if characters > EVER else f"{characters:,.{0 if characters >= 10 else 1}f}"


def _style(row: Row, name: str) -> str:
    """What tells a score that stands out from one that the text's surface or the network's shape explains."""
    beaten = max(row["surface_score"], row["untrained_score"]) >= row["score"]
    if name == "score":
        return "dim" if beaten or row["score"] <= row["null_95"] else "bold green"
    return "" if name in {"property", "cell"} else "dim"


def gate_table(gates: Sequence[Gate], spans: Mapping[int, float]) -> RenderableType:
    """How much of the time the gates of each layer are saturated, and how long its cells remember.

    Args:
        gates: of all layers.
        spans: the median span of each layer, in characters, by its number.
    """
    columns = Table(box=box.SIMPLE_HEAD, padding=(0, 1), header_style="bold")
    for name in ("layer", "gate", "below 0.1", "above 0.9"):
        columns.add_column(name, justify="left" if name == "gate" else "right")
    for gate in gates:
        columns.add_row(str(gate.layer), gate.name, f"{np.mean(gate.left):.0%}", f"{np.mean(gate.right):.0%}")
    told = ", ".join(f"{span(value)} characters in layer {layer}" for layer, value in spans.items())
    note = Text(
        f"share of time that gates are saturated; half of the cells remember longer than {told}", "dim"
    )
    return Group(columns, note, Text(), Plot(gate_chart(gates), ROWS))


_MARKERS = "○△□◇▽"


def gate_chart(gates: Sequence[Gate]) -> Chart:
    """Each unit by how often its gate is right- and left-saturated (Karpathy et al. 2015, figure 4)."""
    names = list(dict.fromkeys(gate.name for gate in gates))
    series = [
        Series(
            f"{gate.name}, layer {gate.layer}",
            list(zip(gate.right.tolist(), gate.left.tolist(), strict=True)),
            names.index(gate.name),
            _MARKERS[(gate.layer - 1) % len(_MARKERS)],
            is_scatter=True,
        )
        for gate in gates
    ]
    return Chart(
        "share of time below 0.1", "share of time above 0.9", series, limits=(Span(0, 1), Span(0, 1))
    )


def median_spans(spans: np.ndarray[Any, Any] | None, layers: int) -> dict[int, float]:
    """The median span of the cells of each layer, by its number."""
    if spans is None:
        return {}
    medians = np.median(spans.reshape(layers, -1), axis=1).tolist()
    return {layer: value for layer, value in enumerate(medians, 1) if math.isfinite(value)}
