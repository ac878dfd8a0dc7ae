"""How far along a run is, the learning rate there, and what is due: all on a clock that the test moves."""

import math
import time
from dataclasses import dataclass

import numpy as np
import pytest

from charrnn import STARTED
from charrnn.training.schedule import LONGEST_EXIT, WARM_UP, Budget, Interval, RunClock, rate


@dataclass
class Clock:
    """Tells the seconds that it is told."""

    seconds: float = 0.0

    def __call__(self) -> float:
        return self.seconds


def test_the_rate_rises_then_falls_to_zero() -> None:
    progress = np.linspace(0, 1, 10_001)
    rates = np.array([rate(share) for share in progress])
    top = int(rates.argmax())
    assert (np.diff(rates[: top + 1]) >= 0).all()
    assert (np.diff(rates[top:]) <= 0).all()
    assert progress[top] <= WARM_UP
    assert rates[top] == pytest.approx(1)
    assert rates.max() <= 1
    assert 0 < rates[0] < 0.05
    assert rates[-1] == 0
    assert (rates[:-1] > 0).all()


def test_the_rate_falls_in_a_line() -> None:
    assert rate((1 + WARM_UP) / 2) == pytest.approx(0.5)


def test_the_rate_beyond_the_end_is_zero() -> None:
    assert rate(1.5) == 0


def test_steps_bound_a_run() -> None:
    budget = Budget(8, None)
    budget.start()
    assert [budget.progress(step) for step in (0, 2, 8, 9)] == [0, 0.25, 1, 1]


def test_a_deadline_bounds_a_run_from_where_its_updates_begin() -> None:
    clock = Clock(100)
    budget = Budget(None, 130, clock)
    clock.seconds = 110
    budget.start()
    found = []
    for clock.seconds in (110, 115, 130, 131):
        found.append(budget.progress(10**9))
    assert found == [0, 0.25, 1, 1]


def test_what_is_kept_in_reserve_ends_a_run_earlier() -> None:
    clock = Clock(10)
    budget = Budget(None, 30, clock)
    budget.reserve_seconds = 10
    budget.start()
    clock.seconds = 15
    assert budget.progress(0) == 0.5
    clock.seconds = 20
    assert budget.progress(0) == 1


def test_of_two_bounds_the_first_one_reached_counts() -> None:
    clock = Clock()
    budget = Budget(10, 100, clock)
    budget.start()
    clock.seconds = 20
    assert budget.progress(1) == 0.2
    assert budget.progress(5) == 0.5
    assert budget.progress(10) == 1
    clock.seconds = 100
    assert budget.progress(1) == 1


def test_a_deadline_that_is_past_leaves_no_update() -> None:
    budget = Budget(None, 5, Clock(7))
    budget.start()
    assert budget.progress(0) == 1


def test_a_run_is_overdue_when_it_is_past_its_deadline_by_a_share_of_it_or_half_a_second() -> None:
    for deadline, grace in ((10, 0.5), (100, 2)):
        clock = Clock()
        budget = Budget(None, deadline, clock)
        for clock.seconds, overdue in ((0, False), (deadline + grace, False), (deadline + grace + 0.1, True)):
            assert budget.seconds_left == deadline - clock.seconds
            assert budget.is_overdue() == overdue


def test_without_a_deadline_there_is_time_for_ever() -> None:
    budget = Budget(5, None, Clock(10**9))
    assert budget.seconds_left == math.inf
    assert not budget.is_overdue()


def test_an_interval_in_steps_never_looks_at_the_clock() -> None:
    clock = Clock()
    interval = Interval(3, None, clock)
    clock.seconds = 1e9
    assert [step for step in range(1, 10) if interval.is_due(step)] == [3, 6, 9]


def test_an_interval_on_the_clock_waits_anew_each_time() -> None:
    clock = Clock(50)
    interval = Interval(None, 10, clock)
    found = []
    for clock.seconds in (50, 59, 60, 61, 69, 75, 80, 85):
        assert interval.is_due(1) is interval.is_due(1), "to ask changes nothing"
        if interval.is_due(1):
            interval.restart()
            found.append(clock.seconds)
    assert found == [60, 75, 85]


def test_an_interval_of_nothing_is_never_due() -> None:
    clock = Clock()
    interval = Interval(None, None, clock)
    clock.seconds = 1e9
    assert not interval.is_due(1)


@pytest.mark.parametrize(("hastened", "first"), [(4, 4), (10, 10), (15, 10)])
def test_an_interval_is_hastened_to_its_first_time_alone(hastened: float, first: float) -> None:
    clock = Clock()
    interval = Interval(None, 10, clock)
    interval.hasten(hastened)
    found = []
    for clock.seconds in range(40):
        if interval.is_due(1):
            interval.restart()
            found.append(clock.seconds)
    assert found == [first, first + 10, first + 20] + ([34] if first == 4 else [])


def test_a_schedule_begins_once_and_goes_on_where_it_began() -> None:
    clock = Clock(0)
    budget = Budget(None, 100, clock, added_seconds=3.0)
    budget.start()
    clock.seconds = 50
    budget.start()
    assert budget.progress(0) == 0.5
    assert budget.numbers() == {"started": 0, "added_seconds": 3.0}
    resumed = Budget(None, 100, clock)
    resumed.restore(budget.numbers())
    resumed.start()
    assert resumed.progress(0) == 0.5


def test_the_clock_of_a_run_counts_what_it_took_before(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "monotonic", lambda: 1000.0)
    assert RunClock(30.0, 990.0)() == 40.0
    assert RunClock()() == 1000.0 - STARTED


def test_a_slow_start_is_followed_by_a_slow_end_also_before_the_first_update() -> None:
    clock = Clock(14.0)
    budget = Budget(None, 120.0, clock)
    budget.keep_back(0.0)
    before = budget.reserve_seconds
    budget.start()
    budget.keep_back(0.0)
    assert budget.reserve_seconds == before == LONGEST_EXIT
