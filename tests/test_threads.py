"""The number of threads follows from how long updates take with each: on machines that the tests make up."""

from collections.abc import Callable
from pathlib import Path

import pytest
from program import TEXT, charrnn

from charrnn.commands import hints
from charrnn.config.declaration import build
from charrnn.config.settings import TrainSettings
from charrnn.training import threads
from charrnn.training.plan import Facts, choose
from charrnn.training.threads import LONGEST_WAIT, Threads, to_choose_from

Machine = Callable[[int, float], float]
"""Seconds that an update takes with so many threads at a time."""


def alone(now: float) -> float:
    return 1.0


def shares(
    machine: Machine, seconds: float, counts: list[int], core: Callable[[float], float] = alone
) -> dict[int, float]:
    """The share of the time that went to updates with each number of threads.

    Args:
        machine: how long updates take.
        seconds: how long all of them take.
        counts: to choose from.
        core: how much of a core each thread gets.
    """
    used: list[int] = []
    choice, now, spent = Threads(counts, used.append), 0.0, dict.fromkeys(counts, 0.0)
    while now < seconds:
        count = used[-1]
        assert choice.count == count
        took = machine(count, now)
        now += took
        spent[count] += took
        choice.took(took, count * core(now) * took)
    return {count: spent[count] / now for count in counts}


def quiet(count: int, now: float) -> float:
    return 0.02 / float(count**0.8)


def busy(count: int, now: float) -> float:
    """Threads that wait for one another beside other programs."""
    return 0.02 if count == 1 else 0.4 * count


def small(count: int, now: float) -> float:
    return 0.002 + 0.001 * count


@pytest.mark.parametrize(
    ("machine", "best"), [(quiet, 4), (busy, 1), (small, 1)], ids=["quiet", "busy", "small"]
)
def test_nearly_all_of_the_time_goes_to_the_fastest(machine: Machine, best: int) -> None:
    assert shares(machine, 120, [1, 2, 4])[best] > 0.9


def test_what_changes_is_followed() -> None:
    def changing(count: int, now: float) -> float:
        return busy(count, now) if 100 < now < 200 else quiet(count, now)

    used = shares(changing, 300, [1, 2])
    assert 0.3 < used[1] < 0.4, "while other programs run, and not long after"
    assert 0.6 < used[2] < 0.7


def test_no_more_threads_are_tried_where_one_does_not_get_a_core() -> None:
    assert shares(busy, 300, [1, 2, 4], lambda _: 0.4) == {1: 1.0, 2: 0.0, 4: 0.0}
    used = shares(quiet, 300, [1, 2], lambda now: 0.4 if now < 100 else 1.0)
    assert 0.3 < used[1] < 0.4, "while other programs run, and not long after"


def test_a_clock_that_does_not_tell_moments_stops_nothing() -> None:
    used: list[int] = []
    choice = Threads([1, 2], used.append)
    for number in range(1000):
        seconds = 0.015 * (number % 50 == 0)
        choice.took(seconds, seconds)
    assert used[:4] == [1, 2, 1, 2], "one is tried after the other for ever"
    assert len(used) < 100


def test_the_best_of_many_is_found_between_one_and_all() -> None:
    assert shares(lambda count, _: 0.1 / count + 0.01 * count, 120, [1, 2, 4, 8, 16])[4] > 0.85


def test_a_slow_update_costs_no_more_than_a_share() -> None:
    """A large network: each update takes a second, whatever is tried."""
    assert shares(lambda count, _: 1.0 + 0.1 * count, 3600, [1, 2])[1] > 0.93
    assert shares(lambda count, _: 0.01 + 0.001 * count, 20 * LONGEST_WAIT, [1, 2])[1] > 0.99


def test_a_number_that_is_set_is_kept() -> None:
    assert to_choose_from(3) == [3]
    used: list[int] = []
    choice = Threads([3], used.append)
    for _ in range(1000):
        choice.took(1.0, 3.0)
    assert used == [3]


def test_all_cores_are_halved_down_to_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threads, "cores", lambda: 12)
    assert to_choose_from(None) == [1, 3, 6, 12]


def test_only_a_run_on_a_clock_leaves_them_open() -> None:
    def chosen(**values: str | int) -> int | None:
        made = build(TrainSettings, {"device": "cpu", "hidden": 256} | values)
        return choose(made, FACTS).settings.machine.threads

    assert chosen(max_time="1m") is None
    assert chosen(max_time="1m", threads=2) == 2
    assert chosen(max_time="1m", hidden=8) == 1, "small updates are fastest on one"
    assert chosen(max_time="1m", device="cuda") is not None
    assert chosen(steps=100) == chosen(epochs=1) is not None


FACTS = Facts(training_symbols=1_000_000, records=0, symbols=65)


def test_more_threads_than_cores_are_remarked_upon(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hints, "cores", lambda: 1)
    monkeypatch.chdir(tmp_path)
    Path("text.txt").write_text(TEXT, encoding="utf-8")
    small = ("--hidden", "8", "--steps", "1", "--batch-size", "4", "--sequence-length", "16")
    said = charrnn("train", "text.txt", *small, "--threads", "2").err
    assert "--threads is 2, more than the processor cores here (1): each update waits" in said
    assert "processor cores here" not in charrnn("train", "text.txt", *small, "--threads", "1").err
