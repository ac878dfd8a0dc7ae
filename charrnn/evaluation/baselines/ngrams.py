"""Interpolated n-grams with modified Kneser-Ney smoothing: what counting alone predicts.

    p_n(w | c) = (C(cw) - D) / C(c) + rest(c) · p_{n-1}(w | c without its first symbol)

C counts how often cw came; below the highest order, after how many different symbols it came. The discount D
depends on whether that is 1, 2 or more; rest(c) is what the discounts leave over, so that all sums to one.
Below order 1 stands 1 / V. Source: Chen and Goodman (1999), "An empirical study of smoothing techniques for
language modeling", Computer Speech and Language 13, modified Kneser-Ney smoothing.

An n-gram's number is its place among the sorted keys of its order, and its key is the number of its context,
an n-gram of the order below, times V plus its last symbol: keys of any vocabulary fit into 64 bits.
Knows nothing of files or networks.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

ORDER = 6
"""Symbols of the longest n-grams: five that came, and the one to predict."""

BLOCK = 2**18
"""Symbols that are scored at once."""

LEAST_DISCOUNT = 0.1
USUAL_DISCOUNT = 0.5
"""Where the counts of a short or repetitive text say nothing about it."""

NONE = -1
"""The number of an n-gram that never came."""

Numbers = NDArray[np.int64]
Chances = NDArray[np.float64]
Ids = NDArray[np.integer[Any]]


@dataclass(frozen=True)
class Smoothed:
    """p(w | c) = own(cw) + rest(c) · p'(w | c without its first symbol).

    Attributes:
        own: for each n-gram, (G + 1,); the last entry, which `NONE` finds, is 0.
        rest: for each context, (C + 1,); the last entry, which `NONE` finds, is 1.
    """

    own: Chances
    rest: Chances

    def chances(self, numbers: Numbers, contexts: Numbers, lower: Chances) -> Chances:
        """The chance of each n-gram, from those of the order below."""
        return self.own[numbers] + self.rest[contexts] * lower


@dataclass(frozen=True)
class Order:
    """The n-grams of one order.

    Attributes:
        keys: (G,), ascending.
        counted: by how often each came: for the highest order of a model.
        continued: by how many symbols each came after: for the orders below.
    """

    keys: Numbers
    counted: Smoothed
    continued: Smoothed

    def numbers(self, keys: Numbers) -> Numbers:
        """The number of each n-gram, `NONE` for those that never came."""
        places = np.minimum(np.searchsorted(self.keys, keys), len(self.keys) - 1)
        return np.where(self.keys[places] == keys, places, NONE)


class NgramModel:
    """N-grams of orders 1 to N, each a model of its own.

    Args:
        ids: the text to learn from.
        symbols: V.
        end: the end mark; no context reaches back over one.
        order: N; less where no text is so long.
    """

    def __init__(self, ids: Ids, symbols: int, *, end: int | None = None, order: int = ORDER) -> None:
        self.symbols, self.end = symbols, end
        counted = list(self._counted(ids.astype(np.int64), order))
        self.orders: list[Order] = []
        contexts = 1
        for place, (keys, counts, _) in enumerate(counted):
            continued = _after(counts, counted[place + 1][2]) if place + 1 < len(counted) else counts
            parents = keys // symbols
            smoothed = [_smoothed(values, parents, contexts) for values in (counts, continued)]
            self.orders.append(Order(keys, *smoothed))
            contexts = len(keys)

    def nats(self, ids: Ids) -> Chances:
        """What a text costs, its first symbol given: a sum for each order from 0, which is uniform, to N."""
        totals = np.zeros(len(self.orders) + 1)
        for begin in range(1, len(ids), BLOCK):
            start = max(0, begin - len(self.orders) + 1)
            block = ids[start : begin + BLOCK].astype(np.int64)
            totals -= [np.log(chances[begin - start :]).sum() for chances in self.chances(block)]
        return totals

    def chances(self, ids: Numbers) -> Iterator[Chances]:
        """The chance of each symbol after those before it in its row, order after order from 0 to N.

        Args:
            ids: (..., T) texts.

        Yields:
            (..., T) for each order.
        """
        lower = np.full(ids.shape, 1 / self.symbols)
        yield lower
        contexts = np.zeros_like(ids)
        for place, order in enumerate(self.orders):
            numbers = order.numbers(np.where(contexts == NONE, NONE, contexts * self.symbols + ids))
            yield order.counted.chances(numbers, contexts, lower)
            lower = order.continued.chances(numbers, contexts, lower)
            contexts = self._next_contexts(ids, numbers, is_first=place == 0)

    def _counted(self, ids: Numbers, order: int) -> Iterator[tuple[Numbers, Numbers, Numbers]]:
        """For each order the keys, how often each came, and the number of each without its first symbol."""
        contexts, shorter = np.zeros_like(ids), np.zeros_like(ids)
        for place in range(order):
            met = np.flatnonzero(contexts != NONE)
            if not len(met):  # the text is shorter than that
                return
            keys, first, found, counts = np.unique(
                contexts[met] * self.symbols + ids[met],
                return_index=True,
                return_inverse=True,
                return_counts=True,
            )
            yield keys, counts, shorter[met[first]]
            shorter = np.full_like(ids, NONE)
            shorter[met] = found
            contexts = self._next_contexts(ids, shorter, is_first=place == 0)

    def _next_contexts(self, ids: Numbers, numbers: Numbers, *, is_first: bool) -> Numbers:
        """An n-gram is the context of the symbol after it; a longer one than an end mark alone is none."""
        contexts = np.full_like(ids, NONE)
        contexts[..., 1:] = numbers[..., :-1]
        if self.end is not None and not is_first:
            contexts[..., 1:][ids[..., :-1] == self.end] = NONE
        return contexts


def _after(counts: Numbers, shorter: Numbers) -> Numbers:
    """After how many different symbols each n-gram came, which the n-grams one longer show.

    What came after none, since it begins a text or a record, keeps its count.
    """
    found = np.bincount(shorter, minlength=len(counts))
    return np.where(found == 0, counts, found)


def _smoothed(counts: Numbers, parents: Numbers, contexts: int) -> Smoothed:
    """Counts as shares of their context's, less the discounts."""
    discounts = _discounts(counts)[np.minimum(counts, 3)]
    totals = np.bincount(parents, counts, contexts)
    left = np.bincount(parents, discounts, contexts)
    rest = np.divide(left, totals, out=np.ones(contexts), where=totals > 0)
    return Smoothed(np.append((counts - discounts) / totals[parents], 0), np.append(rest, 1))


def _discounts(counts: Numbers) -> Chances:
    """What to take from counts of 0, 1, 2 and more, from how many n-grams have a count of 1, 2, 3 and 4."""
    once, twice, thrice, four_times = (int(np.count_nonzero(counts == count)) for count in (1, 2, 3, 4))
    if not once or not twice or not thrice:
        return np.array([0, *[USUAL_DISCOUNT] * 3])
    scale = once / (once + 2 * twice)
    found = [
        1 - 2 * scale * twice / once,
        2 - 3 * scale * thrice / twice,
        3 - 4 * scale * four_times / thrice,
    ]
    return np.array([0, *np.maximum(found, LEAST_DISCOUNT)])
