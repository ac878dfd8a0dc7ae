"""What tests share: one thread, and small models that were really trained."""

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from hypothesis import HealthCheck, settings
from program import KOREAN, TEXT, charrnn

from charrnn.runs.signals import SIGNALS

settings.register_profile("unhurried", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("unhurried")  # a machine that is busy with other things fails no test


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    """Threads that wait for each other at every step take a hundred times as long on a busy machine."""
    torch.set_num_threads(1)


@pytest.fixture(autouse=True)
def _no_signal_is_ignored() -> Iterator[None]:
    """Tests that run in the background, or under `nohup`, begin with some that are, and pass that on."""
    ignored = [number for number in SIGNALS if signal.getsignal(number) is signal.SIG_IGN]
    for number in ignored:
        signal.signal(number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL)
    yield
    for number in ignored:
        signal.signal(number, signal.SIG_IGN)


@pytest.fixture
def in_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The current folder is the test's own."""
    monkeypatch.chdir(tmp_path)


def _trained(folder: Path, text: str, *options: str) -> Path:
    corpus, run = folder / "corpus.txt", folder / "run"
    corpus.write_text(text, encoding="utf-8")
    sizes = ("--hidden", "32", "--batch-size", "8", "--sequence-length", "32", "--threads", "1", "--quiet")
    result = charrnn("train", corpus, "--run", run, *sizes, *options)
    assert result.code == 0, result.err
    return run


@pytest.fixture(scope="session")
def run_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run on an English text."""
    return _trained(tmp_path_factory.mktemp("english"), TEXT, "--steps", "150")


@pytest.fixture(scope="session")
def korean_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run on a Korean text."""
    return _trained(tmp_path_factory.mktemp("korean"), KOREAN, "--steps", "150")


@pytest.fixture(scope="session")
def lines_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run on short lines."""
    names = "".join(
        f"{first}{last}\n" for first in ("an", "be", "cor", "dele") for last in ("na", "l", "ta", "mir")
    )
    return _trained(tmp_path_factory.mktemp("lines"), names * 10, "--mode", "lines", "--steps", "150")
