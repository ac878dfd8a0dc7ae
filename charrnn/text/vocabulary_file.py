"""A vocabulary as JSON, in a file or in a checkpoint; everything read is validated."""

import json
from pathlib import Path
from typing import Any

import numpy as np

from charrnn.errors import CorpusError
from charrnn.text.codes import CODE_SPACE, END
from charrnn.text.files import read_given
from charrnn.text.vocabulary import LEVELS, Vocabulary

_MOST_BYTES = 2**26
_MOST_SYMBOLS = 2**53


def vocabulary_to_json(vocabulary: Vocabulary) -> dict[str, Any]:
    """A vocabulary as what `json.dumps` takes; `END` and `UNKNOWN` keep their pseudo code points."""
    pairs = zip(vocabulary.codes.tolist(), vocabulary.counts.tolist(), strict=True)
    return {"level": vocabulary.level, "entries": [{"code": code, "count": count} for code, count in pairs]}


def vocabulary_from_json(data: object) -> Vocabulary:
    """The vocabulary that `vocabulary_to_json` described; other keys are left alone.

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
    return Vocabulary(data["level"], np.array(codes, np.uint32), np.array(counts, np.int64))


def read_vocabulary(path: str) -> Vocabulary:
    """The vocabulary in a JSON file that `charrnn vocab --output` wrote.

    Raises:
        CorpusError: the file is missing, unreadable or no vocabulary.
    """
    try:
        return vocabulary_from_json(_parsed(read_given(Path(path), _MOST_BYTES)))
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
