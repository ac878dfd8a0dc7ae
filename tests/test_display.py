"""What is shown: plain lines, the panel, columns that stay straight; hostile text is shown inert."""

import json
import re
import time
import unicodedata
from dataclasses import replace
from io import StringIO

import pytest
from rich.cells import cell_len
from rich.console import Console, RenderableType

from charrnn.display.live import LiveDisplay, make_display
from charrnn.display.plain import PlainDisplay, QuietDisplay, report_line
from charrnn.display.progress import ReadingProgress, reading_line
from charrnn.display.tables import two_columns
from charrnn.display.units import bits, both, clock
from charrnn.runs.report import Report

HOSTILE = "[bold]x[/bold] [link=a]b :smile: \x1b[31mred\x07 \u202eflipped\u2066 \x9b2J\r\x00 \U000e0041"

REPORT = Report(
    step=12_345,
    epoch=2.5,
    characters=1_000_000,
    seconds=83,
    train_nats=1.0,
    validation_nats=None,
    learning_rate=0.0123,
    gradient_norm=0.456,
    characters_per_second=123_456.7,
    progress=0.25,
    remaining_seconds=3723,
)


def console(*, terminal: bool = False, width: int = 100) -> Console:
    return Console(
        width=width, height=30, file=StringIO(), force_terminal=terminal, color_system=None, highlight=False
    )


def written(to: Console) -> str:
    assert isinstance(to.file, StringIO)
    return to.file.getvalue()


def rendered(renderable: RenderableType, width: int = 100) -> str:
    to = console(width=width)
    to.print(renderable)
    return written(to)


def assert_inert(text: str) -> None:
    """No character steers a terminal, and nothing was taken for markup."""
    steering = [c for c in text if unicodedata.category(c) in {"Cc", "Cf", "Zl", "Zp"} and c != "\n"]
    assert steering == []
    assert "[bold]x[/bold]" in text
    assert ":smile:" in text
    assert "␛[31mred" in text
    assert "⟨U+202E⟩flipped" in text


@pytest.mark.parametrize(
    ("terminal", "quiet", "kind"),
    [
        (True, False, LiveDisplay),
        (False, False, PlainDisplay),
        (True, True, QuietDisplay),
        (False, True, QuietDisplay),
    ],
)
def test_the_display_that_fits(terminal: bool, quiet: bool, kind: type[object]) -> None:
    assert type(make_display(console(terminal=terminal), quiet=quiet)) is kind


def test_quiet_shows_nothing() -> None:
    to = console(terminal=True)
    with make_display(to, quiet=True) as shown:
        shown.note("note")
        shown.reading("reading", 0.5)
        shown.report(replace(REPORT, validation_nats=1.0))
        shown.sample("step 1", "text")
    assert written(to) == ""


def test_a_report_is_one_line_of_plain_text() -> None:
    assert report_line(REPORT) == (
        " 25%  1:23  step 12,345  epoch 2.50  123,457 characters/s  training 1.443 bits/char (1.000 nats)"
    )
    assert report_line(replace(REPORT, validation_nats=2.0)).endswith(
        "  validation 2.885 bits/char (2.000 nats)"
    )


def plain_at(monkeypatch: pytest.MonkeyPatch, seconds: list[float], report: Report) -> list[str]:
    """The lines of reports that come at these times."""
    to, times = console(width=40), iter(seconds)
    shown = PlainDisplay(to)
    monkeypatch.setattr(time, "monotonic", lambda: next(times))
    for _ in seconds:
        shown.report(report)
    return written(to).splitlines()


def test_plain_lines_come_every_few_seconds_and_are_never_broken(monkeypatch: pytest.MonkeyPatch) -> None:
    assert plain_at(monkeypatch, [0, 1, 4.9, 5, 6, 20], REPORT) == [report_line(REPORT)] * 3


def test_a_validation_is_always_told(monkeypatch: pytest.MonkeyPatch) -> None:
    measured = replace(REPORT, validation_nats=1.5)
    assert plain_at(monkeypatch, [0, 0.1, 0.2], measured) == [report_line(measured)] * 3


def test_plain_notes_are_inert_and_samples_are_left_to_the_run_folder() -> None:
    to = console()
    with make_display(to, quiet=False) as shown:
        shown.note(HOSTILE)
        shown.sample("step 1", "a text")
    assert_inert(written(to))
    assert "a text" not in written(to)


def panel_of(text: str, width: int = 100) -> str:
    """The live panel after a report and a sample."""
    shown = LiveDisplay(console(terminal=True, width=width))
    shown.sample("step [red]7", text)
    shown.report(REPORT)
    return rendered(shown.panel(), width)


def test_the_panel_shows_figures_and_sample() -> None:
    panel = panel_of("To be, or not")
    for part in ("25%", "1:23 gone, 1:02:03 to go", "12,345", "2.50", "123,457", "1.443", "0.012", "0.46"):
        assert part in panel
    assert "step [red]7" in panel
    assert "│ To be, or not" in panel


def test_the_panel_shows_hostile_text_inert() -> None:
    assert_inert(panel_of(HOSTILE, width=200))


