"""A checkpoint: weights, vocabulary, settings and progress; for a run, also everything needed to resume.

A file from elsewhere is untrusted data: every name, type and shape is compared with what the settings in it
imply, and those settings are bounded, before an array is read (`checkpoint_file.py`). There is no pickle,
and no code is named. Knows nothing of torch or terminals.
"""

import dataclasses
import hashlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from charrnn import __version__
from charrnn.config.declaration import build, shortened
from charrnn.config.settings import IN_THE_CHECKPOINT, ReadingSettings, TrainSettings
from charrnn.errors import CheckpointError, UsageError
from charrnn.model.architecture import ARCHITECTURES, Architecture
from charrnn.model.names import part_of
from charrnn.runs import checkpoint_file
from charrnn.runs.atomic import write_atomically
from charrnn.runs.checkpoint_facts import CorpusFacts, Progress, check_name, checked_fitted
from charrnn.runs.training_state import (
    Extent,
    TrainingState,
    kinds,
    numbers_from,
)
from charrnn.text.codes import END
from charrnn.text.reading_checks import check_reading
from charrnn.text.vocabulary import Vocabulary
from charrnn.text.vocabulary_file import vocabulary_from_json, vocabulary_to_json

if TYPE_CHECKING:
    from charrnn.text.answers import Answers

FORMAT, READ_FORMATS = 3, (2, 3)
"""The version of the layout that is written, and those that are read. Version 0.N of the program writes
format N, but for 0.1, which wrote format 2."""

TASK = "language"
"""What a model was trained to do; a file of format 2 does not say, and it was this."""

_WEIGHTS, _TRAINING = "model.", "training."
"""How the names of arrays begin: what the network is, and what only training needs."""

_DAMAGE = (UsageError, ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError)
"""What reading anything but a checkpoint may raise."""

Weights = dict[str, NDArray[np.float32]]


@dataclass(frozen=True)
class Checkpoint:
    """All that a file holds, checked.

    Attributes:
        architecture: cell and sizes.
        vocabulary: the symbols and their ids.
        reading: how text is read for this model.
        corpus: facts about the training text.
        progress: how far training had come.
        settings: every training setting as resolved, by name, but for names of files.
        weights: float32 arrays by the names of `Architecture.shapes`.
        versions: of the programs that wrote it.
        training: what only the run itself needs, to go on.
        task: what it was trained to do.
        answers: what there is to be found, as text: labels and the like; their places are their ids.
        fitted: what was fitted to these weights where they were measured, by name, such as a temperature.
    """

    architecture: Architecture
    vocabulary: Vocabulary
    reading: ReadingSettings
    corpus: CorpusFacts
    progress: Progress
    settings: dict[str, Any]
    weights: Weights
    versions: dict[str, str] = field(default_factory=lambda: {"charrnn": __version__})
    training: TrainingState = field(default_factory=lambda: TrainingState({}))
    task: str = TASK
    answers: tuple[str, ...] = ()
    fitted: dict[str, float] = field(default_factory=dict)

    @property
    def temperature(self) -> float:
        """What logits of labels are divided by: 1 where nothing was fitted."""
        return self.fitted.get("temperature", 1.0)

    def fingerprint(self) -> str:
        """SHA-256 of the weights, names and values: equal for equal models."""
        digest = hashlib.sha256()
        for name in sorted(self.weights):
            digest.update(name.encode() + b"\0" + np.ascontiguousarray(self.weights[name]).tobytes())
        return digest.hexdigest()

    def is_finite(self) -> bool:
        """Whether every number of its arrays is one."""
        arrays = (*self.weights.values(), *self.training.arrays.values())
        return all(bool(np.isfinite(array).all()) for array in arrays)


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
    training = checkpoint.training
    entry = {
        "format": FORMAT,
        "task": checkpoint.task,
        "architecture": asdict(checkpoint.architecture),
        "vocabulary": vocabulary_to_json(checkpoint.vocabulary),
        "reading": asdict(checkpoint.reading),
        "corpus": asdict(checkpoint.corpus),
        "progress": asdict(checkpoint.progress),
        "settings": checkpoint.settings,
        "versions": checkpoint.versions,
        "training": {"numbers": training.numbers, "extent": asdict(training.extent)},
    }
    if kind := _answers_of(checkpoint.task):
        entry[kind.name] = list(checkpoint.answers)
    if checkpoint.fitted:
        entry["fitted"] = checkpoint.fitted
    arrays = _prefixed(_WEIGHTS, checkpoint.weights) | _prefixed(_TRAINING, training.arrays)
    write_atomically(path, checkpoint_file.to_bytes(entry, arrays), previous=previous)


def _prefixed(prefix: str, values: Mapping[str, Any]) -> dict[str, Any]:
    return {prefix + name: value for name, value in values.items()}


def load(path: Path) -> Checkpoint:
    """Read a checkpoint, trusting nothing in it.

    Raises:
        CheckpointError: the file is missing, damaged, of a newer format, or does not hold what its settings
            imply; the message names the path.
    """
    with _refused(path), checkpoint_file.opened(path) as file:
        described = _described(file.entry)
        arrays = file.read(_expected(described))
    return dataclasses.replace(
        described,
        weights={name: arrays[_WEIGHTS + name] for name in described.architecture.shapes()},
        training=dataclasses.replace(described.training, arrays=part_of(arrays, _TRAINING)),
    )


def describe(path: Path) -> Checkpoint:
    """Read a checkpoint but for its arrays, however large they are: there are no weights in it.

    Damage that only the digest shows is not found.

    Raises:
        CheckpointError: as `load`.
    """
    with _refused(path), checkpoint_file.opened(path) as file:
        described = _described(file.entry)
        file.check(_expected(described))
        return described


