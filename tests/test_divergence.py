"""Numbers that are none, in the loss, the gradient or a weight: never saved; survived, or exit 4."""

import itertools
import math
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from forked import figures
from interruptions import at_call_do
from program import SMALL, TEXT, charrnn

from charrnn.errors import DivergenceError
from charrnn.runs.checkpoint import load
from charrnn.tasks.language import LanguageTask
from charrnn.training.divergence import Divergence, NotFinite
from charrnn.training.trainer import UpdateTotals

Spoiler = Callable[[Any, Any, float], None]
SPOILERS: dict[str, Spoiler] = {
    "loss": lambda model, loss, value: loss.nats.data.fill_(value),
    "gradient": lambda model, loss, value: loss.nats.register_hook(lambda gradient: gradient * value),
    "weight": lambda model, loss, value: model.output.weight.data.view(-1)[:3].fill_(value),
}
VALUES = (math.nan, math.inf)


def test_single_bad_updates_are_counted_and_three_in_a_row_are_too_many() -> None:
    divergence = Divergence()
    divergence.count(UpdateTotals(updates=5, skipped=4, in_a_row=2, most_in_a_row=2))
    assert (divergence.skipped, divergence.in_a_row) == (4, 2)
    with pytest.raises(NotFinite):
        divergence.count(UpdateTotals(updates=1, skipped=1, in_a_row=3, most_in_a_row=3))
    with pytest.raises(NotFinite):
        divergence.count(UpdateTotals(updates=9, skipped=3, in_a_row=0, most_in_a_row=3))
    assert divergence.skipped == 8


def test_each_return_halves_the_rate_and_the_fourth_is_refused() -> None:
    divergence = Divergence()
    assert [divergence.roll_back("x") for _ in range(3)] == [0.5, 0.25, 0.125]
    again = Divergence()
    again.restore(divergence.numbers())
    with pytest.raises(DivergenceError, match="training diverged: x, after 3 returns"):
        again.roll_back("x")


def run_spoilt(kind: str, value: float, first: int, last: int) -> int:
    """Train with some updates spoilt; the exit code, once every checkpoint was found to be finite."""
    learn, calls, spoil = LanguageTask.loss, itertools.count(), SPOILERS[kind]

    def spoilt(task: Any, model: Any, batch: Any, state: Any) -> Any:  # noqa: ANN401
        loss = learn(task, model, batch, state)
        if first <= next(calls) < last:
            with torch.no_grad():
                spoil(model, loss, value)
        return loss

    seen: list[bool] = []
    with pytest.MonkeyPatch.context() as patch, watching(seen):
        patch.setattr("charrnn.tasks.language.LanguageTask.loss", spoilt)
        result = charrnn(
            "train", "text.txt", "--run", "run", *SMALL, "--save-every", "4", "--validation", "100"
        )
    assert result.code in {0, 4}, result.err
    assert len(seen) > 1
    assert all(seen)
    for file in Path("run").glob("*.safetensors"):
        assert load(file).is_finite()
    return result.code


def watching(seen: list[bool]) -> Any:  # noqa: ANN401 - a context
    """Note of each checkpoint that is written whether it is finite."""
    return at_call_do(
        "charrnn.training.saving.save",
        range(10**9),
        lambda path, checkpoint, *_: seen.append(checkpoint.is_finite()),
    )


def soak_divergence(place: Path, patch: pytest.MonkeyPatch, spans: list[tuple[int, int]]) -> None:
    codes = []
    with figures("injected NaN and Inf") as found:
        for case in itertools.product(SPOILERS, VALUES, spans):
            kind, value, (first, last) = case
            folder = place / f"{kind}-{value}-{first}-{last}"
            folder.mkdir()
            patch.chdir(folder)
            Path("text.txt").write_text(TEXT, encoding="utf-8")
            code = run_spoilt(kind, value, first, last)
            assert last - first > 2 or code == 0, case
            assert last < 999 or code == 4, case
            codes.append(code)
        found["runs"], found["recovered"], found["exit 4"] = len(codes), codes.count(0), codes.count(4)


def test_numbers_that_are_none_are_survived_or_end_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    soak_divergence(tmp_path, monkeypatch, [(6, 9)])


def test_a_weight_that_is_lost_for_ever_ends_the_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("text.txt").write_text(TEXT, encoding="utf-8")
    assert run_spoilt("weight", math.nan, 7, 999) == 4


@pytest.mark.slow
def test_30_injections(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    soak_divergence(tmp_path, monkeypatch, [(0, 1), (3, 4), (4, 6), (5, 12), (19, 20), (7, 999)])


LETTERS = random.Random(1)
RECORDS = "".join(
    "".join(LETTERS.choices("abcdef ", k=LETTERS.randrange(20, 400))) + "\n" for _ in range(200)
)
"""Lines of which most are longer than a window, each of another length."""


def soak_lines(place: Path, patch: pytest.MonkeyPatch, rates: list[float]) -> None:
    codes = []
    patch.chdir(place)
    Path("lines.txt").write_text(RECORDS, encoding="utf-8")
    with figures("diverging in lines mode") as found:
        for cell, rate in itertools.product(("rnn", "gru", "lstm"), rates):
            pull = ("--cell", cell, "--learning-rate", str(rate), "--weight-decay", "10", "--mode", "lines")
            sizes = ("--hidden", "16", "--batch-size", "62", "--sequence-length", "16", "--steps", "30")
            run = ("--run", f"{cell}-{rate}", "--threads", "1", "--quiet")
            result = charrnn("train", "lines.txt", *pull, *sizes, *run)
            assert result.code in {0, 4}, (cell, rate, result.err)
            codes.append(result.code)
        found["runs"], found["recovered"], found["exit 4"] = len(codes), codes.count(0), codes.count(4)


@pytest.mark.filterwarnings("ignore:overflow encountered:RuntimeWarning")
def test_lines_that_diverge_recover_or_end_the_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    soak_lines(tmp_path, monkeypatch, [10])


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:overflow encountered:RuntimeWarning")
def test_24_settings_that_diverge(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    soak_lines(tmp_path, monkeypatch, [0.5, 1, 2, 5, 10, 20, 50, 100])
