"""What stored weights cost: the same as `charrnn evaluate` says of these and of the model's own."""

import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from program import SMALL, charrnn

from charrnn.config.settings import ExportSettings
from charrnn.evaluation.answer_costs import Answering, answer_costs
from charrnn.export.held_out import dataset_of
from charrnn.export.loss import _cost, lost
from charrnn.export.source import Source
from charrnn.export.weights import restored, store
from charrnn.runs.checkpoint import load

ROWS = "".join(f"{a}{b}{c}\t" + "{}\n" for a in "abc" for b in "defg" for c in "hijklm")
PLACES = range(ROWS.count("\n"))
DATA = {
    "classify": ROWS.format(*["XY"[place % 2] for place in PLACES]),
    "generate": ROWS.format(*["XY"[place // 36] for place in PLACES]),
    "translate": ROWS.format(*["bad" if place % 3 else "c" for place in PLACES]),
    "tag": ROWS.format(*["B I O" if place % 4 else "B B I" for place in PLACES]),
}
Figure = Callable[[Mapping[str, Any]], float]
FIGURES: dict[str, Figure] = {
    "classify": lambda found: float(found["nats_per_text"]),
    "generate": lambda found: found["bits_per_character"] * math.log(2),
    "translate": lambda found: found["bits_per_character"] * math.log(2),
}


def of_each_example(source: Source, mean: float) -> None:
    """What the answers of an example cost is what they cost alone."""
    model, dataset = source.model, dataset_of(source)
    assert dataset is not None
    part = dataset.examples[1]
    assert part is not None
    temperature = model.fitted.get("temperature", 1.0)
    answering = Answering(
        model.architecture, model.weights, len(model.vocabulary), model.answers, temperature
    )
    found = answer_costs(answering, part)
    assert found.mean == pytest.approx(mean)
    assert len(found.nats) == part.records
    first = part.beginning(part.symbols // part.records)
    assert first.records == 1
    alone = answer_costs(answering, first)
    assert alone.nats.tolist() == pytest.approx(found.nats[:1].tolist(), rel=1e-4)
    assert alone.answers.tolist() == found.answers[:1].tolist()


@pytest.mark.parametrize("task", DATA)
def test_it_is_measured_on_what_was_held_out(
    task: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("rows.tsv").write_text(DATA[task])
    result = charrnn("train", "rows.tsv", "--task", task, "--validation", "0.3", "--run", "run", *SMALL)
    assert result.code == 0, result.err
    path = Path("run/best.safetensors")
    source = Source("x", path, load(path), ExportSettings(weights="int8"))
    cost = _cost(source)
    assert cost is not None
    own = cost(source.model.weights)
    if task in FIGURES:
        told = charrnn("evaluate", "--checkpoint", "run", "--part", "validation", "--json").json
        assert own == pytest.approx(FIGURES[task](told), rel=1e-4)
    stored = restored(store(source.model.weights, "int8"))
    assert lost(source, stored) == pytest.approx((cost(stored) - own) / math.log(2))
    assert 0 < abs(lost(source, stored) or 0) < 0.05
    if task != "generate":
        of_each_example(source, own)
    rough = {name: np.sign(weights) for name, weights in source.model.weights.items()}
    assert (lost(source, rough) or 0) > 0.1
    shown = charrnn("export", "x.html", "--checkpoint", "run", "--weights", "int8")
    assert shown.code == 0, shown.err
    unit = "character" if task == "generate" else "answer"
    assert f"bits lost per {unit}" in shown.out
    assert "not measured" not in shown.out
