"""Other devices: what a run keeps follows its network there; on CUDA itself it goes on, bit for bit.

A text is evaluated where it is asked for. PyTorch's device `meta`, which has shapes but no numbers, stands
for any that is not the CPU; its fake tensors refuse an operation on arrays of two devices.
"""

from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from interruptions import fingerprints, stopped_at
from numpy.typing import NDArray
from program import DEVICE, SMALL, TEXT, charrnn
from task_rows import write_rows
from test_evaluation import END, network, text_of
from test_trainer import trainer_of
from torch._subclasses.fake_tensor import FakeTensor, FakeTensorMode

from charrnn.commands import evaluate_labels, scoring
from charrnn.commands.scoring import Question
from charrnn.config.settings import EvaluateSettings
from charrnn.display.plain import QuietDisplay
from charrnn.evaluation.adaptation import Adaptation, Adapting
from charrnn.evaluation.by_label import score_by_label
from charrnn.evaluation.gradients import fading
from charrnn.model import readers
from charrnn.model.network import CharRNN, LabelledRNN
from charrnn.model.readers import Carried, Reader, RecordReader, Windows
from charrnn.runs.checkpoint import load
from charrnn.training import snapshot

META = torch.device("meta")

on_cuda = pytest.mark.skipif(not torch.cuda.is_available(), reason="PyTorch finds no CUDA device here")


def test_on_another_device_random_numbers_are_drawn_anew() -> None:
    one, other, again = trainer_of(steps=3), trainer_of(seed=2), trainer_of(seed=2)
    list(one)
    taken = snapshot.take(one)
    for trainer in (other, again):
        snapshot.put_back(
            trainer,
            one.averaged.weights(),
            taken,
            is_moved=True,
        )
    drawn = [
        torch.rand(4, generator=trainer.model.generator, device=DEVICE) for trainer in (other, again, one)
    ]
    assert torch.equal(drawn[0], drawn[1])
    assert not torch.equal(drawn[0], drawn[2])


