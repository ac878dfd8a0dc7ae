"""Figures of tags by hand, and `evaluate` of a tagger on a file and on what was held out."""

from pathlib import Path

import numpy as np
import pytest
from program import charrnn

from charrnn.evaluation.tags import GivenTags, figures

WORDS = ["".join("ab"[(number >> bit) & 1] for bit in range(2 + number % 4)) for number in range(150)]


def tags(word: str) -> str:
    """A segment begins with each `a` and with the word."""
    return " ".join("B" if place == 0 or letter == "a" else "I" for place, letter in enumerate(word))


def ids(text: str) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    return np.array(["BIO".index(tag) for tag in text], np.int64)


def test_figures_are_those_worked_by_hand() -> None:
    lines = [
        GivenTags("abcd", ids("BIBI"), ids("BIBI")),
        GivenTags("aab", ids("BBI"), ids("BIB")),
        GivenTags("aa", ids("BO"), ids("OB")),
        GivenTags("", ids(""), ids("")),
    ]
    found = figures(lines, ("B", "I", "O"))
    assert found["accuracy"] == pytest.approx((4 + 1 + 0) / 9)
    assert found["exact_lines"] == 2 / 4
    assert found["span_f1"] == pytest.approx(2 * 2 / (5 + 5))
    assert found["segment_f1"] == pytest.approx(2 * 3 / (5 + 5)), "ab and cd; and a, wherever it stands"
    plain = figures([GivenTags("ab", ids("BI"), ids("BB"))], ("x", "y", "z"))
    assert (plain["accuracy"], plain["span_f1"], plain["segment_f1"]) == (0.5, None, None)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tags")
    (folder / "rows.tsv").write_text("".join(f"{word}\t{tags(word)}\n" for word in WORDS))
    options = ("--task", "tag", "--hidden", "12", "--batch-size", "16", "--steps", "150", "--quiet")
    result = charrnn("train", folder / "rows.tsv", *options, "--run", folder / "run")
    assert result.code == 0, result.err
    return folder / "run"


def test_a_file_is_scored_as_the_model_reads(run: Path) -> None:
    test = run.parent / "test.tsv"
    test.write_text(f"bab\t{tags('bab')}\nabbabb\t{tags('abbabb')}\n")
    found = charrnn("evaluate", test, "--checkpoint", run, "--baselines", "--json").json
    assert (found["task"], found["lines"], found["unseen_lines"]) == ("tag", 2, 1)
    assert found["accuracy"] == found["exact_lines"] == found["span_f1"] == found["segment_f1"] == 1
    assert found["unseen"]["span_f1"] == 1
    (baseline,) = found["baselines"]
    assert baseline["name"] == "most frequent tag of each character"
    assert baseline["accuracy"] == pytest.approx(8 / 9), "b begins a word less often than not"
    test.write_text("bab\tB I I\nbab\tB B I\n")
    shown = charrnn("evaluate", test, "--checkpoint", run, "--wrong", run.parent / "wrong.tsv").out
    assert (run.parent / "wrong.tsv").read_text() == "bab\tB I I\tB B I\n"
    assert "exact lines  0.5000" in shown


def test_what_was_held_out_is_scored_as_in_training(run: Path) -> None:
    found = charrnn("evaluate", "--part", "validation", "--checkpoint", run, "--json").json
    best = charrnn("info", "--checkpoint", run, "--json").json["best_validation"]
    assert best == {"name": "span_f1", "value": pytest.approx(found["span_f1"])}


def test_what_cannot_be_scored_is_told(run: Path) -> None:
    (run.parent / "bad.tsv").write_text("ab\tB\n")
    result = charrnn("evaluate", run.parent / "bad.tsv", "--checkpoint", run)
    assert (result.code, result.out) == (3, "")
    assert "line 1: found 1 tag for the 2 characters of 'ab'" in result.err
