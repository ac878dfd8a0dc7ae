"""Which characters of a text as read its symbols stand for: bytes and normal forms make several of one.

Knows nothing of files or vocabularies.
"""

import functools
from collections.abc import Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

from charrnn.text.codes import to_codes
from charrnn.text.normalization import joins, normal_form

Codes = NDArray[np.uint32]
Begins = NDArray[np.uint16]
"""For each symbol, how many characters as read begin with it: one, none, or several that were composed."""

_DECOMPOSED = {"nfd": "nfd", "nfc": "nfd", "nfkd": "nfkd", "nfkc": "nfkd"}
"""What each form is made of before characters are composed, if they are."""

_LONGEST_BYTES = 4
_CONTINUATION_MASK, _CONTINUATION = 0xC0, 0x80


def begins(text: str, codes: Codes, level: str, form: str) -> Begins:
    """How many characters begin with each symbol.

    Decomposing is followed character by character. Composing is followed from one character that nothing
    joins to the next: within such a group the first symbols begin one character each, and what is left
    over begins with the very first.

    Args:
        text: as read; at byte level it is not looked at.
        codes: the symbols it became, all of them.
        level: `char` or `byte`.
        form: the normal form.
    """
    if level == "byte":
        return _begins_character(codes).astype(np.uint16)
    if form == "none":
        return np.ones(len(codes), np.uint16)
    found = np.zeros(len(to_codes(normal_form(text, _DECOMPOSED[form]))), np.uint16)
    lengths = _lengths(to_codes(text), _DECOMPOSED[form])
    found[np.cumsum(lengths) - lengths] = 1
    return found if form == _DECOMPOSED[form] else _composed(found, text, codes, _DECOMPOSED[form])


def first_character(codes: Codes, level: str, form: str) -> int:
    """How many symbols the first character of a text has, going by the symbols alone."""
    if level == "byte":
        starts = _begins_character(codes[1:])
    elif form == "none":
        return min(1, len(codes))
    else:
        starts = _is_safe(codes[1:])
    return 1 + int(np.argmax(starts)) if starts.any() else len(codes)


def unbroken(pieces: Iterable[Codes]) -> Iterator[Codes]:
    """Bytes in pieces that end where a character does, as far as they are UTF-8."""
    held = np.empty(0, np.uint32)
    for piece in pieces:
        joined = np.append(held, piece)
        starts = np.flatnonzero(_begins_character(joined[-_LONGEST_BYTES:]))
        last = (
            len(joined) - min(_LONGEST_BYTES, len(joined)) + int(starts[-1]) if len(starts) else len(joined)
        )
        yield joined[:last]
        held = joined[last:]
    yield held


def _begins_character(codes: Codes) -> NDArray[np.bool_]:
    """Whether each byte is none that continues a character of UTF-8."""
    begin: NDArray[np.bool_] = (codes & _CONTINUATION_MASK) != _CONTINUATION
    return begin


def _composed(found: Begins, text: str, codes: Codes, form: str) -> Begins:
    """What begins with each composed symbol, from what begins with each decomposed one."""
    groups = _groups(to_codes(normal_form(text, form)))
    starts = _groups(codes)
    if not len(groups):
        return found
    totals = np.add.reduceat(found.astype(np.int64), groups)
    sizes = np.diff(starts, append=len(codes))
    places = np.arange(len(codes)) - np.repeat(starts, sizes)
    spread = (places < np.repeat(totals, sizes)).astype(np.uint16)
    spread[starts] += np.maximum(totals - sizes, 0).astype(np.uint16)
    return spread


def _groups(codes: Codes) -> NDArray[np.intp]:
    """Where a character stands that joins none before it."""
    safe = _is_safe(codes)
    safe[:1] = True
    return np.flatnonzero(safe)


def _is_safe(codes: Codes) -> NDArray[np.bool_]:
    """Whether each character joins none before it, end marks included."""
    return ~joins().take(codes, mode="clip")


def _lengths(codes: Codes, form: str) -> NDArray[np.int64]:
    """How many code points each character is decomposed into."""
    distinct, places = np.unique(codes, return_inverse=True)
    return np.array([_length(code, form) for code in distinct.tolist()], np.int64)[places]


@functools.cache
def _length(code: int, form: str) -> int:
    return len(normal_form(chr(code), form))
