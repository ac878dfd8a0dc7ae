"""An update as one CUDA graph: captured once, replayed for every batch, with nothing to wait for in between.

A GPU does the arithmetic of an update in a fraction of the time that launching its kernels one by one takes.
Here the text lies on the device, and an update is one graph: gather the batch, forward, backward, clipping,
the optimizers, the average of the weights. What changes from one update to the next (where the rows begin,
which start blank, the learning rate) is copied into device memory ahead of it; what an update did is summed
up there until somebody reads it. Where the loss or gradient is not finite, the device itself multiplies all
that the update would change by zero.

Whether it is used, `trial.py` says. Knows nothing of budgets, files or the order of the text.
"""

import gc
import math
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from charrnn.model.layer import State
from charrnn.model.trunk import blank_where, detach, finite
from charrnn.tasks.batches import NextSymbols
from charrnn.tasks.windows import Window, Windowed
from charrnn.text.vocabulary import Ids
from charrnn.training.precision import LOSS_SCALE, autocast
from charrnn.training.trainer import Trainer, UpdateTotals

AHEAD = 16
"""Updates that may wait on the device: enough that it never idles, few enough that a stop comes soon."""

TEXT_SHARE = 0.25
"""Of the free memory of the device, that the text may take there."""

Replay = Callable[[], None]
Capture = Callable[[Callable[[], None], torch.Generator], Replay]
"""Makes one call of a function into something that does the same again, generator included."""


def cuda_graph(body: Callable[[], None], generator: torch.Generator) -> Replay:
    """Capture the kernels that a function launches (Gray 2019, "Getting started with CUDA graphs")."""
    gc.collect()  # what is freed while another graph is captured breaks it, as graphs that nobody uses would
    graph = torch.cuda.CUDAGraph()
    graph.register_generator_state(generator)
    # PyTorch leaves its own stream in place where a capture fails; the outer one goes back to this.
    with torch.cuda.stream(torch.cuda.current_stream()), torch.cuda.graph(graph):
        body()
    return graph.replay


class Captured:
    """Updates of a trainer, replayed.

    Args:
        trainer: whose network, optimizers and average are moved; its place in the text is read from here.
        batches: the trainer's.
        capture: makes a graph; `cuda_graph`, or in tests something that runs anywhere.
    """

    def __init__(self, trainer: Trainer, batches: Windowed, capture: Capture = cuda_graph) -> None:
        self.trainer, self.batches = trainer, batches
        self.device = trainer.model.device
        rows = batches.batch_size
        self.text = text_on(batches.ids, self.device)
        self.steps = torch.arange(batches.sequence_length, device=self.device).unsqueeze(1)
        self.count = rows * batches.sequence_length
        self.state = trainer.state or trainer.model.trunks[0].blank_state(rows)
        trainer.state = self.state
        for optimizer in trainer.optimizers:
            optimizer.begin()
        self.orders = Orders(rows, self.device)
        self.counts = torch.zeros(len(_COUNTS), dtype=torch.float64, device=self.device)
        self.replay = capture(self._update, trainer.model.generator)

    def update(self, rate: float, share: float) -> float:
        """Learn from the next batch; returns before the device has done so: see `FastUpdates`."""
        window = self.batches.next_window()
        self.orders.give(window, rate, share)
        self.replay()
        return window.epoch

    def read(self) -> UpdateTotals:
        """What the updates since the last beginning did: waits for the device."""
        found = dict(zip(_COUNTS, self.counts.tolist(), strict=True))
        learnt, skipped = int(found["learnt"]), int(found["skipped"])
        return UpdateTotals(
            updates=learnt + skipped,
            nats=found["nats"],
            count=learnt * self.count,
            skipped=skipped,
            in_a_row=int(found["in_a_row"]),
            most_in_a_row=int(found["most_in_a_row"]),
            gradient_norm=found["norm"] if learnt else None,
        )

    def begin(self, in_a_row: int) -> None:
        """Count anew, after so many skipped updates in a row."""
        self.counts.zero_()
        self.counts[_COUNTS.index("in_a_row")] = in_a_row

    def _update(self) -> None:
        """One update, from what lies on the device and nothing else: what is captured."""
        trainer, parameters = self.trainer, list(self.trainer.model.parameters())
        batch, fresh = self._batch()
        with autocast(self.device, trainer.precision):
            loss = trainer.task.loss(trainer.model, batch, blank_where(self.state, fresh))
        scale = LOSS_SCALE.get(trainer.precision, 1.0)
        found = torch.autograd.grad(loss.nats * (scale / loss.count), parameters)
        with torch.no_grad():
            gradients = torch.cat([gradient.flatten() for gradient in found])
            norm = torch.linalg.vector_norm(gradients) / scale
            nats = loss.nats.detach()
            is_good = (nats + norm).isfinite()
            clip = torch.clamp((trainer.gradient_clip or math.inf) / (norm + 1e-6), max=1.0)
            factor = torch.where(is_good, clip / scale, 0.0)
            torch._foreach_mul_([gradients.nan_to_num_(0.0, 0.0, 0.0)], factor)
            sizes = [parameter.numel() for parameter in parameters]
            for parameter, gradient in zip(parameters, torch.split(gradients, sizes), strict=True):
                parameter.grad = gradient.view_as(parameter)
            good = is_good.float()
            trainer.move(self.orders.rate * good, self.orders.share * good, good)
            trainer.model.zero_grad()
            for old, new in zip(_flat(self.state), _flat(finite(detach(loss.state))), strict=True):
                old.copy_(new)
            self._add(nats, norm, is_good)

    def _batch(self) -> tuple[NextSymbols, Tensor]:
        """The batch that the orders say, and which of its rows begin blank."""
        begins, fresh = self.orders.begins_and_fresh()
        places = (begins + self.steps) % (len(self.text) - 1)
        inputs, targets = (self.text[places + on].long().t() for on in (0, 1))
        return NextSymbols(inputs, targets, None, 0.0), fresh

    def _add(self, nats: Tensor, norm: Tensor, is_good: Tensor) -> None:
        """Count an update in."""
        good = is_good.double()
        was = dict(zip(_COUNTS, self.counts.unbind(), strict=True))
        in_a_row = (was["in_a_row"] + 1) * (1 - good)
        now = {
            "nats": was["nats"] + torch.where(is_good, nats.double(), 0.0),
            "learnt": was["learnt"] + good,
            "skipped": was["skipped"] + 1 - good,
            "in_a_row": in_a_row,
            "most_in_a_row": torch.maximum(was["most_in_a_row"], in_a_row),
            "norm": torch.where(is_good, norm.double(), was["norm"]),
        }
        self.counts.copy_(torch.stack([now[name] for name in _COUNTS]))


