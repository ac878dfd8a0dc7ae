"""Training a run to its end, and reporting the result."""

import shlex
from collections.abc import Mapping
from pathlib import Path

from rich.console import Console
from rich.text import Text

from charrnn.commands.answering import COMMANDS
from charrnn.display.sanitizer import visible
from charrnn.display.tables import two_columns
from charrnn.display.units import clock, in_full
from charrnn.runs.checkpoint_facts import Progress
from charrnn.runs.summary import examine
from charrnn.training.machine import denormals_flushed
from charrnn.training.memory import memory_explained
from charrnn.training.session import Session


def finish(session: Session, checkpoint: Path) -> Progress:
    """Train to the end.

    Args:
        session: what to train.
        checkpoint: what it goes on from, for other processes to do so as well.
    """
    plan, world = session.setup.plan, session.trainer.world
    if world is not None:
        with session.stops.shield():
            world.begin(session.run.folder, checkpoint, plan.settings)
    with denormals_flushed(), memory_explained(plan):
        return session.learn()


def tell(progress: Progress, folder: Path, *, quiet: bool) -> None:
    """Say what came of the run, and what to do with it."""
    if quiet:
        return
    best = progress.figure
    figure = "" if best is None else f"; best validation {in_full(best)} at step {progress.best_step:,}"
    run = examine(folder)
    command = COMMANDS[run.model.task if run.model else "language"]
    label = " --label '*'" if run.model and command == "sample" and run.model.answers else ""
    done = f"{progress.step:,} updates, {progress.epoch:.2f} epochs in {clock(progress.seconds)}"
    say(
        {
            "done": f"{done}{figure}",
            "saved": str(folder),
            "write" if command == "sample" else "use": (
                f"charrnn {command} --checkpoint {shlex.quote(str(folder))}{label}"
            ),
            "curves": run.diagnosis.text,
        }
    )


def say(lines: Mapping[str, str]) -> None:
    """Say something on standard error: in two columns, their words whole, on a terminal; else a line each."""
    console = Console(stderr=True, highlight=False)
    if console.is_terminal:
        console.print(two_columns([*lines.items()]))
    else:
        for name, text in lines.items():
            console.print(Text(f"{name:<7}{visible(text)}"), soft_wrap=True)
