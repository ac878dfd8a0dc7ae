"""Opens untrusted files safely: without blocking, regular files only, up to a maximum size.

Opening a pipe could block forever, and a device could give endless bytes. The type is checked on the open
file, so the file cannot be swapped between the check and the opening. Knows nothing of what files hold.
"""

import errno
import os
import stat
from io import BufferedReader, FileIO
from pathlib import Path
from typing import BinaryIO

_AT_ONCE = getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0) | getattr(os, "O_NOCTTY", 0)


def open_regular(path: Path) -> BufferedReader:
    """Open a file to read it.

    Raises:
        OSError: it cannot be read, or is a pipe, a device or the like.
    """
    return os.fdopen(_regular(path, os.O_RDONLY), "rb")


def read_regular(path: Path, most_bytes: int) -> bytes:
    """All of a file.

    Args:
        path: where it is.
        most_bytes: what is longer is refused before it is read.

    Raises:
        OSError: it cannot be read, is longer, or is a pipe, a device or the like.
    """
    with open_regular(path) as file:
        return _bounded(file, os.fstat(file.fileno()).st_size, path, most_bytes)


def read_given(path: Path, most_bytes: int) -> bytes:
    """All of a file that a user names: a pipe too, such as `<(...)` makes, if somebody writes to it.

    Raises:
        OSError: it cannot be read, is longer, or is a device or the like.
    """
    descriptor = os.open(path, os.O_RDONLY | _AT_ONCE)
    with os.fdopen(descriptor, "rb") as file:
        status = os.fstat(descriptor)
        if stat.S_ISFIFO(status.st_mode):
            os.set_blocking(descriptor, True)
            data = _bounded(file, 0, path, most_bytes)
            if not data:
                raise OSError(errno.EPIPE, "nothing was written to this pipe", str(path))
            return data
        _check_regular(status, path)
        return _bounded(file, status.st_size, path, most_bytes)


def append_regular(path: Path) -> FileIO:
    """Open a file to add to its end, made where there is none.

    Raises:
        OSError: it cannot be written, or is a pipe, a device or the like.
    """
    return FileIO(_regular(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND), "ab")


def _regular(path: Path, flags: int) -> int:
    descriptor = os.open(path, flags | _AT_ONCE, 0o666)
    try:
        _check_regular(os.fstat(descriptor), path)
    except OSError:
        os.close(descriptor)
        raise
    return descriptor


def _check_regular(status: os.stat_result, path: Path) -> None:
    if stat.S_ISDIR(status.st_mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    if not stat.S_ISREG(status.st_mode):
        raise OSError(errno.EINVAL, "it is not a regular file but a pipe, a device or the like", str(path))


def _bounded(file: BinaryIO, size_bytes: int, path: Path, most_bytes: int) -> bytes:
    data = b"" if size_bytes > most_bytes else file.read(most_bytes + 1)
    if max(size_bytes, len(data)) > most_bytes:
        raise OSError(errno.EINVAL, f"it has more than the {most_bytes:,} bytes of any such file", str(path))
    return data
