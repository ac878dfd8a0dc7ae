"""What a batch is, and what every source of batches does: `windows.py` and `packed.py` hold language's.

Knows nothing of models. A source of batches is iterated without end; another iteration goes on from where
the last one was.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor
from torch.nn.utils.rnn import PackedSequence


class Batch(Protocol):
    """What is learnt from at once; what is in it only its task knows.

    Attributes:
        fresh: (B,), true for the texts whose state starts blank; None if every text goes on.
        epoch: passes over the text that are done after this batch.
    """

    @property
    def fresh(self) -> Tensor | None: ...  # noqa: D102
    @property
    def epoch(self) -> float: ...  # noqa: D102

    def to(self, device: torch.device) -> "Batch":
        """The same batch on a device."""
        ...


@dataclass(frozen=True)
class NextSymbols:
    """A batch of symbols, and for each the one that follows it.

    Attributes:
        ids: (B, T), or N symbols of texts of different lengths, packed, longest first.
        targets: the same, one symbol on.
        fresh: (B,), true for the texts whose state starts blank; None if every text goes on.
        epoch: passes over the text that are done after this batch.
    """

    ids: Tensor | PackedSequence
    targets: Tensor | PackedSequence
    fresh: Tensor | None
    epoch: float

    @property
    def target_data(self) -> Tensor:
        """The targets as one tensor, (B, T) or (N,)."""
        return self.targets.data

    @property
    def count(self) -> int:
        """How many symbols are predicted."""
        return self.target_data.numel()

    def to(self, device: torch.device) -> "NextSymbols":
        """The same batch on a device."""
        fresh = None if self.fresh is None else self.fresh.to(device)
        return NextSymbols(_to(self.ids, device), _to(self.targets, device), fresh, self.epoch)


def _to(symbols: Tensor | PackedSequence, device: torch.device) -> Tensor | PackedSequence:
    if isinstance(symbols, Tensor):
        return symbols.to(device)
    return PackedSequence(symbols.data.to(device), symbols.batch_sizes)


class Batches(Protocol):
    """Batches without end."""

    def __iter__(self) -> Iterator[Batch]:
        """Go on from where it is."""
        ...

    def steps(self, epochs: float) -> int:
        """How many batches so many passes over the text take."""
        ...

    def numbers(self) -> dict[str, float]:
        """Where it is."""
        ...

    def restore(self, numbers: Mapping[str, float]) -> None:
        """Go to where `numbers` was; what was iterating before is to be iterated anew."""
        ...

    def texts_going_on(self) -> int:
        """How many texts of the next batch go on from a state."""
        ...
