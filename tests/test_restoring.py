"""What is taken out of plain text comes back by its tags; a tagger learns it from any text."""

from pathlib import Path

import pytest
from program import charrnn

from charrnn.text.restoring import RESTORINGS


@pytest.mark.parametrize(
    ("what", "text", "stays", "tags"),
    [
        ("spaces", "ab c d", "abcd", "B I B B"),
        ("case", "Ab ßÉ", "ab ßé", "upper lower lower lower upper"),
        ("marks", "Žé-đa한ệ", "Ze-da한e", "030C 0301 plain stroke plain plain 0323+0302"),
    ],
)
def test_what_is_taken_out_is_put_back(what: str, text: str, stays: str, tags: str) -> None:
    restoring = RESTORINGS[what]
    assert restoring.take(text) == (stays, tags.split())
    assert restoring.put(*restoring.take(text)) == text
    assert restoring.take("") == ("", [])


def test_what_cannot_be_put_on_a_character_is_left() -> None:
    assert RESTORINGS["marks"].put("xb", ["030C", "stroke"]) == "xb"
    assert RESTORINGS["case"].put("ßa", ["upper", "upper"]) == "ßA"


def test_blanks_at_the_ends_and_several_together_are_one_or_none() -> None:
    spaces = RESTORINGS["spaces"]
    assert spaces.put(*spaces.take("  a  b ")) == "a b"


@pytest.mark.parametrize("level", ["char", "byte"])
def test_a_tagger_of_plain_text_restores_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, level: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("text.txt").write_text("ab éb\néb ab ab\nab\n" * 30)
    options = ("--task", "tag", "--restore", "spaces", "--level", level, "--hidden", "12", "--steps", "60")
    result = charrnn("train", "text.txt", *options, "--validation", "0", "--quiet", "--run", "run")
    assert result.code == 0, result.err
    found = charrnn("tag", "--checkpoint", "run", "--text", "abéb", "--text", "é b a b", "--text", "")
    assert (found.code, found.out) == (0, "ab éb\néb ab\n\n")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--task", "classify"), "--restore is case, but --task is classify; give --task tag"),
        ((), "--restore is case, but --task is language"),
        (("--task", "tag", "--columns", "1,2"), "which reads plain text, and --columns is for tables"),
    ],
)
def test_it_is_for_plain_text_and_tags(tmp_path: Path, options: tuple[str, ...], message: str) -> None:
    text = tmp_path / "text.txt"
    text.write_text("Ab\n" * 9)
    result = charrnn("train", str(text), "--restore", "case", *options, "--run", str(tmp_path / "run"))
    assert result.code == 2
    assert message in result.err
    assert not (tmp_path / "run").exists()
