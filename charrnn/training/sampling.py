"""Shows samples from the network at intervals during training."""

import time

from charrnn.config.values import steps_or_seconds
from charrnn.errors import CheckpointError
from charrnn.runs.report import Display
from charrnn.training.divergence import NotFinite
from charrnn.training.saving import Saver
from charrnn.training.schedule import Interval
from charrnn.training.setup import Setup

FIRST_SAMPLE_SECONDS = 8.0
"""After the start of the run, or a second after the first update: whoever watches sees what it is about.
Samples have random numbers of their own, so that no weight depends on when they are written."""

SAMPLE_SHARE = 0.05
"""Of the time, that samples take at most where their interval is a time: a large network writes slowly."""


class Sampling:
    """Samples, in the run's folder and on its display.

    Args:
        setup: what the run is made of.
        saver: where samples go.
        display: what shows them.

    Attributes:
        seconds: that the last one took; 0 before.
    """

    def __init__(self, setup: Setup, saver: Saver, display: Display) -> None:
        self.trainer, self.saver, self.display = setup.trainer, saver, display
        self.part = setup.validation or setup.training
        self.interval = Interval(*steps_or_seconds(setup.plan.settings.output.sample_every))
        self.seconds = 0.0

    def begin(self) -> None:
        """Before the first update of this process: let the first sample come soon."""
        self.interval.restart()
        self.interval.hasten(max(1.0, FIRST_SAMPLE_SECONDS - self.trainer.budget.clock()))

    def sample(self) -> None:
        """Show what the averaged network does after the last update.

        Raises:
            NotFinite: what it predicts is not finite.
        """
        began = time.monotonic()
        try:
            text = self.trainer.task.examples(self.trainer.averaged, self.part)
        except CheckpointError as error:
            raise NotFinite(str(error)) from error
        title = f"step {self.trainer.step:,}"
        with self.saver.forgiving("samples"):
            self.saver.run.add_sample(title, text)
        self.display.sample(title, text)
        self.seconds = time.monotonic() - began
        self.interval.restart()
        if self.interval.seconds is not None:
            self.interval.seconds = max(self.interval.seconds, self.seconds / SAMPLE_SHARE)
