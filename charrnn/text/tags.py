"""The tags of characters: which there are, and the id of each symbol's. Knows nothing of models or torch."""

import itertools
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from charrnn.config.declaration import shortened
from charrnn.errors import CorpusError
from charrnn.text.alignment import begins
from charrnn.text.arrays import ArrayWriter, mapped
from charrnn.text.codes import to_codes
from charrnn.text.example_parts import Tagged
from charrnn.text.normalization import normalized
from charrnn.text.record_part import Records
from charrnn.text.tables import TableCell

if TYPE_CHECKING:
    from charrnn.text.corpus import Corpus

MOST_TAGS, LONGEST_TAG = 2**12, 1000
"""Distinct ones; where there are more, another column was meant. And characters of each."""

GOES_ON = -1
"""The id at a symbol that begins no character: it has no tag."""

_TOGETHER = 2**16


def check_tags(tags: Sequence[object]) -> None:
    """Check that values are tags in the order of their ids: ascending, none of them twice, without blanks.

    Raises:
        ValueError: they are not.
    """
    if not 1 <= len(tags) <= MOST_TAGS:
        raise ValueError(f"1 to {MOST_TAGS:,} tags")
    for tag in tags:
        if not isinstance(tag, str) or tag.split() != [tag] or len(tag) > LONGEST_TAG:
            raise ValueError(f"tags of 1 to {LONGEST_TAG:,} characters without blanks")
    if any(str(one) >= str(other) for one, other in itertools.pairwise(tags)):
        raise ValueError("tags in ascending order")


def tags_of(corpus: "Corpus") -> tuple[str, ...]:
    """The tags of a corpus; their places are their ids.

    Raises:
        CorpusError: there are none, or so many or such long ones that they are something else.
    """
    found: set[str] = set()
    for name, cell in corpus.answers():
        tags = cell.text.split()
        if (longest := max(map(len, tags), default=0)) > LONGEST_TAG:
            raise CorpusError(
                f"{name}, line {cell.line:,}: found a tag of {longest:,} characters; expected "
                f"{LONGEST_TAG:,} at most; give --columns TEXT,TAGS in the right order"
            )
        found.update(tags)
        if len(found) > MOST_TAGS:
            raise CorpusError(
                f"{name}, line {cell.line:,}: found over {MOST_TAGS:,} distinct tags, such as "
                f"{shortened(repr(cell.text))}; expected fewer; give --columns TEXT,TAGS in the right order"
            )
    if not found:
        raise CorpusError(f"{corpus.names} has no tag; expected one for each character of each text")
    return tuple(sorted(found))


def tag_ids(corpus: "Corpus", tags: Sequence[str]) -> Iterator[NDArray[np.int32]]:
    """The ids at the symbols of each record, without its end mark.

    Where several characters were composed to one symbol, that is the tag of the first.

    Raises:
        CorpusError: tags are not as many as characters, or one is not among those.
    """
    known, reading = {tag: place for place, tag in enumerate(tags)}, corpus.reading
    for name, text, cell in corpus.examples():
        codes = to_codes("".join(normalized([text.text], reading.normalize)))
        starts = begins(text.text, codes, reading.level, reading.normalize).astype(np.int64)
        names = cell.text.split()
        if len(names) != int(starts.sum()):
            raise CorpusError(
                f"{name}, line {cell.line:,}: found {_counted(len(names), 'tag')} for the "
                f"{_counted(int(starts.sum()), 'character')} of {shortened(repr(text.text))}; expected one "
                "for each; correct it"
            )
        yield np.where(starts > 0, _ids(names, known, name, cell)[_first_of(starts)], np.int32(GOES_ON))


def _counted(count: int, what: str) -> str:
    return f"{count:,} {what}{'' if count == 1 else 's'}"


def _first_of(starts: NDArray[np.int64]) -> NDArray[np.int64]:
    """Which character each symbol begins first; of one that begins none, any."""
    first: NDArray[np.int64] = np.minimum(np.cumsum(starts) - starts, max(0, int(starts.sum()) - 1))
    return first


def _ids(names: Sequence[str], known: dict[str, int], source: str, cell: TableCell) -> NDArray[np.int32]:
    """The ids of tags."""
    strange = next((tag for tag in names if tag not in known), None)
    if strange is not None:
        raise CorpusError(
            f"{source}, line {cell.line:,}: found the tag {shortened(repr(strange))}, which is not in the "
            f"training part; expected one of {len(known):,}, such as {shortened(repr(next(iter(known))))}"
        )
    return np.array([known[tag] for tag in names], np.int32)


def write_tags(corpus: "Corpus", tags: Sequence[str], path: Path) -> None:
    """Write an id for each symbol of `END record END record … END`, 0 at end marks."""
    end = np.zeros(1, np.int32)
    with ArrayWriter(path, np.int32, 1 + corpus.statistics().symbols) as array:
        array.write(end)
        each = (np.append(ids, end) for ids in tag_ids(corpus, tags))
        while some := list(itertools.islice(each, _TOGETHER)):
            array.write(np.concatenate(some))


def tagged(records: Records, path: Path) -> Tagged:
    """Records with the tags that lie there.

    Raises:
        ValueError: they do not fit.
    """
    ids = mapped(path)
    if ids.dtype != np.int32 or len(ids) != len(records.ids):
        raise ValueError(f"{path.name} does not fit the text")
    return Tagged(records, ids)
