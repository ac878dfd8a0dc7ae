"""`charrnn evaluate`: the training's own figure, windows, unknown characters, JSON."""

import json
import math
from pathlib import Path
from typing import Any

import pytest
from program import KOREAN, SMALL, TEXT, charrnn

from charrnn.commands.per_character import _short
from charrnn.runs.checkpoint import load


def evaluate(text: str, run: Path, tmp_path: Path, *options: str) -> Any:  # noqa: ANN401
    """A text's score."""
    path = tmp_path / "scored.txt"
    path.write_text(text, encoding="utf-8")
    result = charrnn("evaluate", path, "--checkpoint", run, "--json", *options)
    assert result.code == 0, result.err
    return result.json


@pytest.mark.parametrize("name", ["run_folder", "korean_run"])
def test_gives_the_trainings_own_figure(name: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    run: Path = request.getfixturevalue(name)
    text = TEXT if name == "run_folder" else KOREAN
    held_back = load(run / "best.safetensors").corpus.validation_characters
    score = evaluate(text[-held_back:], run, tmp_path)
    best = charrnn("info", "--checkpoint", run, "--json").json["best_validation_bits_per_character"]
    assert score["bits_per_character"] == pytest.approx(best, abs=1e-4)
    assert score["characters"] == held_back - 1


def test_units(run_folder: Path, tmp_path: Path) -> None:
    score = evaluate(TEXT[:500], run_folder, tmp_path)
    assert score["nats_per_character"] == pytest.approx(score["bits_per_character"] * math.log(2))
    assert score["perplexity"] == pytest.approx(math.exp(score["nats_per_character"]))
    assert score["bits_per_byte"] == pytest.approx(score["bits_per_character"])


def test_bits_per_byte_of_korean(korean_run: Path, tmp_path: Path) -> None:
    text = KOREAN[:400]
    score = evaluate(text, korean_run, tmp_path)
    expected = score["bits_per_character"] * (len(text) - 1) / len(text[1:].encode())
    assert score["bits_per_byte"] == pytest.approx(expected)


def test_window_blanks_the_state(run_folder: Path, tmp_path: Path) -> None:
    carried, blank, whole = (
        evaluate(TEXT[:2001], run_folder, tmp_path, "--window", window) for window in ("0", "1", "2000")
    )
    assert carried["nats_per_character"] < blank["nats_per_character"]
    assert whole["nats_per_character"] == pytest.approx(carried["nats_per_character"], abs=1e-6)


def test_unknown_characters_are_counted_and_charged(run_folder: Path, tmp_path: Path) -> None:
    clean, dirty = (
        evaluate(TEXT[:300], run_folder, tmp_path),
        evaluate(TEXT[:300] + "漢字", run_folder, tmp_path),
    )
    assert (clean["unknown_characters"], dirty["unknown_characters"]) == (0, 2)
    charged = dirty["nats_per_character"] * 301 - clean["nats_per_character"] * 299
    assert charged == pytest.approx(2 * math.log(0x110000), rel=1e-6)


def test_lines_count_their_ends(lines_run: Path, tmp_path: Path) -> None:
    score = evaluate("anna\nbel\n", lines_run, tmp_path)
    assert score["characters"] == len("anna\nbel\n")
    swapped = evaluate("bel\nanna\n", lines_run, tmp_path)
    assert swapped["nats_per_character"] == pytest.approx(score["nats_per_character"], abs=1e-6)


def test_per_character_adds_up(run_folder: Path, tmp_path: Path) -> None:
    path = tmp_path / "text.txt"
    path.write_text(TEXT[:200])
    lines = charrnn("evaluate", path, "--checkpoint", run_folder, "--per-character").out.splitlines()
    steps = [json.loads(line) for line in lines]
    assert "".join(step["character"] for step in steps) == TEXT[1:200]
    score = evaluate(TEXT[:200], run_folder, tmp_path)
    assert sum(step["nats"] for step in steps) / 199 == pytest.approx(score["nats_per_character"], abs=1e-4)
    likeliest = list(steps[0]["probabilities"].values())
    assert likeliest == sorted(likeliest, reverse=True)


def test_reading_options_go_before_the_models_own(run_folder: Path, tmp_path: Path) -> None:
    path = tmp_path / "latin1.txt"
    path.write_bytes("One bird, caf\xe9".encode("latin-1"))
    assert charrnn("evaluate", path, "--checkpoint", run_folder).code == 3
    read = charrnn("evaluate", path, "--checkpoint", run_folder, "--encoding", "latin-1", "--json")
    assert read.json["unknown_characters"] == 1


def test_the_table_names_its_units(run_folder: Path, tmp_path: Path) -> None:
    path = tmp_path / "text.txt"
    path.write_text(TEXT[:200])
    shown = charrnn("evaluate", path, "--checkpoint", run_folder).out
    assert "bits per character" in shown
    assert "199, of which 0 unknown" in shown


def test_gives_the_trainings_own_figure_where_characters_are_unknown(tmp_path: Path) -> None:
    corpus, run = tmp_path / "corpus.txt", tmp_path / "run"
    corpus.write_text(TEXT)
    assert charrnn("train", corpus, "--min-count", "100", "--run", run, *SMALL).code == 0
    best = load(run / "best.safetensors")
    assert best.vocabulary.unknown is not None
    score = evaluate(TEXT[-best.corpus.validation_characters :], run, tmp_path)
    assert score["unknown_characters"] > 10
    assert score["nats_per_character"] == pytest.approx(
        best.progress.best_validation_nats_per_character, abs=1e-4
    )


def test_a_cost_of_nothing_has_no_sign() -> None:
    assert str(_short(-0.0)) == "0.0"
    assert _short(2 / 3) == 0.666667
