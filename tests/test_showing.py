"""A text with its surprise: characters put together, painted in a terminal and a pipe, laid out as a page."""

import io
import math
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from pages import Tree, contrast, hostile_strings, tree_of
from program import KOREAN, SMALL, TEXT, charrnn, lines_of
from rich.cells import cell_len
from rich.console import Console

from charrnn.commands import show
from charrnn.display import attention_page
from charrnn.display.attention_page import AttentionPage
from charrnn.display.sanitizer import visible
from charrnn.display.surprise.characters import Character, Prediction, characters
from charrnn.display.surprise.page import page
from charrnn.display.surprise.painting import legend_line, painted
from charrnn.display.surprise.scale import LEVELS, level_of
from charrnn.text.codes import END, to_codes
from charrnn.text.vocabulary import Vocabulary


def met(text: str, vocabulary: Vocabulary, predictions: list[Prediction]) -> list[Character]:
    """A text whose first symbol is given."""
    codes = to_codes(text).tolist()
    return list(characters(zip(codes, [None, *predictions], strict=True), vocabulary))


def certain(count: int) -> list[Prediction]:
    return [Prediction(0.0, [], [])] * count


# Levels


@pytest.mark.parametrize(
    ("bits", "level"),
    [(0, 0), (0.99, 0), (1, 1), (2.9, 1), (3, 2), (6, 3), (10, 4), (math.inf, 4), (math.nan, 4), (-1e-9, 0)],
)
def test_levels(bits: float, level: int) -> None:
    assert level_of(bits) == level


def test_text_is_readable_on_every_colour() -> None:
    """A contrast of 4.5 to 1, which is what WCAG 2 asks for."""
    for light, dark in [*((level.light, level.dark) for level in LEVELS[1:]), *attention_page.COLOURS]:
        assert contrast(light, "#1c1d21") > 4.5
        assert contrast(dark, "#e7e6e3") > 4.5


# Characters


def test_the_first_character_is_given_and_what_was_likelier_is_told() -> None:
    vocabulary = Vocabulary.from_text("abc")
    a, b = met("ab", vocabulary, [Prediction(math.log(5), [2, 1, 0], [0.7, 0.2, 0.1])])
    assert a == Character("a", None)
    assert b.bits == pytest.approx(math.log2(5))
    assert b.likelier == (("c", 0.7),)


def test_a_letter_and_its_accents_are_one_character() -> None:
    vocabulary = Vocabulary.from_text("ae\u0301\u0300")
    grave, acute = vocabulary.encode("\u0300\u0301").tolist()
    predictions = [Prediction(1.0, [], []), Prediction(2.0, [grave, acute], [0.8, math.exp(-2)])]
    given, accented = met("ae\u0301", vocabulary, predictions)
    assert given.text == "a"
    assert accented.text == "é"
    assert accented.bits == pytest.approx(3 / math.log(2))
    assert accented.likelier == (("è", 0.8),)


def test_jamo_are_one_syllable() -> None:
    text = "\u1112\u1161\u11ab"
    vocabulary = Vocabulary.from_text(text)
    assert [character.text for character in met(text, vocabulary, certain(2))] == ["한"]


def test_the_bytes_of_utf8_are_one_character() -> None:
    vocabulary = Vocabulary.from_text("", "byte")
    text = "é한😀".encode().decode("latin-1")
    found = met(text + "\xff", vocabulary, certain(9))
    assert [character.text for character in found] == ["é", "한", "😀", "\\xff"]


def test_marks_without_end_are_parted() -> None:
    text = "a" + "\u0301" * 100
    assert len(met(text, Vocabulary.from_text(text), certain(100))) > 1


def test_records_end_in_newlines_and_their_first_character_is_scored() -> None:
    vocabulary = Vocabulary.from_text("ab", end=True)
    assert vocabulary.end is not None
    predictions = [Prediction(1.0, [vocabulary.end], [0.9]), *certain(1)]
    first, end = characters(zip([ord("a"), END], predictions, strict=True), vocabulary)
    assert first.likelier == (("\n", 0.9),)
    assert end == Character("\n", 0.0)