@on_cuda
@pytest.mark.parametrize("cell", ["rnn", "gru", "lstm"])
@pytest.mark.parametrize("mode", ["text", "lines"])
def test_a_run_on_cuda_goes_on_there_and_without_it(
    cell: str, mode: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Warnings are errors here: cuDNN's, of weights that are not in one block, too."""
    monkeypatch.chdir(tmp_path)
    Path("text.txt").write_text(TEXT, encoding="utf-8")
    options = (
        *SMALL,
        "--device",
        "cuda",
        "--cell",
        cell,
        "--mode",
        mode,
        "--layers",
        "2",
        "--dropout",
        "0.3",
    )
    begin = ("train", "text.txt", *options, "--save-every", "5", "--run")
    assert charrnn(*begin, "whole").code == 0
    for run in ("run", "moved"):
        assert stopped_at("update", 12, *begin, run).code == 130
    assert charrnn("train", "--resume", "--run", "run").code == 0
    assert fingerprints(Path("run")) == fingerprints(Path("whole"))
    result = charrnn("train", "--resume", "--run", "moved", "--device", "cpu")
    assert result.code == 0, result.err
    assert "--device cpu (was cuda)" in result.err
    assert load(Path("moved/last.safetensors")).progress.step == 20


@pytest.fixture
def elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """Arrays on `meta` are computed with, and only those on the CPU become NumPy's, as zeros."""

    def on_the_cpu(array: FakeTensor) -> NDArray[np.float32]:
        assert array.device.type == "cpu"
        return np.zeros(array.shape, np.float32)

    monkeypatch.setattr(FakeTensor, "numpy", on_the_cpu, raising=False)
    monkeypatch.setattr(torch, "is_autocast_enabled", lambda _: False)  # which has not heard of `meta`
    monkeypatch.setattr(torch, "autocast", lambda *_, **__: nullcontext())
    monkeypatch.setattr(readers, "WARM_UP", 8)


READERS: dict[str, Callable[[CharRNN], Reader]] = {
    "carried": Carried,
    "windows": lambda model: Windows(model, 16),
    "records": lambda model: RecordReader(model, END),
    "adapting": lambda model: Adapting(model, Adaptation(0.01, 0.01, 16)),
}


@pytest.mark.usefixtures("elsewhere")
@pytest.mark.parametrize("name", READERS)
def test_a_text_is_read_where_the_network_is(name: str) -> None:
    ids = text_of(100)
    reader = READERS[name](network("lstm").to(META))
    with FakeTensorMode(allow_non_fake_inputs=True):
        kept = np.concatenate((reader.feed(ids, np.arange(-1, 99)), reader.finish()))
    last = len(ids) if name != "records" else int(np.flatnonzero(ids == END)[-1]) + 1
    first = 0 if name != "records" else int(np.flatnonzero(ids == END)[0])
    assert kept.shape == (last - first, 1)
    assert reader.model.device == META


@pytest.mark.usefixtures("elsewhere")
def test_gradients_fade_where_the_network_is() -> None:
    model = network("lstm").to(META)
    with FakeTensorMode(allow_non_fake_inputs=True):
        assert fading(model, text_of(60), 3).shape == (3,)


def trained(task: str) -> Path:
    """A run of the task on the rows in rows.tsv."""
    write_rows(task, Path("rows.tsv"))
    result = charrnn("train", "rows.tsv", "--task", task, "--run", "run", *SMALL)
    assert result.code == 0, result.err
    return Path("run")


def test_the_network_of_a_language_model_goes_there(
    run_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scoring, "find_device", lambda _: META)
    question = Question(
        (str(run_folder.parent / "corpus.txt"),),
        (str(run_folder),),
        given={},
        settings=EvaluateSettings(),
        json_wanted=True,
    )
    assert question.subject(QuietDisplay()).network.device == META


@pytest.mark.usefixtures("in_empty_folder")
def test_that_of_one_that_writes_by_label_too(monkeypatch: pytest.MonkeyPatch) -> None:
    devices = list[torch.device]()

    def on_the_cpu(found: LabelledRNN, *more: Any) -> object:  # noqa: ANN401
        devices.append(found.device)
        return score_by_label(found.to_empty(device="cpu"), *more)

    trained("generate")
    monkeypatch.setattr(evaluate_labels, "find_device", lambda _: META)
    monkeypatch.setattr(evaluate_labels, "score_by_label", on_the_cpu)
    charrnn("evaluate", "rows.tsv", "--checkpoint", "run")
    assert devices == [META]


@pytest.mark.skipif(torch.backends.mps.is_available(), reason="there is such a device here")
@pytest.mark.usefixtures("in_empty_folder")
@pytest.mark.parametrize("task", ["language", "generate"])
def test_a_device_that_is_not_there_is_one_line_before_anything_is_read(task: str, run_folder: Path) -> None:
    run = run_folder if task == "language" else trained(task)
    result = charrnn("evaluate", "missing.tsv", "--checkpoint", run, "--device", "mps")
    assert (result.code, result.out) == (2, "")
    here = "cpu, cuda" if torch.cuda.is_available() else "cpu"
    assert result.err.endswith(f"--device is mps, which PyTorch does not find here; expected {here}\n")


@pytest.mark.usefixtures("in_empty_folder")
def test_a_task_that_numpy_computes_is_evaluated_on_the_cpu_alone() -> None:
    run = trained("classify")
    found = [
        charrnn("evaluate", "rows.tsv", "--checkpoint", run, "--json", *options).out
        for options in ((), ("--device", "cpu"), ("--device", "auto"))
    ]
    assert found[0].startswith("{")
    assert len(set(found)) == 1
    refused = charrnn("evaluate", "rows.tsv", "--checkpoint", run, "--device", "cuda")
    assert (refused.code, refused.out) == (2, "")
    expected = "--device is cuda, and run/best.safetensors is of --task classify, which computes on the CPU"
    assert refused.err.endswith(f"{expected}; leave it out\n")


@pytest.mark.usefixtures("in_empty_folder")
def test_the_device_of_a_language_model_may_be_named(run_folder: Path) -> None:
    Path("text.txt").write_text(TEXT[:300], encoding="utf-8")
    command = ("evaluate", "text.txt", "--checkpoint", run_folder, "--json", "--adapt")
    named, unnamed = (charrnn(*command, *options) for options in (("--device", DEVICE), ()))
    assert named.code == 0, named.err
    assert named.json == unnamed.json


@on_cuda
@pytest.mark.parametrize("options", [(), ("--window", "64"), ("--adapt",), ("--gradients",)])
def test_figures_on_cuda_are_those_of_the_cpu(options: tuple[str, ...], run_folder: Path) -> None:
    text = run_folder.parent / "corpus.txt"
    on_cpu, on_gpu = (
        charrnn("evaluate", text, "--checkpoint", run_folder, "--json", "--device", device, *options)
        for device in ("cpu", "cuda")
    )
    assert on_gpu.code == 0, on_gpu.err
    assert numbers(on_gpu.json) == pytest.approx(numbers(on_cpu.json), rel=1e-3)


def numbers(value: Any) -> list[float]:  # noqa: ANN401
    """Every number in a JSON value."""
    if isinstance(value, dict | list):
        parts = value.values() if isinstance(value, dict) else value
        return [number for part in parts for number in numbers(part)]
    return [float(value)] if isinstance(value, int | float) else []
