"""What a run's curves say about it, in one or two sentences with the figures. Plain data in, sentences out.

How the losses are interpreted:

- The learning rate decays to zero at the end of every run, and the loss falls with it. A loss that still
  falls says nothing; what counts is how many epochs were done, and whether the model begins to overfit.
- The training loss is measured during training: on each batch before the update, with dropout. In the first
  epoch all text is new to the model, so the gap between training and validation loss shows how much harder
  the held-out text is. If the generalisation gap grows after that, the model overfits.
- The unigram, the frequencies of the symbols, needs no network. A model that is no better is useless,
  whatever its curves look like.
- Hoffmann et al. 2022 (arXiv 2203.15556) find that a compute budget is best spent on some 20 symbols for each
  parameter. Below that more time brings more than a larger model, above it the larger model. Our own runs on
  tiny Shakespeare agree (`LOG.md`).

Knows nothing of files or terminals.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from charrnn.runs.evidence import OVERFITTING, Circumstances, Evidence, gathered
from charrnn.runs.metrics import Point

NOTICEABLE = 0.02
"""Bits per character: a rise of the validation above its best by less is chance."""

HANDFUL = 50
"""Updates: after fewer the curves do not say anything yet."""

APART = 0.5
"""Bits per character above its lowest where training came apart: no ordinary text is so uneven."""

CHARACTERS_PER_PARAMETER = 20
"""Learnt from, every pass counted."""

EASIER = 0.8
"""Of the training loss: dropout and averaged weights make a validation better, but not by so much."""

REPEATED = 0.5
"""Of the held-out lines: where more also stand in the training part, validation does not show overfitting."""


@dataclass(frozen=True)
class Diagnosis:
    """What the curves say.

    Attributes:
        kind: a name of `CHECKS`, or `unmeasured`.
        text: the same in one or two sentences.
    """

    kind: str
    text: str


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


def diagnose_answers(points: Sequence[Point], run: Circumstances) -> Diagnosis:
    """What the validations of a run say that is measured by its answers, such as by accuracy."""
    measured = [(point.epoch, point.figure) for point in points if point.figure is not None]
    if not measured:
        return Diagnosis("unmeasured", "nothing is measured" + ("" if run.finished else " yet"))
    (best_epoch, best), (epoch, last) = min(measured, key=lambda one: one[1].rank), measured[-1]
    ended = f"{last.value:.3f} after {_passes(epoch)}"
    name = f"validation {best.name.replace('_', ' ')}"
    if not run.finished:
        return Diagnosis("unfinished", f"not finished yet: {name} {ended}. Go on with: {run.longer}")
    if last.rank <= best.rank:
        return Diagnosis(
            "improving", f"still improving: {name} is highest at the end, {ended}. Train longer: {run.longer}"
        )
    return Diagnosis(
        "well",
        f"{name} was highest after {_passes(best_epoch)}, {best.value:.3f}, and ended at {ended}. The best "
        "weights are kept",
    )


def _flattered(seen: Evidence) -> str:
    """A sentence where the held-out text is so easy that its figure tells little of the rest."""
    if seen.validation is None or seen.validation > EASIER * seen.training - NOTICEABLE:
        return ""
    return (
        f". The held-out text is easier than the training text ({seen.validation:.2f} to "
        f"{seen.training:.2f}), so its loss is optimistic: hold out another part with --validation FILE"
    )


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
    updates = "1 update is" if seen.updates == 1 else f"{seen.updates:,} updates are"
    return f"{updates} too few to tell anything; train longer: {seen.run.longer}"


def _no_better_than_counting(seen: Evidence) -> str | None:
    unigram = seen.run.unigram_bits
    if seen.reached < unigram or seen.updates < HANDFUL:
        return None
    worse = f"no better than counting symbols, {unigram:.2f} bits per character"
    if seen.best is None or seen.training >= unigram:
        return (
            f"training {seen.training:.2f} is {worse}: it has not learned anything yet. Train longer: "
            f"{seen.run.longer}; or begin anew with a lower --learning-rate"
        )
    return (
        f"the training loss fell to {seen.training:.2f}, but the best validation loss, {seen.best:.2f}, "
        f"is {worse}: the held-out text is unlike the rest, or the model overfits. Hold out another part "
        "with --validation, or give it more text"
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
    return f"not finished yet: {shown} after {_passes(seen.epochs)}. Go on with: {seen.run.longer}"


def _unvalidated(seen: Evidence) -> str | None:
    if seen.validation is not None:
        return None
    advice = "hold out some text with --validation 0.1"
    if seen.run.held_out:
        advice = f"there was no time for it. Train longer: {seen.run.longer}"
    return (
        f"training ended at {seen.training:.2f} bits per character; without validation nobody can tell "
        f"whether it overfits: {advice}"
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
    best, last = (f"{bits:.2f}" for bits in (seen.reached, seen.validation or seen.training))
    near = "" if best == last else f"near the {best} that was "
    well = f"all well: {seen.losses}, {near}the best of the run"
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
