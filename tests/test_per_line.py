"""`charrnn evaluate --per-line` and `--per-character`: in order, exact, adding up to the score."""

import json
import math
from pathlib import Path

import pytest
from program import KOREAN, SMALL, TEXT, charrnn

OPTIONS = {
    "char": ("--level", "char"),
    "byte": ("--level", "byte"),
    "nfd": ("--normalize", "nfd"),
    "lines": ("--mode", "lines"),
    "lines of bytes": ("--mode", "lines", "--level", "byte"),
    "lines in nfd": ("--mode", "lines", "--normalize", "nfd"),
}
PASSAGE = KOREAN[:200].replace("\n", "\n\n", 2) + "漢字 \x1b[31m é\r\nend"
"""Empty lines, characters that the model does not know, control codes, CR LF, no line feed at the end."""


@pytest.fixture(scope="module", params=OPTIONS)
def run(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("run")
    corpus = folder / "corpus.txt"
    corpus.write_text(KOREAN, encoding="utf-8")
    assert charrnn("train", corpus, "--run", folder / "run", *SMALL, *OPTIONS[request.param]).code == 0
    return folder / "run"


@pytest.fixture
def passage(tmp_path: Path) -> Path:
    path = tmp_path / "passage.txt"
    path.write_bytes(PASSAGE.encode())
    return path


def test_a_line_after_its_score(run: Path, passage: Path) -> None:
    result = charrnn("evaluate", passage, "--checkpoint", run, "--per-line")
    assert result.code == 0, result.err
    scores, texts = zip(
        *(line.split("\t", 1) for line in result.out.removesuffix("\n").split("\n")), strict=True
    )
    # Records have their line ends taken off, CR LF too.
    expected = PASSAGE.replace("\r\n", "\n") if "lines" in str(run_mode(run)) else PASSAGE
    assert list(texts) == expected.split("\n")
    assert all(math.isfinite(float(score)) for score in scores)


def run_mode(run: Path) -> str:
    return (run / "config.toml").read_text().split('mode = "')[1].split('"')[0]


def test_lines_add_up_to_the_score(run: Path, passage: Path) -> None:
    options = ("evaluate", passage, "--checkpoint", run, "--json")
    score = charrnn(*options).json
    lines = [json.loads(line) for line in charrnn(*options, "--per-line").out.splitlines()]
    assert sum(line["characters"] for line in lines) == score["characters"]
    bits = sum(line["bits_per_character"] * line["characters"] for line in lines)
    assert bits == pytest.approx(score["bits_per_character"] * score["characters"], rel=1e-5)


def test_characters_add_up_to_the_score(run: Path, passage: Path) -> None:
    options = ("evaluate", passage, "--checkpoint", run)
    score = charrnn(*options, "--json").json
    lines = [json.loads(line) for line in charrnn(*options, "--per-character").out.split("\n")[:-1]]
    assert len(lines) == score["characters"]
    assert sum(line["nats"] for line in lines) == pytest.approx(
        score["nats_per_character"] * score["characters"], rel=1e-4
    )
    found = "".join("\n" if line["character"] == "<end>" else line["character"] for line in lines)
    expected = PASSAGE[1:] if run_mode(run) == "text" else PASSAGE.replace("\r\n", "\n") + "\n"
    assert found == expected
    for line in lines:
        if "symbols" in line:
            assert sum(step["nats"] for step in line["symbols"]) == pytest.approx(line["nats"], rel=1e-4)
            assert line["symbols"][0]["probabilities"] == line["probabilities"]


def test_a_line_costs_what_its_characters_cost(run_folder: Path, tmp_path: Path) -> None:
    path = tmp_path / "text.txt"
    path.write_text(TEXT[:1000])
    options = ("evaluate", path, "--checkpoint", run_folder, "--window", "100")
    lines = [json.loads(line) for line in charrnn(*options, "--per-line", "--json").out.splitlines()]
    costs = [json.loads(line) for line in charrnn(*options, "--per-character").out.splitlines()]
    begin = 0
    for line in lines:
        mean = sum(one["nats"] for one in costs[begin : begin + line["characters"]]) / line["characters"]
        assert line["bits_per_character"] * math.log(2) == pytest.approx(mean, rel=1e-4)
        begin += line["characters"]
    assert "\n".join(line["line"] for line in lines) == TEXT[:1000]


def test_records_of_several_lines_stay_on_one(tmp_path: Path) -> None:
    tunes, run = tmp_path / "tunes.abc", tmp_path / "run"
    tunes.write_text("X:1\nK:C\nCDEF|\n\n" * 30)
    assert charrnn("train", tunes, "--mode", "lines", "--delimiter", "", "--run", run, *SMALL).code == 0
    shown = charrnn("evaluate", tunes, "--checkpoint", run, "--per-line").out.splitlines()
    assert len(shown) == 30
    assert {line.split("\t")[1] for line in shown} == {"X:1␊K:C␊CDEF|"}


def test_bytes_come_out_as_they_came_in(tmp_path: Path) -> None:
    data, run = bytes(range(256)) * 8, tmp_path / "run"
    path = tmp_path / "data.bin"
    path.write_bytes(data)
    assert charrnn("train", path, "--level", "byte", "--run", run, *SMALL).code == 0
    shown = charrnn("evaluate", path, "--checkpoint", run, "--per-line").out_bytes
    lines = shown.removesuffix(b"\n").split(b"\n")
    assert b"\n".join(line.split(b"\t", 1)[1] for line in lines) == data
