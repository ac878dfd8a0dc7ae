"""The progress of a run, and the learning rate at each point. Knows nothing of models or text."""

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from charrnn import STARTED

WARM_UP = 0.02
"""Share of the run in which the learning rate rises."""

RESERVE_SHARE = 0.1
"""Of the time from the first update on, no more is kept back for what follows the last one."""

EXIT_SECONDS, EXIT_SHARE, LONGEST_EXIT = 0.35, 0.15, 2.0
"""What the interpreter needs to end after the last save: so long, or this share of what its start took, where
other programs make it slow; the start may have read a long text, which says nothing about the end."""

GRACE, LEAST_GRACE = 0.02, 0.5
"""Share of its deadline, or so many seconds, by which a last validation may be late."""


def rate(progress: float) -> float:
    """The learning rate as a share of the highest: rises over `WARM_UP`, then falls in a line to zero.

    Args:
        progress: share of the run that is done, from 0 to 1.
    """
    return min((progress + WARM_UP / 50) / WARM_UP, 1.0, max(0.0, (1 - progress) / (1 - WARM_UP)))


@dataclass
class RunClock:
    """Tells the seconds that a run has taken.

    Attributes:
        before_seconds: what it took before it was stopped and resumed.
        started: when it began, or was resumed, on the monotonic clock: with its program, if not said.
    """

    before_seconds: float = 0.0
    started: float = STARTED

    def __call__(self) -> float:
        """The seconds now."""
        return self.before_seconds + time.monotonic() - self.started


@dataclass
class Budget:
    """What bounds a run: a number of updates, a time, or both, whichever is reached first.

    Attributes:
        steps: updates, or None.
        deadline: when the program should have ended, in seconds on the clock, or None.
        clock: tells the seconds.
        reserve_seconds: kept back from the deadline for what follows the last update.
        added_seconds: what of the deadline was added for reading the text.
        started: when the updates began; set by the first `start`, negative before.
    """

    steps: int | None
    deadline: float | None
    clock: Callable[[], float] = field(default_factory=RunClock)
    reserve_seconds: float = 0.0
    added_seconds: float = 0.0
    started: float = field(default=-1.0, init=False)

    @property
    def seconds_left(self) -> float:
        """Until the program should have ended; endless without a deadline."""
        return math.inf if self.deadline is None else self.deadline - self.clock()

    @property
    def seconds_in_all(self) -> float:
        """From the first update to the deadline; endless without one."""
        if self.deadline is None:
            return math.inf
        return self.deadline - self._start

    @property
    def _start(self) -> float:
        """When the updates began; now, where they have not."""
        return self.started if self.started >= 0 else self.clock()

    def keep_back(self, seconds: float) -> None:
        """Leave so much time for what follows the last update, and what the interpreter needs to end."""
        if self.deadline is None:
            return
        ending = min(LONGEST_EXIT, max(EXIT_SECONDS, EXIT_SHARE * self._start))
        self.reserve_seconds = min(seconds + ending, max(EXIT_SECONDS, RESERVE_SHARE * self.seconds_in_all))

    def is_overdue(self) -> bool:
        """Whether the deadline is past by more than may be: whatever can be left out then is."""
        return self.deadline is not None and self.seconds_left < -max(LEAST_GRACE, GRACE * self.deadline)

    def start(self) -> None:
        """Say that the updates begin now: the schedule's time counts from the first of these."""
        if self.started < 0:
            self.started = self.clock()

    def numbers(self) -> dict[str, float]:
        """What a run goes on with."""
        return {"started": self.started, "added_seconds": self.added_seconds}

    def restore(self, numbers: Mapping[str, float]) -> None:
        """Go on from what `numbers` gave."""
        self.started = float(numbers["started"])

    def progress(self, step: int) -> float:
        """The share of the run that is done after `step` updates, from 0 to 1."""
        by_steps = step / self.steps if self.steps else 0.0
        return min(1.0, max(by_steps, self._progress_by_time()))

    def _progress_by_time(self) -> float:
        if self.deadline is None:
            return 0.0
        total = self.deadline - self.reserve_seconds - self.started
        return (self.clock() - self.started) / total if total > 0 else 1.0


@dataclass
class Interval:
    """Something that is done again and again: every so many steps, or every so many seconds.

    Attributes:
        steps: between two times, or None.
        seconds: between two times, or None.
        clock: tells the seconds.
    """

    steps: int | None
    seconds: float | None
    clock: Callable[[], float] = time.monotonic
    last: float = field(default=0.0, init=False)

    def __post_init__(self) -> None:
        self.restart()

    def hasten(self, seconds: float) -> None:
        """Let the first time come in so many seconds, if it is told by the clock and would come later."""
        if self.seconds is not None:
            self.last -= max(0.0, self.seconds - seconds)

    def is_due(self, step: int) -> bool:
        """Whether it is time, after `step` updates."""
        if self.steps is not None:
            return step % self.steps == 0
        return self.seconds is not None and self.clock() - self.last >= self.seconds

    def restart(self) -> None:
        """Let the next wait begin."""
        self.last = self.clock()
