"""Unicode normal forms of a text that is read in pieces. Knows nothing of files or vocabularies."""

import functools
import itertools
import unicodedata
from collections.abc import Iterable, Iterator
from typing import Literal, cast

import numpy as np
from numpy.typing import NDArray

from charrnn.text.codes import to_codes

RUN_LIMIT = 1024
"""A run of characters that all join their predecessor is parted after so many: Unicode's sorting of
combining marks takes time with the square of a run, and no writing has runs of more than about 30."""

_HANGUL_VOWELS_AND_FINALS = (*range(0x1161, 0x1176), *range(0x11A8, 0x11C3))
_WITH_MARKS = (range(0x30000), range(0xE0000, 0xE1000))  # elsewhere Unicode has ideographs and private use

FIRST_MARK = 0x300
"""Below there is nothing that joins what stands before it."""

_ALONE = ((0x3400, 0xA000), (0xAC00, 0xD7A4))
"""Ideographs and Hangul syllables, which nothing before them is changed by."""

Form = Literal["NFC", "NFD", "NFKC", "NFKD"]


def normalized(texts: Iterable[str], form: str) -> Iterator[str]:
    """The normal form of a text: the same wherever its pieces are parted.

    Args:
        texts: the pieces.
        form: `nfc`, `nfd`, `nfkc` or `nfkd`, or `none` for the text as it is.
    """
    if form == "none":
        yield from texts
        return
    for text in separable(texts):
        yield normal_form(text, form)


def normal_form(text: str, form: str) -> str:
    """The normal form of a whole text; `none` leaves it as it is."""
    return text if form == "none" else unicodedata.normalize(cast("Form", form.upper()), text)


def separable(texts: Iterable[str]) -> Iterator[str]:
    """The same text in pieces whose normal forms, one after the other, are the whole's."""
    held = ""
    for text in texts:
        joined = held + text
        cuts = _cuts(joined)
        for start, end in zip([0, *cuts], cuts, strict=False):
            yield joined[start:end]
        held = joined[cuts[-1] :] if cuts else joined
    yield held


@functools.cache
def joins() -> NDArray[np.bool_]:
    """For each code point, whether normalising may move or change what stands before it."""
    table = np.zeros(0x110000, np.bool_)
    table[list(_HANGUL_VOWELS_AND_FINALS)] = True
    decomposed = []
    for code in itertools.chain(*_WITH_MARKS):
        character = chr(code)
        table[code] |= unicodedata.combining(character) > 0
        parts = unicodedata.decomposition(character)
        if parts:
            decomposed.append(code)
            if not parts.startswith("<") and " " in parts:
                table[int(parts.split()[1], 16)] = True
    for code in decomposed:
        table[code] |= table[ord(unicodedata.normalize("NFKD", chr(code))[0])]
    return table


def is_joined(character: str) -> bool:
    """As `joins`, of one character; most need no table, which takes a tenth of a second to make."""
    code = ord(character)
    is_alone = code < FIRST_MARK or any(first <= code < end for first, end in _ALONE)
    return not is_alone and bool(joins()[code])


def _cuts(text: str) -> list[int]:
    """Where a text may be parted: the last place at least, and within runs that are too long."""
    if text.isascii():
        return [len(text) - 1] if text else []
    safe = ~joins().take(to_codes(text))
    safe[0] = True
    starts = np.flatnonzero(safe)
    lengths = np.diff(starts, append=len(text))
    within = [
        place
        for run in np.flatnonzero(lengths > RUN_LIMIT)
        for place in range(int(starts[run]), int(starts[run] + lengths[run]), RUN_LIMIT)
    ]
    last = int(starts[-1])
    return within if within and within[-1] >= last else [*within, last]
