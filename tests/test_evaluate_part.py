"""`charrnn evaluate --part validation`: the training's own figure; and what makes a score worth little."""

import math
import shutil
from pathlib import Path

import pytest
from program import KOREAN, SMALL, TEXT, charrnn

from charrnn.runs.checkpoint import load
from charrnn.text.dataset import open_dataset

NAMES = "".join(
    f"{first}{last}\n" for first in ("an", "be", "cor", "dele") for last in ("na", "l", "ta", "mir")
)


def trained(tmp_path: Path, texts: list[str], *options: str) -> Path:
    """A small run on a file, or on a folder of several."""
    corpus, run = tmp_path / "corpus", tmp_path / "run"
    if len(texts) == 1:
        corpus.write_text(texts[0], encoding="utf-8")
    else:
        corpus.mkdir()
        for number, text in enumerate(texts):
            (corpus / f"{number}.txt").write_text(text, encoding="utf-8")
    result = charrnn("train", corpus, "--run", run, *SMALL, *options)
    assert result.code == 0, result.err
    return run


CASES: dict[str, tuple[list[str], tuple[str, ...]]] = {
    "one file": ([TEXT], ()),
    "several files": ([TEXT[:3000], TEXT[3000:]], ()),
    "unknown symbols": ([TEXT[:3000], TEXT[3000:]], ("--min-count", "100")),
    "decomposed": ([KOREAN[:2000], KOREAN[2000:]], ("--normalize", "nfd")),
    "bytes": ([KOREAN[:2000], KOREAN[2000:]], ("--level", "byte")),
    "lines": ([NAMES * 10], ("--mode", "lines")),
    "decomposed lines": ([KOREAN], ("--mode", "lines", "--normalize", "nfd")),
    "records": ([TEXT.replace("!\n", "!\n\n")], ("--mode", "lines", "--delimiter", "")),
}


@pytest.mark.parametrize("name", CASES)
def test_is_the_trainings_own_best_figure(name: str, tmp_path: Path) -> None:
    texts, options = CASES[name]
    run = trained(tmp_path, texts, *options)
    result = charrnn("evaluate", "--part", "validation", "--checkpoint", run, "--json", "--baselines")
    assert result.code == 0, result.err
    best, part = load(run / "best.safetensors"), open_dataset(run).validation
    assert part is not None
    score = result.json
    assert score["nats_per_character"] == pytest.approx(
        best.progress.best_validation_nats_per_character, abs=1e-5
    )
    assert score["characters"] == part.scored_characters
    assert (score["unknown_characters"] > 0) == (name == "unknown symbols")
    found = {baseline["name"]: baseline["bits_per_character"] for baseline in score["baselines"]}
    if name != "unknown symbols":
        uniform = math.log2(len(best.vocabulary)) * part.scored_symbols / part.scored_characters
        assert found["uniform"] == pytest.approx(uniform, rel=0.01)
    assert found["unigram"] < found["uniform"]
    assert result.err == ""


def test_is_the_end_of_the_file_in_every_report(tmp_path: Path) -> None:
    run = trained(tmp_path, [TEXT])
    end = tmp_path / "end.txt"
    end.write_text(TEXT[-load(run / "best.safetensors").corpus.validation_characters :])
    for options in (("--per-line",), ("--per-character",), ("--show",), ("--window", "64")):
        held, named = (
            charrnn("evaluate", *text, "--checkpoint", run, *options)
            for text in (("--part", "validation"), (end,))
        )
        assert held.code == named.code == 0, held.err + named.err
        assert held.out == named.out


def test_a_validation_file_is_its_part(tmp_path: Path) -> None:
    other = tmp_path / "other.txt"
    other.write_text("漢字 One bird sat.\n漢" * 20, encoding="utf-8")
    run = trained(tmp_path, [TEXT], "--validation", str(other))
    held, named = (
        charrnn("evaluate", *text, "--checkpoint", run, "--json").json
        for text in (("--part", "validation"), (other,))
    )
    assert held["unknown_characters"] == named["unknown_characters"] == 59
    assert held["nats_per_character"] == pytest.approx(named["nats_per_character"])


def test_wrong_use_is_said(tmp_path: Path) -> None:
    run = trained(tmp_path, [TEXT])
    alone = tmp_path / "alone.safetensors"
    shutil.copy(run / "best.safetensors", alone)
    part = ("evaluate", "--part", "validation", "--checkpoint")
    refused = {
        "in its run folder": (*part, alone),
        "expected a text or a part": (*part, run, tmp_path / "corpus"),
        "--encoding is given": (*part, run, "--encoding", "latin-1"),
        "no text is given": ("evaluate", "--checkpoint", run),
    }
    for message, arguments in refused.items():
        result = charrnn(*arguments)
        assert (result.code, result.out) == (2, "")
        assert message in result.err
    (tmp_path / "second").mkdir()
    nothing = trained(tmp_path / "second", [TEXT], "--validation", "0")
    result = charrnn(*part, nothing)
    assert result.code == 2
    assert "held out nothing" in result.err
    (run / "corpus.npy").write_bytes((nothing / "corpus.npy").read_bytes()[:-1] + b"\1")
    result = charrnn(*part, run)
    assert result.code == 3
    assert "not the one that best.safetensors was trained on" in result.err


def test_a_text_that_was_learnt_from_is_said(tmp_path: Path) -> None:
    text = "".join(f"{i} plus {i * i} is {i + i * i}, she said.\n" for i in range(400))
    run = trained(tmp_path, [text])
    some, other = tmp_path / "some.txt", tmp_path / "other.txt"
    some.write_text(text[100:5000] + "And now for something completely different.")
    other.write_text("".join(f"{i} less {i * 7} gives {i - i * 7}; they wrote.\n" for i in range(400)))

    def told(path: Path) -> str:
        result = charrnn("evaluate", path, "--checkpoint", run, "--json")
        assert result.code == 0
        assert result.json["characters"] > 1
        return result.err

    assert "is what the model was trained on" in told(tmp_path / "corpus")
    assert "most of it (9" in told(some)
    assert told(some).count("\n") == 1
    assert told(other) == ""


def test_lines_that_were_learnt_from_are_said(tmp_path: Path) -> None:
    run = trained(
        tmp_path, ["".join(f"name {i}\n" for i in range(300))], "--mode", "lines", "--validation", "30"
    )
    some = tmp_path / "some.txt"
    some.write_text("".join(f"name {i}\n" for i in range(100, 0, -1)))
    assert "most of it" in charrnn("evaluate", some, "--checkpoint", run).err
    some.write_text("".join(f"name {i}\n" for i in range(5000, 5100)))
    assert charrnn("evaluate", some, "--checkpoint", run).err == ""


def test_a_text_that_is_mostly_unknown_is_said(tmp_path: Path) -> None:
    run = trained(tmp_path, [TEXT])
    other = tmp_path / "other.txt"
    other.write_text(KOREAN, encoding="utf-8")
    result = charrnn("evaluate", other, "--checkpoint", run)
    assert result.code == 0
    assert "is unknown to the model" in result.err
