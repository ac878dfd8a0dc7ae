"""Who moves which parameter, and how: orthogonalised momentum block by block, decay for matrices only."""

from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
import torch
from program import python
from torch import Tensor, nn

from charrnn.model.architecture import Architecture
from charrnn.model.network import CharRNN
from charrnn.training import orthogonal
from charrnn.training.optimizers import (
    ADAMW_SHARE,
    AdamW,
    Group,
    Muon,
    load_state_dict,
    make_optimizers,
    state_dict,
)
from charrnn.training.orthogonal import BLOCK_ROWS, QUINTICS, block_rows, orthogonalise

HIDDEN = 6
SHAPES = [(1, 24, 5), (1, 5, 24), (4, 8, 8), (3, 12, 7), (3, 7, 12)]


def random(*shape: int, seed: int = 1) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def network(cell: str = "lstm", embedding: int = 3) -> CharRNN:
    return CharRNN(Architecture(cell, 2, HIDDEN, embedding, 9), 0.0, torch.Generator().manual_seed(1))


@pytest.fixture(params=[False, True], ids=["in float32", "in bfloat16"])
def rounding(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> float:
    """How far from exact orthogonalisation may be, in each of its precisions."""
    monkeypatch.setattr(orthogonal, "multiplies_in_half", lambda _: request.param)
    return 0.05 if request.param else 1e-4


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_singular_values_come_near_one(shape: tuple[int, ...], rounding: float) -> None:
    values = torch.linalg.svdvals(orthogonalise(random(*shape)))
    assert float((values - 1).abs().max()) < 0.29 + rounding


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_singular_vectors_stay(shape: tuple[int, ...], rounding: float) -> None:
    """U^T X V is diagonal, and near the identity: X is U V^T but for its singular values."""
    matrices = random(*shape)
    u, _, v = torch.linalg.svd(matrices, full_matrices=False)
    middle = u.mT @ orthogonalise(matrices) @ v.mT
    diagonal = torch.diagonal(middle, dim1=-2, dim2=-1)
    torch.testing.assert_close(middle, torch.diag_embed(diagonal), atol=rounding, rtol=0)
    assert float((diagonal - 1).abs().max()) < 0.5


@pytest.mark.parametrize(
    ("rows", "columns", "height"),
    [
        (512, 512, 128),  # four blocks
        (384, 384, 128),
        (192, 192, 96),
        (300, 300, 100),
        (257, 257, 257),  # a prime: no equal parts
        (128, 128, 128),
        (512, 64, 512),  # the shorter side counts, and is short
        (64, 512, 64),
    ],
)
def test_wide_matrices_are_cut_into_blocks(rows: int, columns: int, height: int) -> None:
    assert block_rows(rows, columns) == height


def test_each_block_is_orthogonalised_by_itself() -> None:
    rows, columns = 2 * BLOCK_ROWS, 2 * BLOCK_ROWS
    parameter = nn.Parameter(torch.zeros(3 * rows, columns))
    parameter.grad = random(3 * rows, columns)
    Muon(Group({"w": parameter}, 0.5), rows=rows).step()
    blocks = parameter.detach().view(-1, BLOCK_ROWS, columns)
    assert len(blocks) == 6
    values = torch.linalg.svdvals(blocks)
    assert 0.5 * 0.65 < float(values.min()) < float(values.max()) < 0.5 * 1.35


def test_all_but_tiny_singular_values_come_within_what_is_said() -> None:
    values = torch.linspace(0.01, 1, 10_000, dtype=torch.float64)
    for a, b, c in QUINTICS:
        values = a * values + b * values**3 + c * values**5
    assert float((values - 1).abs().max()) < 0.29


@pytest.mark.parametrize("side", [3, 6, 64])
@pytest.mark.usefixtures("rounding")
def test_rounding_does_not_grow_where_one_singular_value_is_all(side: int) -> None:
    outer = random(1, side, 1) @ random(1, 1, side, seed=2)
    for matrices in (torch.ones(1, side, side), outer, torch.diag(torch.logspace(0, -3, side))[None]):
        assert 0.7 < float(torch.linalg.svdvals(orthogonalise(matrices)).max()) < 1.3


def test_size_does_not_matter_and_nothing_stays_nothing(rounding: float) -> None:
    matrices = random(2, 5, 5)
    larger = orthogonalise(matrices * 1e4)
    torch.testing.assert_close(larger, orthogonalise(matrices), atol=rounding, rtol=0)
    assert not orthogonalise(torch.zeros(2, 5, 5)).any()


def moved(gradient: Tensor) -> Tensor:
    """Where one step of Muon moves a parameter of zeros."""
    parameter = nn.Parameter(torch.zeros_like(gradient))
    parameter.grad = gradient
    muon_of(parameter).step()
    return parameter.detach()


def muon_of(parameter: Tensor, weight_decay: float = 0.0) -> Muon:
    return Muon(Group({"w": parameter}, 0.1, weight_decay), rows=HIDDEN)


def test_a_gates_block_moves_by_itself() -> None:
    gradient = random(4 * HIDDEN, HIDDEN)
    other = gradient.clone()
    other[HIDDEN : 2 * HIDDEN] = random(HIDDEN, HIDDEN, seed=2) * 100
    one, two = moved(gradient).split(HIDDEN), moved(other).split(HIDDEN)  # type: ignore[no-untyped-call]
    same = [torch.allclose(a, b, atol=1e-6) for a, b in zip(one, two, strict=True)]
    assert same == [True, False, True, True]


def test_every_block_moves_equally_far_downhill() -> None:
    gradient = random(3 * HIDDEN, HIDDEN)
    gradient[:HIDDEN] *= 1000
    for block, slope in zip(moved(gradient).view(3, HIDDEN, -1), gradient.view(3, HIDDEN, -1), strict=True):
        values = torch.linalg.svdvals(block)
        assert 0.05 < float(values.min()) <= float(values.max()) < 0.13
        assert float((block * slope).sum()) < 0


def test_momentum_goes_on_when_the_gradient_ends() -> None:
    parameter = nn.Parameter(torch.zeros(HIDDEN, HIDDEN))
    muon = muon_of(parameter)
    parameter.grad = random(HIDDEN, HIDDEN)
    muon.step()
    first = parameter.detach().clone()
    parameter.grad = torch.zeros(HIDDEN, HIDDEN)
    muon.step()
    torch.testing.assert_close(parameter.detach(), 2 * first, atol=1e-3, rtol=0)


def test_a_parameter_without_gradient_stays() -> None:
    parameter = nn.Parameter(torch.ones(HIDDEN, HIDDEN))
    muon_of(parameter, weight_decay=0.5).step()
    assert torch.equal(parameter.detach(), torch.ones(HIDDEN, HIDDEN))


def test_muons_state_goes_on_exactly() -> None:
    gradients = [random(HIDDEN, HIDDEN, seed=seed) for seed in range(4)]

    def walk(handed_on: bool) -> Tensor:
        parameter = nn.Parameter(torch.zeros(HIDDEN, HIDDEN))
        muon = muon_of(parameter)
        for step, gradient in enumerate(gradients):
            if handed_on and step == 2:
                state = state_dict([muon])
                muon = muon_of(parameter)
                load_state_dict([muon], state)
            parameter.grad = gradient.clone()
            muon.step()
        return parameter.detach()

    assert torch.equal(walk(handed_on=True), walk(handed_on=False))


@pytest.mark.parametrize("name", ["muon", "adamw"])
@pytest.mark.parametrize("cell", ["rnn", "gru", "lstm"])
@pytest.mark.parametrize("embedding", [0, 3])
def test_every_parameter_is_in_exactly_one_optimizer(name: str, cell: str, embedding: int) -> None:
    model = network(cell, embedding)
    optimizers = make_optimizers(model, name, 0.1, 0.0)
    moved_ids = [id(p) for o in optimizers for group in o.groups for p in group.parameters.values()]
    assert len(moved_ids) == len(set(moved_ids))
    assert set(moved_ids) == {id(p) for p in model.parameters()}


def test_muon_has_the_layers_matrices_and_adamw_a_share_of_its_rate() -> None:
    muon, adamw = make_optimizers(network(), "muon", 0.1, 0.0)
    assert {name for group in muon.groups for name in group.parameters} == {
        f"layers.{k}.{kind}_weight" for k in (0, 1) for kind in ("input", "recurrent")
    }
    assert {group.learning_rate for group in muon.groups} == {0.1}
    assert {group.learning_rate for group in adamw.groups} == {0.1 * ADAMW_SHARE}


def test_adamw_alone_has_the_rate_as_given() -> None:
    (adamw,) = make_optimizers(network(), "adamw", 0.1, 0.0)
    assert {group.learning_rate for group in adamw.groups} == {0.1}


@pytest.mark.parametrize("name", ["muon", "adamw"])
def test_decay_shrinks_matrices_and_leaves_biases(name: str) -> None:
    model = network()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.fill_(1.0)
            parameter.grad = torch.zeros_like(parameter)
    for optimizer in make_optimizers(model, name, 0.1, 0.5):
        optimizer.step()
    for label, parameter in model.arrays().items():
        is_layer_matrix = label.startswith("layers.") and parameter.ndim > 1
        rate = 0.1 if name == "adamw" or is_layer_matrix else 0.1 * ADAMW_SHARE
        expected = 1 - rate * 0.5 if parameter.ndim > 1 else 1.0
        torch.testing.assert_close(parameter.detach(), torch.full_like(parameter, expected), msg=label)


@pytest.mark.parametrize("weight_decay", [0.0, 0.1])
def test_adamw_is_pytorchs_bit_for_bit(weight_decay: float) -> None:
    """Also where its state is handed on, a parameter has no gradient at first, and the rate changes."""
    ours, theirs = ([nn.Parameter(random(3, 4)), nn.Parameter(random(5))] for _ in range(2))
    reference = torch.optim.AdamW(
        theirs, lr=0.1, betas=(0.9, 0.99), eps=1e-8, weight_decay=weight_decay, fused=True
    )
    adamw = AdamW([Group({"a": ours[0], "b": ours[1]}, 0.1, weight_decay)])
    for step in range(6):
        if step == 3:
            adamw, kept = AdamW(adamw.groups), state_dict([adamw])
            load_state_dict([adamw], kept)
        rate = 0.1 / (1 + step)
        adamw.groups[0].learning_rate = reference.param_groups[0]["lr"] = rate
        for place, (one, other) in enumerate(zip(ours, theirs, strict=True)):
            gradient = None if place == 1 and step == 0 else random(*one.shape, seed=step)
            one.grad, other.grad = gradient, None if gradient is None else gradient.clone()
        adamw.step()
        reference.step()
        assert all(torch.equal(one, other) for one, other in zip(ours, theirs, strict=True)), step
    assert set(state_dict([adamw])) == {
        f"{key}.{name}" for key in ("exp_avg", "exp_avg_sq", "step") for name in "ab"
    }


def test_what_is_remembered_is_where_the_parameters_are() -> None:
    """The device `meta` stands for any that is not the CPU."""
    here, there = network(), network().to("meta")
    for parameter in here.parameters():
        parameter.grad = torch.ones_like(parameter)
    one, other = make_optimizers(here, "muon", 0.1, 0.0), make_optimizers(there, "muon", 0.1, 0.0)
    for optimizer in one:
        optimizer.step()
    load_state_dict(other, state_dict(one))
    assert state_dict(other).keys() == state_dict(one).keys()
    assert {value.device.type for value in state_dict(other).values()} == {"meta"}


def test_learning_does_not_load_pytorchs_compiler_or_sympy() -> None:
    """They take as long to load as all the rest of PyTorch."""
    code = """
import sys
from charrnn.__main__ import main
try:
    main()
except SystemExit as end:
    print(end.code, "torch" in sys.modules, "torch._dynamo" in sys.modules, "sympy" in sys.modules)
"""
    options = ("--validation", "0", "--steps", "3", "--hidden", "4", "--quiet")
    with TemporaryDirectory() as folder:
        run = str(Path(folder) / "run")
        said = python(code, arguments=("train", "builtin:hello", "--run", run, *options))
    assert said.split() == ["0", "True", "False", "False"]
