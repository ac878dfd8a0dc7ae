"""Which optimizer updates which parameter: Muon for the recurrent matrices, AdamW for the rest.

They do not use `torch.optim`: creating its first optimizer loads PyTorch's compiler, which takes as
long as loading all the rest of it. The arithmetic of AdamW is PyTorch's, its fused kernel.

Knows nothing of text, batches or schedules: the learning rate of every group is set from outside.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from charrnn.model.network import Network
from charrnn.model.optimizer_facts import OPTIMIZERS, optimizer_of
from charrnn.training.orthogonal import Orthogonalise, block_rows, orthogonalise_all

ADAMW_SHARE = 0.6
"""With Muon, what AdamW's rate for the other parameters is to Muon's."""


@dataclass
class Group:
    """Parameters that are moved alike.

    Attributes:
        parameters: by their names in the network.
        learning_rate: of the next step; a number, or where steps are captured in a graph one on the device.
        weight_decay: decoupled from the gradient (Loshchilov & Hutter 2019).
    """

    parameters: Mapping[str, Tensor]
    learning_rate: float | Tensor
    weight_decay: float = 0.0

    def moved(self) -> dict[str, tuple[Tensor, Tensor]]:
        """The parameters that have a gradient, with it."""
        return {name: (p, p.grad) for name, p in self.parameters.items() if p.grad is not None}


class Optimizer(Protocol):
    """Moves parameters along their gradients.

    Attributes:
        groups: the parameters it moves.
        state: what it remembers of each, by key and by the parameter's name (`model/optimizer_facts.py`).
    """

    @property
    def groups(self) -> Sequence[Group]: ...  # noqa: D102
    @property
    def state(self) -> dict[str, dict[str, Tensor]]: ...  # noqa: D102

    def begin(self) -> None:
        """Let all that is remembered be there, as zeros at first: a graph must find it in its place."""
        ...

    def step(self, learnt: Tensor | None = None) -> None:
        """Move every parameter that has a gradient once.

        Args:
            learnt: where the device decides, 1 there; or 0, as the learning rates are then, and nothing
                changes, if only the gradients are finite.
        """
        ...


class Muon:
    """Momentum, orthogonalised (Jordan et al. 2024), for each block of a gate's matrix by itself.

    A learning rate says how far an update goes, as the length of each of its rows, roughly.

    Args:
        group: matrices of G·H rows.
        rows: H, the rows of a gate.
        momentum: of the gradient, Nesterov's.
        orthogonalise: `orthogonalise_all`, or what does the same in several processes.
    """

    def __init__(
        self,
        group: Group,
        *,
        rows: int,
        momentum: float = 0.95,
        orthogonalise: Orthogonalise = orthogonalise_all,
    ) -> None:
        self.groups = [group]
        self.rows, self.momentum, self.orthogonalise = rows, momentum, orthogonalise
        self.state: dict[str, dict[str, Tensor]] = {key: {} for key in OPTIMIZERS["muon"].arrays}

    def begin(self) -> None:
        """Let there be a momentum of every parameter."""
        for group in self.groups:
            for name, parameter in group.parameters.items():
                self.state["momentum"].setdefault(name, torch.zeros_like(parameter))

    @torch.no_grad()
    def step(self, learnt: Tensor | None = None) -> None:
        """Move every parameter that has a gradient once along its orthogonalised momentum."""
        new: float | Tensor = 1 - self.momentum if learnt is None else (1 - self.momentum) * learnt
        for group in self.groups:
            moved = group.moved()
            directions: dict[str, Tensor] = {}
            for name, (parameter, gradient) in moved.items():
                momentum = self.state["momentum"].setdefault(name, torch.zeros_like(parameter))
                momentum.lerp_(gradient, new)
                columns = parameter.shape[1]
                direction, height = gradient.lerp(momentum, self.momentum), block_rows(self.rows, columns)
                directions[name] = direction.view(-1, height, columns)
            for name, update in self._orthogonalised(directions).items():
                parameter, (_, height, columns) = moved[name][0], update.shape
                distance = group.learning_rate * math.sqrt(max(1.0, height / columns))
                _move(parameter, update.reshape(parameter.shape), distance, group)

    def _orthogonalised(self, directions: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Blocks of matrices, (G, R, C) by name: those of one shape are orthogonalised in one go."""
        alike: dict[tuple[int, ...], dict[str, Tensor]] = {}
        for name, blocks in directions.items():
            alike.setdefault(blocks.shape[1:], {})[name] = blocks
        stacks = [
            torch.cat(list(found.values())) if len(found) > 1 else next(iter(found.values()))
            for found in alike.values()
        ]
        updates: dict[str, Tensor] = {}
        for found, stack in zip(alike.values(), self.orthogonalise(stacks), strict=True):
            parts = torch.split(stack, [len(blocks) for blocks in found.values()])
            updates |= dict(zip(found, parts, strict=True))
        return updates


