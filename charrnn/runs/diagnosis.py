"""What a run's curves say about it, in one or two sentences with the figures. Plain data in, sentences out.

What is known of a run, and how it is read:

- The learning rate falls to zero at the end of every run, and the loss with it. That the loss still fell says
  nothing; what counts is how often the text was seen, and whether the model begins to overfit.
- The training loss is measured while learning: on text just before it is learnt from, with dropout. In the
  first pass no text was seen before, so what then lies between training and validation is how much harder the
  held-out text is. What the generalisation gap has grown by since then is overfitting.
- Counting how often each symbol comes (the unigram) needs no network. A model that is no better is of no use,
  whatever its curves look like.
- Hoffmann et al. 2022 (arXiv 2203.15556) find that a compute budget is best spent on some 20 symbols for each
  parameter. Below that more time brings more than a larger model, above it the larger model. Our own runs on
  tiny Shakespeare agree (`LOG.md`).

Knows nothing of files or terminals.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from charrnn.runs.metrics import Point

NOTICEABLE = 0.02
"""Bits per character: a rise of the validation above its best by less is chance."""

OVERFITTING = 0.1
"""Bits per character that the generalisation gap has grown by where a model overfits."""

HANDFUL = 50
"""Updates: after fewer the curves do not say anything yet."""

APART = 0.5
"""Bits per character above its lowest where training came apart: no ordinary text is so uneven."""

HIGH = 0.5
"""Bits per character: of a text that costs less there is next to nothing left to learn."""

CHARACTERS_PER_PARAMETER = 20
"""Learnt from, every pass counted."""

EASIER = 0.8
"""Of the training loss: dropout and averaged weights make a validation better, but not by so much."""

REPEATED = 0.5
"""Of the held-out lines: where more also stand in the training part, validation does not show overfitting."""

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
    """

    parameters: int
    hidden: int
    dropout: float
    finished: bool
    unigram_bits: float = math.inf
    longer: str = "charrnn train --resume"
    skipped_updates: int = 0
    repeated: float = 0.0


@dataclass(frozen=True)
class Diagnosis:
    """What the curves say.

    Attributes:
        kind: a name of `CHECKS`, or `unmeasured`.
        text: the same in one or two sentences.
    """

    kind: str
    text: str


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


def diagnose(points: Sequence[Point], run: Circumstances) -> Diagnosis:
    """What the reports of a run say: the first of `CHECKS` that applies."""
    if not points:
        return Diagnosis("unmeasured", "nothing is measured yet")
    evidence = gathered(points, run)
    found = ((kind, check(evidence)) for kind, check in CHECKS.items())
    kind, text = next((kind, text) for kind, text in found if text)
    text += _flattered(evidence) if run.finished else ""
    if run.skipped_updates:
        text += f". {run.skipped_updates:,} updates were not finite and were skipped: lower --learning-rate"
    return Diagnosis(kind, text)


def _flattered(seen: Evidence) -> str:
    """A sentence where the held-out text is so easy that its figure tells little of the rest."""
    if seen.validation is None or seen.validation > EASIER * seen.training - NOTICEABLE:
        return ""
    return (
        f". What is held out is easier than the training text ({seen.validation:.2f} to "
        f"{seen.training:.2f}), so validation flatters: hold out another part with --validation FILE"
    )


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


def _diverged(seen: Evidence) -> str | None:
    if seen.training - seen.lowest_training < APART:
        return None
    return (
        f"training came apart: it ended at {seen.training:.2f} bits per character after "
        f"{seen.lowest_training:.2f} on the way; a lower --learning-rate would help"
    )


def _few(seen: Evidence) -> str | None:
    if seen.updates >= HANDFUL or not seen.run.finished:
        return None
    updates = f"{seen.updates:,} update{'s' if seen.updates != 1 else ''}"
    return f"{updates} are too few to tell anything; train longer: {seen.run.longer}"


