"""What people type: escapes, prompts in files, seeds that are drawn."""

import sys
import tomllib
from pathlib import Path

import numpy as np
import pytest
from program import SMALL, TEXT, charrnn

from charrnn.commands.prompts import typed_prompt
from charrnn.config.character_sets import unescaped
from charrnn.config.settings import ReadingSettings
from charrnn.decoding.network import Decoder
from charrnn.decoding.prompt import as_written
from charrnn.errors import InputError
from charrnn.model.architecture import Architecture

pytestmark = pytest.mark.usefixtures("in_empty_folder")


def test_what_is_looked_for_is_spelt_as_models_write_it() -> None:
    for form, written in {
        "none": "e\u0301…",
        "nfc": "é…",
        "nfd": "é…",
        "nfkc": "é...",
        "nfkd": "é...",
    }.items():
        assert as_written("e\u0301…", form) == written


@pytest.mark.parametrize(
    ("typed", "text"),
    [
        (r"a\nb\tc\r", "a\nb\tc\r"),
        (r"a\\n\-\x41\u00e9\U0001f600", "a\\n-Aé\U0001f600"),
        (r"\d C:\files \begin \u12 \xg \\", "\\d C:\\files \\begin \\u12 \\xg \\"),
        (r"\ud800 \U00110000", "\\ud800 \\U00110000"),
        ("line\nfeed", "line\nfeed"),
    ],
)  # fmt: skip
def test_escapes_are_those_of_allow_and_others_stay(typed: str, text: str) -> None:
    assert unescaped(typed) == text


@pytest.mark.parametrize(
    ("typed", "reading", "text"),
    [
        ("@@anna ", {}, "@anna "),
        ("@@@", {}, "@@"),
        ("@", {}, "@"),
        (r"\-", {}, "-"),
        (r"a\r\nb", {"newlines": "lf"}, "a\nb"),
        ("@file", {}, "one\\n\r\ntwo\r\n"),
        ("@file", {"newlines": "lf"}, "one\\n\ntwo\n"),
        ("@file", {"mode": "lines"}, "one\\n\r\ntwo"),
        ("@file", {"mode": "lines", "newlines": "lf"}, "one\\n\ntwo"),
    ],
)
def test_a_prompt_is_read_as_it_is_meant(typed: str, reading: dict[str, str], text: str) -> None:
    Path("file").write_bytes(b"\xef\xbb\xbfone\\n\r\ntwo\r\n")
    settings = ReadingSettings(**reading)  # type: ignore[arg-type] # every one of them is a text
    assert typed_prompt(typed, settings) == text


def test_standard_input_has_no_mark_and_no_final_newline_in_lines_mode(lines_run: Path) -> None:
    options = ("sample", "--checkpoint", lines_run, "--temperature", "0")
    plain = charrnn(*options, "--prompt", "cor")
    assert charrnn(*options, "--prompt", "-", standard_input=b"\xef\xbb\xbfcor\r\n").out == plain.out
    Path("prompt.txt").write_bytes(b"cor\n")
    assert charrnn(*options, "--prompt", "@prompt.txt").out == plain.out


def test_cr_lf_in_a_prompt_is_a_line_end_to_a_model_without_cr(run_folder: Path) -> None:
    Path("prompt.txt").write_bytes(b"sat on wall number 1.\r\nOne ")
    sampled = charrnn("sample", "--checkpoint", run_folder, "--prompt", "@prompt.txt", "--length", "5")
    assert sampled.code == 0, sampled.err
    assert sampled.out.startswith("sat on wall number 1.\nOne ")


def test_escapes_work_in_prompt_and_stop(run_folder: Path) -> None:
    options = ("sample", "--checkpoint", run_folder, "--temperature", "0", "--prompt", r"back!\n1 little")
    written = charrnn(*options, "--length", "200")
    assert written.out.startswith("back!\n1 little")
    stopped = charrnn(*options, "--length", "200", "--stop", r"\n")
    assert stopped.out == "\n".join(written.out.split("\n")[:2])


