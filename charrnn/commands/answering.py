"""The model of a command that answers lines: of its task, and lines as it reads them. Loads no torch."""

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from charrnn.errors import ResourceError, UsageError
from charrnn.model.architecture import Architecture
from charrnn.runs.checkpoint import Checkpoint, load
from charrnn.runs.folder import find_checkpoint
from charrnn.runs.free_memory import free_bytes
from charrnn.text.alignment import begins
from charrnn.text.normalization import normalized
from charrnn.text.vocabulary import text_codes

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


UNCHECKED_BYTES = 2**27
"""What is taken without asking first."""


def check_memory(needed_bytes: int, what: str, advice: str) -> None:
    """Refuse what would not fit into memory, before it is taken.

    Args:
        needed_bytes: how much it takes.
        what: is to be answered.
        advice: what to do if there is less.

    Raises:
        ResourceError: there is less.
    """
    if needed_bytes > UNCHECKED_BYTES and needed_bytes > (free := free_bytes()):
        raise ResourceError(
            f"{what} takes about {needed_bytes / 1e9:,.1f} GB of memory to answer, but there are "
            f"{max(0.0, free) / 1e9:,.1f} GB free; {advice}"
        )


def check_lines(ids: Sequence[NDArray[np.integer[Any]]], architecture: Architecture) -> None:
    """Refuse lines that are too long for this machine to read side by side, before memory is taken."""
    symbols = sum(map(len, ids))
    copies = 6  # as each direction and then both leave them, padded
    check_memory(4 * copies * symbols * architecture.width, f"lines of {symbols:,} symbols", "shorten them")


@dataclass(frozen=True)
class SymbolsOfLine:
    """A line as a model reads it.

    Attributes:
        ids: of its symbols, and its end mark.
        pieces: what of the line became symbols together, in order; most are single characters.
        places: which of these pieces each symbol before the end mark is of.
    """

    ids: NDArray[np.integer[Any]]
    pieces: list[str]
    places: NDArray[np.intp]

    @classmethod
    def of(cls, line: str, model: Checkpoint) -> "SymbolsOfLine":
        """A line, with its pieces; otherwise as `ids_of`."""
        codes = _codes(line, model)
        counts = begins(line, codes, model.vocabulary.level, model.reading.normalize).astype(np.int64)
        places = np.cumsum(counts > 0) - 1
        ends = np.cumsum(counts[counts > 0]).tolist()
        pieces = [line[begin:end] for begin, end in pairwise([0, *ends])]
        return cls(ids_of(line, model), pieces, places[_is_read(codes, model)])


def ids_of(line: str, model: Checkpoint) -> NDArray[np.integer[Any]]:
    """The symbols of a line, and its end mark; without an unknown one, what has no id is left out."""
    codes, vocabulary = _codes(line, model), model.vocabulary
    return np.append(vocabulary.encode_codes(codes[_is_read(codes, model)]), vocabulary.end_marks)


def is_known(line: str, model: Checkpoint) -> bool:
    """Whether the model has a symbol for all that stands in a line."""
    return bool(np.isin(_codes(line, model), model.vocabulary.codes).all())


def _codes(line: str, model: Checkpoint) -> NDArray[np.uint32]:
    """The symbols of a line, whether or not the model knows them."""
    normal = "".join(normalized([line], model.reading.normalize))
    return text_codes(normal, model.vocabulary.level)


def _is_read(codes: NDArray[np.uint32], model: Checkpoint) -> NDArray[np.bool_]:
    """Whether each symbol has an id."""
    if model.vocabulary.unknown is not None:
        return np.ones(len(codes), np.bool_)
    return np.isin(codes, model.vocabulary.codes)
