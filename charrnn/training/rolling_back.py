"""Restores a run from a checkpoint: to resume it, or to roll back after divergence."""

from pathlib import Path

from charrnn.config.declaration import shortened
from charrnn.errors import CheckpointError
from charrnn.runs.checkpoint import Checkpoint
from charrnn.runs.recovery import recover
from charrnn.runs.report import Display
from charrnn.training.run_state import RunState
from charrnn.training.saving import Saver
from charrnn.training.updates import Updates


class RollingBack:
    """Returns to earlier checkpoints.

    Args:
        state: the run.
        saver: where its files are.
        updates: where it is between two of them.
        display: is told of a return.
    """

    def __init__(self, state: RunState, saver: Saver, updates: Updates, display: Display) -> None:
        self.state, self.saver, self.updates, self.display = state, saver, updates, display

    def restore(self, checkpoint: Checkpoint) -> None:
        """Go on from a checkpoint of this run.

        Raises:
            CheckpointError: it is one of another run.
        """
        run = self.saver.run
        try:
            self.state.restore(checkpoint)
        except (KeyError, ValueError, RuntimeError) as error:
            raise misfit(run.folder, error) from error
        self.updates.begin()
        self.saver.step = checkpoint.progress.step
        with self.saver.forgiving("metrics"):
            run.drop_metrics_after(checkpoint.progress.step)

    def roll_back(self, why: str) -> None:
        """Go back to the last good checkpoint, with half the learning rate.

        Raises:
            DivergenceError: the run went back often enough.
        """
        trainer, divergence = self.state.trainer, self.state.divergence
        step, share = trainer.step, divergence.roll_back(why)
        counted, found = divergence.numbers(), recover(self.saver.run)
        self.restore(found.checkpoint)
        if trainer.world is not None:
            trainer.world.go_back(found.path)
        divergence.restore(counted)
        self.updates.begin()
        trainer.rate_factor = share
        for notice in found.notices:
            self.display.note(notice)
        self.display.note(
            f"training diverged at step {step:,}: {why}; back to step {trainer.step:,}, "
            f"with {share:g} times the learning rate"
        )


def misfit(folder: Path, error: Exception) -> CheckpointError:
    """What to say of a checkpoint that is of another run."""
    lacks = "it lacks " if isinstance(error, KeyError) else ""
    reason = shortened(f"{lacks}{error}")
    return CheckpointError(f"the checkpoint does not fit the run in {folder}: {reason}; begin the run anew")
