"""The standard streams, which may be closed, full or gone. Knows nothing of what is printed.

If standard error cannot be written, because its disk is full, its reader has quit or its terminal is gone,
the text is dropped: this is never an error. Results on standard output are different: a reader that quits
early is not an error, but any other failure is.
"""

import errno
import io
import os
import sys
from typing import TYPE_CHECKING, TextIO

from charrnn.errors import FULL, CharRNNError, ClosedPipe

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer


def open_streams() -> None:
    """Take the place of Python's own streams; one that was closed before (`>&-`) leads nowhere."""
    # The numbers are taken first, lest a file that is opened later gets one of them, and messages with it.
    while (descriptor := os.open(os.devnull, os.O_RDWR)) <= 2:
        pass
    os.close(descriptor)
    at_once = getattr(sys.stdout, "line_buffering", True)
    sys.stdout = _text(_Results(1, "w", closefd=False), sys.stdout, line_buffering=at_once)
    sys.stderr = _text(_Shown(2, "w", closefd=False), sys.stderr, line_buffering=True)


def _text(raw: io.RawIOBase, like: TextIO | None, *, line_buffering: bool) -> io.TextIOWrapper:
    """Text on a stream, encoded as Python does on the one whose place it takes."""
    encoding, errors = ("utf-8", "backslashreplace") if like is None else (like.encoding, like.errors)
    return io.TextIOWrapper(io.BufferedWriter(raw), encoding, errors, line_buffering=line_buffering)


class _Results(io.FileIO):
    """Says once what it means that results cannot be written; the rest, flushed at exit, is dropped."""

    _has_failed = False

    def write(self, data: "ReadableBuffer") -> int | None:  # type: ignore[override]
        if self._has_failed:
            return memoryview(data).nbytes
        try:
            return super().write(data)
        except OSError as error:
            self._has_failed = True
            if error.errno == errno.EPIPE:
                raise ClosedPipe from error
            if error.errno in FULL:
                raise
            reason = (error.strerror or str(error)).lower()
            raise CharRNNError(
                f"standard output cannot be written: {reason}; redirect it to a file or a pipe"
            ) from error


class _Shown(io.FileIO):
    """Takes all that it is given, whether or not it can be shown."""

    def write(self, data: "ReadableBuffer") -> int:
        shown = memoryview(data)
        try:
            while shown:
                shown = shown[super().write(shown) or len(shown) :]  # None: a terminal takes no more now
        except OSError:
            pass
        return memoryview(data).nbytes
