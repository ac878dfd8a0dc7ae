"""Compressors as baselines, each starting from scratch on the text. Knows nothing of models.

Each runs at its strongest setting, except xz: its default is as strong on texts of less than 8 MB and takes a
seventh of the memory.
"""

import bz2
import lzma
import zlib
from collections.abc import Callable, Iterable
from typing import Protocol


class Compressor(Protocol):
    """Compresses a text that comes in pieces."""

    def compress(self, data: bytes, /) -> bytes:
        """What is ready after one more piece."""
        ...

    def flush(self) -> bytes:
        """The rest."""
        ...


GZIP_FORMAT = 16 + zlib.MAX_WBITS

COMPRESSORS: dict[str, Callable[[], Compressor]] = {
    "gzip": lambda: zlib.compressobj(9, wbits=GZIP_FORMAT),
    "bz2": bz2.BZ2Compressor,
    "xz": lzma.LZMACompressor,
}


def compressed_bytes(pieces: Iterable[bytes]) -> dict[str, int]:
    """How many bytes each compressor needs for a text, its own headers included."""
    compressors = {name: make() for name, make in COMPRESSORS.items()}
    sizes = dict.fromkeys(compressors, 0)
    for piece in pieces:
        for name, compressor in compressors.items():
            sizes[name] += len(compressor.compress(piece))
    return {name: size + len(compressors[name].flush()) for name, size in sizes.items()}
