"""The targets of each record of a text, such as labels, and how they are stored beside the ids.

A kind of answers for each task that has any. Knows nothing of models or torch.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from charrnn.text.arrays import ArrayWriter, mapped
from charrnn.text.example_parts import Labelled, Paired, Tagged
from charrnn.text.labels import check_labels, label_ids, labels_of
from charrnn.text.parts import TaskPart
from charrnn.text.record_part import Records
from charrnn.text.tags import check_tags, tagged, tags_of, write_tags
from charrnn.text.target_vocabulary import check_symbols
from charrnn.text.targets import paired, target_symbols_of, write_targets

if TYPE_CHECKING:
    from charrnn.text.corpus import Corpus

Names = tuple[str, ...]


@dataclass(frozen=True)
class Answers:
    """A kind of answers.

    Attributes:
        name: what a checkpoint calls the list of them.
        size: what a network's architecture calls how many there are.
        names: those that stand in a corpus.
        check: raises ValueError where values of a file cannot be such a list.
        count: how many a list makes.
        write: lays the answers of a corpus into files whose names begin so.
        joined: the records with the answers that lie there; raises ValueError where they do not fit.
        strata: (R,) of what kind the answer to each record is, for drawing some of each.
        has_unknown: whether what is read may hold characters that the model does not know.
    """

    name: str
    size: str
    names: "Callable[[Corpus], Names]"
    check: Callable[[Sequence[object]], None]
    count: Callable[[Names], int]
    write: "Callable[[Corpus, Names, Path], None]"
    joined: Callable[[Records, Path], TaskPart]
    strata: "Callable[[Corpus, Names], NDArray[np.int32]]"
    has_unknown: bool = True

    def names_from(self, entry: Mapping[str, Any], architecture: object) -> Names:
        """The list that a checkpoint's entry has, of as many as the network tells apart.

        Raises:
            TypeError: it is no list.
            ValueError: it cannot be a list of these, or is of another network.
        """
        names = entry[self.name]
        if not isinstance(names, list):
            raise TypeError(f"its {self.name} are not a list")
        self.check(names)
        count = getattr(architecture, self.size)
        if self.count(tuple(names)) != count:
            raise ValueError(f"{len(names)} {self.name} in its list, {count} in the network")
        return tuple(names)


def _path(stem: Path, what: str) -> Path:
    return stem.with_name(f"{stem.name}-{what}.npy")


def _write_labels(corpus: "Corpus", names: Names, stem: Path) -> None:
    with ArrayWriter(_path(stem, "labels"), np.int32, corpus.statistics().records) as array:
        for ids in label_ids(corpus, names):
            array.write(ids)


def _labelled(records: Records, stem: Path) -> Labelled:
    labels = mapped(_path(stem, "labels"))
    if labels.dtype != np.int32 or len(labels) != len(records.bounds) - 1:
        raise ValueError(f"{stem.name}-labels.npy does not fit the text")
    return Labelled(records, labels)


def _strata_of_labels(corpus: "Corpus", names: Names) -> NDArray[np.int32]:
    return np.concatenate([*label_ids(corpus, names)])


LABELS = Answers(
    "labels", "classes", labels_of, check_labels, len, _write_labels, _labelled, _strata_of_labels
)


def _target_paths(stem: Path) -> tuple[Path, Path]:
    return _path(stem, "targets"), _path(stem, "target-bounds")


def _write_targets(corpus: "Corpus", names: Names, stem: Path) -> None:
    write_targets(corpus, names, *_target_paths(stem))


def _paired(records: Records, stem: Path) -> Paired:
    return paired(records, *_target_paths(stem))


def _one_stratum(corpus: "Corpus", _: Names) -> NDArray[np.int32]:
    return np.zeros(corpus.statistics().records, np.int32)


TARGETS = Answers(
    name="target_vocabulary",
    size="target_symbols",
    names=target_symbols_of,
    check=check_symbols,
    count=lambda symbols: len(symbols) + 1,  # and the end mark
    write=_write_targets,
    joined=_paired,
    strata=_one_stratum,
)


def _write_tags(corpus: "Corpus", names: Names, stem: Path) -> None:
    write_tags(corpus, names, _path(stem, "tags"))


def _tagged(records: Records, stem: Path) -> Tagged:
    return tagged(records, _path(stem, "tags"))


TAGS = Answers(
    name="tags",
    size="tags",
    names=tags_of,
    check=check_tags,
    count=len,
    write=_write_tags,
    joined=_tagged,
    strata=_one_stratum,
)

ANSWERS: dict[str, Answers] = {
    "classify": LABELS,
    "generate": replace(LABELS, has_unknown=False),
    "translate": TARGETS,
    "tag": TAGS,
}
"""By task; language has none: what is to be found is what follows."""
