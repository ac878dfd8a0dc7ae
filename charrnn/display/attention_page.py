"""What the symbols of targets looked at, as a page that stands alone. Knows nothing of models."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from charrnn.display.attention import names
from charrnn.display.web_page import Style, figures, safe, web_page

PAGE_CELLS = 100_000
"""A page of more would be slow to open."""

LEVELS = 8
"""Colours, from a share that can just be seen to all."""


def _blend(none: str, whole: str, share: float) -> str:
    """A colour between two, each given as RRGGBB."""
    low, high = (np.array(list(bytes.fromhex(colour))) for colour in (none, whole))
    return "#" + bytes(np.rint(low + share * (high - low)).astype(np.uint8)).hex()


_SHARES = [(level + 1) / LEVELS for level in range(LEVELS)]
COLOURS = [(_blend("ffffff", "6fa8f5", share), _blend("1e2025", "2a62ab", share)) for share in _SHARES]
_STYLE = Style(
    COLOURS,
    """section{overflow-x:auto;margin:0 0 1.5rem;padding:1.25rem 1.5rem;border-radius:.6rem;
background:var(--card);border:1px solid var(--line)}
section p{font-size:1rem;color:var(--ink);overflow-wrap:anywhere}
table{border-collapse:separate;border-spacing:2px;margin:.75rem 0 0}
th{font-weight:500;padding:0 .35rem;white-space:pre}
td{min-width:1.5rem;height:1.5rem;border-radius:.2rem}
td:hover{outline:2px solid}
td:hover::after{content:attr(data-note);position:fixed;right:1.5rem;bottom:1.5rem;padding:.8rem 1.1rem;
border-radius:.6rem;color:var(--ink);background:var(--card);border:1px solid var(--soft)}
""",
)


class AttentionPage:
    """A page of as many pairs as fit."""

    def __init__(self) -> None:
        self._elements: list[str] = []
        self._pairs = self._cells = 0

    def add(
        self,
        pair: tuple[str, str],
        source: Sequence[str],
        target: Sequence[str],
        shares: NDArray[np.floating] | None,
    ) -> None:
        """Show a pair too, if there is room.

        Args:
            pair: source and target, as people read them.
            source: its symbols.
            target: its symbols.
            shares: (target, source), from 0 to 1; None where nothing was looked at, such as in a memory.
        """
        self._pairs += 1
        self._cells += 1 if shares is None else shares.size
        if self._cells <= PAGE_CELLS:
            table = "" if shares is None else _table(names(source), names(target), shares)
            self._elements.append(f"<section><p>{safe(pair[0])} → {safe(pair[1])}</p>\n{table}</section>\n")

    def document(self, rows: Sequence[tuple[str, str]]) -> str:
        """The page.

        Args:
            rows: names and values at its top.
        """
        shown = len(self._elements)
        extent = f"All {shown:,}" if shown == self._pairs else f"{shown:,} of {self._pairs:,}"
        legend = "".join(f'<li class="l{level}">{share:.0%}</li>' for level, share in enumerate(_SHARES))
        return web_page(
            "What each symbol looked at",
            _STYLE,
            "<p>A row for each symbol of the target, a column for each of the source: the more a symbol was "
            "looked at, the stronger the colour. Point at a cell to see its share.</p>\n"
            f"{figures(rows)}<ul>{legend}</ul>\n{''.join(self._elements)}<p>{extent} pairs are shown.</p>\n",
        )


def _table(source: Sequence[str], target: Sequence[str], shares: NDArray[np.floating]) -> str:
    above = "".join(f'<th scope="col">{safe(symbol)}</th>' for symbol in source)
    rows = (
        f'<tr><th scope="row">{safe(symbol)}</th>'
        + "".join(_cell(symbol, other, float(share)) for other, share in zip(source, row, strict=True))
        + "</tr>\n"
        for symbol, row in zip(target, shares, strict=True)
    )
    return f"<table><tr><td></td>{above}</tr>\n{''.join(rows)}</table>\n"


def _cell(symbol: str, other: str, share: float) -> str:
    """What a symbol looked at; of what it hardly looked at, nothing."""
    level = round(share * LEVELS)
    if not level:
        return "<td></td>"
    return (
        f'<td class="l{min(level, LEVELS) - 1}" data-note="{safe(f"{symbol} ← {other}   {share:.0%}")}"></td>'
    )
