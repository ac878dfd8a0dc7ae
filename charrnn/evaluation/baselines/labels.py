"""What simple means know of the label of a text: the most frequent one, and naive Bayes on n-grams.

Knows nothing of files or networks.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from charrnn.text.example_parts import Labelled
from charrnn.text.record_part import Records

ORDERS = (1, 2, 3, 4)
"""Lengths of the n-grams that texts are told apart by."""

SMOOTHING = 0.1
"""How often every n-gram is counted beforehand with each label."""

MOST_CELLS = 2**26
"""N-grams times labels; a table of more is not made."""

_FACTOR = np.uint64(0x9E3779B97F4A7C15)

Ids = NDArray[np.integer[Any]]


def majority(training: Labelled, texts: Records) -> Ids:
    """(R,) the most frequent label, for every text."""
    counts = np.bincount(training.labels[training.texts.chosen])
    return np.full(texts.records, counts.argmax())


def naive_bayes(training: Labelled, texts: Records) -> Ids | None:
    """(R,) the label under which the n-grams of each text are likeliest, labels as frequent as they are.

    Multinomial, n-grams of all orders together, the end mark before and after a text among them. None where
    the table would be too large.
    """
    own = training.labels[training.texts.chosen]
    labels = int(own.max()) + 1
    keys, of_text = (np.concatenate(parts) for parts in zip(*_ngrams(training.texts), strict=True))
    known, places = np.unique(keys, return_inverse=True)
    if len(known) * labels > MOST_CELLS:
        return None
    counts = np.bincount(places * labels + own[of_text], minlength=len(known) * labels)
    table = counts.reshape(len(known), labels) + SMOOTHING
    logs = np.log(table / table.sum(0)).astype(np.float32)
    scores = np.tile(np.log(np.maximum(np.bincount(own, minlength=labels), 1e-9)), (texts.records, 1))
    for some, rows in _ngrams(texts):
        at = np.minimum(np.searchsorted(known, some), len(known) - 1)
        is_known = known[at] == some
        np.add.at(scores, rows[is_known], logs[at[is_known]])
    return np.asarray(scores.argmax(1))


def _ngrams(texts: Records) -> Iterator[tuple[NDArray[np.uint64], NDArray[np.int64]]]:
    """A number for each n-gram, equal for equal ones, and which text it is of; for each order."""
    begins, ends = texts.texts.T
    lengths = ends - begins
    rows = np.repeat(np.arange(len(lengths)), lengths)
    offsets = np.arange(len(rows)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    ids = texts.ids[begins[rows] + offsets].astype(np.uint64) + np.uint64(1)
    for order in ORDERS:
        fits = offsets + order <= lengths[rows]
        at = np.flatnonzero(fits)
        key = np.zeros(len(at), np.uint64)
        for place in range(order):
            key = key * _FACTOR + ids[at + place]
        yield key, rows[at]
