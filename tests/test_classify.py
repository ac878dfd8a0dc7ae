"""`train --task classify` and what follows: `classify`, without torch and in a pipe, `info`, `runs`."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from interruptions import at_call_do, fingerprints
from program import charrnn, lines_of, python

from charrnn.runs.checkpoint import load

ROWS = [(f"{'ab'[n % 2] * (1 + n % 5)}{'xyz'[n % 3]}", "AB"[n % 2]) for n in range(240)]
ROWS += [("ccx", "rare"), ("cccz", "rare"), ("", "rare")]
OPTIONS = ("--task", "classify", "--hidden", "12", "--batch-size", "16", "--sequence-length", "16")


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("classify")
    (folder / "rows.tsv").write_text("".join(f"{text}\t{label}\n" for text, label in ROWS))
    result = charrnn("train", folder / "rows.tsv", *OPTIONS, "--steps", "120", "--run", folder / "run")
    assert result.code == 0, result.err
    assert "validation accuracy " in result.err
    assert "bits/char" not in result.err
    assert "charrnn classify --checkpoint" in result.err
    return folder / "run"


def test_the_checkpoint_knows_labels_and_how_data_is_read(run: Path) -> None:
    best = load(run / "best.safetensors")
    assert (best.task, best.answers) == ("classify", ("A", "B", "rare"))
    assert (best.reading.task, best.reading.mode) == ("classify", "lines")
    assert best.vocabulary.unknown == len(best.vocabulary) - 1
    assert best.progress.figure is not None
    assert best.progress.figure.name == "accuracy"
    assert best.progress.figure.value > 0.9
    figures = [line["validation_accuracy"] for line in lines_of(run / "metrics.jsonl") if len(line) > 8]
    assert max(figures) == best.progress.figure.value
    assert "bby → B" in (run / "samples.txt").read_text()


def test_info_and_runs_name_the_figure(run: Path) -> None:
    for facts in (
        charrnn("info", "--checkpoint", run, "--json").json,
        charrnn("runs", run, "--json").json["runs"][0],
    ):
        assert facts["task"] == "classify"
        assert facts["best_validation"]["name"] == "accuracy"
        assert facts["best_validation_bits_per_character"] is None
    assert "accuracy 0.97" in charrnn("runs", run).out


def test_each_line_has_its_label(run: Path) -> None:
    text = b"aax\nbbby\r\n\nbz\n"
    result = charrnn("classify", "--checkpoint", run, standard_input=text)
    assert (result.code, result.err) == (0, "")
    labels = result.out.splitlines()
    assert [labels[place] for place in (0, 1, 3)] == ["A", "B", "B"]
    assert len(labels) == 4
    assert charrnn("classify", "--checkpoint", run, "--text", "aax", "--text", "bz").out == "A\nB\n"
    lines = run.parent / "lines.txt"
    lines.write_bytes(text)
    assert charrnn("classify", lines, "--checkpoint", run, "--text", "bz").out == "B\n" + result.out


def test_probabilities_are_shown_and_asked_for(run: Path) -> None:
    top = charrnn("classify", "--checkpoint", run, "--text", "aax", "--top", "2").out.rstrip("\n").split("\t")
    assert top[0] == "A"
    assert len(top) == 4
    assert float(top[1]) > 0.5 > float(top[3]) >= 0
    (found,) = [
        json.loads(line)
        for line in charrnn("classify", "--checkpoint", run, "--text", "aax", "--json").out.splitlines()
    ]
    assert (found["text"], found["label"], found["abstained"]) == ("aax", "A", False)
    assert sum(label["probability"] for label in found["labels"]) == pytest.approx(1)
    assert found["probability"] == found["labels"][0]["probability"] == pytest.approx(float(top[1]), abs=1e-4)
    assert charrnn("classify", "--checkpoint", run, "--text", "aax", "--min-probability", "1").out == "?\n"
    unsure = charrnn(
        "classify", "--checkpoint", run, "--text", "aax", "--min-probability", "1", "--json"
    ).json
    assert (unsure["label"], unsure["abstained"]) == (None, True)


def test_the_characters_that_a_label_is_known_by_contribute_most(run: Path) -> None:
    command = ("classify", "--checkpoint", run, "--text", "aax", "--explain")
    result = charrnn(*command)
    assert (result.code, result.err) == (0, "")
    told, blank, label, text, marks = result.out.split("\n")[:5]
    assert (told[:10], blank, label, text) == ("the label:", "", "A", "aax")
    assert set(marks[:2]) & set("#+")
    found = charrnn(*command, "--json").json
    assert [each["character"] for each in found["contributions"]] == ["a", "a", "x"]
    first, second, third = (each["contribution"] for each in found["contributions"])
    assert min(first, second) > abs(third)
    assert set(charrnn("classify", "--checkpoint", run, "--text", "aax", "--json").json) == set(found) - {
        "contributions"
    }


def test_a_page_explains_the_labels(run: Path, tmp_path: Path) -> None:
    command = (
        "classify",
        "--checkpoint",
        run,
        "--text",
        "aax",
        "--text",
        "",
        "--html",
        tmp_path / "page.html",
    )
    result = charrnn(*command)
    assert (result.code, result.out.splitlines()[0]) == (0, "A")
    page = (tmp_path / "page.html").read_text("utf-8")
    assert f"<dd>{run / 'best.safetensors'}</dd>" in page
    assert "Texts shown: 2 of 2." in page
    again = charrnn(*command)
    assert (again.code, again.out) == (2, "")
    assert "page.html" in again.err


def test_what_the_model_does_not_know_is_one_symbol(run: Path) -> None:
    answers = [
        charrnn("classify", "--checkpoint", run, "--text", text, "--json").json for text in ("日", "é")
    ]
    assert answers[0]["labels"] == answers[1]["labels"]


def test_a_line_in_is_a_line_out_without_torch(run: Path) -> None:
    command = [sys.executable, "-m", "charrnn", "classify", "--checkpoint", str(run)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        for text, label in ((b"aay\n", b"A\n"), (b"bbx\n", b"B\n")):
            process.stdin.write(text)
            process.stdin.flush()
            assert process.stdout.readline() == label
        process.stdin.close()
        assert process.wait(60) == 0
    code = "import sys, charrnn.cli as cli; cli.run_command(sys.argv[1:]); print('torch' in sys.modules)"
    found = python(code, arguments=("classify", "--checkpoint", str(run), "--text", "aax"))
    assert found.splitlines() == ["A", "False"]


def test_another_command_is_named_that_the_model_is_for(run: Path) -> None:
    result = charrnn("sample", "--checkpoint", run)
    assert (result.code, result.out) == (2, "")
    assert "was trained with --task classify, which charrnn sample is not for" in result.err
    assert f"charrnn classify --checkpoint {run}" in result.err


def test_it_goes_on_exactly(run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def stop(*_: object) -> None:
        os.kill(os.getpid(), 2)

    monkeypatch.chdir(tmp_path)
    command = (
        "train",
        run.parent / "rows.tsv",
        *OPTIONS,
        "--steps",
        "40",
        "--dropout",
        "0.2",
        "--quiet",
        "--run",
    )
    assert charrnn(*command, "whole").code == 0
    with at_call_do("charrnn.tasks.classification.ClassificationTask.loss", {17}, stop):
        assert charrnn(*command, "cut").code == 130
    assert charrnn("train", "--resume", "--run", "cut", "--quiet").code == 0
    assert fingerprints(Path("cut")) == fingerprints(Path("whole"))


@pytest.mark.parametrize("labels", [["A", "B"], ["A", "B", "B"], ["A", "B", "r\t"], "ABr", None])
def test_a_checkpoint_with_other_labels_is_refused(run: Path, tmp_path: Path, labels: object) -> None:
    from charrnn.runs import checkpoint_file

    with checkpoint_file.opened(run / "best.safetensors") as file:
        kinds = {
            name: checkpoint_file.ArrayKind("F32", np.shape(value))
            for name, value in load(run / "best.safetensors").weights.items()
        }
        arrays = file.read({f"model.{name}": kind for name, kind in kinds.items()})
        entry = {name: value for name, value in file.entry.items() if name != "digest"} | {"labels": labels}
    forged = tmp_path / "forged.safetensors"
    forged.write_bytes(checkpoint_file.to_bytes(entry, arrays))
    result = charrnn("classify", "--checkpoint", forged, "--text", "a")
    assert (result.code, result.out) == (3, "")
    assert "is not a usable checkpoint" in result.err
    assert result.err.count("\n") == 1
