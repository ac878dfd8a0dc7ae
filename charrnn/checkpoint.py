"""One file that holds a model: weights, vocabulary, settings, progress. Safetensors with one JSON entry.

A file from elsewhere is untrusted data: every name, type and shape is compared with what the settings in it
imply, and those settings are bounded, before an array is read. There is no pickle, and no code is named.
Knows nothing of torch or terminals.
"""

import dataclasses
import hashlib
import json
import math
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import safetensors.numpy
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open

from charrnn import __version__
from charrnn.architecture import Architecture
from charrnn.config import ReadingSettings, build
from charrnn.errors import CheckpointError, UsageError
from charrnn.reading.arrays import writable
from charrnn.reading.vocabulary import Vocabulary

FORMAT = 1
"""The version of the layout; a file of a newer one is refused."""

_ENTRY = "charrnn"

_DAMAGE = (
    SafetensorError,
    UsageError,
    ValueError,
    KeyError,
    TypeError,
    AttributeError,
    OverflowError,
    RecursionError,
)
"""What reading anything but a checkpoint may raise."""

Weights = dict[str, NDArray[np.float32]]


@dataclass(frozen=True)
class CorpusFacts:
    """What a checkpoint keeps of the text it was trained on.

    Attributes:
        name: short name of the corpus.
        fingerprint: SHA-256 of its bytes and of how they were read.
        characters: of the whole text, as read.
        training_characters: what was learnt from.
        validation_characters: what was held back.
        starts: for each id, how often it begins a line (text) or a record (lines).
        empty_records: records without a character, in lines mode.
    """

    name: str
    fingerprint: str
    characters: int
    training_characters: int
    validation_characters: int
    starts: list[int]
    empty_records: int = 0


@dataclass(frozen=True)
class Progress:
    """How far training had come.

    Attributes:
        step: updates done.
        epoch: passes over the training text.
        characters_seen: characters learnt from, every pass counted.
        seconds: since the program started.
        training_nats_per_character: over the last stretch of updates; None before the first.
        validation_nats_per_character: of these weights, when it was measured.
        best_validation_nats_per_character: the lowest so far.
        best_step: after which update that was.
        finished: whether the run reached the end of its budget.
    """

    step: int = 0
    epoch: float = 0.0
    characters_seen: int = 0
    seconds: float = 0.0
    training_nats_per_character: float | None = None
    validation_nats_per_character: float | None = None
    best_validation_nats_per_character: float | None = None
    best_step: int | None = None
    finished: bool = False


@dataclass(frozen=True)
class Checkpoint:
    """All that a file holds, checked.

    Attributes:
        architecture: cell and sizes.
        vocabulary: the symbols and their ids.
        reading: how text is read for this model.
        corpus: facts about the training text.
        progress: how far training had come.
        settings: every training setting as resolved, by name, for people.
        weights: float32 arrays by the names of `Architecture.shapes`.
        versions: of the programs that wrote it.
    """

    architecture: Architecture
    vocabulary: Vocabulary
    reading: ReadingSettings
    corpus: CorpusFacts
    progress: Progress
    settings: dict[str, Any]
    weights: Weights
    versions: dict[str, str] = field(default_factory=lambda: {"charrnn": __version__})

    def fingerprint(self) -> str:
        """SHA-256 of the weights, names and values: equal for equal models."""
        digest = hashlib.sha256()
        for name in sorted(self.weights):
            digest.update(name.encode() + b"\0" + np.ascontiguousarray(self.weights[name]).tobytes())
        return digest.hexdigest()


def save(path: Path, checkpoint: Checkpoint, previous: Path | None = None) -> None:
    """Write a checkpoint so that, whatever happens, the path holds the old file or the new one, whole.

    Args:
        path: where to.
        checkpoint: what to write.
        previous: where the old file goes; None lets it go.

    Raises:
        ResourceError: the disk is full.
        CharRNNError: it is not permitted, or the like.
    """
    entry = {
        "format": FORMAT,
        "architecture": dataclasses.asdict(checkpoint.architecture),
        "vocabulary": checkpoint.vocabulary.to_json(),
        "reading": dataclasses.asdict(checkpoint.reading),
        "corpus": dataclasses.asdict(checkpoint.corpus),
        "progress": dataclasses.asdict(checkpoint.progress),
        "settings": checkpoint.settings,
        "versions": checkpoint.versions,
    }
    text = json.dumps(entry, ensure_ascii=True, allow_nan=False)
    data = safetensors.numpy.save(dict(checkpoint.weights), metadata={_ENTRY: text})
    write_atomically(path, data, previous)


