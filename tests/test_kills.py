"""A run that is killed, at any moment and again and again, ends as if nothing had happened."""

import random
import signal
import sys
from pathlib import Path

import pytest
from forked import Fork, figures, start
from interruptions import fingerprints
from program import TEXT, charrnn

from charrnn.recovery import recover
from charrnn.run import Run

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="no fork there")

SAVE_EVERY = 4
SIZES = ("--hidden", "16", "--batch-size", "4", "--sequence-length", "16", "--threads", "1")
TIMES = ("--steps", "40", "--validation", "100", "--save-every", str(SAVE_EVERY))
OPTIONS = (*SIZES, *TIMES, "--dropout", "0.2", "--quiet")
SLOW = {"saving": 0.0005, "training": 0.001}


@pytest.fixture(autouse=True)
def _in_folder_with_text(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("text.txt").write_text(TEXT, encoding="utf-8")
    assert charrnn("train", "text.txt", "--run", "whole", *OPTIONS).code == 0


def go(run: str) -> Fork:
    """Begin a run, or go on with it."""
    exists = Path(run).exists()
    command = ["train", "--resume", "--run", run] if exists else ["train", "text.txt", "--run", run, *OPTIONS]
    return start(command, SLOW)


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


def kill_until_it_ends(run: str, choice: random.Random, most: int) -> list[tuple[str, int]]:
    """Kill a run and go on with it, until it ends by itself: of each kill the moment, and updates lost."""
    kills: list[tuple[str, int]] = []
    while True:
        before = recover(Run(Path(run))).checkpoint.progress.step if Path(run).exists() else 0
        fork = go(run)
        moment = killed(fork, choice, in_a_write=choice.random() < 0.4) if len(kills) < most else None
        code, shown = fork.end()
        if moment is None:
            assert code == 0, shown
            return kills
        if Path(run).exists():
            kept = recover(Run(Path(run))).checkpoint.progress.step
            kills.append((moment, before + fork.watch.get()[1] - kept))


def soak_kills(kills: int, seed: int) -> None:
    choice, expected, runs = random.Random(seed), fingerprints(Path("whole")), 0
    done: list[tuple[str, int]] = []
    with figures("SIGKILL") as found:
        while len(done) < kills:
            runs += 1
            done += kill_until_it_ends(f"run-{runs}", choice, min(8, kills - len(done)))
            assert fingerprints(Path(f"run-{runs}")) == expected
        lost = [updates for _, updates in done]
        found["kills"], found["in a write"] = len(done), sum(moment == "saving" for moment, _ in done)
        found["runs"], found["with the uninterrupted hash"] = runs, runs
        found["most updates lost"] = f"{max(lost)} (a save every {SAVE_EVERY})"
        assert max(lost) <= SAVE_EVERY + 1  # the update under way was counted, too


def test_a_run_that_was_killed_a_few_times() -> None:
    soak_kills(4, seed=1)


@pytest.mark.slow
def test_200_kills() -> None:
    soak_kills(200, seed=2)