def _move(parameter: Tensor, update: Tensor, distance: float | Tensor, group: Group) -> None:
    """Let a parameter decay, and go so far along an update."""
    kept = 1 - group.learning_rate * group.weight_decay
    if not isinstance(distance, Tensor):
        parameter.mul_(kept).add_(update, alpha=-distance)
    else:  # functions for lists are the fastest where numbers are on the device
        torch._foreach_mul_([parameter], kept)
        torch._foreach_mul_([update], -distance)
        parameter.add_(update)


class AdamW:
    """AdamW (Loshchilov & Hutter 2019).

    Args:
        groups: the parameters.
        betas: decay of the averages of the gradient and of its square.
        epsilon: added to the root of the latter.
    """

    def __init__(
        self, groups: Sequence[Group], *, betas: tuple[float, float] = (0.9, 0.99), epsilon: float = 1e-8
    ) -> None:
        self.groups = groups
        self.betas, self.epsilon = betas, epsilon
        self.state: dict[str, dict[str, Tensor]] = {key: {} for key in OPTIMIZERS["adamw"].arrays}

    def begin(self) -> None:
        """Let there be both averages of every parameter, and its count of steps."""
        for group in self.groups:
            self._remember(group.parameters)

    def _remember(self, parameters: Mapping[str, Tensor]) -> None:
        for name, parameter in parameters.items():
            self.state["exp_avg"].setdefault(name, torch.zeros_like(parameter))
            self.state["exp_avg_sq"].setdefault(name, torch.zeros_like(parameter))
            # The kernel reads the count of steps where the parameter is.
            self.state["step"].setdefault(name, torch.zeros((), dtype=torch.float32, device=parameter.device))

    @torch.no_grad()
    def step(self, learnt: Tensor | None = None) -> None:
        """Move every parameter that has a gradient once."""
        for group in self.groups:
            found = group.moved()
            if not found:
                continue
            self._remember({name: parameter for name, (parameter, _) in found.items()})
            steps = [self.state["step"][name] for name in found]
            if learnt is None:
                torch._foreach_add_(steps, 1)
            else:
                torch._foreach_add_(steps, [learnt] * len(steps))
            torch._fused_adamw_(
                [parameter for parameter, _ in found.values()],
                [gradient for _, gradient in found.values()],
                [self.state["exp_avg"][name] for name in found],
                [self.state["exp_avg_sq"][name] for name in found],
                [],  # of the variant AMSGrad
                steps,
                lr=group.learning_rate,
                beta1=self.betas[0],
                beta2=self.betas[1],
                weight_decay=group.weight_decay,
                eps=self.epsilon,
                amsgrad=False,
                maximize=False,
                found_inf=None if learnt is None else 1 - learnt,
            )


def make_optimizers(
    model: Network,
    name: str,
    learning_rate: float,
    weight_decay: float,
    orthogonalise: Orthogonalise = orthogonalise_all,
) -> list[Optimizer]:
    """The optimizers of a network: each parameter belongs to exactly one. Biases are not decayed.

    Args:
        model: the network.
        name: `muon` or `adamw`.
        learning_rate: the highest rate, of Muon (the other parameters get `ADAMW_SHARE` of it) or of AdamW.
        weight_decay: pull of the matrices towards zero, decoupled from the gradient.
        orthogonalise: as of `Muon`.
    """
    named = model.arrays()
    of_muon = {key: parameter for key, parameter in named.items() if optimizer_of(key, name) == "muon"}
    matrices = {key: p for key, p in named.items() if p.ndim > 1 and key not in of_muon}
    biases = {key: p for key, p in named.items() if p.ndim == 1}
    rate = learning_rate * (ADAMW_SHARE if of_muon else 1)
    adamw = AdamW([Group(matrices, rate, weight_decay), Group(biases, rate)])
    if not of_muon:
        return [adamw]
    group, rows = Group(of_muon, learning_rate, weight_decay), model.architecture.hidden
    return [Muon(group, rows=rows, orthogonalise=orthogonalise), adamw]


def state_dict(optimizers: Sequence[Optimizer]) -> dict[str, Tensor]:
    """What they remember, by `<key>.<parameter>`."""
    kept = (memory for optimizer in optimizers for memory in optimizer.state.items())
    return {f"{key}.{name}": value for key, values in kept for name, value in values.items()}


def load_state_dict(optimizers: Sequence[Optimizer], arrays: Mapping[str, Tensor]) -> None:
    """Remember what `state_dict` gave, each where its parameter is, and nothing else."""
    for optimizer in optimizers:
        parameters = {name: p for group in optimizer.groups for name, p in group.parameters.items()}
        for key, values in optimizer.state.items():
            values.clear()
            for name, parameter in parameters.items():
                if (value := arrays.get(f"{key}.{name}")) is not None:
                    values[name] = value.detach().clone().to(parameter.device)
