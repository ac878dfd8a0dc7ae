"""Checkpoint files as somebody else might make them: any entry, any arrays, yet a digest that is right."""

import contextlib
import hashlib
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import safetensors.numpy

DTYPES = {"float32": "F32", "float64": "F64", "int32": "I32", "uint8": "U8"}


def parted(data: bytes) -> tuple[dict[str, Any], bytes]:
    """The header and the data of a safetensors file."""
    end = 8 + int.from_bytes(data[:8], "little")
    return json.loads(data[8:end]), data[end:]


def resealed(header: Mapping[str, Any], data: bytes) -> bytes:
    """A file whose digest is right, if its header and entry have the form that one can be made of."""
    with contextlib.suppress(ValueError, LookupError, TypeError, AttributeError, RecursionError):
        entry = json.loads(header["__metadata__"]["charrnn"])
        entry["digest"] = content_digest(entry, header, data)
        text = json.dumps(entry, separators=(",", ":"))
        header = {**header, "__metadata__": {**header["__metadata__"], "charrnn": text}}
    head = json.dumps(header, separators=(",", ":")).encode()
    head += b" " * (-len(head) % 8)
    return len(head).to_bytes(8, "little") + head + data


def content_digest(entry: Mapping[str, Any], header: Mapping[str, Any], data: bytes) -> str:
    """SHA-256 of the entry without its digest, and of name, type, shape and bytes of each array by name."""
    plain = {key: value for key, value in entry.items() if key != "digest"}
    parts = [json.dumps(plain, sort_keys=True, separators=(",", ":")).encode()]
    for name in sorted(set(header) - {"__metadata__"}):
        place = header[name]
        begin, end = place["data_offsets"]
        kind = [name, place["dtype"], place["shape"]]
        parts += [json.dumps(kind, separators=(",", ":")).encode(), data[begin:end]]
    return hashlib.sha256(b"".join(parts)).hexdigest()


def with_digest(whole: bytes) -> bytes:
    """The file with the digest of its content, where it can still be read."""
    try:
        return resealed(*parted(whole))
    except (ValueError, RecursionError):
        return whole


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


FORMAT_2_BEGINS = b'{"__metadata__":{"charrnn":"{\\"digest\\":\\"'


def in_format_2(path: Path) -> None:
    """Write a checkpoint anew as version 0.1 wrote it: no task, and a digest over the file as it lies."""
    header, _ = parted(path.read_bytes())
    entry = json.loads(header["__metadata__"]["charrnn"])
    del entry["task"], entry["digest"]
    text = json.dumps({"digest": "0" * 64, **entry, "format": 2}, separators=(",", ":"))
    layout: dict[str, Any] = {"__metadata__": {"charrnn": text}}
    data = b""
    for name, array in sorted(safetensors.numpy.load_file(path).items()):
        place = [len(data), len(data) + array.nbytes]
        layout[name] = {"dtype": DTYPES[str(array.dtype)], "shape": list(array.shape), "data_offsets": place}
        data += array.tobytes()
    head = json.dumps(layout, separators=(",", ":")).encode()
    head += b" " * (-len(head) % 8)
    assert head.startswith(FORMAT_2_BEGINS)
    whole, begin = len(head).to_bytes(8, "little") + head + data, 8 + len(FORMAT_2_BEGINS)
    digest = hashlib.sha256(whole).hexdigest().encode()
    path.write_bytes(whole[:begin] + digest + whole[begin + 64 :])
