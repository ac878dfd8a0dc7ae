"""Other devices: what a run keeps follows its network there; on CUDA itself it goes on, bit for bit."""

from pathlib import Path

import pytest
import torch
from interruptions import fingerprints, stopped_at
from program import DEVICE, SMALL, TEXT, charrnn
from test_trainer import trainer_of

from charrnn.runs.checkpoint import load
from charrnn.training import snapshot

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
