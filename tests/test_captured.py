"""Updates as a graph: the same as the plain ones, within rounding; undone where they are not finite.

Graphs need a GPU. Here what would be captured is called instead, on the processor: the arithmetic, the orders
that are sent ahead and the counts are the same. `make test-gpu` runs these with real graphs.
"""

import itertools
import math
import weakref
from collections.abc import Callable, Container, Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from losses import LANGUAGE, with_loss
from program import DEVICE
from test_trainer import PERIODIC, every_cell, trainer_of
from torch import Tensor

from charrnn.model.layer import State
from charrnn.model.network import CharRNN
from charrnn.tasks.batches import NextSymbols
from charrnn.tasks.task import Loss
from charrnn.tasks.windows import PartedStreams, Streams, Window, Windowed
from charrnn.training.captured import AHEAD, Capture, Captured, Orders, cuda_graph, text_on
from charrnn.training.trainer import FastUpdates, Trainer, UpdateTotals
from charrnn.training.trial import is_better

UPDATES = 24
CLOCK = "charrnn.training.trial.time.perf_counter"


def called(body: Callable[[], None], _: torch.Generator) -> Callable[[], None]:
    """Stands for a graph."""
    return body


GRAPH: Capture = cuda_graph if DEVICE == "cuda" else called


def fast(trainer: Trainer, capture: Capture = GRAPH) -> Trainer:
    trainer.make_fast = lambda: Captured(trainer, windowed(trainer), capture)
    return trainer


def windowed(trainer: Trainer) -> Windowed:
    assert isinstance(trainer.batches, Windowed)
    return trainer.batches


def learnt(trainer: Trainer) -> UpdateTotals:
    for _ in trainer:
        pass
    return trainer.read()


def everything(trainer: Trainer) -> list[Tensor]:
    """All that an update changes."""
    remembered = [v for o in trainer.optimizers for values in o.state.values() for v in values.values()]
    state = [part for layer in trainer.state or [] for part in layer]
    networks = [*trainer.model.parameters(), *trainer.averaged.parameters()]
    return [tensor.detach().clone() for tensor in [*networks, *remembered, *state]]


def streams(resets: float = 0.2) -> Streams:
    return Streams(PERIODIC, 4, 10, resets=resets)


def parted() -> PartedStreams:
    spans = np.array([[0, 100], [130, 420]], np.int64)
    return PartedStreams(PERIODIC, spans, 4, 10, resets=0.2)


@every_cell
@pytest.mark.parametrize("optimizer", ["muon", "adamw"])
@pytest.mark.parametrize("make", [streams, parted])
def test_it_learns_what_plain_updates_learn(
    cell: str, optimizer: str, make: Callable[[], Streams | PartedStreams]
) -> None:
    plain = trainer_of(cell, batches=make(), steps=UPDATES, optimizer=optimizer)
    graph = fast(trainer_of(cell, batches=make(), steps=UPDATES, optimizer=optimizer))
    # Muon iterates in bfloat16 where the processor can, which makes much of a last digit.
    nats, count = 0.0, 0
    for _ in plain:
        totals = plain.read()
        nats, count = nats + totals.nats, count + totals.count
    totals = learnt(graph)
    assert (totals.count, totals.updates, totals.skipped) == (count, UPDATES, 0)
    assert totals.nats == pytest.approx(nats, rel=1e-3 if optimizer == "muon" else 1e-5)
    assert graph.symbols_seen == plain.symbols_seen
    assert (graph.step, graph.epoch) == (plain.step, plain.epoch)
    assert graph.learning_rate == pytest.approx(plain.learning_rate)
    share = 0.03 if optimizer == "muon" else 1e-4
    for one, other in zip(everything(plain), everything(graph), strict=True):
        assert float((one - other).norm()) <= share * float(one.norm())


class Sick:
    """The task, but for losses that are infinite while `factor` is; a graph reads it at each replay."""

    def __init__(self) -> None:
        self.factor = torch.ones((), device=DEVICE)

    def loss(self, network: CharRNN, batch: NextSymbols, state: State | None) -> Loss:
        loss = LANGUAGE.loss(network, batch, state)
        return replace(loss, nats=loss.nats * self.factor)

    def updates(self, trainer: Trainer, sick: Container[int]) -> Iterator[int]:
        """A trainer's updates, some of them sick, from 1."""
        steps = iter(trainer)
        for number in itertools.count(1):
            self.factor.fill_(math.inf if number in sick else 1.0)
            if next(steps, None) is None:
                return
            yield number


@pytest.mark.parametrize("optimizer", ["muon", "adamw"])
def test_an_update_that_is_not_finite_changes_nothing_but_the_state(optimizer: str) -> None:
    sick = Sick()
    task = with_loss(sick.loss)
    trainer = fast(trainer_of(batches=streams(), steps=8, optimizer=optimizer, task=task))
    readings, before, carried = list[UpdateTotals](), list[Tensor](), 2  # h and c
    for number in sick.updates(trainer, {3}):
        if number == 3:
            for was, now in zip(before[:-carried], everything(trainer)[:-carried], strict=True):
                assert torch.equal(was, now)
        before = everything(trainer)
        readings.append(trainer.read())
    assert [totals.skipped for totals in readings] == [0, 0, 1, 0, 0, 0, 0, 0]
    assert [totals.in_a_row for totals in readings] == [0, 0, 1, 0, 0, 0, 0, 0]
    assert [totals.count for totals in readings] == [40, 40, 0, 40, 40, 40, 40, 40]
    assert [totals.gradient_norm is None for totals in readings] == [
        totals.skipped == 1 for totals in readings
    ]
    assert trainer.symbols_seen == 7 * 40
    assert all(tensor.isfinite().all() for tensor in everything(trainer))