_COUNTS = ("nats", "learnt", "skipped", "in_a_row", "most_in_a_row", "norm")


class Orders:
    """What changes from one update to the next, sent ahead: the host waits only to be no further ahead.

    Args:
        rows: B.
        device: where updates are made.
    """

    def __init__(self, rows: int, device: torch.device) -> None:
        self.rows, self.is_cuda = rows, device.type == "cuda"
        self.there = torch.zeros(rows + 2, dtype=torch.int64, device=device)
        here = torch.zeros((AHEAD, rows + 2), dtype=torch.int64)
        self.here = here.pin_memory() if self.is_cuda else here
        self.done: list[torch.cuda.Event | None] = [None] * AHEAD
        self.turn = 0

    def give(self, window: Window, rate: float, share: float) -> None:
        """Send what the next update needs."""
        turn, self.turn = self.turn, (self.turn + 1) % AHEAD
        if (event := self.done[turn]) is not None:
            event.synchronize()  # its copy of so many updates ago is read before it is written over
        numbers = self.here[turn].numpy()
        numbers[: self.rows] = np.where(window.fresh, -1 - window.begins, window.begins)
        numbers[self.rows :].view(np.float64)[:] = rate, share
        self.there.copy_(self.here[turn], non_blocking=True)
        if self.is_cuda:
            event = event or torch.cuda.Event()  # type: ignore[no-untyped-call]
            event.record()
            self.done[turn] = event

    def begins_and_fresh(self) -> tuple[Tensor, Tensor]:
        """Where each row begins, (B,) int64, and whether it begins blank; on the device."""
        sent = self.there[: self.rows]
        fresh = sent < 0
        return torch.where(fresh, -1 - sent, sent), fresh

    @property
    def rate(self) -> Tensor:
        """The learning rate as a share of the highest, on the device."""
        return self.there[self.rows :].view(torch.float64)[0].float()

    @property
    def share(self) -> Tensor:
        """Of the new weights in the average, on the device."""
        return self.there[self.rows :].view(torch.float64)[1].float()


def text_on(ids: Ids, device: torch.device) -> Tensor:
    """A text on a device: a byte for each symbol where that is enough, else four."""
    return torch.tensor(ids if ids.dtype.itemsize == 1 else ids.astype(np.int32), device=device)


def fits_on(ids: Ids, device: torch.device) -> bool:
    """Whether a text fits beside what training takes there."""
    free, _ = torch.cuda.mem_get_info(device)
    return ids.size * (1 if ids.dtype.itemsize == 1 else 4) <= TEXT_SHARE * free


def _flat(state: State) -> list[Tensor]:
    return [part for layer in state for part in layer]
