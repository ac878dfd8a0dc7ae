"""The summary of a run folder in any state: running, finished, interrupted or damaged.

Reads no weights. Knows nothing of torch or terminals.
"""

import math
import os
import shlex
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

from charrnn.errors import CheckpointError, InputError
from charrnn.runs.checkpoint import Checkpoint, describe
from charrnn.runs.checkpoint_facts import NATS, Figure, Progress
from charrnn.runs.diagnosis import Diagnosis, diagnose, diagnose_answers
from charrnn.runs.evidence import Circumstances
from charrnn.runs.folder import RUNS, Run, named, newest_run
from charrnn.runs.metrics import Metrics, read_metrics
from charrnn.text.dataset import open_dataset

STATES = ("running", "finished", "interrupted", "damaged")


class TrainingText(NamedTuple):
    """What a run learns from, and how it is read: figures are comparable where all this is equal.

    Attributes:
        corpus: its name.
        characters: its length.
        validation_characters: how much of it is held out.
        reading: what of mode, level and normal form is not the default, in words.
        fingerprint: of the text and of how it is read.
    """

    corpus: str
    characters: int
    validation_characters: int
    reading: str
    fingerprint: str


@dataclass(frozen=True)
class RunFacts:
    """A run.

    Attributes:
        folder: where it is.
        state: one of `STATES`.
        model: its newest readable checkpoint without the weights; None where there is none, which is damage.
        best: how far training had come with its best weights, where these can be read.
        metrics: its figures over time.
    """

    folder: Path
    state: str
    model: Checkpoint | None
    best: Progress | None
    metrics: Metrics

    @property
    def name(self) -> str:
        """The folder's own name."""
        return self.folder.resolve().name

    @property
    def step(self) -> int:
        """The last update that is known of; a run that goes on reports more often than it saves."""
        saved = self.model.progress.step if self.model else 0
        return max([saved, *(point.step for point in self.metrics.points[-1:])])

    @property
    def seconds(self) -> float:
        """How long it ran, as far as is known."""
        saved = self.model.progress.seconds if self.model else 0.0
        return max([saved, *(point.seconds for point in self.metrics.points[-1:])])

    @property
    def subject(self) -> TrainingText | None:
        """What it learns from; None where no checkpoint tells."""
        if self.model is None:
            return None
        corpus, reading = self.model.corpus, self.model.reading
        read = (f"{reading.mode}", f"{reading.level}s", reading.normalize)
        said = [value for value in read if value not in {"text", "chars", "none"}]
        return TrainingText(
            corpus.name, corpus.characters, corpus.validation_characters, ", ".join(said), corpus.fingerprint
        )

    @property
    def disk_bytes(self) -> int:
        """What its files take; those that vanish meanwhile count as nothing."""
        return sum(map(_bytes_of, self.folder.rglob("*")))

    @property
    def figure(self) -> Figure | None:
        """The best validation."""
        saved = (self.model and self.model.progress, self.best)
        known = [*(progress.figure for progress in saved if progress), self.metrics.best]
        return min((figure for figure in known if figure), key=lambda figure: figure.rank, default=None)

    @property
    def diagnosis(self) -> Diagnosis:
        """What its curves say."""
        if self.model is None:
            return Diagnosis("damaged", "no checkpoint of this run can be read")
        network = self.model.architecture
        run = Circumstances(
            parameters=network.parameters,
            hidden=network.hidden,
            dropout=_dropout(self.model),
            finished=self.model.progress.finished,
            unigram_bits=_unigram_bits(self.model),
            longer=longer(self.folder, self.model),
            repeated=_repeated(self.folder),
            held_out=self.model.corpus.validation_characters,
        )
        judge = diagnose if self.model.progress.unit == NATS else diagnose_answers
        return judge(self.metrics.points, run)


def examine(folder: Path) -> RunFacts:
    """What a run folder tells. Damage is a state, not an error."""
    run = Run(folder)
    try:
        metrics = read_metrics(run.metrics)
    except InputError:
        metrics = Metrics()
    model, best = newest(run), _readable(run.best)
    return RunFacts(folder, _state(run, model), model, best.progress if best else None, metrics)


