"""Losses and times as people read them."""

import math

from charrnn.runs.checkpoint_facts import NATS, Figure


def bits(nats: float | None) -> str:
    """Nats as bits, to three places; a dash where there is no figure."""
    return "–" if nats is None else f"{nats / math.log(2):.3f}"


def bits_of(figure: Figure | None) -> float | None:
    """A figure in bits per character; None where there is none, or it counts something else."""
    return figure.value / math.log(2) if figure and figure.name == NATS else None


def figure_json(figure: Figure | None) -> dict[str, str | float] | None:
    """A figure by name: nats per character as bits."""
    if figure is None:
        return None
    in_bits = bits_of(figure)
    if in_bits is not None:
        return {"name": "bits_per_character", "value": in_bits}
    return {"name": figure.name, "value": figure.value}


def in_short(figure: Figure) -> str:
    """A figure with what it counts, in a few words."""
    if figure.name == NATS:
        return bits(figure.value)
    return f"{figure.name.replace('_', ' ')} {figure.value:.3f}"


def in_full(figure: Figure) -> str:
    """A figure; a loss in both units."""
    return both(figure.value) if figure.name == NATS else in_short(figure)


def training_loss(nats: float, unit: str) -> str:
    """What is learnt from costs so much: a loss per character in both units, else of each answer."""
    return both(nats) if unit == NATS else f"{nats:.3f} nats"


def both(nats: float) -> str:
    """A loss in both units."""
    return f"{bits(nats)} bits/char ({nats:.3f} nats)"


def clock(seconds: float) -> str:
    """Seconds as 0:07, 12:34 or 1:02:03."""
    whole = round(min(seconds, 10**9))
    hours, rest = divmod(whole, 3600)
    return f"{hours}:{rest // 60:02}:{rest % 60:02}" if hours else f"{rest // 60}:{rest % 60:02}"
