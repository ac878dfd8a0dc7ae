"""Several processes that train one model: as one alone, to rounding, whatever their number."""

import itertools
import json
import math
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from interruptions import fingerprints
from program import TEXT, charrnn
from together import Ended, together

from charrnn.tasks.language import LanguageTask
from charrnn.tasks.task import Loss
from charrnn.training.optimizers import AdamW
from charrnn.training.trainer import Trainer

SIZES = ("--hidden", "16", "--batch-size", "5", "--sequence-length", "12", "--quiet")
NAMES = "".join(
    f"{a}{b}{c}\n" for a in ("an", "bo", "cyri", "de") for b in ("ra", "li", "l") for c in ("s", "net", "x")
)
REGULARISED = ("--dropout", "0.3", "--weight-dropout", "0.2")
TASKS = {
    "classify": "".join(f"{name}\t{'long' if len(name) > 6 else 'short'}\n" for name in NAMES.split()),
    "generate": "".join(f"{name}\t{'long' if len(name) > 6 else 'short'}\n" for name in NAMES.split()),
    "translate": "".join(f"{name}\t{name[::-1]}\n" for name in NAMES.split()),
    "tag": "".join(
        f"{name}\t{' '.join('BI'[place % 3 > 0] for place in range(len(name)))}\n" for name in NAMES.split()
    ),
}


