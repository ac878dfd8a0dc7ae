"""Packed batches: where the steps of texts of different lengths are, the longest text first.

All texts' first steps come before their second ones. Lengths 5, 3 and 2 of texts a, b and c lie so:

    row     0  1  2  3  4  5  6  7  8  9          sizes  3 3 2 1 1
    step    a1 b1 c1 a2 b2 c2 a3 b3 a4 a5
    turned  a5 b3 c2 a4 b2 c1 a3 b1 a2 a1

Knows nothing of torch or of what is read.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Self

import numpy as np
from numpy.typing import NDArray

Rows = NDArray[np.int64]


@dataclass(frozen=True)
class Packing:
    """The order of N rows.

    Attributes:
        sizes: (T,) how many texts still run at each step, never more than at the one before.
    """

    sizes: Rows

    @classmethod
    def of(cls, lengths: Rows) -> Self:
        """The packing of texts of such lengths, one at least, the longest first."""
        return cls(len(lengths) - np.searchsorted(lengths[::-1], np.arange(int(lengths[0])), "right"))

    @cached_property
    def offsets(self) -> Rows:
        """(T,) the row of each step of the first text."""
        return np.cumsum(self.sizes) - self.sizes

    @cached_property
    def steps(self) -> Rows:
        """(N,) which step of its text each row is, counted from 0."""
        return np.repeat(np.arange(len(self.sizes)), self.sizes)

    @cached_property
    def texts(self) -> Rows:
        """(N,) which text each row is of."""
        return np.arange(len(self.steps)) - self.offsets[self.steps]

    @cached_property
    def lengths(self) -> Rows:
        """(B,) of each text."""
        return np.bincount(self.texts)

    @property
    def last_rows(self) -> Rows:
        """(B,) the row of each text's last step."""
        return self.offsets[self.lengths - 1] + np.arange(len(self.lengths))

    @property
    def neighbours(self) -> tuple[Rows, Rows]:
        """The rows of all steps but the texts' last ones, and for each that of the step after it."""
        after = np.arange(int(self.sizes[0]), len(self.steps))
        return self.offsets[self.steps[after] - 1] + self.texts[after], after

    @cached_property
    def turned(self) -> Rows:
        """(N,) for each row that of the same step counted from its text's end; twice, it is where it was."""
        rows: Rows = self.offsets[self.lengths[self.texts] - 1 - self.steps] + self.texts
        return rows

    def only(self, kept: NDArray[np.bool_]) -> tuple[Rows, Self, Rows]:
        """Some of its rows, packed by themselves; a text of which none is kept is left out.

        Args:
            kept: (N,)

        Returns:
            Which rows they are, in their new order; how these are packed; and which text each one there was.
        """
        rows = np.flatnonzero(kept)
        rows = rows[np.argsort(self.texts[rows], kind="stable")]  # text by text
        counts = np.bincount(self.texts[rows], minlength=len(self.lengths))
        begins = np.cumsum(counts) - counts
        order = np.argsort(-counts, kind="stable")[: int((counts > 0).sum())]
        packing = self.of(counts[order]) if len(order) else type(self)(np.empty(0, np.int64))
        return rows[begins[order][packing.texts] + packing.steps], packing, order
