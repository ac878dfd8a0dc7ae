"""`python -m charrnn`, and the entry point of the `charrnn` command."""

import sys

from charrnn.standard_streams import open_streams
from charrnn.stops import leave_when_asked


def main() -> None:
    """Run the command line and exit."""
    leave_when_asked()
    open_streams()
    from charrnn.cli import run_command  # takes a while, in which a signal may come

    sys.exit(run_command())


if __name__ == "__main__":
    main()
