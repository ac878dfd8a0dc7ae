"""Charts: round numbers, a canvas of dots, a terminal, an SVG, a PNG; hostile names are shown inert."""

import builtins
import math
import xml.etree.ElementTree as ET
from io import StringIO
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.color import Color
from rich.console import Console

from charrnn.commands.runs import STATE_STYLES
from charrnn.display.plots.braille import Canvas
from charrnn.display.plots.chart import Chart, Series, Span, label, span, thinned
from charrnn.display.plots.curves import LIVE_POINTS, MOST_POINTS, Track, charts
from charrnn.display.plots.png import png
from charrnn.display.plots.svg import drawing, svg
from charrnn.display.plots.terminal import PALETTE, WIDEST, Plot
from charrnn.errors import UsageError
from charrnn.runs.metrics import Point

NUMBERS = st.floats(-1e15, 1e15, allow_nan=False)
HOSTILE = '</text><script>x</script>[red]&"\x1b[2J\u202e\x00\ud800]]>'


def point(step: int, **changed: float) -> Point:
    values: dict[str, Any] = {
        "step": step,
        "epoch": step / 100,
        "characters": 50 * step,
        "seconds": step / 2,
        "train_nats": math.log(2) * (1 + 4 / step),
        "learning_rate": 0.01,
        "gradient_norm": 1.0,
        "characters_per_second": 100.0,
    }
    return Point(**values | changed)


RUN = [point(step, **({"validation_nats": 1.0} if step % 20 == 0 else {})) for step in range(1, 101)]


def drawn(
    chart: Chart, width: int = 60, rows: int = 8, *, ascii_only: bool = False, colour: bool = False
) -> str:
    file = StringIO()
    console = Console(
        file=file,
        width=width,
        force_terminal=colour,
        color_system="truecolor" if colour else None,
        legacy_windows=False,
    )
    options = console.options.update(width=width)
    options.encoding = "ascii" if ascii_only else "utf-8"
    for line in Plot(chart, rows).__rich_console__(console, options):
        console.print(line)
    return file.getvalue()


LINE = Chart("height", "way", [Series("up", [(0, 0), (10, 10)])])


@given(NUMBERS, NUMBERS, st.integers(1, 12))
@example(0.0, 5e-324, 1)
@example(1e-322, 2e-322, 12)
@settings(max_examples=200)
def test_ticks_are_round_inside_and_not_too_many(one: float, other: float, most: int) -> None:
    whole = span([one, other])
    ticks = whole.ticks(most)
    assert len(ticks) <= most + 1
    slack = 1e-6 * (whole.high - whole.low)
    assert all(whole.low - slack <= tick <= whole.high + slack for tick in ticks)


@pytest.mark.parametrize(
    ("low", "high", "most", "expected"),
    [
        (1.8, 3.1, 4, ["2.0", "2.5", "3.0"]),
        (0, 4000, 4, ["0", "1k", "2k", "3k", "4k"]),
        (0, 2e6, 4, ["0", "500k", "1M", "1.5M", "2M"]),
        (0, 0.04, 4, ["0", "0.01", "0.02", "0.03", "0.04"]),
        (-1, 1, 2, ["-1", "0", "1"]),
        (0, 3e-9, 3, ["0", "1e-09", "2e-09", "3e-09"]),
    ],
)
def test_the_labels_of_an_axis(low: float, high: float, most: int, expected: list[str]) -> None:
    assert list(Span(low, high).ticks(most).values()) == expected


def test_labels_are_as_exact_as_their_spacing() -> None:
    assert [label(2.5, 0.5), label(2.0, 0.05), label(12_500, 500), label(1e9, 1e9)] == [
        "2.5",
        "2.00",
        "12.5k",
        "1G",
    ]


@given(st.lists(NUMBERS, max_size=5))
def test_a_span_has_an_extent(values: list[float]) -> None:
    found = span(values)
    assert found.low < found.high
    assert all(0 <= found.share(value) <= 1 for value in values)


@given(st.lists(st.tuples(NUMBERS, NUMBERS), max_size=300), st.integers(1, 50))
def test_thinning_bounds_the_points_and_keeps_their_range(
    points: list[tuple[float, float]], most: int
) -> None:
    few = thinned(points, most)
    assert len(few) <= most
    assert bool(few) == bool(points)
    heights = [y for _, y in points]
    slack = 1e-9 * max(map(abs, heights), default=0)
    assert all(min(heights) - slack <= y <= max(heights) + slack for _, y in few)


def test_thinning_averages_neighbours() -> None:
    assert thinned([(0, 1), (1, 3), (2, 5), (3, 7), (4, 100)], 3) == [(0.5, 2), (2.5, 6), (4, 100)]


