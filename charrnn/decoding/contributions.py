"""What each character of a text contributes to the label that a classifier gives it.

Characters are added to an empty text one by one, in some order; each has the change that it makes to the
log-odds of the label, log p / (1 - p). Over all orders that is its Shapley value (1953); here, over a few,
each beside the reverse of itself (Mitchell et al. 2022, arXiv 2104.12199). Whatever the orders, the sum is
the log-odds for the text less those for the empty text. Knows nothing of text, files or terminals.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from charrnn.decoding.classification import SavedClassifier

Ids = NDArray[np.integer[Any]]
Numbers = NDArray[np.float64]

PARTS = 256
"""Parts of a text that are added one by one, at most: the characters of a part share what it contributes."""

PAIRS = 8
"""Orders that are tried, each with its reverse, at most."""

STEPS, STEPS_OF_A_TEXT = 2**15, 2**18
"""Symbols that are read side by side, and for all orders of one text, about: bound memory and time."""


def contributions(
    classifier: SavedClassifier, ids: Ids, places: NDArray[np.intp], characters: int, label: int
) -> Numbers:
    """What each character of a text contributes to the log-odds of a label, in nats.

    Args:
        classifier: which gives the label.
        ids: the text, with its end mark.
        places: which of its characters each symbol before the end mark is of.
        characters: how many there are.
        label: the label.
    """
    if not characters:
        return np.zeros(0)
    count = min(PARTS, characters)
    parts = np.arange(characters) * count // characters
    of_symbols = parts[places]
    pairs = min(PAIRS, max(1, STEPS_OF_A_TEXT // (count * len(ids))))
    total = np.zeros(count)
    for order in _orders(count, pairs):
        ranks = np.argsort(order)
        odds = np.array(list(_odds(classifier, ids, ranks[of_symbols], count, label)))
        total[order] += np.diff(odds)
    found: Numbers = (total / (2 * pairs) / np.bincount(parts))[parts]
    return found


def _orders(count: int, pairs: int) -> Iterator[NDArray[np.intp]]:
    """Orders in which parts are added, that of the text first; after each its reverse."""
    random = np.random.default_rng(0)
    for number in range(pairs):
        order = random.permutation(count) if number else np.arange(count)
        yield from (order, order[::-1])


def _odds(
    classifier: SavedClassifier, ids: Ids, ranks: NDArray[np.intp], count: int, label: int
) -> Iterator[float]:
    """The log-odds of a label as parts are added: of none of them, of those whose rank is below 1, 2, …."""
    together = max(1, STEPS // len(ids))
    for begin in range(0, count + 1, together):
        numbers = range(begin, min(begin + together, count + 1))
        texts = [np.append(ids[:-1][ranks < number], ids[-1:]) for number in numbers]
        yield from log_odds(classifier.log_probabilities(texts), label).tolist()


def log_odds(log_probabilities: Numbers, label: int) -> Numbers:
    """(B,) of a label against all others, from (B, C); 0 where it is the only one."""
    others = np.delete(log_probabilities, label, axis=1)
    if not others.shape[1]:
        return np.zeros(len(others))
    found: Numbers = log_probabilities[:, label] - np.logaddexp.reduce(others, axis=1)
    return found
