"""`metrics.jsonl` read back: whatever was written comes back, whatever else is in the file is left out."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from charrnn.errors import InputError
from charrnn.runs.checkpoint_facts import Figure
from charrnn.runs.metrics import LONGEST_LINE, Metrics, Point, read_metrics
from charrnn.runs.report import Report

LINE = {
    "step": 10,
    "epoch": 0.5,
    "characters": 1000,
    "seconds": 2.5,
    "train_nats": 1.5,
    "learning_rate": 0.01,
    "gradient_norm": 0.3,
    "characters_per_second": 400.0,
}


def read(path: Path, *lines: str | bytes) -> Metrics:
    file = path / "metrics.jsonl"
    file.write_bytes(b"".join(line if isinstance(line, bytes) else line.encode() + b"\n" for line in lines))
    return read_metrics(file)


def line(**changed: Any) -> str:  # noqa: ANN401
    return json.dumps(LINE | changed)


def steps(metrics: Metrics) -> Sequence[int]:
    return [point.step for point in metrics.points]


def test_what_a_report_writes_comes_back(tmp_path: Path) -> None:
    report = Report(1, 0.1, 100, 1.0, 2.0, 2.5, 0.01, 0.5, 100.0, progress=0.1, remaining_seconds=9.0)
    values = report.metrics()
    assert (values.pop("processes"), values.pop("communication_seconds")) == (1, 0.0)  # not shown anywhere
    assert read(tmp_path, json.dumps(report.metrics())).points == (Point(**values),)


def test_no_file_and_an_empty_file_tell_nothing(tmp_path: Path) -> None:
    assert read_metrics(tmp_path / "metrics.jsonl") == Metrics()
    assert read(tmp_path) == Metrics()


def test_validation_is_there_where_it_was_measured(tmp_path: Path) -> None:
    metrics = read(tmp_path, line(), line(step=20, validation_nats=1.75), line(step=30, validation_nats=2.0))
    assert [point.validation_nats for point in metrics.points] == [None, 1.75, 2.0]
    assert metrics.best_validation_nats == 1.75
    assert Metrics().best_validation_nats is None


@pytest.mark.parametrize(
    "damage",
    [
        "",
        "{",
        "[]",
        "7",
        "null",
        '{"step": 3}',
        line(step="10"),
        line(step=True),
        line(train_nats=None),
        line(validation_nats=None),
        line(train_nats=float("nan")),
        line(train_nats=float("inf")),
        line(seconds=1e300),
        line(step=10**400),
        '{"step": ' + "9" * 5000 + "}",
        "[" * 50_000,
        b"\xff\xfe\x00\n",
        b"x" * (LONGEST_LINE - 1) + b"\n",
    ],
)
def test_a_damaged_line_is_left_out_and_counted(damage: str | bytes, tmp_path: Path) -> None:
    metrics = read(tmp_path, line(), damage, line(step=20))
    assert (steps(metrics), metrics.damaged_lines) == ([10, 20], 1)


def test_a_last_line_that_is_half_written_is_no_damage(tmp_path: Path) -> None:
    metrics = read(tmp_path, line(), line(step=20).encode()[:40])
    assert (steps(metrics), metrics.damaged_lines) == ([10], 0)


def test_a_run_that_went_back_to_a_save_counts_once(tmp_path: Path) -> None:
    written = [line(step=step) for step in (10, 20, 30, 40, 25, 40, 40)]
    assert steps(read(tmp_path, *written)) == [10, 20, 25, 40, 40]


def test_what_is_no_file_is_an_error_of_one_line(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        read_metrics(tmp_path)


@given(st.lists(st.binary(max_size=60)))
@settings(max_examples=50)
def test_no_bytes_break_the_reader(lines: list[bytes]) -> None:
    from tempfile import TemporaryDirectory

    with TemporaryDirectory() as folder:
        assert read(Path(folder), *(content + b"\n" for content in lines)).points == ()


@pytest.mark.parametrize(("value", "is_one"), [(0, True), (1e15 - 1, True), (1e15, False), (-1e-9, False)])
def test_a_figure_is_neither_negative_nor_beyond_every_scale(
    value: float, is_one: bool, tmp_path: Path
) -> None:
    metrics = read(tmp_path, line(train_nats=value))
    assert (len(metrics.points), metrics.damaged_lines) == (is_one, not is_one)


def test_of_a_file_that_is_too_long_the_newest_reports_are_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    size = len(line()) + 1
    monkeypatch.setattr("charrnn.runs.metrics.MOST_METRICS_BYTES", 2 * size)
    assert len(read(tmp_path, line(), line(step=20)).points) == 2
    assert steps(read(tmp_path, line(), line(step=20), line(step=30))) == [20, 30]
    assert steps(read(tmp_path, line(), line(step=20), line(step=300))) == [300]


def test_what_is_counted_has_a_plain_name(tmp_path: Path) -> None:
    (point,) = read(tmp_path, line(**{"validation_\x1b[2J": 1.0})).points
    assert point.figure is None
    (point,) = read(tmp_path, line(validation_accuracy=0.5)).points
    assert point.figure == Figure("accuracy", 0.5)
