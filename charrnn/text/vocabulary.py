"""Characters and their ids: counting, encoding, decoding, JSON. Knows nothing of models or torch."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from charrnn.errors import CorpusError, UnknownCharacterError, UsageError
from charrnn.text.character_names import code_point, describe, flags, name
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
from charrnn.text.files import read_given

__all__ = ["CODE_SPACE", "END", "UNKNOWN", "Entry", "Ids", "Vocabulary", "read_vocabulary"]

Ids = NDArray[np.unsignedinteger[Any]]

LEVELS = ("char", "byte")

_PSEUDO_SYMBOLS = {END: "<end>", UNKNOWN: "<unknown>"}
_LISTED = 5
_MOST_BYTES = 2**26
_MOST_SYMBOLS = 2**53


@dataclass(frozen=True)
class Entry:
    r"""One symbol of a vocabulary, for people.

    Attributes:
        character: the symbol as text; `<end>`, `<unknown>`, and `\x80` for a byte that is no character.
        code_point: such as U+0041; a byte as 0x41; empty for the end mark and the unknown symbol.
        name: the Unicode name.
        count: how often it occurs.
        share: of all symbols, between 0 and 1.
        flags: what deserves a second look, such as `no-break space`.
    """

    character: str
    code_point: str
    name: str
    count: int
    share: float
    flags: list[str] = field(default_factory=list)


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
    def from_counts(
        cls, counts: NDArray[np.int64], level: str, *, min_count: int = 1, end: bool = False
    ) -> Vocabulary:
        """The vocabulary of a text, from how often each code occurs in it.

        Args:
            counts: (CODE_SPACE,) how often each code occurs.
            level: `char`, or `byte` for all 256 bytes whether they occur or not.
            min_count: characters that occur fewer times become the unknown symbol, which is there
                whenever this is above 1. Bytes are never unknown.
            end: whether there is an end mark, whether it occurs or not.

        Raises:
            UsageError: no character occurs so often.
        """
        if level == "byte":
            return cls._of_codes(np.arange(256, dtype=np.uint32), counts, level, unknown=False, end=end)
        frequent = np.flatnonzero(counts[:END] >= min_count)
        if min_count > 1 and not len(frequent):
            most = int(counts[:END].max())
            raise UsageError(
                f"--min-count is {min_count:,}, but no character occurs over {most:,} times; give a lower one"
            )
        return cls._of_codes(frequent.astype(np.uint32), counts, level, unknown=min_count > 1, end=end)

    @classmethod
    def from_text(
        cls, text: str, level: str = "char", *, end: bool = False, unknown: bool = False
    ) -> Vocabulary:
        """The vocabulary of a short text, with an end mark and an unknown symbol as asked."""
        counts = np.bincount(_text_codes(text, level), minlength=CODE_SPACE)
        codes = np.arange(256) if level == "byte" else np.flatnonzero(counts)
        return cls._of_codes(codes.astype(np.uint32), counts, level, unknown=unknown, end=end)

    @classmethod
    def _of_codes(
        cls, codes: NDArray[np.uint32], counts: NDArray[np.int64], level: str, *, unknown: bool, end: bool
    ) -> Vocabulary:
        """These codes with their counts; the unknown symbol gets what the others leave over."""
        pseudo = [END] * end + [UNKNOWN] * unknown
        left = int(counts[:END].sum() - counts[codes].sum())
        extra = [int(counts[END])] * end + [left] * unknown
        return cls(level, np.append(codes, np.array(pseudo, np.uint32)), np.append(counts[codes], extra))

    def recounted(self, counts: NDArray[np.int64], *, end: bool = False) -> Vocabulary:
        """The same characters counted in another text, whose other characters become the unknown symbol.

        Args:
            counts: (CODE_SPACE,) how often each code occurs in that text.
            end: whether there is an end mark.
        """
        characters = self.codes[self.codes < END]
        return self._of_codes(characters, counts, self.level, unknown=self.level == "char", end=end)

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

    def unknown_codes(self, counts: NDArray[np.int64]) -> NDArray[np.intp]:
        """The codes that occur in a text, going by its counts, and have no id of their own here."""
        occurs = counts > 0
        occurs[self.codes] = False
        return np.flatnonzero(occurs)

    def check_known(self, counts: NDArray[np.int64], name: str) -> None:
        """Check that every code of a text has an id.

        Args:
            counts: (CODE_SPACE,) how often each code occurs in the text.
            name: what the message calls the text.

        Raises:
            UnknownCharacterError: some have none, and there is no unknown symbol to stand for them.
        """
        unknown = self.unknown_codes(counts)
        if len(unknown) and self.unknown is None:
            raise UnknownCharacterError(f"{name}: {_unknown_message(unknown, counts[unknown])}")

    def marking(self) -> Vocabulary:
        """The vocabulary with an unknown symbol, the last one; the same where it has one."""
        if self.unknown is not None:
            return self
        return Vocabulary(self.level, np.append(self.codes, np.uint32(UNKNOWN)), np.append(self.counts, 0))

    def encode(self, text: str) -> Ids:
        """The ids of a text; at byte level those of its UTF-8 bytes.

        Raises:
            UnknownCharacterError: characters have no id and there is no unknown symbol to stand for them.
        """
        return self.encode_codes(_text_codes(text, self.level))

    def encode_codes(self, codes: NDArray[np.integer[Any]]) -> Ids:
        """The ids of an array of codes, `END` among them.

        Raises:
            UnknownCharacterError: codes have no id and there is no unknown symbol to stand for them.
        """
        ids = self._table.take(codes)
        if self.unknown is None and ids.size and ids.max() == len(self):
            unknown, counts = np.unique(codes[ids == len(self)], return_counts=True)
            raise UnknownCharacterError(_unknown_message(unknown, counts))
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
        return [self._symbol(code) for code in self.codes.tolist()]

    def _symbol(self, code: int) -> str:
        if code in _PSEUDO_SYMBOLS:
            return _PSEUDO_SYMBOLS[code]
        return f"\\x{code:02x}" if self.level == "byte" and code >= 0x80 else chr(code)

    def entries(self) -> list[Entry]:
        """Every symbol with its count, most frequent first, equal counts by code point."""
        order = np.lexsort((self.codes, -self.counts))
        present = set(self.codes[self.counts > 0].tolist()) if self.level == "char" else set()
        total = max(int(self.counts.sum()), 1)
        return [self._entry(int(self.codes[i]), int(self.counts[i]), total, present) for i in order]

    def _entry(self, code: int, count: int, total: int, present: set[int]) -> Entry:
        is_byte = self.level == "byte" and code < END
        point, called = (f"0x{code:02X}", f"BYTE {code:02X}") if is_byte else (code_point(code), name(code))
        called = name(code) if is_byte and code < 0x80 else called
        return Entry(
            self._symbol(code), point, called, count, count / total, flags(code, present) if present else []
        )

    def to_json(self) -> dict[str, Any]:
        """The vocabulary as what `json.dumps` takes; `END` and `UNKNOWN` keep their pseudo code points."""
        pairs = zip(self.codes.tolist(), self.counts.tolist(), strict=True)
        return {"level": self.level, "entries": [{"code": code, "count": count} for code, count in pairs]}

    @classmethod
    def from_json(cls, data: object) -> Vocabulary:
        """The vocabulary that `to_json` described; other keys are left alone.

        Raises:
            ValueError: the data is not a vocabulary; the message says what is wrong with it.
        """
        if not isinstance(data, dict) or data.get("level") not in LEVELS:
            raise ValueError("a vocabulary has a level, char or byte")
        entries = data.get("entries")
        if not isinstance(entries, list) or not 0 < len(entries) <= CODE_SPACE:
            raise ValueError(f"a vocabulary has a list of 1 to {CODE_SPACE:,} entries")
        codes = [_whole_number(entry, "code", CODE_SPACE) for entry in entries]
        counts = [_whole_number(entry, "count", _MOST_SYMBOLS + 1) for entry in entries]
        if sum(counts) > _MOST_SYMBOLS:
            raise ValueError(f"a vocabulary counts {_MOST_SYMBOLS:,} symbols at most")
        if len(set(codes)) != len(codes):
            raise ValueError("a vocabulary has each code once")
        if data["level"] == "byte" and sorted(code for code in codes if code != END) != list(range(256)):
            raise ValueError("a vocabulary of bytes has the codes 0 to 255")
        return cls(data["level"], np.array(codes, np.uint32), np.array(counts, np.int64))


def read_vocabulary(path: str) -> Vocabulary:
    """The vocabulary in a JSON file that `charrnn vocab --output` wrote.

    Raises:
        CorpusError: the file is missing, unreadable or no vocabulary.
    """
    try:
        return Vocabulary.from_json(_parsed(read_given(Path(path), _MOST_BYTES)))
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise CorpusError(f"{path}: {reason}; give a file of `charrnn vocab --output`") from error
    except (ValueError, RecursionError) as error:
        raise CorpusError(
            f"{path} is not a vocabulary: {error}; give a file of `charrnn vocab --output`"
        ) from error


def _parsed(data: bytes) -> object:
    """The JSON of a file from elsewhere, if it cannot become more objects than a vocabulary has."""
    if sum(map(data.count, (b"[", b"{", b","))) > 4 * CODE_SPACE:
        raise ValueError("it has more entries than any vocabulary")
    return json.loads(data)


def _whole_number(entry: object, key: str, limit: int) -> int:
    value = entry.get(key) if isinstance(entry, dict) else None
    if type(value) is not int or not 0 <= value < limit:
        raise ValueError(f"each entry has a {key} from 0 to {limit - 1:,}, not {str(value)[:40]}")
    return value


def _smallest_dtype(values: int) -> np.dtype[np.unsignedinteger[Any]]:
    """The narrowest unsigned type that tells so many values apart."""
    return np.dtype(np.min_scalar_type(values - 1)) if values <= 2**32 else np.dtype(np.uint64)


def _text_codes(text: str, level: str) -> NDArray[np.uint32]:
    return to_codes(bytes_as_text(text.encode("utf-8", "surrogatepass")) if level == "byte" else text)


def _unknown_message(codes: NDArray[np.integer[Any]], counts: NDArray[np.integer[Any]]) -> str:
    listed = tally(codes, counts)
    return f"not in the vocabulary: {listed}; leave them out, or train on text that has them"


def tally(codes: NDArray[np.integer[Any]], counts: NDArray[np.integer[Any]]) -> str:
    """The first few of some codes with how often each occurs, and how many more there are."""
    pairs = list(zip(codes.tolist(), counts.tolist(), strict=True))
    listed = ", ".join(f"{describe(code)} ({count:,}x)" for code, count in pairs[:_LISTED])
    return listed + (f" and {len(pairs) - _LISTED:,} more" if len(pairs) > _LISTED else "")
