"""The charts of runs: losses, learning rate, speed. Knows nothing of how charts are drawn."""

import math
from collections.abc import Callable, Mapping, Sequence

from charrnn.display.plots.chart import Chart, Points, Series, thinned
from charrnn.runs.metrics import Point

BY: Mapping[str, Callable[[Point], float]] = {
    "step": lambda point: point.step,
    "seconds": lambda point: point.seconds,
    "characters": lambda point: point.characters,
}
"""What a run's way may be measured in."""

MOST_POINTS = 256
"""Points of a curve that is drawn; more are averaged in groups."""

LIVE_POINTS = 64
"""The same, twice as many at most, for a curve that is drawn again and again while a run wants the time."""

STEEP_SHARE = 0.1
"""The fall at the very beginning of a run, which does not count for how high its losses reach."""

_SOLID, _HOLLOW = "●▲■◆▼", "○△□◇▽"
_UNITS = {"hours": 3600.0, "minutes": 60.0, "seconds": 1.0}

Runs = Mapping[str, Sequence[Point]]
"""The reports of each run, by the name that the legend has."""


class Track:
    """A curve that grows while it is drawn, of a bounded number of points."""

    def __init__(self) -> None:
        self.points: list[tuple[float, float]] = []

    def add(self, x: float, y: float) -> None:
        """Go on with a point, if it is a number; when there are too many, earlier ones are averaged."""
        if not math.isfinite(y):
            return
        self.points.append((x, y))
        if len(self.points) >= 2 * LIVE_POINTS:
            self.points = list(thinned(self.points, LIVE_POINTS))


def loss_chart(series: Sequence[Series], across: str = "step") -> Chart:
    """The chart of losses; the series are in bits per character."""
    return Chart("bits per character", across, series, steep_share=STEEP_SHARE)


def live_series(training: Points, validation: Points) -> list[Series]:
    """The two curves of one run's losses."""
    return [Series("training", training), Series("validation", validation, colour=1, marker=_SOLID[0])]


def charts(runs: Runs, by: str = "step") -> list[Chart]:
    """The charts of one or several runs: losses, learning rate, speed.

    Args:
        runs: their reports.
        by: a name of `BY`, what is drawn to the right.
    """
    place, across = _axis(runs, by)

    def curve(points: Sequence[Point], value: Callable[[Point], float | None]) -> Points:
        return thinned([(place(p), y) for p in points if (y := value(p)) is not None], MOST_POINTS)

    def each(value: Callable[[Point], float]) -> list[Series]:
        names = runs if len(runs) > 1 else [""]
        return [
            Series(name, curve(points, value), number, _HOLLOW[number % len(_HOLLOW)] if name else "")
            for number, (name, points) in enumerate(zip(names, runs.values(), strict=True))
        ]

    training = [curve(points, lambda p: p.train_nats / math.log(2)) for points in runs.values()]
    validation = [curve(points, _validation_bits) for points in runs.values()]
    return [
        loss_chart(_losses(runs, training, validation), across),
        Chart("learning rate", across, each(lambda p: p.learning_rate), from_zero=True),
        Chart("characters per second", across, each(lambda p: p.characters_per_second), from_zero=True),
    ]


def _losses(runs: Runs, training: Sequence[Points], validation: Sequence[Points]) -> list[Series]:
    """Of one run two colours; of several a colour each: training faint, validation with solid marks."""
    if len(runs) == 1:
        return live_series(training[0], validation[0])
    series: list[Series] = []
    for number, name in enumerate(runs):
        hollow, solid = _HOLLOW[number % len(_HOLLOW)], _SOLID[number % len(_SOLID)]
        named = "" if validation[number] else name
        series.append(Series(named, training[number], number, hollow, faint=True))
        series.append(Series("" if named else name, validation[number], number, solid))
    return series


def _validation_bits(point: Point) -> float | None:
    return None if point.validation_nats is None else point.validation_nats / math.log(2)


def _axis(runs: Runs, by: str) -> tuple[Callable[[Point], float], str]:
    """Where a point lies across, and what the axis is called: time in the unit that fits."""
    place = BY[by]
    if by != "seconds":
        return place, by
    longest = max((place(point) for points in runs.values() for point in points), default=0.0)
    name, unit = next((n, u) for n, u in _UNITS.items() if longest >= 5 * u or u == 1)
    return lambda point: place(point) / unit, name
