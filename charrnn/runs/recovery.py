"""Which checkpoint a run resumes from: the last, else the previous, else the best.

Knows nothing of torch.
"""

from dataclasses import dataclass
from pathlib import Path

from charrnn.errors import CheckpointError
from charrnn.runs.checkpoint import Checkpoint, load
from charrnn.runs.folder import RUNS, Run


@dataclass(frozen=True)
class Recovered:
    """A checkpoint that can be used.

    Attributes:
        checkpoint: what it holds.
        path: where it was.
        notices: which one it is where that is not the last, and why.
    """

    checkpoint: Checkpoint
    path: Path
    notices: tuple[str, ...]


def recover(run: Run) -> Recovered:
    """The newest checkpoint of a run that can be used.

    Raises:
        CheckpointError: there is none; the message says of each why.
    """
    reasons: list[str] = []
    for path in (run.last, run.previous, run.best):
        try:
            checkpoint = load(path)
        except CheckpointError as error:
            reasons.append(str(error).partition(";")[0])
        else:
            return Recovered(checkpoint, path, _notices(checkpoint, path, reasons))
    raise CheckpointError(
        f"{run.folder} has no checkpoint to go on from: {', '.join(reasons)}; begin the run anew"
    )


def _notices(checkpoint: Checkpoint, path: Path, reasons: list[str]) -> tuple[str, ...]:
    if not reasons:
        return ()
    alone = "" if checkpoint.training.arrays else ", which holds the weights alone: the optimizer starts anew"
    return (*reasons, f"going on from {path}, step {checkpoint.progress.step:,}{alone}")


def newest_unfinished() -> Run:
    """The run in `runs/` that was written to last and has not reached its end.

    Raises:
        CheckpointError: there is none.
    """
    runs = {file.parent for file in RUNS.glob("[!.]*/*.safetensors")}
    for folder in sorted(runs, key=_last_written, reverse=True):
        run = Run(folder)
        try:
            if not recover(run).checkpoint.progress.finished:
                return run
        except CheckpointError:  # another one may be whole
            continue
    raise CheckpointError(
        f"there is no unfinished run in {RUNS}/ here; give --run, with --steps, --epochs or --max-time to "
        "extend one that has ended"
    )


def _last_written(folder: Path) -> float:
    return max(file.stat().st_mtime for file in folder.glob("*.safetensors"))
