"""`charrnn vocab` and `charrnn info`: tables, JSON, and what a model does not know."""

import json
import re
from pathlib import Path

import pytest
from program import KOREAN, SMALL, TEXT, charrnn
from rich.cells import cell_len


@pytest.fixture
def text(tmp_path: Path) -> Path:
    path = tmp_path / "text.txt"
    path.write_text(TEXT, encoding="utf-8")
    return path


@pytest.fixture
def korean(tmp_path: Path) -> Path:
    path = tmp_path / "korean.txt"
    path.write_text(KOREAN, encoding="utf-8")
    return path


def test_json(text: Path) -> None:
    found = charrnn("vocab", text, "--json").json
    assert found["characters"] == len(TEXT)
    assert found["distinct"] == len(set(TEXT)) == len(found["entries"])
    counts = [entry["count"] for entry in found["entries"]]
    assert counts == sorted(counts, reverse=True)
    first = found["entries"][0]
    assert set(first) == {"character", "code_point", "name", "count", "share"}
    assert first["count"] == max(TEXT.count(character) for character in set(TEXT))
    assert sum(entry["share"] for entry in found["entries"]) == pytest.approx(1)


def test_columns_stay_straight_with_double_width_characters(korean: Path) -> None:
    lines = [line for line in charrnn("vocab", korean).out.splitlines() if "U+" in line]
    assert any("HANGUL SYLLABLE" in line for line in lines)
    assert len({cell_len(line[: line.index("U+")]) for line in lines}) == 1


def test_controls_are_shown_not_sent(tmp_path: Path) -> None:
    (tmp_path / "wild.txt").write_text("a\x1b[31mb\u202ec\td\n")
    shown = charrnn("vocab", tmp_path / "wild.txt").out
    assert "\x1b" not in shown
    assert "\u202e" not in shown
    assert "U+001B" in shown


def test_a_written_vocabulary_can_be_trained_with(text: Path, korean: Path, tmp_path: Path) -> None:
    output = tmp_path / "vocabulary.json"
    assert charrnn("vocab", text, "--output", output).code == 0
    written = json.loads(output.read_text())
    assert len(written["entries"]) == len(set(TEXT))
    result = charrnn("train", korean, "--vocabulary", output, "--run", tmp_path / "run", *SMALL)
    assert result.code == 0, result.err
    distinct = charrnn("vocab", "--checkpoint", tmp_path / "run", "--json").json["distinct"]
    assert distinct == len(set(TEXT)) + 1


def test_of_a_checkpoint(run_folder: Path, text: Path) -> None:
    of_model, of_text = (
        charrnn("vocab", *arguments, "--json").json for arguments in (("--checkpoint", run_folder), (text,))
    )
    assert of_model["entries"] == of_text["entries"]


def test_what_a_model_does_not_know(run_folder: Path, tmp_path: Path) -> None:
    path = tmp_path / "other.txt"
    path.write_text("One\nbird 漢 漢\nÉ\n", encoding="utf-8")
    found = charrnn("vocab", path, "--checkpoint", run_folder, "--json").json
    assert [(u["character"], u["count"], u["line"]) for u in found["unknown"]] == [("漢", 2, 2), ("É", 1, 3)]
    table = charrnn("vocab", path, "--checkpoint", run_folder).out
    assert "U+6F22" in table
    assert "other.txt:2:6" in table


def test_nothing_unknown(run_folder: Path, text: Path) -> None:
    assert "knows every character" in charrnn("vocab", text, "--checkpoint", run_folder).out


def test_info_has_what_scripts_rely_on(run_folder: Path) -> None:
    found = charrnn("info", "--checkpoint", run_folder, "--json").json
    assert found["cell"] == "lstm"
    assert (found["layers"], found["hidden"], found["step"]) == (1, 32, 150)
    assert found["vocabulary_size"] == len(set(TEXT))
    assert found["characters_seen"] == 150 * 8 * 32
    assert found["parameters"] > 0
    assert 0 < found["best_validation_bits_per_character"] < 6
    assert "corpus.txt" not in json.dumps(found), "no path of the machine it was trained on"


def test_info_as_a_table(run_folder: Path) -> None:
    shown = charrnn("info", "--checkpoint", run_folder).out
    assert "lstm" in shown
    assert "parameters" in shown
    assert re.search(r"^best validation +bits per character \d\.\d{4}$", shown, re.MULTILINE)
