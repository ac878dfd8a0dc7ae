"""What a held-out part shares with the part that is learnt from, and what it does not.

Records are compared by hashes of 64 bits. Knows nothing of files.
"""

import itertools
from collections.abc import Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

from charrnn.text.character_names import tally
from charrnn.text.codes import END
from charrnn.text.parts import Part
from charrnn.text.vocabulary import Vocabulary

Hashes = NDArray[np.int64]


def unseen_notice(
    counts: NDArray[np.int64], validation: Part, vocabulary: Vocabulary, *, is_of_the_text: bool
) -> list[str]:
    """How many characters of the held-out part never occur in the training part; nothing if all do.

    Args:
        counts: by code point, or byte, of the text that is learnt from.
        validation: the held-out part.
        vocabulary: the symbols.
        is_of_the_text: whether that is a part of the same text, and counted with it.
    """
    held = _counts(validation, len(vocabulary))
    seen = counts.take(vocabulary.codes, mode="clip") - (held if is_of_the_text else 0)
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
    if not training.records or not validation.records:
        return 0
    held = np.fromiter(_hashes(validation), np.int64, validation.records)
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


TOGETHER, LONGEST_READ = 2**12, 2**24
"""Records that are read at once, if they lie within so many symbols."""


def _hashes(part: Part) -> Iterator[int]:
    """Of each record, without its end mark; records near each other are read at once."""
    for texts in np.array_split(part.texts, -(-len(part.texts) // TOGETHER)):
        first, last = int(texts.min()), int(texts.max())
        for some in (texts,) if last - first <= LONGEST_READ else texts[:, None]:
            low = int(some.min())
            read = part.ids[low : int(some.max())].astype("<u4").tobytes()
            for begin, end in (4 * (some - low)).tolist():
                yield hash(read[begin + 4 : end - 4])


def _some(hashes: Iterator[int]) -> Iterator[Hashes]:
    """Hashes, many at a time."""
    while some := list(itertools.islice(hashes, 2**16)):
        yield np.array(some, np.int64)
