"""The training loop: each iteration is one update. It never prints, saves or reads a file.

The caller decides when to validate, save, sample, and stop early:

    for step in Trainer(...):
        ...

The results of an update stay on the device, which may still be computing: `read` waits for them. Knows
nothing of what is done with the figures.
"""

import copy
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

import torch
from torch import Tensor
from torch.nn.utils import clip_grad_norm_

from charrnn.model.layer import State
from charrnn.model.network import Network
from charrnn.model.trunk import blank_where, detach, finite
from charrnn.tasks.batches import Batch, Batches
from charrnn.tasks.task import Task
from charrnn.training.optimizers import Optimizer
from charrnn.training.precision import autocast, back
from charrnn.training.schedule import Budget, rate

if TYPE_CHECKING:
    from charrnn.training.distributed import World

AVERAGING = 10
"""The weight of the network after t updates in the average that is kept grows as t to this power: the last
tenth of what was done counts for most of it (LOG.md)."""


@dataclass(frozen=True)
class UpdateTotals:
    """What some updates did, all those since the reading before.

    Attributes:
        updates: how many there were.
        nats: the losses of the batches that were learnt from, each before its update, summed.
        count: symbols they were summed over.
        skipped: updates whose loss or gradient was not finite, and that learnt nothing.
        in_a_row: updates skipped in a row up to now, those of earlier readings too.
        most_in_a_row: the longest such row that there was meanwhile.
        gradient_norm: of the mean loss's gradient, before clipping, at the last update that was not skipped;
            None where all were.
    """

    updates: int = 0
    nats: float = 0.0
    count: int = 0
    skipped: int = 0
    in_a_row: int = 0
    most_in_a_row: int = 0
    gradient_norm: float | None = None

    def with_skipped(self) -> "UpdateTotals":
        """With one update more that was skipped."""
        in_a_row = self.in_a_row + 1
        return replace(
            self,
            updates=self.updates + 1,
            skipped=self.skipped + 1,
            in_a_row=in_a_row,
            most_in_a_row=max(self.most_in_a_row, in_a_row),
        )

    def with_learnt(self, nats: float, count: int, gradient_norm: float) -> "UpdateTotals":
        """With one update more that learnt from so many symbols."""
        return replace(
            self,
            updates=self.updates + 1,
            nats=self.nats + nats,
            count=self.count + count,
            in_a_row=0,
            gradient_norm=gradient_norm,
        )


class FastUpdates(Protocol):
    """Updates that a device makes by itself, one after the other."""

    def update(self, rate: float, share: float) -> float:
        """Learn from the next batch; may return before the device has done so.

        Args:
            rate: the learning rate as a share of the highest.
            share: of the new weights in the average.

        Returns:
            Passes over the text that are done then.
        """
        ...

    def read(self) -> UpdateTotals:
        """What the updates since `begin` did, once the device has done them."""
        ...

    def begin(self, in_a_row: int) -> None:
        """Count anew, after so many skipped updates in a row."""
        ...


