"""How the C library hands out memory while a network learns. Knows nothing of networks."""

import ctypes
import sys

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3
"""The names of `mallopt`'s parameters in glibc's malloc.h."""


def keep_freed_memory() -> bool:
    """Let the allocator keep what is freed, for the next update; whether it does.

    An update needs the same large arrays as the one before. By default glibc gives them back to the system
    and asks for them anew, and each of their pages is then cleared and mapped again.
    """
    if not sys.platform.startswith("linux"):
        return False
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)  # musl has none
    if mallopt is None:
        return False
    largest = 2**31 - 1
    return bool(mallopt(_MMAP_THRESHOLD, 2**30) and mallopt(_TRIM_THRESHOLD, largest))
