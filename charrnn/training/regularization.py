"""Dropout and weight decay where they are not set: the more easily a text is overfitted, the more of them.

Knows nothing of plans or text.
"""

import math


def dropout(load: float, *, lines: bool) -> float:
    """None up to a load of 20 or so, a quarter at 50, a half from 150 on (LOG.md); of lines half of that."""
    share = min(0.5, 0.15 * math.log2(max(1.0, load / 15)))
    return round(share / 2 if lines else share, 2) if share >= 0.1 else 0.0


def weight_decay(load: float, *, lines: bool) -> float:
    """Of Muon's matrices and the rest: 0.06, and from a load of 1.5 to one of 6 up to 0.1 (LOG.md).

    Of lines always 0.06.
    """
    growth = 0.0 if lines else 0.02 * math.log2(max(1.0, load / 1.5))
    return round(min(0.1, 0.06 + growth), 3)


def weight_dropout(load: float, *, lines: bool) -> float:
    """Of the recurrent weights: none up to a load of 20, 0.3 from one of 100 on (LOG.md); of lines none."""
    share = 0.0 if lines else min(0.3, 0.13 * math.log2(max(1.0, load / 20)))
    return round(share, 2) if share >= 0.05 else 0.0
