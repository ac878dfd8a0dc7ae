"""How much of a text is held out for validation, and where. Knows nothing of files."""

import math
import re
from collections.abc import Iterator
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from charrnn.config.declaration import shortened
from charrnn.errors import UsageError
from charrnn.text.codes import END

EXPECTED = "expected 0, a share below 1, a whole number, or a file"


MOST_STRETCHES = 20
SHORTEST_STRETCH = 25
"""What is held out of several texts is held out in so many stretches at most; each of at least so many
characters, and of more where there are more of them: their number grows with the root of what is held out."""


def parse_validation(validation: str) -> Fraction | str:
    """What `--validation` says: a share below 1 or a whole number, else the name of a file.

    Raises:
        UsageError: a number that is neither.
    """
    try:
        value = float(validation)
    except ValueError:
        return validation
    # A fraction has as many digits as the exponent says, however short the text is.
    is_plain = re.fullmatch(r"\s*[+-]?[0-9.]{1,32}(e[+-]?[0-9]{1,2})?\s*", validation, re.IGNORECASE)
    if not is_plain or not math.isfinite(value) or value < 0 or (value > 1 and value != int(value)):
        raise UsageError(f"--validation is {shortened(validation)}; {EXPECTED}")
    return Fraction(validation.strip())


def spread(held: int, total: int) -> int:
    """In how many stretches so many of a text's characters are held out, spread over the whole of it."""
    return max(1, min(MOST_STRETCHES, math.isqrt(min(held, total - held) // SHORTEST_STRETCH)))


def cuts(held: int, total: int, stretches: int) -> list[int]:
    """Where a text is cut so that so many of its characters are held out, in so many stretches.

    The text is cut into equal parts, and the end of each is held out. With three stretches (=):

        |---------====|--------====|---------====|        cuts at   9 13 22 26 35

    Returns:
        In turn where a stretch begins and where it ends; the last one ends with the text.
    """
    if not held:
        return []
    places = []
    for number in range(stretches):
        end = total * (number + 1) // stretches
        length = held * (number + 1) // stretches - held * number // stretches
        places += [end - length, end]
    return places[:-1]


def count_held_out(amount: Fraction, total: int, unit: str) -> int:
    """How many characters or lines of a text are held out.

    Args:
        amount: a share below 1, or how many.
        total: how many there are.
        unit: what is counted, for the message.

    Raises:
        UsageError: as many are held out as there are, or more.
    """
    if amount < 1:
        return total - math.floor(total * (1 - amount))
    if amount >= total:
        raise UsageError(f"--validation is {int(amount):,}, but the text has {total:,} {unit}; {EXPECTED}")
    return int(amount)


def record_hashes(codes: Iterator[NDArray[np.uint32]]) -> NDArray[np.int64]:
    """A number for each record of a text, equal for equal ones."""
    found, held = list[int](), np.empty(0, np.uint32)
    for piece in codes:
        joined = np.concatenate((held, piece))
        begin = 0
        for end in np.flatnonzero(joined == END).tolist():
            found.append(hash(joined[begin:end].tobytes()))
            begin = end + 1
        held = joined[begin:]
    return np.array(found, np.int64)


def drawn_by_kind(
    hashes: NDArray[np.int64], kinds: NDArray[np.int32], held: int, seed: int
) -> NDArray[np.int64]:
    """Which examples are held out, in order: about so many, of every kind alike, and no text in both parts.

    Of each kind with two distinct texts or more at least one is held out, and one is left. A text that
    stands there several times counts once, as the kind it has first, and is held out after those that do
    not: a few texts with many rows would decide alone what is best.

    Args:
        hashes: (R,) a number for each text, equal for equal ones.
        kinds: (R,) such as its label.
        held: how many examples, of all kinds together.
        seed: of which ones.
    """
    _, firsts, groups, counts = np.unique(hashes, return_index=True, return_inverse=True, return_counts=True)
    order = np.argsort(firsts)  # of the texts as they first occur: hashes differ from program to program
    of_text, rows = kinds[firsts[order]], counts[order]
    random, share = np.random.default_rng(seed), held / max(1, len(hashes))
    is_held = np.zeros(len(order), np.bool_)
    by_kind = np.argsort(of_text, kind="stable")
    for texts in np.split(by_kind, np.flatnonzero(np.diff(of_text[by_kind])) + 1):
        count = min(len(texts) - 1, max(1, round(share * len(texts)))) if held else 0
        shuffled = random.permutation(texts)
        is_held[shuffled[np.argsort(rows[shuffled], kind="stable")][:count]] = True
    of_group = np.empty(len(order), np.bool_)
    of_group[order] = is_held
    return np.flatnonzero(of_group[groups]).astype(np.int64)
