"""Sources of bytes that can be read repeatedly: files, compressed files, pipes. Knows nothing of text."""

import bz2
import contextlib
import errno
import gzip
import hashlib
import lzma
import os
import shutil
import tempfile
import weakref
import zlib
from collections.abc import Callable, Generator, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import IO, Any

from charrnn.errors import FULL, CharRNNError, CorpusError, ResourceError

Opener = Callable[[], AbstractContextManager[IO[bytes]]]
"""Opens the same bytes from their beginning, as often as it is called."""

EXPANSION_FREE_BYTES = 64 * 2**20
EXPANSION_RATIO = 200
"""A compressed file may grow to so many bytes in any case, and beyond that to so many times its size."""

COMPRESSIONS: dict[str, Callable[[Any], AbstractContextManager[Any]]] = {
    ".gz": gzip.open,
    ".bz2": bz2.open,
    ".xz": lzma.open,
}


@dataclass(frozen=True)
class Source:
    """Bytes under a name.

    Attributes:
        name: what messages call it.
        open: opens it from its beginning.
        compression: `.gz`, `.bz2`, `.xz`, or empty.
        size_bytes: how long it is, where that is known before it is read.
        label: what a file in a folder is called, without what its name ends in; empty for others.
    """

    name: str
    open: Opener
    compression: str = ""
    size_bytes: int | None = None
    label: str = ""

    def chunks(self, chunk_bytes: int) -> Generator[bytes, None, None]:
        """The bytes from the beginning, decompressed, at most so many at a time.

        Raises:
            CorpusError: it cannot be read, is damaged, or grows beyond all measure.
        """
        with readable(self.name), self.open() as stream:
            if self.compression:
                yield from self._expanded(stream, chunk_bytes)
            else:
                yield from iter(lambda: stream.read(chunk_bytes), b"")

    def _expanded(self, stream: IO[bytes], chunk_bytes: int) -> Iterator[bytes]:
        bound = max(EXPANSION_FREE_BYTES, EXPANSION_RATIO * os.fstat(stream.fileno()).st_size)
        total_bytes = 0
        with COMPRESSIONS[self.compression](stream) as expanded:
            while chunk := expanded.read(min(chunk_bytes, bound + 1 - total_bytes)):
                total_bytes += len(chunk)
                if total_bytes > bound:
                    raise CorpusError(
                        f"{self.name} grows to over {bound:,} bytes, over {EXPANSION_RATIO} times its size; "
                        "decompress it first if that is right"
                    )
                yield chunk


@dataclass(frozen=True)
class Seen:
    """What one reading of a source came to."""

    length_bytes: int
    sha256: str


def hashed(source: Source, chunk_bytes: int, limit_bytes: int | None) -> Generator[bytes, None, Seen]:
    """The bytes of a source, at most so many; returns what was seen."""
    digest = hashlib.sha256()
    length_bytes = 0
    with contextlib.closing(source.chunks(chunk_bytes)) as chunks:
        for whole in chunks:
            chunk = whole if limit_bytes is None else whole[: limit_bytes - length_bytes]
            digest.update(chunk)
            length_bytes += len(chunk)
            yield chunk
            if length_bytes == limit_bytes:
                break
    return Seen(length_bytes, digest.hexdigest())


SPARE_SHARE = 0.1
"""Of the room for temporary files, what a copy leaves: what never ends must not fill the disk."""


class Spool:
    """Opens what can be read only once (a pipe) again and again: the first opening copies it to disk."""

    def __init__(self, name: str, open_once: Opener) -> None:
        self._name, self._open_once = name, open_once
        self._copy: IO[bytes] | None = None

    def __call__(self) -> AbstractContextManager[IO[bytes]]:
        """Open the copy from its beginning; two openings at once share their place."""
        if self._copy is None:
            self._copy = self._copied()
        self._copy.seek(0)
        return os.fdopen(os.dup(self._copy.fileno()), "rb")

    def _copied(self) -> IO[bytes]:
        copy = tempfile.TemporaryFile()  # noqa: SIM115 - closed with this object
        weakref.finalize(self, copy.close)
        spare_bytes = SPARE_SHARE * _free_bytes()
        with self._open_once() as stream:
            while chunk := stream.read(2**20):
                copy.write(chunk)
                if _free_bytes() < spare_bytes:
                    raise _endless(self._name, copy.tell())
        copy.flush()
        return copy


def _endless(name: str, copied_bytes: int) -> ResourceError:
    return ResourceError(
        f"{name} has not ended after {copied_bytes / 1e6:,.1f} MB, and their copy nearly fills "
        f"{tempfile.gettempdir()}; give a text that ends, free some space, or set TMPDIR"
    )


def _free_bytes() -> int:
    """The room that is left for temporary files."""
    return shutil.disk_usage(tempfile.gettempdir()).free


@contextlib.contextmanager
def readable(name: str) -> Iterator[None]:
    """Say in one line what went wrong when something was read.

    Raises:
        CorpusError: the file is missing, not permitted, damaged...
        ResourceError: the disk is full.
    """
    try:
        yield
    except CharRNNError:
        raise
    except (EOFError, zlib.error, lzma.LZMAError) as error:
        raise CorpusError(f"{name} is damaged or cut short: {error}; compress it again") from error
    except OSError as error:
        raise _read_error(name, error) from error
    except ValueError as error:
        raise CorpusError(f"{name!r} cannot be opened: {error}; give the name of a file") from error


def _read_error(name: str, error: OSError) -> CharRNNError:
    if error.errno in FULL:
        return ResourceError(f"the disk for temporary files is full while {name} is copied; free some space")
    if error.errno == errno.ENOENT:
        return CorpusError(f"{name} does not exist; give a file, a folder, - or builtin:python")
    if error.errno is None:
        return CorpusError(f"{name} is damaged: {error}; compress it again")
    reason = (error.strerror or str(error)).lower()
    return CorpusError(f"{name} cannot be read: {reason}; give a file that can be")
