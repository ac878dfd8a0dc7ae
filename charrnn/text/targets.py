"""The targets of sources, as records on disk: which symbols they have, and the ids of each.

Knows nothing of models or torch.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from charrnn.errors import CorpusError
from charrnn.text.arrays import ArrayWriter, mapped
from charrnn.text.example_parts import Paired
from charrnn.text.normalization import normalized
from charrnn.text.record_part import Records
from charrnn.text.target_vocabulary import END, LONGEST_SYMBOL, TargetVocabulary, pieces

if TYPE_CHECKING:
    from charrnn.text.corpus import Corpus

_NUMBERS = 2**20


def target_texts(corpus: "Corpus") -> Iterator[str]:
    """The target of each source, normalised as these are."""
    form = corpus.reading.normalize
    return ("".join(normalized([cell.text], form)) for _, cell in corpus.answers())


def unit_of(corpus: "Corpus") -> str:
    """What one symbol of a target is."""
    return corpus.reading.target_symbols or "chars"


def target_symbols_of(corpus: "Corpus") -> tuple[str, ...]:
    """The symbols of a corpus's targets, in the order of their ids.

    Raises:
        CorpusError: all targets are empty, or one has a symbol that is too long.
    """
    form, unit = corpus.reading.normalize, unit_of(corpus)
    symbols: set[str] = set()
    for name, cell in corpus.answers():
        found = pieces("".join(normalized([cell.text], form)), unit)
        if (longest := max(map(len, found), default=0)) > LONGEST_SYMBOL:
            raise CorpusError(
                f"{name}, line {cell.line:,}: found a target symbol of {longest:,} characters; expected "
                f"{LONGEST_SYMBOL:,} at most between two blanks; leave --target-symbols spaces out"
            )
        symbols.update(found)
    if not symbols:
        raise CorpusError(
            f"{corpus.names} has nothing but empty targets; expected some with symbols; give --columns "
            "SOURCE,TARGET in the right order"
        )
    return tuple(sorted(symbols))


def write_targets(corpus: "Corpus", symbols: tuple[str, ...], ids_path: Path, bounds_path: Path) -> None:
    """Write `END target END target … END` as ids, and where the end marks stand.

    A symbol that is not among those known has the id past the last.
    """
    vocabulary, unit = TargetVocabulary(symbols, unit_of(corpus)), unit_of(corpus)
    lengths = np.array([len(pieces(text, unit)) + 1 for text in target_texts(corpus)], np.int64)
    bounds = np.append(0, np.cumsum(lengths))
    with ArrayWriter(bounds_path, np.int64, len(bounds)) as array:
        array.write(bounds)
    with ArrayWriter(ids_path, np.int32, int(bounds[-1]) + 1) as array:
        array.write(np.array([END], np.int32))
        held, count = list[NDArray[np.int32]](), 0
        for text in target_texts(corpus):
            held.append(np.append(vocabulary.encode(text), np.int32(END)))
            count += len(held[-1])
            if count >= _NUMBERS:
                array.write(np.concatenate(held))
                held, count = [], 0
        array.write(np.concatenate([np.empty(0, np.int32), *held]))


def paired(sources: Records, ids_path: Path, bounds_path: Path) -> Paired:
    """Sources with the targets that lie there.

    Raises:
        ValueError: they do not fit.
    """
    ids, bounds = mapped(ids_path), mapped(bounds_path)
    fits = ids.dtype == np.int32 and bounds.dtype == np.int64 and len(bounds) == len(sources.bounds)
    if not fits or not len(ids) or not np.array_equal(np.flatnonzero(ids == END), bounds) or ids.min() < 0:
        raise ValueError(f"{ids_path.name} does not fit the text")
    chosen = sources.chosen
    symbols = int((bounds[chosen + 1] - bounds[chosen]).sum()) - len(chosen)
    return Paired(sources, Records(ids, symbols, symbols, bounds, chosen))
