"""Tags of characters: from tables and CoNLL to ids beside those of the text, and what is refused."""

import os
import signal
from pathlib import Path

import numpy as np
import pytest
from interruptions import at_call_do, fingerprints
from program import charrnn

from charrnn.config.settings import ReadingSettings
from charrnn.errors import CorpusError
from charrnn.runs.checkpoint import load
from charrnn.text.corpus import Corpus
from charrnn.text.tags import check_tags, tag_ids, tags_of

ROWS = "ab\tB I\n\t\néc\tB B\n"


def read(text: str, **reading: str) -> tuple[tuple[str, ...], list[list[int]]]:
    corpus = Corpus.of(text.encode(), ReadingSettings(task="tag", **reading))  # type: ignore[arg-type]
    tags = tags_of(corpus)
    return tags, [ids.tolist() for ids in tag_ids(corpus, tags)]


def test_each_character_has_its_tag_whatever_it_is_made_of() -> None:
    assert read(ROWS) == (("B", "I"), [[0, 1], [], [0, 0]])
    assert read(ROWS, normalize="nfd") == (("B", "I"), [[0, 1], [], [0, -1, 0]])
    assert read(ROWS, level="byte") == (("B", "I"), [[0, 1], [], [0, -1, 0]])
    assert read("e\N{COMBINING ACUTE ACCENT}c\tB I I\n", normalize="nfc") == (("B", "I"), [[0, 1]])


def test_conll_has_a_character_a_line() -> None:
    assert read("a\tB\nb\tI\n\n\né\tB\nc\tB\n", format="conll") == (("B", "I"), [[0, 1], [0, 0]])


@pytest.mark.parametrize(
    ("text", "reading", "message"),
    [
        ("ab\tB I\nabc\tB I\n", {}, "line 2: found 2 tags for the 3 characters of 'abc'; expected one for"),
        ("ab\t\n", {}, "has no tag"),
        (
            "a\tB\nbc\tI\n",
            {"format": "conll"},
            "line 2: found 'bc\\\\tI'; expected a character, a tab and its",
        ),
        ("a\tB\nb\n", {"format": "conll"}, "line 2: found 'b'; expected a character, a tab"),
    ],
)
def test_what_is_no_text_with_tags_is_told_with_its_line(
    text: str, reading: dict[str, str], message: str
) -> None:
    with pytest.raises(CorpusError, match=message):
        read(text, **reading)


def test_a_tag_that_the_training_part_lacks_is_refused() -> None:
    corpus = Corpus.of(b"ab\tB X\n", ReadingSettings(task="tag"))
    with pytest.raises(CorpusError, match="found the tag 'X', which is not in the training part"):
        list(tag_ids(corpus, ("B", "I")))


@pytest.mark.parametrize("tags", [[], ["I", "B"], ["B", "B"], ["a b"], [""], [1]])
def test_what_cannot_be_a_list_of_tags(tags: list[object]) -> None:
    with pytest.raises(ValueError, match="tags"):
        check_tags(tags)


def rows() -> list[tuple[str, str, str]]:
    """Texts, the tags of their characters, and a label."""
    random, found = np.random.default_rng(1), list[tuple[str, str, str]]()
    for _ in range(200):
        text = "".join(random.choice(list("abcdé"), random.integers(0, 9)))
        tags = ["B" if place == 0 or text[place] == "a" else "I" for place in range(len(text))]
        found.append((text, " ".join(tags), "with" if "a" in text else "without"))
    return found


LOSSES = {
    "tag": "charrnn.tasks.tagging.TaggingTask.loss",
    "classify": "charrnn.tasks.classification.ClassificationTask.loss",
}


@pytest.mark.parametrize(
    ("task", "columns", "unit", "answers"),
    [("tag", "1,2", "span_f1", ("B", "I")), ("classify", "1,3", "accuracy", ("with", "without"))],
)
@pytest.mark.usefixtures("in_empty_folder")
def test_a_run_learns_and_goes_on_exactly(
    task: str, columns: str, unit: str, answers: tuple[str, ...]
) -> None:
    def stop(*_: object) -> None:
        os.kill(os.getpid(), signal.SIGINT)

    Path("rows.tsv").write_text("".join("\t".join(row) + "\n" for row in rows()))
    options = ("--hidden", "12", "--dropout", "0.1", "--batch-size", "16", "--normalize", "nfd", "--quiet")
    table = ("--substring-rows", "64") if task == "tag" else ()
    kind = ("--task", task, "--columns", columns, *options, *table)
    command = ("train", "rows.tsv", *kind, "--steps", "70", "--run")
    result = charrnn(*command, "whole")
    assert result.code == 0, result.err
    with at_call_do(LOSSES[task], {27}, stop):
        assert charrnn(*command, "cut").code == 130
    assert load(Path("cut/last.safetensors")).progress.step == 28
    assert charrnn("train", "--resume", "--run", "cut", "--quiet").code == 0
    assert fingerprints(Path("cut")) == fingerprints(Path("whole"))
    best = load(Path("whole/best.safetensors"))
    assert (best.task, best.answers, best.progress.unit) == (task, answers, unit)
    value = best.progress.best_validation_nats_per_character
    assert value is not None
    assert value > 0.9
