"""Whole runs whose updates are graphs: where these are taken, and what a run does with them.

Where there is no GPU, what would be captured is called instead, as in `test_captured.py`.
"""

import itertools
import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from interruptions import fingerprints, stopped_at
from losses import language_network
from program import DEVICE, SMALL, TEXT, charrnn
from rich.filesize import decimal
from test_captured import GRAPH, streams, windowed
from test_trainer import records_batches, trainer_of

from charrnn.commands.dry_run import rows_of_plan
from charrnn.commands.plan_line import plan_lines
from charrnn.config.declaration import build
from charrnn.config.settings import TrainSettings
from charrnn.errors import ResourceError
from charrnn.model.network import CharRNN
from charrnn.runs.checkpoint import load
from charrnn.tasks.language import LanguageTask
from charrnn.tasks.windows import Windowed
from charrnn.training import memory, plan_pace, trial
from charrnn.training.captured import Captured
from charrnn.training.plan import Facts, Plan, choose
from charrnn.training.trainer import Trainer
from charrnn.training.trial import READ_EVERY, is_better, use_if_faster

READ_AFTER = 8
"""Updates in these short runs between two readings."""


def with_graphs(trainer: Trainer) -> None:
    """Take a graph wherever there may be one, however fast it is."""
    if isinstance(trainer.batches, Windowed):
        trainer.make_fast = lambda: Captured(trainer, windowed(trainer), GRAPH)
        trainer.read_every = READ_AFTER


