"""Several processes learn what one does, of every task, in both modes, with every cell.

Threads of this process stand for processes, so that they need not start; `test_processes.py` has real ones.
"""

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random
from typing import Any

import pytest
import torch
from program import TEXT, charrnn
from test_processes import NAMES, TASKS
from torch import Tensor

from charrnn.config.resolved import ResolvedSettings
from charrnn.model.cells import CELLS
from charrnn.model.network import Network
from charrnn.runs.signals import Stops
from charrnn.tasks.batches import Batches
from charrnn.tasks.task import Task
from charrnn.text.parts import TaskPart
from charrnn.training import distributed, orthogonal
from charrnn.training.distributed import World
from charrnn.training.optimizers import AdamW
from charrnn.training.orthogonal import orthogonalise, orthogonalise_all, orthogonalise_share
from charrnn.training.plan import Plan
from charrnn.training.schedule import Budget
from charrnn.training.setup import make_batches, make_trainer
from charrnn.training.trainer import Trainer

KINDS = {"text": (TEXT, ()), "lines": (NAMES * 2 + "a line longer than a window\n" * 3, ("--mode", "lines"))}
KINDS |= {task: (rows, ("--task", task)) for task, rows in TASKS.items()}
"""What is learnt from, and how it is said."""

SMALL = ("--hidden", "8", "--batch-size", "5", "--sequence-length", "12", "--learning-rate", "0.01")
USUAL = ("--hidden", "128", "--batch-size", "32", "--sequence-length", "64", "--precision", "fp32")
DROPS = ("--dropout", "0.3", "--weight-dropout", "0.2")


@pytest.fixture
def _split_and_told_to_rounding(monkeypatch: pytest.MonkeyPatch) -> None:
    """Small matrices are shared out too, and optimizers do not enlarge rounding: see `test_processes.py`."""
    monkeypatch.setattr(orthogonal, "SHARED_FROM", 1)
    monkeypatch.setattr(orthogonal, "multiplies_in_half", lambda _: False)
    monkeypatch.setitem(AdamW.__init__.__kwdefaults__ or {}, "epsilon", 1e-3)


class Meeting:
    """Stands for `torch.distributed` between threads, each of which is as a process of its number."""

    def __init__(self, size: int) -> None:
        self.barrier = threading.Barrier(size, timeout=60)
        self.given: dict[int, Tensor] = {}
        self.here = threading.local()

    def all_reduce(self, tensor: Tensor) -> None:
        tensor.copy_(torch.stack(self._all(tensor)).sum(0))

    def all_gather(self, parts: list[Tensor], sent: Tensor) -> None:
        for part, values in zip(parts, self._all(sent), strict=True):
            part.copy_(values)

    def _all(self, tensor: Tensor) -> list[Tensor]:
        self.given[self.here.rank] = tensor.clone()
        self.barrier.wait()
        found = [self.given[rank] for rank in range(self.barrier.parties)]
        self.barrier.wait()
        return found

    def run(self, process: Callable[[int], "Learnt"]) -> "list[Learnt]":
        """What each of the processes returns."""

        def main(rank: int) -> Learnt:
            self.here.rank = rank
            try:
                return process(rank)
            except BaseException:
                self.barrier.abort()
                raise

        with ThreadPoolExecutor(self.barrier.parties) as threads:
            return list(threads.map(main, range(self.barrier.parties)))


@dataclass(frozen=True)
class Learnt:
    """What some updates left: their losses, summed, and the network that is kept."""

    nats: float
    averaged: Network

    @property
    def weights(self) -> list[Tensor]:
        """Of the network."""
        return [parameter.detach() for parameter in self.averaged.parameters()]


@dataclass(frozen=True)
class Lesson:
    """What there is to learn, and from what."""

    task: Task
    part: TaskPart
    plan: Plan

    def learnt(self, cell: str, processes: int, updates: int) -> list[Learnt]:
        """What each of so many processes has learnt after so many updates."""
        plan = replace(self.plan, architecture=replace(self.plan.architecture, cell=cell))

        def process(rank: int) -> Learnt:
            world = World(rank, processes, Stops()) if processes > 1 else None
            batches = make_batches(self.task, self.part, plan.settings)
            trainer = make_trainer(self.task, plan, batches, Budget(None, None), world)
            advance = trainer.advance()
            for update in range(updates):
                advance(update / updates)
            return Learnt(trainer.read().nats, trainer.averaged)

        meeting = Meeting(processes)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(distributed, "dist", meeting)
            return meeting.run(process)


