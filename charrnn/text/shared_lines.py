"""What a held-out part shares with the part that is learnt from, and what it does not.

Records are compared by hashes of 64 bits. Knows nothing of files.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from charrnn.text.codes import END
from charrnn.text.vocabulary import Vocabulary, tally

if TYPE_CHECKING:
    from charrnn.text.dataset import Part

Hashes = NDArray[np.int64]


def runs(numbers: NDArray[np.int64]) -> list[tuple[int, int]]:
    """Ascending numbers as runs of neighbours: of 3, 4, 5, 9 they are (3, 6) and (9, 10)."""
    breaks = np.flatnonzero(np.diff(numbers) != 1) + 1
    firsts, lasts = numbers[np.append(0, breaks)], numbers[np.append(breaks, len(numbers)) - 1]
    return list(zip(firsts.tolist(), (lasts + 1).tolist(), strict=True))


def unseen_notice(training: Part, validation: Part, vocabulary: Vocabulary) -> list[str]:
    """How many characters of the held-out part never occur in the training part; nothing if all do."""
    seen, held = (_counts(part, len(vocabulary)) for part in (training, validation))
    unseen = np.flatnonzero((seen == 0) & (held > 0) & (vocabulary.codes < END))
    if not len(unseen):
        return []
    total = int(held[unseen].sum())
    return [
        f"{total:,} of {int(held.sum()):,} held-out characters are never seen in training: "
        f"{tally(vocabulary.codes[unseen], held[unseen])}"
    ]


def _counts(part: Part, symbols: int) -> NDArray[np.int64]:
    """How often each symbol occurs; those that the vocabulary lacks are left out."""
    counts = np.zeros(symbols, np.int64)
    for ids in part.blocks():
        counts += np.bincount(ids, minlength=symbols)[:symbols]
    return counts


def repeated_records(training: Part, validation: Part) -> int:
    """How many records of the held-out part also stand in the training part; 0 in text mode."""
    if training.records is None or validation.records is None:
        return 0
    held = np.fromiter(_hashes(validation), np.int64, len(validation.records))
    distinct = np.unique(held)
    found = np.zeros(len(distinct), np.bool_)
    for some in _some(_hashes(training)):
        places = np.minimum(np.searchsorted(distinct, some), len(distinct) - 1)
        found[places[distinct[places] == some]] = True
    return int(np.isin(held, distinct[found]).sum())


def duplicate_records(parts: Iterable[Part]) -> int:
    """How many records, of all parts together, say the same as another one that is counted already."""
    hashes = np.fromiter(itertools.chain.from_iterable(map(_hashes, parts)), np.int64)
    return len(hashes) - len(np.unique(hashes))


def _hashes(part: Part) -> Iterator[int]:
    assert part.records is not None  # noqa: S101 - who calls has looked
    assert part.bounds is not None  # noqa: S101
    for record in part.records.tolist():
        yield hash(
            part.ids[int(part.bounds[record]) + 1 : int(part.bounds[record + 1])].astype("<u4").tobytes()
        )


def _some(hashes: Iterator[int]) -> Iterator[Hashes]:
    """Hashes, many at a time."""
    while some := list(itertools.islice(hashes, 2**16)):
        yield np.array(some, np.int64)
