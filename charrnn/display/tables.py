"""Tables, and how they are printed to standard output."""

import sys
from collections.abc import Callable, Sequence

from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.table import Column, Table
from rich.text import Text

from charrnn.display.sanitizer import visible, write_text

PIPE_WIDTH = 1000


class Fitted:
    """A table that leaves out columns where there is no room for all, so that none is cut.

    Args:
        table: makes the table of the columns that are named.
        names: all columns.
        expendable: those that go, in this order.
    """

    def __init__(
        self, table: Callable[[Sequence[str]], Table], names: Sequence[str], expendable: Sequence[str]
    ) -> None:
        self.table, self.names, self.expendable = table, names, expendable

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Draw as many columns as fit."""
        names, unbounded = list(self.names), options.update(max_width=PIPE_WIDTH)
        for name in self.expendable:
            if console.measure(self.table(names), options=unbounded).maximum <= options.max_width:
                break
            names.remove(name)
        yield self.table(names)


def print_result(renderable: RenderableType) -> None:
    """Print to standard output: as wide as the terminal, as wide as it needs to be in a pipe."""
    width = None if sys.stdout.isatty() else PIPE_WIDTH
    console = Console(width=width, highlight=False, markup=False)
    with console.capture() as capture:
        console.print(renderable)
    lines = (line.rstrip() for line in capture.get().strip("\n").split("\n"))
    write_text(sys.stdout, "\n".join(lines) + "\n")


def two_columns(rows: Sequence[tuple[str, str]]) -> RenderableType:
    """Names and values, made visible, aligned whatever the width of their characters."""
    table = Table.grid(Column(), Column(overflow="fold"), padding=(0, 2))
    for name, value in rows:
        table.add_row(Text(visible(name), style="dim"), Text(visible(value)))
    return table