class Trainer:
    """Truncated back-propagation through time (Williams & Peng 1990) over batches whose state carries on.

    The gradient flows back through one batch's T steps; the state flows on into the next batch, its history
    cut off. That holds for a batch that nothing was learnt from, too: the next one goes on with its texts.

    The weights that move are noisy, as each batch pulls them its own way. What is to be used is `averaged`:
    the same network, its weights the power-function average of theirs over all updates so far (Karras et al.
    2024, arXiv 2312.02696), which need not know how long the run will be.

    Args:
        model: the network to train.
        task: makes a loss of a batch.
        batches: where batches come from.
        optimizers: what moves the parameters; their rates as given are the highest.
        budget: when to stop, and how far along the run is.
        gradient_clip: longest gradient of an update; 0 for any (Pascanu et al. 2013).
        precision: of the matrix products, as in `precision.py`.
        world: the processes that train together; None for this one alone.

    Attributes:
        step: updates so far.
        epoch: passes over the text so far.
        symbols_seen: learnt from so far, up to the last reading.
        read_every: how many updates there may be between two readings.
        make_fast: makes what updates on the device faster than `update`, from where the trainer then is; None
            where nothing does.
    """

    def __init__(
        self,
        model: Network,
        task: Task,
        batches: Batches,
        optimizers: Sequence[Optimizer],
        budget: Budget,
        *,
        gradient_clip: float,
        precision: str = "fp32",
        world: "World | None" = None,
    ) -> None:
        self.model, self.task, self.batches = model, task, batches
        self.averaged = copy.deepcopy(model).eval().requires_grad_(requires_grad=False)
        self.optimizers, self.budget = optimizers, budget
        self.gradient_clip, self.precision, self.world = gradient_clip, precision, world
        self.step, self.symbols_seen, self.epoch = 0, 0, 0.0
        self.read_every = 1
        self.make_fast: Callable[[], FastUpdates] | None = None
        self._fast: FastUpdates | None = None
        self._totals = UpdateTotals()
        self.state: State | None = None
        self.rate_factor = 1.0
        self._groups = [group for optimizer in optimizers for group in optimizer.groups]
        self._highest = [group.learning_rate for group in self._groups]

    def __iter__(self) -> Iterator[int]:
        """The number of updates so far, after each of them, until the budget is spent."""
        advance = self.advance()
        self.budget.start()
        while (progress := self.budget.progress(self.step)) < 1:
            if self.world is not None:
                self.world.tell_update(progress, self.rate_factor)
            advance(progress)
            yield self.step

    def read(self) -> UpdateTotals:
        """What the updates since the last reading did, once the device has done them; then it counts anew."""
        totals = self._totals if self._fast is None else self._fast.read()
        self.symbols_seen += totals.count
        self.begin_totals(totals.in_a_row)
        return totals

    def begin_totals(self, in_a_row: int = 0) -> None:
        """Count anew, after so many skipped updates in a row; what was not read is forgotten."""
        self._totals = UpdateTotals(in_a_row=in_a_row)
        if self._fast is not None:
            self._fast.begin(in_a_row)

    def use_plain(self) -> None:
        """Make updates one by one from now on, and let go of what made them on the device."""
        self.make_fast = self._fast = None

    def advance(self) -> Callable[[float], None]:
        """Makes the next update, at so much of the run."""
        self.model.train()
        self._fast = None  # lets go of its memory before another takes as much
        if self.make_fast is None:
            batches = iter(self.batches)
            return lambda progress: self.update(next(batches), progress)
        fast = self._fast = self.make_fast()
        fast.begin(self._totals.in_a_row)

        def update(progress: float) -> None:
            factor = rate(progress) * self.rate_factor
            self._set_rates(factor)
            self.epoch = fast.update(factor, self._share())
            self.step += 1

        return update

    def update(self, batch: Batch, progress: float) -> None:
        """Learn from one batch; pass it over where its loss or gradient is not a finite number."""
        factor = rate(progress) * self.rate_factor
        self._set_rates(factor)
        nats, state = (gradients if self.world is None else self.world.gradients)(self, batch)
        norm = clip_grad_norm_(self.model.parameters(), self.gradient_clip or float("inf"))
        loss, length = torch.stack((nats, norm)).tolist()  # one reading, since each waits for the device
        if math.isfinite(loss + length):
            self.move(factor, self._share())
            self._totals = self._totals.with_learnt(loss, batch.count, length)
            self.state = state
        else:
            self._totals = self._totals.with_skipped()
            self.state = finite(state)
        self.model.zero_grad()
        self.step, self.epoch = self.step + 1, batch.epoch

    @torch.no_grad()
    def move(self, rate: float | Tensor, share: float | Tensor, learnt: Tensor | None = None) -> None:
        """Take the step that the gradients show, and let the weights as they then are into the average.

        Args:
            rate: the learning rate as a share of the highest.
            share: of the new weights in the average.
            learnt: where the device decides, 1; or 0, with the other two, and nothing changes.
        """
        self._set_rates(rate)
        for optimizer in self.optimizers:
            optimizer.step(learnt)
        average(self.averaged, self.model, share)

    def _share(self) -> float:
        """Of the new weights in the average after the next update: all of it after the first."""
        return 1 - (1 - 1 / (self.step + 1)) ** (AVERAGING + 1)

    @property
    def in_a_row(self) -> int:
        """Updates skipped in a row, up to the last reading."""
        return self._totals.in_a_row

    @property
    def learning_rate(self) -> float:
        """The highest of the optimizers' rates."""
        return max(float(group.learning_rate) for group in self._groups)

    def _set_rates(self, factor: float | Tensor) -> None:
        for group, highest in zip(self._groups, self._highest, strict=True):
            group.learning_rate = highest * factor


def gradients(trainer: Trainer, batch: Batch, count: int | None = None) -> tuple[Tensor, State]:
    """Let each parameter have the gradient of a batch's mean loss.

    Args:
        trainer: whose network reads it.
        batch: on the CPU.
        count: targets that the mean is over, where the batch has some of them.

    Returns:
        The loss, summed, and the state that the batch leaves.
    """
    model, state = trainer.model, _carried(trainer.state, batch)
    with autocast(model.device, trainer.precision):
        loss = trainer.task.loss(model, batch.to(model.device), state)
    back(loss.nats / (count or loss.count), model.parameters(), trainer.precision)
    return loss.nats.detach(), detach(loss.state)


def _carried(state: State | None, batch: Batch) -> State | None:
    """The state that a batch goes on from, blank for the texts that begin anew."""
    if not state:
        return None
    if batch.fresh is None:
        return state
    if bool(batch.fresh.all()):
        return None
    return blank_where(state, batch.fresh.to(state[0][0].device))


def average(averaged: Network, moving: Network, share: float | Tensor) -> None:
    """Let so much of the weights that move into their average."""
    new = [parameter.detach() for parameter in moving.parameters()]
    old = [parameter.detach() for parameter in averaged.parameters()]
    if isinstance(share, Tensor):
        torch._foreach_add_(old, list(torch._foreach_mul(torch._foreach_sub(new, old), share)))
    else:
        torch._foreach_lerp_(old, new, share)
