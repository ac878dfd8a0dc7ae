"""The metrics of a run that its diagnosis is based on, gathered from its reports."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from charrnn.runs.metrics import Point

OVERFITTING = 0.1
"""Bits per character that the generalisation gap has grown by where a model overfits."""

HIGH = 0.5
"""Bits per character: of a text that costs less there is next to nothing left to learn."""

LAST_SHARE = 0.05
"""Of the characters learnt from: over so many at the end a training loss is averaged."""


@dataclass(frozen=True)
class Circumstances:
    """What a diagnosis needs to know beside the figures.

    Attributes:
        parameters: of the network.
        hidden: units of each layer.
        dropout: the dropout probability.
        finished: whether the run came to the end of its budget.
        unigram_bits: bits per character of the text under the frequencies of its symbols.
        longer: the command that trains the run further: to its end, or for as long again.
        skipped_updates: updates that were left out, since their loss or gradient was not finite.
        repeated: share of the held-out lines that also stand in the training part.
        held_out: characters that validation could be on.
    """

    parameters: int
    hidden: int
    dropout: float
    finished: bool
    unigram_bits: float = math.inf
    longer: str = "charrnn train --resume"
    skipped_updates: int = 0
    repeated: float = 0.0
    held_out: int = 0


@dataclass(frozen=True)
class Evidence:
    """The figures that a diagnosis rests on, in bits per character.

    Attributes:
        run: the circumstances.
        updates: made so far.
        epochs: passes over the training text.
        characters: learnt from, every pass counted.
        training: mean over the end of the run.
        lowest_training: the lowest such mean on the way.
        validation: the last one; None where nothing was held out.
        best: the lowest one.
        best_epoch: when that was.
        first_gap: validation less training in the first pass; 0 where nothing was validated then.
    """

    run: Circumstances
    updates: int
    epochs: float
    characters: int
    training: float
    lowest_training: float
    validation: float | None
    best: float | None
    best_epoch: float
    first_gap: float

    @property
    def reached(self) -> float:
        """The best validation, or the training loss where nothing was held out."""
        return self.training if self.best is None else self.best

    @property
    def overfitting(self) -> float:
        """What the generalisation gap has grown by since the first pass."""
        return 0.0 if self.validation is None else self.validation - self.training - self.first_gap

    @property
    def underfits(self) -> bool:
        """Whether there is much left to learn, and the model does not overfit."""
        lowest = min(self.training, self.training if self.validation is None else self.validation)
        return lowest >= HIGH and self.overfitting < OVERFITTING

    @property
    def losses(self) -> str:
        """The two figures in words."""
        return f"training {self.training:.2f} and validation {self.validation:.2f} bits per character"


def gathered(points: Sequence[Point], run: Circumstances) -> Evidence:
    """The evidence in reports, of which there is at least one."""
    validated = [point for point in points if point.validation_nats is not None]
    best = min(validated, key=_validation_bits, default=None)
    first = [point for point in validated if point.epoch <= 1]
    return Evidence(
        run=run,
        updates=points[-1].step,
        epochs=points[-1].epoch,
        characters=points[-1].characters,
        training=_training_bits(points, points[-1]),
        lowest_training=min(_training_bits(points, point) for point in _stations(points)),
        validation=_validation_bits(validated[-1]) if validated else None,
        best=_validation_bits(best) if best else None,
        best_epoch=best.epoch if best else 0.0,
        first_gap=_gap(points, first[-1]) if first else 0.0,
    )


def _stations(points: Sequence[Point]) -> Sequence[Point]:
    """Some twenty points on the way, the last one among them."""
    return points[::-1][:: max(1, round(len(points) * LAST_SHARE))]


def _training_bits(points: Sequence[Point], end: Point) -> float:
    """The mean training loss of the last characters before a point."""
    begin = (1 - LAST_SHARE) * end.characters
    nats = [p.train_nats for p in points if begin <= p.characters <= end.characters]
    return math.fsum(nats) / len(nats) / math.log(2)


def _gap(points: Sequence[Point], at: Point) -> float:
    """Validation less training at a point; early means lag behind a falling loss, so it is never below 0."""
    return max(0.0, _validation_bits(at) - _training_bits(points, at))


def _validation_bits(point: Point) -> float:
    assert point.validation_nats is not None  # noqa: S101 - who calls has looked
    return point.validation_nats / math.log(2)
