"""Spans of a text, the needle text, that stand word for word in a far longer one that passes by in blocks.

A span c of length L has the hash sum over j < L of c[j] B^j, modulo 2^64 (Karp and Rabin 1987). With the
running sums S[i] = sum over j < i of c[j] B^j, the hash of the span from i is (S[i+L] - S[i]) / B^i: three
operations on whole arrays for all spans of one length, whatever it is. B is odd, so 1 / B^i exists. Hashes
only propose: what is reported was compared code by code. Knows nothing of text, models or files.
"""

from functools import cached_property

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

Codes = NDArray[np.uint32]
Places = NDArray[np.intp]

_BASE = 0x9E3779B97F4A7C15
"""2^64 divided by the golden ratio: odd, with ones and zeros in no pattern."""

_INVERSE = pow(_BASE, -1, 2**64)

_COMPARED_CODES = 2**22
"""Codes that are compared at once at most, which bounds the memory it takes."""

_SMALLEST_FILTER_BITS, _LARGEST_FILTER_BITS = 16, 24


class Hashed:
    """Codes whose spans can be hashed.

    Attributes:
        codes: (n,)
    """

    def __init__(self, codes: Codes) -> None:
        self.codes = codes
        self._sums = np.zeros(len(codes) + 1, np.uint64)
        np.cumsum(codes * _powers(_BASE, len(codes)), out=self._sums[1:])

    @cached_property
    def _inverses(self) -> NDArray[np.uint64]:
        return _powers(_INVERSE, len(self.codes) + 1)

    def spans(self, length: int) -> NDArray[np.uint64]:
        """The hash of the span of this length from each place on, as many as there are."""
        hashes: NDArray[np.uint64] = self._sums[length:] - self._sums[: max(0, len(self._sums) - length)]
        hashes *= self._inverses[: len(hashes)]
        return hashes

    def between(self, starts: Places, stops: Places) -> NDArray[np.uint64]:
        """The hash of each of these spans."""
        hashes: NDArray[np.uint64] = (self._sums[stops] - self._sums[starts]) * self._inverses[starts]
        return hashes


class Needles:
    """All spans of one length of a text, to be met in another.

    Attributes:
        met: for each place of the text, whether the span from there on was met.
    """

    def __init__(self, text: Hashed, length: int) -> None:
        hashes = text.spans(length)
        self.met = np.zeros(len(hashes), np.bool_)
        self._codes, self._length = text.codes, length
        self._order = np.argsort(hashes, kind="stable")
        self._sorted = hashes[self._order]
        bits = min(max(_SMALLEST_FILTER_BITS, len(hashes).bit_length() + 4), _LARGEST_FILTER_BITS)
        self._shift = np.uint64(64 - bits)
        self._filter = np.zeros(2**bits, np.bool_)
        self._fill()

    def _open(self) -> NDArray[np.uint64]:
        """The hashes of the spans that were not met yet, in order."""
        return self._sorted[~self.met[self._order]]

    def _fill(self) -> None:
        """Let through what may be one of those, going by the upper bits of its hash."""
        self._filter[:] = False
        self._filter[self._open() >> self._shift] = True

    def meet(self, block: Hashed) -> tuple[Places, Places]:
        """Look for the spans that were not met yet.

        Returns:
            The places in the text of those that stand in the block, and for each one place where it does.
        """
        pairs = [(np.empty(0, np.intp), np.empty(0, np.intp))]
        if len(block.codes) >= self._length:
            hashes = block.spans(self._length)
            places = np.flatnonzero(self._filter[hashes >> self._shift])
            # One place for each hash is enough, unless it is the hash of two spans that differ.
            while len(places := places[among(hashes[places], self._open())]):
                distinct, first = np.unique(hashes[places], return_index=True)
                pairs.append(self._compare(block.codes, distinct, places[first]))
                places = np.delete(places, first)
            self._fill()
        starts, stands = zip(*pairs, strict=True)
        return np.concatenate(starts), np.concatenate(stands)

    def _compare(self, codes: Codes, hashes: NDArray[np.uint64], places: Places) -> tuple[Places, Places]:
        """Compare each place of a block with the spans of its hash that were not met; the equal pairs."""
        low, high = (np.searchsorted(self._sorted, hashes, side) for side in ("left", "right"))
        counts = high - low
        ranks = np.arange(counts.sum()) - np.repeat(counts.cumsum() - counts, counts)
        starts = self._order[np.repeat(low, counts) + ranks]
        stands = np.repeat(places, counts)
        is_open = ~self.met[starts]
        starts, stands = starts[is_open], stands[is_open]
        equal = np.concatenate(
            [
                self._equal(codes, starts[first : first + step], stands[first : first + step])
                for step in [max(1, _COMPARED_CODES // self._length)]
                for first in range(0, len(starts), step)
            ]
        )
        self.met[starts[equal]] = True
        return starts[equal], stands[equal]

    def _equal(self, codes: Codes, starts: Places, stands: Places) -> NDArray[np.bool_]:
        ours, theirs = (sliding_window_view(all_codes, self._length) for all_codes in (self._codes, codes))
        same: NDArray[np.bool_] = (ours[starts] == theirs[stands]).all(axis=1)
        return same


def among(values: NDArray[np.uint64], ordered: NDArray[np.uint64]) -> NDArray[np.bool_]:
    """Whether each value is one of those in ascending order; `numpy.isin` is far slower on hashes."""
    if not len(ordered):
        return np.zeros(len(values), np.bool_)
    slots = np.minimum(np.searchsorted(ordered, values), len(ordered) - 1)
    same: NDArray[np.bool_] = ordered[slots] == values
    return same


def _powers(base: int, count: int) -> NDArray[np.uint64]:
    """1, base, base^2, ... modulo 2^64."""
    powers = np.full(count, base, np.uint64)
    powers[:1] = 1
    return np.multiply.accumulate(powers, out=powers)
