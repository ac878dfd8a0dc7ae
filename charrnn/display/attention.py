"""What a target's symbols looked at, drawn with characters. Knows nothing of models."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from rich.cells import cell_len

from charrnn.display.sanitizer import visible

SHADES = " ░▒▓█"
"""From nothing to all."""

_END = {"<end>": "⏎"}


def drawn(source: Sequence[str], target: Sequence[str], shares: NDArray[np.floating]) -> str:
    """A row for each symbol of the target, a column for each of the source, the darker the more.

    Args:
        source: its symbols.
        target: its symbols.
        shares: (target, source), from 0 to 1.
    """
    above, aside = names(source), names(target)
    wide = [max(2, cell_len(symbol)) for symbol in above]
    margin = max(map(cell_len, aside), default=0)
    rows = [
        "".join(
            [
                " " * margin,
                *(_padded(f" {symbol}", width + 1) for symbol, width in zip(above, wide, strict=True)),
            ]
        )
    ]
    for symbol, row in zip(aside, shares, strict=True):
        marks = (SHADES[min(4, round(4 * float(share)))] for share in row)
        cells = (
            _padded(f" {mark * (width - 1)}", width + 1) for mark, width in zip(marks, wide, strict=True)
        )
        rows.append("".join([_padded(symbol, margin), *cells]))
    return "".join(f"  {row.rstrip()}\n" for row in rows)


def names(symbols: Sequence[str]) -> list[str]:
    """Symbols as they are shown."""
    return [visible(_END.get(symbol, symbol)) for symbol in symbols]


def _padded(text: str, width: int) -> str:
    return text + " " * (width - cell_len(text))
