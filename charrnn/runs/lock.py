"""One writer for each folder. The operating system releases the lock when the program ends, in whatever way.

Process ids are not used: they mean nothing in another container or on another machine.
"""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from charrnn.errors import UsageError


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Be the only program that writes into a folder.

    Raises:
        UsageError: another program is.
    """
    try:
        descriptor, _ = _acquire(folder)
    except BlockingIOError as error:
        raise UsageError(
            f"{folder} is being written by another charrnn train; wait for its end, or stop it"
        ) from error
    try:
        yield
    finally:
        os.close(descriptor)


def may_be_locked(folder: Path) -> bool:
    """Whether some program may be writing into a folder; so it may where the file system knows no locks."""
    try:
        descriptor, is_lock = _acquire(folder)
    except BlockingIOError:
        return True
    os.close(descriptor)
    return not is_lock


def lock_file(folder: Path) -> Path:
    """The file beside a folder that stands for it on Windows, where folders have no handles."""
    return folder.with_name(f".{folder.name}.lock")


if sys.platform == "win32":
    import msvcrt

    def _acquire(folder: Path) -> tuple[int, bool]:
        descriptor = os.open(lock_file(folder), os.O_RDWR | os.O_CREAT)
        try:
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        except OSError as error:
            os.close(descriptor)
            raise BlockingIOError(error.errno, error.strerror) from error
        return descriptor, True

else:
    import fcntl

    def _acquire(folder: Path) -> tuple[int, bool]:
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            raise
        except OSError:  # the file system of a network may know no locks
            return descriptor, False
        return descriptor, True
