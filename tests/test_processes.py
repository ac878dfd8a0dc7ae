"""Several processes that train one model: as one alone, to rounding, whatever their number."""

import itertools
import json
import math
import os
import re
import signal
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from interruptions import fingerprints
from program import TEXT, charrnn
from together import Ended, together

from charrnn.tasks.language import LanguageTask
from charrnn.tasks.task import Loss
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
    """Every run reports the same updates together; and Muon does not enlarge rounding by bfloat16's steps."""
    monkeypatch.setattr("charrnn.training.reporting.REPORT_SECONDS", math.inf)
    monkeypatch.setattr("charrnn.training.optimizers.multiplies_in_half", lambda _: False)


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
            assert left[name] == pytest.approx(right[name], abs=2e-5), (left["step"], name)


def text_run(tmp_path: Path) -> tuple[str | Path, ...]:
    corpus = tmp_path / "text.txt"
    corpus.write_text(TEXT)
    return (corpus, *SIZES, *REGULARISED, "--steps", "100")


def lines_run(tmp_path: Path) -> tuple[str | Path, ...]:
    """Lines that are longer than a window, and fewer and fewer of them going on: for some processes none."""
    corpus = tmp_path / "lines.txt"
    corpus.write_text(NAMES * 2 + "a much longer line than any of the others is\n" * 3)
    sizes = ("--hidden", "16", "--batch-size", "4", "--sequence-length", "5", "--quiet")
    return (corpus, "--mode", "lines", *sizes, *REGULARISED, "--steps", "100")


def task_run(tmp_path: Path, task: str, steps: str = "40") -> tuple[str | Path, ...]:
    corpus = tmp_path / f"{task}.tsv"
    corpus.write_text(TASKS[task])
    sizes = ("--hidden", "8", "--batch-size", "5", "--quiet")
    return (corpus, "--task", task, *sizes, "--dropout", "0.3", "--steps", steps)


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
    arguments = [argument for argument in text_run(tmp_path) if argument != "--quiet"]
    leader, follower = together(2, "train", "--run", run, *arguments, "--save-every", "10", first=broken)
    assert (leader.code, follower.code) == (0, 0), leader.err
    assert "diverged at step 23" in leader.err
    assert "back to step 20, with 0.5 times the learning rate" in leader.err
    assert figures(run)[-1]["step"] == 100


def test_a_launcher_that_starts_them_again_means_that_the_run_goes_on(tmp_path: Path) -> None:
    arguments, run = text_run(tmp_path), tmp_path / "run"
    found = together(2, "train", "--run", run, *arguments, restarts=1)  # there is no run yet
    assert [ended.code for ended in found] == [0, 0]
    leader, _ = together(2, "train", "--run", run, *arguments[:-1], "110", restarts=1)
    assert leader.code == 0
    assert figures(run)[-1]["step"] == 110


def test_one_that_is_killed_ends_all_and_the_run_goes_on(tmp_path: Path) -> None:
    run = tmp_path / "run"

    leader, follower, other = together(
        3,
        "train",
        "--run",
        run,
        *text_run(tmp_path),
        "--save-every",
        "10",
        first=at_update(30, signal.SIGKILL, 1),
    )
    assert (leader.code, follower.code, other.code) == (1, -signal.SIGKILL, 1)
    assert leader.err == (
        "charrnn: another process of the run has ended, and so does this one; what was saved last is kept; "
        "go on with: charrnn train --resume\n"
    )
    assert other.err == ""
    train(2, run, "--resume", "--quiet")
    assert figures(run)[-1]["step"] == 100


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