def write_atomically(path: Path, data: bytes, previous: Path | None = None) -> None:
    """Write a file beside the path, bring it safely to disk, and only then let it take the path's place.

    Args:
        path: where to.
        data: what to write.
        previous: where what stood at the path goes; None lets it go.

    Raises:
        ResourceError: the disk is full; what stood at the path still does.
        CharRNNError: it is not permitted, or the like.
    """
    temporary = path.with_name(f".{path.name}.writing")
    with writable(path):
        try:
            with temporary.open("wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            if previous is not None and path.exists():
                path.replace(previous)
            temporary.replace(path)
            _sync_folder(path.parent)
        finally:
            temporary.unlink(missing_ok=True)


def _sync_folder(folder: Path) -> None:
    """Bring a rename to disk, where the system can (Windows has no way to open a folder)."""
    if os.name == "posix":
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def load(path: Path) -> Checkpoint:
    """Read a checkpoint, trusting nothing in it.

    Raises:
        CheckpointError: the file is missing, damaged, of a newer format, or does not hold what its settings
            imply; the message names the path.
    """
    with _opened(path) as file:
        described = _described(file)
        shapes = described.architecture.shapes()
        return dataclasses.replace(described, weights=_read_weights(file, shapes))


def describe(path: Path) -> Checkpoint:
    """Read a checkpoint but for its arrays, however large they are: there are no weights in it.

    Raises:
        CheckpointError: as `load`.
    """
    with _opened(path) as file:
        return _described(file)


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    """A file that is read; say in one line why it is no checkpoint."""
    try:
        with safe_open(str(path), framework="numpy") as file:
            yield file
    except FileNotFoundError as error:
        raise CheckpointError(f"{path} does not exist; give a run folder or a .safetensors file") from error
    except OSError as error:
        raise CheckpointError(f"{path} cannot be read: {error.strerror or error}") from error
    except _DAMAGE as error:
        reason = str(error).replace("\n", " ") or type(error).__name__
        lacks = "it lacks " if isinstance(error, KeyError) else ""
        raise CheckpointError(
            f"{path} is no usable checkpoint: {lacks}{reason}; use another one, such as the run's last or "
            "previous"
        ) from error


def _described(file: Any) -> Checkpoint:  # noqa: ANN401 - safetensors has no types
    """A checkpoint but for its arrays."""
    entry = json.loads((file.metadata() or {})[_ENTRY])
    if entry["format"] != FORMAT:
        raise ValueError(f"it has format {entry['format']!r} and this program reads {FORMAT}; update charrnn")
    architecture = build(Architecture, entry["architecture"])
    vocabulary = Vocabulary.from_json(entry["vocabulary"])
    if len(vocabulary) != architecture.symbols:
        raise ValueError(
            f"{len(vocabulary)} symbols in the vocabulary, {architecture.symbols} in the network"
        )
    return Checkpoint(
        architecture=architecture,
        vocabulary=vocabulary,
        reading=build(ReadingSettings, entry["reading"]),
        corpus=_corpus_facts(entry["corpus"], architecture.symbols),
        progress=_progress(entry["progress"]),
        settings=dict(entry["settings"]),
        versions={str(name): str(version) for name, version in entry["versions"].items()},
        weights={},
    )


def _read_weights(file: Any, shapes: Mapping[str, tuple[int, ...]]) -> Weights:  # noqa: ANN401
    """The arrays, after their names, types and shapes were compared with those expected."""
    names = set(file.keys())
    if names != set(shapes):
        odd = sorted(names ^ set(shapes))
        raise ValueError(f"its arrays are not those of its settings: {', '.join(odd[:3])}")
    for name, shape in shapes.items():
        found = file.get_slice(name)
        if found.get_dtype() != "F32" or tuple(found.get_shape()) != shape:
            raise ValueError(
                f"{name} is {found.get_dtype()} {tuple(found.get_shape())} where its settings say F32 {shape}"
            )
    weights = {name: file.get_tensor(name) for name in shapes}
    for name, values in weights.items():
        if not np.isfinite(values).all():
            raise ValueError(f"{name} holds numbers that are not finite")
    return weights


def _corpus_facts(entry: Mapping[str, Any], symbols: int) -> CorpusFacts:
    starts = entry["starts"]
    if len(starts) != symbols or not all(type(count) is int and count >= 0 for count in starts):
        raise ValueError("the counts of how lines begin do not fit the vocabulary")
    numbers = {
        name: int(entry[name])
        for name in ("characters", "training_characters", "validation_characters", "empty_records")
    }
    return CorpusFacts(str(entry["name"]), str(entry["fingerprint"]), starts=starts, **numbers)


def _progress(entry: Mapping[str, Any]) -> Progress:
    whole = {"step", "characters_seen", "best_step"}
    values = {item.name: entry[item.name] for item in dataclasses.fields(Progress)}
    finished = bool(values.pop("finished"))
    numbers = {
        name: None if value is None else int(value) if name in whole else float(value)
        for name, value in values.items()
    }
    if not all(math.isfinite(number) for number in numbers.values() if number is not None):
        raise ValueError("its progress holds numbers that are not finite")
    return Progress(**numbers, finished=finished)  # type: ignore[arg-type] # None stands only where it may
