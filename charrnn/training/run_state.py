"""The state of a run between two updates, to and from a checkpoint: the states of all its parts.

Knows nothing of files.
"""

from dataclasses import replace

import numpy as np
import torch

from charrnn import __version__
from charrnn.config.declaration import flat
from charrnn.config.settings import IN_THE_CHECKPOINT
from charrnn.runs.checkpoint import Checkpoint
from charrnn.runs.checkpoint_facts import Progress
from charrnn.runs.training_state import TrainingState
from charrnn.training import snapshot
from charrnn.training.divergence import Divergence
from charrnn.training.reporting import Reporting
from charrnn.training.setup import Setup
from charrnn.training.validating import Validating


class RunState:
    """All that a run goes on with; to look at it changes nothing.

    Args:
        setup: what the run is made of.
        reporting: how learning went lately.
        validating: what was measured.
        divergence: what went wrong.

    Attributes:
        finished: whether it came to its end.
    """

    def __init__(
        self, setup: Setup, reporting: Reporting, validating: Validating, divergence: Divergence
    ) -> None:
        self.setup, self.trainer = setup, setup.trainer
        self.reporting, self.validating, self.divergence = reporting, validating, divergence
        self.finished = False

    @property
    def progress(self) -> Progress:
        """How far it has come."""
        best, best_step = self.validating.best
        return Progress(
            step=self.trainer.step,
            epoch=self.trainer.epoch,
            characters_seen=self.reporting.characters_seen,
            seconds=round(self.trainer.budget.clock(), 3),
            training_nats_per_character=self.reporting.nats_per_character,
            validation_nats_per_character=self.validating.value,
            best_validation_nats_per_character=best,
            best_step=best_step,
            finished=self.finished,
            unit=self.trainer.task.unit,
        )

    def model(self) -> Checkpoint:
        """What one needs to share the model as it stands: the averaged weights, and numbers."""
        setup = self.setup
        numbers = {
            **snapshot.numbers(self.trainer),
            "session": self.validating.numbers() | self.reporting.numbers(),
            "divergence": self.divergence.numbers(),
        }
        return Checkpoint(
            architecture=setup.plan.architecture,
            vocabulary=setup.vocabulary,
            reading=setup.plan.settings.reading,
            corpus=setup.corpus,
            progress=self.progress,
            settings={n: v for n, v in flat(setup.plan.settings).items() if n in IN_THE_CHECKPOINT},
            weights=self.trainer.averaged.weights(),
            versions={"charrnn": __version__, "torch": torch.__version__, "numpy": np.__version__},
            training=TrainingState(numbers),
            task=self.trainer.task.name,
            answers=setup.answers,
        )

    def checkpoint(self) -> Checkpoint:
        """All that the run needs to go on: beside the model, what its trainer moves it with."""
        model, taken = self.model(), snapshot.take(self.trainer)
        return replace(model, training=replace(taken, numbers=model.training.numbers))

    def restore(self, checkpoint: Checkpoint) -> None:
        """Go on from a checkpoint.

        Raises:
            KeyError, ValueError, RuntimeError: it is one of another run.
        """
        numbers, progress = checkpoint.training.numbers, checkpoint.progress
        is_moved = checkpoint.settings.get("device") != self.setup.plan.settings.machine.device
        snapshot.put_back(self.trainer, checkpoint.weights, checkpoint.training, is_moved=is_moved)
        self.divergence.restore(numbers["divergence"])
        self.validating.restore(numbers["session"], progress)
        self.reporting.restore(numbers["session"], progress)
        self.finished = False