def test_a_reading_tells_of_all_updates_since_the_last() -> None:
    sick = Sick()
    trainer = fast(trainer_of(batches=streams(), steps=9, task=with_loss(sick.loss)))
    updates = sick.updates(trainer, {3, 4, 9})
    for _ in range(5):
        next(updates)
    totals = trainer.read()
    assert (totals.updates, totals.skipped, totals.in_a_row, totals.most_in_a_row) == (5, 2, 0, 2)
    assert totals.count == 3 * 40
    assert list(updates) == [6, 7, 8, 9]
    totals = trainer.read()
    assert (totals.updates, totals.skipped, totals.in_a_row, totals.most_in_a_row) == (4, 1, 1, 1)
    assert trainer.read() == UpdateTotals(in_a_row=1, most_in_a_row=0)


def test_what_does_the_same_and_is_faster_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    trainer = trainer_of(batches=streams())
    steps = iter(trainer)
    next(steps)
    kept, place = everything(trainer), trainer.batches.numbers()
    monkeypatch.setattr(
        "charrnn.training.trial.time.perf_counter", Clock(plain=2.0, fast=1.0, trainer=trainer)
    )
    assert is_better(trainer, windowed(trainer), GRAPH)
    for was, now in zip(kept, everything(trainer), strict=True):
        assert torch.equal(was, now)
    assert (trainer.step, trainer.batches.numbers()) == (1, place)


def test_what_is_slower_is_not_taken_in_a_run_on_a_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """The weights of any other run must not depend on how fast something was."""
    trainer = trainer_of(batches=streams())
    monkeypatch.setattr(
        "charrnn.training.trial.time.perf_counter", Clock(plain=1.0, fast=2.0, trainer=trainer)
    )
    assert is_better(trainer, windowed(trainer), GRAPH)
    trainer.budget.deadline = 60.0
    assert not is_better(trainer, windowed(trainer), GRAPH)


def test_a_graph_is_let_go_before_another_is_captured() -> None:
    """Each has the memory of an update: a run that went back to a checkpoint may have no room for two."""

    def weakly_called(body: Callable[[], None], _: torch.Generator) -> Callable[[], None]:
        reference = weakref.WeakMethod(body)

        def replay() -> None:
            found = reference()
            assert found is not None
            found()

        return replay

    trainer = fast(trainer_of(batches=streams()), weakly_called)
    next(iter(trainer))
    before, make, found = weakref.ref(trainer._fast), trainer.make_fast, list[object]()
    assert make is not None
    assert before() is not None

    def noted() -> FastUpdates:
        found.append(before())
        return make()

    trainer.make_fast = noted
    next(iter(trainer))
    assert found == [None]


def test_what_does_something_else_is_not_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    trainer = trainer_of(batches=streams())
    monkeypatch.setattr(
        "charrnn.training.trial.time.perf_counter", Clock(plain=2.0, fast=1.0, trainer=trainer)
    )

    def forgets_the_state(body: Callable[[], None], _: torch.Generator) -> Callable[[], None]:
        def blank() -> None:
            for layer in trainer.state or []:
                for part in layer:
                    part.fill_(1.0)
            body()

        return blank

    assert not is_better(trainer, windowed(trainer), forgets_the_state)


def test_what_cannot_be_captured_is_not_taken() -> None:
    def refuses(body: Callable[[], None], _: torch.Generator) -> Callable[[], None]:
        raise RuntimeError("operation not permitted when stream is capturing")

    trainer = trainer_of(batches=streams())
    kept = everything(trainer)
    assert not is_better(trainer, windowed(trainer), refuses)
    assert trainer.make_fast is None
    for was, now in zip(kept, everything(trainer)[: len(kept)], strict=True):
        assert torch.equal(was, now)


class Clock:
    """Time that goes by as said, whatever is done: for plain updates and for fast ones."""

    def __init__(self, *, plain: float, fast: float, trainer: Trainer) -> None:
        self.plain, self.fast, self.trainer, self.now = plain, fast, trainer, 0.0

    def __call__(self) -> float:
        self.now += self.plain if self.trainer.make_fast is None else self.fast
        return self.now


def test_orders_are_kept_until_the_device_has_read_them() -> None:
    """More updates ahead than there are places for them; each still finds its own."""
    orders = Orders(3, torch.device(DEVICE))
    for number in range(2 * AHEAD + 1):
        begins = np.arange(3) + number
        orders.give(Window(begins, np.array([True, False, number % 2 == 0]), 0.0), 0.25, 1 / (number + 1))
        found, fresh = orders.begins_and_fresh()
        assert found.tolist() == begins.tolist()
        assert fresh.tolist() == [True, False, number % 2 == 0]
        assert (float(orders.rate), float(orders.share)) == pytest.approx((0.25, 1 / (number + 1)))


@pytest.mark.parametrize("kind", [np.uint8, np.uint16, np.uint32])
def test_a_text_on_the_device_is_the_text(kind: type[np.unsignedinteger[Any]]) -> None:
    ids = np.array([0, 1, np.iinfo(kind).max if kind is not np.uint32 else 70_000], kind)
    assert text_on(ids, torch.device(DEVICE)).tolist() == ids.tolist()
