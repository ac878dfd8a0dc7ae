"""Checks whether updates as a CUDA graph are correct and faster on this machine, by making both.

A graph is used only if it agrees with the trainer's plain updates and is faster.
Knows nothing of how it is captured.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import torch
from torch import Tensor

from charrnn.tasks.windows import Windowed
from charrnn.training.captured import Capture, Captured, cuda_graph, fits_on
from charrnn.training.trainer import Trainer

READ_EVERY = 32
"""Updates between two readings of what they did, each of which waits for the device."""

TRIED = 3
"""Updates that are made both ways before the graph is trusted."""

NEAR = {"fp32": 0.01, "bf16": 0.1, "fp16": 0.05}
"""How far the weights may differ then, as a share of how far they moved: rounding, which Muon enlarges."""


def use_if_faster(trainer: Trainer, capture: Capture = cuda_graph) -> None:
    """Let a trainer on CUDA make its updates by a graph, if that gives the same and takes less time."""
    batches = trainer.batches
    is_alone = trainer.world is None
    if trainer.model.device.type != "cuda" or not isinstance(batches, Windowed) or not is_alone:
        return
    with suppress(torch.OutOfMemoryError):  # of the trial, which keeps copies of all that it changes
        if fits_on(batches.ids, trainer.model.device) and is_better(trainer, batches, capture):
            trainer.make_fast = lambda: Captured(trainer, batches, capture)
            trainer.read_every = READ_EVERY


def is_better(trainer: Trainer, batches: Windowed, capture: Capture = cuda_graph) -> bool:
    """Whether a graph makes the next updates as the plain ones do, and in less time.

    Both are made, from the same beginning; the trainer is left as it was. The time counts only in a run on a
    clock: the weights of any other must not depend on it.
    """
    with _put_back(trainer) as again:
        began = _weights(trainer)
        plain_seconds, plain = _tried(trainer)
        again()
        try:
            trainer.make_fast = lambda: Captured(trainer, batches, lambda body, _: body)
            _tried(trainer)  # loads its kernels, which cannot be done while they are captured
            again()
            trainer.make_fast = lambda: Captured(trainer, batches, capture)
            seconds, weights = _tried(trainer)
        except RuntimeError:  # something in it does not let itself be captured here
            return False
        moved, apart = _distance(plain, began), _distance(plain, weights)
        is_as_fast = trainer.budget.deadline is None or seconds < plain_seconds
        return apart <= NEAR[trainer.precision] * moved and is_as_fast


def _tried(trainer: Trainer) -> tuple[float, Tensor]:
    """A few updates: how long the fastest took, and the averaged weights after them."""
    advance, seconds = trainer.advance(), list[float]()
    for _ in range(TRIED):
        began = time.perf_counter()
        advance(0.5)
        trainer.read()
        seconds.append(time.perf_counter() - began)
    return min(seconds), _weights(trainer)


def _weights(trainer: Trainer) -> Tensor:
    return torch.cat([parameter.detach().flatten() for parameter in trainer.averaged.parameters()])


def _distance(one: Tensor, other: Tensor) -> float:
    return float(torch.linalg.vector_norm(one - other))


@contextmanager
def _put_back(trainer: Trainer) -> Iterator[Callable[[], None]]:
    """Lets updates be tried: what it gives puts everything back, and so does its end."""
    for optimizer in trainer.optimizers:
        optimizer.begin()
    tensors = [
        *(parameter.detach() for parameter in trainer.model.parameters()),
        *trainer.averaged.parameters(),
        *(value for o in trainer.optimizers for values in o.state.values() for value in values.values()),
    ]
    kept = [tensor.clone() for tensor in tensors]
    state = None if trainer.state is None else [tuple(p.clone() for p in layer) for layer in trainer.state]
    random, place, in_a_row = trainer.model.generator.get_state(), trainer.batches.numbers(), trainer.in_a_row
    numbers = trainer.step, trainer.epoch, trainer.symbols_seen

    def again() -> None:
        for tensor, value in zip(tensors, kept, strict=True):
            tensor.copy_(value)
        trainer.state = None if state is None else [tuple(p.clone() for p in layer) for layer in state]
        # Where a capture failed, the generator it was given refuses to draw from then on.
        trainer.model.generator = torch.Generator(trainer.model.device)
        trainer.model.generator.set_state(random)
        trainer.batches.restore(place)
        trainer.step, trainer.epoch, trainer.symbols_seen = numbers
        trainer.use_plain()
        trainer.begin_totals(in_a_row)

    try:
        yield again
    finally:
        again()
