"""Weights that are finite and absurd, and metrics of somebody else: a line, no library's words."""

import json
import random
import shutil
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from forging import with_arrays
from forked import figures
from program import charrnn, lines_of


@pytest.mark.parametrize("value", [1e38, -3e38, 3e38, 1e-40, 1e30, 1e4])
@pytest.mark.parametrize(
    "part", ["output.weight", "recurrent_weight", "input_weight", "embedding", "bias", ""]
)
def test_absurd_weights_get_a_line_or_a_text(
    run_folder: Path, tmp_path: Path, part: str, value: float
) -> None:
    model, text = tmp_path / "x.safetensors", tmp_path / "text.txt"
    shutil.copy(run_folder / "best.safetensors", model)
    text.write_text("3 little birds sat on wall number 4.\n", encoding="utf-8")

    def fill(arrays: dict[str, Any]) -> None:
        for name, array in arrays.items():
            if part in name:
                signs = np.random.default_rng(1).choice([-1, 1], array.shape)
                arrays[name] = (signs * np.float32(value)).astype(np.float32)

    with_arrays(model, fill)
    sample = ("sample", "--checkpoint", model, "--length", "40", "--json")
    for command in (
        sample,
        (*sample, "--count", "3", "--temperature", "0.01:3", "--top-p", "0.9", "--typical", "0.9"),
        (*sample, "--best-of", "2", "--repetition-penalty", "1.2", "--min-p", "0.1", "--top-k", "5"),
        ("sample", "--checkpoint", model, "--checkpoint", run_folder, "--length", "20", "--json"),
        ("evaluate", text, "--checkpoint", model, "--json"),
        ("evaluate", text, "--checkpoint", model),
    ):
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            result = charrnn(*command)
        assert result.code in {0, 3}, (command, result.err)
        assert "Warning" not in result.err
        assert result.code == 0 or "not a finite number" in result.err
        if result.code == 0 and "--json" in command:
            json.loads(result.out, parse_constant=pytest.fail)


def test_a_perplexity_beyond_numbers_is_infinite(run_folder: Path, tmp_path: Path) -> None:
    model, text = tmp_path / "x.safetensors", tmp_path / "text.txt"
    shutil.copy(run_folder / "best.safetensors", model)
    text.write_text("3 little birds sat on wall number 4.\n", encoding="utf-8")

    def fill(arrays: dict[str, Any]) -> None:
        arrays["model.output.weight"] = arrays["model.output.weight"] * np.float32(1e6)

    with_arrays(model, fill)
    found = charrnn("evaluate", text, "--checkpoint", model, "--json").json
    assert found["perplexity"] is None
    assert found["bits_per_character"] > 1024
    assert "infinite" in charrnn("evaluate", text, "--checkpoint", model).out


ODD: list[Any] = [
    *(0, 1, -1, -5, 1e14, -1e14, 1e15, 1e-320, 1e308, 10**400, True, None, "x", [], {}, [[]]),
    *(float("nan"), float("inf"), 0.0, -0.0, 2**53, 0.5),
]


def odd_lines(lines: list[dict[str, Any]], choice: random.Random) -> bytes:
    kept = [dict(choice.choice(lines)) for _ in range(choice.randrange(1, 6))]
    for line in kept:
        for _ in range(choice.randrange(4)):
            name = choice.choice(list(line) or ["step"])
            line[name] = choice.choice(ODD)
            if choice.random() < 0.1:
                del line[name]
    data = "\n".join(map(json.dumps, kept)).encode() + choice.choice([b"", b"\n", b"\n[[[[", b"\n\xff\0\n"])
    if choice.random() < 0.2:
        place = choice.randrange(len(data))
        data = data[:place] + choice.randbytes(3) + data[place + choice.randrange(4) :]
    return data


def try_metrics(run: Path, folder: Path, count: int) -> None:
    choice, place = random.Random(2), folder / "run"
    shutil.copytree(run, place)
    lines = lines_of(run / "metrics.jsonl")
    by = ("step", "seconds", "characters")
    with figures("metrics that somebody else wrote") as found:
        for _ in range(count):
            (place / "metrics.jsonl").write_bytes(odd_lines(lines, choice))
            picture = folder / f"x{choice.choice(['.svg'] * 19 + ['.png'])}"  # the latter takes half a second
            picture.unlink(missing_ok=True)
            calls: list[tuple[str | Path, ...]] = [
                ("runs", place, "--json"),
                ("runs", place),
                ("plot", place, "--by", choice.choice(by)),
                ("plot", place, "--json"),
                ("plot", place, "--by", choice.choice(by), "--output", picture),
            ]
            result = charrnn(*(call := choice.choice(calls)))
            nothing = result.code == 3 and "nothing to draw" in result.err
            assert result.code == 0 or nothing, (call, result.err, (place / "metrics.jsonl").read_bytes())
            if "--json" in call and not nothing:
                json.loads(result.out, parse_constant=pytest.fail)
            assert "nan" not in result.out.lower().replace("finance", ""), result.out
        found["files"] = count


def test_metrics_that_somebody_else_wrote(run_folder: Path, tmp_path: Path) -> None:
    try_metrics(run_folder, tmp_path, 120)


@pytest.mark.slow
def test_2_000_files_of_metrics(run_folder: Path, tmp_path: Path) -> None:
    try_metrics(run_folder, tmp_path, 2000)
