"""How the gradient fades: against finite differences, cell by cell, and as the command shows it."""

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from program import TEXT, charrnn
from reference import Array, States, blank_states, nats, network_step
from test_evaluation import every_cell, network, text_of

from charrnn.commands.gradients import SHOWN
from charrnn.evaluation import gradients
from charrnn.evaluation.gradients import fading
from charrnn.model.network import CharRNN

LAGS, BEFORE = 5, 3


class Differences:
    """The network in NumPy, and derivatives of a loss by moving each number of a state a little."""

    def __init__(self, model: CharRNN) -> None:
        self.architecture = model.architecture
        self.weights: dict[str, Array] = {
            name: value.detach().double().numpy() for name, value in model.arrays().items()
        }

    def state(self, ids: list[int]) -> States:
        states = blank_states(self.architecture)
        for symbol in ids:
            _, states = network_step(self.architecture, self.weights, symbol, states)
        return states

    def loss(self, states: States, ids: list[int], target: int) -> float:
        """What the target costs after these symbols; without any, after one that changed nothing but h."""
        for symbol in ids:
            logits, states = network_step(self.architecture, self.weights, symbol, states)
        if not ids:
            logits = self.weights["output.weight"] @ states[-1][0] + self.weights["output.bias"]
        return nats(logits, target)

    def norm(self, states: States, ids: list[int], target: int, step: float = 1e-5) -> float:
        """The Euclidean norm of the loss's gradient."""
        squares = 0.0
        for values in (part for layer in states for part in layer):
            for place in range(len(values)):
                values[place] += step
                above = self.loss(states, ids, target)
                values[place] -= 2 * step
                squares += ((above - self.loss(states, ids, target)) / (2 * step)) ** 2
                values[place] += step
        return math.sqrt(squares)


@every_cell
def test_the_norm_at_each_lag_is_that_of_finite_differences(
    cell: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gradients, "POSITIONS", 2)
    monkeypatch.setattr(gradients, "WARM_UP", BEFORE)
    model, text = network(cell), text_of(12).tolist()
    reference = Differences(model)
    expected = np.zeros(LAGS)
    for target in (LAGS + BEFORE, 11):
        for lag in range(1, LAGS + 1):
            states = [
                tuple(part.copy() for part in layer)
                for layer in reference.state(text[target - LAGS - BEFORE : target - lag + 1])
            ]
            between = text[target - lag + 1 : target]
            expected[lag - 1] += reference.norm(states, between, text[target]) / 2
    found = fading(model, np.array(text, np.uint8), LAGS)
    np.testing.assert_allclose(found, expected, rtol=1e-3)


def test_the_gradient_of_a_network_that_forgets_at_once_is_nothing_beyond_the_first_lag() -> None:
    model = network("rnn")
    with torch.no_grad():
        for name, value in model.arrays().items():
            value.mul_("recurrent_weight" not in name)
    found = fading(model, text_of(400), 10)
    assert found[0] > 0
    assert not found[1:].any()


def test_models_stand_side_by_side(run_folder: Path, korean_run: Path, tmp_path: Path) -> None:
    path = tmp_path / "text.txt"
    path.write_text(TEXT)
    both = ("evaluate", path, "--gradients", "--checkpoint", run_folder, "--checkpoint", korean_run)
    found = charrnn(*both, "--json").json
    assert found["lags"] == list(range(1, 201))
    assert [model["cell"] for model in found["models"]] == ["lstm", "lstm"]
    first, second = (model["norms"] for model in found["models"])
    assert len(first) == len(second) == 200
    assert first[0] > 100 * first[-1] > 0, "it fades"
    shown = charrnn(*both).out
    assert f"{first[49]:.1e}" in shown
    assert f"{second[49]:.1e}" in shown
    lags = [line.split()[0] for line in shown.splitlines() if line[:6].strip().isdigit()]
    assert lags == [str(lag) for lag in SHOWN]


def test_what_cannot_be_shown_is_said(run_folder: Path, lines_run: Path, tmp_path: Path) -> None:
    short, text = tmp_path / "short.txt", tmp_path / "text.txt"
    short.write_text(TEXT[:150])
    text.write_text(TEXT)
    result = charrnn("evaluate", short, "--gradients", "--checkpoint", run_folder)
    assert (result.code, "has 150 symbols" in result.err) == (3, True)
    result = charrnn("evaluate", text, "--gradients", "--checkpoint", lines_run)
    assert (result.code, "--gradients is for one long text" in result.err) == (2, True)
    result = charrnn("evaluate", text, "--checkpoint", run_folder, "--checkpoint", run_folder)
    assert (result.code, "--checkpoint is given 2 times" in result.err) == (2, True)
    result = charrnn("evaluate", text, "--gradients", "--per-line", "--checkpoint", run_folder)
    assert (result.code, "--per-line and --gradients" in result.err) == (2, True)
