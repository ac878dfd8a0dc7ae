"""How training was started, from the command line or from Python, and where progress is shown."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rich.console import Console

from charrnn import STARTED
from charrnn.display.live import make_display
from charrnn.runs.report import Display
from charrnn.runs.signals import Stops

if TYPE_CHECKING:
    from charrnn.training.distributed import World


@dataclass(frozen=True)
class Caller:
    """Who asks for training: a person at the command line, or a program.

    Attributes:
        stops: say when it is to stop.
        display: is told how it goes; None for what fits standard error.
        started: since when the run's time counts, on the monotonic clock.
        world: the processes that train together, which this one leads; None for this one alone.
    """

    stops: Stops
    display: Display | None = None
    started: float = STARTED
    world: "World | None" = None


@contextmanager
def shown(caller: Caller, *, quiet: bool) -> Iterator[Display]:
    """A display; a terminal is left as it was, whenever a signal comes."""
    display = caller.display or make_display(Console(stderr=True, highlight=False), quiet=quiet)
    try:
        with caller.stops.shield():
            display.__enter__()
        yield display
    finally:
        with caller.stops.shield():
            display.__exit__(None, None, None)
