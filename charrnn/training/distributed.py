"""Several processes that train one model together, on `torch.distributed`.

The batch is that of all of them, whatever their number. Each process draws what one alone would draw, the
same windows, resets and dropout masks, and reads its own texts of the batch: process r of N has the texts r,
r + N, r + 2N … One sum over all processes makes the gradient of the whole batch, from which each of them
moves the same weights alike:

    process 0     clock, plan, files, display ── tells ──► reads texts 0, N …    ──┐
    process 1                                    hears ──► reads texts 1, N + 1 … ─┼─ sum ──► the same update
    process N-1                                  hears ──► reads texts N - 1 …   ──┘

Where Muon's matrices are large, each process orthogonalises some of them, and all get all.

Only process 0 decides: it runs the session (`session.py`) as if it was alone, and tells the others what
follows from it. They know no clock, no budget and no files but the text and the checkpoint that they begin
with. What is saved is what one process would save: the states of all texts are gathered.

Knows nothing of how processes are started.
"""

import signal
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import timedelta
from enum import IntEnum
from pathlib import Path
from typing import Any, NamedTuple

import torch
import torch.distributed as dist
from torch import Tensor

from charrnn.config.declaration import flat
from charrnn.config.resolved import ResolvedSettings
from charrnn.errors import CharRNNError, Stopped
from charrnn.model.layer import State
from charrnn.model.trunk import PartOfBatch
from charrnn.runs.signals import Stops
from charrnn.tasks.batches import Batch
from charrnn.training.launcher import Place, end_with_launcher
from charrnn.training.orthogonal import orthogonalise_share
from charrnn.training.trainer import Trainer, gradients

LONGEST_WAIT = timedelta(days=7)
"""Until others are given up for lost; one that ends is noticed at once. Process 0 may validate for hours."""


class Lost(CharRNNError):  # noqa: N818 - what happened to others
    """Another process of the run has ended."""


class Order(IntEnum):
    """What process 0 tells the others to do."""

    BEGIN, UPDATE, GATHER, GO_BACK, END = range(5)


class Heard(NamedTuple):
    """An order with its numbers."""

    order: Order
    first: float
    second: float


