"""Checkpoint files as somebody else might make them: any entry, any arrays, yet a digest that is right."""

import hashlib
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import safetensors.numpy

DTYPES = {"float32": "F32", "float64": "F64", "int32": "I32", "uint8": "U8"}
BEGIN = b'{"__metadata__":{"charrnn":"{\\"digest\\":\\"'


def parted(data: bytes) -> tuple[dict[str, Any], bytes]:
    """The header and the data of a safetensors file."""
    end = 8 + int.from_bytes(data[:8], "little")
    return json.loads(data[8:end]), data[end:]


def resealed(header: Mapping[str, Any], data: bytes) -> bytes:
    """A file whose digest is right, if its header has a place for one."""
    head = json.dumps(header, separators=(",", ":")).encode()
    head += b" " * (-len(head) % 8)
    return with_digest(len(head).to_bytes(8, "little") + head + data)


def with_digest(whole: bytes) -> bytes:
    """The file with the digest of its content where the digest belongs."""
    begin = 8 + len(BEGIN)
    blank = whole[:begin] + b"0" * 64 + whole[begin + 64 :]
    return whole[:begin] + hashlib.sha256(blank).hexdigest().encode() + whole[begin + 64 :]


def entry_of(path: Path) -> dict[str, Any]:
    """The JSON entry of a file."""
    header, _ = parted(path.read_bytes())
    entry: dict[str, Any] = json.loads(header["__metadata__"]["charrnn"])
    return entry


def change(path: Path, alter: Callable[[dict[str, Any]], object]) -> None:
    """Alter the JSON entry of a file."""
    header, data = parted(path.read_bytes())
    entry = json.loads(header["__metadata__"]["charrnn"])
    alter(entry)
    header["__metadata__"]["charrnn"] = json.dumps(entry, separators=(",", ":"))
    path.write_bytes(resealed(header, data))


def with_arrays(path: Path, alter: Callable[[dict[str, Any]], object]) -> None:
    """Alter the arrays of a file."""
    header, _ = parted(path.read_bytes())
    arrays = safetensors.numpy.load_file(path)
    alter(arrays)
    layout: dict[str, Any] = {"__metadata__": header["__metadata__"]}
    data = b""
    for name, array in sorted(arrays.items()):
        place = [len(data), len(data) + array.nbytes]
        layout[name] = {"dtype": DTYPES[str(array.dtype)], "shape": list(array.shape), "data_offsets": place}
        data += np.ascontiguousarray(array).tobytes()
    path.write_bytes(resealed(layout, data))
