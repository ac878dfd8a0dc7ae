"""The errors a user can meet, one class for each exit code. Knows nothing of anything else."""

import errno
from collections.abc import Iterator
from contextlib import contextmanager

FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
"""What the system says when there is no room for more: on the disk, of one's share, in one file."""


_ALLOCATORS_SAY = ("can't allocate memory", "not enough memory", "out of memory")
"""PyTorch's allocators raise RuntimeError with these words."""


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error says that there is no more memory."""
    said = isinstance(error, RuntimeError) and any(words in str(error).lower() for words in _ALLOCATORS_SAY)
    return said or isinstance(error, MemoryError)


class CharRNNError(Exception):
    """Something went wrong that the user can read about in one line.

    The message says what happened (with the value), what was expected, and what to do.
    """

    exit_code = 1


class UsageError(CharRNNError):
    """Wrong use: an option's value, a run that exists, a prompt the model cannot read."""

    exit_code = 2


class InputError(CharRNNError):
    """A file that is given is missing, unreadable, invalid or too short."""

    exit_code = 3


class CorpusError(InputError):
    """A corpus cannot be read as text, or is too short to learn from."""


class UnknownCharacterError(CorpusError):
    """A text holds characters that the vocabulary has no id for."""


class CheckpointError(InputError):
    """A checkpoint is missing, damaged, or does not hold what its settings say."""


class NothingLearntError(CharRNNError):
    """A run's time was over before its first update."""


class DivergenceError(CharRNNError):
    """The loss became infinite or not a number, and stayed so."""

    exit_code = 4


class ResourceError(CharRNNError):
    """The disk or the memory is full."""

    exit_code = 5


class Stopped(CharRNNError):  # noqa: N818 - the user's wish, no error
    """A signal asked the program to stop, and it did so cleanly."""

    def __init__(self, message: str, signal_number: int) -> None:
        super().__init__(message)
        self.exit_code = 128 + signal_number


class ClosedPipe(CharRNNError):  # noqa: N818 - the reader has seen enough, which is no error
    """Whoever reads standard output has closed it."""

    exit_code = 0


@contextmanager
def only_ours() -> Iterator[None]:
    """Let every error that comes out of this be a `CharRNNError`; what asks for the end passes as it is.

    Raises:
        CharRNNError: whatever went wrong; what raised it is its cause.
    """
    try:
        yield
    except CharRNNError:
        raise
    except Exception as error:
        raise explained(error) from error


def explained(error: Exception) -> CharRNNError:
    """An error as one that the user can read about in one line."""
    if isinstance(error, CharRNNError):
        return error
    if is_out_of_memory(error):
        return ResourceError("memory is full; lower --hidden, --batch-size or --sequence-length")
    if isinstance(error, OSError) and error.errno in FULL:
        return ResourceError("the disk is full; free some space")
    if isinstance(error, OSError) and error.errno == errno.ENAMETOOLONG:
        return UsageError("a name is too long for a file; give a shorter one")
    return CharRNNError(f"unexpected error: {type(error).__name__}: {error}")
