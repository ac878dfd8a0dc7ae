"""`charrnn tag`: what is printed for each line, as text, tags, CoNLL and JSON."""

import json
from pathlib import Path

import pytest
from program import charrnn

WORDS = ("ab", "abab", "b", "ba", "aab", "éa")


def spans(word: str) -> str:
    """A span begins with each `a`, and with the text."""
    return " ".join("B" if place == 0 or word[place] == "a" else "I" for place in range(len(word)))


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tag")
    rows = folder / "rows.tsv"
    rows.write_text("".join(f"{word}\t{spans(word)}\n" for word in WORDS * 20))
    options = ("--hidden", "12", "--steps", "60", "--normalize", "nfd", "--validation", "0", "--quiet")
    result = charrnn("train", str(rows), "--task", "tag", *options, "--run", str(folder / "run"))
    assert result.code == 0, result.err
    return folder / "run"


@pytest.mark.parametrize(
    ("options", "wanted"),
    [
        ((), "ab ab\n\néb\n"),
        (("--separator", "\\t"), "ab\tab\n\néb\n"),
        (("--output", "tags"), "B I B I\n\nB I\n"),
        (("--output", "conll"), "a\tB\nb\tI\na\tB\nb\tI\n\n\né\tB\nb\tI\n\n"),
    ],
)
def test_a_line_in_a_line_out(run: Path, options: tuple[str, ...], wanted: str) -> None:
    typed = ("--text", "abab", "--text", "", "--text", "éb")
    result = charrnn("tag", "--checkpoint", str(run), *typed, *options)
    assert (result.code, result.out) == (0, wanted)


def test_empty_texts_alone_cannot_be_learnt_from(tmp_path: Path) -> None:
    """The one text that has symbols is held out."""
    (text := tmp_path / "text.txt").write_text("ab cd\n  \n  \n")
    options = ("--task", "tag", "--restore", "spaces", "--steps", "3", "--quiet")
    result = charrnn("train", str(text), *options, "--run", str(tmp_path / "run"))
    assert (result.code, result.err.count("\n")) == (3, 1)
    assert "all texts to learn from are empty" in result.err


def test_a_file_is_read_line_by_line_and_strange_characters_get_a_tag_too(run: Path, tmp_path: Path) -> None:
    lines = tmp_path / "lines.txt"
    lines.write_text("ab\nzz\U0001f600\n")
    result = charrnn("tag", str(lines), "--checkpoint", str(run), "--output", "tags")
    first, second = result.out.splitlines()
    assert first == "B I"
    assert len(second.split()) == 3


def test_json_says_of_each_character_how_sure_it_is(run: Path) -> None:
    result = charrnn("tag", "--checkpoint", str(run), "--text", "éa", "--json")
    value = json.loads(result.out)
    assert list(value) == ["text", "output", "characters"]
    assert (value["text"], value["output"]) == ("éa", "é a")
    assert [(c["character"], c["tag"]) for c in value["characters"]] == [("é", "B"), ("a", "B")]
    assert all(0.5 < c["probability"] <= 1 for c in value["characters"])


def test_a_model_of_another_task_is_for_another_command(run: Path) -> None:
    result = charrnn("classify", "--checkpoint", str(run), "--text", "a")
    assert result.code == 2
    assert "use it: charrnn tag --checkpoint" in result.err
