"""Figures of labels by hand, and `evaluate` of a classifier on a file and on what was held out."""

from pathlib import Path

import numpy as np
import pytest
from pages import hostile_strings, tree_of
from program import charrnn

from charrnn.commands.scored_examples import beside_unseen
from charrnn.display.tables_page import Table, tables_page
from charrnn.evaluation.baselines.labels import majority, naive_bayes
from charrnn.evaluation.labels import GivenLabels, calibration_error, fitted_temperature, macro_f1
from charrnn.runs.checkpoint import load
from charrnn.text.example_parts import Labelled
from charrnn.text.record_part import Records
from charrnn.text.vocabulary import Vocabulary

ROWS = [(f"{'ab'[n % 2] * (1 + n % 5)}{'xyz'[n % 3]}", "AB"[n % 2]) for n in range(240)]
ROWS += [("ccx", "rare"), ("cccz", "rare"), ("cz", "rare")]


def test_figures_are_those_worked_by_hand() -> None:
    chances = np.array([[0.8, 0.1, 0.1], [0.6, 0.3, 0.1], [0.3, 0.5, 0.2], [0.9, 0.1 - 1e-9, 1e-9]])
    given = GivenLabels(np.log(chances), np.array([0, 1, 1, 0]), ("a", "b", "never"))
    figures = given.figures()
    assert figures["accuracy"] == 0.75
    assert figures["per_label"].keys() == {"a", "b"}
    assert figures["per_label"]["a"] == {"precision": 2 / 3, "recall": 1.0, "f1": 0.8, "texts": 2}
    assert figures["per_label"]["b"] == {
        "precision": 1.0,
        "recall": 0.5,
        "f1": pytest.approx(2 / 3),
        "texts": 2,
    }
    assert figures["macro_f1"] == pytest.approx((0.8 + 2 / 3) / 2) == macro_f1(given.found, given.own)
    assert figures["nats_per_text"] == pytest.approx(-np.log([0.8, 0.3, 0.5, 0.9]).mean())
    assert figures["confusion"] == {"a": {"a": 2}, "b": {"a": 1, "b": 1}}
    assert figures["calibration_error"] == pytest.approx((0.2 + 0.6 + 0.5 + 0.1) / 4)
    assert given.answered(0.7) == {"min_probability": 0.7, "answered": 0.5, "accuracy_of_answered": 1.0}
    assert given.answered(1.0)["accuracy_of_answered"] is None
    assert given.only(given.own == 1).figures()["accuracy"] == 0.5


def test_what_was_not_in_training_is_told_apart_where_that_is_only_some() -> None:
    found = {"accuracy": 0.5, "lines": 4, "unseen_lines": 2, "unseen": {"accuracy": 1.0}}
    assert beside_unseen(found, "accuracy", "of texts") == "0.5000; 1.0000 of texts that were not in training"
    assert beside_unseen(found | {"unseen_lines": 4}, "accuracy", "of texts") == "0.5000"
    assert beside_unseen(found | {"unseen_lines": None, "unseen": None}, "accuracy", "") == "0.5000"


def test_what_is_as_right_as_it_is_sure_is_calibrated() -> None:
    assert calibration_error(np.full(10, 0.7), np.arange(10) < 7) == pytest.approx(0)
    assert calibration_error(np.full(10, 1.0), np.arange(10) < 7) == pytest.approx(0.3)


def test_a_temperature_is_fitted_where_it_lowers_the_loss() -> None:
    random = np.random.default_rng(1)
    logits = random.normal(size=(400, 3)) * 2
    chances = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    own = np.array([random.choice(3, p=row) for row in chances])
    assert fitted_temperature(logits * 3, own) == pytest.approx(3, rel=0.1)
    sure = GivenLabels(np.log(chances**3 / (chances**3).sum(1, keepdims=True)), own, "abc")
    assert sure.calibration() > 2 * sure.at(1 / 3).calibration()
    assert fitted_temperature(np.zeros((4, 2)), np.array([0, 1, 0, 1])) == 1.0


def labelled(rows: list[tuple[str, int]], vocabulary: Vocabulary) -> Labelled:
    end = vocabulary.end_marks.astype(np.uint8)
    ids = np.concatenate([end, *(part for text, _ in rows for part in (vocabulary.encode(text), end))])
    texts = Records(ids, 0, 0, np.flatnonzero(ids == vocabulary.end), np.arange(len(rows)))
    return Labelled(texts, np.array([label for _, label in rows], np.int32))


def test_naive_bayes_tells_texts_apart_by_their_ngrams() -> None:
    vocabulary = Vocabulary.from_text("abc", end=True)
    training = labelled([("ab", 0)] * 5 + [("ba", 1)] * 4 + [("c", 2)], vocabulary)
    texts = labelled([("abab", 0), ("baba", 1), ("c", 2), ("", 0)], vocabulary).texts
    assert majority(training, texts).tolist() == [0, 0, 0, 0]
    found = naive_bayes(training, texts)
    assert found is not None
    assert found[:3].tolist() == [0, 1, 2]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("classes")
    (folder / "rows.tsv").write_text("".join(f"{text}\t{label}\n" for text, label in ROWS))
    options = ("--task", "classify", "--hidden", "12", "--batch-size", "16", "--steps", "60")
    result = charrnn("train", folder / "rows.tsv", *options, "--run", folder / "run")
    assert result.code == 0, result.err
    assert "scale  accuracy on the validation texts: majority 0." in result.err
    return folder / "run"


