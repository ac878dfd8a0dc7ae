"""`charrnn runs` and `charrnn plot` on runs of every kind: finished, interrupted, running, empty, damaged."""

import fcntl
import json
import math
import os
import re
import shutil
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from io import StringIO
from pathlib import Path

import numpy as np
import pytest
from program import SMALL, TEXT, Result, charrnn, lines_of, python
from rich.console import Console

from charrnn.commands.runs import EXPENDABLE, tables
from charrnn.errors import CheckpointError
from charrnn.runs.checkpoint import describe, load
from charrnn.runs.checkpoint import save as save_checkpoint
from charrnn.runs.diagnosis import Diagnosis
from charrnn.runs.evidence import Circumstances
from charrnn.runs.summary import STATES, examine


def copied(run: Path, place: Path) -> Path:
    shutil.copytree(run, place)
    return place


@pytest.fixture
def folder(tmp_path: Path, run_folder: Path) -> Path:
    """A finished run, an interrupted one, an empty one and two damaged ones, and what is no run."""
    runs = tmp_path / "runs"
    copied(run_folder, runs / "finished")
    interrupted(copied(run_folder, runs / "interrupted"))
    for name in ("last", "previous", "best"):
        (copied(run_folder, runs / f"without-{name}") / f"{name}.safetensors").unlink(missing_ok=True)
    ruined = copied(run_folder, runs / "ruined")
    for file in ruined.glob("*.safetensors"):
        file.write_bytes(file.read_bytes()[:500])
    empty = copied(run_folder, runs / "empty")
    (empty / "metrics.jsonl").write_text("")
    (runs / ".hidden.123.partial").mkdir()
    (runs / "notes").mkdir()
    (runs / "notes.txt").write_text("no run")
    return runs


def interrupted(run: Path) -> None:
    """Make it one that was stopped half way, its log torn in the middle of a line."""
    from dataclasses import replace

    for name in ("last", "best"):
        model = load(run / f"{name}.safetensors")
        stopped = replace(model, progress=replace(model.progress, finished=False))
        save_checkpoint(run / f"{name}.safetensors", stopped)
    lines = (run / "metrics.jsonl").read_bytes().splitlines(keepends=True)
    (run / "metrics.jsonl").write_bytes(b"".join(lines[:2]) + lines[2][:30])


@contextmanager
def held(run: Path) -> Iterator[None]:
    """Hold the run's lock, as a program that trains does."""
    descriptor = os.open(run, os.O_RDONLY)
    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    try:
        yield
    finally:
        os.close(descriptor)


def states(result: Result) -> dict[str, str]:
    assert result.code == 0, result.err
    return {run["name"]: run["state"] for run in result.json["runs"]}


def test_every_state_is_told(folder: Path) -> None:
    with held(folder / "without-best"):
        found = states(charrnn("runs", folder, "--json"))
    assert found == {
        "finished": "finished",
        "interrupted": "interrupted",
        "without-last": "interrupted",  # what is left was saved on the way
        "without-previous": "finished",
        "without-best": "running",
        "ruined": "damaged",
        "empty": "finished",
    }
    assert set(found.values()) == set(STATES)
    assert examine(folder / "without-best").state == "finished", "the lock is free again"


def test_the_facts_of_a_run_are_those_of_its_checkpoint(run_folder: Path) -> None:
    (run,) = charrnn("runs", run_folder, "--json").json["runs"]
    info = charrnn("info", "--checkpoint", run_folder / "last.safetensors", "--json").json
    for name in ("cell", "layers", "hidden", "parameters", "step", "best_validation_bits_per_character"):
        assert run[name] == info[name], name
    assert run["run"] == str(run_folder)
    assert run["seconds"] > 0
    assert run["advice"]


def test_the_best_run_comes_first_and_those_without_a_figure_last(folder: Path) -> None:
    shutil.copy(folder / "finished" / "config.toml", folder / "notes")
    runs = charrnn("runs", folder, "--json").json["runs"]
    figures = [run["best_validation_bits_per_character"] for run in runs]
    assert figures == sorted(figures, key=lambda figure: math.inf if figure is None else figure)
    assert runs[-1]["name"] == "notes"
    assert (runs[-1]["state"], runs[-1]["cell"], runs[-1]["step"]) == ("damaged", None, 0)


