"""Characters and their ids: encoding and decoding. Knows nothing of models or torch.

Counting, files and tables are in `vocabulary_counts.py`, `vocabulary_file.py` and `vocabulary_entries.py`.
"""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from charrnn.errors import UnknownCharacterError
from charrnn.text.character_names import tally
from charrnn.text.codes import (
    CODE_SPACE,
    END,
    LINE_FEED,
    REPLACEMENT,
    UNKNOWN,
    bytes_as_text,
    to_codes,
    to_text,
)

Ids = NDArray[np.unsignedinteger[Any]]

LEVELS = ("char", "byte")

_PSEUDO_SYMBOLS = {END: "<end>", UNKNOWN: "<unknown>"}


class Vocabulary:
    """The symbols a model knows; a symbol's id is its place in ascending order of code point. Immutable."""

    def __init__(self, level: str, codes: ArrayLike, counts: ArrayLike) -> None:
        """Take distinct codes, in any order, and how often each occurs.

        Args:
            level: `char`, where a code is a code point, or `byte`, where it is a byte.
            codes: the distinct codes; `END` and `UNKNOWN` may be among them.
            counts: as many counts.
        """
        order = np.argsort(np.asarray(codes), kind="stable")
        self.level = level
        self.codes: NDArray[np.uint32] = np.asarray(codes, np.uint32)[order]
        self.counts: NDArray[np.int64] = np.asarray(counts, np.int64)[order]
        self.codes.setflags(write=False)
        self.counts.setflags(write=False)
        self.dtype = _smallest_dtype(len(self.codes))

    @classmethod
    def from_text(
        cls, text: str, level: str = "char", *, end: bool = False, unknown: bool = False
    ) -> Vocabulary:
        """The vocabulary of a short text, with an end mark and an unknown symbol as asked."""
        counts = np.bincount(text_codes(text, level), minlength=CODE_SPACE)
        codes = np.arange(256) if level == "byte" else np.flatnonzero(counts)
        return cls.of_codes(codes.astype(np.uint32), counts, level, unknown=unknown, end=end)

    @classmethod
    def of_codes(
        cls, codes: NDArray[np.uint32], counts: NDArray[np.int64], level: str, *, unknown: bool, end: bool
    ) -> Vocabulary:
        """These codes with their counts; the unknown symbol gets what the others leave over."""
        pseudo = [END] * end + [UNKNOWN] * unknown
        left = int(counts[:END].sum() - counts[codes].sum())
        extra = [int(counts[END])] * end + [left] * unknown
        return cls(level, np.append(codes, np.array(pseudo, np.uint32)), np.append(counts[codes], extra))

    def __len__(self) -> int:
        return len(self.codes)

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, Vocabulary)
            and self.level == other.level
            and np.array_equal(self.codes, other.codes)
            and np.array_equal(self.counts, other.counts)
        )

    def __hash__(self) -> int:
        return hash((self.level, self.codes.tobytes(), self.counts.tobytes()))

    def __repr__(self) -> str:
        return f"Vocabulary(level={self.level!r}, {len(self)} symbols)"

    @property
    def mode(self) -> str:
        """What it is the vocabulary of: `text`, or `lines`, each of which ends with an end mark."""
        return "text" if self.end is None else "lines"

    @property
    def end(self) -> int | None:
        """The id of the end mark."""
        return self._id(END)

    @cached_property
    def end_marks(self) -> NDArray[np.intp]:
        """What stands before every text that a model reads: (1,) the end mark; in text mode (0,) nothing."""
        return np.flatnonzero(self.codes == END)

    @property
    def unknown(self) -> int | None:
        """The id of the unknown symbol."""
        return self._id(UNKNOWN)

    def _id(self, code: int) -> int | None:
        place = int(np.searchsorted(self.codes, code))
        return place if place < len(self) and self.codes[place] == code else None

    def knows(self, character: str) -> bool:
        """Whether a character has an id of its own; at byte level every one has."""
        return self.level == "byte" or self._id(ord(character)) is not None

    def marking(self) -> Vocabulary:
        """The vocabulary with an unknown symbol, the last one; the same where it has one."""
        return self if self.unknown is not None else self._with_unknown

    @cached_property
    def _with_unknown(self) -> Vocabulary:
        return Vocabulary(self.level, np.append(self.codes, np.uint32(UNKNOWN)), np.append(self.counts, 0))

    def encode(self, text: str) -> Ids:
        """The ids of a text; at byte level those of its UTF-8 bytes.

        Raises:
            UnknownCharacterError: characters have no id and there is no unknown symbol to stand for them.
        """
        return self.encode_codes(text_codes(text, self.level))

    def encode_codes(self, codes: NDArray[np.integer[Any]]) -> Ids:
        """The ids of an array of codes, `END` among them.

        Raises:
            UnknownCharacterError: codes have no id and there is no unknown symbol to stand for them.
        """
        ids = self._table.take(codes)
        if self.unknown is None and ids.size and ids.max() == len(self):
            unknown, counts = np.unique(codes[ids == len(self)], return_counts=True)
            raise UnknownCharacterError(unknown_message(unknown, counts))
        return ids.astype(self.dtype, copy=False)

    @cached_property
    def _table(self) -> Ids:
        """The id of each code; those without have the unknown symbol's, or one past the last."""
        missing = len(self) if self.unknown is None else self.unknown
        table = np.full(CODE_SPACE, missing, _smallest_dtype(len(self) + 1))
        table[self.codes] = np.arange(len(self), dtype=table.dtype)
        return table

    def decode(self, ids: ArrayLike) -> str:
        """The text of ids: a line feed for an end mark, U+FFFD for the unknown symbol and broken UTF-8."""
        if self.level == "byte":
            return self.decode_bytes(ids).decode("utf-8", "replace")
        return to_text(self._printed_codes[np.asarray(ids, np.intp)])

    def decode_bytes(self, ids: ArrayLike) -> bytes:
        """The bytes of ids: exact at byte level, else the UTF-8 of the text (lone surrogates kept)."""
        if self.level == "byte":
            return self._printed_codes[np.asarray(ids, np.intp)].astype(np.uint8).tobytes()
        return self.decode(ids).encode("utf-8", "surrogatepass")

    @cached_property
    def _printed_codes(self) -> NDArray[np.uint32]:
        printed = np.where(self.codes == END, np.uint32(LINE_FEED), self.codes)
        return np.where(printed == UNKNOWN, np.uint32(REPLACEMENT), printed)

    def symbols(self) -> list[str]:
        r"""Each id's symbol as text: `<end>`, `<unknown>`, and `\x80` for a byte that is no character."""
        return [symbol(code, self.level) for code in self.codes.tolist()]


def symbol(code: int, level: str) -> str:
    """One code's symbol as text."""
    if code in _PSEUDO_SYMBOLS:
        return _PSEUDO_SYMBOLS[code]
    return f"\\x{code:02x}" if level == "byte" and code >= 0x80 else chr(code)


def _smallest_dtype(values: int) -> np.dtype[np.unsignedinteger[Any]]:
    """The narrowest unsigned type that tells so many values apart."""
    return np.dtype(np.min_scalar_type(values - 1)) if values <= 2**32 else np.dtype(np.uint64)


def text_codes(text: str, level: str) -> NDArray[np.uint32]:
    """The symbols of a text, as codes: its characters, or its UTF-8 bytes."""
    return to_codes(bytes_as_text(text.encode("utf-8", "surrogatepass")) if level == "byte" else text)


def unknown_message(codes: NDArray[np.integer[Any]], counts: NDArray[np.integer[Any]]) -> str:
    """What to say of codes that have no id, which occur so often."""
    listed = tally(codes, counts)
    return f"not in the vocabulary: {listed}; leave them out, or train on text that has them"
