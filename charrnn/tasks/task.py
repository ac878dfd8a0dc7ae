"""The interface of a task: everything that training needs from it.

A task builds its network, turns text into batches and batches into losses, computes the validation score and
shows examples of the network's output. Trainer, checkpoints and display know nothing else about it.
`language.py` is one task.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor

from charrnn.model.layer import State
from charrnn.model.network import Network
from charrnn.tasks.batches import Batches


@dataclass(frozen=True)
class Loss:
    """What a batch cost: a sum with its count, never a mean.

    Means are taken once, at the end, and stay right for texts of different lengths.

    Attributes:
        nats: the sum of -ln p(target).
        count: targets it was summed over.
        state: what the next batch goes on from; empty where nothing is carried.
    """

    nats: Tensor
    count: int
    state: State


class Score(Protocol):
    """How good a network is on what is held out."""

    @property
    def value(self) -> float:
        """The figure, 0 or more; what is not finite has diverged."""
        ...

    @property
    def unit(self) -> str:
        """What it counts, as a name: `nats_per_character`."""
        ...

    @property
    def fitted(self) -> Mapping[str, float]:
        """What was fitted where it was measured, by name: it is kept with the weights that it belongs to."""
        ...

    def better_than(self, value: float) -> bool:
        """Whether another figure of the same kind is worse."""
        ...


class Task(Protocol):
    """What a network is trained to do.

    The networks, batches and parts of text that it is given are of its own kinds.
    """

    @property
    def name(self) -> str:
        """As a checkpoint keeps it."""
        ...

    @property
    def unit(self) -> str:
        """What its score counts, as `Score.unit` has it."""
        ...

    def network(self, architecture: Any, dropout: float, generator: torch.Generator) -> Network:  # noqa: ANN401
        """A network that has learnt nothing: its trunks, and what this task computes from them.

        Args:
            architecture: cell and sizes.
            dropout: dropout probability.
            generator: the random numbers of initialisation and dropout.
        """
        ...

    def batches(self, part: Any, *, batch_size: int, sequence_length: int, seed: int) -> Batches:  # noqa: ANN401
        """What to learn from, batch by batch without end.

        Args:
            part: of the text.
            batch_size: texts side by side.
            sequence_length: the most steps of one batch.
            seed: of their order.
        """
        ...

    def loss(self, network: Any, batch: Any, state: State | None) -> Loss:  # noqa: ANN401
        """What a batch costs, as part of the graph.

        Args:
            network: which learns.
            batch: one of its batches, on its device.
            state: the state to go on from; None starts blank.
        """
        ...

    def score(self, network: Any, part: Any) -> Score:  # noqa: ANN401
        """Score a held-out part of the text; the network is left in the mode it was in."""
        ...

    def reading_cost(self, part: Any) -> float:  # noqa: ANN401
        """How long scoring a part takes, compared with other parts of the same text."""
        ...

    def examples(self, network: Any, part: Any) -> str:  # noqa: ANN401
        """What the network does now, for people to see.

        Args:
            network: which learns.
            part: of the text, that it may be shown on: what is held out, or else what is learnt from.

        Raises:
            CheckpointError: what it computes is not finite.
        """
        ...
