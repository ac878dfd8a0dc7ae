"""Hints about the text and the settings, before training starts."""

import numpy as np

from charrnn.evaluation.baselines.likeness import likeness
from charrnn.text.codes import END
from charrnn.text.corpus import Corpus
from charrnn.text.dataset import Dataset
from charrnn.text.vocabulary import Vocabulary
from charrnn.training.cores import cores

LITTLE_BYTES = 10_000
"""A text of less is overfitted within seconds."""

LARGE_VOCABULARY, RARE = 2_000, 5
"""From so many symbols on the output layer takes most of an update; symbols seen fewer times are rare."""

_HANGUL = slice(0xAC00, 0xD7A4)
_MOSTLY = 0.25
"""Share of a text from which on it counts as Hangul."""


def hints(corpus: Corpus, threads: int | None) -> list[str]:
    """What would help, before anything is learnt from a text."""
    statistics, reading, found = corpus.statistics(), corpus.reading, []
    syllables = statistics.counts[_HANGUL]
    if reading.level == "char" and int(syllables.sum()) > _MOSTLY * statistics.symbols:
        found.append(
            f"the text has {np.count_nonzero(syllables):,} different Hangul syllables; --normalize nfd "
            "splits them into letters (jamo), of which there are far fewer"
        )
    if statistics.utf8_bytes < LITTLE_BYTES and not corpus.is_built_in:
        is_tiny, kilobytes = statistics.utf8_bytes < 1000, statistics.utf8_bytes / 1000
        size = f"{statistics.characters:,} characters" if is_tiny else f"{kilobytes:.1f} KB"
        found.append(
            f"the text has {size}, which is little: the model will soon overfit; "
            "expect to need 100 KB or more for a model that writes something new"
        )
    if (threads or 0) > cores():
        found.append(
            f"--threads is {threads:,}, more than the processor cores here ({cores():,}): "
            "each update waits for all threads, so fewer are faster"
        )
    return found


def advice_on_rare(vocabulary: Vocabulary) -> str:
    """What to do about a large vocabulary of which much is rare; nothing where there is none.

    Each update computes a chance for every symbol, so that it takes as much longer as there are more.
    """
    counts = vocabulary.counts[vocabulary.codes < END]
    rare = counts[(counts > 0) & (counts < RARE)]
    if len(counts) < LARGE_VOCABULARY or len(rare) < len(counts) / 4:
        return ""
    share = rare.sum() / counts.sum()
    return (
        f"{len(rare):,} of {len(counts):,} symbols occur fewer than {RARE} times, {share:.1%} of the text: "
        f"--min-count {RARE} maps them to one unknown symbol and makes training faster"
    )


def unlike_lines(dataset: Dataset, vocabulary: Vocabulary) -> list[str]:
    """A warning where what is held out is of another kind than the rest."""
    assert dataset.validation is not None  # noqa: S101 - who calls has looked
    found = likeness(dataset.training, dataset.validation, len(vocabulary))
    if found is None or not found.is_unlike:
        return []
    return [
        f"the held-out part is unlike the rest: {found.held_out:.2f} bits/char by pairs of characters, where "
        f"parts of the rest have {found.mean:.2f}; it may be a licence or an index at the end: remove that, "
        "or give --validation FILE"
    ]