def find_runs(paths: Sequence[str]) -> list[Path]:
    """The run folders that paths or names mean: themselves, or those in them; without one those in `runs/`.

    Raises:
        CheckpointError: a path holds no run, or cannot be read.
    """
    found = (folder for path in paths or [str(RUNS)] for folder in _runs_at(named(path)))
    return list(dict.fromkeys(found))


def chosen_runs(paths: Sequence[str]) -> list[Path]:
    """The same, but without a path the newest run alone."""
    return find_runs(paths) if paths else [newest_run()]


def _runs_at(place: Path) -> list[Path]:
    try:
        if _is_run(place):
            return [place]
        inside = sorted(place.iterdir()) if place.is_dir() else []
        found = [folder for folder in inside if not folder.name.startswith(".") and _is_run(folder)]
    except OSError as error:
        raise CheckpointError(f"{place} cannot be read: {error.strerror or error}") from error
    if not found:
        raise CheckpointError(f"{place} holds no run; train one with charrnn train, or name a run folder")
    return found


def _is_run(folder: Path) -> bool:
    run = Run(folder)
    return any(file.exists() for file in (run.config, run.metrics, run.last, run.previous, run.best))


def _bytes_of(path: Path) -> int:
    try:
        return path.stat().st_size if path.is_file() else 0
    except OSError:
        return 0


def newest(run: Run) -> Checkpoint | None:
    """The newest checkpoint of a run that can be read, without its arrays; None where there is none."""
    found = (_readable(file) for file in (run.last, run.previous, run.best))
    return next((checkpoint for checkpoint in found if checkpoint), None)


def _readable(path: Path) -> Checkpoint | None:
    try:
        return describe(path)
    except CheckpointError:
        return None


def _state(run: Run, model: Checkpoint | None) -> str:
    if _is_locked(run.folder):
        return "running"
    if model is None:
        return "damaged"
    return "finished" if model.progress.finished else "interrupted"


def longer(folder: Path, model: Checkpoint) -> str:
    """The command that trains a run to its end, or one that has ended for as long again."""
    settings, command = model.settings, f"charrnn train --resume --run {shlex.quote(str(folder))}"
    if not model.progress.finished:
        return command
    bounds = [f"--{name} {2 * settings[name]:.15g}" for name in ("steps", "epochs") if settings.get(name)]
    time = settings.get("max_time")
    return " ".join([command, *bounds, *([f"--max-time +{time}"] if time or not bounds else [])])


def _repeated(folder: Path) -> float:
    """Share of the held-out lines that also stand in the training part, as far as the folder tells."""
    try:
        dataset = open_dataset(folder)
    except CheckpointError:
        return 0.0
    return 0.0 if dataset.validation is None else dataset.repeated / len(dataset.validation.texts)


def _unigram_bits(model: Checkpoint) -> float:
    """Bits per character of a text whose symbols are as frequent as the vocabulary says."""
    vocabulary = model.vocabulary
    counts = vocabulary.counts[vocabulary.counts > 0]
    characters = model.corpus.characters + int(vocabulary.counts[vocabulary.end_marks].sum())
    if not len(counts) or not characters:
        return math.inf
    return float(-(counts * np.log2(counts / counts.sum())).sum()) / characters


def _dropout(model: Checkpoint) -> float:
    """The setting; a file's settings are kept for people, and may hold anything."""
    given = model.settings.get("dropout")
    return float(given) if isinstance(given, int | float) and 0 <= given < 1 else 0.0


def _is_locked(folder: Path) -> bool:
    """Whether a program that still runs holds the lock on a folder; where there are no such locks, no."""
    if sys.platform == "win32":
        return False
    import fcntl

    try:
        descriptor = os.open(folder, os.O_RDONLY)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError as error:
        return isinstance(error, BlockingIOError)
    finally:
        os.close(descriptor)
    return False
