"""How many updates per second a trainer makes on this machine, measured on a few."""

import time

from charrnn.training.trainer import Trainer

PACE_UPDATES, PACE_SECONDS = 4, 1.0
"""So many updates are timed at most, or for so long."""

PACE_TOGETHER = 8
"""So many are timed together where the device makes them by itself."""


def updates_per_second(trainer: Trainer) -> float:
    """The pace of the fastest; the first only warm up, if there is time for more."""
    advance, seconds = trainer.advance(), list[float]()
    together = 1 if trainer.make_fast is None else PACE_TOGETHER
    while len(seconds) < PACE_UPDATES and sum(seconds) < PACE_SECONDS:
        began = time.perf_counter()
        for _ in range(together):
            advance(0.5)
        trainer.read()
        seconds.append(time.perf_counter() - began)
    return together / min(seconds[1:] or seconds)