def begun(folder: Path, rows: str, *arguments: str) -> Lesson:
    """As the program begins a run."""
    corpus = folder / "corpus.tsv"
    corpus.write_text(rows)
    found: dict[str, Any] = {}

    def batches(task: Task, part: TaskPart, settings: ResolvedSettings) -> Batches:
        found.update(task=task, part=part)
        return make_batches(task, part, settings)

    def trainer(task: Task, plan: Plan, *rest: Any) -> Trainer:  # noqa: ANN401
        found.update(plan=plan)
        return make_trainer(task, plan, *rest)

    others = (*DROPS, "--steps", "1", "--quiet", "--run")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("charrnn.training.setup.make_batches", batches)
        patch.setattr("charrnn.training.setup.make_trainer", trainer)
        result = charrnn("train", corpus, *arguments, *others, folder / "run")
    assert result.code == 0, result.err
    return Lesson(**found)


@pytest.fixture(scope="module", params=KINDS)
def lesson(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Lesson:
    """Of every kind."""
    rows, arguments = KINDS[request.param]
    return begun(tmp_path_factory.mktemp(request.param), rows, *arguments, *SMALL)


@pytest.mark.usefixtures("_split_and_told_to_rounding")
@pytest.mark.parametrize("updates", [12, pytest.param(100, marks=pytest.mark.slow)])
@pytest.mark.parametrize("cell", CELLS)
def test_every_cell_learns_the_same_of_everything(lesson: Lesson, cell: str, updates: int) -> None:
    (alone,) = lesson.learnt(cell, 1, updates)
    for processes in (2, 3):
        found = lesson.learnt(cell, processes, updates)
        for learnt in found:
            assert learnt.nats == pytest.approx(alone.nats, rel=1e-6)
            for weight, same, expected in zip(learnt.weights, found[0].weights, alone.weights, strict=True):
                assert torch.equal(weight, same), "all processes have the same weights, bit for bit"
                torch.testing.assert_close(weight, expected, atol=1e-5, rtol=0)


@pytest.mark.slow
def test_as_it_runs_the_losses_differ_by_less_than_a_ten_thousandth(tmp_path: Path) -> None:
    """Muon in bfloat16, where the processor multiplies in it, and AdamW as they are; over 100 updates."""
    words, scores = Random(1).choices(NAMES.split(), k=5000), dict[int, float]()
    lesson = begun(tmp_path, " ".join(words), *USUAL)
    for processes in (1, 2, 3):
        averaged = lesson.learnt("lstm", processes, 100)[0].averaged
        scores[processes] = lesson.task.score(averaged, lesson.part).value
    print(scores)
    assert max(scores.values()) - min(scores.values()) < 1e-4
    assert scores[1] < 2, "something was learnt"


def share(stacks: list[Tensor], rank: int) -> Sequence[Tensor]:
    """What one of three processes orthogonalises, with zeros for what the others do."""

    def gather(own: Tensor) -> Tensor:
        received = own.new_zeros(3, *own.shape)
        received[rank] = own
        return received

    return orthogonalise_share(stacks, rank, 3, gather)


@pytest.mark.usefixtures("_split_and_told_to_rounding")
def test_matrices_are_orthogonalised_by_turns() -> None:
    """Of three matrices one each, of four two each for two processes, of one there is one; wide and tall."""
    random = torch.Generator().manual_seed(1)
    stacks = [torch.randn(shape, generator=random) for shape in [(3, 6, 4), (4, 4, 6), (1, 5, 5)]]
    shares = [share(stacks, rank) for rank in range(3)]
    for parts, whole in zip(zip(*shares, strict=True), orthogonalise_all(stacks), strict=True):
        assert torch.equal(torch.stack(parts).sum(0), whole)
    assert [[len(stack[stack.flatten(1).any(1)]) for stack in parts] for parts in shares] == [
        *([1, 2, 1], [1, 2, 0], [1, 0, 0])
    ]


def test_of_few_numbers_each_process_orthogonalises_all(monkeypatch: pytest.MonkeyPatch) -> None:
    stack = torch.randn(4, 8, 8, generator=torch.Generator().manual_seed(1))
    monkeypatch.setattr(orthogonal, "SHARED_FROM", stack.numel() + 1)
    (found,) = share([stack], 1)
    assert torch.equal(found, orthogonalise(stack))