def test_a_track_stays_bounded_and_leaves_out_what_is_no_number() -> None:
    track = Track()
    for step in range(10_000):
        track.add(step, math.nan if step % 7 == 0 else 1.0)
        assert len(track.points) < 2 * LIVE_POINTS
    assert {y for _, y in track.points} == {1.0}
    assert [x for x, _ in track.points] == sorted(x for x, _ in track.points)


def test_a_canvas_draws_dots_from_the_bottom_left() -> None:
    canvas = Canvas(2, 1)
    canvas.line((0, 0), (1, 1), "")
    assert canvas.lines()[0].plain == "⡠⠊"


def test_a_canvas_in_ascii_tells_upper_and_lower_halves() -> None:
    canvas = Canvas(4, 1)
    canvas.line((0, 0), (0.2, 0), "")
    canvas.line((0.4, 1), (0.4, 1), "")
    canvas.line((1, 0), (1, 1), "")
    assert canvas.lines(ascii_only=True)[0].plain == ".' :"


def test_a_mark_stands_over_a_line_and_keeps_its_style() -> None:
    canvas = Canvas(3, 1)
    canvas.mark((0.5, 0.5), "●", "red")
    canvas.line((0, 0), (1, 0), "blue")
    canvas.mark((0.5, 1.5), "x", "")
    line = canvas.lines()[0]
    assert line.plain[1] == "●"
    assert [str(part.style) for part in line.spans] == ["blue", "red", "blue"]


@given(*[st.floats(-1e6, 1e6) for _ in range(2)])
def test_a_line_has_no_gap_and_what_leaves_the_canvas_is_cut_off(begin: float, end: float) -> None:
    canvas = Canvas(20, 5)
    canvas.line((0, begin), (1, end), "")
    lines = canvas.lines()
    assert [cell_len(line.plain) for line in lines] == [20] * 5
    columns = [column for column in range(20) if any(line.plain[column] != " " for line in lines)]
    assert columns == list(range(columns[0], columns[-1] + 1)) if columns else True


def test_a_chart_in_a_terminal() -> None:
    lines = [line.rstrip() for line in drawn(LINE, width=30, rows=4).splitlines()]
    assert lines == [
        "height by way  ─ up",
        "10 ┤                    ⢀⣀⡠⠤⠒⠒",
        " 5 ┤             ⣀⣀⠤⠔⠒⠊⠉⠁",
        "   │     ⢀⣀⡠⠤⠔⠒⠉⠉",
        " 0 ┤⠤⠤⠒⠊⠉⠁",
        "   └┬───────────┬────────────┬",
        "    0           5           10",
    ]


@pytest.mark.parametrize("width", [24, 30, 61, 80, 300])
@pytest.mark.parametrize("rows", [4, 6, 14])
def test_a_chart_fits_every_width(width: int, rows: int) -> None:
    for chart in charts({"a": RUN, "b": RUN}):
        lines = drawn(chart, width, rows).splitlines()
        assert max(map(cell_len, lines)) <= min(width, WIDEST)
        assert sum("│" in line or "┤" in line for line in lines) == rows


def test_where_there_is_no_room_or_no_point_there_is_no_chart() -> None:
    assert drawn(LINE, width=20) == ""
    assert drawn(Chart("empty", "way", [Series("none", [])])) == ""


def test_a_terminal_without_unicode_gets_ascii() -> None:
    text = drawn(charts({"a": RUN})[0], ascii_only=True)
    assert text.isascii()
    assert "?" not in text
    assert "o validation" in text


def test_series_have_colours_of_their_own() -> None:
    text = drawn(charts({"a": RUN})[0], colour=True)
    assert len(set(PALETTE)) == len(PALETTE)
    assert "38;5;27m" in text
    assert "38;5;166m" in text
    assert "\x1b" not in drawn(charts({"a": RUN})[0])


def test_colours_can_be_read_on_white_and_on_black() -> None:
    """By the contrast ratio of WCAG 2: 3 is what graphics need."""

    def linear(part: int) -> float:
        return part / 255 / 12.92 if part / 255 <= 0.04045 else ((part / 255 + 0.055) / 1.055) ** 2.4

    for name in (*PALETTE, *filter(None, STATE_STYLES.values())):
        red, green, blue = map(linear, Color.parse(name).get_truecolor())
        luminance = 0.2126 * red + 0.7152 * green + 0.0722 * blue
        assert 1.05 / (luminance + 0.05) >= 3.5, f"{name} on white"
        assert (luminance + 0.05) / 0.05 >= 3.5, f"{name} on black"


def test_on_a_terminal_a_chart_is_as_wide_as_that() -> None:
    for width, terminal, expected in ((200, True, 200), (200, False, WIDEST), (60, True, 60)):
        to = Console(width=width, force_terminal=terminal, color_system=None, file=StringIO())
        to.print(Plot(charts({"a": RUN})[0]))
        assert isinstance(to.file, StringIO)
        assert max(map(cell_len, to.file.getvalue().splitlines())) == expected


