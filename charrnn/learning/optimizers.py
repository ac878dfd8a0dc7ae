"""Which parameter is moved by which optimizer: Muon for the recurrent matrices, AdamW for the rest.

Knows nothing of text, batches or schedules: a factor on every group's highest rate is set from outside.
"""

import math
from collections.abc import Callable, Iterable
from typing import Any, overload

import torch
from torch import Tensor
from torch.optim import AdamW, Optimizer

from charrnn.learning.model import CharRNN

ADAMW_SHARE = 0.2
"""With Muon, what AdamW's rate for the other parameters is to Muon's."""


def orthogonalise(matrices: Tensor, iterations: int) -> Tensor:
    """The nearest (semi-)orthogonal matrix to each, roughly: U V^T of its singular value decomposition.

    Newton-Schulz iteration with the quintic of Jordan et al. 2024 ("Muon"), which brings all singular values
    near 1 in a few products. In float32: processors without bfloat16 arithmetic only emulate it.

    Args:
        matrices: (G, R, C), G matrices at once.
        iterations: how often the quintic is applied.
    """
    tall = matrices.shape[-2] > matrices.shape[-1]
    values = matrices.mT if tall else matrices
    values = values / values.norm(dim=(-2, -1), keepdim=True).clamp_min(1e-7)
    a, b, c = 3.4445, -4.7750, 2.0315
    for _ in range(iterations):
        gram = values @ values.mT
        values = torch.baddbmm(values, torch.baddbmm(gram, gram, gram, beta=b, alpha=c), values, beta=a)
    return values.mT if tall else values


class Muon(Optimizer):
    """Momentum, orthogonalised (Jordan et al. 2024), for each gate's block of a matrix by itself.

    Args:
        parameters: matrices of G·H rows.
        lr: how far an update goes, as the root mean square of a square block's singular values.
        rows: H, the height of a block.
        momentum: of the gradient, Nesterov's.
        weight_decay: decoupled, as in AdamW.
        iterations: of Newton-Schulz.
    """

    def __init__(
        self,
        parameters: Iterable[Tensor],
        *,
        lr: float,
        rows: int,
        momentum: float = 0.95,
        weight_decay: float = 0.0,
        iterations: int = 5,
    ) -> None:
        defaults = {"lr": lr, "rows": rows, "momentum": momentum, "weight_decay": weight_decay}
        super().__init__(parameters, defaults | {"iterations": iterations})

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
        blocks = direction.view(-1, group["rows"], parameter.shape[1])
        scale = math.sqrt(max(1.0, group["rows"] / parameter.shape[1]))
        update = orthogonalise(blocks, group["iterations"]).reshape(parameter.shape)
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
