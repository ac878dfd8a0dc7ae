"""What a batch is, and what every source of batches does: `windows.py` and `packed.py` hold language's.

Knows nothing of models. A source of batches is iterated without end; another iteration goes on from where
the last one was.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol, Self, TypeVar

import torch
from torch import Tensor
from torch.nn.utils.rnn import PackedSequence

from charrnn.model.packing import Packing


class Batch(Protocol):
    """What is learnt from at once; what is in it only its task knows.

    Attributes:
        fresh: (B,), true for the texts whose state starts blank; None if every text goes on.
        epoch: passes over the text that are done after this batch.
        texts: B.
        count: targets that its loss is summed over.
    """

    @property
    def fresh(self) -> Tensor | None: ...  # noqa: D102
    @property
    def epoch(self) -> float: ...  # noqa: D102
    @property
    def texts(self) -> int: ...  # noqa: D102
    @property
    def count(self) -> int: ...  # noqa: D102

    def to(self, device: torch.device) -> Self:
        """The same batch on a device."""
        ...

    def part(self, first: int, every: int) -> Self:
        """The texts `first`, `first + every` and so on of it, one at least: what one process reads."""
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
    def texts(self) -> int:
        """How many texts it has."""
        return len(self.ids) if isinstance(self.ids, Tensor) else int(self.ids.batch_sizes[0])

    @property
    def count(self) -> int:
        """How many symbols are predicted."""
        return self.target_data.numel()

    def to(self, device: torch.device) -> "NextSymbols":
        """The same batch on a device."""
        fresh = None if self.fresh is None else self.fresh.to(device)
        return NextSymbols(_to(self.ids, device), _to(self.targets, device), fresh, self.epoch)

    def part(self, first: int, every: int) -> "NextSymbols":
        """Some of its texts."""
        fresh = None if self.fresh is None else self.fresh[first::every]
        ids, targets = (part_of(symbols, first, every) for symbols in (self.ids, self.targets))
        return NextSymbols(ids, targets, fresh, self.epoch)


Symbols = TypeVar("Symbols", Tensor, PackedSequence, Tensor | PackedSequence)


def part_of(symbols: Symbols, first: int, every: int) -> Symbols:
    """The texts `first`, `first + every` and so on: the longest of these come first, too."""
    if isinstance(symbols, Tensor):
        return symbols[first::every]
    sizes = symbols.batch_sizes
    is_of_part = torch.from_numpy(Packing(sizes.numpy()).texts % every == first)
    own_sizes = torch.div(sizes - first + every - 1, every, rounding_mode="floor")
    return PackedSequence(symbols.data[is_of_part], own_sizes[own_sizes > 0])


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
