"""Which cells are worth taking away: the gradient of the loss by a cell's value times the way to its mean.

That is how much the loss would rise if it were linear. To have the gradient by what a cell hands on, the
steps are written out here, each with a zero added to it; the equations are those of `model/layer.py`.
"""

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import cross_entropy, linear

from charrnn.decoding.cells import Array
from charrnn.inspection.ablation import Walk, read_before
from charrnn.inspection.activations import Tell, Trunk

TOGETHER = 16
"""Passages whose graph is there at once: bounds memory."""

State = tuple[Tensor, ...]


def _rnn(entering: Tensor, own: Tensor, state: State, zero: Tensor) -> State:
    del state
    return ((entering + own).tanh() + zero,)


def _gru(entering: Tensor, own: Tensor, state: State, zero: Tensor) -> State:
    (xr, xz, xn), (hr, hz, hn) = entering.chunk(3, 1), own.chunk(3, 1)
    update = (xz + hz).sigmoid()
    candidate = (xn + (xr + hr).sigmoid() * hn).tanh()
    return ((1 - update) * candidate + update * state[0] + zero,)


def _lstm(entering: Tensor, own: Tensor, state: State, zero: Tensor) -> State:
    enter, forget, candidate, leave = (entering + own).chunk(4, 1)
    memory = forget.sigmoid() * state[1] + enter.sigmoid() * candidate.tanh() + zero
    return leave.sigmoid() * memory.tanh(), memory


STEPS: dict[str, Callable[[Tensor, Tensor, State, Tensor], State]] = {"lstm": _lstm, "gru": _gru, "rnn": _rnn}
"""For each of `CELLS`."""


def attributions(
    trunk: Trunk, walk: Walk, values: Array, means: Array, tell: Tell | None = None
) -> NDArray[np.float64]:
    """(C,) by how many nats the loss would change with each cell at its mean, if it were linear: its size.

    Of each passage by itself, as what is lost in one may be won in another.

    Args:
        trunk: a language model.
        walk: the passages.
        values: (P·T, C) of the cells.
        means: (C,) of each.
        tell: is told of how many more symbols the loss was looked at.
    """
    weights = {name: torch.from_numpy(np.ascontiguousarray(array)) for name, array in trunk.weights.items()}
    before = [torch.from_numpy(part) for part in read_before(trunk, walk).state]
    passages, total = len(walk.ids), np.zeros(values.shape[1])
    away = (means - values).reshape(passages, walk.steps, -1)
    for first in range(0, passages, TOGETHER):
        some = slice(first, first + TOGETHER)
        gradients = _gradients(trunk, weights, walk, some, [part[some] for part in before])
        total += np.abs(np.einsum("tbc,btc->bc", gradients, away[some], dtype=np.float64)).sum(axis=0)
        if tell is not None:
            tell(gradients.shape[0] * gradients.shape[1])
    return total


def _gradients(
    trunk: Trunk, weights: dict[str, Tensor], walk: Walk, some: slice, before: list[Tensor]
) -> NDArray[np.float32]:
    """(T, B, C) of the loss by what each cell hands on at each step of some passages."""
    architecture = trunk.architecture
    size, layers = architecture.hidden, range(architecture.layers)
    ids, blank = (torch.from_numpy(array[some, walk.warm_up :]) for array in (walk.ids, walk.blank))
    targets, is_scored = (torch.from_numpy(array[some]) for array in (walk.targets, walk.is_scored))
    zeros = torch.zeros(walk.steps, len(ids), layers.stop * size, requires_grad=True)
    states = [tuple(part[:, k * size : (k + 1) * size] for part in before) for k in layers]
    table = weights["embedding.weight"] if architecture.embedding else torch.eye(architecture.symbols)
    loss = torch.zeros(())
    for step in range(walk.steps):
        inputs, fresh = table[ids[:, step]], blank[:, step, None]
        for k in layers:
            own = tuple(part.masked_fill(fresh, 0) for part in states[k])
            entering, recurrent = (
                linear(x, weights[f"layers.{k}.{part}_weight"], weights[f"layers.{k}.{part}_bias"])
                for x, part in ((inputs, "input"), (own[0], "recurrent"))
            )
            zero = zeros[step, :, k * size : (k + 1) * size]
            states[k] = STEPS[architecture.cell](entering, recurrent, own, zero)
            inputs = states[k][0]
        logits = linear(inputs, weights["output.weight"], weights["output.bias"])
        nats = cross_entropy(logits, targets[:, step], reduction="none")
        loss = loss + (nats * is_scored[:, step]).sum()
    (gradient,) = torch.autograd.grad(loss, zeros)
    return gradient.numpy()