@pytest.fixture(autouse=True)
def _told_to_rounding(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every run reports the same updates together, Muon is shared out, optimizers do not enlarge rounding.

    Muon would by bfloat16's steps, AdamW by dividing a gradient that is zero but for rounding by its root.
    """
    monkeypatch.setattr("charrnn.training.reporting.REPORT_SECONDS", math.inf)
    monkeypatch.setattr("charrnn.training.orthogonal.SHARED_FROM", 1)
    monkeypatch.setattr("charrnn.training.orthogonal.multiplies_in_half", lambda _: False)
    monkeypatch.setitem(AdamW.__init__.__kwdefaults__ or {}, "epsilon", 1e-3)


def train(processes: int, run: Path, *arguments: str | Path) -> list[Ended]:
    """A run of so many processes; of one, in a process of its own too."""
    found = together(processes, "train", "--run", run, *arguments)
    assert [ended.code for ended in found] == [0] * processes, found
    return found


def figures(run: Path) -> list[dict[str, float]]:
    """What a run reported."""
    return [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]


def assert_alike(one: Path, other: Path, *, is_whole: bool = True) -> None:
    """The same losses, in training and validation, to rounding.

    Where one was stopped, its reports of training begin anew there.
    """
    pairs = list(zip(figures(one), figures(other), strict=True))
    assert len(pairs) > 3
    for left, right in pairs:
        losses = [name for name in left if name.startswith("validation_")]
        losses += ["train_nats"] * is_whole
        assert len(losses) == 1 + is_whole
        assert left["step"] == right["step"]
        assert left["epoch"] == right["epoch"]
        assert left["characters"] == right["characters"]
        for name in losses:
            assert left[name] == pytest.approx(right[name], abs=2e-6), (left["step"], name)


def text_run(tmp_path: Path, steps: str = "100") -> tuple[str | Path, ...]:
    corpus = tmp_path / "text.txt"
    corpus.write_text(TEXT)
    return (corpus, *SIZES, *REGULARISED, "--steps", steps)


def lines_run(tmp_path: Path) -> tuple[str | Path, ...]:
    """Lines that are longer than a window, and fewer and fewer of them going on: for some processes none."""
    corpus = tmp_path / "lines.txt"
    corpus.write_text(NAMES * 2 + "a much longer line than any of the others is\n" * 3)
    sizes = ("--hidden", "16", "--batch-size", "4", "--sequence-length", "5", "--quiet")
    return (corpus, "--mode", "lines", *sizes, *REGULARISED, "--steps", "100")


def task_run(tmp_path: Path, task: str) -> tuple[str | Path, ...]:
    corpus = tmp_path / f"{task}.tsv"
    corpus.write_text(TASKS[task])
    sizes = ("--hidden", "8", "--batch-size", "5", "--quiet")
    return (corpus, "--task", task, *sizes, "--dropout", "0.3", "--steps", "20")


def test_the_number_of_processes_changes_nothing_but_rounding(tmp_path: Path) -> None:
    arguments = text_run(tmp_path)
    for processes in (1, 2, 3):
        train(processes, tmp_path / str(processes), *arguments)
    assert_alike(tmp_path / "1", tmp_path / "2")
    assert_alike(tmp_path / "1", tmp_path / "3")
    reported = [figures(tmp_path / str(processes))[-1] for processes in (1, 2, 3)]
    assert [last["processes"] for last in reported] == [1, 2, 3]
    assert [last["communication_seconds"] > 0 for last in reported] == [False, True, True]
    assert charrnn("info", "--checkpoint", tmp_path / "2", "--json").json["processes"] == 2


def test_of_lines_some_processes_may_have_none(tmp_path: Path) -> None:
    arguments = lines_run(tmp_path)
    for processes in (1, 3):
        train(processes, tmp_path / str(processes), *arguments)
    assert_alike(tmp_path / "1", tmp_path / "3")


@pytest.mark.slow
@pytest.mark.parametrize("task", TASKS)
def test_of_every_task(task: str, tmp_path: Path) -> None:
    for processes in (1, 2):
        train(processes, tmp_path / str(processes), *task_run(tmp_path, task))
    assert_alike(tmp_path / "1", tmp_path / "2")


def at_update(update: int, number: int, victim: int) -> Callable[[int], object]:
    """Sends a signal to one process before an update."""

    def first(rank: int) -> None:
        if rank == victim:
            original, calls = Trainer.move, itertools.count(1)

            def move(*given: Any, **named: Any) -> None:  # noqa: ANN401
                if next(calls) == update:
                    os.kill(os.getpid(), number)
                original(*given, **named)

            setattr(Trainer, "move", move)  # noqa: B010

    return first


def stopped(processes: int, update: int, *arguments: str | Path, victim: int = 0) -> list[Ended]:
    """A run in which a signal comes to one process, at which process 0 saves and all end."""
    found = together(processes, "train", *arguments, first=at_update(update, signal.SIGTERM, victim))
    assert [ended.code for ended in found] == [143] + [0] * (processes - 1), found
    assert [bool(ended.err) for ended in found] == [True] + [False] * (processes - 1), found
    return found


def test_the_same_number_of_processes_gives_the_same_bits_stopped_or_not(tmp_path: Path) -> None:
    """The signal comes to the process that does not lead, and text and dropout go on where they were."""
    arguments, whole, parted = text_run(tmp_path), tmp_path / "whole", tmp_path / "parted"
    train(2, whole, *arguments)
    (told, _) = stopped(2, 40, "--run", parted, *arguments, victim=1)
    assert re.search(r"saved at step 4\d in .*parted; go on with: charrnn train --resume", told.err)
    train(2, parted, "--resume", "--quiet")
    assert fingerprints(parted) == fingerprints(whole)


def test_a_run_goes_on_with_another_number_of_processes(tmp_path: Path) -> None:
    arguments, whole, parted = text_run(tmp_path), tmp_path / "whole", tmp_path / "parted"
    train(1, whole, *arguments)
    stopped(2, 30, "--run", parted, *arguments)
    stopped(1, 30, "--run", parted, "--resume", "--quiet")
    (leader, *_) = train(3, parted, "--resume")
    assert "continuing with --processes 3 (was 1)" in leader.err
    assert_alike(whole, parted, is_whole=False)


def test_lines_that_go_on_are_saved_whole(tmp_path: Path) -> None:
    arguments, whole, parted = lines_run(tmp_path), tmp_path / "whole", tmp_path / "parted"
    train(1, whole, *arguments)
    stopped(3, 34, "--run", parted, *arguments)  # in the midst of the long lines
    train(2, parted, "--resume", "--quiet")
    assert_alike(whole, parted, is_whole=False)


def test_a_run_that_diverges_goes_back_in_all_processes(tmp_path: Path) -> None:
    """Three losses in a row are not finite: all go back to the last checkpoint, with half the rate."""

    def broken(rank: int) -> None:
        original, calls = LanguageTask.loss, itertools.count()

        def loss(task: LanguageTask, network: Any, batch: Any, state: Any) -> Loss:  # noqa: ANN401
            found = original(task, network, batch, state)
            is_broken = rank == 1 and next(calls) in {20, 21, 22}
            return replace(found, nats=found.nats * math.nan) if is_broken else found

        setattr(LanguageTask, "loss", loss)  # noqa: B010

    run = tmp_path / "run"
    arguments = [argument for argument in text_run(tmp_path, "30") if argument != "--quiet"]
    leader, follower = together(2, "train", "--run", run, *arguments, "--save-every", "10", first=broken)
    assert (leader.code, follower.code) == (0, 0), leader.err
    assert "diverged at step 23" in leader.err
    assert "back to step 20, with 0.5 times the learning rate" in leader.err
    assert figures(run)[-1]["step"] == 30


def test_a_launcher_that_starts_them_again_means_that_the_run_goes_on(tmp_path: Path) -> None:
    run = tmp_path / "run"
    found = together(2, "train", "--run", run, *text_run(tmp_path, "10"), restarts=1)  # there is no run yet
    assert [ended.code for ended in found] == [0, 0]
    leader, _ = together(2, "train", "--run", run, *text_run(tmp_path, "20"), restarts=1)
    assert leader.code == 0
    assert figures(run)[-1]["step"] == 20


def test_one_that_is_killed_ends_all_and_the_run_goes_on(tmp_path: Path) -> None:
    run = tmp_path / "run"

    leader, follower, other = together(
        3,
        "train",
        "--run",
        run,
        *text_run(tmp_path, "30"),
        "--save-every",
        "10",
        first=at_update(25, signal.SIGKILL, 1),
    )
    assert (leader.code, follower.code, other.code) == (1, -signal.SIGKILL, 1)
    assert leader.err == (
        "charrnn: another process of the run has ended, and so does this one; what was saved last is kept; "
        "go on with: charrnn train --resume\n"
    )
    assert other.err == ""
    train(2, run, "--resume", "--quiet")
    assert figures(run)[-1]["step"] == 30


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--processes", "0"), "--processes is 0; expected a number of at least 1 and at most 65,536"),
        (("--processes", "many"), "--processes is 'many'; expected a whole number"),
        (("--processes", "0", "--resume"), "--processes is 0; expected a number of at least 1"),
    ],
)
def test_wrong_use_is_one_line(arguments: tuple[str, ...], said: str, tmp_path: Path) -> None:
    corpus = tmp_path / "text.txt"
    corpus.write_text(TEXT)
    result = charrnn("train", corpus, *arguments)
    assert result.code == 2
    assert result.err.startswith(f"charrnn: {said}")
    assert result.err.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--processes", "4"), "--processes is 4, but torchrun has already started 2; leave it out"),
        (("--batch-size", "1"), "--processes is 2, but a batch has 1 texts; expected no more"),
        (("--batchsize", "1"), "No such option: --batchsize"),
    ],
)
def test_under_torchrun_too_and_only_one_process_says_it(
    arguments: tuple[str, ...], said: str, tmp_path: Path
) -> None:
    corpus, run = tmp_path / "text.txt", tmp_path / "run"
    corpus.write_text(TEXT)
    leader, follower = together(2, "train", corpus, "--run", run, *SIZES, "--steps", "1", *arguments)
    assert leader.code == 2
    assert leader.err.startswith(f"charrnn: {said}")
    assert leader.err.count("\n") == 1
    assert follower.code != 0
    assert follower.err == ""
    assert not run.exists()


def test_one_process_knows_nothing_of_others(tmp_path: Path) -> None:
    """The module is not loaded, nor PyTorch's launcher."""
    corpus = tmp_path / "text.txt"
    corpus.write_text(TEXT)
    names = {"charrnn.training.distributed", "torch.distributed.launcher.api"}

    def watched(rank: int) -> None:
        for name in names:
            sys.modules.pop(name, None)
        atexit = os._exit
        os._exit = lambda code: atexit(50 if names & sys.modules.keys() else code)  # type: ignore[assignment]

    def run(processes: int) -> Ended:
        run = ("--run", tmp_path / str(processes))
        return together(processes, "train", corpus, *SIZES, "--steps", "2", *run, first=watched)[0]

    assert (run(1).code, run(2).code) == (0, 50)


@dataclass
class Launched:
    """A run that a launcher has started, watched from outside.

    Attributes:
        process: the launcher.
        ranks: the processes that it has started, by their numbers.
    """

    process: "subprocess.Popen[str]"
    ranks: dict[int, int]

    def end(self) -> tuple[int, str]:
        """Wait ten seconds for the end of all; the launcher's exit code, and what was said."""
        _, err = self.process.communicate(timeout=10)
        until = time.monotonic() + 10
        while any(map(is_running, self.ranks.values())):
            assert time.monotonic() < until
            time.sleep(0.05)
        return self.process.returncode, err


def is_running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def ranks_below(launcher: int) -> dict[int, int]:
    """The processes of a launcher, by their numbers."""
    found = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            is_child = int((folder / "stat").read_text().rpartition(")")[2].split()[1]) == launcher
            known = dict(item.split("=", 1) for item in (folder / "environ").read_text().split("\0") if item)
        except (OSError, ValueError):
            continue
        if is_child and "RANK" in known:
            found[int(known["RANK"])] = int(folder.name)
    return found


LAUNCHERS = {
    "--processes": ([sys.executable, "-m", "charrnn"], ["--processes", "2"]),
    "torchrun": (
        [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2", "-m", "--", "charrnn"],
        [],
    ),
}


@pytest.fixture
def launched(tmp_path: Path, launcher: str) -> Iterator[Launched]:
    """A run in two processes that has reported."""
    if not Path("/proc/self/environ").exists():
        pytest.skip("processes are found in /proc")
    before, after = LAUNCHERS[launcher]
    command = [*before, "train", *text_run(tmp_path, "1000000"), "--run", tmp_path / "run", *after]
    process = subprocess.Popen(list(map(str, command)), stderr=subprocess.PIPE, text=True)
    try:
        while not (tmp_path / "run" / "metrics.jsonl").exists():
            assert process.poll() is None
            time.sleep(0.1)
        yield Launched(process, ranks_below(process.pid))
    finally:
        process.kill()


def assert_goes_on(run: Path) -> None:
    """In this process; to the update that it has come to."""
    step = charrnn("info", "--checkpoint", run, "--json").json["step"]
    result = charrnn(
        "train", "--resume", "--run", run, "--steps", str(step + 2), "--processes", "1", "--quiet"
    )
    assert result.code == 0, result.err
    assert charrnn("info", "--checkpoint", run, "--json").json["step"] == step + 2


@pytest.mark.slow
@pytest.mark.parametrize("launcher", LAUNCHERS)
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_to_the_launcher_saves_once(
    launched: Launched, launcher: str, number: signal.Signals, tmp_path: Path
) -> None:
    os.kill(launched.process.pid, number)
    code, err = launched.end()
    assert err.count("saved at step") == 1
    assert err.count(f"charrnn: stopped by {number.name}") == 1
    assert launcher == "torchrun" or code == 128 + number
    assert (
        charrnn("train", "--resume", "--run", tmp_path / "run", "--steps", "1", "--processes", "1").code == 0
    )


@pytest.mark.slow
@pytest.mark.parametrize("launcher", LAUNCHERS)
@pytest.mark.parametrize("victim", ["launcher", 0, 1])
def test_whoever_is_killed_all_end_and_no_file_is_damaged(
    launched: Launched, launcher: str, victim: str | int, tmp_path: Path
) -> None:
    os.kill(launched.process.pid if isinstance(victim, str) else launched.ranks[victim], signal.SIGKILL)
    code, _ = launched.end()
    assert code == (-signal.SIGKILL if victim == "launcher" else 1)
    assert charrnn("info", "--checkpoint", tmp_path / "run" / "last.safetensors").code == 0
    assert (
        charrnn("train", "--resume", "--run", tmp_path / "run", "--steps", "1", "--processes", "1").code == 0
    )


@pytest.mark.slow
def test_the_commands_for_torchrun_in_the_manual(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As they stand there, but with one process on each of two machines, both of which are this one."""
    (tmp_path / "novel.txt").write_text(TEXT)
    monkeypatch.chdir(tmp_path)
    page = (Path(__file__).parent.parent / "docs" / "processes.md").read_text("utf-8")
    commands = [line for line in page.splitlines() if line.startswith("torchrun ")]
    assert len(commands) == 3
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    for command in commands:
        words = command.replace("first:29500", f"localhost:{port}").split()[1:]
        machines = 2 if "--nnodes" in words else 1
        if machines == 2:
            words[words.index("--nproc-per-node") + 1] = "1"
        run = [sys.executable, "-m", "torch.distributed.run", *words, *SIZES, "--steps", "20"]
        started = [subprocess.Popen(run) for _ in range(machines)]
        assert [process.wait(timeout=120) for process in started] == [0] * machines
        folder = words[words.index("--run") + 1]
        assert figures(Path(folder))[-1]["processes"] == 2
    assert len(list(Path("runs").iterdir())) == 3
