r"""A safetensors file with one JSON entry and a digest over all of it. Knows nothing of what it means.

    8 bytes   length of the header, little-endian
    header    {"__metadata__": {"charrnn": "{\"digest\": \"…\", …}"}, "name": {"dtype", "shape", …}, …}
    data      the arrays, in the order of their names, nothing between them

The digest is the SHA-256 of the whole file with its own 64 digits blank (zeros). Who reads a file from
elsewhere trusts nothing in it: the header is bounded before it is parsed, and no array is read before its
name, type, shape and place are those that the reader computed.
"""

import hashlib
import json
import math
import os
import stat
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from io import BufferedReader
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

ENTRY = "charrnn"
BLANK = "0" * 64

_BEGIN = b'{"__metadata__":{"charrnn":"{\\"digest\\":\\"'
"""How every header begins: the digest's place is known without parsing."""

_DTYPES: dict[str, np.dtype[Any]] = {"F32": np.dtype("<f4"), "U8": np.dtype("u1")}
_NAMES = {dtype: name for name, dtype in _DTYPES.items()}

PARSING_BYTES = 192 * 2**20
"""What parsing a header may take in memory, beside as much as the file itself."""

_CHUNK_BYTES = 2**24


@dataclass(frozen=True)
class Kind:
    """Type and shape of an array."""

    dtype: str
    shape: tuple[int, ...]

    @property
    def size_bytes(self) -> int:
        """What the array takes."""
        return math.prod(self.shape, start=_DTYPES[self.dtype].itemsize)

    @classmethod
    def of(cls, array: NDArray[Any]) -> "Kind":
        """The kind of an array."""
        return cls(_NAMES[array.dtype], array.shape)


def seal(entry: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> list[bytes | memoryview]:
    """The pieces of a file, in order; arrays that lie in memory in one piece are not copied.

    Args:
        entry: what `json.dumps` takes, numbers all finite.
        arrays: float32 or uint8.
    """
    text = json.dumps({"digest": BLANK, **entry}, separators=(",", ":"), allow_nan=False)
    header = {"__metadata__": {ENTRY: text}, **_layout({name: Kind.of(a) for name, a in arrays.items()})}
    head = json.dumps(header, separators=(",", ":")).encode("ascii")
    head += b" " * (-len(head) % 8)
    data = [
        np.ascontiguousarray(array).reshape(-1).view(np.uint8).data for _, array in sorted(arrays.items())
    ]
    pieces: list[bytes | memoryview] = [len(head).to_bytes(8, "little"), head, *data]
    pieces[1] = _with_digest(head, _digest(pieces))
    return pieces


def _layout(kinds: Mapping[str, Kind]) -> dict[str, Any]:
    """What the header says of arrays that follow one another."""
    layout, place = {}, 0
    for name, kind in sorted(kinds.items()):
        end = place + kind.size_bytes
        layout[name] = {"dtype": kind.dtype, "shape": list(kind.shape), "data_offsets": [place, end]}
        place = end
    return layout


def _digest(pieces: Iterable[bytes | memoryview]) -> str:
    digest = hashlib.sha256()
    for piece in pieces:
        digest.update(piece)
    return digest.hexdigest()


def _with_digest(head: bytes, digest: str) -> bytes:
    place = len(_BEGIN)
    return head[:place] + digest.encode("ascii") + head[place + len(BLANK) :]


class SealedFile:
    """A file whose header was read, and nothing else yet.

    Attributes:
        entry: its JSON entry.
    """

    def __init__(self, file: BufferedReader) -> None:
        self._file = file
        self._size_bytes = _regular_size(file)
        self._head = _read_head(file, self._size_bytes)
        self._layout = json.loads(self._head)
        self.entry: dict[str, Any] = json.loads(self._layout.pop("__metadata__")[ENTRY])

    def read(self, kinds: Mapping[str, Kind]) -> dict[str, NDArray[Any]]:
        """The arrays.

        Args:
            kinds: what they must be, by name.

        Raises:
            ValueError: they are others, the file was damaged, or a number is not finite.
        """
        data = self._checked_data(self.check(kinds))
        arrays, place = {}, 0
        for name, kind in sorted(kinds.items()):
            flat = np.frombuffer(data, _DTYPES[kind.dtype], math.prod(kind.shape), place)
            arrays[name] = flat.reshape(kind.shape)
            place += kind.size_bytes
            if not np.isfinite(arrays[name]).all():
                raise ValueError(f"{name} holds numbers that are not finite")
        return arrays

    def check(self, kinds: Mapping[str, Kind]) -> int:
        """Compare what the header says of the arrays, and the file's length; the bytes of the arrays.

        Raises:
            ValueError: they are others.
        """
        expected = _layout(kinds)
        odd = sorted(set(self._layout) ^ set(expected))
        if odd:
            raise ValueError(f"its arrays are not those of its settings: {', '.join(odd[:3])}")
        for name, place in expected.items():
            if self._layout[name] != place:
                raise ValueError(
                    f"{name} is {_shown(self._layout[name])} where its settings say {_shown(place)}"
                )
        data_bytes = sum(kind.size_bytes for kind in kinds.values())
        whole_bytes = 8 + len(self._head) + data_bytes
        if self._size_bytes != whole_bytes:
            raise ValueError(f"it has {self._size_bytes:,} bytes where its settings say {whole_bytes:,}")
        return data_bytes

    def _checked_data(self, data_bytes: int) -> bytearray:
        data = bytearray(data_bytes)
        if self._file.readinto(data) != data_bytes:
            raise ValueError("it became shorter while it was read")
        blank = _with_digest(self._head, BLANK)
        found = _digest([len(self._head).to_bytes(8, "little"), blank, memoryview(data)])
        if found != self.entry["digest"]:
            raise ValueError("its digest is another one than that of its content: it was damaged or changed")
        return data


@contextmanager
def opened(path: Path) -> Iterator[SealedFile]:
    """Open a file and read its header.

    Raises:
        OSError: it cannot be read.
        ValueError, KeyError, TypeError, AttributeError, RecursionError: it is no such file.
    """
    # A pipe would let the opening wait for ever.
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    with open(descriptor, "rb") as file:  # noqa: PTH123 - a descriptor
        yield SealedFile(file)


def _regular_size(file: BufferedReader) -> int:
    status = os.fstat(file.fileno())
    if not stat.S_ISREG(status.st_mode):
        raise ValueError("it is no file of bytes on disk")
    return status.st_size


def _read_head(file: BufferedReader, size_bytes: int) -> bytes:
    """The header's bytes, once it is sure that parsing them takes no more memory than is fair."""
    length = int.from_bytes(file.read(8), "little")
    if not len(_BEGIN) + len(BLANK) <= length <= size_bytes - 8:
        raise ValueError(f"it has {size_bytes:,} bytes, but its header claims {length:,}")
    # Ten copies of the text, some of them four bytes a character; an object for each bracket and comma.
    if 10 * length > PARSING_BYTES + size_bytes:
        raise ValueError(f"its header of {length:,} bytes is longer than any model's")
    head = file.read(length)
    if 10 * length + 128 * sum(map(head.count, (b"[", b"{", b","))) > PARSING_BYTES + size_bytes:
        raise ValueError("its header has more entries than any model's")
    if not head.isascii() or not head.startswith(_BEGIN):
        raise ValueError("it is none that this program writes")
    return head


def _shown(place: Any) -> str:  # noqa: ANN401 - what a file holds
    if not isinstance(place, dict) or set(place) != {"dtype", "shape", "data_offsets"}:
        return "something else"
    return f"{place['dtype']} {place['shape']} at {place['data_offsets']}"[:120]