def _no_better_than_counting(seen: Evidence) -> str | None:
    unigram = seen.run.unigram_bits
    if seen.reached < unigram or seen.updates < HANDFUL:
        return None
    worse = f"no better than counting symbols, {unigram:.2f} bits per character"
    if seen.best is None or seen.training >= unigram:
        return (
            f"training {seen.training:.2f} is {worse}: nothing is learnt yet. Train longer: "
            f"{seen.run.longer}; or begin anew with a lower --learning-rate"
        )
    return (
        f"training went down to {seen.training:.2f}, but the best validation, {seen.best:.2f}, is {worse}: "
        "the held-out text is unlike the rest, or the model overfits. Hold out another part with "
        "--validation, or give it more text"
    )


def _rising(seen: Evidence) -> str | None:
    if seen.validation is None or seen.best is None or seen.validation - seen.best < NOTICEABLE:
        return None
    return (
        f"validation rose to {seen.validation:.2f} bits per character from its best, {seen.best:.2f} after "
        f"{_passes(seen.best_epoch)}, while training went down to {seen.training:.2f}: the model "
        f"overfits. The best weights are kept; {_more_dropout(seen.run.dropout)}, a smaller model or more "
        "text would help"
    )


def _unfinished(seen: Evidence) -> str | None:
    if seen.run.finished:
        return None
    shown = f"training {seen.training:.2f} bits per character" if seen.validation is None else seen.losses
    return f"not at its end yet: {shown} after {_passes(seen.epochs)}. Go on with: {seen.run.longer}"


def _unvalidated(seen: Evidence) -> str | None:
    if seen.validation is not None:
        return None
    return (
        f"training ended at {seen.training:.2f} bits per character; without validation there is no telling "
        "whether it overfits: hold out some text with --validation 0.1"
    )


def _repeated(seen: Evidence) -> str | None:
    if seen.run.repeated <= REPEATED or seen.epochs < 1:
        return None
    return (
        f"{seen.losses}, but {seen.run.repeated:.0%} of the held-out lines also stand in the training part: "
        "there is no telling whether it overfits. Remove repeated lines, or hold out others with "
        "--validation FILE"
    )


def _improving(seen: Evidence) -> str | None:
    per_parameter = seen.characters / max(1, seen.run.parameters)
    if seen.epochs < 1:
        why = f"only {seen.epochs:.0%} of the text was seen"
    elif seen.underfits and per_parameter < CHARACTERS_PER_PARAMETER:
        why = f"after {_passes(seen.epochs)} it does not overfit yet"
    else:
        return None
    return f"still improving: {seen.losses}; {why}. Train longer: {seen.run.longer}"


def _limited(seen: Evidence) -> str | None:
    if not seen.underfits:
        return None
    less = " or less dropout" if seen.run.dropout else ""
    return (
        f"{seen.losses} are both high for what the text allows: after {_passes(seen.epochs)} it does "
        f"not overfit. A bigger model{less} would learn more: --hidden {2 * seen.run.hidden}"
    )


def _well(seen: Evidence) -> str:
    well = f"all well: {seen.losses}, the best of the run"
    if seen.overfitting < OVERFITTING:
        return well
    gap, more = f"{seen.overfitting:.2f} of the gap is overfitting", _more_dropout(seen.run.dropout)
    return f"{well}. {gap}, so more text or {more} would help more than more time"


CHECKS: Mapping[str, Callable[[Evidence], str | None]] = {
    "diverged": _diverged,
    "few": _few,
    "unlearnt": _no_better_than_counting,
    "rising": _rising,
    "unfinished": _unfinished,
    "unvalidated": _unvalidated,
    "repeated": _repeated,
    "improving": _improving,
    "limited": _limited,
    "well": _well,
}
"""What may be wrong, the gravest first; the last one applies to every run."""


def _passes(epochs: float) -> str:
    return f"{epochs:.1f} passes" if epochs >= 1.05 else f"{epochs:.2f} of a pass"


def _more_dropout(dropout: float) -> str:
    return f"--dropout {min(0.5, dropout + 0.2):.1g}" if dropout < 0.5 else "stronger --weight-decay"
