"""A run folder: where a run's files are, how it comes to be, and how a checkpoint is found in it.

    runs/shakespeare/
      config.toml            every setting as resolved
      metrics.jsonl          a line for each report
      last.safetensors       the newest state;  previous.safetensors  the one before
      best.safetensors       the weights with the best validation
      samples.txt            what the model wrote while it learnt
      corpus.npy             the text as ids;  dataset.json  what lies where in it

Knows nothing of torch or terminals.
"""

import contextlib
import json
import os
import shutil
import tomllib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import tomli_w

from charrnn.config.declaration import build, flat, names_where
from charrnn.config.settings import IN_THE_RUN_FOLDER, TrainSettings
from charrnn.errors import CheckpointError, InputError, UsageError
from charrnn.runs.atomic import temporary_path, write_atomically
from charrnn.runs.beside import made_beside
from charrnn.runs.metrics import MOST_METRICS_BYTES
from charrnn.text.arrays import writable
from charrnn.text.files import append_regular, read_given, read_regular

RUNS = Path("runs")

EXPORTED = "model.safetensors"
"""What a folder for a hub has, in which there is no run: a model that was exported."""

MOST_CONFIG_BYTES = 2**22
"""A corpus may be many files, each of them named."""


class Run:
    """The files of one run."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.config = folder / "config.toml"
        self.metrics = folder / "metrics.jsonl"
        self.last = folder / "last.safetensors"
        self.previous = folder / "previous.safetensors"
        self.best = folder / "best.safetensors"
        self.exported = folder / EXPORTED
        self.samples = folder / "samples.txt"
        self.encoding = folder / ".encoding"

    def write_config(self, settings: TrainSettings) -> None:
        """Keep every setting as resolved, so that `--config` does the same run again."""
        values = {
            name: list(value) if isinstance(value, tuple) else value
            for name, value in flat(settings).items()
            if value is not None and name in IN_THE_RUN_FOLDER
        }
        text = tomli_w.dumps(values).encode("utf-8", "surrogateescape")  # a file's name may be no UTF-8
        write_atomically(self.config, text)

    def add_metrics(self, values: Mapping[str, Any]) -> None:
        """Add a report to `metrics.jsonl`."""
        self._append(self.metrics, json.dumps(values) + "\n")

    def add_sample(self, title: str, text: str) -> None:
        """Add a sample to `samples.txt`."""
        self._append(self.samples, f"--- {title}\n{text}\n\n")

    def _append(self, path: Path, text: str) -> None:
        """Add a whole text or nothing."""
        with writable(path), append_regular(path) as file:
            end = file.tell()
            data = text.encode("utf-8", "surrogatepass")
            try:
                while data:
                    data = data[file.write(data) :]
            except OSError:
                file.truncate(end)
                raise

    def drop_metrics_after(self, step: int) -> None:
        """Leave the reports up to a step, from which the run goes on; a torn last line goes too."""
        if not self.metrics.exists():
            return
        with writable(self.metrics):
            lines = read_regular(self.metrics, MOST_METRICS_BYTES).splitlines(keepends=True)
        kept = []
        for line in lines:
            with contextlib.suppress(ValueError, LookupError, TypeError, RecursionError):
                if line.endswith(b"\n") and json.loads(line)["step"] <= step:
                    kept.append(line)
        write_atomically(self.metrics, *kept)

    def sweep(self) -> None:
        """Remove what a program that was killed left unfinished here; nothing but files of our own."""
        for path in (self.config, self.metrics, self.last, self.previous, self.best):
            with writable(path):
                temporary_path(path).unlink(missing_ok=True)
        shutil.rmtree(self.encoding, ignore_errors=True)


@contextmanager
def new_run(folder: Path) -> Iterator[Run]:
    """Make a run folder that appears whole: it is built beside its place and moved there by `publish`.

    Leaving the context before that removes what was built, so that a failed start leaves nothing behind.

    Raises:
        CharRNNError: the folder cannot be made.
    """
    made = _missing_parents(folder)
    try:
        with writable(folder):
            for parent in reversed(made):
                parent.mkdir(exist_ok=True)
        with made_beside(folder, "partial") as partial:
            yield Run(partial)
    finally:
        for parent in made:
            with contextlib.suppress(OSError):  # another program's run is in it
                parent.rmdir()


def publish(partial: Run, folder: Path) -> Run:
    """Move a run that was built beside its place there, which the system does at once or not at all.

    Raises:
        UsageError: something stands there already.
    """
    refuse_to_overwrite(folder)
    with writable(folder):
        try:
            if folder.exists():  # an empty folder: only some systems let another one take its place
                folder.rmdir()
            partial.folder.rename(folder)
        except OSError:
            refuse_to_overwrite(folder)  # if it was taken this very moment
            raise
    return Run(folder)


def publish_named_after(partial: Run, name: str) -> Run:
    """Move a run to the first free place of its name, whoever else is looking for one."""
    while True:
        with contextlib.suppress(UsageError):  # another program was faster
            return publish(partial, free_folder(name))


def refuse_to_overwrite(folder: Path) -> None:
    """Make sure that nothing stands where a run is to go (an empty folder does not matter).

    Raises:
        UsageError: something does.
    """
    if Run(folder).config.exists() or Run(folder).last.exists():
        raise UsageError(f"{folder} holds a run already; choose another --run, or move that one away")
    if folder.exists() and not folder.is_dir():
        raise UsageError(f"{folder} is a file; choose a folder for --run")
    if folder.exists() and any(folder.iterdir()):
        raise UsageError(f"{folder} is not empty; choose a new folder for --run")


def _missing_parents(folder: Path) -> list[Path]:
    """The parents that have to be made, innermost first."""
    return [parent for parent in folder.parents if not parent.exists()]


def free_folder(name: str) -> Path:
    """The first of `runs/NAME`, `runs/NAME-2`, `runs/NAME-3` … that is free."""
    number = 1
    while os.path.lexists(folder := RUNS / (name if number == 1 else f"{name}-{number}")):
        number += 1
    return folder


def named(path: str) -> Path:
    """The place that is meant: the path itself if it exists, else the run of that name in `runs/`, if any."""
    place, run = Path(path), RUNS / path
    is_name = place.name == path and not place.exists() and run.is_dir()
    return run if is_name else place


def find_checkpoint(path: str | None) -> Path:
    """The checkpoint file that a path means: itself, or the best of a run folder, else its last.

    Of a run in `runs/` the name is enough. Without a path: of the newest run there.

    Raises:
        CheckpointError: there is none.
    """
    if path is None:
        return _in_folder(newest_run())
    place = named(path)
    if place.is_dir():
        return _in_folder(place)
    if not place.exists():
        raise CheckpointError(
            f"{path} does not exist; give a run folder, the name of a run in {RUNS}/, or a .safetensors file"
        )
    return place


def _in_folder(folder: Path) -> Path:
    run = Run(folder)
    for file in (run.best, run.last, run.previous, run.exported):
        if file.exists():
            return file
    raise CheckpointError(f"{folder} holds no checkpoint; give a run folder made by charrnn train")


def newest_run() -> Path:
    """The run in `runs/` that was written to last.

    Raises:
        CheckpointError: there is none.
    """
    lasts = sorted(RUNS.glob("[!.]*/last.safetensors"), key=lambda last: last.stat().st_mtime)
    if not lasts:
        raise CheckpointError(f"there is no run in {RUNS}/ here; train one with charrnn train, or name one")
    return lasts[-1].parent


def numbers_as_texts(values: Mapping[str, Any]) -> dict[str, Any]:
    """Settings by name, those that are texts as texts where a file or a program may have a number."""
    texts = names_where(TrainSettings, may_be_number=True)
    return {
        name: str(value) if name in texts and type(value) in {int, float} else value
        for name, value in values.items()
    }


def read_config(path: str) -> dict[str, Any]:
    """The settings in a TOML file, by name.

    Raises:
        InputError: the file is missing or no TOML.
        UsageError: it holds a setting that does not exist, or a value out of its limits.
    """
    try:
        values = tomllib.loads(read_given(Path(path), MOST_CONFIG_BYTES).decode("utf-8", "surrogateescape"))
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror or error}") from error
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path} is not TOML: {error}") from error
    unknown = sorted(set(values) - set(flat(TrainSettings())))
    if unknown:
        raise UsageError(
            f"{path} sets {', '.join(unknown)}, which charrnn train does not have; see charrnn train --help"
        )
    values = numbers_as_texts(values)
    corpus = values.get("corpus", [])
    if not isinstance(corpus, list) or not all(isinstance(name, str) for name in corpus):
        raise UsageError(f"{path} sets corpus to {corpus!r}; expected a list of texts, such as ['novel.txt']")
    values["corpus"] = tuple(corpus)
    build(TrainSettings, values)
    return values
