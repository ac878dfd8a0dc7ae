"""Dynamic evaluation: it helps on another text, learns by the equations, and never sees what is to come."""

from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from program import KOREAN, TEXT, charrnn
from test_evaluation import every_cell, network, text_of
from torch.nn.functional import cross_entropy

from charrnn.evaluation.adaptation import Adaptation, Adapting
from charrnn.model.readers import Carried

STRONG = Adaptation(rate=0.02, decay=0.01, window=16)


def costs(
    how: Adaptation, ids: NDArray[np.uint8], sizes: tuple[int, ...] = (10**9,), cell: str = "gru"
) -> NDArray[np.float32]:
    reader, begin = Adapting(network(cell), how), 0
    parts: list[NDArray[np.float32]] = []
    while begin < len(ids):
        size = sizes[len(parts) % len(sizes)]
        parts.append(reader.feed(ids[begin : begin + size]))
        begin += size
    return np.concatenate([*parts, reader.finish()])[:, 0]


@every_cell
@pytest.mark.parametrize("place", [0, 1, 15, 16, 17, 100, 149])
def test_a_score_does_not_depend_on_what_comes_after(cell: str, place: int) -> None:
    text = text_of(150)
    other = text.copy()
    other[place:] = (other[place:] + 1) % 5
    before, after = (costs(STRONG, ids, cell=cell) for ids in (text, other))
    np.testing.assert_array_equal(before[:place], after[:place])
    assert place == 0 or (before[place:] != after[place:]).any()


def test_in_which_pieces_the_text_comes_does_not_matter() -> None:
    expected = costs(STRONG, text_of(150))
    assert len(expected) == 150
    for sizes in ((1,), (16,), (17,), (3, 40)):
        np.testing.assert_array_equal(costs(STRONG, text_of(150), sizes), expected)


def test_without_steps_it_is_the_static_score() -> None:
    static = Carried(network(), exact=True).feed(text_of(150))[:, 0]
    np.testing.assert_allclose(costs(Adaptation(0.0, 0.0, 16), text_of(150)), static, rtol=1e-4, atol=1e-6)


def test_what_was_met_before_costs_less_and_less() -> None:
    again = np.tile(text_of(50), 20)
    found = costs(STRONG, again)[1:].reshape(-1, 37).mean(1)
    assert found[-1] < 0.6 * found[0]


def test_a_step_is_that_of_the_equation() -> None:
    how, model, ids = Adaptation(rate=0.05, decay=0.25, window=10), network(), text_of(11)
    reader = Adapting(model, how)
    with torch.no_grad():
        for parameter in reader.model.parameters():
            parameter.add_(0.1)
    read = torch.from_numpy(ids.astype(np.int64))
    cost = cross_entropy(reader.model(read[None, :-1])[0][0], read[1:])
    gradients = torch.autograd.grad(cost, list(reader.model.parameters()))
    reader.feed(ids)
    for found, trained, gradient in zip(
        reader.model.parameters(), model.parameters(), gradients, strict=True
    ):
        # The mean square of one gradient is its square. A quarter of the way back was gone first.
        expected = trained + 0.075 - 0.05 * gradient / (gradient.abs() + 1e-8)
        torch.testing.assert_close(found, expected, rtol=1e-3, atol=1e-3)


def test_the_model_that_is_given_stays_as_it_is() -> None:
    model, ids = network().train(), text_of(100)
    before = [parameter.clone() for parameter in model.parameters()]
    Adapting(model, STRONG).feed(ids)
    assert all(torch.equal(a, b) for a, b in zip(before, model.parameters(), strict=True))
    assert model.training


@pytest.mark.parametrize("name", ["run_folder", "korean_run"])
def test_it_helps_on_a_text_of_another_kind(
    name: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    path, own = tmp_path / "other.txt", TEXT if name == "run_folder" else KOREAN
    path.write_text("".join(reversed(own)), encoding="utf-8")
    options = ("evaluate", path, "--checkpoint", request.getfixturevalue(name), "--adapt")
    found = charrnn(*options, "--json").json
    assert found["adapted"]["bits_per_character"] < 0.9 * found["bits_per_character"]
    assert found["adapted"]["characters"] == found["characters"]
    for option, value in (("--adapt-rate", "0"), ("--adapt-decay", "1"), ("--adapt-window", "500")):
        other = charrnn(*options, option, value, "--json").json["adapted"]
        assert other[option[2:].replace("-", "_")] == float(value)
        assert other["bits_per_character"] > found["adapted"]["bits_per_character"]
    assert f"{found['adapted']['bits_per_character']:.4f}" in charrnn(*options).out


def test_what_does_not_go_with_it_is_said(run_folder: Path, lines_run: Path, tmp_path: Path) -> None:
    path = tmp_path / "text.txt"
    path.write_text(TEXT)
    for run, options, said in (
        (run_folder, ("--window", "20"), "--window is 20, but --adapt carries"),
        (lines_run, (), "--adapt is for one long text"),
    ):
        result = charrnn("evaluate", path, "--checkpoint", run, "--adapt", *options)
        assert (result.code, said in result.err) == (2, True), result.err