def test_escapes_work_in_a_delimiter() -> None:
    Path("poems.txt").write_text("roses\nred\n\nviolets\nblue\n\n" * 20)
    options = ("vocab", "poems.txt", "--mode", "lines", "--json", "--delimiter")
    blank, typed = (charrnn(*options, delimiter) for delimiter in ("", r"\n\n"))
    assert (blank.code, blank.out) == (typed.code, typed.out)


def test_train_takes_a_prompt_from_a_file_and_keeps_its_text() -> None:
    Path("text.txt").write_text("@" + TEXT)
    Path("prompt.txt").write_text("@1 little\n")
    small = (*SMALL[:-1], "--sample-every", "5", "--run")
    trained = charrnn("train", "text.txt", "--prompt", "@prompt.txt", *small, "run")
    assert trained.code == 0, trained.err
    assert tomllib.loads(Path("run/config.toml").read_text())["prompt"] == "@1 little\n"
    again = charrnn("train", "--config", "run/config.toml", "--run", "again", "--quiet")
    assert again.code == 0, again.err
    assert Path("again/samples.txt").read_text() == Path("run/samples.txt").read_text()
    longer = ("train", "--resume", "--run", "run", "--steps", "30", "--prompt", "@@")
    assert charrnn(*longer).code == 0
    assert tomllib.loads(Path("run/config.toml").read_text())["prompt"] == "@"
    missing = charrnn("train", "text.txt", "--prompt", "@missing.txt", *small, "third")
    assert missing.code == 3
    assert "@@" in missing.err


def test_a_seed_is_drawn_and_said(run_folder: Path) -> None:
    options = ("sample", "--checkpoint", run_folder, "--length", "40", "--seed")
    drawn = [charrnn(*options, "random") for _ in range(2)]
    assert drawn[0].out != drawn[1].out
    seed = drawn[0].err.split()[-1]
    assert charrnn(*options, seed).out == drawn[0].out
    found = charrnn(*options, "random", "--json")
    assert str(found.json["seed"]) == found.err.split()[-1]
    Path("text.txt").write_text(TEXT)
    trained = charrnn("train", "text.txt", *SMALL, "--run", "run", "--seed", "random")
    assert f"--seed {tomllib.loads(Path('run/config.toml').read_text())['seed']}" in trained.err


def test_a_long_prompt_shows_how_far_it_is_read(run_folder: Path) -> None:
    Path("prompt.txt").write_text(TEXT * 3)
    options = ("sample", "--checkpoint", run_folder, "--length", "20", "--prompt")
    sampled = charrnn(*options, "@prompt.txt")
    assert sampled.out.startswith(TEXT * 3)
    assert f"reading the prompt: {len(TEXT) * 3:,} of {len(TEXT) * 3:,} symbols" in sampled.err
    assert charrnn(*options, "One ").err == ""


@pytest.mark.parametrize("cell", ["rnn", "gru", "lstm"])
@pytest.mark.parametrize("embedding", [0, 8])
def test_reading_in_blocks_is_reading_one_by_one(cell: str, embedding: int) -> None:
    architecture = Architecture(cell=cell, layers=3, hidden=16, embedding=embedding, symbols=20)
    random = np.random.default_rng(0)
    shapes = architecture.shapes().items()
    weights = {name: random.normal(size=shape, scale=0.3).astype(np.float32) for name, shape in shapes}
    one, blocks, told = Decoder(architecture, weights), Decoder(architecture, weights), list[int]()
    ids = random.integers(0, 20, 1100)
    for row in ids.reshape(-1, 1):
        logits = one.step(row)
    np.testing.assert_allclose(blocks.read(ids, told.append), logits, atol=1e-5)
    for read, stepped in zip(blocks.state, one.state, strict=True):
        np.testing.assert_allclose(read, stepped, atol=1e-5)
    assert sum(told) == 1100


def test_standard_input_that_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", None)
    with pytest.raises(InputError, match="from standard input, which is closed; give a text"):
        typed_prompt("-", ReadingSettings())
