"""Signals at any moment: saved, the right exit code, the terminal as it was, and soon; never a traceback."""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from forked import MOMENTS, Fork, figures, start
from interruptions import at_call_do, fingerprints
from program import SMALL, TEXT, charrnn

from charrnn.runs.folder import Run
from charrnn.runs.recovery import recover
from charrnn.runs.signals import SIGNALS

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="no fork there")

SIZES = ("--hidden", "16", "--batch-size", "4", "--sequence-length", "16", "--threads", "1")
TIMES = ("--steps", "600", "--validation", "2000", "--save-every", "9", "--sample-every", "11")
OPTIONS = (*SIZES, *TIMES)
SLOW = {"saving": 0.001}
CODES = {number: 128 + number for number in SIGNALS}
SHOWN, HIDDEN = b"\x1b[?25h", b"\x1b[?25l"


@pytest.fixture(autouse=True)
def _in_folder_with_text(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("text.txt").write_text(TEXT * 60, encoding="utf-8")


def saved_step(run: str) -> int:
    found = recover(Run(Path(run)))
    assert found.path.name == "last.safetensors"
    return found.checkpoint.progress.step


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
        step = saved_step(run)
        assert step == 0 or f"saved at step {step:,}".encode() in shown
        assert step == 0 or f"go on with: charrnn train --resume --run {run}".encode() in shown
    else:
        assert moment in {"encoding", "saving"}, "it had not begun"
    assert not list(Path().glob("*.partial"))
    return seconds


def soak_signals(count: int, seed: int) -> float:
    """Stop runs at all kinds of moments; the most seconds that one took to end."""
    choice, seconds = random.Random(seed), []
    with figures("signals") as found:
        for number in range(count):
            moment = sorted(MOMENTS)[number % len(MOMENTS)]
            which = choice.choice([signal.SIGINT, signal.SIGTERM, *SIGNALS])
            seconds.append(stop(f"run-{number}", moment, which, choice))
        found["signals"], found["worst delay"] = count, f"{max(seconds):.2f} s"
    return max(seconds)


def test_a_signal_in_each_kind_of_moment() -> None:
    soak_signals(5, seed=1)


@pytest.mark.slow
def test_100_signals() -> None:
    assert soak_signals(100, seed=2) < 2


def test_a_second_signal_leaves_at_once() -> None:
    fork = start(["train", "text.txt", "--run", "run", *OPTIONS], {"saving": 60.0})
    assert fork.wait_for("saving")
    began = time.monotonic()
    while not fork.has_ended():  # two that come before the first is heard are one
        fork.kill(signal.SIGINT)
        fork.wait(0.2)
    code, shown = fork.end()
    assert code == 130
    assert time.monotonic() - began < 60, "not even a piece of a write takes less"
    assert shown.rfind(SHOWN) >= shown.rfind(HIDDEN)


def test_a_terminal_that_is_closed_sends_more_than_one_signal_and_the_save_is_whole() -> None:
    fork = start(["train", "text.txt", "--run", "run", *OPTIONS], {"saving": 0.002})
    assert fork.wait_for("training")
    fork.wait(0.1)
    for number in (signal.SIGHUP, signal.SIGHUP, signal.SIGTERM):
        fork.kill(number)
        time.sleep(0.01)
    code, shown = fork.end()
    assert code == 129
    assert f"saved at step {saved_step('run'):,}".encode() in shown


def hang_up(run: str, choice: random.Random) -> int:
    """Close the terminal of a run at some moment; the updates that were made and are not saved."""
    fork = start(["train", "text.txt", "--run", run, *OPTIONS, "--save-every", "1h"], SLOW)
    assert fork.wait_for("training")
    fork.wait(choice.random() * 0.2)
    fork.hang_up()
    code, _ = fork.end()
    assert code == 129
    return fork.watch.get()[1] - saved_step(run)


def soak_hang_ups(count: int, seed: int) -> None:
    choice = random.Random(seed)
    with figures("hang-ups") as found:
        lost = [hang_up(f"run-{number}", choice) for number in range(count)]
        found["closed terminals"], found["most updates lost"] = count, max(lost)
        assert max(lost) <= 1, "the update under way was counted, too"


def test_a_terminal_that_is_closed_saves_the_run() -> None:
    soak_hang_ups(2, seed=3)


@pytest.mark.slow
def test_50_hang_ups() -> None:
    soak_hang_ups(50, seed=4)


LOGS = ("full", "closed pipe", "gone terminal")
SHORT = ("--steps", "60", "--validation", "500", "--sample-every", "11", "--save-every", "20")


def lose_log(kind: str, run: str, choice: random.Random) -> Fork:
    """Begin a run whose messages nobody can be shown, from the start or from some moment on."""
    command = ["train", "text.txt", "--run", run, *SIZES, *SHORT]
    if kind == "gone terminal":
        fork = start(command, SLOW, ignored={signal.SIGHUP})
    else:
        read, write = os.pipe()
        full = os.open("/dev/full", os.O_WRONLY)
        fork = start(command, SLOW, errors=full if kind == "full" else write)
        os.close(write)
        os.close(full)
    fork.wait(choice.random() * 0.3)
    if kind == "gone terminal":
        fork.hang_up()
    else:
        os.close(read)
    return fork


def soak_lost_logs(count: int, seed: int) -> None:
    choice = random.Random(seed)
    assert charrnn("train", "text.txt", "--run", "shown", *SIZES, *SHORT).code == 0
    with figures("lost logs") as found:
        for number in range(count):
            run, kind = f"run-{number}", LOGS[number % len(LOGS)]
            code, shown = lose_log(kind, run, choice).end()
            assert code == 0, (kind, code, shown)
            assert fingerprints(Path(run)) == fingerprints(Path("shown"))
        found["lost logs"] = found["runs that ended as if all had been shown"] = count


needs_full_device = pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is always full")


@needs_full_device
def test_a_log_that_is_lost_changes_nothing() -> None:
    soak_lost_logs(3, seed=5)


@needs_full_device
@pytest.mark.slow
def test_50_lost_logs() -> None:
    soak_lost_logs(50, seed=6)


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGTERM, signal.SIGINT])
def test_a_signal_that_was_ignored_at_the_start_stays_ignored(number: signal.Signals) -> None:
    fork = start(["train", "text.txt", "--run", "run", *SIZES, *SHORT], ignored={number})
    assert fork.wait_for("training")
    fork.kill(number)
    code, shown = fork.end()
    assert code == 0, shown
    assert saved_step("run") == 60


