"""What is inspected: passages of equal length, spread over a text, as symbols and as characters.

Knows nothing of networks.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from charrnn.errors import CorpusError
from charrnn.text.codes import END
from charrnn.text.passages import Passage
from charrnn.text.vocabulary import Vocabulary

Places = NDArray[np.int64]

MOST = 2**19
"""Symbols of a text that passages are spread over; of a longer one its beginning."""

LONGEST, SHORTEST = 250, 50
"""Symbols of a passage."""

PASSAGES = 40
"""So many at least, where they need not be shorter than the shortest."""

LEAST = 16 * SHORTEST
"""Symbols of the shortest text: halves of fewer than eight passages could not be told from chance."""


@dataclass(frozen=True)
class Symbols:
    """A text as a network reads it, without the symbols that it is not shown.

    Attributes:
        text: its characters; a line feed for each end mark.
        codes: (N,) its symbols.
        ids: (N,) the same for the network.
        places: (N,) which character of the text each symbol is of.
        starts: where reading begins from a blank state, ascending, 0 first.
        breaks: which of these begin another text; in lines mode the first alone, since lines are one text.
        shown: (N,) what the network is shown in the place of the ids, if that is something else.
    """

    text: str
    codes: NDArray[np.uint32]
    ids: NDArray[np.int64]
    places: Places
    starts: Places
    breaks: Places
    shown: NDArray[np.int64] | None = None

    @property
    def inputs(self) -> NDArray[np.int64]:
        """(N,) what the network is shown."""
        return self.ids if self.shown is None else self.shown


def symbols_of(
    texts: Iterable[Iterable[Passage]], vocabulary: Vocabulary, *, ends_first: bool = True
) -> Symbols:
    """Put a text together, up to a length.

    Args:
        texts: what begins blank, each as it comes; in lines mode all lines together.
        vocabulary: the network's.
        ends_first: in lines mode, whether a line is read from the end mark before it; else up to its own.
    """
    pieces, begins, count, characters = [], [0], 0, 0
    for passages in texts:
        for piece in passages:
            text = piece.text or "\n"  # the end mark before the first line
            shown = piece.ids < len(vocabulary)
            # The last character that begins with a symbol or before it, which is before the next one's.
            places = characters + np.maximum(piece.places[1:] - 1, 0)[shown]
            pieces.append((text, piece.codes[shown], piece.ids[shown].astype(np.int64), places))
            count, characters = count + int(shown.sum()), characters + len(text)
            if count >= MOST:
                break
        begins.append(count)
        if count >= MOST:
            break
    parts, *arrays = zip(*pieces, strict=True)
    codes, ids, of_text = (np.concatenate(some) for some in arrays)
    starts = np.unique([begin for begin in begins if begin < count])
    whole = Symbols("".join(parts), codes, ids, of_text, starts, starts)
    if vocabulary.level == "byte":
        whole = _decoded(whole)
    return whole if vocabulary.end is None else _lines(whole, ends_first=ends_first)


def _decoded(whole: Symbols) -> Symbols:
    """Bytes as the characters that they spell; a byte that is no part of one is one."""
    text = whole.text.encode("latin-1").decode("utf-8", "surrogateescape")
    codes = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), np.uint32)
    stray = (codes >= 0xDC80) & (codes < 0xDD00)
    sizes = np.where(stray, 1, 1 + (codes >= 0x80).astype(int) + (codes >= 0x800) + (codes >= 0x10000))
    numbers = np.repeat(np.arange(len(codes)), sizes)
    return Symbols(text, whole.codes, whole.ids, numbers[whole.places], whole.starts, whole.breaks)


def _lines(whole: Symbols, *, ends_first: bool) -> Symbols:
    """Lines, each read by itself: the last end mark is read by none, or else the first."""
    kept = slice(None, -1) if ends_first else slice(1, None)
    codes, ids, places = whole.codes[kept], whole.ids[kept], whole.places[kept]
    ends = np.flatnonzero(codes == END)
    starts = ends if ends_first else np.append(0, ends[:-1] + 1)
    return Symbols(whole.text, codes, ids, places, np.unique(np.append(0, starts)), np.zeros(1, np.int64))


@dataclass(frozen=True)
class Excerpts:
    """Passages of a text.

    Attributes:
        symbols: the text.
        begins: (P,) where each passage begins, ascending.
        length: symbols of each.
    """

    symbols: Symbols
    begins: Places
    length: int

    @property
    def count(self) -> int:
        """How many there are: P."""
        return len(self.begins)

    @property
    def rows(self) -> Places:
        """(P·T,) the symbols of all passages, one passage after the other."""
        rows: Places = (self.begins[:, None] + np.arange(self.length)).reshape(-1)
        return rows


def spread(symbols: Symbols, characters: int, name: str) -> Excerpts:
    """Passages of so many symbols together, spread evenly over a text.

    Args:
        symbols: the text.
        characters: how many; all there are, if these are fewer.
        name: what the text is called.

    Raises:
        CorpusError: it is too short.
    """
    total = len(symbols.ids)
    wanted = min(characters, total)
    if wanted < LEAST:
        raise CorpusError(
            f"{name} has {total:,} symbols that the model knows; expected {LEAST:,} or more; give a longer "
            "text"
        )
    length = max(SHORTEST, min(LONGEST, wanted // PASSAGES))
    count = wanted // length
    begins = np.linspace(0, total - length, count).astype(np.int64)
    return Excerpts(symbols, begins, length)
