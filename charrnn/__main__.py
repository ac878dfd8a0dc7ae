"""`python -m charrnn`, and the entry point of the `charrnn` command."""

import os
import sys
from pathlib import Path

from charrnn.cli import run_command


def main() -> None:
    """Run the command line and exit."""
    _open_closed_streams()
    sys.exit(run_command())


def _open_closed_streams() -> None:
    """Let a stream that was closed before the program began (`>&-`) lead nowhere."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, Path(os.devnull).open("w", encoding="utf-8"))  # noqa: SIM115


if __name__ == "__main__":
    main()
