"""Signals that come at a chosen moment of a run in this process."""

import importlib
import itertools
import os
import signal
from collections.abc import Callable, Container, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from program import Result, charrnn

MOMENTS = {
    "update": "charrnn.training.trainer.rate",
    "validation": "charrnn.model.measures.cross_entropy",
    "sample": "charrnn.tasks.language.write",
    "save": "charrnn.runs.checkpoint.write_atomically",
    "report": "charrnn.runs.folder.Run.add_metrics",
}
"""What is called at each kind of moment."""


@contextmanager
def at_call_do(target: str, calls: Container[int], action: Callable[..., object]) -> Iterator[None]:
    """Do something at some of the calls of a function, from 0, before each; it is given the same."""
    owner, name = owner_of(target)
    original, numbers = getattr(owner, name), itertools.count()

    def watched(*given: Any, **named: Any) -> Any:  # noqa: ANN401
        if next(numbers) in calls:
            action(*given, **named)
        return original(*given, **named)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(owner, name, watched)
        yield


def owner_of(target: str) -> tuple[Any, str]:
    """Where a function is looked up: its module, or its class, and its name."""
    module, _, name = target.rpartition(".")
    try:
        return importlib.import_module(module), name
    except ModuleNotFoundError:
        module, _, kind = module.rpartition(".")
        return getattr(importlib.import_module(module), kind), name


def stopped_at(moment: str, call: int, *command: str | Path) -> Result:
    """Run a command that is stopped by SIGINT at that moment, if it comes so far."""

    def stop(*_: object, **__: object) -> None:
        os.kill(os.getpid(), signal.SIGINT)

    with at_call_do(MOMENTS[moment], {call}, stop):
        return charrnn(*command)


def fingerprints(folder: Path) -> tuple[str, str]:
    """The hashes of a run's last and best weights."""
    last, best = (
        charrnn("info", "--checkpoint", folder / f"{name}.safetensors", "--json").json["weights_sha256"]
        for name in ("last", "best")
    )
    return last, best
