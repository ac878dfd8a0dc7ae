"""What a simple means knows of tags: that which each character has most often. Knows nothing of files."""

import numpy as np
from numpy.typing import NDArray

from charrnn.text.example_parts import Tagged


def most_frequent_tags(training: Tagged, symbols: int) -> NDArray[np.int64]:
    """(V,) for each symbol the tag that it has most often; of those that never have one, that of all.

    Args:
        training: what is learnt from.
        symbols: V, ids being below that.
    """
    texts = training.texts
    begins, ends = texts.texts.T
    inside = np.zeros(len(texts.ids) + 1, np.int64)
    np.add.at(inside, begins + 1, 1)
    np.add.at(inside, ends - 1, -1)
    places = np.flatnonzero((np.cumsum(inside)[:-1] > 0) & (training.tags >= 0))
    tags = int(training.tags.max()) + 1
    pairs = texts.ids[places].astype(np.int64) * tags + training.tags[places]
    counts = np.bincount(pairs, minlength=symbols * tags).reshape(symbols, tags)
    best = np.asarray(counts.argmax(1))
    best[counts.sum(1) == 0] = counts.sum(0).argmax()
    return best
