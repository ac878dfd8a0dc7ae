"""What training takes in memory, and what to lower where that is too much. Knows nothing of files or text."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

import torch

from charrnn.errors import ResourceError
from charrnn.learning.plan import Plan

_ALLOCATORS_SAY = ("can't allocate memory", "not enough memory", "out of memory")
"""PyTorch's allocators raise RuntimeError with these words."""


def weights_bytes(plan: Plan) -> int:
    """Weights, their average, gradients and momentum, 4 bytes each: the least that any optimizer takes."""
    return 16 * plan.architecture.parameters


def batch_bytes(plan: Plan) -> int:
    """What the backward pass needs of the forward pass: gates and states, logits and their softmax."""
    network = plan.architecture
    numbers = network.layers * (network.gates + 1) * network.hidden + 2 * network.symbols
    return 4 * plan.batch_size * plan.sequence_length * numbers


def fits(plan: Plan) -> bool:
    """Whether this machine's memory holds the least that it takes."""
    return needed_bytes(plan) <= memory_bytes()


def needed_bytes(plan: Plan) -> int:
    """The least that training takes."""
    return weights_bytes(plan) + batch_bytes(plan)


def memory_bytes() -> float:
    """This machine's memory; on Windows there is no telling, and the allocation itself fails."""
    if not hasattr(os, "sysconf"):
        return float("inf")
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")


def check_fits(plan: Plan) -> None:
    """Refuse what this machine could not train, before memory is taken.

    Raises:
        ResourceError: the least that it takes is more than its memory.
    """
    if not fits(plan):
        raise ResourceError(
            f"a network of {plan.architecture.parameters:,} parameters needs "
            f"{needed_bytes(plan) / 1e9:,.0f} GB or more to train with batches of {_batch(plan)}, "
            f"but this machine has {memory_bytes() / 1e9:,.0f} GB; {advice(plan)}"
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
        said = isinstance(error, MemoryError | torch.OutOfMemoryError)
        if not said and not any(words in str(error) for words in _ALLOCATORS_SAY):
            raise
        raise ResourceError(
            f"memory is full: {plan.architecture.parameters:,} parameters, batches of {_batch(plan)}; "
            f"{advice(plan)}"
        ) from error


def advice(plan: Plan) -> str:
    """The setting that takes most."""
    if weights_bytes(plan) > batch_bytes(plan):
        return f"lower --hidden, now {plan.architecture.hidden:,}, or --layers"
    return f"lower --batch-size, now {plan.batch_size:,}, or --sequence-length"


def _batch(plan: Plan) -> str:
    return f"{plan.batch_size:,} × {plan.sequence_length:,} symbols"
