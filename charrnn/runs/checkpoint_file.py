r"""A safetensors file with one JSON entry and a digest of its content. Knows nothing of what it means.

The `safetensors` library writes it and reads it. Its metadata has one key, "charrnn": a JSON object, the
entry. Its "digest" is the SHA-256 of

    the entry without it, as canonical JSON: keys sorted, no blanks;
    of each array, in the order of their names: the name, the type and the shape, as JSON, and the values

so that it does not depend on the file's layout: a file that another tool has read and written again is still
whole, and one with a changed value is not. (Format 2 had the digest of the file as it lay on disk.)

A file from elsewhere is untrusted: the header is bounded before anything parses it, and no array is read
before its name, type and shape are those that the reader computed.
"""

import hashlib
import json
import math
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from io import BufferedReader
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from charrnn.text.files import open_regular

ENTRY = "charrnn"

_NAMES = {np.dtype("<f4"): "F32", np.dtype("u1"): "U8"}
_ITEM_BYTES = {"F32": 4, "U8": 1}

PARSING_BYTES = 192 * 2**20
"""What parsing a header may take in memory, beside as much as the file itself."""

_CHUNK_BYTES = 2**24

Arrays = Mapping[str, NDArray[Any]]


@dataclass(frozen=True)
class ArrayKind:
    """Type and shape of an array."""

    dtype: str
    shape: tuple[int, ...]

    @property
    def size_bytes(self) -> int:
        """What the array takes."""
        return math.prod(self.shape, start=_ITEM_BYTES[self.dtype])

    @classmethod
    def of(cls, array: NDArray[Any]) -> "ArrayKind":
        """The kind of an array."""
        return cls(_NAMES[array.dtype], array.shape)

    def __str__(self) -> str:
        return f"{self.dtype} {list(self.shape)}"


def to_bytes(entry: Mapping[str, Any], arrays: Arrays) -> bytes:
    """A whole file.

    Args:
        entry: what `json.dumps` takes, numbers all finite.
        arrays: float32 or uint8.
    """
    ordered = {name: np.asarray(array, order="C") for name, array in sorted(arrays.items())}
    whole = {"digest": digest(entry, ordered), **entry}
    return save(ordered, {ENTRY: json.dumps(whole, separators=(",", ":"), allow_nan=False)})


def digest(entry: Mapping[str, Any], arrays: Arrays) -> str:
    """SHA-256 of an entry (without its own digest) and of arrays: equal for equal content."""
    found = hashlib.sha256(_canonical({key: value for key, value in entry.items() if key != "digest"}))
    for name, array in sorted(arrays.items()):
        kind = ArrayKind.of(array)
        found.update(_canonical([name, kind.dtype, kind.shape]))
        found.update(np.ascontiguousarray(array).reshape(-1).view(np.uint8).data)
    return found.hexdigest()


def _canonical(value: object) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False).encode("ascii")


class CheckpointFile:
    """A file whose header was read, and nothing else yet.

    Attributes:
        entry: its JSON entry.
    """

    def __init__(self, path: Path, file: Any) -> None:  # noqa: ANN401 - the library has no types
        self._path, self._file = path, file
        metadata = file.metadata() or {}
        if ENTRY not in metadata:
            raise ValueError("it is not a file that charrnn writes")
        self.entry: dict[str, Any] = json.loads(metadata[ENTRY])

    def read(self, kinds: Mapping[str, ArrayKind]) -> dict[str, NDArray[Any]]:
        """The arrays.

        Args:
            kinds: what they must be, by name.

        Raises:
            ValueError: they are others, the file was damaged, or a number is not finite.
        """
        self.check(kinds)
        arrays = {name: np.asarray(self._file.get_tensor(name)) for name in kinds}
        if self._digest(arrays) != self.entry["digest"]:
            raise ValueError("its digest is not that of its content: the file was damaged or changed")
        for name, array in arrays.items():
            if not np.isfinite(array).all():
                raise ValueError(f"{name} holds numbers that are not finite")
        return arrays

    def check(self, kinds: Mapping[str, ArrayKind]) -> None:
        """Compare the names, types and shapes of the arrays with what they must be.

        Raises:
            ValueError: they are others.
        """
        odd = sorted(set(self._file.keys()) ^ set(kinds))
        if odd:
            raise ValueError(f"its arrays are not those of its settings: {', '.join(odd[:3])[:120]}")
        for name, kind in kinds.items():
            stored = self._file.get_slice(name)
            found = ArrayKind(stored.get_dtype(), tuple(stored.get_shape()))
            if found != kind:
                raise ValueError(f"{name} is {found} where its settings say {kind}")

    def _digest(self, arrays: Arrays) -> str:
        return digest(self.entry, arrays) if self.entry["format"] != 2 else _digest_of_format_2(self._path)


@contextmanager
def opened(path: Path) -> Iterator[CheckpointFile]:
    """Open a file and read its header.

    Raises:
        OSError: it cannot be read.
        ValueError, KeyError, TypeError, AttributeError, RecursionError: it is no such file.
    """
    with open_regular(path) as file:
        _check_head(file)
    try:
        with safe_open(path, framework="numpy") as library:
            yield CheckpointFile(path, library)
    except SafetensorError as error:
        raise ValueError(f"it is not a safetensors file: {error}") from error


class OtherFileError(ValueError):
    """A file is of another kind: a text, say."""


def _check_head(file: BufferedReader) -> None:
    """Make sure that there is a header, and that parsing it takes no more memory than is fair."""
    size_bytes, length = os.fstat(file.fileno()).st_size, int.from_bytes(file.read(8), "little")
    if length > size_bytes - 8:
        if file.read(1) != b"{":
            raise OtherFileError("it is not a safetensors file")
        raise ValueError(f"it has {size_bytes:,} bytes, but its header claims {length:,}")
    # Ten copies of the text, some of them four bytes a character; an object for each bracket and comma.
    if 10 * length > PARSING_BYTES + size_bytes:
        raise ValueError(f"its header of {length:,} bytes is longer than any model's")
    head = file.read(length)
    if 10 * length + 128 * sum(map(head.count, (b"[", b"{", b","))) > PARSING_BYTES + size_bytes:
        raise ValueError("its header has more entries than any model's")


_BLANK = b"0" * 64
_FORMAT_2_BEGINS = b'{"__metadata__":{"charrnn":"{\\"digest\\":\\"'


def _digest_of_format_2(path: Path) -> str:
    """SHA-256 of a file of format 2, the 64 digits of the digest itself being zeros."""
    place = 8 + len(_FORMAT_2_BEGINS)
    with open_regular(path) as file:
        head = file.read(place + len(_BLANK))
        if head[8:place] != _FORMAT_2_BEGINS:
            raise ValueError("its header is not one of format 2")
        found = hashlib.sha256(head[:place] + _BLANK)
        for chunk in iter(lambda: file.read(_CHUNK_BYTES), b""):
            found.update(chunk)
    return found.hexdigest()
