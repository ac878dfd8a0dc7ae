"""Numbers made to hurt, for every option of every command: one line, soon, and 0, 2, 3 or 5."""

import contextlib
import random
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from forked import figures
from program import SMALL, TEXT, charrnn

from charrnn.config.character_sets import character_set
from charrnn.config.declaration import option_name, settings_of
from charrnn.config.settings import (
    EvaluateSettings,
    PlotSettings,
    ReadingSettings,
    Request,
    SampleSettings,
    SeeingSettings,
    TrainSettings,
    VocabularySettings,
)
from charrnn.training import memory, plan_pace, setup

VALUES = [
    *("1e-99999999", "0e999999999", "1e99999999", "-0e999999999", "1e308", "1e-320", "-1e308", "nan", "-inf"),
    *("9" * 40, "9" * 300, "-" + "9" * 300, "9" * 5000, "1" + "0" * 120_000, "0." + "0" * 5000 + "1"),
    *("9" * 300 + "s", "1e300s", "0.000000001s", "9" * 5000 + "h", "1s" * 20_000, "999999999d"),
    *("9" * 5000 + ":1", "1:" + "9" * 5000, "1e-320:1", ":", "1:2:3", "0x10", "1_0"),
    *("+" + "9" * 300 + "m", "１２", "⅓", " ", "", "-", "--"),
    *("a-\U0010ffff" * 10_000, "z" * 120_000, "\x1b]0;x\x07", "\udc80"),
]

RIGHT = ("cannot be written: file name too long", "no update was made")
"""What exit 1 may say: these values are numbers, and no limit that is declared is broken."""

COMMANDS: dict[str, tuple[type[Any], ...]] = {
    "train": (TrainSettings,),
    "sample": (Request, SampleSettings, SeeingSettings),
    "evaluate": (EvaluateSettings, ReadingSettings),
    "vocab": (ReadingSettings, VocabularySettings),
    "plot": (PlotSettings,),
}


def options_of(command: str) -> list[str]:
    """Those that take a value."""
    settings = [setting for kind in COMMANDS[command] for setting in settings_of(kind)]
    found = [item.name for _, item, hint in settings if item.metadata and hint is not bool]
    return [name for name in found if (command, name) not in {("vocab", "vocabulary"), ("sample", "output")}]


def arguments(command: str, option: str, value: str, run: Path, folder: Path) -> list[str | Path]:
    text = folder / "text.txt"
    text.write_text(TEXT[:900], encoding="utf-8")
    bounds = ["--epochs", "1e-6"] if option == "steps" else ["--steps", "1"]
    length = [] if option == "length" else ["--length", "5"]
    others: dict[str, list[str | Path]] = {
        "train": ["train", text, "--run", folder / "new", *SMALL[:2], *SMALL[4:], *bounds],
        "sample": ["sample", "--checkpoint", run, *length],
        "evaluate": ["evaluate", text, "--checkpoint", run],
        "vocab": ["vocab", text],
        "plot": ["plot", run],
    }
    return [*others[command], f"{option_name(option)}={value}"]


def try_options(run: Path, folder: Path, share: float) -> None:
    choice = random.Random(4)
    cases = [(c, o, v) for c in COMMANDS for o in options_of(c) for v in VALUES if choice.random() < share]
    # Several processes would be started with the arguments of this one, the tests'.
    with figures("hostile numbers") as found, patch("charrnn.cli.launch", return_value=0):
        for number, (command, option, value) in enumerate(cases):
            place = folder / str(number)
            place.mkdir()
            with contextlib.chdir(place):
                result = charrnn(*arguments(command, option, value, run, place))
            what = f"{command} {option} {value[:40]!r}: {result.code} {result.err[:500]}"
            assert result.code in {0, 2, 3, 5} or any(said in result.err for said in RIGHT), what
            assert "unexpected" not in result.err, what
            assert "Warning" not in result.err, what
            assert result.code == 0 or result.err.count("\n") == 1, what
            assert result.code == 0 or len(result.err) < 3000, what
        found["cases"] = len(cases)


def test_numbers_that_are_made_to_hurt_get_one_line(run_folder: Path, tmp_path: Path) -> None:
    try_options(run_folder, tmp_path, 0.04)


@pytest.mark.slow
def test_every_such_number_for_every_option(run_folder: Path, tmp_path: Path) -> None:
    try_options(run_folder, tmp_path, 1)


@pytest.mark.parametrize("value", ["1e-99999999", "0e999999999"])
def test_a_share_of_a_hundred_million_digits_is_not_computed(tmp_path: Path, value: str) -> None:
    result = charrnn(*arguments("train", "validation", value, tmp_path, tmp_path))
    assert (result.code, result.out) == (2, "")
    assert f"--validation is {value}; expected 0, a share below 1" in result.err


@pytest.mark.parametrize("value", ["9" * 300 + "s", "1" + "0" * 400, "9" * 18 + "d"])
def test_a_time_of_hundreds_of_digits_is_refused(tmp_path: Path, value: str) -> None:
    result = charrnn(*arguments("train", "max_time", value, tmp_path, tmp_path))
    assert result.code == 2
    assert "expected a duration" in result.err


def test_ranges_given_a_thousand_times_are_looked_at_once() -> None:
    assert character_set("c-ea-d" * 20_000) == "cdeab"
    assert len(character_set("\0-\U0010ffff" * 5000)) == 0x110000 - 0x800


@pytest.mark.parametrize(
    ("options", "advice"),
    [
        (("--hidden", "16384", "--layers", "64"), "lower --hidden, now 16,384"),
        (("--hidden", "16384"), None),
        (("--sequence-length", "65536", "--batch-size", "65536"), "lower --batch-size, now 65,536"),
    ],
)
def test_memory_is_looked_at_before_it_is_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: tuple[str, ...], advice: str | None
) -> None:
    monkeypatch.setattr(memory, "free_bytes", lambda: 16e9)
    for module in (setup, plan_pace):
        monkeypatch.setattr(module, "make_trainer", lambda *_: pytest.fail("memory was taken"))
    text = tmp_path / "text.txt"
    text.write_text(TEXT, encoding="utf-8")
    result = charrnn("train", text, "--run", tmp_path / "run", "--max-time", "10s", *options)
    assert (result.code, result.out) == (5, "")
    assert (advice or "lower --hidden") in result.err
    assert not (tmp_path / "run").exists()
