"""A folder beside a place, in which what is to stand there is made. Knows nothing of what that is.

.novel.0123456789abcdef.partial   locked while it is filled, so that others know that it is in use
"""

import glob
import re
import secrets
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from charrnn.runs.lock import lock_file, locked, may_be_locked
from charrnn.text.arrays import writable

_SWEPT_SECONDS = 60.0
"""What is younger may be about to be locked by another program."""


@contextmanager
def made_beside(place: Path, suffix: str) -> Iterator[Path]:
    """A new folder beside a place, which is removed afterwards unless it was moved there.

    What programs that were killed left beside the same place is removed, too.

    Args:
        place: what is made is to stand there; its parent exists.
        suffix: the end of the folder's name.

    Raises:
        ResourceError: the disk is full.
        CharRNNError: the folder cannot be made.
    """
    _sweep(place, suffix)
    # Process ids would not do: in two containers, or on two machines, they may be the same.
    folder = place.with_name(f".{place.name}.{secrets.token_hex(8)}.{suffix}")
    with writable(place):
        folder.mkdir()
    try:
        with locked(folder):
            yield folder
    finally:
        _remove(folder)


def _sweep(place: Path, suffix: str) -> None:
    """Remove what was left beside a place; nothing but folders of our own that nobody fills."""
    for left in place.parent.glob(f".{glob.escape(place.name)}.*.{suffix}"):
        is_ours = left.is_dir() and re.fullmatch(r"[0-9a-f]{16}|\d+", left.name.split(".")[-2])
        if is_ours and time.time() - left.stat().st_mtime > _SWEPT_SECONDS and not may_be_locked(left):
            _remove(left)


def _remove(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    lock_file(folder).unlink(missing_ok=True)
