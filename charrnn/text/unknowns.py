"""Characters of a text that a vocabulary lacks: how often, and where first. Knows nothing of models."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from charrnn.errors import UnknownCharacterError
from charrnn.text.character_names import code_point, name
from charrnn.text.codes import LINE_FEED, to_codes
from charrnn.text.corpus import Corpus
from charrnn.text.normalization import joins
from charrnn.text.vocabulary import Vocabulary, unknown_message


@dataclass(frozen=True)
class Unknown:
    """A character that the vocabulary has no id for.

    Attributes:
        character: the character.
        code_point: such as U+0041.
        name: its Unicode name.
        count: how often it occurs.
        source: the file where it is met first.
        line: in which line of the file, counted from 1.
        column: at which character of the line, counted from 1; what joins a character counts with it where
            the text is decomposed.
    """

    character: str
    code_point: str
    name: str
    count: int
    source: str
    line: int
    column: int


def unknown_codes(vocabulary: Vocabulary, counts: NDArray[np.int64]) -> NDArray[np.intp]:
    """The codes that occur in a text, going by its counts, and have no id of their own in a vocabulary."""
    occurs = counts > 0
    occurs[vocabulary.codes] = False
    return np.flatnonzero(occurs)


def check_known(vocabulary: Vocabulary, counts: NDArray[np.int64], name: str) -> None:
    """Check that every code of a text has an id in a vocabulary.

    Args:
        vocabulary: the symbols.
        counts: (CODE_SPACE,) how often each code occurs in the text.
        name: what the message calls the text.

    Raises:
        UnknownCharacterError: some have none, and there is no unknown symbol to stand for them.
    """
    unknown = unknown_codes(vocabulary, counts)
    if len(unknown) and vocabulary.unknown is None:
        raise UnknownCharacterError(f"{name}: {unknown_message(unknown, counts[unknown])}")


def unknown_report(corpus: Corpus, vocabulary: Vocabulary) -> list[Unknown]:
    """Each character of a text that the vocabulary lacks, most frequent first.

    Raises:
        CorpusError: the text cannot be read.
    """
    counts = corpus.statistics().counts
    codes = unknown_codes(vocabulary, counts).tolist()
    places = _first_places(corpus, codes)
    found = [
        Unknown(chr(code), code_point(code), name(code), int(counts[code]), *places[code])
        for code in codes
        if code in places
    ]
    return sorted(found, key=lambda unknown: (-unknown.count, unknown.character))


def _first_places(corpus: Corpus, codes: list[int]) -> dict[int, tuple[str, int, int]]:
    """Source, line and column of the first of each code; read only as far as one is missing."""
    places: dict[int, tuple[str, int, int]] = {}
    within = joins() if corpus.reading.normalize in {"nfd", "nfkd"} else np.zeros(0x110000, np.bool_)
    for number, source in enumerate(corpus.sources):
        line, column = 1, 1
        for begun, text in corpus.placed_texts(number):
            line, column = (line, column) if begun is None else (begun, 1)
            missing = [code for code in codes if code not in places]
            if not missing:
                return places
            piece = to_codes(text)
            for code, index in _first_indices(piece, missing).items():
                found_line, found_column = _behind(piece[:index], line, column, within)
                places[code] = (source.name, found_line, found_column - bool(within[code]))
            line, column = _behind(piece, line, column, within)
    return places


def _first_indices(codes: NDArray[np.uint32], wanted: list[int]) -> dict[int, int]:
    indices = np.flatnonzero(np.isin(codes, wanted))
    distinct, first = np.unique(codes[indices], return_index=True)
    return dict(zip(distinct.tolist(), indices[first].tolist(), strict=True))


def _behind(codes: NDArray[np.uint32], line: int, column: int, within: NDArray[np.bool_]) -> tuple[int, int]:
    """The line and column behind codes that begin at a line and column; some are within a character."""
    feeds = np.flatnonzero(codes == LINE_FEED)
    last = codes[int(feeds[-1]) + 1 :] if len(feeds) else codes
    begun = len(last) - int(np.count_nonzero(within[last]))
    return (line + len(feeds), 1 + begun) if len(feeds) else (line, column + begun)