def test_a_file_is_scored_as_the_model_reads(run: Path) -> None:
    test = run.parent / "test.tsv"
    test.write_text("aax\tA\nqqb\tB\nbbz\tA\n")
    result = charrnn(
        "evaluate", test, "--checkpoint", run, "--baselines", "--min-probability", "0.5", "--json"
    )
    assert result.code == 0, result.err
    found = result.json
    assert (found["task"], found["lines"], found["unseen_lines"]) == ("classify", 3, 1)
    assert found["accuracy"] == pytest.approx(2 / 3)
    assert found["unseen"]["accuracy"] == 1.0
    assert found["confusion"] == {"A": {"A": 1, "B": 1}, "B": {"B": 1}}
    assert [baseline["name"] for baseline in found["baselines"]] == ["majority", "n-gram naive Bayes"]
    assert found["baselines"][1]["accuracy"] == pytest.approx(2 / 3)
    assert found["answered"] > 0
    shown = charrnn("evaluate", test, "--checkpoint", run, "--baselines")
    assert shown.code == 0
    assert "accuracy              0.6667; 1.0000 of texts that were not in training" in shown.out
    assert "mistaken              A for B, 1×" in shown.out


def test_what_was_held_out_is_scored_as_in_training(run: Path) -> None:
    found = charrnn("evaluate", "--part", "validation", "--checkpoint", run, "--json").json
    best = charrnn("info", "--checkpoint", run, "--json").json["best_validation"]
    assert best == {"name": "accuracy", "value": pytest.approx(found["accuracy"])}
    assert found["lines"] == found["unseen_lines"]
    assert found["temperature"] == load(run / "best.safetensors").fitted["temperature"] != 1
    assert load(run / "last.safetensors").fitted == {}


@pytest.mark.parametrize(
    ("row", "code", "message"),
    [
        ("aax\tC\n", 3, "line 1: found the label 'C', which is not in the training part"),
        ("aax\n", 3, "line 1: found 1 column ('aax'), none of them '2'"),
    ],
)
def test_what_cannot_be_scored_is_told(run: Path, row: str, code: int, message: str) -> None:
    (run.parent / "bad.tsv").write_text(row)
    result = charrnn("evaluate", run.parent / "bad.tsv", "--checkpoint", run)
    assert (result.code, result.out) == (code, "")
    assert message in result.err
    assert result.err.count("\n") == 1


def test_the_lines_that_were_wrong_are_written(run: Path, tmp_path: Path) -> None:
    (tmp_path / "rows.tsv").write_text("aax\tB\nbbz\tB\n")
    command = ("evaluate", tmp_path / "rows.tsv", "--checkpoint", run, "--wrong", tmp_path / "wrong.tsv")
    assert charrnn(*command).code == 0
    assert (tmp_path / "wrong.tsv").read_text() == "aax\tB\tA\n"
    result = charrnn(*command)
    assert (result.code, result.out) == (2, "")
    assert "wrong.tsv" in result.err


def test_errors_names_a_file_unless_it_says_what_to_do_with_bytes(run: Path, tmp_path: Path) -> None:
    (tmp_path / "rows.tsv").write_bytes(b"aax\tB\nb\xffz\tB\n")
    command = ("evaluate", tmp_path / "rows.tsv", "--checkpoint", run, "--errors")
    assert charrnn(*command, "replace", "--wrong", tmp_path / "wrong.tsv").code == 0
    assert (tmp_path / "wrong.tsv").read_text().startswith("aax\tB\tA\n")
    (tmp_path / "rows.tsv").write_text("aax\tB\nbbz\tB\n")
    assert charrnn(*command, tmp_path / "errors.tsv").code == 0
    assert (tmp_path / "errors.tsv").read_text() == "aax\tB\tA\n"
    again = charrnn(*command, tmp_path / "more.tsv", "--wrong", tmp_path / "wrong-2.tsv")
    assert (again.code, again.out) == (2, "")
    assert "--wrong name a file for the same; leave one out" in again.err


def test_a_page_has_the_figures_the_labels_and_what_was_wrong(run: Path, tmp_path: Path) -> None:
    (tmp_path / "rows.tsv").write_text("aax\tB\nbbz\tB\n")
    page = tmp_path / "page.html"
    command = ("evaluate", tmp_path / "rows.tsv", "--checkpoint", run, "--html", page)
    assert charrnn(*command).code == 0
    tree = tree_of(page.read_text("utf-8"))
    assert tree.elements.count("<table >") == 3
    text = "".join(tree.text)
    for title in (
        "Each label",
        "Its own label, and the one that was given",
        "The first lines that were wrong",
    ):
        assert title in text
    assert "accuracy0.5000" in text
    result = charrnn(*command)
    assert (result.code, result.out) == (2, "")


def test_hostile_labels_and_texts_leave_the_element_tree_unchanged() -> None:
    def document(text: str) -> str:
        table = Table(text, (text, text), [(text, text)], [[0.7]])
        return tables_page(text, [(text, text)], [table, Table(text, (), [])])

    harmless = tree_of(document("harmless"))
    assert "<td class>" in harmless.elements
    for text in hostile_strings(300):
        assert tree_of(document(text)).elements == harmless.elements, repr(text)


@pytest.mark.parametrize("option", ["--window=5", "--show", "--adapt", "--beam=3"])
def test_what_is_for_another_task_is_wrong_use(run: Path, option: str) -> None:
    result = charrnn("evaluate", run.parent / "rows.tsv", "--checkpoint", run, option)
    assert (result.code, result.out) == (2, "")
    name, task = option.split("=", maxsplit=1)[0], "translate" if "beam" in option else "language"
    assert f"{name} is for a model of --task {task}, and {run}" in result.err
    assert "is one of --task classify; leave it out" in result.err
