"""The vocabulary of a text, from the counts of its codes. Knows nothing of where the text comes from."""

import numpy as np
from numpy.typing import NDArray

from charrnn.errors import UsageError
from charrnn.text.codes import END
from charrnn.text.vocabulary import Vocabulary


def vocabulary_of(
    counts: NDArray[np.int64], level: str, *, min_count: int = 1, end: bool = False
) -> Vocabulary:
    """The vocabulary of a text, from how often each code occurs in it.

    Args:
        counts: (CODE_SPACE,) how often each code occurs.
        level: `char`, or `byte` for all 256 bytes whether they occur or not.
        min_count: characters that occur fewer times become the unknown symbol, which is there
            whenever this is above 1. Bytes are never unknown.
        end: whether there is an end mark, whether it occurs or not.

    Raises:
        UsageError: no character occurs so often.
    """
    if level == "byte":
        return Vocabulary.of_codes(np.arange(256, dtype=np.uint32), counts, level, unknown=False, end=end)
    frequent = np.flatnonzero(counts[:END] >= min_count)
    if min_count > 1 and not len(frequent):
        most = int(counts[:END].max())
        raise UsageError(
            f"--min-count is {min_count:,}, but no character occurs over {most:,} times; give a lower one"
        )
    return Vocabulary.of_codes(frequent.astype(np.uint32), counts, level, unknown=min_count > 1, end=end)


def recounted(vocabulary: Vocabulary, counts: NDArray[np.int64], *, end: bool = False) -> Vocabulary:
    """The same characters counted in another text, whose other characters become the unknown symbol.

    Args:
        vocabulary: which characters.
        counts: (CODE_SPACE,) how often each code occurs in that text.
        end: whether there is an end mark.
    """
    characters = vocabulary.codes[vocabulary.codes < END]
    return Vocabulary.of_codes(
        characters, counts, vocabulary.level, unknown=vocabulary.level == "char", end=end
    )
