"""The number of CPU threads of a run with `--max-time`: the fastest at the moment.

Threads that share an update wait for each other in a spin loop, many hundred times per update. If another
program occupies one of the cores, all threads wait for the one that was displaced: beside two busy programs,
an update on two threads takes a hundred times as long as on one (LOG.md). This cannot be known in advance, so
it is measured repeatedly. Training sets the number of threads only here. Knows nothing of networks.
"""

from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager

import torch

from charrnn.training.cores import cores

TRIAL_UPDATES, TRIAL_SECONDS, LONGEST_TRIAL = 3, 0.1, 20
"""A number of threads is tried for so many updates and so long, but for no more updates than the last; one
more, before these, only warms up."""

FASTER, SLOWER = 0.95, 1.5
"""Another number of threads is taken where its updates take this share of the time or less, and looked for
at once where they come to take so many times as long as before."""

TRIAL_SHARE = 0.05
"""Of the time, that trials take at most."""

FIRST_WAIT, LONGEST_WAIT = 4.0, 60.0
"""Seconds until the next trial: they double whenever what was tried was not faster."""

FREE = 0.8
"""Where one thread gets less of a core than this, other programs wait for the cores too, and no more threads
are tried: a single update on two takes seconds there."""


def is_crowded(seconds: float, processor_seconds: float) -> bool:
    """Whether other programs kept what took so long from a core, of whose time it got so much."""
    return processor_seconds < FREE * seconds


def to_choose_from(threads: int | None) -> list[int]:
    """The numbers of threads, rising: the one that is set, or one core, a few, half of them, all."""
    found = [threads or cores()]
    while threads is None and found[-1] > 1:
        found.append(found[-1] // 2)
    return found[::-1]


def use(count: int) -> None:
    """Compute with so many threads from here on."""
    torch.set_num_threads(count)


@contextmanager
def thread_count_kept() -> Iterator[None]:
    """Compute with as many threads afterwards as before, whatever is set meanwhile."""
    count = torch.get_num_threads()
    try:
        yield
    finally:
        use(count)


class Threads:
    """Chooses anew, update after update, the number of threads; it begins with the smallest.

    Args:
        counts: to choose from, rising.
        use: sets the number.
    """

    def __init__(self, counts: Sequence[int], use: Callable[[int], None] = use) -> None:
        self.counts, self._use = counts, use
        self._mean = self._processor_mean = 0.0
        self._choosing = self._choose()
        self.count = next(self._choosing)
        use(self.count)

    def took(self, seconds: float, processor_seconds: float) -> None:
        """Say how long an update took, and how much of the processor; the next has `count` threads."""
        self._mean += (seconds - self._mean) / 8
        self._processor_mean += (processor_seconds - self._processor_mean) / 8
        count = self._choosing.send(seconds)
        if count != self.count:
            self.count = count
            self._use(count)

    def _choose(self) -> Generator[int, float, None]:
        """The number for each update; is sent the seconds that it took."""
        while len(self.counts) == 1:
            yield self.counts[0]
        place, wait, least = 0, 0.0, 0.0
        pace, _ = yield from self._tried(self.counts[0], float("inf"))
        while True:
            pace = yield from self._kept(self.counts[place], pace, wait, least)
            before, spent = place, 0.0
            for other in (before + 1, before - 1):
                may_be = other < before or not is_crowded(self._mean, self._processor_mean)
                if 0 <= other < len(self.counts) and place == before and may_be:
                    found, seconds = yield from self._tried(self.counts[other], pace)
                    spent += seconds
                    if found < FASTER * pace:
                        place, pace = other, found
            if place == before:
                wait = max(FIRST_WAIT, min(2 * wait, LONGEST_WAIT)) if spent else FIRST_WAIT
            else:
                wait = 0.0 if place > before else FIRST_WAIT
            least = spent / TRIAL_SHARE if place <= before else 0.0

    def _tried(self, count: int, to_beat: float) -> Generator[int, float, tuple[float, float]]:
        """Seconds of an update with so many threads, and of the trial; it is broken off where it is lost."""
        spent, measured = (yield count), list[float]()
        while len(measured) < TRIAL_UPDATES or (
            sum(measured) < TRIAL_SECONDS and len(measured) < LONGEST_TRIAL
        ):
            measured.append((yield count))
            if measured[-1] > 2 * to_beat:
                break
        return sum(measured) / len(measured), spent + sum(measured)

    def _kept(self, count: int, pace: float, wait: float, least: float) -> Generator[int, float, float]:
        """Seconds of an update at the end of a wait; after `least` it ends where it slows down."""
        mean, waited = pace, 0.0
        while waited < least or (waited < wait and mean <= SLOWER * pace):
            seconds = yield count
            waited += seconds
            mean += (seconds - mean) / 8
        return mean
