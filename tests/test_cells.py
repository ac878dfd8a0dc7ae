"""What is known of a cell stands in records by its name, and nothing else asks what it is called."""

import ast
from collections.abc import Collection, Iterator
from pathlib import Path

import pytest

import charrnn
from charrnn.config.declaration import settings_of
from charrnn.config.settings import TrainSettings
from charrnn.decoding.cells import STEPS
from charrnn.model.cells import CELLS
from charrnn.model.layer import KERNELS

ROOT = Path(charrnn.__file__).parent

CHOICES = next(item.metadata["choices"] for _, item, _ in settings_of(TrainSettings) if item.name == "cell")


def check_cells(places: dict[str, Collection[str]]) -> None:
    """Every cell of `model/cells.py` has its place everywhere, and there is no other."""
    wrong = [
        f"the cell {name} is in {'charrnn/model/cells.py' if name in CELLS else where}, but not in "
        f"{where if name in CELLS else 'charrnn/model/cells.py'}"
        for where, names in places.items()
        for name in sorted(set(CELLS) ^ set(names))
    ]
    assert not wrong, "; ".join(wrong)


PLACES: dict[str, Collection[str]] = {
    "KERNELS (charrnn/model/layer.py)": KERNELS,
    "STEPS (charrnn/decoding/cells.py)": STEPS,
    "the choices of --cell (charrnn/config/settings.py)": CHOICES,
}


def test_every_cell_is_everywhere() -> None:
    check_cells(PLACES)
    assert tuple(CELLS) == CHOICES


@pytest.mark.parametrize("where", PLACES)
def test_a_cell_that_is_forgotten_somewhere_is_named(where: str) -> None:
    places = PLACES | {where: [name for name in PLACES[where] if name != "gru"]}
    with pytest.raises(AssertionError, match=r"^the cell gru is in .*/cells\.py, but not in ") as told:
        check_cells(places)
    assert where in str(told.value)


def test_a_cell_that_has_no_record_of_its_own_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(CELLS, "rnn")
    with pytest.raises(AssertionError, match=r"rnn is in KERNELS \(.*\), but not in charrnn/model/cells\.py"):
        check_cells(PLACES)


def test_gates_and_state_of_each_cell() -> None:
    assert {name: cell.gates for name, cell in CELLS.items()} == {
        "lstm": ("input", "forget", "candidate", "output"),
        "gru": ("reset", "update", "candidate"),
        "rnn": ("hidden",),
    }
    assert {name: cell.state for name, cell in CELLS.items()} == {
        "lstm": ("h", "c"),
        "gru": ("h",),
        "rnn": ("h",),
    }
    assert {name: cell.open_at_first for name, cell in CELLS.items() if cell.open_at_first} == {
        "lstm": ("forget",)
    }
    assert CELLS["lstm"].rows("forget", 5) == slice(5, 10)


def test_what_takes_a_step_takes_gates_that_the_cell_has() -> None:
    for name, step in STEPS.items():
        assert {gate for gate, _, _ in step.sources} == set(CELLS[name].gates)
        assert sum(count for count, _, _ in step.reads) == len(step.sources)


def test_nothing_asks_what_a_cell_is_called() -> None:
    assert [place for path in sorted(ROOT.rglob("*.py")) for place in asked(path)] == []


def asked(path: Path) -> Iterator[str]:
    """Where a module compares something with the name of a cell, in any way."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Compare | ast.MatchValue) and any(
            isinstance(part, ast.Constant) and part.value in CELLS for part in ast.walk(node)
        ):
            yield f"{path.relative_to(ROOT)}:{node.lineno}: {ast.unparse(node)}"


@pytest.mark.parametrize("line", ['x = cell == "lstm"', 'x = cell in {"rnn", "gru"}', 'x = "gru" != cell'])
def test_whoever_asks_is_found(line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(f"{__name__}.ROOT", tmp_path)
    (tmp_path / "module.py").write_text(line, encoding="utf-8")
    assert [place.split(": ")[0] for place in asked(tmp_path / "module.py")] == ["module.py:1"]