def test_the_panel_keeps_the_last_and_the_best_validation() -> None:
    shown = LiveDisplay(console(terminal=True))
    for nats in (3.0, 1.0, 2.0, None):
        shown.report(replace(REPORT, validation_nats=nats))
    panel = rendered(shown.panel())
    assert bits(2.0) in panel
    assert bits(1.0) in panel
    assert bits(3.0) not in panel


def panel_over_a_run(height: int, width: int = 100, reports: int = 300) -> str:
    """The panel after a run's reports, on a terminal of that size."""
    to = console(terminal=True, width=width)
    to.height = height
    shown = LiveDisplay(to)
    for step in range(1, reports + 1):
        nats = 1 + 3 / step
        shown.report(
            replace(REPORT, step=step, train_nats=nats, validation_nats=nats if step % 50 == 0 else None)
        )
    shown.sample("step", "x\n" * 50)
    return rendered(shown.panel(), width)


@pytest.mark.parametrize(("height", "rows"), [(24, 5), (30, 10), (60, 10), (22, 0), (10, 0)])
def test_the_curves_are_as_high_as_the_terminal_leaves_room_for(height: int, rows: int) -> None:
    lines = panel_over_a_run(height).splitlines()
    assert sum(bool(re.match(r"[ \d.]+ [│┤]", line)) for line in lines) == rows
    assert ("● validation" in "\n".join(lines)) == (rows > 0)
    if rows:
        assert len(lines) < height


def test_a_narrow_terminal_has_no_curves() -> None:
    assert "bits per character" not in panel_over_a_run(40, width=20)
    assert "bits per character" in panel_over_a_run(40, width=40)


def test_a_loss_that_is_no_number_does_not_stop_the_display() -> None:
    shown = LiveDisplay(console(terminal=True))
    shown.report(replace(REPORT, train_nats=float("nan")))
    assert "nan" in rendered(shown.panel())


def test_before_the_first_report_the_panel_is_empty() -> None:
    assert rendered(LiveDisplay(console(terminal=True)).panel()).strip() == ""


@pytest.mark.parametrize("width", [100, 80])
def test_no_figure_is_cut_off_and_no_line_is_too_long(width: int) -> None:
    shown = LiveDisplay(console(terminal=True, width=width))
    shown.sample("step 7", "x")
    shown.report(replace(REPORT, step=1_234_567, epoch=123.4, validation_nats=10, gradient_norm=1234.5))
    panel = rendered(shown.panel(), width)
    assert max(map(cell_len, panel.splitlines())) <= width
    assert "…" not in panel
    for part in ("1,234,567", "123,457", "14.427", "learning", "gradient", "1234.50", "to go"):
        assert part in panel


@pytest.mark.parametrize(
    ("width", "gone"),
    [
        (200, set()),
        (100, set()),
        (80, set()),
        (60, {"gradient"}),
        (50, {"gradient", "learning"}),
        (40, {"gradient", "learning", "epoch", "char/s"}),
    ],
)
def test_a_narrow_terminal_leaves_figures_out_and_cuts_none(width: int, gone: set[str]) -> None:
    panel = panel_over_a_run(40, width, reports=50)
    names = ("step", "epoch", "char/s", "training", "validation", "best", "learning", "gradient")
    heading = " ".join(panel.split("bits per character")[0].split())
    assert {name for name in names if name not in heading} == gone
    assert "…" not in panel
    assert max(map(cell_len, panel.splitlines())) <= width


def test_what_is_typed_does_not_begin_another_line() -> None:
    """Behind a line as wide as the terminal `^C` would, and leave the panel's first line standing."""
    for width in (200, 80, 60, 40, 20):
        *_, last = panel_over_a_run(40, width).splitlines()
        assert cell_len(last.rstrip()) + len("^C") <= width


def test_before_there_are_figures_it_is_said_what_is_being_done() -> None:
    to = console(terminal=True)
    shown = LiveDisplay(to)
    shown.reading("counting: 50 of 50 MB, 9 MB/s, 0:00 to go", 1.0)
    shown.stage("choosing a network")
    assert "choosing a network …" in rendered(shown.panel())
    assert "to go" not in rendered(shown.panel())


def test_what_takes_long_is_said_beside_the_figures(monkeypatch: pytest.MonkeyPatch) -> None:
    shown = LiveDisplay(console(terminal=True))
    shown.report(replace(REPORT, progress=1.0, remaining_seconds=0))
    now = time.monotonic()
    shown.stage("validating")
    assert "validating" not in rendered(shown.panel()), "what is over at once is not worth a word"
    monkeypatch.setattr(time, "monotonic", lambda: now + 5)
    assert "gone, validating …" in rendered(shown.panel())
    shown.report(REPORT)
    assert "validating" not in rendered(shown.panel())


def test_a_stage_is_a_plain_line_now_and_then() -> None:
    to = console()
    shown = PlainDisplay(to)
    for what in ("choosing a network", "timing a validation"):
        shown.stage(what)
    assert written(to) == "choosing a network …\n"