def _expected(described: Checkpoint) -> dict[str, checkpoint_file.ArrayKind]:
    """The arrays that go with what a file says of itself."""
    architecture, settings = described.architecture, build(TrainSettings, described.settings)
    weights = {name: checkpoint_file.ArrayKind("F32", shape) for name, shape in architecture.shapes().items()}
    training = kinds(architecture, settings, described.training.extent)
    return _prefixed(_WEIGHTS, weights) | _prefixed(_TRAINING, training)


@contextmanager
def _refused(path: Path) -> Iterator[None]:
    """Say in one line why a file is no checkpoint."""
    try:
        yield
    except FileNotFoundError as error:
        raise CheckpointError(f"{path} does not exist; give a run folder or a .safetensors file") from error
    except OSError as error:
        raise CheckpointError(f"{path} cannot be read: {error.strerror or error}") from error
    except checkpoint_file.OtherFileError as error:
        raise CheckpointError(
            f"{path} is not a checkpoint: {error}; give a run folder, or a .safetensors file from one"
        ) from error
    except _DAMAGE as error:
        reason = shortened(str(error).replace("\n", " ") or type(error).__name__, 300)
        lacks = "it lacks " if isinstance(error, KeyError) else ""
        raise CheckpointError(
            f"{path} is not a usable checkpoint: {lacks}{reason}; use another one, such as the run's last or "
            "previous"
        ) from error


def _described(entry: Mapping[str, Any]) -> Checkpoint:
    """A checkpoint but for its arrays."""
    _check_format(entry["format"])
    task = entry["task"] if entry["format"] > 2 else TASK
    if task not in tuple(ARCHITECTURES):
        raise ValueError(
            f"it was trained for the task {shortened(repr(task))}, which charrnn {__version__} does not have"
        )
    architecture = ARCHITECTURES[task].of(entry["architecture"])
    vocabulary = vocabulary_from_json(entry["vocabulary"])
    if len(vocabulary) != architecture.symbols:
        raise ValueError(
            f"{len(vocabulary)} symbols in the vocabulary, {architecture.symbols} in the network"
        )
    reading, settings = ReadingSettings.of(entry["reading"]), _settings(entry["settings"])
    _check_alike(asdict(architecture) | asdict(reading), settings)
    check_reading(reading)
    _check_symbols(vocabulary, reading)
    corpus, progress = CorpusFacts.of(entry["corpus"]), Progress.of(entry["progress"])
    if len(corpus.starts) != len(vocabulary):
        raise ValueError(f"{len(corpus.starts)} counts of how lines begin, {len(vocabulary)} symbols")
    corpus.check_labels(architecture)
    answers = _answers_of(task)
    if (progress.best_step is None) != (progress.best_validation_nats_per_character is None):
        raise ValueError("of its best validation either the step or the figure is missing")
    training = entry["training"]
    return Checkpoint(
        task=task,
        architecture=architecture,
        vocabulary=vocabulary,
        reading=reading,
        corpus=corpus,
        progress=progress,
        settings=settings,
        versions=_versions(entry["versions"]),
        weights={},
        training=TrainingState(numbers_from(training["numbers"]), Extent.of(training["extent"])),
        answers=answers.names_from(entry, architecture) if answers else (),
        fitted=checked_fitted(entry.get("fitted", {})),
    )


def _check_format(number: object) -> None:
    """Refuse a format that this program does not read, and say which version does."""
    if type(number) is not int or number < 1:
        raise ValueError(f"its format is {shortened(repr(number))}; expected one of {_listed(READ_FORMATS)}")
    if number not in READ_FORMATS:
        reader = f"charrnn 0.{number} or newer" if number > FORMAT else "no released version of charrnn"
        raise ValueError(
            f"it has format {number}, which {reader} reads; this is charrnn {__version__}, which reads "
            f"{_listed(READ_FORMATS)}"
        )


def _listed(formats: tuple[int, ...]) -> str:
    return " and ".join(f"format {number}" for number in formats)


def _answers_of(task: str) -> "Answers | None":
    """What there is to find in a task; a language model is loaded without what tasks need."""
    if task == TASK:
        return None
    from charrnn.text.answers import ANSWERS

    return ANSWERS.get(task)


def _settings(entry: Mapping[str, Any]) -> dict[str, Any]:
    """The settings of a file that this program has, each as it is declared; files are never named there."""
    given = {name: entry[name] for name in entry if name in IN_THE_CHECKPOINT}
    build(TrainSettings, given)
    return given


def _check_alike(described: Mapping[str, Any], settings: Mapping[str, Any]) -> None:
    """Check that what stands in a file twice, among the settings too, is the same."""
    for name, value in described.items():
        if settings.get(name) not in (None, value):
            raise ValueError(f"its {name} is {value!r}, but {settings[name]!r} in its settings")


def _check_symbols(vocabulary: Vocabulary, reading: ReadingSettings) -> None:
    """Check that the vocabulary is one of texts that are read so, and has a character."""
    if (reading.mode, reading.level) != (vocabulary.mode, vocabulary.level):
        raise ValueError(f"its vocabulary is not one of --mode {reading.mode} --level {reading.level}")
    if not (vocabulary.codes < END).any():
        raise ValueError("there is no character in its vocabulary")


def _versions(entry: Mapping[str, Any]) -> dict[str, str]:
    for text in (*entry.keys(), *entry.values()):
        check_name(text)
    return dict(entry)
