"""The substrings around a character, as rows of a table: what a tagger looks up beside what its trunk reads.

At the second character of `abcd` those that end just before it are `a` and `‹a`, those that go on from it
`b`, `bc` and `bcd`, and across lie `ab`, `‹ab`, `abc` and so on; ‹ is where no character is. Each is a number
by its ids and where it lies, the row of a table by that number's remainder: rare ones may share a row
(Weinberger et al. 2009, "Feature hashing"). Knows nothing of torch or of what the table holds.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from charrnn.model.packing import Packing

REACH = 4
"""Characters before, and characters after, that a substring may reach."""

PRIME, FACTOR = 2**31 - 1, 1_103_515_245
"""Of the number h of a substring: h(s c) = (h(s) · FACTOR + c) mod PRIME, less than 2^62 in between."""

NOTHING, FIRST = 1, 2
"""What stands for no character, and for the symbol of id 0."""


def substrings(ids: NDArray[np.integer[Any]], packing: Packing, rows: int) -> Iterator[NDArray[np.int64]]:
    """For each of the substrings, (N,) the row of a table that it has at each step.

    Args:
        ids: (N,) the symbols of texts.
        packing: how these lie.
        rows: of the table.
    """
    lengths, places = packing.lengths[packing.texts], packing.steps
    around = {}
    for offset in range(-REACH, REACH + 1):
        place = places + offset
        is_there = (place >= 0) & (place < lengths)
        own = packing.offsets[np.clip(place, 0, lengths - 1)] + packing.texts
        around[offset] = np.where(is_there, ids[own].astype(np.int64) + FIRST, NOTHING)
    for start in range(-REACH, 1):
        number = np.full(len(ids), start + REACH + 1, np.int64)
        for offset in range(start, REACH + 1):
            number = (number * FACTOR + around[offset]) % PRIME
            if offset >= -1:  # it touches the place between the character and the one before
                yield number % rows
