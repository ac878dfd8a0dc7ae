"""`charrnn train --dry-run`: what it says comes true, what is wrong is told as it is, and nothing is left."""

import os
import re
import tempfile
from pathlib import Path
from types import SimpleNamespace

import pytest
from program import KOREAN, SMALL, TEXT, Result, charrnn

from charrnn.runs.checkpoint import load


@pytest.fixture(autouse=True)
def _in_folder_with_texts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("work", "scratch"):
        (tmp_path / name).mkdir()
    monkeypatch.chdir(tmp_path / "work")
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "scratch"))
    Path("text.txt").write_text(TEXT, encoding="utf-8")
    Path("korean.txt").write_text(KOREAN, encoding="utf-8")
    Path("empty.txt").touch()
    Path("latin.txt").write_bytes("é".encode("latin-1") * 50)


def everything() -> list[str]:
    """All that lies in the working and the temporary folder."""
    return sorted(str(path) for path in Path("..").rglob("*"))


def planned(*arguments: str) -> list[tuple[str, str]]:
    """What a dry run prints, by name."""
    before = everything()
    result = charrnn("train", *arguments, "--dry-run")
    assert result.code == 0, result.err
    assert everything() == before
    return [(line[:15].strip(), line[15:]) for line in result.out.splitlines()]


def number(pattern: str, text: str) -> float:
    """The number that a pattern finds."""
    found = re.search(pattern, text)
    assert found is not None, text
    return float(found[1].replace(",", ""))


@pytest.mark.parametrize(
    "options",
    [
        ("--hidden", "96", "--steps", "3"),
        ("--hidden", "96", "--epochs", "2", "--mode", "lines", "--cell", "gru", "--optimizer", "adamw"),
    ],
    ids=["text", "lines"],
)
def test_what_is_planned_comes_true(options: tuple[str, ...]) -> None:
    rows = dict(planned("text.txt", *options))
    charrnn("train", "text.txt", *options, "--quiet", "--run", "run")
    last = load(Path("run/last.safetensors"))
    network = last.architecture
    size = f"{network.layers}×{network.hidden}, embedding {network.embedding},"
    assert rows["plan"].startswith(f"{network.cell.upper()} {size}")
    assert number("([0-9,]+) parameters", rows["plan"]) == network.parameters
    assert number("^([0-9,]+) characters", rows["characters"]) == last.corpus.characters
    assert number("^([0-9,]+)", rows["symbols"]) == len(last.vocabulary)
    assert number("^([0-9,]+) characters", rows["to learn from"]) == last.corpus.training_characters
    assert number("^([0-9,]+) characters", rows["held out"]) == last.corpus.validation_characters
    assert number("about ([0-9]+) updates", rows["plan"]) == pytest.approx(last.progress.step, rel=0.2)
    assert ("lines" in rows["characters"]) == ("duplicates" in rows) == ("lines" in options)
    disk_bytes = sum(file.stat().st_size for file in Path("run").iterdir())
    assert 0.7 < number("about ([0-9.]+) MB", rows["disk"]) * 1e6 / disk_bytes < 1.5
    assert rows["run"].startswith("runs/text,")


def test_it_prints_whatever_is_quiet_and_nothing_else_keeps_its_notes() -> None:
    result = charrnn("train", "korean.txt", *SMALL, "--dry-run")
    assert result.err == ""
    assert "plan " in result.out
    aloud = charrnn("train", "korean.txt", *SMALL[:-1], "--dry-run")
    assert aloud.out.count("--normalize nfd") == 1
    assert "Hangul" not in aloud.err


def test_what_is_odd_about_a_text_is_shown() -> None:
    Path("odd.txt").write_text("\ufeffone\u00a0two\nsame\nsame\nsame\na\u200bb\n" * 2, encoding="utf-8")
    rows = planned("odd.txt", "--mode", "lines", *SMALL)
    oddities = [text for name, text in rows if name == "oddity"]
    assert "U+00A0 NO-BREAK SPACE, 2×: no-break space" in oddities
    assert "U+200B ZERO WIDTH SPACE, 2×: zero width" in oddities
    assert dict(rows)["duplicates"] == "6 of 10 lines repeat another one"
    assert any(name == "notice" and "byte-order mark removed" in text for name, text in rows)
    assert any(name == "hint" and "characters, which is little" in text for name, text in rows)