def test_the_table_has_a_line_for_each_run(folder: Path) -> None:
    result = charrnn("runs", folder)
    assert result.code == 0
    known, unknown = result.out.split("\n\n")
    subject, heading, *lines = known.splitlines()
    assert subject.startswith("corpus: ")
    names = ["run", "model", "parameters", "time", "steps", "best", "bits/char", "disk", "state"]
    assert heading.split() == names
    assert len(lines) == 6
    assert unknown.splitlines()[0] == "unknown text"
    assert unknown.splitlines()[2].startswith("ruined")
    (line,) = [line for line in lines if line.startswith("finished")]
    assert "LSTM 1×32" in line
    assert " 150 " in line


def test_runs_on_different_texts_stand_apart(run_folder: Path, korean_run: Path, lines_run: Path) -> None:
    """Bits of one text say nothing of those of another, nor do those of texts that are read otherwise."""
    result = charrnn("runs", run_folder, korean_run, lines_run)
    parts = result.out.split("\n\n")
    assert [part.count("\n") for part in (result.out.strip() + "\n").split("\n\n")[:-1]] == [2, 2]
    headings = [part.splitlines()[0] for part in parts]
    assert len(set(headings)) == 3
    (lines,) = [heading for heading in headings if heading.startswith("corpus (lines): ")]
    assert "characters" in lines
    assert "held out" in lines
    columns = {part.splitlines()[1].index("state") for part in parts}
    assert len(columns) == 1, "their columns stand under one another"
    corpora = [
        run["corpus_fingerprint"] for run in charrnn("runs", run_folder, korean_run, "--json").json["runs"]
    ]
    assert len(set(corpora)) == 2


def test_what_a_run_takes_on_disk_is_told(run_folder: Path, tmp_path: Path) -> None:
    run = copied(run_folder, tmp_path / "run")
    (before,) = charrnn("runs", run, "--json").json["runs"]
    (run / "notes.txt").write_bytes(bytes(5_000_000))
    (after,) = charrnn("runs", run, "--json").json["runs"]
    assert after["disk_bytes"] == before["disk_bytes"] + 5_000_000
    assert before["disk_bytes"] == sum(file.stat().st_size for file in run_folder.iterdir())
    assert re.search(r" \d\.\d MB ", charrnn("runs", run).out)


def test_a_narrow_terminal_leaves_columns_out_and_cuts_none(run_folder: Path) -> None:
    found = [examine(run_folder)]
    for width, gone in (
        (80, []),
        (60, ["parameters", "steps"]),
        (45, ["parameters", "steps", "disk", "time"]),
    ):
        console = Console(width=width, file=StringIO())
        console.print(tables(found))
        assert isinstance(console.file, StringIO)
        shown = console.file.getvalue()
        assert "…" not in shown
        assert "best bits/char" in shown
        assert [
            name for name in EXPENDABLE if name not in " ".join(shown.split()).split("held out")[1]
        ] == gone, width


def test_the_name_of_a_run_is_enough(
    run_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copied(run_folder, tmp_path / "runs" / "novel")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "text.txt").write_text(TEXT)
    calls = (
        ("sample", "--checkpoint", "novel", "--length", "5"),
        ("info", "--checkpoint", "novel"),
        ("vocab", "--checkpoint", "novel"),
        ("evaluate", "text.txt", "--checkpoint", "novel"),
        ("plot", "novel"),
        ("runs", "novel"),
        ("train", "text.txt", "--init-from", "novel", "--run", "tuned", "--steps", "2", "--quiet"),
        ("train", "--resume", "--run", "novel", "--steps", "151", "--quiet"),
    )
    for call in calls:
        result = charrnn(*call)
        assert result.code == 0, f"{call}: {result.err}"
    assert charrnn("info", "--checkpoint", "runs/novel", "--json").json["step"] == 151


