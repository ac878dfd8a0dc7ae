"""A chart in a terminal: a rich renderable that fits the width it is given. Knows nothing of training."""

import itertools

from rich.console import Console, ConsoleOptions, RenderResult
from rich.text import Text

from charrnn.display.plots.braille import Canvas
from charrnn.display.plots.chart import Chart, Series, Span
from charrnn.display.sanitizer import visible

PALETTE = ("dodger_blue2", "dark_orange3", "magenta3", "green4", "turquoise4", "red3")
"""Of a brightness that can be read on white and on black; a terminal of 16 colours takes the nearest."""

WIDEST = 100
"""Columns in a pipe, where nobody knows how wide the page is; on a terminal a chart is as wide as that."""

NARROWEST = 24
"""Columns; a narrower chart shows nothing."""

MARKS = 8
"""Marks along a curve of many points."""

_ASCII = str.maketrans("●▲■◆▼○△□◇▽─│┤┬└", "oxs*voxs*v-||+`")


class Plot:
    """A chart of so many rows, with legend and axes; where there is no room for one, nothing.

    Attributes:
        chart: what is drawn.
        rows: characters upwards that the curves take.
    """

    def __init__(self, chart: Chart, rows: int = 12) -> None:
        self.chart, self.rows = chart, rows
        self._drawn: dict[tuple[int, bool], list[Text]] = {}

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Draw as wide as there is room, once for each width: a live display asks again and again."""
        widest = options.max_width if console.is_terminal else WIDEST
        size = min(options.max_width, widest), options.ascii_only
        if size not in self._drawn:
            self._drawn[size] = self._draw(*size)
        yield from self._drawn[size]

    def _draw(self, width: int, ascii_only: bool) -> list[Text]:
        across, upwards = self.chart.spans()
        labels = upwards.ticks(max(3, self.rows // 3))
        margin = max(map(len, labels.values()))
        columns = width - margin - 2
        if width < NARROWEST or columns < NARROWEST // 2 or not any(s.points for s in self.chart.series):
            return []
        canvas = Canvas(columns, self.rows)
        for series in self.chart.series:
            _draw_series(canvas, series, across, upwards)
        by_row = {round(upwards.share(value) * (self.rows - 1)): text for value, text in labels.items()}
        rows = reversed(range(self.rows))
        lines = [self._heading()]
        for row, drawn in zip(rows, canvas.lines(ascii_only=ascii_only), strict=True):
            axis = f"{by_row.get(row, ''):>{margin}} {'┤' if row in by_row else '│'}"
            lines.append(Text.assemble((axis, "dim"), drawn, no_wrap=True))
        lines += _across(across, margin, columns)
        return [_translated(line) for line in lines] if ascii_only else lines

    def _heading(self) -> Text:
        """The title and the legend, which may take several lines."""
        heading = Text(f"{self.chart.title} by {self.chart.across}", style="bold", overflow="fold")
        for series in self.chart.series:
            if series.name:
                heading.append("  " + (series.marker or "─") + " ", _style(series))
                heading.append(visible(series.name), "not bold")
        return heading


def _style(series: Series) -> str:
    return PALETTE[series.colour % len(PALETTE)] + (" dim" if series.faint else "")


def _draw_series(canvas: Canvas, series: Series, across: Span, upwards: Span) -> None:
    places = [(across.share(x), upwards.share(y)) for x, y in series.points]
    style = _style(series)
    if len(places) == 1 or series.is_scatter:
        for place in places:
            canvas.line(place, place, style)
        return
    for begin, end in itertools.pairwise(places):
        canvas.line(begin, end, style)
    if series.marker:
        apart = 1 if series.marks_each else max(1, len(places) // MARKS)
        for place in places[apart // 2 :: apart]:
            canvas.mark(place, series.marker, style)


def _across(span: Span, margin: int, columns: int) -> list[Text]:
    """The axis at the bottom and its numbers."""
    ticks = span.ticks(max(1, columns // 12))
    line, numbers = ["─"] * columns, [" "] * columns
    free = 0
    for value, text in ticks.items():
        column = round(span.share(value) * (columns - 1))
        begin = min(max(0, column - len(text) // 2), columns - len(text))
        if begin >= free:
            line[column] = "┬"
            numbers[begin : begin + len(text)] = text
            free = begin + len(text) + 2
    indent = " " * (margin + 1)
    return [Text(f"{indent}└{''.join(line)}", "dim"), Text(f"{indent} {''.join(numbers)}", "dim")]


def _translated(line: Text) -> Text:
    """The same in ASCII, its styles in their places."""
    plain = line.plain.translate(_ASCII).encode("ascii", "replace").decode()
    return Text(plain, line.style, spans=line.spans, no_wrap=line.no_wrap, overflow=line.overflow)
