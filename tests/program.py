"""The program as a test calls it: in this process, or in one of its own."""

import io
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch

from charrnn.cli import run_command

TEXT = "".join(
    f"{i % 7} little birds sat on wall number {i % 5}.\nOne flew off, {i % 3} came back!\n"
    for i in range(150)
)
KOREAN = "".join(
    f"안녕하세요 {i % 7}번 손님, 오늘은 날씨가 좋네요.\n네, {i % 3}시에 만나요!\n" for i in range(150)
)

DEVICE = os.environ.get("CHARRNN_TEST_DEVICE", "cpu")
"""Where tests train; `make test-gpu` says `cuda`."""

SMALL = ("--hidden", "16", "--steps", "20", "--batch-size", "4", "--sequence-length", "16", "--quiet")
"""A run of a second."""


@dataclass(frozen=True)
class Result:
    """What a command did: exit code, standard output, standard error."""

    code: int
    out: str
    err: str
    out_bytes: bytes

    @property
    def json(self) -> Any:  # noqa: ANN401
        """Standard output as one JSON value."""
        return json.loads(self.out)


class _Stream(io.TextIOWrapper):
    """A pipe in memory."""

    def __init__(self) -> None:
        super().__init__(io.BytesIO(), encoding="utf-8", newline="\n")

    def content(self) -> bytes:
        self.flush()
        buffer = self.buffer
        assert isinstance(buffer, io.BytesIO)
        return buffer.getvalue()


def on_device(arguments: Sequence[str | Path]) -> list[str]:
    """A command, computing where tests do unless it says where; not every model is evaluated on a GPU."""
    given = [str(argument) for argument in arguments]
    is_meant = given[:1] == ["train"] or (given[:1] == ["evaluate"] and DEVICE == "cpu")
    if is_meant and "--device" not in given and (DEVICE != "cpu" or torch.cuda.is_available()):
        given[1:1] = ["--device", DEVICE]
    return given


def charrnn(*arguments: str | Path, standard_input: bytes = b"") -> Result:
    """Run a command in this process, its streams being pipes."""
    out, err, inp = _Stream(), _Stream(), io.TextIOWrapper(io.BytesIO(standard_input), encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "stdout", out)
        patch.setattr(sys, "stderr", err)
        patch.setattr(sys, "stdin", inp)
        code = run_command(on_device(arguments))
    data = out.content()
    return Result(code, data.decode("utf-8", "replace"), err.content().decode(), data)


def charrnn_process(
    *arguments: str | Path, standard_input: bytes | None = None
) -> subprocess.CompletedProcess[bytes]:
    """Run a command in a process of its own."""
    command = [sys.executable, "-m", "charrnn", *on_device(arguments)]
    return subprocess.run(command, capture_output=True, input=standard_input, check=False, timeout=120)


def python(code: str, *, arguments: Sequence[str] = ()) -> str:
    """What a Python program prints."""
    command = [sys.executable, "-c", code, *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=120).stdout


def lines_of(path: Path) -> list[Any]:
    """The values of a file of JSON lines."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
