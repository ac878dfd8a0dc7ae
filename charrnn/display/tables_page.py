"""A page of figures and tables that stands alone. Knows nothing of what the figures are of."""

from collections.abc import Sequence
from dataclasses import dataclass

from charrnn.display.web_page import Style, figures, safe, web_page

RULES = """
section{overflow-x:auto;margin:2rem 0}
h2{font-size:1.1rem;font-weight:650;margin:0 0 .5rem}
table{border-collapse:collapse;font-size:.85rem;font-variant-numeric:tabular-nums}
th,td{padding:.2rem .6rem;text-align:left;border:1px solid var(--line)}
th{font-weight:600;color:var(--soft)}
"""
"""What tables look like."""

_STYLE = Style([("#d6e6fb", "#1d3654"), ("#93bff5", "#245a97")], RULES)

SHARES = (0.1, 0.5)
"""Of a row, from which a cell that counts is coloured, and more so."""


@dataclass(frozen=True)
class Table:
    """A table with a heading.

    Attributes:
        title: of the table.
        columns: what they are called.
        rows: their cells, as text; each row begins with what it is called.
        shares: for each row the share of each cell after the first, where cells are coloured by it.
    """

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    shares: Sequence[Sequence[float]] | None = None


def tables_page(title: str, rows: Sequence[tuple[str, str]], tables: Sequence[Table]) -> str:
    """The whole page.

    Args:
        title: at its top.
        rows: names and values, below.
        tables: those with rows are shown.
    """
    return web_page(title, _STYLE, figures(rows) + "".join(_section(table) for table in tables if table.rows))


def _section(table: Table) -> str:
    head = "".join(f'<th scope="col">{safe(column)}</th>' for column in table.columns)
    shares = table.shares or [[0.0] * (len(row) - 1) for row in table.rows]
    body = "".join(map(_row, table.rows, shares))
    return (
        f"<section>\n<h2>{safe(table.title)}</h2>\n<table>\n<thead><tr>{head}</tr></thead>\n"
        f"<tbody>\n{body}</tbody>\n</table>\n</section>\n"
    )


def _row(cells: Sequence[str], shares: Sequence[float]) -> str:
    name, *others = cells
    shown = "".join(
        f"<td{_colour(share)}>{safe(cell)}</td>" for cell, share in zip(others, shares, strict=True)
    )
    return f'<tr><th scope="row">{safe(name)}</th>{shown}</tr>\n'


def _colour(share: float) -> str:
    level = sum(share >= least for least in SHARES)
    return f' class="l{level - 1}"' if level else ""
