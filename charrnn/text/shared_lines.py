"""What the held-out part has in common with the training part: repeated lines, and unseen characters.

Records are compared by hashes of 64 bits. Knows nothing of files.
"""

from collections.abc import Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

from charrnn.text.character_names import tally
from charrnn.text.codes import END
from charrnn.text.parts import Part
from charrnn.text.record_part import groups, stretches
from charrnn.text.vocabulary import Ids, Vocabulary

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
    for block in part.blocks():
        counts += np.bincount(block, minlength=symbols)[:symbols]
    return counts


def repeated_records(training: Part, validation: Part) -> int:
    """How many records of the held-out part also stand in the training part; 0 in text mode."""
    if not training.records or not validation.records:
        return 0
    return int(are_repeated(training, validation).sum())


def are_repeated(training: Part, validation: Part) -> NDArray[np.bool_]:
    """(R,) whether each record of the held-out part also stands in the training part; both have some."""
    bits = min(MOST_KEY_BITS, 6 + validation.records.bit_length())  # of others, one in 32 at most is hashed
    is_held = np.zeros(2**bits, np.bool_)
    is_held[_keys(validation.ids, validation.texts, bits)] = True
    known = np.empty(0, np.int64)
    for texts in np.array_split(training.texts, -(-training.records // 2**18)):
        likely = texts[is_held.take(_keys(training.ids, texts, bits))]
        known = np.union1d(known, _hashes(training.ids, likely))
    return np.isin(_hashes(validation.ids, validation.texts), known)


def duplicate_records(parts: Iterable[Part]) -> int:
    """How many records, of all parts together, say the same as another one that is counted already."""
    hashes = np.concatenate([_hashes(part.ids, part.texts) for part in parts])
    return len(hashes) - len(np.unique(hashes))


PROBES, MOST_KEY_BITS = 6, 26
"""Places of a record whose symbols make its key, and the most bits of one, for a table of 64 MiB."""


def _keys(ids: Ids, texts: NDArray[np.int64], bits: int) -> NDArray[np.intp]:
    """Of each record a key, from its length and a few of its symbols: those that are equal have the same."""
    begins, lengths = texts[:, 0], texts[:, 1] - texts[:, 0]
    keys = lengths.astype(np.uint64)
    for probe in range(PROBES):
        read = ids.take(begins + lengths * probe // PROBES).astype(np.uint64)
        keys = (keys ^ read) * np.uint64(0x9E3779B97F4A7C15)  # 2^64 divided by the golden ratio
    return (keys >> np.uint64(64 - bits)).astype(np.intp)


def _hashes(ids: Ids, texts: NDArray[np.int64]) -> Hashes:
    """Of each record, without its end mark."""
    return np.fromiter(_hashed(ids, texts), np.int64, len(texts))


def _hashed(ids: Ids, texts: NDArray[np.int64]) -> Iterator[int]:
    """The same one by one."""
    begins, lengths = texts[:, 0] + 1, texts[:, 1] - texts[:, 0] - 2
    for some in groups(lengths):
        read = stretches(ids, begins[some], lengths[some]).astype("<u4").tobytes()
        ends = 4 * np.cumsum(lengths[some])
        for begin, end in zip((ends - 4 * lengths[some]).tolist(), ends.tolist(), strict=True):
            yield hash(read[begin:end])
