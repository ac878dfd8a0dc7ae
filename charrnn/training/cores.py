"""How many processor cores there are, and threads for an update. Knows nothing of torch."""

import os

from charrnn.config.settings import TrainSettings

SMALL = 2048
"""Below so many units a step, threads wait for one another longer than they work."""


def cores() -> int:
    """The processor cores this program may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def threads_for(settings: TrainSettings, units: int) -> int | None:
    """Threads for updates of so many units a step; on a clock the fastest number is found while it learns."""
    if units < SMALL:
        return 1
    if settings.machine.processes > 1:
        return max(1, cores() // settings.machine.processes)
    is_timed = settings.budget.max_time is not None and settings.machine.device == "cpu"
    return None if is_timed else cores()
