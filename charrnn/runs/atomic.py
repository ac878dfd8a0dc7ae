"""Atomic writes: a file is complete or absent, whatever fails. Knows nothing of what the files hold.

.last.safetensors.writing   written and brought to disk beside its place,
last -> previous            what stood there is kept,
.writing -> last            a rename, which is all or nothing; then the folder is brought to disk too
"""

import errno
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from charrnn.runs.beside import made_beside
from charrnn.text.arrays import writable

_NEW_FILE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)


_TAKEN = frozenset({errno.EEXIST, errno.ENOTEMPTY, errno.ENOTDIR})
"""What a system says that has another thing in the place of a folder."""


def write_atomically(path: Path, *pieces: bytes | memoryview, previous: Path | None = None) -> None:
    """Write a file beside the path, bring it safely to disk, and only then let it take the path's place.

    Args:
        path: where to.
        pieces: what to write, one after the other.
        previous: where what stood at the path goes; None lets it go.

    Raises:
        ResourceError: the disk is full; what stood at the path still does.
        CharRNNError: it is not permitted, or the like.
    """
    temporary = temporary_path(path)
    with writable(path):
        try:
            _write(temporary, pieces)
            with _kept(path, previous):
                temporary.replace(path)
            _sync_folder(path.parent)
        finally:
            temporary.unlink(missing_ok=True)


def write_new(path: Path, *pieces: bytes | memoryview) -> None:
    """Write a file that is not there yet, as `write_atomically` does.

    Raises:
        FileExistsError: something has come to stand there meanwhile, and still does.
        OSError: it cannot be written.
    """
    with made_beside(path, "writing") as folder:
        temporary = folder / path.name
        _write(temporary, pieces)
        _take_free_place(temporary, path)
        _sync_folder(path.parent)


def write_new_folder(path: Path, files: Mapping[str, bytes]) -> None:
    """Write a folder that is not there yet: it is complete beside its place before it takes that.

    Raises:
        FileExistsError: something has come to stand there meanwhile, and still does.
        OSError: it cannot be written.
    """
    with made_beside(path, "writing") as folder:
        for name, content in files.items():
            _write(folder / name, [content])
        _sync_folder(folder)
        if os.path.lexists(path):  # some systems would let it take the place of an empty folder
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(path))
        try:
            folder.rename(path)
        except OSError as error:
            if error.errno in _TAKEN:
                raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(path)) from error
            raise
        _sync_folder(path.parent)


def _take_free_place(temporary: Path, path: Path) -> None:
    """Put a file where there is none: a link is made or not, whatever others do at the same time."""
    try:
        path.hardlink_to(temporary)
    except FileExistsError:
        raise
    except OSError:  # a file system without links: the name is taken first
        os.close(os.open(path, _NEW_FILE, 0o666))
        try:
            temporary.replace(path)
        except BaseException:
            path.unlink(missing_ok=True)
            raise


def temporary_path(path: Path) -> Path:
    """Where a file is while it is written."""
    return path.with_name(f".{path.name}.writing")


def _write(path: Path, pieces: Iterable[bytes | memoryview]) -> None:
    path.unlink(missing_ok=True)  # whatever lies there, a pipe or a link, is not written to
    descriptor = os.open(path, _NEW_FILE, 0o666)
    try:
        for piece in pieces:
            rest = memoryview(piece)
            while rest:
                rest = rest[os.write(descriptor, rest) :]
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def _kept(path: Path, previous: Path | None) -> Iterator[None]:
    """Move what stands at the path away; back again where nothing could take its place."""
    if previous is None or not path.exists():
        yield
        return
    path.replace(previous)
    try:
        yield
    except OSError:
        previous.replace(path)
        raise


def _sync_folder(folder: Path) -> None:
    """Bring a rename to disk, where the system can (Windows has no way to open a folder)."""
    if os.name == "posix":
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
