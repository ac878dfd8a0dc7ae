"""A page of what cells follow: the findings, the gates, and text painted by the best cells; it stands alone.

Knows nothing of models.
"""

from collections.abc import Sequence

from charrnn.display.cells.painting import LEVELS
from charrnn.display.cells.tables import Row, cells_of, columns_of, gate_chart, place
from charrnn.display.explanation import level_of
from charrnn.display.plots.svg import STYLE as OF_DRAWINGS
from charrnn.display.plots.svg import drawing
from charrnn.display.tables_page import RULES as OF_TABLES
from charrnn.display.web_page import Style, coloured, figures, safe, sign, web_page
from charrnn.inspection.activations import Gate
from charrnn.inspection.pictures import Picture

_RULES = """
svg{display:block;width:100%;margin:0 0 1rem;border-radius:.6rem;border:1px solid var(--line)}
.paper{fill:var(--card)}
td{white-space:nowrap}
td.best{color:var(--ink);font-weight:650}
tr.weak td{color:var(--soft)}
"""

_STYLE = Style([(level.light, level.dark) for level in LEVELS], OF_TABLES + OF_DRAWINGS + _RULES)

_ABOUT = (
    "Each property of the text, and the cell that follows it best. The score is |2 AUC − 1| where the "
    "property is yes or no, |Spearman’s ρ| where it is a number, on passages that had no part in the choice "
    "of the cell. Beside it: what the best of all cells and properties reaches by chance in 95 of 100 cases, "
    "what the last three characters tell alone, and the best cell of an untrained network; then what a "
    "linear readout of all cells tells, of this network and of an untrained one. Rows in grey are explained "
    "by chance, text or shape. Bits lost are what a character, or an answer where the model gives one, costs "
    "more with the cell held at its mean."
)


def page(
    title: str,
    facts: Sequence[tuple[str, str]],
    rows: Sequence[Row],
    gates: Sequence[Gate],
    shown: Sequence[tuple[Row, Picture]],
) -> str:
    """The whole page.

    Args:
        title: at its top.
        facts: names and values, below.
        rows: the findings.
        gates: of all layers.
        shown: findings with text under their cells.
    """
    parts = [f"<p>{_ABOUT}</p>\n", figures(facts), _table(rows)]
    if gates:
        parts.append(
            "<section><h2>Gates</h2><p>A point for each unit: how much of the time its gate is above 0.9, "
            f"across, and below 0.1, upwards.</p>\n{drawing([gate_chart(gates)])}</section>\n"
        )
    if shown:
        levels = "".join(f'<li class="l{number}">{level.meaning}</li>' for number, level in enumerate(LEVELS))
        parts.append(f"<h2>Text under the cells</h2>\n<ul>{levels}</ul>\n")
    parts += [_text(row, picture) for row, picture in shown]
    return web_page(title, _STYLE, "".join(parts))


def _table(rows: Sequence[Row]) -> str:
    if not rows:
        return "<p>No cell follows any of the properties more closely than chance does.</p>\n"
    names = columns_of(rows)
    head = "".join(f"<th>{safe(name)}</th>" for name in names)
    body = "".join(_row(row, names) for row in rows)
    return f"<section><h2>Cells</h2>\n<table><tr>{head}</tr>{body}</table></section>\n"


def _row(row: Row, names: Sequence[str]) -> str:
    cells, is_weak = (
        cells_of(row),
        row["score"] <= max(row["surface_score"], row["untrained_score"], row["null_95"]),
    )
    shown = "".join(
        f"<td{' class=best' if name == 'score' and not is_weak else ''}>{safe(cells[name])}</td>"
        for name in names
    )
    return f"<tr{' class=weak' if is_weak else ''}>{shown}</tr>"


def _text(row: Row, picture: Picture) -> str:
    characters = "".join(
        _element(one, value, level_of(picture.scale.share(value))) for one, value in picture.characters
    )
    named = f"cell {place(row)}: {safe(row['property'])}, score {row['score']:.2f}"
    return f"<p>{named}</p>\n<pre>\n{characters}</pre>\n"


def _element(character: str, value: float, level: int | None) -> str:
    """A character, in an element of its own where the cell is away from its middle."""
    if level is None:
        return safe(character)
    return coloured(character, level, [f"{sign(character)}   {value:+.2f}"])
