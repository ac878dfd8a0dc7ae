"""How many processes `charrnn train` runs in. Loads torch only to count GPUs."""

from collections.abc import Mapping
from typing import Any

from charrnn.config.declaration import build, shortened
from charrnn.config.settings import MachineSettings
from charrnn.errors import CharRNNError, UsageError
from charrnn.runs.folder import Run, named, read_config
from charrnn.runs.recovery import newest_unfinished
from charrnn.training.launcher import Place


def with_processes(values: Mapping[str, Any], here: Place | None, *, is_typed: bool) -> dict[str, Any]:
    """The settings with the number of processes; those of a run that its launcher starts again go on with it.

    Args:
        values: the settings that were set, by name.
        here: where this process stands, if a launcher has started it.
        is_typed: whether the number comes from the command line.

    Raises:
        UsageError: a number is asked for where torchrun says how many there are.
    """
    asked = values.get("processes")
    if here is not None:
        if is_typed and not here.is_ours:
            raise UsageError(
                f"--processes is {shortened(str(asked))}, but torchrun has already started {here.size}; "
                "leave it out, and give torchrun --nproc-per-node"
            )
        resumes = bool(values.get("resume")) or (here.restarts > 0 and _has_begun(values))
        return {**values, "processes": here.size, "resume": resumes}
    if asked == "auto":
        asked = _gpus(values.get("device", "auto"))
    elif asked is None:
        asked = _begun_with(values) if values.get("resume") else 1
    return {**values, "processes": build(MachineSettings, {"processes": asked}).processes}


def _gpus(device: str) -> int:
    """One process for each GPU; one where there is none."""
    import torch

    return max(1, torch.cuda.device_count()) if device in {"auto", "cuda"} else 1


def _has_begun(values: Mapping[str, Any]) -> bool:
    """Whether the run that is to be started is there already: it was started before."""
    if "run" in values:
        return Run(named(values["run"])).last.exists()
    try:
        return bool(read_config(str(newest_unfinished().config))["corpus"] == values.get("corpus"))
    except CharRNNError:
        return False


def _begun_with(values: Mapping[str, Any]) -> int:
    """How many processes the run had that goes on, as far as there are GPUs for them."""
    try:
        run = Run(named(values["run"])) if "run" in values else newest_unfinished()
        found = read_config(str(run.config))
    except CharRNNError:  # what is wrong with it is said where it is read
        return 1
    processes, device = int(found.get("processes", 1)), values.get("device", found.get("device"))
    return min(processes, _gpus("cuda")) if processes > 1 and device == "cuda" else processes
