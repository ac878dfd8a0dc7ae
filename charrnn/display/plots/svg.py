"""Charts as one SVG file that stands alone: no script, no font, no style from elsewhere; light and dark.

Knows nothing of training.
"""

from collections.abc import Sequence
from html import escape

from charrnn.display.plots.chart import Chart, Series, Span
from charrnn.display.sanitizer import visible

WIDTH, HEIGHT = 800, 260
"""Of one chart, in pixels of the picture's own."""

LEFT, RIGHT, TOP, BOTTOM = 64, 16, 44, 40
"""Around the area of the curves: labels, title and legend."""

COLOURS = ("#0072b2", "#e69f00", "#cc79a7", "#009e73", "#56b4e9", "#d55e00")
"""Told apart by everybody (Okabe & Ito 2008, *Color Universal Design*), on light and on dark."""

STYLE = """
text { font: 12px system-ui, sans-serif; fill: #333 }
.title { font-weight: bold } .end { text-anchor: end } .middle { text-anchor: middle }
.paper { fill: #fff } .grid { stroke: #ddd } .curve { fill: none; stroke-width: 1.8; stroke-linejoin: round }
.faint { opacity: 0.55; stroke-width: 1.2 }
@media (prefers-color-scheme: dark) { text { fill: #ddd } .paper { fill: #16181d } .grid { stroke: #333 } }
"""
"""What drawings look like."""


def svg(charts: Sequence[Chart]) -> str:
    """The charts, one below the other, as a file."""
    return drawing(charts, f"<style>{STYLE}</style>")


def drawing(charts: Sequence[Chart], *styles: str) -> str:
    """The same as an element of a page that has the rules in its own style, unless there are some here."""
    height = HEIGHT * len(charts)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img">',
        *styles,
        f'<rect class="paper" width="{WIDTH}" height="{height}"/>',
    ]
    for number, chart in enumerate(charts):
        parts.append(f'<g transform="translate(0 {number * HEIGHT})">')
        parts += [*_axes(chart), _legend(chart), *_curves(chart, f"area{number}"), "</g>"]
    return "\n".join([*parts, "</svg>\n"])


def _x(span: Span, value: float) -> float:
    return round(LEFT + span.share(value) * (WIDTH - LEFT - RIGHT), 1)


def _y(span: Span, value: float) -> float:
    return round(HEIGHT - BOTTOM - span.share(value) * (HEIGHT - TOP - BOTTOM), 1)


def _text(x: float, y: float, content: str, kind: str = "") -> str:
    return f'<text x="{x}" y="{y}" class="{kind}">{escape(visible(content))}</text>'


def _axes(chart: Chart) -> list[str]:
    across, upwards = chart.spans()
    floor, parts = HEIGHT - BOTTOM, [_text(LEFT, 16, chart.title, "title")]
    for value, text in upwards.ticks(6).items():
        y = _y(upwards, value)
        parts.append(f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y}" y2="{y}"/>')
        parts.append(_text(LEFT - 6, y + 4, text, "end"))
    for value, text in across.ticks(8).items():
        parts.append(_text(_x(across, value), floor + 16, text, "middle"))
    return [*parts, _text(WIDTH - RIGHT, floor + 32, chart.across, "end")]


def _legend(chart: Chart) -> str:
    """The names in one line of text, which flows whatever their widths are."""
    entries = [
        f'<tspan dx="12" fill="{_colour(series)}">━</tspan> {escape(visible(series.name))}'
        for series in chart.series
        if series.name
    ]
    return f'<text x="{LEFT - 12}" y="34">{"".join(entries)}</text>'


def _curves(chart: Chart, area: str) -> list[str]:
    """The curves, cut off where the area ends."""
    across, upwards = chart.spans()
    width, height = WIDTH - LEFT - RIGHT, HEIGHT - TOP - BOTTOM
    parts = [
        f'<clipPath id="{area}"><rect x="{LEFT}" y="{TOP}" width="{width}" height="{height}"/></clipPath>',
        f'<g clip-path="url(#{area})">',
    ]
    for series in chart.series:
        places = [(_x(across, x), _y(upwards, y)) for x, y in series.points]
        line = " ".join(f"{x},{y}" for x, y in places)
        colour = _colour(series)
        if not series.is_scatter:
            parts.append(f'<polyline class="curve{_faint(series)}" stroke="{colour}" points="{line}"/>')
        if series.marks_each or series.is_scatter:
            parts += [f'<circle cx="{x}" cy="{y}" r="2.5" fill="{colour}"/>' for x, y in places]
    return [*parts, "</g>"]


def _colour(series: Series) -> str:
    return COLOURS[series.colour % len(COLOURS)]


def _faint(series: Series) -> str:
    return " faint" if series.faint else ""
