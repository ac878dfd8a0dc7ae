"""Losses and times as people read them."""

import math


def bits(nats: float | None) -> str:
    """Nats as bits, to three places; a dash where there is no figure."""
    return "–" if nats is None else f"{nats / math.log(2):.3f}"


def both(nats: float) -> str:
    """A loss in both units."""
    return f"{bits(nats)} bits/char ({nats:.3f} nats)"


def clock(seconds: float) -> str:
    """Seconds as 0:07, 12:34 or 1:02:03."""
    whole = round(min(seconds, 10**9))
    hours, rest = divmod(whole, 3600)
    return f"{hours}:{rest // 60:02}:{rest % 60:02}" if hours else f"{rest // 60}:{rest % 60:02}"
