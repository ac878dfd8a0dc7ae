"""What hangs on a cell of a model that answers: by how much right answers cost more with it at its mean.

An answer is a label, a tag, or a symbol of a target. Intervals are of examples drawn again and again. No
torch.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from charrnn.decoding.cells import Array
from charrnn.decoding.network import Held
from charrnn.evaluation.answer_costs import AnswerCosts, Answering, answer_costs
from charrnn.inspection.ablation import Rise, rise
from charrnn.inspection.activations import Tell
from charrnn.text.parts import TaskPart


@dataclass(frozen=True)
class AnswerUse:
    """What taking a cell away costs.

    Attributes:
        nats: (R,) more for the answers of each example.
        answers: (R,) how many it has.
    """

    nats: NDArray[np.float64]
    answers: NDArray[np.int64]

    def rise(self, where: NDArray[np.bool_] | None = None) -> Rise | None:
        """By how many bits an answer costs more, over all; None of a part: answers are of whole texts."""
        if where is not None:
            return None
        return rise(self.nats[:, None], self.answers[:, None], np.random.default_rng(0))


def answer_uses(
    model: Answering, part: TaskPart, means: Array, columns: Sequence[int], tell: Tell | None = None
) -> dict[int, AnswerUse]:
    """What taking away each of some cells costs, by its column.

    Args:
        model: what answers.
        part: the examples.
        means: (C,) what cells are held at.
        columns: the cells.
        tell: is told how many more symbols were read.
    """

    def cost(held: Sequence[Held] = ()) -> AnswerCosts:
        found = answer_costs(model, part, held)
        if tell is not None:
            tell(part.symbols)
        return found

    width = model.architecture.width
    as_it_is, uses = cost(), dict[int, AnswerUse]()
    for column in columns:
        layer, cell = divmod(column, width)
        without = cost([Held(layer, np.array([cell]), means[column : column + 1])])
        uses[column] = AnswerUse(without.nats - as_it_is.nats, as_it_is.answers)
    return uses
