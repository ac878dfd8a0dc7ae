"""Statistics of a text from a single pass. Knows nothing of where the text comes from."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from charrnn.text.codes import CARRIAGE_RETURN, CODE_SPACE, END, LINE_FEED, to_codes, to_text

_CONTINUATION_MASK, _CONTINUATION = 0xC0, 0x80
_LAST_OF_UTF8_LENGTHS = (0x7F, 0x7FF, 0xFFFF)


@dataclass(frozen=True)
class Statistics:
    """What one pass over a text counted.

    Attributes:
        counts: (CODE_SPACE,) how often each code occurs, `END` included.
        starts: (CODE_SPACE,) how often each code begins the text or a line of it (a record, in lines mode).
        symbols: the sum of the counts.
        characters: code points of the text as read: decoded, without its mark, before normalising. At byte
            level the bytes that begin a character in UTF-8.
        utf8_bytes: the length of that same text in UTF-8; at byte level the bytes.
        file_bytes: bytes read, decompressed.
        records: lines or records in lines mode, else 0.
        empty_records: those without a character.
        longest_record: symbols of the longest one, without its end mark; 0 outside lines mode.
        fingerprint: SHA-256, as hex, of all bytes and of how they are read.
    """

    counts: NDArray[np.int64]
    starts: NDArray[np.int64]
    symbols: int
    characters: int
    utf8_bytes: int
    file_bytes: int
    records: int
    empty_records: int
    longest_record: int
    fingerprint: str


class Tally:
    """Counts the characters of a text as read, and what they take in UTF-8, while it passes."""

    def __init__(self, level: str) -> None:
        self.characters = 0
        self.utf8_bytes = 0
        self._level = level

    def add(self, text: str) -> None:
        """Count one more piece of the text."""
        if self._level == "byte":
            self.characters += len(character_starts(text))
            self.utf8_bytes += len(text)
        elif text.isascii():
            self.characters += len(text)
            self.utf8_bytes += len(text)
        else:
            self.add_codes(to_codes(text))

    def add_codes(self, codes: NDArray[np.uint32]) -> None:
        """Count one more piece, given as codes."""
        if self._level == "byte":
            self.add(to_text(codes))
            return
        self.characters += len(codes)
        # Comparing them is twice as fast as encoding.
        beyond = sum(int(np.count_nonzero(codes > last)) for last in _LAST_OF_UTF8_LENGTHS)
        self.utf8_bytes += len(codes) + beyond


def character_starts(text: str) -> NDArray[np.intp]:
    """Where, in bytes taken as text, those stand that are not UTF-8 continuation bytes."""
    data = np.frombuffer(text.encode("latin-1"), np.uint8)
    return np.flatnonzero((data & _CONTINUATION_MASK) != _CONTINUATION)


class CodeCounter:
    """Counts codes, which of them begin a line or a record, and how long records are, while they pass."""

    def __init__(self, *, is_lines: bool) -> None:
        self.counts = np.zeros(CODE_SPACE, np.int64)
        self.starts = np.zeros(CODE_SPACE, np.int64)
        self.empty_records = self.longest_record = 0
        self._open = 0
        self._break = END if is_lines else LINE_FEED
        self._before = self._break

    def add(self, codes: NDArray[np.uint32]) -> None:
        """Count one more piece of the text."""
        if not len(codes):
            return
        breaks = np.flatnonzero(codes == self._break)
        first = codes[breaks[breaks < len(codes) - 1] + 1]
        if self._before == self._break:
            first = np.append(codes[0], first)
        self._before = int(codes[-1])
        self.empty_records += int(np.count_nonzero(first == END))
        _accumulate(self.starts, first[(first != LINE_FEED) & (first != CARRIAGE_RETURN) & (first != END)])
        if self._break == END:
            self._measure(breaks, len(codes))
            # End marks apart: they would stretch the table of this piece to the whole code space.
            self.counts[END] += len(breaks)
            codes = codes[codes != END]
        _accumulate(self.counts, codes)

    def _measure(self, ends: NDArray[np.intp], symbols: int) -> None:
        """Look for the longest record among those that end in a piece of so many symbols."""
        places = np.append(-1 - self._open, ends)
        self.longest_record = max(self.longest_record, int(np.diff(places).max(initial=1)) - 1)
        self._open = symbols - 1 - int(places[-1])


def _accumulate(counts: NDArray[np.int64], codes: NDArray[np.uint32]) -> None:
    """Add how often each code occurs."""
    found = np.bincount(codes)
    counts[: len(found)] += found
