"""Arrays on disk, written piece by piece and mapped into memory. Knows nothing of what they hold."""

import os
import shutil
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
from numpy.lib import format as npy
from numpy.typing import DTypeLike, NDArray

from charrnn.errors import FULL, CharRNNError, ResourceError
from charrnn.text.files import open_regular

_LONGEST_HEADER = 256
"""Characters; `ArrayWriter` needs half as many. Of longer ones some take gigabytes to parse."""


class ArrayWriter:
    """Writes a one-dimensional `.npy` file whose length is known; it has its name only once it is whole."""

    def __init__(self, path: Path, dtype: DTypeLike, length: int) -> None:
        self._path = path
        self._partial = path.with_name(path.name + ".partial")
        self._dtype = np.dtype(dtype)
        self._length = length
        self._written = 0

    def __enter__(self) -> Self:
        header = {"descr": npy.dtype_to_descr(self._dtype), "fortran_order": False, "shape": (self._length,)}
        with writable(self._path):
            check_space(self._path.parent, self._length * self._dtype.itemsize)
            self._file = self._partial.open("wb")
            npy.write_array_header_1_0(self._file, header)
        return self

    def write(self, piece: NDArray[Any]) -> None:
        """Append a piece."""
        with writable(self._path):
            self._file.write(np.ascontiguousarray(piece, self._dtype).data)
        self._written += len(piece)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            with writable(self._path):
                self._file.close()
            if error is None:
                self._keep()
        finally:
            self._partial.unlink(missing_ok=True)

    def _keep(self) -> None:
        if self._written != self._length:
            raise ValueError(f"{self._path.name} has {self._written} of {self._length} numbers")
        with writable(self._path):
            self._partial.replace(self._path)


@contextmanager
def writable(path: Path) -> Iterator[None]:
    """Say in one line why a file cannot be written.

    Raises:
        ResourceError: the disk is full.
        CharRNNError: it is not permitted, or the like.
    """
    try:
        yield
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        if error.errno in FULL:
            raise ResourceError(f"{path} cannot be written: {reason}; free some space") from error
        raise CharRNNError(f"{path} cannot be written: {reason}; give another place") from error


def check_space(folder: Path, needed_bytes: int) -> None:
    """Refuse to begin what would fill the disk.

    Raises:
        ResourceError: there is less room than that.
    """
    free_bytes = shutil.disk_usage(folder).free
    if free_bytes < needed_bytes:
        raise ResourceError(
            f"the run needs {needed_bytes / 1e6:,.1f} MB on disk, but {folder} has {free_bytes / 1e6:,.1f} "
            "MB left; free some space, or give another --run"
        )


def mapped(path: Path) -> NDArray[Any]:
    """The array in a `.npy` file, read from disk as it is used.

    Raises:
        OSError: the file is not there.
        ValueError: it holds no one-dimensional array.
    """
    with open_regular(path) as file:
        if npy.read_magic(file) != (1, 0):
            raise ValueError(f"{path.name} is not an array of the first version")
        with warnings.catch_warnings():  # of what Python 2 wrote
            warnings.simplefilter("ignore")
            shape, _, dtype = npy.read_array_header_1_0(file, _LONGEST_HEADER)
        if len(shape) != 1 or dtype.hasobject:
            raise ValueError(f"{path.name} has {len(shape)} dimensions, not 1, or no numbers")
        begin, end = file.tell(), os.fstat(file.fileno()).st_size
        if end - begin != shape[0] * dtype.itemsize:
            raise ValueError(f"{path.name} has {end - begin:,} bytes of numbers, not those of {shape[0]:,}")
        return np.asarray(np.memmap(file, dtype, "r", begin, shape))
