"""What a translation is made of: the symbols of targets and their ids. Knows nothing of models or torch.

A symbol is a character, or what stands between blanks, such as a phoneme. Id 0 is the end mark, so that the
symbols, in ascending order, have the ids from 1 on.
"""

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

UNITS = ("chars", "spaces")
"""What one symbol is: a character, or what stands between blanks."""

LONGEST_SYMBOL = 1000
"""Characters."""

END = 0
"""The id of the end mark, which stands before the first target and after each."""


@dataclass(frozen=True)
class TargetVocabulary:
    """The symbols of targets. Immutable.

    Attributes:
        symbols: distinct and ascending, none of them empty; symbol k has the id k + 1.
        unit: one of `UNITS`.
    """

    symbols: tuple[str, ...]
    unit: str = "chars"

    def __post_init__(self) -> None:
        """Check the symbols.

        Raises:
            ValueError: they are no symbols, or not in order; or there is no such unit.
        """
        check_symbols(self.symbols)
        if self.unit not in UNITS:
            raise ValueError(f"target symbols are {self.unit!r}; expected one of {', '.join(UNITS)}")

    @classmethod
    def of(cls, targets: Iterable[str], unit: str = "chars") -> "TargetVocabulary":
        """The symbols that stand in these targets."""
        return cls(tuple(sorted({symbol for target in targets for symbol in pieces(target, unit)})), unit)

    def __len__(self) -> int:
        """How many ids there are: one for each symbol, and the end mark's."""
        return len(self.symbols) + 1

    def encode(self, target: str) -> NDArray[np.int32]:
        """The ids of a target, without an end mark; a symbol that is not known has the id past the last."""
        ids = [self._ids.get(symbol, len(self)) for symbol in pieces(target, self.unit)]
        return np.array(ids, np.int32)

    def decode(self, ids: ArrayLike) -> str:
        """The text of ids, among which no end mark stands."""
        joint = " " if self.unit == "spaces" else ""
        return joint.join(self.symbols[place - 1] for place in np.asarray(ids).tolist())

    @cached_property
    def _ids(self) -> dict[str, int]:
        return {symbol: place for place, symbol in enumerate(self.symbols, 1)}


def pieces(target: str, unit: str) -> Sequence[str]:
    """The symbols of a text."""
    return target.split() if unit == "spaces" else list(target)


def check_symbols(symbols: Sequence[object]) -> None:
    """Check that values are symbols in the order of their ids: ascending, none of them twice.

    Raises:
        ValueError: they are not.
    """
    for symbol in symbols:
        if not isinstance(symbol, str) or not 0 < len(symbol) <= LONGEST_SYMBOL:
            raise ValueError(f"target symbols of 1 to {LONGEST_SYMBOL:,} characters")
    if any(str(one) >= str(other) for one, other in itertools.pairwise(symbols)):
        raise ValueError("target symbols in ascending order")
