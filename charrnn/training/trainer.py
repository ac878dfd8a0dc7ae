"""The loop of learning: each turn is one update. It never prints, saves or reads a file.

Who iterates decides when to validate, to save, to show a sample, and when to stop early:

    for update in Trainer(...):
        ...
"""

import copy
import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.utils import clip_grad_norm_

from charrnn.model.network import CharRNN, State, blank_where, detach, finite
from charrnn.tasks.batches import Batch, Batches
from charrnn.tasks.language import Loss
from charrnn.training.optimizers import Optimizer
from charrnn.training.schedule import Budget, rate

PACE_UPDATES, PACE_SECONDS = 4, 1.0
"""So many updates are timed at most to tell how fast a network learns here, or for so long."""

AVERAGING = 10
"""The weight of the network after t updates in the average that is kept grows as t to this power: the last
tenth of what was done counts for most of it (LOG.md)."""

Task = Callable[[CharRNN, Batch, State | None], Loss]


@dataclass(frozen=True)
class Update:
    """What one update did. Tensors are read (which waits for the device) only by those who want to know.

    Attributes:
        step: updates so far, this one included.
        epoch: passes over the text so far.
        nats: the batch's loss before the update, summed.
        count: symbols it was summed over.
        learning_rate: the highest of the optimizers' rates.
        gradient_norm: of the mean loss's gradient, before clipping.
        progress: share of the run that is done.
        skipped: the loss or its gradient was not finite, and nothing was learnt.
    """

    step: int
    epoch: float
    nats: Tensor
    count: int
    learning_rate: float
    gradient_norm: Tensor
    progress: float
    skipped: bool = False


class Trainer:
    """Truncated back-propagation through time (Williams & Peng 1990) over batches whose state carries on.

    The gradient flows back through one batch's T steps; the state flows on into the next batch, its history
    cut off. That holds for a batch that nothing was learnt from, too: the next one goes on with its texts.

    The weights that move are noisy, as each batch pulls them its own way. What is to be used is `averaged`:
    the same network, its weights the power-function average of theirs over all updates so far (Karras et al.
    2024, arXiv 2312.02696), which need not know how long the run will be.

    Args:
        model: the network to train.
        task: how a batch becomes a loss.
        batches: where batches come from.
        optimizers: what moves the parameters; their rates as given are the highest.
        budget: when to stop, and how far along the run is.
        gradient_clip: longest gradient of an update; 0 for any (Pascanu et al. 2013).
        precision: of the matrix products, `fp32` or `bf16`; weights and what moves them stay in float32.
    """

    def __init__(
        self,
        model: CharRNN,
        task: Task,
        batches: Batches,
        optimizers: Sequence[Optimizer],
        budget: Budget,
        *,
        gradient_clip: float,
        precision: str = "fp32",
    ) -> None:
        self.model, self.task, self.batches = model, task, batches
        self.averaged = copy.deepcopy(model).eval().requires_grad_(requires_grad=False)
        self.averaged.lay_out()
        self.optimizers, self.budget = optimizers, budget
        self.gradient_clip, self.precision = gradient_clip, precision
        self.step, self.symbols_seen, self.epoch = 0, 0, 0.0
        self.state: State | None = None
        self.rate_factor = 1.0
        self._groups = [group for optimizer in optimizers for group in optimizer.groups]
        self._highest = [group.learning_rate for group in self._groups]

    def __iter__(self) -> Iterator[Update]:
        """Update after update until the budget is spent."""
        self.model.train()
        self.budget.start()
        batches = iter(self.batches)
        while (progress := self.budget.progress(self.step)) < 1:
            yield self.update(next(batches), progress)

    def update(self, batch: Batch, progress: float) -> Update:
        """Learn from one batch; pass it over where its loss or gradient is not a finite number."""
        self._set_rates(rate(progress) * self.rate_factor)
        device = self.model.output.weight.device
        state = self._state_for(batch)
        half = self.precision == "bf16"
        with torch.autocast(device.type, torch.bfloat16, enabled=half):
            loss = self.task(self.model, batch.to(device), state)
        (loss.nats / loss.count).backward()  # type: ignore[no-untyped-call]
        norm = clip_grad_norm_(self.model.parameters(), self.gradient_clip or float("inf"))
        nats = loss.nats.detach()
        skipped = not math.isfinite(float(nats + norm))
        if not skipped:
            self._move(loss.count)
        self.model.zero_grad()
        self.state = finite(detach(loss.state)) if skipped else detach(loss.state)
        self.step, self.epoch = self.step + 1, batch.epoch
        progress = self.budget.progress(self.step)
        return Update(self.step, self.epoch, nats, loss.count, self.learning_rate, norm, progress, skipped)

    def pace(self) -> float:
        """Updates a second, from making a few; the first only warms up, if there is time for more."""
        batches, seconds = iter(self.batches), list[float]()
        self.model.train()
        while len(seconds) < PACE_UPDATES and sum(seconds) < PACE_SECONDS:
            began = time.perf_counter()
            float(self.update(next(batches), 0.5).nats)
            seconds.append(time.perf_counter() - began)
        return 1 / min(seconds[1:] or seconds)

    def _move(self, count: int) -> None:
        """Take the step that the gradients of so many symbols show."""
        for optimizer in self.optimizers:
            optimizer.step()
        self.symbols_seen += count
        self._average()

    @torch.no_grad()
    def _average(self) -> None:
        """Let the weights as they now are into the average: all of it after the first update."""
        share = 1 - (1 - 1 / (self.step + 1)) ** (AVERAGING + 1)
        moving = [parameter.detach() for parameter in self.model.parameters()]
        torch._foreach_lerp_(list(self.averaged.parameters()), moving, share)

    @property
    def learning_rate(self) -> float:
        """The highest of the optimizers' rates."""
        return max(group.learning_rate for group in self._groups)

    def _state_for(self, batch: Batch) -> State | None:
        """The carried state, blank for the texts that begin anew."""
        if self.state is None or batch.fresh is None:
            return self.state
        if bool(batch.fresh.all()):
            return None
        return blank_where(self.state, batch.fresh.to(self.state[0][0].device))

    def _set_rates(self, factor: float) -> None:
        for group, highest in zip(self._groups, self._highest, strict=True):
            group.learning_rate = highest * factor
