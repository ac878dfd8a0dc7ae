"""SIGINT and SIGTERM at any moment: saved, the right exit code, the terminal as it was, and soon."""

import random
import signal
import sys
import time
from pathlib import Path

import pytest
from forked import MOMENTS, figures, start
from program import TEXT

from charrnn.recovery import recover
from charrnn.run import Run

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="no fork there")

SIZES = ("--hidden", "16", "--batch-size", "4", "--sequence-length", "16", "--threads", "1")
TIMES = ("--steps", "600", "--validation", "2000", "--save-every", "9", "--sample-every", "11")
OPTIONS = (*SIZES, *TIMES)
SLOW = {"saving": 0.001}
CODES = {signal.SIGINT: 130, signal.SIGTERM: 143}
SHOWN, HIDDEN = b"\x1b[?25h", b"\x1b[?25l"


@pytest.fixture(autouse=True)
def _in_folder_with_text(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("text.txt").write_text(TEXT * 60, encoding="utf-8")


def stop(run: str, moment: str, number: signal.Signals, choice: random.Random) -> float:
    """Stop a run at a moment of that kind; the seconds it took to end."""
    fork = start(["train", "text.txt", "--run", run, *OPTIONS], SLOW)
    for _ in range(choice.randrange(1, 4) if moment != "encoding" else 1):
        if not fork.wait_for(moment):
            fork.kill(signal.SIGKILL)
            pytest.fail(f"it never came to {moment}: {fork.end()}")
        fork.wait(choice.random() * 0.02)
    began = time.monotonic()
    fork.kill(number)
    code, shown = fork.end()
    seconds = time.monotonic() - began
    assert code == CODES[number], (code, shown)
    assert shown.rfind(SHOWN) >= shown.rfind(HIDDEN), "the cursor is hidden"
    if Path(run).exists():
        found = recover(Run(Path(run)))
        assert found.path.name == "last.safetensors"
        step = found.checkpoint.progress.step
        assert step == 0 or f"saved at step {step:,}".encode() in shown
        assert step == 0 or f"go on with: charrnn train --resume --run {run}".encode() in shown
    else:
        assert moment in {"encoding", "saving"}, "it had not begun"
    assert not list(Path().glob("*.partial"))
    return seconds


def soak_signals(count: int, seed: int) -> None:
    choice, seconds = random.Random(seed), []
    with figures("signals") as found:
        for number in range(count):
            moment = sorted(MOMENTS)[number % len(MOMENTS)]
            which = choice.choice([signal.SIGINT, signal.SIGTERM])
            seconds.append(stop(f"run-{number}", moment, which, choice))
        found["signals"], found["worst delay"] = count, f"{max(seconds):.2f} s"
        assert max(seconds) < 2


def test_a_signal_in_each_kind_of_moment() -> None:
    soak_signals(5, seed=1)


@pytest.mark.slow
def test_100_signals() -> None:
    soak_signals(100, seed=2)


def test_a_second_signal_leaves_at_once() -> None:
    fork = start(["train", "text.txt", "--run", "run", *OPTIONS], {"saving": 0.5})
    assert fork.wait_for("saving")
    for _ in range(2):
        fork.kill(signal.SIGINT)
        time.sleep(0.05)
    began = time.monotonic()
    code, shown = fork.end()
    assert code == 130
    assert time.monotonic() - began < 5, "a whole write takes longer"
    assert shown.rfind(SHOWN) >= shown.rfind(HIDDEN)
