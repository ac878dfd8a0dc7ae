"""Signals that come at a chosen moment of a run in this process."""

import importlib
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from program import Result, charrnn

MOMENTS = {
    "update": "charrnn.commands.train.language_model",
    "validation": "charrnn.learning.evaluation.log_softmax",
    "sample": "charrnn.learning.session.write",
    "save": "charrnn.checkpoint.write_atomically",
    "report": "charrnn.run.Run.add_metrics",
}
"""What is called at each kind of moment."""


@contextmanager
def at_call(target: str, call: int, number: int = signal.SIGINT) -> Iterator[None]:
    """Send a signal to this process when a function is called for the n-th time, from 0."""
    owner: Any
    module, _, name = target.rpartition(".")
    try:
        owner = importlib.import_module(module)
    except ModuleNotFoundError:  # a method of a class
        module, _, kind = module.rpartition(".")
        owner = getattr(importlib.import_module(module), kind)
    original, calls = getattr(owner, name), iter(range(10**9))

    def watched(*given: Any, **named: Any) -> Any:  # noqa: ANN401
        if next(calls) == call:
            os.kill(os.getpid(), number)
        return original(*given, **named)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(owner, name, watched)
        yield


def stopped_at(moment: str, call: int, *command: str | Path) -> Result:
    """Run a command that is stopped by SIGINT at that moment, if it comes so far."""
    with at_call(MOMENTS[moment], call):
        return charrnn(*command)


def fingerprints(folder: Path) -> tuple[str, str]:
    """The hashes of a run's last and best weights."""
    last, best = (
        charrnn("info", "--checkpoint", folder / f"{name}.safetensors", "--json").json["weights_sha256"]
        for name in ("last", "best")
    )
    return last, best
