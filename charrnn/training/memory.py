"""The memory and disk space that training needs, and which setting to lower if memory is too small.

Knows nothing of files or text.
"""

import math
from collections.abc import Iterator
from contextlib import contextmanager

import torch

from charrnn.errors import ResourceError, is_out_of_memory
from charrnn.model.optimizer_facts import OPTIMIZERS
from charrnn.runs.free_memory import free_bytes
from charrnn.training.plan import Plan


def weights_bytes(plan: Plan) -> int:
    """Weights, their average, gradients, momentum, and what an update of the largest matrix computes."""
    network, optimizer = plan.architecture, OPTIMIZERS[plan.settings.recipe.optimizer]
    largest = max(math.prod(shape) for shape in network.shapes().values())
    kept = (3 + len(optimizer.averages)) * network.parameters
    return 4 * (kept + optimizer.working_copies * largest)


def batch_bytes(plan: Plan) -> int:
    """What the backward pass needs of the forward pass: gates and states, logits and their softmax."""
    network, steps = plan.architecture, max(_usual_steps(plan), plan.longest)
    units = network.layers * len(network.directions) * network.hidden
    return 4 * (steps * 3 * (network.gates * units + network.symbols) + 3 * plan.longest_pair)


def _usual_steps(plan: Plan) -> int:
    """Of a batch, all its texts together, unless a single one is longer."""
    return plan.settings.recipe.batch_size * plan.settings.recipe.sequence_length


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


def left_bytes(plan: Plan) -> float:
    """The memory that is left where its updates are made."""
    if plan.settings.machine.device != "cuda":
        return free_bytes()
    free, _ = torch.cuda.mem_get_info()
    return free + torch.cuda.memory_reserved() - torch.cuda.memory_allocated()


def fits(plan: Plan) -> bool:
    """Whether there is enough memory left."""
    return needed_bytes(plan) <= left_bytes(plan)


def check_fits(plan: Plan) -> None:
    """Refuse what could not be trained here, before memory is taken.

    Raises:
        ResourceError: it takes more memory than there is left.
    """
    if not fits(plan):
        raise ResourceError(
            f"a network of {plan.architecture.parameters:,} parameters needs about "
            f"{needed_bytes(plan) / 1e9:,.1f} GB to train with batches of {_batch(plan)}, "
            f"but there are {max(0.0, left_bytes(plan)) / 1e9:,.1f} GB of memory free; {advice(plan)}"
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
    if plan.longest > _usual_steps(plan):
        return f"shorten the longest line, which is read whole and has {plan.longest:,} symbols"
    return f"lower --batch-size, now {plan.settings.recipe.batch_size:,}, or --sequence-length"


def _batch(plan: Plan) -> str:
    recipe = plan.settings.recipe
    return f"{recipe.batch_size:,} × {recipe.sequence_length:,} symbols"