@pytest.fixture
def captured(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("charrnn.training.setup.use_if_faster", with_graphs)
    monkeypatch.chdir(tmp_path)
    Path("text.txt").write_text(TEXT, encoding="utf-8")


TRAIN = ("train", "text.txt", *SMALL, "--dropout", "0.3", "--weight-dropout", "0.2")


def trained(run: str, *options: str) -> dict[str, Any]:
    """A run's weights."""
    result = charrnn(*TRAIN, "--run", run, *options)
    assert result.code == 0, result.err
    return load(Path(run) / "last.safetensors").weights


@pytest.mark.parametrize("cell", ["rnn", "gru", "lstm"])
@pytest.mark.usefixtures("captured")
def test_a_run_goes_on_bit_for_bit(cell: str) -> None:
    options = ("--cell", cell, "--save-every", "5")
    trained("whole", *options)
    assert stopped_at("update", 12, *TRAIN, *options, "--run", "run").code == 130
    assert charrnn("train", "--resume", "--run", "run").code == 0
    assert fingerprints(Path("run")) == fingerprints(Path("whole"))


@pytest.mark.usefixtures("captured")
def test_a_run_starts_from_another_model(monkeypatch: pytest.MonkeyPatch) -> None:
    begun = trained("begun")
    options = ("--init-from", "begun", "--optimizer", "adamw", "--seed", "2")
    graph = trained("graph", *options)
    monkeypatch.setattr("charrnn.training.setup.use_if_faster", lambda _: None)
    plain = trained("plain", *options)
    for name, weights in plain.items():
        moved = float(np.linalg.norm(weights - begun[name]))
        assert float(np.linalg.norm(weights - graph[name])) <= 1e-3 * moved


@pytest.mark.parametrize("kind", ["loss", "weight"])
@pytest.mark.usefixtures("captured")
def test_a_run_that_diverges_goes_back_and_learns_on(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A replayed graph calls no Python: a factor on the device is what becomes infinite."""
    factor, learn = torch.ones((), device=DEVICE), LanguageTask.loss
    update, numbers = Captured.update, itertools.count(1)

    def spoilt(task: LanguageTask, network: CharRNN, *more: Any) -> Any:  # noqa: ANN401
        loss = learn(task, network, *more)
        return replace(loss, nats=loss.nats * factor)

    def updated(graph: Captured, rate: float, share: float) -> float:
        is_sick = 10 <= next(numbers) < 14
        factor.fill_(math.inf if is_sick and kind == "loss" else 1.0)
        if is_sick and kind == "weight":
            language_network(graph.trainer.model).output.weight.data.view(-1)[:3].fill_(math.nan)
        return update(graph, rate, share)

    monkeypatch.setattr(LanguageTask, "loss", spoilt)
    monkeypatch.setattr(Captured, "update", updated)
    loud = [option for option in TRAIN if option != "--quiet"]
    result = charrnn(*loud, "--run", "run", "--save-every", "4")
    assert result.code == 0, result.err
    assert "training diverged at step" in result.err
    assert "with 0.5 times the learning rate" in result.err
    checkpoint = load(Path("run/last.safetensors"))
    assert checkpoint.is_finite()
    assert checkpoint.progress.step == 20


def chosen(
    monkeypatch: pytest.MonkeyPatch,
    trainer: Trainer,
    *,
    fits: bool = True,
    is_better: Callable[..., bool] = lambda *_: True,
) -> bool:
    """Whether a trainer is given graphs, as if its network was on a GPU."""
    with monkeypatch.context() as patch:
        patch.setattr(CharRNN, "device", property(lambda _: torch.device("cuda")))
        patch.setattr(trial, "fits_on", lambda *_: fits)
        patch.setattr(trial, "is_better", is_better)
        use_if_faster(trainer)
    return trainer.make_fast is not None


def test_graphs_are_for_windows_of_a_text_that_fits_and_one_process(monkeypatch: pytest.MonkeyPatch) -> None:
    assert chosen(monkeypatch, trainer := trainer_of(batches=streams()))
    assert trainer.read_every == READ_EVERY
    assert not chosen(monkeypatch, lines := trainer_of(batches=records_batches()))
    assert lines.read_every == 1
    assert not chosen(monkeypatch, trainer_of(batches=streams()), fits=False)
    assert not chosen(monkeypatch, trainer_of(batches=streams()), is_better=lambda *_: False)
    shared = trainer_of(batches=streams())
    shared.world = SimpleNamespace()  # type: ignore[assignment]
    assert not chosen(monkeypatch, shared)


def test_a_run_that_leaves_no_memory_for_the_trial_is_made_plainly(monkeypatch: pytest.MonkeyPatch) -> None:
    def copies(*_: object) -> bool:
        raise torch.OutOfMemoryError("CUDA out of memory")

    trainer = trainer_of(batches=streams())
    assert not chosen(monkeypatch, trainer, is_better=copies)
    assert trainer.read_every == 1


def test_a_failed_capture_leaves_a_generator_that_draws_as_before() -> None:
    """PyTorch's generator on CUDA refuses to draw once a capture that it took part in has failed."""
    lost = list[torch.Generator]()

    def fails(_: object, generator: torch.Generator) -> Any:  # noqa: ANN401
        generator.manual_seed(99)
        lost.append(generator)
        raise RuntimeError("operation not permitted when stream is capturing")

    plain, trainer = trainer_of(batches=streams(), dropout=0.3), trainer_of(batches=streams(), dropout=0.3)
    assert not is_better(trainer, windowed(trainer), fails)
    assert trainer.model.generator is not lost[0]
    list(plain)
    list(trainer)
    for one, other in zip(plain.model.parameters(), trainer.model.parameters(), strict=True):
        assert torch.equal(one, other)


def test_nothing_of_a_trial_is_kept() -> None:
    trainer = trainer_of(batches=streams())
    is_better(trainer, windowed(trainer), GRAPH)
    assert trainer._fast is None


@pytest.mark.parametrize(
    ("device", "is_graph", "said"),
    [
        ("cuda", True, "1 thread, each update one graph"),
        ("cuda", False, "1 thread, each update kernel by kernel"),
        ("cpu", False, "1 thread"),
    ],
)
def test_the_plan_says_how_updates_are_made(device: str, is_graph: bool, said: str) -> None:
    plan = planned(device)
    part = SimpleNamespace(characters=900, records=0)
    statistics = SimpleNamespace(characters=1000, records=0)
    dataset = SimpleNamespace(training=part, validation=None)
    line = plan_lines(plan, statistics, dataset, None, is_graph=is_graph)[1]  # type: ignore[arg-type]
    assert line.endswith(said)


def planned(device: str) -> Plan:
    return choose(build(TrainSettings, {"device": device, "threads": 1, "steps": 5}), Facts(10**6, 0, 65))


def test_what_fits_is_what_the_device_has_left(monkeypatch: pytest.MonkeyPatch) -> None:
    plan = planned("cuda")
    needed = memory.needed_bytes(plan)
    monkeypatch.setattr(memory, "free_bytes", lambda: 0.0)
    monkeypatch.setattr(torch.cuda, "memory_allocated", lambda: 1_000)
    monkeypatch.setattr(torch.cuda, "memory_reserved", lambda: 3_000)
    for free, fits in ((needed - 2_000, True), (needed - 2_001, False)):
        monkeypatch.setattr(torch.cuda, "mem_get_info", lambda free=free: (free, 10**12))
        assert memory.fits(plan) is fits
        assert dict(rows_of_plan(plan))["memory"].endswith(f", of {decimal(free + 2_000)} free")
    assert not memory.fits(planned("cpu"))


def test_a_network_for_which_the_device_runs_out_of_memory_has_no_pace(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def full(*_: object) -> Trainer:
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")

    monkeypatch.setattr(plan_pace, "make_trainer", full)
    monkeypatch.setattr(plan_pace, "make_batches", lambda *_: None)
    monkeypatch.setattr(plan_pace, "fits", lambda _: True)
    budget = build(TrainSettings, {"max_time": "1m"}).budget
    assert plan_pace.pace_of(None, budget, None)(planned("cuda")) == 0.0  # type: ignore[arg-type]
    with pytest.raises(ResourceError):
        plan_pace.pace_of(None, budget, None)(planned("cpu"))  # type: ignore[arg-type]
