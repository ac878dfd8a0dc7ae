"""The model of a command that answers lines: of its task, and lines as it reads them. Loads no torch."""

import shlex
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from charrnn.errors import UsageError
from charrnn.runs.checkpoint import Checkpoint, load
from charrnn.runs.folder import find_checkpoint
from charrnn.text.codes import to_codes
from charrnn.text.normalization import normalized

COMMANDS = {
    "language": "sample",
    "generate": "sample",
    "classify": "classify",
    "translate": "translate",
    "tag": "tag",
}
"""What a model of each task is for."""


def model_for(command: str, checkpoint: str | None) -> tuple[Path, Checkpoint]:
    """Where a checkpoint is and what it holds, if that is a model for this command.

    Raises:
        CheckpointError: there is none.
        UsageError: it is for another command.
    """
    path = find_checkpoint(checkpoint)
    model = load(path)
    check_command(command, path, model)
    return path, model


def check_command(command: str, path: Path, model: Checkpoint) -> None:
    """Check that a model is for a command.

    Raises:
        UsageError: it is for another one.
    """
    if COMMANDS[model.task] != command:
        raise UsageError(
            f"{path} was trained with --task {model.task}, which charrnn {command} is not for; give another "
            f"--checkpoint, or use it: charrnn {COMMANDS[model.task]} --checkpoint {shlex.quote(str(path))}"
        )


def ids_of(line: str, model: Checkpoint) -> NDArray[np.integer[Any]]:
    """The symbols of a line, and its end mark; without an unknown one, what has no id is left out."""
    vocabulary, normal = model.vocabulary, "".join(normalized([line], model.reading.normalize))
    if vocabulary.level == "char" and vocabulary.unknown is None:
        codes = to_codes(normal)
        ids = vocabulary.encode_codes(codes[np.isin(codes, vocabulary.codes)])
    else:
        ids = vocabulary.encode(normal)
    return np.append(ids, vocabulary.end_marks)
