"""A task that is not language goes through the trainer, the session and checkpoints: none knows which.

Its network says whether there is a `y` in a line: many to one. It has a head, batches, a loss, a score that
is better the higher it is and examples of its own, and two outputs where a language model has one for each
symbol.
"""

import os
import signal
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest
import torch
from interruptions import at_call_do, fingerprints
from numpy.typing import NDArray
from program import charrnn
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from torch.nn.utils.rnn import PackedSequence

from charrnn.model.architecture import ARCHITECTURES, Architecture
from charrnn.model.layer import State
from charrnn.model.network import Network, Unset
from charrnn.model.trunk import Trunk
from charrnn.runs.checkpoint import load
from charrnn.runs.metrics import read_metrics
from charrnn.tasks.batches import part_of
from charrnn.tasks.packed import Windows, pack
from charrnn.tasks.task import Loss, Task
from charrnn.text.record_part import Records
from charrnn.text.vocabulary import Vocabulary
from charrnn.training.optimizers import make_optimizers
from charrnn.training.schedule import Budget
from charrnn.training.trainer import Trainer


class TwoOutputs(Architecture):
    """A trunk, and an output that has two numbers."""

    def shapes(self) -> dict[str, tuple[int, ...]]:
        return self.trunk_shapes() | {"output.weight": (2, self.hidden), "output.bias": (2,)}


class Finder(Network):
    """The logits of no and yes from the last hidden state of each text."""

    def __init__(self, architecture: Architecture, dropout: float, generator: torch.Generator) -> None:
        super().__init__(architecture)
        self.trunk = Trunk(architecture, dropout, generator)
        self.output = Unset(architecture.hidden, 2)
        nn.init.zeros_(self.output.weight)
        nn.init.zeros_(self.output.bias)

    def forward(self, ids: PackedSequence) -> Tensor:
        _, state = self.trunk(ids)
        logits: Tensor = self.output(state[-1][0])
        return logits


@dataclass(frozen=True)
class Answered:
    """A batch of lines and what is to be said of each."""

    ids: PackedSequence
    answers: Tensor
    epoch: float
    fresh: None = None

    @property
    def texts(self) -> int:
        return len(self.answers)

    @property
    def count(self) -> int:
        return len(self.answers)

    def to(self, device: torch.device) -> "Answered":
        assert device.type == "cpu"
        return self

    def part(self, first: int, every: int) -> "Answered":
        return replace(self, ids=part_of(self.ids, first, every), answers=self.answers[first::every])


