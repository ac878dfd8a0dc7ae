"""`charrnn inspect`: what it prints, and what it refuses."""

import base64
import hashlib
import re
from pathlib import Path

import numpy as np
import pytest
from forging import with_arrays
from program import TEXT, charrnn, python

GATES = {"layer", "gate", "left_saturated", "right_saturated"}
CELLS = {
    *("layer", "cell", "direction", "property", "score", "null_95", "surface_score", "untrained_score"),
    *("together_score", "untrained_together_score"),
    *("span_characters", "ablation_bits", "ablation_bits_inside", "value_inside", "value_outside"),
}


def test_what_a_run_held_out_is_inspected(run_folder: Path) -> None:
    result = charrnn("inspect", "--checkpoint", run_folder, "--json", "--ablate", "0")
    assert result.code == 0, result.err
    found = result.json
    assert found["characters"] >= 800
    assert [set(gate) for gate in found["gates"]] == [GATES] * 3
    assert [gate["gate"] for gate in found["gates"]] == ["input", "forget", "output"]
    assert all(
        0 <= gate[name] <= 1 for gate in found["gates"] for name in ("left_saturated", "right_saturated")
    )
    assert found["cells"]
    for row in found["cells"]:
        assert set(row) >= CELLS
        assert row["null_95"] < row["score"] <= 1
        assert row["layer"] == 1
        assert 1 <= row["cell"] <= 32
        assert row["span_characters"] > 0
        assert 0 <= row["untrained_together_score"] <= 1
        assert row["together_score"] > 0.2
    leads = [row["score"] - max(row["surface_score"], row["untrained_score"]) for row in found["cells"]]
    assert leads == sorted(leads, reverse=True)
    assert "in a comment" in found["left_out"]
    assert charrnn("inspect", "--checkpoint", run_folder, "--json", "--ablate", "0").json == found


def test_a_text_that_is_named_and_what_is_looked_for(run_folder: Path, tmp_path: Path) -> None:
    (tmp_path / "text.txt").write_text(TEXT)
    arguments = (
        "inspect",
        tmp_path / "text.txt",
        "--checkpoint",
        run_folder,
        "--characters",
        "2000",
        "--ablate",
        "0",
    )
    result = charrnn(*arguments, "--property", "birds=b[a-z]+s", "--top", "3", "--json")
    assert result.code == 0, result.err
    assert len(result.json["cells"]) <= 3
    everything = charrnn(
        *arguments, "--property", "birds=b[a-z]+s", "--cell", "1:7", "--json", "--top", "100"
    ).json
    assert {(row["layer"], row["cell"]) for row in everything["cells"]} == {(1, 7)}
    assert "birds" in {row["property"] for row in everything["cells"]}
    table = charrnn(*arguments, "--cell", "1:7").out
    assert re.search(r"place in the line +1:7 +0\.\d\d", table)
    assert "above 0.9" in table
    assert re.search(r"0\.\d\d / 0\.\d\d", table)


def test_torch_is_not_loaded(run_folder: Path) -> None:
    code = (
        "import sys; from charrnn.cli import run_command; "
        f"code = run_command(['inspect', '--checkpoint', {str(run_folder)!r}, '--ablate', '0', '--json']); "
        "print(code, 'torch' in sys.modules)"
    )
    assert python(code).splitlines()[-1] == "0 False"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--cell", "2:1"), "--cell is 2:1, but the model has the cells 1:1 to 1:32"),
        (("--cell", "1:33"), "--cell is 1:33, but the model has the cells 1:1 to 1:32"),
        (("--cell", "0:1"), "--cell is '0:1'; expected LAYER:CELL, such as 1:37"),
        (("--cell", "five"), "expected LAYER:CELL, such as 1:37"),
        (("--property", "birds"), "expected NAME=REGEX"),
        (("--property", "birds=("), "unterminated subpattern"),
        (("--property", "a=b", "--property", "a=c"), "expected a name of its own for each"),
        (("--characters", "799"), "--characters is 799; expected a number of at least 800"),
    ],
)
def test_wrong_use_is_one_line(run_folder: Path, options: tuple[str, ...], message: str) -> None:
    result = charrnn("inspect", "--checkpoint", run_folder, *options)
    assert result.code == 2
    assert message in result.err
    assert len(result.err.strip().splitlines()) == 1


def test_a_text_must_be_long_enough_and_be_there(run_folder: Path, tmp_path: Path) -> None:
    (tmp_path / "short.txt").write_text("One flew off. ")
    result = charrnn("inspect", tmp_path / "short.txt", "--checkpoint", run_folder)
    assert result.code == 3
    assert "has 14 symbols that the model knows; expected 800 or more" in result.err
    missing = charrnn("inspect", "--checkpoint", run_folder / "best.safetensors", "--ablate", "0")
    assert missing.code == 0, missing.err
    (tmp_path / "alone.safetensors").write_bytes((run_folder / "best.safetensors").read_bytes())
    alone = charrnn("inspect", "--checkpoint", tmp_path / "alone.safetensors")
    assert alone.code == 2
    assert "no text is given, but" in alone.err


