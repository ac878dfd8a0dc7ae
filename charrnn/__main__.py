"""`python -m charrnn`, and the entry point of the `charrnn` command."""

import atexit
import os
import sys

from charrnn.runs.signals import leave_when_asked, unhandled

KEPT_PRIMITIVES = "128"
"""Functions that oneDNN makes for a shape and keeps: by default 1,024, which for batches of lines, each of
its own shape, take hundreds of megabytes (LOG.md)."""


def main() -> None:
    """Run the command line and exit."""
    leave_when_asked()  # before anything is imported, which takes a while
    os.environ.setdefault("ONEDNN_PRIMITIVE_CACHE_CAPACITY", KEPT_PRIMITIVES)
    codes = list[int]()
    atexit.register(_end, codes)  # the first one to be registered is the last one to be called
    from charrnn.display.standard_streams import open_streams
    from charrnn.training.launcher import follows

    if follows():
        unhandled()
    open_streams()
    from charrnn.cli import run_command

    codes.append(run_command())
    sys.exit(codes[0])


def _end(codes: list[int]) -> None:
    """End the program without unloading PyTorch, which helps nobody and takes seconds on a busy machine.

    By now the command has returned, and what libraries do at the end is done. Where something cannot be
    flushed, or the command raised, Python ends in its own way.
    """
    if codes and "torch" in sys.modules:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(codes[0])


if __name__ == "__main__":
    main()
