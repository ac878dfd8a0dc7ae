"""`python -m charrnn`, and the entry point of the `charrnn` command."""

import sys

from charrnn.cli import run_command


def main() -> None:
    """Run the command line and exit."""
    sys.exit(run_command())


if __name__ == "__main__":
    main()