def test_lines_are_each_read_by_themselves(lines_run: Path, tmp_path: Path) -> None:
    (tmp_path / "names.txt").write_text("anna\nbel\ncorta\ndelemir\n" * 60)
    result = charrnn(
        "inspect",
        tmp_path / "names.txt",
        "--checkpoint",
        lines_run,
        "--json",
        "--top",
        "100",
        "--ablate",
        "0",
    )
    assert result.code == 0, result.err
    places = {row["property"]: row for row in result.json["cells"]}
    assert places["place in the line"]["score"] > 0.5
    assert "place in the record" in result.json["left_out"], "it is the same"


def test_hostile_text_steers_no_terminal(run_folder: Path, tmp_path: Path) -> None:
    (tmp_path / "text.txt").write_text((TEXT + "\x1b[31mOne\x07 \u202e") * 2, encoding="utf-8")
    result = charrnn(
        *("inspect", tmp_path / "text.txt", "--checkpoint", run_folder),
        *("--property", "\x1b[2J=One", "--cell", "1:2", "--top", "100", "--ablate", "0"),
    )
    assert result.code == 0, result.err
    assert "\x1b" not in result.out
    assert "␛[2J" in result.out


def test_what_cells_cost_is_told(run_folder: Path) -> None:
    found = charrnn("inspect", "--checkpoint", run_folder, "--json", "--ablate", "30", "--top", "5").json
    assert len(found["ablated"]) == 30
    costs = [row["ablation_bits"] for row in found["ablated"]]
    assert costs == sorted(costs, reverse=True)
    assert costs[0] > 0
    by_place = {(row["layer"], row["cell"]): row for row in found["ablated"]}
    for row in found["cells"]:
        own = by_place[row["layer"], row["cell"]]
        assert row["property"] in own["properties"]
        assert row["ablation_bits"] == own["ablation_bits"]
        for where in ("", "_inside", "_outside"):
            low, high = row[f"ablation_interval{where}"]
            assert low <= row[f"ablation_bits{where}"] <= high
        parts = sorted((row["ablation_bits_inside"], row["ablation_bits_outside"]))
        assert parts[0] <= row["ablation_bits"] <= parts[1]
    alone = charrnn("inspect", "--checkpoint", run_folder, "--json", "--cell", "1:4", "--top", "2").json
    assert [(row["layer"], row["cell"]) for row in alone["ablated"]] == [(1, 4)]
    without = charrnn("inspect", "--checkpoint", run_folder, "--json", "--ablate", "0").json
    assert without["ablated"] == []
    assert {row["ablation_bits"] for row in without["cells"]} == {None}
    table = charrnn("inspect", "--checkpoint", run_folder, "--top", "5")
    assert "dearest to lose, in bits per character: 1:" in table.out
    assert "elsewhere" in table.out
    assert "holding cells at their mean: " in table.err


def test_text_is_painted_by_a_cell(run_folder: Path) -> None:
    result = charrnn("inspect", "--checkpoint", run_folder, "--cell", "1:4", "--show", "--ablate", "0")
    assert result.code == 0, result.err
    shown = result.out.split("the cell after each character: ")[1].splitlines()
    assert "far above its middle" in shown[0]
    lines = [line for line in shown[1:] if line]
    text = "".join(line for line in lines if line.endswith("⏎")).replace("⏎", "\n")
    assert len(text) > 500
    assert text[text.index("\n") + 1 : text.rindex("\n")] in TEXT
    assert any(re.fullmatch(r"[-=+# ]+", line) for line in lines)


def test_a_page_stands_alone(run_folder: Path, tmp_path: Path) -> None:
    (tmp_path / "text.txt").write_text((TEXT + "<script>alert(1)</script>\x1b[31m\n") * 2)
    page = tmp_path / "cells.html"
    arguments = ("inspect", tmp_path / "text.txt", "--checkpoint", run_folder, "--ablate", "0")
    hostile = ("--property", "<b>&'\"=One", "--top", "100", "--cell", "1:4")
    result = charrnn(*arguments, *hostile, "--html", page)
    assert result.code == 0, result.err
    document = page.read_text(encoding="utf-8")
    assert not re.search(
        r"<script|<b>|<img|<link|javascript:|\son\w+=|https?://(?!www\.w3\.org/2000/svg)", document
    )
    assert "\x1b" not in document
    style = re.search(r"<style>(.*?)</style>", document, re.DOTALL)
    assert style is not None
    digest = base64.b64encode(hashlib.sha256(style[1].encode()).digest()).decode()
    assert f"style-src 'sha256-{digest}'" in document
    assert document.count("<style>") == 1
    assert document.count("<svg") == 1
    assert document.count("<circle") == 3 * 32
    assert "&lt;b&gt;&amp;&#x27;&quot;" in document
    assert "prefers-color-scheme:dark" in document
    assert document.count("<pre>") >= 1
    again = charrnn(*arguments, "--html", page)
    assert again.code == 2
    assert "exists; choose another --html" in again.err
    assert page.read_text(encoding="utf-8") == document


