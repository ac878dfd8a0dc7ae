"""Output files that a user names: an existing file is never overwritten.

A named pipe or a device such as /dev/null cannot lose data, so it may exist and is written to. Knows nothing
of what is written.
"""

import errno
import os
import stat
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from charrnn.config.declaration import shortened
from charrnn.errors import UsageError
from charrnn.runs.atomic import write_new, write_new_folder
from charrnn.text.arrays import writable

_NEW, _BINARY = os.O_CREAT | os.O_EXCL, getattr(os, "O_BINARY", 0)


def check_new_file(path: str, option: str, inputs: Iterable[str] = ()) -> None:
    """Make sure that a file can be made, before any work is done for it.

    Args:
        path: where it is to go.
        option: what the user named it with.
        inputs: paths that are read meanwhile; a pipe that is one of them cannot be written to as well.

    Raises:
        UsageError: something stands there already, the folder is missing, or the name is too long.
    """
    if not path:
        raise UsageError(f"{option} is ''; expected the name of a new file")
    if _is_stream(path):
        if any(_is_same(path, other) for other in inputs):
            raise UsageError(f"{path} is read, so {option} cannot be the same; give another name")
    elif _is_too_long(path):
        raise UsageError(f"{option} is {shortened(path)}, which is too long for a name; give another one")
    elif os.path.lexists(path):  # a link that leads nowhere exists, too
        raise _exists(path, option)
    elif not Path(path).parent.is_dir():
        raise UsageError(f"{option} is {path}, but there is no folder {Path(path).parent}; make it first")


@contextmanager
def new_file(path: str, option: str) -> Iterator[BinaryIO]:
    """Make a file and write to it bit by bit; what could not be finished stays.

    The system itself makes sure that it is new, whatever happens meanwhile.

    Args:
        path: where it goes.
        option: what the user named it with.

    Raises:
        UsageError: something stands there already.
        ResourceError: the disk is full.
        CharRNNError: it cannot be made or written.
    """
    with writable(Path(path)), open(_opened(path, option), "wb") as file:
        yield file


def put_new_file(path: str, option: str, *pieces: bytes) -> None:
    """Make a file of what is complete already: it stands there whole, or not at all, whatever happens.

    Args:
        path: where it goes.
        option: what the user named it with.
        pieces: what is in it, one after the other.

    Raises:
        UsageError: something stands there already.
        ResourceError: the disk is full.
        CharRNNError: it cannot be made or written.
    """
    if _is_stream(path):
        with new_file(path, option) as file:
            file.writelines(pieces)
        return
    with writable(Path(path)):
        try:
            write_new(Path(path), *pieces)
        except FileExistsError as error:
            raise _exists(path, option) from error


def put_new_folder(path: str, option: str, files: Mapping[str, bytes]) -> None:
    """Make a folder of files that are complete already: it stands there whole, or not at all.

    Args:
        path: where it goes.
        option: what the user named it with.
        files: what is in it, by name.

    Raises:
        UsageError: something stands there already.
        ResourceError: the disk is full.
        CharRNNError: it cannot be made or written.
    """
    with writable(Path(path)):
        try:
            write_new_folder(Path(path), files)
        except FileExistsError as error:
            raise _exists(path, option) from error


def _opened(path: str, option: str) -> int:
    """A descriptor of what was made, or of the stream that stands there and still is one."""
    is_stream = _is_stream(path)
    try:
        descriptor = os.open(path, os.O_WRONLY | _BINARY | (0 if is_stream else _NEW), 0o666)
    except FileExistsError as error:
        raise _exists(path, option) from error
    if is_stream and not _streams(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise _exists(path, option)
    return descriptor


def _exists(path: str, option: str) -> UsageError:
    return UsageError(f"{path} exists; choose another {option}, or move that one away")


def _is_too_long(path: str) -> bool:
    try:
        os.lstat(path)
    except OSError as error:
        return error.errno == errno.ENAMETOOLONG
    return False


def _is_stream(path: str) -> bool:
    with suppress(OSError):
        return _streams(os.stat(path).st_mode)  # noqa: PTH116 - as `os.path` does, for any text
    return False


def _streams(mode: int) -> bool:
    return stat.S_ISFIFO(mode) or stat.S_ISCHR(mode)


def _is_same(path: str, other: str) -> bool:
    with suppress(OSError):
        return os.path.samefile(path, other)  # noqa: PTH121
    return False