@dataclass
class Lines:
    """Lines, in another order in each epoch."""

    part: Records
    wanted: int
    batch_size: int
    seed: int
    position: int = 0

    def __iter__(self) -> Iterator[Answered]:
        count = self.steps(1)
        while True:
            random = np.random.default_rng((self.seed, self.position // count))
            order = random.permutation(len(self.part.chosen))
            rows = np.array_split(order, count)[self.position % count]
            self.position += 1
            yield self.batch(rows, self.position / count)

    def batch(self, rows: NDArray[np.intp], epoch: float) -> Answered:
        rows = rows[np.argsort(-self.part.lengths[rows], kind="stable")]
        begins, ends = self.part.texts[rows].T
        batch = pack(self.part.ids, Windows(begins, ends - 1 - begins, is_fresh=True), epoch)
        answers = [int((self.part.ids[a:b] == self.wanted).any()) for a, b in zip(begins, ends, strict=True)]
        assert isinstance(batch.ids, PackedSequence)
        return Answered(batch.ids, torch.tensor(answers), epoch)

    def steps(self, epochs: float) -> int:
        return max(1, round(epochs * len(self.part.chosen) / self.batch_size))

    def numbers(self) -> dict[str, float]:
        return {"position": self.position}

    def restore(self, numbers: Mapping[str, float]) -> None:
        self.position = int(numbers["position"])

    def texts_going_on(self) -> int:
        return 0


@dataclass(frozen=True)
class Accuracy:
    """The share of right answers."""

    value: float
    unit: str = "accuracy"
    fitted: ClassVar[dict[str, float]] = {"threshold": 0.5}

    def better_than(self, value: float) -> bool:
        return self.value > value


class FindingTask:
    """Whether there is a `y` in a line."""

    name: ClassVar[str] = "finding"
    unit: ClassVar[str] = "accuracy"

    def __init__(self, vocabulary: Vocabulary) -> None:
        self.wanted = int(vocabulary.encode("y")[0])

    def network(self, architecture: Architecture, dropout: float, generator: torch.Generator) -> Finder:
        return Finder(architecture, dropout, generator)

    def batches(self, part: Records, *, batch_size: int, sequence_length: int, seed: int) -> Lines:
        assert sequence_length
        return Lines(part, self.wanted, batch_size, seed)

    def loss(self, network: Finder, batch: Answered, state: State | None) -> Loss:
        assert not state
        nats = cross_entropy(network(batch.ids).float(), batch.answers, reduction="sum")
        return Loss(nats, len(batch.answers), [])

    def score(self, network: Finder, part: Records) -> Accuracy:
        batch = Lines(part, self.wanted, 1, 0).batch(np.arange(len(part.chosen)), 0.0)
        with torch.no_grad():
            found = network(batch.ids).argmax(1) == batch.answers
        return Accuracy(float(found.float().mean()))

    def reading_cost(self, part: Records) -> float:
        return float(part.symbols)

    def examples(self, network: Finder, part: Records) -> str:
        return f"there are {len(network.trunks)} trunks and {part.records} lines held out"


def lines() -> list[str]:
    random = np.random.default_rng(1)
    return ["".join(random.choice(list("abcdefgxyz"), random.integers(1, 12))) for _ in range(400)]


def vocabulary_and_part() -> tuple[Vocabulary, Records]:
    vocabulary = Vocabulary.from_text("".join(lines()), end=True)
    end = np.array([vocabulary.end], np.uint8)
    ids = np.concatenate([end, *(part for line in lines() for part in (vocabulary.encode(line), end))])
    bounds = np.flatnonzero(ids == vocabulary.end)
    return vocabulary, Records(ids, len(ids), len(ids), bounds, np.arange(len(lines())))


def test_it_learns_by_the_real_trainer() -> None:
    vocabulary, part = vocabulary_and_part()
    task = FindingTask(vocabulary)
    as_task: Task = task
    architecture = TwoOutputs("gru", 1, 16, 8, len(vocabulary))
    network = task.network(architecture, 0.0, torch.Generator().manual_seed(1))
    batches = as_task.batches(part, batch_size=20, sequence_length=64, seed=1)
    optimizers = make_optimizers(network, "muon", 0.02, 0.01)
    trainer = Trainer(network, task, batches, optimizers, Budget(300, None), gradient_clip=1.0)
    for _ in trainer:
        pass
    share = np.mean(["y" in line for line in lines()])
    assert 0.3 < share < 0.7
    assert as_task.score(trainer.averaged, part).value > 0.97
    assert trainer.state == []


def finding_task(_: object, vocabulary: Vocabulary, *__: object, **___: object) -> FindingTask:
    """What stands for `make_task`."""
    return FindingTask(vocabulary)


@pytest.fixture
def finding(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[str, ...]:
    """A run of that task, as its own option would choose it; the command."""
    monkeypatch.chdir(tmp_path)
    Path("lines.txt").write_text("".join(line + "\n" for line in lines()))
    for command in ("train", "resume"):
        monkeypatch.setattr(f"charrnn.commands.{command}.make_task", finding_task)
    monkeypatch.setitem(ARCHITECTURES, "language", TwoOutputs)
    monkeypatch.setitem(ARCHITECTURES, FindingTask.name, TwoOutputs)
    options = ("--mode", "lines", "--hidden", "16", "--steps", "90", "--batch-size", "20", "--dropout", "0.1")
    return ("train", "lines.txt", *options, "--cell", "gru", "--save-every", "7", "--quiet", "--run")


def test_a_run_keeps_its_best_and_goes_on_exactly(finding: tuple[str, ...]) -> None:
    def stop(*_: object) -> None:
        os.kill(os.getpid(), signal.SIGINT)

    result = charrnn(*finding, "whole")
    assert result.code == 0, result.err
    with at_call_do("test_task.FindingTask.loss", {37}, stop):
        assert charrnn(*finding, "cut").code == 130
    stopped = load(Path("cut/last.safetensors"))
    assert (stopped.task, stopped.progress.step) == ("finding", 38)
    assert charrnn("train", "--resume", "--run", "cut", "--quiet").code == 0
    assert fingerprints(Path("cut")) == fingerprints(Path("whole"))
    best = load(Path("whole/best.safetensors"))
    assert best.weights["output.weight"].shape == (2, 16)
    assert "there are 1 trunks and 40 lines held out" in Path("whole/samples.txt").read_text()
    figures = [point.figure for point in read_metrics(Path("whole/metrics.jsonl")).points]
    assert {figure.name for figure in figures if figure} == {"accuracy"}
    assert best.progress.figure == max(figure for figure in figures if figure)
    assert best.progress.figure.value > 0.8
    assert best.fitted == {"threshold": 0.5}
    assert load(Path("whole/last.safetensors")).fitted == {}