def test_show_is_for_people(run_folder: Path) -> None:
    result = charrnn("inspect", "--checkpoint", run_folder, "--show", "--json")
    assert result.code == 2
    assert "--show and --json are given" in result.err


ANSWERS = {"classify": "{b}", "generate": "{b}", "translate": "{b}{a}", "tag": "B I I O"}


@pytest.fixture(scope="module", params=ANSWERS)
def other_run(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of each of the other tasks, in a folder of its name."""
    folder = tmp_path_factory.mktemp("other") / str(request.param)
    triples = [(a, b, c) for a in "abcdefgh" for b in ("xo", "yi") for c in "klmnopqrstuvw"]
    rows = [f"{a}{b}{c}\t{ANSWERS[request.param].format(a=a, b=b)}\n" for a, b, c in triples]
    folder.mkdir()
    (folder / "rows.tsv").write_text("".join(rows * 10))
    sizes = ("--hidden", "8", "--steps", "10", "--batch-size", "4", "--quiet", "--validation", "0.5")
    options = ("--task", request.param, "--run", folder / "run", *sizes)
    trained = charrnn("train", folder / "rows.tsv", *options)
    assert trained.code == 0, trained.err
    return folder


def test_models_of_other_tasks(other_run: Path) -> None:
    """Those that read both ways have cells that do; of what is answered nothing is inside a property."""
    is_written, run = other_run.name == "generate", other_run / "run"
    cell = "1:5" if is_written else "1:9"
    result = charrnn("inspect", "--checkpoint", run, "--json", "--cell", cell, "--top", "100")
    assert result.code == 0, result.err
    rows = result.json["cells"]
    assert {row["direction"] for row in rows} == {"forward" if is_written else "reverse"}
    for row in rows:
        low, high = row["ablation_interval"]
        assert low <= row["ablation_bits"] <= high
        assert low < high
        assert (row["ablation_bits_inside"] is None) is not is_written
    assert "place in the line" in {row["property"] for row in rows}
    shown = charrnn("inspect", "--checkpoint", run, "--cell", cell, "--show").out
    assert (cell if is_written else "1:9 reversed") in shown
    assert f"in bits per {'character' if is_written else 'answer'}: 1:" in shown
    assert ("elsewhere" in shown) is is_written
    named = charrnn("inspect", other_run / "rows.tsv", "--checkpoint", run, "--json", "--ablate", "0")
    assert named.code == 0, named.err
    assert named.json["gates"]


def test_what_a_cell_costs_an_answer_is_told_without_torch(other_run: Path) -> None:
    if other_run.name == "generate":
        pytest.skip("it predicts characters: gradients choose what is tried")
    asked = ["inspect", "--checkpoint", str(other_run / "run"), "--json", "--top", "3"]
    code = (
        "import sys; from charrnn.cli import run_command; "
        f"code = run_command({asked!r}); print(code, 'torch' in sys.modules)"
    )
    assert python(code).splitlines()[-1] == "0 False"


def test_what_is_not_finite_or_does_not_fit_is_one_line(
    run_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = tmp_path / "best.safetensors"
    model.write_bytes((run_folder / "best.safetensors").read_bytes())
    (tmp_path / "text.txt").write_text(TEXT)
    monkeypatch.setattr("charrnn.commands.answering.UNCHECKED_BYTES", 0)
    monkeypatch.setattr("charrnn.commands.answering.free_bytes", lambda: 1000)
    full = charrnn("inspect", tmp_path / "text.txt", "--checkpoint", model)
    assert full.code == 5
    assert "looking at 32 cells over " in full.err
    assert "lower --characters" in full.err
    monkeypatch.undo()
    signs = np.where(np.arange(32) % 2, np.float32(3e38), np.float32(-3e38))
    name = "model.layers.0.recurrent_weight"
    with_arrays(model, lambda arrays: arrays.update({name: np.tile(signs, (128, 1))}))
    result = charrnn("inspect", tmp_path / "text.txt", "--checkpoint", model, "--ablate", "0")
    assert (result.code, result.out) == (3, "")
    assert "not a finite number" in result.err