def test_what_a_run_would_warn_of_before_it_learns_is_said() -> None:
    novel = "".join(
        f"The {n}th day went by and {n % 7} ships came home to the old harbour.\n" for n in range(400)
    )
    licence = "".join(
        f"SECTION {n}: NO WARRANTY; LIABILITY IS LIMITED (SEE {n % 9}.{n}).\n" for n in range(50)
    )
    Path("licence.txt").write_text(novel + licence, encoding="utf-8")
    told = [text for name, text in planned("licence.txt", *SMALL, "--threads", "999") if name == "hint"]
    assert [text for text in told if text.startswith("the held-out part is unlike the rest")]
    assert [text for text in told if text.startswith("--threads is 999, more than the processor cores")]


def test_a_plan_that_follows_from_the_clock_says_so() -> None:
    rows = planned("text.txt", "--max-time", "1s")
    assert any("timed just now" in text for _, text in rows)
    assert not any("timed just now" in text for _, text in planned("text.txt", *SMALL))


def test_a_run_in_its_place_is_named_and_one_that_is_asked_for_is_not_made() -> None:
    charrnn("train", "text.txt", *SMALL)
    assert dict(planned("text.txt", *SMALL))["run"].startswith("runs/text-2,")
    assert dict(planned("text.txt", *SMALL, "--run", "deep/er/run"))["run"].startswith("deep/er/run,")
    rows = dict(planned("korean.txt", *SMALL[2:], "--init-from", "text"))
    assert rows["from"].startswith("text: ")
    assert "LSTM 1×16" in rows["plan"]


WRONG = {
    "missing": ("nothing.txt",),
    "empty": ("empty.txt",),
    "not utf-8": ("latin.txt",),
    "no corpus": (),
    "a run is there": ("text.txt", "--run", "taken"),
    "a file is there": ("text.txt", "--run", "text.txt"),
    "below a file": ("text.txt", "--run", "text.txt/run"),
    "prompt": ("text.txt", "--prompt", "가"),
    "min count": ("text.txt", "--min-count", "999999"),
    "too much is held out": ("text.txt", "--validation", "99999999"),
    "no such model": ("text.txt", "--init-from", "nothing"),
    "another level": ("text.txt", "--init-from", "taken", "--level", "byte"),
    "too large": ("text.txt", "--hidden", "60000", "--layers", "16"),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong_is_told_as_a_run_would(name: str) -> None:
    charrnn("train", "text.txt", *SMALL, "--run", "taken")
    before = everything()
    real = charrnn("train", *SMALL, *WRONG[name])
    dry = charrnn("train", *SMALL, *WRONG[name], "--dry-run")
    assert everything() == before
    assert real.code > 0
    assert told(dry) == told(real)


def told(result: Result) -> tuple[int, str, str]:
    """Exit code and what was said; how much memory is free changes by the moment."""
    return result.code, result.out, re.sub("there are [0-9.,]+ GB", "", result.err)


def test_a_full_disk_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.disk_usage", lambda _: SimpleNamespace(free=1000))
    before, result = everything(), charrnn("train", "text.txt", *SMALL, "--dry-run")
    assert (result.code, everything()) == (5, before)
    assert "MB on disk" in result.err


@pytest.mark.parametrize("run", ["locked/run", "locked/deep/run"])
def test_a_place_that_nobody_may_write_to_is_told(run: str, monkeypatch: pytest.MonkeyPatch) -> None:
    Path("locked").mkdir()
    monkeypatch.setattr(os, "access", lambda path, _: Path(path).name != "locked")  # the superuser may all
    result = charrnn("train", "text.txt", *SMALL, "--run", run, "--dry-run")
    assert (result.code, result.err) == (
        1,
        f"charrnn: {run} cannot be written: permission denied; give another place\n",
    )


def test_no_run_goes_on_dry_and_no_run_keeps_it() -> None:
    charrnn("train", "text.txt", *SMALL)
    assert "dry_run" not in Path("runs/text/config.toml").read_text(encoding="utf-8")
    assert "dry_run" not in load(Path("runs/text/last.safetensors")).settings
    before, result = everything(), charrnn("train", "--resume", "--dry-run")
    assert (result.code, everything()) == (2, before)
    assert result.err.startswith("charrnn: --dry-run ")
