"""What a chart is: named series of points, the range they span, round numbers along the axes.

Knows nothing of training, nor of how a chart is drawn.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

Points = Sequence[tuple[float, float]]

MARKED = 32
"""A curve of more points has no mark at each of them."""

HEADROOM = 0.05
"""Of the curves' height, above and below them."""

_SUFFIXES = {"G": 1e9, "M": 1e6, "k": 1e3, "": 1.0}


@dataclass(frozen=True)
class Series:
    """One curve.

    Attributes:
        name: for the legend; empty where the chart's title says it.
        points: (x, y), x rising.
        colour: its place in whatever palette draws it.
        marker: the character that marks its points; empty for none.
        faint: drawn lighter, as the less important one of a pair.
        is_scatter: the points are drawn by themselves, with no line between them.
    """

    name: str
    points: Points
    colour: int = 0
    marker: str = ""
    faint: bool = False
    is_scatter: bool = False

    @property
    def marks_each(self) -> bool:
        """Whether every point can be marked: there is a marker and room for so many, or no line without."""
        return len(self.points) == 1 or (bool(self.marker) and len(self.points) <= MARKED)


TINIEST = 1e-300
"""What is smaller is nothing: close to the smallest numbers there are, steps between ticks would vanish."""


@dataclass(frozen=True)
class Span:
    """The part of an axis that is shown: `low` is less than `high`."""

    low: float
    high: float

    def share(self, value: float) -> float:
        """Where a value lies: 0 at the low end, 1 at the high one."""
        return (value - self.low) / (self.high - self.low)

    def ticks(self, most: int) -> dict[float, str]:
        """Round numbers in the span with their labels, `most` or about so many."""
        rough = (self.high - self.low) / max(1, most)
        power = 10.0 ** math.floor(math.log10(rough))
        spacing = next(power * factor for factor in (1, 2, 5, 10) if power * factor >= 0.999 * rough)
        first, last = math.ceil(self.low / spacing - 1e-9), math.floor(self.high / spacing + 1e-9)
        return {spacing * place: label(spacing * place, spacing) for place in range(first, last + 1)}


@dataclass(frozen=True)
class Chart:
    """Curves over one common axis.

    Attributes:
        title: what is drawn upwards, with its unit.
        across: what is drawn to the right, with its unit.
        series: the curves.
        from_zero: whether the upward axis begins at zero, not at the lowest value; no value is below.
        steep_share: this share of the axis at the left does not count for how high the chart reaches. The
            first updates of a run fall from so high that nothing would be seen of all the others.
        limits: what is shown, across and upwards, whatever the points are.
    """

    title: str
    across: str
    series: Sequence[Series]
    from_zero: bool = False
    steep_share: float = 0.0
    limits: "tuple[Span, Span] | None" = None

    def spans(self) -> tuple[Span, Span]:
        """The part of each axis that is shown, across and upwards; of an empty chart any."""
        if self.limits is not None:
            return self.limits
        points = [point for series in self.series for point in series.points]
        across = span([x for x, _ in points])
        counted = [y for x, y in points if across.share(x) >= self.steep_share] or [y for _, y in points]
        upwards = span([*counted, min((y for _, y in points), default=0.0)])
        room = HEADROOM * (upwards.high - upwards.low)
        return across, Span(0.0 if self.from_zero else upwards.low - room, upwards.high + room)


def span(values: Sequence[float]) -> Span:
    """From the lowest to the highest value, widened where these are the same."""
    low, high = min(values, default=0.0), max(values, default=1.0)
    largest = max(abs(low), abs(high))
    if high - low > max(1e-9 * largest, TINIEST):
        return Span(low, high)
    margin = 0.05 * largest if largest > TINIEST else 1.0
    return Span(low - margin, high + margin)


def label(value: float, spacing: float) -> str:
    """A number on an axis, as exact as the spacing needs: 2.5, 0.004, 250, 1.5k, 20M."""
    if abs(value) < spacing / 2:
        return "0"
    suffix, unit = next((s, u) for s, u in _SUFFIXES.items() if abs(value) >= 0.999 * u or u == 1)
    decimals = max(0, -math.floor(math.log10(spacing / unit) + 1e-9))
    if suffix:
        return f"{round(value / unit, decimals):g}{suffix}"
    return f"{value:.{decimals}f}" if decimals <= 5 else f"{value:.0e}"


def thinned(points: Points, most: int) -> Points:
    """As many points or fewer: neighbours are averaged, which also smooths them."""
    if len(points) <= most:
        return points
    size = math.ceil(len(points) / most)
    groups = (points[begin : begin + size] for begin in range(0, len(points), size))
    return [(_mean([x for x, _ in group]), _mean([y for _, y in group])) for group in groups]


def _mean(values: Sequence[float]) -> float:
    return math.fsum(values) / len(values)