def test_after_a_change_of_size_notes_and_panel_are_drawn_anew() -> None:
    to = console(terminal=True)
    with LiveDisplay(to) as shown:
        shown.note("a note")
        shown.report(REPORT)
        shown.live.refresh()
        before = len(written(to))
        to.width = 60
        shown.live.refresh()
        after = written(to)[before:]
    cleared = "\x1b[H\x1b[2J"
    assert cleared not in written(to)[:before]
    assert after.count(cleared) == 1
    assert after.index(cleared) < after.index("a note") < after.index("to go")


def test_in_the_background_nothing_is_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    to = console(terminal=True)
    away = [True]
    monkeypatch.setattr("charrnn.display.live_panel._in_background", lambda _: away[0])
    with LiveDisplay(to) as shown:
        before = len(written(to))
        shown.report(REPORT)
        shown.live.refresh()
        shown.note("a note")
        assert written(to)[before:] == "a note\n"
        away[0] = False
        shown.live.refresh()
        assert "to go" in written(to)[before:]


KOREAN = "안녕하세요, 세상!\nabc\n값과 닭이 많다\n" + "한" * 200 + "\n\tb\n👍🏽 e\u0301"


@pytest.mark.parametrize("width", [100, 61, 60])
def test_the_frame_of_a_korean_sample_stays_straight(width: int) -> None:
    lines = [line for line in panel_of(KOREAN, width).splitlines() if line.startswith(("│", "╭", "╰"))]
    assert len(lines) == 2 + 6
    assert {cell_len(line) for line in lines} == {width}
    assert all(line.endswith(("│", "╮", "╯")) for line in lines)


def test_a_long_sample_shows_a_few_lines() -> None:
    panel = panel_of("\n".join(f"line {number}" for number in range(50)))
    assert "line 7" in panel
    assert "line 8" not in panel


def test_two_columns_line_up_whatever_the_width_of_their_characters() -> None:
    lines = rendered(two_columns([("이름", "값"), ("name", "value"), ("ㅎ", HOSTILE)]), 200).splitlines()
    starts = [
        cell_len(line[: line.index(value)])
        for line, value in zip(lines, ("값", "value", "[bold]"), strict=True)
    ]
    assert len(set(starts)) == 1
    assert_inert("\n".join(lines))


def test_the_live_display_restores_the_terminal_when_an_error_ends_it() -> None:
    to = console(terminal=True)

    def fail() -> None:
        with make_display(to, quiet=False) as shown:
            shown.report(REPORT)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail()
    hidden, shown_again = "\x1b[?25l", "\x1b[?25h"
    assert written(to).rindex(shown_again) > written(to).rindex(hidden)


def test_live_notes_are_inert() -> None:
    to = console(terminal=True, width=300)
    LiveDisplay(to).note(HOSTILE)
    assert_inert(written(to))


def test_reading_is_told_once_it_takes_over_a_second(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[tuple[str, float | None]] = []

    class Listener(QuietDisplay):
        def reading(self, line: str, share: float | None) -> None:
            told.append((line, share))

    times = iter([0, 0.5, 2])
    monkeypatch.setattr(time, "monotonic", lambda: next(times))
    progress = ReadingProgress(Listener(), "counting")
    progress(10**6, 10**8)
    progress(10**7, 10**8)
    assert told == [("counting: 10 of 100 MB, 5 MB/s, 0:18 to go", 0.1)]


def test_reading_shows_a_bar_on_a_terminal() -> None:
    to = console(terminal=True, width=120)
    with LiveDisplay(to) as shown:
        shown.reading("scoring: 50 of 100 MB", 0.5)
        shown.live.refresh()
        shown.reading("scoring: 50 MB", None)
    assert "━" in written(to)
    assert "scoring: 50 of 100 MB" in written(to)


def test_reading_of_what_has_no_known_end() -> None:
    assert reading_line("counting", 2, 10**7, None) == "counting: 10 MB, 5 MB/s"
    assert reading_line("counting", 2, 0, 10**7) == "counting: 0 MB, 0 MB/s"


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [(0, "0:00"), (7.4, "0:07"), (59.6, "1:00"), (754, "12:34"), (3723, "1:02:03"), (1e5, "27:46:40")],
)
def test_a_clock(seconds: float, expected: str) -> None:
    assert clock(seconds) == expected


def test_a_clock_without_end_is_still_a_text() -> None:
    assert clock(float("inf")).startswith("277777:")


def test_both_units() -> None:
    assert both(1.0) == "1.443 bits/char (1.000 nats)"
    assert bits(None) == "–"


def test_metrics_are_what_json_holds_without_what_was_not_measured() -> None:
    metrics = REPORT.metrics()
    assert json.loads(json.dumps(metrics)) == metrics
    assert list(metrics) == [
        "step",
        "epoch",
        "characters",
        "seconds",
        "train_nats",
        "learning_rate",
        "gradient_norm",
        "characters_per_second",
        "processes",
        "communication_seconds",
    ]
    assert replace(REPORT, validation_nats=2.0).metrics()["validation_nats"] == 2.0