@pytest.mark.parametrize("options", [(), ("--min-count", "100")])
def test_unknown_characters_stand_where_they_are(options: tuple[str, ...], tmp_path: Path) -> None:
    """With an unknown symbol and without, the first one being given."""
    corpus, path, run = tmp_path / "corpus.txt", tmp_path / "text.txt", tmp_path / "run"
    corpus.write_text(TEXT)
    path.write_text("漢o漢n")
    assert charrnn("train", corpus, "--run", run, *SMALL, *options).code == 0
    result = charrnn("evaluate", path, "--checkpoint", run, "--show")
    assert result.out.splitlines()[2].replace(" ", "") == "漢o漢n"
    score = charrnn("evaluate", path, "--checkpoint", run, "--json").json
    assert score["bits_per_character"] * 3 > math.log2(0x110000)
    assert f"3 characters, {score['bits_per_character']:.4f} bits" in result.out


# Painting


def plain(text: list[Character], width: int = 100) -> list[str]:
    return [line.plain for line in painted(text, width, coloured=False)]


def test_what_was_likelier_stands_under_the_character() -> None:
    surprising = Character("x", 12.0, (("e", 0.5), ("\n", 0.2), (" ", 0.1), ("u", 0.05)))
    lines = plain(
        [Character("a", None), surprising, Character("b", 2.0, (("c", 0.5),)), Character("\n", 0.1)]
    )
    assert lines == ["axb⏎", " #.", " e", " ⏎", " ␣", ""]


def test_wide_characters_keep_the_columns() -> None:
    lines = plain(
        [Character("가", 0.1), Character("a", 7.0, (("나", 0.5),)), Character("b", 11.0, (("c", 0.5),))]
    )
    assert lines == ["가a b", "  + #", "  나c", ""]


def test_nothing_under_what_was_expected() -> None:
    assert plain([Character(c, 0.0) for c in "abc\nde"]) == ["abc⏎", "de"]


@pytest.mark.parametrize("width", [1, 2, 7, 80])
def test_no_line_is_too_long_and_nothing_is_lost(width: int) -> None:
    text = [Character(c, i % 13, (("가", 0.5),)) for i, c in enumerate("one two three " * 8)]
    lines = plain(text, width)
    assert max(map(cell_len, lines)) <= max(width, 2)
    whole = "".join(plain([Character(c.text, 0.0) for c in text], width))
    assert whole == "one two three " * 8


HOSTILE = "[bold]x[/bold]\x1b[31m\x07\r\x9b2J\u202e\u2028\udc80\ud800\U000e0041\x00"


@pytest.mark.parametrize("coloured", [False, True])
def test_hostile_text_is_painted_inert(coloured: bool) -> None:
    text = [Character(c, 12.0, ((HOSTILE, 0.5),)) for c in HOSTILE]
    to = Console(
        file=io.StringIO(), force_terminal=coloured, color_system="256" if coloured else None, width=400
    )
    for line in painted(text, 400, coloured=coloured):
        to.print(line, soft_wrap=True)
    assert isinstance(to.file, io.StringIO)
    shown = re.sub("\x1b\\[[0-9;]*m", "", to.file.getvalue())
    assert "␛" in shown
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2028\ud800-\udfff]", shown)


def test_the_legend_says_what_colours_and_marks_mean() -> None:
    assert "# under 1/1,024" in legend_line(coloured=False).plain
    assert all(level.meaning in legend_line(coloured=True).plain for level in LEVELS)


# The page


def document_of(text: str) -> str:
    """A page in which a text stands wherever text can stand."""
    found = [Character(text, 12.0, ((text, 0.5),)), Character(text, 0.0), Character(text, None)]
    return page(text, [(text, text)], found, text)


