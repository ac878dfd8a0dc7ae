"""Which parameter is moved by which optimizer: Muon for the recurrent matrices, AdamW for the rest.

Knows nothing of text, batches or schedules: a factor on every group's highest rate is set from outside.
"""

import math
from collections.abc import Callable, Iterable
from typing import Any, overload

import torch
from torch import Tensor
from torch.optim import AdamW, Optimizer

from charrnn.learning.machine import multiplies_in_half
from charrnn.learning.model import CharRNN

ADAMW_SHARE = 0.6
"""With Muon, what AdamW's rate for the other parameters is to Muon's."""

BLOCK_ROWS = 128
"""Rows that are orthogonalised together, at most, of a matrix of more columns."""

_OPTIMAL = (
    (8.0934, -23.6204, 17.4462),
    (3.6366, -2.7219, 0.5365),
    (2.6613, -1.9772, 0.4526),
)
"""a, b and c of each step's a x + b x^3 + c x^5: each is the one nearest to 1, in its largest error, over
where the one before leaves singular values that began between 0.01 and 1 (Amsel et al. 2025, "The Polar
Express", arXiv 2505.16932)."""

_ROOM = (1.01, 1.01, 1.0)
"""Each step but the last is applied to x / 1.01: beyond the end of its range a quintic rises so steeply that
what rounding adds to a value of 1 would be 5 after three steps."""

QUINTICS = tuple((a / r, b / r**3, c / r**5) for (a, b, c), r in zip(_OPTIMAL, _ROOM, strict=True))
"""The steps' coefficients. After all three, singular values lie within 0.29 of 1."""


def orthogonalise(matrices: Tensor) -> Tensor:
    """The nearest (semi-)orthogonal matrix to each, roughly: U V^T of its singular value decomposition.

    A Newton-Schulz iteration, as in Jordan et al. 2024 ("Muon"), in bfloat16 where that is faster, as many
    processors only emulate it. Singular values are first brought below 1 by the square root of the
    norm of the first product, which is needed anyway and a closer bound than the norm of the matrix.

    Args:
        matrices: (G, R, C), G matrices at once.
    """
    tall = matrices.shape[-2] > matrices.shape[-1]
    values = matrices.mT if tall else matrices
    gram = values @ values.mT
    bound = gram.norm(dim=(-2, -1), keepdim=True).clamp_min(1e-14)
    half = matrices.dtype is torch.float32 and multiplies_in_half(matrices.device)
    precision = torch.bfloat16 if half else matrices.dtype
    values, gram = (values / bound.sqrt()).to(precision), (gram / bound).to(precision)
    for step, (a, b, c) in enumerate(QUINTICS):
        if step:
            gram = values @ values.mT
        values = torch.baddbmm(values, torch.baddbmm(gram, gram, gram, beta=b, alpha=c), values, beta=a)
    return (values.mT if tall else values).to(matrices.dtype)


def block_rows(rows: int, columns: int) -> int:
    """The height of the blocks of a gate's matrix that are orthogonalised each by itself.

    Of a wide matrix equal parts of 64 to `BLOCK_ROWS` rows, where it has such, do as well as the whole, and
    cost a fraction (LOG.md).
    """
    if columns <= BLOCK_ROWS:
        return rows
    return next((height for height in range(BLOCK_ROWS, BLOCK_ROWS // 2 - 1, -1) if rows % height == 0), rows)


class Muon(Optimizer):
    """Momentum, orthogonalised (Jordan et al. 2024), for each block of a gate's matrix by itself.

    Args:
        parameters: matrices of G·H rows.
        lr: how far an update goes, as the length of each of its rows, roughly.
        rows: H, the rows of a gate.
        momentum: of the gradient, Nesterov's.
        weight_decay: decoupled, as in AdamW.
    """

    def __init__(
        self,
        parameters: Iterable[Tensor],
        *,
        lr: float,
        rows: int,
        momentum: float = 0.95,
        weight_decay: float = 0.0,
    ) -> None:
        defaults = {"lr": lr, "rows": rows, "momentum": momentum, "weight_decay": weight_decay}
        super().__init__(parameters, defaults)

    @overload
    def step(self, closure: None = None) -> None: ...
    @overload
    def step(self, closure: Callable[[], float]) -> float: ...

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> float | None:
        """Move every parameter once along its orthogonalised momentum."""
        loss = None if closure is None else torch.enable_grad()(closure)()
        for group in self.param_groups:
            for parameter in group["params"]:
                if parameter.grad is not None:
                    self._move(parameter, group)
        return loss

    def _move(self, parameter: Tensor, group: dict[str, Any]) -> None:
        gradient, state = parameter.grad, self.state[parameter]
        assert gradient is not None  # noqa: S101 - the caller has looked
        momentum = state.setdefault("momentum", torch.zeros_like(parameter))
        momentum.lerp_(gradient, 1 - group["momentum"])
        direction = gradient.lerp(momentum, group["momentum"])
        columns = parameter.shape[1]
        height = block_rows(group["rows"], columns)
        update = orthogonalise(direction.view(-1, height, columns)).reshape(parameter.shape)
        scale = math.sqrt(max(1.0, height / columns))
        parameter.mul_(1 - group["lr"] * group["weight_decay"]).add_(update, alpha=-group["lr"] * scale)


def make_optimizers(model: CharRNN, name: str, learning_rate: float, weight_decay: float) -> list[Optimizer]:
    """The optimizers of a network: each parameter belongs to exactly one.

    Args:
        model: the network.
        name: `muon` or `adamw`.
        learning_rate: the highest rate, of Muon (the other parameters get `ADAMW_SHARE` of it) or of AdamW.
        weight_decay: pull of the matrices towards zero, decoupled from the gradient.
    """
    matrices = [p for p in model.layers.parameters() if p.ndim > 1]
    is_matrix = set(matrices)
    others = [p for p in model.parameters() if p not in is_matrix]
    if name == "adamw":
        return [_adamw([*matrices, *others], learning_rate, weight_decay)]
    hidden = model.architecture.hidden
    muon = Muon(matrices, lr=learning_rate, rows=hidden, weight_decay=weight_decay)
    return [muon, _adamw(others, learning_rate * ADAMW_SHARE, weight_decay)]


def _adamw(parameters: list[torch.nn.Parameter], learning_rate: float, weight_decay: float) -> AdamW:
    """AdamW (Loshchilov & Hutter 2019); vectors, which are biases, are not decayed."""
    matrices = [p for p in parameters if p.ndim > 1]
    vectors = [p for p in parameters if p.ndim == 1]
    groups = [{"params": matrices, "weight_decay": weight_decay}, {"params": vectors, "weight_decay": 0.0}]
    return AdamW([g for g in groups if g["params"]], lr=learning_rate, betas=(0.9, 0.99), fused=True)
