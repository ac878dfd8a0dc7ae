"""`charrnn.train`: training from a Python program. Loads torch only once the settings are valid.

Nothing here prints or handles signals, and all errors are `CharRNNError`s. Settings have the names, the
defaults and the checks of the command line's options.
"""

import os
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from charrnn.commands.checks import checked
from charrnn.commands.python_model import Model, PathLike, load
from charrnn.commands.python_sampling import check_names
from charrnn.config.declaration import flat
from charrnn.config.settings import TrainSettings
from charrnn.display.units import bits_of
from charrnn.errors import only_ours
from charrnn.runs.checkpoint import describe
from charrnn.runs.checkpoint_facts import NATS
from charrnn.runs.folder import Run, find_checkpoint, numbers_as_texts
from charrnn.runs.summary import newest

if TYPE_CHECKING:
    from charrnn.commands.caller import Caller
    from charrnn.commands.training_thread import Listener

_OF_A_RUN = {*flat(TrainSettings())} - {"corpus", "quiet", "dry_run", "processes"}
"""Settings of `train` that are given by name."""


@dataclass(frozen=True)
class TrainedRun:
    """What training left.

    Attributes:
        path: the run folder.
        step: updates that were made.
        best_validation: bits per character of what was held out, under the best weights, or the figure of
            another task; None where nothing was held out.
    """

    path: Path
    step: int
    best_validation: float | None

    @classmethod
    def of(cls, run: Run) -> "TrainedRun":
        """What training left in a run folder."""
        best = describe(find_checkpoint(str(run.folder)))
        progress = (newest(run) or best).progress.with_best_of(best.progress)
        figure = progress.figure
        value = bits_of(figure) if progress.unit == NATS else figure and figure.value
        return cls(run.folder, progress.step, value)

    def model(self) -> Model:
        """The best model of the run."""
        return load(self.path)


def train(
    *corpus: PathLike,
    progress: "Listener | None" = None,
    **settings: Any,  # noqa: ANN401
) -> TrainedRun:
    """Train a model, as `charrnn train` does with the same settings; `max_time` counts from the call.

    Training goes on in a thread of its own while this one waits. An interruption (Ctrl-C, or an error of
    `progress`) ends the update under way, saves, and is then raised here; `resume=True` goes on from there.

    Args:
        *corpus: files, folders or built-in texts.
        progress: is called in this thread with each line of `metrics.jsonl`, a dictionary.
        **settings: the options of `charrnn train` by name, such as `max_time="2m"` or `hidden=256`.

    Raises:
        UsageError: settings contradict one another, or a run is where this one is to go.
        InputError: what they name cannot be read, or is too short.
        DivergenceError: the loss is no finite number, however often the run went back.
        ResourceError: memory or the disk is full.
    """
    started = time.monotonic()
    with only_ours():
        given = _given(corpus, settings)
        is_resumed = given.get("resume", False)
        if not is_resumed:
            checked(given)  # what is wrong is told before torch is loaded, which takes seconds
        from charrnn.commands.resume import resume
        from charrnn.commands.train import train as begin
        from charrnn.commands.training_thread import trained_apart
    do = resume if is_resumed else begin

    def work(caller: "Caller") -> Run:
        with only_ours():  # what `progress` raises passes as it is
            return do(given, caller)

    run = trained_apart(work, progress, started)
    with only_ours():
        return TrainedRun.of(run)


def _given(corpus: tuple[PathLike, ...], settings: Mapping[str, Any]) -> dict[str, Any]:
    """The settings that were set, as the command line has them."""
    check_names("train", settings, _OF_A_RUN)
    values = {
        name: os.fspath(value) if isinstance(value, os.PathLike) else value
        for name, value in numbers_as_texts(settings).items()
        if value is not None
    }
    if corpus:
        values["corpus"] = tuple(os.fspath(path) for path in corpus)
    return values | {"quiet": True, "processes": 1}
