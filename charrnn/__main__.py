"""`python -m charrnn`, and the entry point of the `charrnn` command."""

import sys

from charrnn.runs.signals import leave_when_asked


def main() -> None:
    """Run the command line and exit."""
    leave_when_asked()  # before anything is imported, which takes a while
    from charrnn.display.standard_streams import open_streams

    open_streams()
    from charrnn.cli import run_command

    sys.exit(run_command())


if __name__ == "__main__":
    main()
