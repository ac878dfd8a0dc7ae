"""What a command prints on standard error about itself: what it is loading, and one-line errors.

Loads numpy only after an error.
"""

import re
import shutil
import sys
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import typer

from charrnn.config.declaration import shortened
from charrnn.errors import CharRNNError, explained

LONGEST_MESSAGE = 2000
"""Characters of the line that says what went wrong, whatever long name or number was given."""


def tell(error: Exception | KeyboardInterrupt) -> int:
    """Say on standard error what went wrong; the exit code."""
    message, code = _explain(error)
    if message:
        from charrnn.display.sanitizer import visible

        line = f"charrnn: {shortened(visible(' '.join(message.split())), LONGEST_MESSAGE)}"
        sys.stderr.write((_folded(line) if sys.stderr.isatty() else line) + "\n")
    return code


def _folded(line: str) -> str:
    """A line as a terminal shows it with its words whole, clauses and so commands too where there is room."""
    columns, lines = shutil.get_terminal_size().columns, [""]
    for clause in re.split("(?<=;) ", line):
        joined = f"{lines[-1]} {clause}".lstrip()
        if len(joined) <= columns:
            lines[-1] = joined
        else:
            lines += textwrap.wrap(clause, columns, break_long_words=False, break_on_hyphens=False)
    return "\n".join(filter(None, lines))


def _explain(error: Exception | KeyboardInterrupt) -> tuple[str, int]:
    """An error's line and exit code."""
    if isinstance(error, KeyboardInterrupt | typer.Abort):
        return "stopped", 130
    if hasattr(error, "format_message"):  # the option parser's own errors
        return _usage(error), int(getattr(error, "exit_code", 2))
    told = explained(error)
    is_unexpected = told is not error and type(told) is CharRNNError
    hint = "; set CHARRNN_DEBUG=1 to see where" if is_unexpected else ""
    return f"{told}{hint}", told.exit_code


def _usage(error: Any) -> str:  # noqa: ANN401
    context = getattr(error, "ctx", None)
    command = context.command_path if context is not None else "charrnn"
    message = str(error.format_message()).rstrip(".")
    return f"{message}; see {command} --help" if message else ""


@contextmanager
def loading(what: str, *, quiet: bool) -> Iterator[None]:
    """Say that something is loaded, which takes seconds; on a terminal the line vanishes afterwards."""
    if quiet or "torch" in sys.modules:
        yield
        return
    sys.stderr.write(f"loading {what} …\n")
    sys.stderr.flush()
    yield
    if sys.stderr.isatty():
        sys.stderr.write("\x1b[1A\x1b[K")
        sys.stderr.flush()