def test_a_path_that_exists_comes_before_a_name(
    run_folder: Path, korean_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copied(run_folder, tmp_path / "runs" / "novel")
    copied(korean_run, tmp_path / "novel")
    monkeypatch.chdir(tmp_path)
    assert charrnn("info", "--checkpoint", "novel", "--json").json["checkpoint"] == "novel/best.safetensors"
    assert charrnn("info", "--checkpoint", "../novel", "--json").code == 3


def test_runs_are_looked_for_in_runs(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder.parent)
    assert len(charrnn("runs", "--json").json["runs"]) == 7
    assert len(charrnn("runs", "runs/finished", "runs", "--json").json["runs"]) == 7, "each once"


@pytest.mark.parametrize("command", ["runs", "plot"])
def test_where_there_is_no_run_it_is_said(
    command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for arguments in ([], [tmp_path], [tmp_path / "missing"]):
        result = charrnn(command, *arguments)
        assert (result.code, result.out) == (3, "")
        assert "run" in result.err
        assert result.err.count("\n") == 1


def test_a_checkpoint_is_described_without_its_weights(run_folder: Path, tmp_path: Path) -> None:
    described, model = describe(run_folder / "last.safetensors"), load(run_folder / "last.safetensors")
    assert (described.architecture, described.progress) == (model.architecture, model.progress)
    assert described.weights == {}
    cut = tmp_path / "cut.safetensors"
    cut.write_bytes((run_folder / "last.safetensors").read_bytes()[:-1])
    with pytest.raises(CheckpointError, match="not a usable checkpoint"):
        describe(cut)


def test_every_kind_of_run_is_drawn(folder: Path) -> None:
    for run in ("finished", "interrupted", "without-last", "without-best", "ruined"):
        result = charrnn("plot", folder / run)
        assert result.code == 0, result.err
        assert "bits per character by step" in result.out
        assert result.err == ""
    empty = charrnn("plot", folder / "empty")
    assert (empty.code, empty.out) == (0, "empty: nothing is measured yet\n")
    said = charrnn("plot", folder / "interrupted").out.splitlines()[-1]
    assert "not finished yet" in said
    assert said.endswith(f"Go on with: charrnn train --resume --run {folder / 'interrupted'}")
    assert "no checkpoint of this run can be read" in charrnn("plot", folder / "ruined").out


def test_damaged_lines_are_left_out_and_counted(folder: Path) -> None:
    metrics = folder / "finished" / "metrics.jsonl"
    count = len(lines_of(metrics))
    with metrics.open("a") as file:
        file.write("{torn\nnull\n")
    result = charrnn("plot", folder / "finished", "--json")
    assert result.err == f"charrnn: {folder / 'finished'}: 2 damaged lines of metrics.jsonl are left out\n"
    (run,) = result.json["runs"]
    assert (run["damaged_lines"], len(run["points"])) == (2, count)


def test_several_runs_are_drawn_together(folder: Path) -> None:
    result = charrnn("plot", folder / "finished", folder / "without-last")
    assert "finished" in result.out.splitlines()[0]
    assert "without-last" in result.out.splitlines()[0]
    assert [line.split(":")[0] for line in result.out.splitlines()[-2:]] == ["finished", "without-last"]


def test_runs_of_the_same_name_are_told_apart_by_their_paths(run_folder: Path, tmp_path: Path) -> None:
    places = [copied(run_folder, tmp_path / parent / "run") for parent in ("a", "b")]
    heading = charrnn("plot", *places).out
    assert all(str(place) in heading for place in places)


def test_the_newest_run_is_drawn_where_none_is_named(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder.parent)
    (folder / "without-best" / "last.safetensors").touch()
    assert charrnn("plot").out.splitlines()[-1].startswith("without-best: ")


def test_the_points_as_json_are_those_of_the_file_in_bits(run_folder: Path) -> None:
    (run,) = charrnn("plot", run_folder, "--json").json["runs"]
    assert {"run", "state", "verdict", "advice", "points"} <= set(run)
    lines = lines_of(run_folder / "metrics.jsonl")
    assert len(run["points"]) == len(lines)
    for found, line in zip(run["points"], lines, strict=True):
        assert found["training_bits_per_character"] == line["train_nats"] / math.log(2)
        nats = line.get("validation_nats")
        assert found["validation_bits_per_character"] == (None if nats is None else nats / math.log(2))
        assert all(found[name] == line[name] for name in ("step", "epoch", "characters", "seconds"))


@pytest.mark.parametrize("by", ["step", "seconds", "characters"])
def test_what_is_drawn_across_is_chosen(by: str, run_folder: Path) -> None:
    assert charrnn("plot", run_folder, "--by", by).out.startswith(f"bits per character by {by}")


def test_pictures(run_folder: Path, tmp_path: Path) -> None:
    picture = tmp_path / "curves.SVG"
    result = charrnn("plot", run_folder, "--output", picture)
    assert result.code == 0, result.err
    assert picture.read_text().startswith("<svg ")
    assert result.out.count("\n") == 1, "what the curves say, and no chart beside the picture"
    pytest.importorskip("matplotlib", reason="the extra `plot` is not installed")
    assert charrnn("plot", run_folder, "--output", tmp_path / "curves.png").code == 0
    assert (tmp_path / "curves.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize("arguments", [("--by", "epoch"), ("--output", "curves.pdf"), ("--output", "svg")])
def test_wrong_use_is_refused(arguments: tuple[str, str], run_folder: Path) -> None:
    result = charrnn("plot", run_folder, *arguments)
    assert result.code == 2
    assert arguments[0] in result.err
    assert arguments[1] in result.err


def test_hostile_names_are_shown_inert(run_folder: Path, tmp_path: Path) -> None:
    wild = copied(run_folder, tmp_path / "[red]x\x1b[2J")
    other = copied(run_folder, tmp_path / "b")
    for command in ("runs", "plot"):
        text = charrnn(command, wild, other).out
        assert "\x1b" not in text
        assert "[red]x␛[2J" in text


def test_training_ends_with_what_its_curves_say(tmp_path: Path) -> None:
    (tmp_path / "text.txt").write_text(TEXT)
    options = [option for option in SMALL if option != "--quiet"]
    result = charrnn("train", tmp_path / "text.txt", "--run", tmp_path / "run", *options)
    assert result.code == 0, result.err
    (run,) = charrnn("runs", tmp_path / "run", "--json").json["runs"]
    assert result.err.splitlines()[-1] == f"curves {run['advice']}"


def test_neither_command_loads_torch(run_folder: Path) -> None:
    loaded = python(
        "import sys; from charrnn.cli import run_command; run_command(['plot', sys.argv[1]]);"
        "run_command(['runs', sys.argv[1]]); print('torch' in sys.modules)",
        arguments=[str(run_folder)],
    )
    assert loaded.splitlines()[-1] == "False"


def test_json_is_one_object(run_folder: Path) -> None:
    for command in ("runs", "plot"):
        assert isinstance(json.loads(charrnn(command, run_folder, "--json").out), dict)


@pytest.mark.parametrize(
    ("bounds", "expected"),
    [
        (("--steps", "60"), "--steps 120"),
        (("--epochs", "3"), "--epochs 6"),
        (("--max-time", "1h", "--steps", "60"), "--steps 120 --max-time +1h"),
    ],
)
def test_the_advice_is_a_command_that_trains_for_as_long_again(
    tmp_path: Path, bounds: tuple[str, ...], expected: str
) -> None:
    text, run = tmp_path / "text.txt", tmp_path / "my run"
    text.write_text(TEXT[:2000], encoding="utf-8")
    small = ("--hidden", "4", "--batch-size", "4", "--sequence-length", "8", "--learning-rate", "1e-6")
    said = charrnn("train", text, "--run", run, *small, *bounds).err.splitlines()[-1]
    assert said.startswith("curves training ")
    assert "is no better than counting symbols, 4." in said
    assert f"Train longer: charrnn train --resume --run '{run}' {expected};" in said


def test_a_diagnosis_knows_what_the_run_is(
    run_folder: Path, lines_run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    known: list[Circumstances] = []

    def note(_: object, run: Circumstances) -> Diagnosis:
        known.append(run)
        return Diagnosis("noted", "")

    monkeypatch.setattr("charrnn.runs.summary.diagnose", note)
    for folder in (run_folder, lines_run):
        assert examine(folder).diagnosis.kind == "noted"
    text, lines = known
    shares = np.array(list(Counter(TEXT).values())) / len(TEXT)
    assert text.unigram_bits == pytest.approx(-(shares * np.log2(shares)).sum(), abs=1e-9)
    model = load(run_folder / "last.safetensors")
    assert text.parameters == sum(values.size for values in model.weights.values())
    assert (text.hidden, text.dropout, text.finished) == (model.architecture.hidden, 0.0, True)
    assert (text.repeated, lines.repeated) == (0.0, 1.0), "each line of the text stands there several times"


def test_a_run_is_as_far_as_its_checkpoint_or_its_log_says(run_folder: Path, tmp_path: Path) -> None:
    run = copied(run_folder, tmp_path / "run")
    *_, last = lines_of(run / "metrics.jsonl")
    assert (examine(run).step, examine(run).seconds) == (150, load(run / "last.safetensors").progress.seconds)
    ahead = json.dumps(last | {"step": 170, "seconds": last["seconds"] + 50})
    with (run / "metrics.jsonl").open("a") as log:
        log.write(ahead + "\n")
    assert (examine(run).step, examine(run).seconds) == (170, last["seconds"] + 50)
    (run / "metrics.jsonl").unlink()
    assert examine(run).step == 150
