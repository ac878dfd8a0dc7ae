"""A run that is killed, at any moment and again and again, ends as if nothing had happened."""

import math
import random
import signal
import sys
from pathlib import Path

import pytest
from forked import Fork, figures, start
from interruptions import fingerprints
from program import TEXT, charrnn
from task_rows import ALL_ARRAYS, ROWS, write_rows

from charrnn.runs.checkpoint import load
from charrnn.runs.folder import Run
from charrnn.runs.recovery import recover

pytestmark = [
    pytest.mark.usefixtures("in_empty_folder"),
    pytest.mark.skipif(sys.platform == "win32", reason="no fork there"),
]

SAVE_EVERY = 4
SIZES = ("--hidden", "16", "--batch-size", "4", "--sequence-length", "16", "--threads", "1")
SAVES = ("--save-every", str(SAVE_EVERY))
OPTIONS = (*SIZES, "--steps", "40", "--dropout", "0.2", "--quiet")
SLOW = {"saving": 0.0005, "training": 0.001}

Command = tuple[str, ...]
"""What begins a run, but for its name."""


def prepared(task: str) -> Command:
    """What begins a run of a task, whose data lie here; the run `whole` has done it."""
    if task == "language":
        command: Command = ("train", "text.txt", "--validation", "100", *OPTIONS)
        Path("text.txt").write_text(TEXT, encoding="utf-8")
    else:
        kind = ("--task", task, *ALL_ARRAYS.get(task, ()))
        command = ("train", "rows.tsv", *kind, "--validation", "16", *OPTIONS)
        write_rows(task, Path("rows.tsv"))
    assert charrnn(*command, "--run", "whole").code == 0
    return command


def command_for(run: str, begin: Command) -> list[str]:
    """Begin a run, or go on with it."""
    return ["train", "--resume", "--run", run] if Path(run).exists() else [*begin, "--run", run]


def killed(fork: Fork, choice: random.Random, *, in_a_write: bool) -> str | None:
    """Kill it at a random moment, or in a random write; what it was doing, None if it ended before."""
    if in_a_write:
        for _ in range(choice.randrange(1, 6)):
            if not fork.wait_for("saving"):
                break
            fork.wait(choice.random() * 0.008)
    else:
        fork.wait(choice.random() * 0.25)
    if fork.has_ended():
        return None
    fork.kill(signal.SIGKILL)
    return fork.watch.get()[0]


def kill_until_it_ends(run: str, begin: Command, choice: random.Random, most: int) -> list[tuple[str, int]]:
    """Kill a run and go on with it, until it ends by itself: of each kill the moment, and updates lost."""
    kills: list[tuple[str, int]] = []
    while True:
        before = recover(Run(Path(run))).checkpoint.progress.step if Path(run).exists() else 0
        fork = start(command_for(run, begin), SLOW)
        moment = killed(fork, choice, in_a_write=choice.random() < 0.4) if len(kills) < most else None
        code, shown = fork.end()
        if moment is None:
            assert code == 0, shown
            return kills
        if Path(run).exists():
            kept = recover(Run(Path(run))).checkpoint.progress.step
            kills.append((moment, before + fork.watch.get()[1] - kept))


def soak_kills(task: str, kills: int, seed: int) -> None:
    begin = (*prepared(task), *SAVES)
    choice, expected, runs = random.Random(seed), fingerprints(Path("whole")), 0
    done: list[tuple[str, int]] = []
    with figures(f"SIGKILL, {task}") as found:
        while len(done) < kills:
            runs += 1
            done += kill_until_it_ends(f"run-{runs}", begin, choice, min(8, kills - len(done)))
            assert fingerprints(Path(f"run-{runs}")) == expected
        lost = [updates for _, updates in done]
        found["kills"], found["in a write"] = len(done), sum(moment == "saving" for moment, _ in done)
        found["runs"], found["with the uninterrupted hash"] = runs, runs
        found["most updates lost"] = f"{max(lost)} (a save every {SAVE_EVERY})"
        assert max(lost) <= SAVE_EVERY + 1  # the update under way was counted, too


def test_a_run_that_was_killed_a_few_times() -> None:
    soak_kills("language", 4, seed=1)


@pytest.mark.slow
@pytest.mark.parametrize(("task", "kills"), [("language", 200), *((task, 50) for task in ROWS)])
def test_many_kills(task: str, kills: int) -> None:
    soak_kills(task, kills, seed=2)


def best(run: str) -> float:
    """The validation of a run's best weights; infinite before the first."""
    path = Path(run, "best.safetensors")
    nats = load(path).progress.validation_nats_per_character if path.exists() else None
    return math.inf if nats is None else nats


def soak_kills_between_saves(kills: int, seed: int) -> None:
    """With the default interval nothing but `best` is saved: all is done again, and no best gets worse."""
    begin = prepared("language")
    choice, expected, done, runs = random.Random(seed), fingerprints(Path("whole")), 0, 0
    with figures("SIGKILL between saves") as found:
        while done < kills:
            runs += 1
            run, most, kept = f"run-{runs}", min(8, kills - done), math.inf
            for _ in range(most):
                fork = start(command_for(run, begin), SLOW)
                died = killed(fork, choice, in_a_write=choice.random() < 0.4) is not None
                code, shown = fork.end()
                assert died or code == 0, shown
                assert best(run) <= kept
                kept, done = best(run), done + died
                if not died:
                    break
            resumed = charrnn(*command_for(run, begin))
            assert resumed.code == 0, resumed.err
            assert fingerprints(Path(run)) == expected
        found["kills"], found["runs"], found["with the uninterrupted hash"] = done, runs, runs


def test_a_run_that_was_killed_between_two_saves() -> None:
    soak_kills_between_saves(3, seed=3)


@pytest.mark.slow
def test_50_kills_between_saves() -> None:
    soak_kills_between_saves(50, seed=4)
