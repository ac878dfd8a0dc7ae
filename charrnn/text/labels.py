"""The labels of texts: which there are, and the id of each text's. Knows nothing of models or torch."""

import itertools
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from charrnn.config.declaration import shortened
from charrnn.errors import CorpusError

if TYPE_CHECKING:
    from charrnn.text.corpus import Corpus

MOST_LABELS = 50_000
"""Distinct ones; where there are more, another column was meant."""

LONGEST_LABEL = 1000
"""Characters."""

_PIECE = 2**16


def check_label(label: object) -> None:
    """Check that a value can be a label: a text that stands on one line and has no tab in it.

    Raises:
        ValueError: it cannot.
    """
    if not isinstance(label, str) or not 0 < len(label) <= LONGEST_LABEL or _parts(label):
        raise ValueError(f"a text of 1 to {LONGEST_LABEL:,} characters without tabs or line ends")


def _parts(label: str) -> bool:
    return any(character in label for character in "\t\n\r\0")


def check_labels(labels: Sequence[object]) -> None:
    """Check that values are labels in the order of their ids: ascending, none of them twice.

    Raises:
        ValueError: they are not.
    """
    if not 2 <= len(labels) <= MOST_LABELS:
        raise ValueError(f"2 to {MOST_LABELS:,} labels")
    for label in labels:
        check_label(label)
    if any(str(one) >= str(other) for one, other in itertools.pairwise(labels)):
        raise ValueError("labels in ascending order")


def labels_of(corpus: "Corpus") -> tuple[str, ...]:
    """The labels of a corpus; their places are their ids.

    Raises:
        CorpusError: one is none, all are the same, or there are so many that they are something else.
    """
    found: set[str] = set()
    for name, cell in corpus.answers():
        if cell.text in found:
            continue
        try:
            check_label(cell.text)
        except ValueError as error:
            raise CorpusError(
                f"{name}, line {cell.line:,}: found the label {shortened(repr(cell.text))}; expected {error}"
            ) from error
        found.add(cell.text)
        if len(found) > MOST_LABELS:
            raise CorpusError(
                f"{name}, line {cell.line:,}: found over {MOST_LABELS:,} distinct labels, such as "
                f"{shortened(repr(cell.text))}; expected fewer; give --columns TEXT,LABEL in the right order"
            )
    if len(found) < 2:
        listed = f"the label {shortened(repr(found.pop()))} alone" if found else "no label"
        raise CorpusError(f"{corpus.names} has {listed}; expected two or more; give other examples too")
    return tuple(sorted(found))


def label_ids(corpus: "Corpus", labels: Sequence[str]) -> Iterator[NDArray[np.int32]]:
    """The id of each record's label, some at a time.

    Raises:
        CorpusError: a label is not among those.
    """
    ids, known = list[int](), {label: place for place, label in enumerate(labels)}
    for name, cell in corpus.answers():
        if cell.text not in known:
            raise CorpusError(
                f"{name}, line {cell.line:,}: found the label {shortened(repr(cell.text))}, which is not in "
                f"the training part; expected one of {len(labels):,}, such as {shortened(repr(labels[0]))}"
            )
        ids.append(known[cell.text])
        if len(ids) == _PIECE:
            yield np.array(ids, np.int32)
            ids = []
    yield np.array(ids, np.int32)
