"""Default dropout and weight decay: stronger if the model is more likely to overfit the text.

The load is how often the run reads the text, times the parameters for each of its symbols. Knows nothing of
plans or text.
"""

import math

MOST_LOAD, OF_SYMBOLS = 40, 1_000_000
"""The load that a text of so many symbols or more bears; a shorter one bears more (LOG.md)."""

OF_A_TASK = {"classify": 0.4}
"""Dropout where what is learnt from is one label a text: far less than symbols tell (LOG.md)."""


def most_load(symbols: int, *, lines: bool) -> float:
    """The load from which on more updates do not make the model better, whatever the regularisation.

    Args:
        symbols: of the text.
        lines: whether it is lines, of which no bound is known.
    """
    return math.inf if lines else MOST_LOAD * max(1.0, OF_SYMBOLS / symbols) ** 1.5


def dropout(load: float, *, lines: bool) -> float:
    """Of the outputs of layers: none up to a load of 14, 0.2 at 50, 0.46 from 350 (LOG.md).

    Of lines, which have no weight dropout, none up to 23, and a quarter at most.
    """
    if lines:
        share = min(0.25, 0.075 * math.log2(max(1.0, load / 15)))
    else:
        share = min(0.46, 0.09 * math.log2(max(1.0, load / 10)))
    return round(share, 2) if share >= 0.05 else 0.0


def weight_dropout(load: float, *, lines: bool) -> float:
    """Of the recurrent weights: none up to a load of 28, 0.13 at 50, 0.41 from 350 (LOG.md); of lines none.

    It does what dropout cannot: with it more updates do not make the validation loss rise again.
    """
    share = 0.0 if lines else min(0.41, 0.1 * math.log2(max(1.0, load / 20)))
    return round(share, 2) if share >= 0.05 else 0.0


def weight_decay(load: float, *, lines: bool) -> float:
    """Of Muon's matrices and the rest: 0.06, and from a load of 1.5 to one of 6 up to 0.1 (LOG.md).

    Of lines always 0.06.
    """
    growth = 0.0 if lines else 0.02 * math.log2(max(1.0, load / 1.5))
    return round(min(0.1, 0.06 + growth), 3)