def test_a_thousand_hostile_strings_leave_the_element_tree_unchanged() -> None:
    harmless = tree_of(document_of("harmless")).elements
    for text in hostile_strings(1000):
        document = document_of(text)
        assert tree_of(document).elements == harmless, repr(text)
        document.encode("utf-8")


def test_the_page_shows_the_text_as_it_is() -> None:
    text = "if a < b & c:\n\tprint('\"')\n"
    tree = tree_of(page("t", [], [Character(c, 0.0) for c in text], "all"))
    assert text in "".join(tree.text)
    note = tree_of(page("t", [], [Character("<", 7.25, (("&", 0.25), (" ", 0.125)))], "all")).notes
    assert note == ["<   7.2 bits\n&   25%\n␣   12%"]


def test_the_page_runs_nothing_and_fetches_nothing() -> None:
    document = document_of("text")
    assert re.search(r"default-src 'none'; style-src 'sha256-[\w+/=]+'", document)
    assert not re.search(r"<script|<link|<img|url\(|@import|https?:", document)
    assert "prefers-color-scheme:dark" in document


# The command


def write(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "text.txt"
    path.write_text(text, encoding="utf-8")
    return path


def test_show_prints_the_text_and_the_figure(run_folder: Path, tmp_path: Path) -> None:
    path = write(tmp_path, TEXT[:300] + "Qx漢")
    result = charrnn("evaluate", path, "--checkpoint", run_folder, "--show")
    score = charrnn("evaluate", path, "--checkpoint", run_folder, "--json").json
    assert result.code == 0
    assert "\x1b" not in result.out
    assert all(f"{line}⏎" in result.out for line in TEXT[:300].splitlines()[:-1])
    assert "漢" in result.out
    figure = f"302 characters, {score['bits_per_character']:.4f} bits per character"
    assert result.out.splitlines()[-1] == figure


@pytest.mark.parametrize(("name", "text"), [("korean_run", KOREAN[:200]), ("lines_run", "anna\nbel\n")])
def test_show_reads_as_the_model_does(
    name: str, text: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    run = request.getfixturevalue(name)
    path = write(tmp_path, text)
    shown = charrnn("evaluate", path, "--checkpoint", run, "--show").out
    score = charrnn("evaluate", path, "--checkpoint", run, "--json").json
    assert f"{score['bits_per_character']:.4f} bits per character" in shown
    assert f"{text.splitlines()[0]}⏎" in shown


def test_show_agrees_with_per_character(run_folder: Path, tmp_path: Path) -> None:
    path = write(tmp_path, TEXT[1000:1200])
    lines = charrnn("evaluate", path, "--checkpoint", run_folder, "--per-character").out
    steps = tmp_path / "steps.jsonl"
    steps.write_text(lines)
    marks = "".join(LEVELS[level_of(step["nats"] / math.log(2))].mark for step in lines_of(steps))
    shown = charrnn("evaluate", path, "--checkpoint", run_folder, "--show").out
    assert marks.replace(" ", "") == "".join(re.findall(r"^[ .:+#]+$", shown, re.MULTILINE)).replace(" ", "")


class Screen(io.StringIO):
    encoding = "utf-8"

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("no_color", [False, True])
def test_colours_are_for_a_terminal_that_wants_them(no_color: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    screen = Screen()
    monkeypatch.setattr(sys, "stdout", screen)
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.delenv("COLORTERM", raising=False)
    monkeypatch.delenv("NO_COLOR", raising=False)
    if no_color:
        monkeypatch.setenv("NO_COLOR", "1")
    show.paint(iter([Character("a", None), Character("x", 12.0, (("e", 0.5),)), Character("\n", 0.0)]))
    shown = screen.getvalue()
    assert ("48;5;160" in shown) is not no_color
    assert ("\n #" in re.sub("\x1b\\[[0-9;]*m", "", shown)) is no_color
    assert not re.search("\x1b\\[[0-9;]*[^0-9;m]", shown)  # nothing but colours: no cursor moves


def test_it_streams(monkeypatch: pytest.MonkeyPatch) -> None:
    """A line is printed before the one after it is known."""
    screen = Screen()
    monkeypatch.setattr(sys, "stdout", screen)

    def text() -> Iterator[Character]:
        yield from (Character(c, 0.0) for c in "first\n")
        yield Character("s", 0.0)
        assert "first⏎" in screen.getvalue()
        yield Character("\n", 0.0)

    show.paint(text())


@pytest.mark.parametrize("text", ["<script>alert(1)</script>", '"><b onclick=x>', "\x1b[31m&amp;\x00'"])
def test_a_page_of_what_was_looked_at_has_the_same_elements_whatever_is_in_it(text: str) -> None:
    def tree(text: str) -> Tree:
        attention = AttentionPage()
        attention.add((text, text), [text, "<end>"], [text], np.array([[1.0, 0.0]]))
        attention.add((text, text), [text], [], None)
        return tree_of(attention.document([(text, text)]))

    found = tree(text)
    assert found.elements == tree("a").elements
    shown = visible(text)
    assert found.text.count(shown) == 4  # a figure's name and value, and a symbol on each side
    assert f"{shown} → {shown}" in found.text
    assert found.notes == [f"{shown} ← {shown}   100%"]
    assert "All 2 pairs are shown." in found.text


def test_a_page_has_as_many_pairs_as_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(attention_page, "PAGE_CELLS", 5)
    attention = AttentionPage()
    for _ in range(3):
        attention.add(("ab", "c"), ["a", "b"], ["c"], np.array([[0.04, 0.96]]))
    tree = tree_of(attention.document([]))
    assert "2 of 3 pairs are shown." in tree.text
    assert tree.notes == ["c ← b   96%"] * 2


def test_html_writes_a_page_beside_the_score(run_folder: Path, tmp_path: Path) -> None:
    path, out = write(tmp_path, TEXT[:400]), tmp_path / "page.html"
    result = charrnn("evaluate", path, "--checkpoint", run_folder, "--html", out, "--json")
    assert result.code == 0, result.err
    tree = tree_of(out.read_text(encoding="utf-8"))
    assert f"{result.json['bits_per_character']:.4f}" in tree.text
    assert "All 400 characters are shown." in tree.text
    assert TEXT[:400].replace("\n", "") in "".join(tree.text).replace("\n", "").replace("⏎", "")


def test_a_long_text_is_shown_in_part(
    run_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(show, "PAGE_CHARACTERS", 100)
    path, out = write(tmp_path, TEXT[:400]), tmp_path / "page.html"
    assert charrnn("evaluate", path, "--checkpoint", run_folder, "--html", out).code == 0
    assert "The first 100 characters are shown" in out.read_text(encoding="utf-8")


def test_a_page_is_never_overwritten(run_folder: Path, tmp_path: Path) -> None:
    path, out = write(tmp_path, TEXT[:400]), tmp_path / "page.html"
    out.write_text("mine")
    result = charrnn("evaluate", path, "--checkpoint", run_folder, "--html", out)
    assert result.code == 2
    assert "page.html exists; choose another --html" in result.err
    assert out.read_text() == "mine"
    missing = charrnn("evaluate", path, "--checkpoint", run_folder, "--html", tmp_path / "no" / "page.html")
    assert missing.code == 2
    assert "there is no folder" in missing.err


@pytest.mark.parametrize(("first", "second"), [("--show", "--json"), ("--show", "--per-character")])
def test_what_is_printed_alone(first: str, second: str, run_folder: Path) -> None:
    result = charrnn("evaluate", "builtin:hello", "--checkpoint", run_folder, first, second)
    assert result.code == 2
    assert f"{first} and {second} are given" in result.err