IN_THE_MIDST = {
    "vocab": "charrnn.commands.vocab.make_vocabulary",
    "evaluate": "charrnn.commands.evaluate.figures",
    "info": "charrnn.commands.info.model_facts",
    "plot": "charrnn.commands.plot.charts_of",
    "runs": "charrnn.commands.runs.find_runs",
    "sample": "charrnn.commands.sample.read",
    "train": "charrnn.commands.train.encode",
}


@pytest.mark.parametrize("command", IN_THE_MIDST)
def test_every_command_ends_with_one_line_and_the_code_of_the_signal(command: str, run_folder: Path) -> None:
    Path("text.txt").write_text(TEXT)
    model, texts = ("--checkpoint", run_folder), ("text.txt",)
    given = {"vocab": texts, "evaluate": (*texts, *model), "plot": (run_folder,), "runs": (run_folder,)}
    given |= {"info": model, "sample": model, "train": (*texts, *SMALL)}
    for number, code in CODES.items():

        def send(*_: object, number: int = number, **__: object) -> None:
            os.kill(os.getpid(), number)

        with at_call_do(IN_THE_MIDST[command], {0}, send):
            result = charrnn(command, *given[command])
        assert (result.code, result.out) == (code, "")
        assert result.err == f"charrnn: stopped by {number.name}\n"
    assert [str(path) for path in Path().iterdir()] == ["text.txt"]


SENDS = """
import importlib.abc, os, sys
module, number = sys.argv[1], int(sys.argv[2])

class Sender(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if name == module:
            os.kill(os.getpid(), number)

sys.meta_path.insert(0, Sender())
del sys.argv[1:3]
from charrnn.__main__ import main
main()
"""
"""The program, which sends itself a signal where it begins to import a module."""

EARLY = [
    ("--help", "charrnn.display.standard_streams"),
    ("--help", "charrnn.cli"),
    ("train --help", "typer"),
    ("info", "numpy"),
    ("vocab text.txt", "charrnn.commands.vocab"),
    ("sample", "charrnn.decoding.sampler"),
    ("plot", "rich.table"),
    ("evaluate text.txt", "torch"),
    ("train text.txt", "torch.nn"),
]


@pytest.mark.parametrize(
    "number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP], ids=lambda number: number.name
)
@pytest.mark.parametrize("line", EARLY, ids=" at ".join)
def test_a_signal_while_the_program_loads_is_one_line_and_its_code(
    line: tuple[str, str], number: signal.Signals
) -> None:
    command, module = line
    done = subprocess.run(
        [sys.executable, "-c", SENDS, module, str(number.value), *command.split()],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == CODES[number], done.stderr
    told = "loading PyTorch …\n" if module == "torch.nn" else ""
    assert (done.stdout, done.stderr) == ("", f"{told}charrnn: stopped by {number.name}\n")
