"""The optimizers: one record for each, with its properties, without any computation.

How they move parameters stands in `training/optimizers.py`. Knows nothing of torch or numpy.
"""

from collections.abc import Callable
from dataclasses import dataclass

from charrnn.model.cells import Cell


@dataclass(frozen=True)
class OptimizerFacts:
    """What an optimizer takes, and what is chosen where it moves the recurrent matrices.

    Attributes:
        averages: what it remembers of a parameter, in arrays of its shape.
        counts: what it remembers of a parameter, in single numbers.
        working_copies: copies of a matrix that are there at once while it is moved.
        learning_rate: the highest for a cell, where none is set.
        decays: whether there is weight decay where none is set.
    """

    averages: tuple[str, ...]
    counts: tuple[str, ...]
    working_copies: int
    learning_rate: Callable[[Cell], float]
    decays: bool

    @property
    def arrays(self) -> tuple[str, ...]:
        """All that it remembers of a parameter."""
        return self.averages + self.counts


OPTIMIZERS = {
    "muon": OptimizerFacts(
        averages=("momentum",),
        counts=(),
        working_copies=3,
        learning_rate=lambda cell: cell.muon_learning_rate,
        decays=True,
    ),
    "adamw": OptimizerFacts(
        averages=("exp_avg", "exp_avg_sq"),
        counts=("step",),
        working_copies=1,
        learning_rate=lambda _: 0.004,
        decays=False,
    ),
}
"""Each optimizer by the name that `--optimizer` has for it."""


def optimizer_of(parameter: str, optimizer: str) -> str:
    """Which optimizer moves a parameter: the one that was asked for has the matrices between hidden units.

    These are called `…_weight`: those of recurrent layers, and what joins two trunks. Those of embeddings and
    outputs, of which each symbol has a row, are called `….weight`.
    """
    return optimizer if parameter.endswith("_weight") else "adamw"
