"""The soak of exact resume: stopped again and again at random moments, the same weights to the last bit."""

import itertools
import random
from pathlib import Path

import pytest
from forked import figures
from interruptions import MOMENTS, fingerprints, stopped_at
from program import SMALL, TEXT, charrnn

from charrnn.runs.checkpoint import load

RECIPES = {
    "dropout": ("--dropout", "0.4", "--layers", "2"),
    "adamw": ("--optimizer", "adamw"),
    "early stopping": ("--patience", "2", "--learning-rate", "2"),
}
MOST_CALLS = {"update": 38, "validation": 6, "sample": 5, "save": 9, "report": 5}
CASES = itertools.product(["rnn", "gru", "lstm"], ["text", "lines"], RECIPES)


def interrupted(choice: random.Random, *command: str) -> int:
    """Run a command that is stopped at a random moment, unless it ends before; its exit code."""
    moment = choice.choice(list(MOMENTS))
    result = stopped_at(moment, choice.randrange(MOST_CALLS[moment]), *command)
    assert result.code in {0, 130}, result.err
    return result.code


def stopped_again_and_again(choice: random.Random, begin: tuple[str, ...]) -> int:
    """Run to the end with stops on the way; how many there were."""
    resume = ("train", "--resume", "--run", "run")
    stops = 0
    while interrupted(choice, *(resume if Path("run").exists() else begin)) == 130:
        stops += 1
        if stops == 3:
            assert charrnn(*resume).code == 0
            break
    return stops


@pytest.mark.slow
def test_60_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    choice, runs, stops, early = random.Random(5), 0, 0, 0
    with figures("exact resume") as found:
        for case in CASES:
            for turn in range(4):
                folder = tmp_path / f"{'-'.join(case)}-{turn}"
                folder.mkdir()
                monkeypatch.chdir(folder)
                stops += one_run(choice, *case)
                early += load(Path("whole/last.safetensors")).progress.step < 40
                runs += 1
        found["runs"], found["stops"], found["equal"], found["ended early"] = runs, stops, runs, early
    assert runs >= 60
    assert stops >= runs


def one_run(choice: random.Random, cell: str, mode: str, recipe: str) -> int:
    """Compare a run that was stopped with one that was not; how often it was stopped."""
    Path("text.txt").write_text(TEXT[: choice.randrange(1500, 4000)], encoding="utf-8")
    held_back = "120" if mode == "text" else "4"
    kind = ("--cell", cell, "--mode", mode, *RECIPES[recipe], "--seed", str(choice.randrange(1000)))
    times = ("--steps", "40", "--validation", held_back, "--save-every", "5", "--sample-every", "9")
    command = ("train", "text.txt", *SMALL, *kind, *times)
    assert charrnn(*command, "--run", "whole").code == 0
    stops = stopped_again_and_again(choice, (*command, "--run", "run"))
    assert fingerprints(Path("run")) == fingerprints(Path("whole")), (cell, mode, recipe)
    return stops
