"""The exported pages of tasks in Node: labels, tags and translations are those of the commands."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from page_in_node import WRITE, in_node
from program import SMALL, charrnn

ANSWER = """
const model = new ANSWERING[facts.task].model(facts, new Weights(base64, facts.arrays));
return given.map((line) => {
  const answering = model.answer(line);
  for (;;) {
    const { done, value } = answering.next();
    if (done) return value;
  }
});
"""
NAMES = ("anra", "boli", "cymo", "deelo", "ancy", "bodee", "cyli", "deera")
LINES = ["anra", "bo", "", "xé qz", "deelocymoan"]


def exported(folder: Path, *options: str | Path) -> tuple[Path, Path]:
    """A run of a second, and its page."""
    trained = charrnn("train", *SMALL, "--run", folder / "run", *options)
    assert trained.code == 0, trained.err
    made = charrnn(
        "export", folder / "page.html", "--checkpoint", folder / "run", "--weights", "f32", "--json"
    )
    assert made.code == 0, made.err
    assert 0 < made.json["largest_logit_difference"] < 1e-4
    return folder / "run", folder / "page.html"


def answers(page: Path, lines: list[str]) -> list[dict[str, Any]]:
    (found,) = in_node([page], ANSWER, [lines], model=False)
    return list(found)


def asked(command: str, run: Path, lines: list[str], *options: str) -> list[Any]:
    typed = "".join(f"{line}\n" for line in lines).encode()
    result = charrnn(command, "--checkpoint", run, "--json", *options, standard_input=typed)
    assert result.code == 0, result.err
    return [json.loads(line) for line in result.out.splitlines()]


def table(path: Path, rows: list[tuple[str, str]]) -> Path:
    path.write_text("".join(f"{a}\t{b}\n" for a, b in rows * 8), encoding="utf-8")
    return path


@pytest.mark.parametrize("cell", ["lstm", "gru", "rnn"])
def test_labels_and_their_probabilities(cell: str, tmp_path: Path) -> None:
    data = table(tmp_path / "names.tsv", [(name, name[0].upper()) for name in NAMES])
    run, page = exported(tmp_path, data, "--task", "classify", "--cell", cell, "--layers", "2")
    for ours, theirs in zip(asked("classify", run, LINES), answers(page, LINES), strict=True):
        assert theirs["text"] == ours["label"]
        chances = {label["name"]: label["chance"] for label in theirs["best"]}
        assert chances == pytest.approx({x["label"]: x["probability"] for x in ours["labels"]}, abs=1e-5)


def test_a_label_to_write_with(tmp_path: Path) -> None:
    data = table(tmp_path / "names.tsv", [(name, name[0].upper()) for name in NAMES])
    run, page = exported(tmp_path, data, "--task", "generate", "--steps", "200", "--learning-rate", "0.1")
    given = [{"prompt": "", "seed": 1, "temperature": 0, "length": 200, "label": label} for label in range(4)]
    code = "model.setLabel(given.label);" + WRITE
    found = [text["text"] for text in in_node([page] * 4, code, given)]
    expected = [
        charrnn("sample", "--checkpoint", run, "--label", label, "--temperature", "0").out.removesuffix("\n")
        for label in "ABCD"
    ]
    assert found == expected
    assert len(set(found)) > 1


@pytest.mark.parametrize("unit", ["chars", "spaces"])
def test_translations_and_their_probabilities(unit: str, tmp_path: Path) -> None:
    joint = " " if unit == "spaces" else ""
    data = table(tmp_path / "words.tsv", [(name, joint.join(reversed(name.upper()))) for name in NAMES])
    attention = "--attention" if unit == "spaces" else "--no-attention"
    options = ("--task", "translate", "--target-symbols", unit, attention, "--steps", "60")
    run, page = exported(tmp_path, data, *options)
    expected = asked("translate", run, LINES, "--n-best", "5")
    for ours, theirs in zip(expected, answers(page, LINES), strict=True):
        assert theirs["text"] == ours["target"]
        best = [ours, *ours["alternatives"]]
        assert [one["name"] for one in theirs["best"]] == [one["target"] for one in best]
        chances = np.exp([one["log_probability"] for one in best])
        assert [one["chance"] for one in theirs["best"]] == pytest.approx(chances, abs=1e-5)


@pytest.mark.parametrize("level", ["char", "byte"])
def test_what_a_translation_looked_at(level: str, tmp_path: Path) -> None:
    data = table(tmp_path / "words.tsv", [(name, name[::-1].upper()) for name in NAMES])
    options = ("--task", "translate", "--attention", "--level", level, "--steps", "60")
    run, page = exported(tmp_path, data, *options)
    expected = asked("translate", run, LINES, "--attention")
    for ours, theirs in zip(expected, answers(page, LINES), strict=True):
        looks, attention = theirs["looks"], ours["attention"]
        assert [name.replace("end", "<end>") for name in looks["target"]] == attention["target"]
        assert len(looks["source"]) == len(attention["source"])
        for row, shares in zip(attention["weights"], looks["shares"], strict=True):
            assert list(shares.values()) == pytest.approx(row, abs=1e-4)


def test_tags_cut_a_line(tmp_path: Path) -> None:
    rows = [(name, " ".join("BI"[place % 2] for place in range(len(name)))) for name in NAMES]
    run, page = exported(tmp_path, table(tmp_path / "t.tsv", rows), "--task", "tag", "--normalize", "nfd")
    lines = [*LINES, "cafe\u0301 é"]
    for ours, theirs in zip(asked("tag", run, lines), answers(page, lines), strict=True):
        assert theirs["text"] == ours["output"]
        assert theirs["names"] == [character["tag"] for character in ours["characters"]]
        chances = [character["probability"] for character in ours["characters"]]
        assert theirs["chances"] == pytest.approx(chances, abs=1e-5)


@pytest.mark.parametrize("what", ["spaces", "case", "marks"])
def test_what_was_taken_is_restored(what: str, tmp_path: Path) -> None:
    text = tmp_path / "text.txt"
    text.write_text("Žluťoučký kůň Úpěl ďábelské Ódy\nĐuro je Łódź\n" * 20, encoding="utf-8")
    options = ("--task", "tag", "--restore", what, "--steps", "60")
    run, page = exported(tmp_path, text, *options)
    lines = ["zlutoucky kun", "Žluťoučký Kůň", "duro ódy Łodz", "", "ǆ ß ŉ x"]
    for ours, theirs in zip(asked("tag", run, lines), answers(page, lines), strict=True):
        assert theirs["text"] == ours["output"]
        assert theirs["tagged"] == [character["character"] for character in ours["characters"]]