def test_the_steep_beginning_does_not_count_for_the_height() -> None:
    fall = Series("", [(x, 100.0 if x < 5 else 1.0) for x in range(100)])
    assert Chart("", "", [fall], steep_share=0.1).spans()[1].high < 2
    assert Chart("", "", [fall]).spans()[1].high > 100


def test_the_charts_of_one_run() -> None:
    losses, rate, speed = charts({"novel": RUN})
    assert [chart.title for chart in (losses, rate, speed)] == [
        "bits per character",
        "learning rate",
        "characters per second",
    ]
    training, validation = losses.series
    assert (training.name, validation.name) == ("training", "validation")
    assert training.points[0] == (1, 5)
    assert list(validation.points) == [(20 * n, 1 / math.log(2)) for n in range(1, 6)]
    assert list(rate.series[0].points) == [(step, 0.01) for step in range(1, 101)]
    assert speed.series[0].name == ""


def test_the_charts_of_several_runs_name_each_once_with_its_colour() -> None:
    bare = [point(step) for step in range(1, 10)]
    losses, rate, _ = charts({"a": RUN, "b": bare})
    assert [series.name for series in losses.series if series.name] == ["a", "b"]
    assert [series.colour for series in losses.series] == [0, 0, 1, 1]
    assert [series.name for series in rate.series] == ["a", "b"]
    assert len({series.marker for series in losses.series}) == 4


@pytest.mark.parametrize(
    ("by", "across", "last"),
    [("step", "step", 100), ("characters", "characters", 5000), ("seconds", "seconds", 50)],
)
def test_what_is_drawn_across(by: str, across: str, last: float) -> None:
    for chart in charts({"a": RUN}, by):
        assert chart.across == across
        assert chart.series[0].points[-1][0] == last


@pytest.mark.parametrize(
    ("seconds", "unit", "last"), [(299, "seconds", 299), (600, "minutes", 10), (36000, "hours", 10)]
)
def test_time_has_the_unit_that_fits(seconds: float, unit: str, last: float) -> None:
    chart = charts({"a": [point(1, seconds=1.0), point(2, seconds=seconds)]}, "seconds")[0]
    assert (chart.across, chart.series[0].points[-1][0]) == (unit, last)


def test_a_long_run_is_drawn_with_bounded_points() -> None:
    long = [point(step) for step in range(1, 20_000)]
    assert all(len(series.points) <= MOST_POINTS for chart in charts({"a": long}) for series in chart.series)


def test_an_svg_holds_every_curve_inside_its_area() -> None:
    root = ET.fromstring(svg(charts({"a": RUN})))  # noqa: S314
    lines = list(root.iter("{http://www.w3.org/2000/svg}polyline"))
    assert len(lines) == 4
    assert len(list(root.iter("{http://www.w3.org/2000/svg}circle"))) == 5
    for line in lines:
        places = [tuple(map(float, place.split(","))) for place in line.attrib["points"].split()]
        assert all(64 <= x <= 784 for x, _ in places)


def test_an_svg_of_hostile_names_has_the_tree_of_any_other() -> None:
    def tree(name: str) -> list[str]:
        text = svg(charts({name: RUN, "other": RUN}))
        assert "\x1b" not in text
        return [element.tag for element in ET.fromstring(text).iter()]  # noqa: S314

    assert tree(HOSTILE) == tree("novel")


def test_an_svg_fetches_nothing() -> None:
    text = svg(charts({"a": RUN}))
    assert text.count("http") == text.count('xmlns="http://www.w3.org/2000/svg"') == 1
    assert "script" not in text
    assert "prefers-color-scheme: dark" in text


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.filterwarnings("ignore::PendingDeprecationWarning")
def test_a_png_is_one() -> None:
    pytest.importorskip("matplotlib", reason="the extra `plot` is not installed")
    assert png(charts({"a": RUN, "$\\b$": RUN})).startswith(b"\x89PNG\r\n")


def test_a_png_without_matplotlib_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def without(name: str, *arguments: Any) -> Any:  # noqa: ANN401
        if name.startswith("matplotlib"):
            raise ImportError(name)
        return real(name, *arguments)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(UsageError, match=r"needs matplotlib.*charrnn\[plot\].*\.svg"):
        png(charts({"a": RUN}))


def test_a_scatter_has_points_and_no_lines() -> None:
    points = [(0.1, 0.2), (0.9, 0.8)]
    chart = Chart("left", "right", [Series("gate", points, is_scatter=True)], limits=(Span(0, 1), Span(0, 1)))
    picture = svg([chart])
    assert "polyline" not in picture
    assert picture.count("<circle") == 2
    assert chart.spans() == (Span(0, 1), Span(0, 1))
    assert "<style>" not in drawing([chart])
    dots = sum((ord(c) - 0x2800).bit_count() for c in drawn(chart) if 0x2800 < ord(c) < 0x2900)
    assert dots == 2