class World:
    """The processes of a run, as one of them sees them.

    Args:
        rank: the number of this process.
        size: how many there are.
        stops: signals that come here.
        is_alone: whether the others are only imagined: it reads its part, and nothing is summed.
    """

    def __init__(self, rank: int, size: int, stops: Stops, *, is_alone: bool = False) -> None:
        self.rank, self.size, self.stops, self.is_alone = rank, size, stops, is_alone
        self._seconds, self._texts = 0.0, 0

    def gradients(self, trainer: Trainer, batch: Batch) -> tuple[Tensor, State]:
        """Let each parameter have the gradient of the whole batch's mean loss, as `gradients` does alone.

        Returns:
            The loss of the whole batch, summed, and the state that this process's texts leave.
        """
        model = trainer.model
        model.set_part(PartOfBatch(batch.texts, slice(self.rank, None, self.size)))
        self._texts = batch.texts
        own = batch.part(self.rank, self.size) if self.rank < batch.texts else None
        if own is not None and own.count:
            nats, state = gradients(trainer, own, batch.count)
        else:
            model.draw()
            nats, state = torch.zeros((), device=model.device), []
        return self._summed(list(model.parameters()), nats), state

    def _summed(self, parameters: list[torch.nn.Parameter], nats: Tensor) -> Tensor:
        """Sum gradients and losses over all processes; and hear whether a signal came to one of them."""
        own = [torch.zeros_like(p) if p.grad is None else p.grad for p in parameters]
        is_stopped = nats.new_tensor([self.stops.received is not None])
        flat = torch.cat([*(gradient.flatten() for gradient in own), nats.view(1), is_stopped])
        if not self.is_alone:
            with self._waiting(flat.device):
                dist.all_reduce(flat)
        *gradients, total, stopped = torch.split(flat, [p.numel() for p in parameters] + [1, 1])
        for parameter, gradient in zip(parameters, gradients, strict=True):
            parameter.grad = gradient.view_as(parameter)
        if float(stopped):
            self.stops.ask(signal.SIGTERM)
        return total.squeeze()

    def orthogonalise(self, stacks: Sequence[Tensor]) -> Sequence[Tensor]:
        """Orthogonalise stacks of matrices; where they are large, each process some, and all get all."""
        return orthogonalise_share(stacks, self.rank, self.size, self._gathered)

    def _gathered(self, sent: Tensor) -> Tensor:
        """What each process sends, one after the other, (N, …)."""
        received = sent.new_zeros(self.size, *sent.shape)
        if not self.is_alone:
            with self._waiting(sent.device):
                dist.all_gather(list(received.unbind()), sent)
        return received

    def own(self, state: State | None) -> State | None:
        """Of the state of all texts that of this process's."""
        self._texts = len(state[0][0]) if state else 0
        if state is None or self._texts <= self.rank:
            return None
        return [tuple(part[self.rank :: self.size].clone() for part in layer) for layer in state]

    def gathered(self, trainer: Trainer) -> State | None:
        """The state of all texts, where process 0 asks for it."""
        if not trainer.state:  # it has as many texts as any other
            return trainer.state
        self.tell(Order.GATHER, self._texts)
        return self.gather(trainer, self._texts)

    def gather(self, trainer: Trainer, texts: int) -> State:
        """The state of all texts; every process takes part."""
        rows = -(-texts // self.size)
        padded = trainer.model.trunks[0].blank_state(rows)
        for layer, found in zip(padded, trainer.state or [], strict=False):
            for part, values in zip(layer, found, strict=True):
                part[: len(values)] = values
        received = self._gathered(torch.stack([part for layer in padded for part in layer]))
        # (parts, rows, N, H): of the row i of process r the text is i·N + r
        parts = iter(received.permute(1, 2, 0, 3).flatten(1, 2)[:, :texts].unbind())
        return [tuple(next(parts) for _ in layer) for layer in padded]

    def begin(self, folder: Path, checkpoint: Path, settings: ResolvedSettings) -> None:
        """Process 0: let the others begin with a run, which must lie where all of them can read it."""
        values = {name: value for name, value in flat(settings).items() if name != "corpus"}
        paths = {"folder": str(folder.absolute()), "checkpoint": str(checkpoint.absolute())}
        self.tell_facts(Order.BEGIN, {"settings": values, **paths})

    def go_back(self, checkpoint: Path) -> None:
        """Process 0: let the others go back to a checkpoint."""
        self.tell_facts(Order.GO_BACK, {"checkpoint": str(checkpoint.absolute())})

    def tell_update(self, progress: float, rate_factor: float) -> None:
        """Let all make the next update."""
        self.tell(Order.UPDATE, progress, rate_factor)

    def tell(self, order: Order, first: float = 0.0, second: float = 0.0) -> None:
        """Process 0: give an order."""
        if not self.is_alone:
            with self._waiting():
                dist.broadcast(torch.tensor([order, first, second], dtype=torch.float64), 0)

    def tell_facts(self, order: Order, facts: Mapping[str, Any]) -> None:
        """Process 0: give an order that has more to it than numbers."""
        self.tell(order)
        with self._waiting():
            dist.broadcast_object_list([dict(facts)], 0, device=torch.device("cpu"))

    def hear(self) -> Heard:
        """Another process: wait for the next order."""
        told = torch.zeros(3, dtype=torch.float64)
        with self._waiting():
            dist.broadcast(told, 0)
        order, first, second = told.tolist()
        return Heard(Order(int(order)), first, second)

    def hear_facts(self) -> dict[str, Any]:
        """Another process: what there is more to the order."""
        facts: list[Any] = [None]
        with self._waiting():
            dist.broadcast_object_list(facts, 0, device=torch.device("cpu"))
        return dict(facts[0])

    @contextmanager
    def _waiting(self, device: torch.device | None = None) -> Iterator[None]:
        """Count the time that the enclosed takes, on the device too.

        Raises:
            Lost: another process is not there any more.
        """
        _synchronise(device)
        began = time.monotonic()
        try:
            yield
            _synchronise(device)
        except RuntimeError as error:
            self.stops.heed()  # the launcher may ask for the end by now; this is why
            raise Lost(
                "another process of the run has ended, and so does this one; what was saved last is kept; go "
                "on with: charrnn train --resume"
            ) from error
        self._seconds += time.monotonic() - began

    def seconds_waited(self) -> float:
        """How long it waited for the others since this was asked last."""
        seconds, self._seconds = self._seconds, 0.0
        return round(seconds, 4)


def _synchronise(device: torch.device | None) -> None:
    """Wait until a device has done what it was told, where it is not the processor itself."""
    if device is not None and device.type == "cuda":
        torch.cuda.synchronize(device)


def rehearsal(processes: int) -> World:
    """Process 0 of so many, without the others: to time its part of an update."""
    return World(0, processes, Stops(), is_alone=True)


@contextmanager
def joined(here: Place, stops: Stops) -> Iterator[World]:
    """Be one of several processes; where process 0 leaves, as planned or stopped by a signal, all do."""
    end_with_launcher()
    has_gpu = torch.cuda.is_available()
    if has_gpu:
        torch.cuda.set_device(here.local_rank % torch.cuda.device_count())
    backends = "cpu:gloo,cuda:nccl" if has_gpu else "gloo"
    dist.init_process_group(backends, timeout=LONGEST_WAIT)
    world = World(here.rank, here.size, stops)
    try:
        yield world
    except Stopped:
        _end(world)
        raise
    _end(world)


def _end(world: World) -> None:
    if world.rank == 0:
        with suppress(Lost):
            world.tell(Order.END)
    dist.destroy_process_group()
