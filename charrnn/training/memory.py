"""The memory and disk space that training needs, and which setting to lower if memory is too small.

Knows nothing of files or text.
"""

import math
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch

from charrnn.errors import ResourceError, is_out_of_memory
from charrnn.model.optimizer_facts import OPTIMIZERS
from charrnn.training.plan import Plan


def weights_bytes(plan: Plan) -> int:
    """Weights, their average, gradients, momentum, and what an update of the largest matrix computes."""
    network, optimizer = plan.architecture, OPTIMIZERS[plan.settings.recipe.optimizer]
    largest = max(math.prod(shape) for shape in network.shapes().values())
    kept = (3 + len(optimizer.averages)) * network.parameters
    return 4 * (kept + optimizer.working_copies * largest)


def batch_bytes(plan: Plan) -> int:
    """What the backward pass needs of the forward pass: gates and states, logits and their softmax."""
    network, recipe = plan.architecture, plan.settings.recipe
    numbers = 3 * (network.layers * network.gates * network.hidden + network.symbols)
    return 4 * recipe.batch_size * recipe.sequence_length * numbers


_WORKING_BYTES = 10**8
"""What the libraries take of their own for a first update."""


def needed_bytes(plan: Plan) -> int:
    """What training takes, roughly."""
    return _WORKING_BYTES + weights_bytes(plan) + batch_bytes(plan)


STATE_BYTES, BEST_BYTES = 16, 4
"""Of disk for each parameter: weights, their average and what moves them; and of the best, its weights."""


def checkpoints_bytes(plan: Plan) -> int:
    """What the checkpoints of a run take on disk: the last, the one before, the best."""
    return (2 * STATE_BYTES + BEST_BYTES) * plan.architecture.parameters


def space_bytes(plan: Plan) -> int:
    """The same while a third state is written beside the last and the one before."""
    return checkpoints_bytes(plan) + STATE_BYTES * plan.architecture.parameters


def free_bytes() -> float:
    """The memory that this program may still take; where there is no telling, the allocation itself fails."""
    return min(_free_of_machine(), _free_of_group(), _free_of_process())


def _free_of_machine() -> float:
    """What the system can give: on Linux it says so, elsewhere at most all that there is."""
    try:
        said = Path("/proc/meminfo").read_text(encoding="ascii")
        return 1024.0 * int(re.findall(r"^MemAvailable: +([0-9]+) kB", said, re.MULTILINE)[0])
    except (OSError, IndexError):
        return (
            os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") if hasattr(os, "sysconf") else math.inf
        )


def _free_of_group() -> float:
    """What the control groups leave that the process is in, as containers have them; of both versions."""
    try:
        lines = Path("/proc/self/cgroup").read_text(encoding="utf-8").splitlines()
    except OSError:
        return math.inf
    free = math.inf
    for line in lines:
        _, kinds, inside = line.split(":", 2)
        version = _GROUPS.get(kinds)
        if version is not None:
            root, limit, used = version
            place = root / inside.lstrip("/")
            folders = [folder for folder in (place, *place.parents) if folder.is_relative_to(root)]
            free = min([free, *(_left(folder / limit, folder / used) for folder in folders)])
    return free


_GROUPS = {
    "": (Path("/sys/fs/cgroup"), "memory.max", "memory.current"),
    "memory": (Path("/sys/fs/cgroup/memory"), "memory.limit_in_bytes", "memory.usage_in_bytes"),
}


def _left(limit: Path, used: Path) -> float:
    """What a control group has left: all it may have, but for what its programs hold and cannot give back."""
    try:
        most = int(limit.read_text(encoding="ascii"))
        taken = int(used.read_text(encoding="ascii"))
        stat = used.with_name("memory.stat").read_text(encoding="ascii")
        cached = re.findall("^(?:total_)?inactive_file ([0-9]+)$", stat, re.MULTILINE)
        return most - taken + int(cached[-1] if cached else 0)
    except (OSError, ValueError):  # no limit is the word max
        return math.inf


def _free_of_process() -> float:
    """What the limit of its address space (`ulimit -v`) leaves."""
    try:
        import resource

        limit = resource.getrlimit(resource.RLIMIT_AS)[0]
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
    except (ImportError, OSError):
        return math.inf
    return math.inf if limit == resource.RLIM_INFINITY else limit - pages * resource.getpagesize()


def fits(plan: Plan) -> bool:
    """Whether there is enough memory left."""
    return needed_bytes(plan) <= free_bytes()


def check_fits(plan: Plan) -> None:
    """Refuse what could not be trained here, before memory is taken.

    Raises:
        ResourceError: it takes more memory than there is left.
    """
    if not fits(plan):
        raise ResourceError(
            f"a network of {plan.architecture.parameters:,} parameters needs about "
            f"{needed_bytes(plan) / 1e9:,.1f} GB to train with batches of {_batch(plan)}, "
            f"but there are {max(0.0, free_bytes()) / 1e9:,.1f} GB of memory free; {advice(plan)}"
        )


@contextmanager
def memory_explained(plan: Plan) -> Iterator[None]:
    """Say what to lower when memory runs out.

    Raises:
        ResourceError: it did.
    """
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        if not isinstance(error, torch.OutOfMemoryError) and not is_out_of_memory(error):
            raise
        raise ResourceError(
            f"memory is full: {plan.architecture.parameters:,} parameters, batches of {_batch(plan)}; "
            f"{advice(plan)}"
        ) from error


def advice(plan: Plan) -> str:
    """The setting that takes most."""
    if weights_bytes(plan) > batch_bytes(plan):
        return f"lower --hidden, now {plan.architecture.hidden:,}, or --layers"
    return f"lower --batch-size, now {plan.settings.recipe.batch_size:,}, or --sequence-length"


def _batch(plan: Plan) -> str:
    recipe = plan.settings.recipe
    return f"{recipe.batch_size:,} × {recipe.sequence_length:,} symbols"
