"""Checks of the settings of `charrnn train` that need neither torch nor the text."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from charrnn.config.declaration import build, option_name, settings_of
from charrnn.config.settings import TrainSettings
from charrnn.errors import CorpusError, UsageError
from charrnn.runs.folder import find_checkpoint, refuse_to_overwrite
from charrnn.text.reading_checks import check_reading
from charrnn.text.sources import check_paths
from charrnn.text.split import parse_validation


def checked(given: Mapping[str, Any]) -> TrainSettings:
    """The settings of a new run.

    Args:
        given: those that were set, by name.

    Raises:
        UsageError: they contradict one another, or a run is where this one is to go.
        CorpusError: a file that they name is not there.
        CheckpointError: the model to start from is not there.
    """
    settings = build(TrainSettings, given)
    if not settings.corpus:
        raise UsageError("no corpus is given; name a file, a folder or builtin:python: charrnn train CORPUS")
    amount = parse_validation(settings.validation)
    _check_task(settings)
    check_reading(settings.reading)
    if settings.output.run is not None:
        refuse_to_overwrite(Path(settings.output.run))
    if settings.model.init_from is not None:
        find_checkpoint(settings.model.init_from)
    check_paths(settings.corpus)
    if isinstance(amount, str):
        try:
            check_paths([amount])
        except CorpusError as error:
            raise CorpusError(f"--validation {amount}: {error}") from error
    return settings


def _check_task(settings: TrainSettings) -> None:
    """Check that the settings of examples that were set say something to the task."""
    task = settings.reading.task
    for _, item, _ in settings_of(type(settings.examples)):
        tasks = item.metadata["tasks"]
        if tasks and task not in tasks and getattr(settings.examples, item.name) != item.default:
            raise UsageError(
                f"{option_name(item.name)} is for --task {' or '.join(tasks)}, but --task is {task}; "
                "leave it out"
            )
