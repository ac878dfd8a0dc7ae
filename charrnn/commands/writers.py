"""Who writes: the models of the checkpoints that are given, told which label each text is to have.

Loads no torch.
"""

import difflib
from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import product

import numpy as np

from charrnn.commands.cells import held_cells
from charrnn.config.settings import Request, SampleSettings
from charrnn.decoding.best_of import likeliest_texts
from charrnn.decoding.ensemble import Ensemble
from charrnn.decoding.language_model import LanguageModel
from charrnn.decoding.network import Tell
from charrnn.decoding.sampler import TOGETHER
from charrnn.decoding.trace import Trace, Written
from charrnn.errors import UsageError
from charrnn.runs.checkpoint import Checkpoint
from charrnn.runs.language_model import language_model_of

DRAWN = "*"
"""The label that stands for any, drawn for each text as often as it was trained on."""

LISTED, KEPT = 20, 4
"""Labels that a message names at most, and models of labels that are kept ready."""


class Writers:
    """The model that writes each text of a request.

    Attributes:
        labels_differ: whether texts may have different labels.
    """

    def __init__(self, checkpoints: Sequence[Checkpoint], request: Request, mix: float | None = None) -> None:
        """Find out who writes.

        Args:
            checkpoints: one, or several that write together.
            request: says which label is wanted, and the seed of those that are drawn.
            mix: the share of the first of several.

        Raises:
            UsageError: a model has other labels, or none, there is nothing to mix, or no such cell to hold.
        """
        if mix is not None and len(checkpoints) < 2:
            raise UsageError(
                f"--mix {mix} mixes models, and there is one; give --checkpoint twice, or no --mix"
            )
        if request.set and len(checkpoints) > 1:
            raise UsageError(
                f"--set {request.set[0]} holds a cell of one model, and there are {len(checkpoints)}; give "
                "one --checkpoint, or no --set"
            )
        self._held = held_cells(request.set, checkpoints[0].architecture)
        for checkpoint in checkpoints:
            check_label(request.label, checkpoint.answers)
        names = checkpoints[0].answers
        is_drawn = request.label == DRAWN and DRAWN not in names
        for other, name in product(checkpoints[1:], names if is_drawn else ()):
            check_label(name, other.answers)
        self.labels_differ = is_drawn and request.count > 1
        self._checkpoints, self._request, self._mix = checkpoints, request, mix
        self._of_label = lru_cache(KEPT)(self._made)

    def label(self, number: int) -> str | None:
        """The label of a text; None where the model knows of none."""
        first, request = self._checkpoints[0], self._request
        if request.label != DRAWN or DRAWN in first.answers:
            return request.label
        random = np.random.default_rng(np.random.SeedSequence(request.seed, spawn_key=(number, 1)))
        counts = np.array(first.corpus.label_counts, np.float64)
        name: str = first.answers[int(random.choice(len(counts), p=counts / counts.sum()))]
        return name

    def of(self, number: int = 0) -> LanguageModel:
        """The model that writes a text."""
        return self._of_label(self.label(number))

    def _made(self, label: str | None) -> LanguageModel:
        models = [language_model_of(checkpoint, label, self._held) for checkpoint in self._checkpoints]
        return models[0] if len(models) == 1 else Ensemble.of(models, self._mix)

    def texts(
        self, request: Request, settings: SampleSettings, trace: Trace | None = None, tell: Tell | None = None
    ) -> Iterator[Written]:
        """The texts of the request in order, as `likeliest_texts` writes them.

        Raises:
            UsageError: as that does, at once.
        """
        first = likeliest_texts(self.of(0), request, settings, trace, tell)
        return self._by_label(request, settings, trace) if self.labels_differ else first

    def _by_label(self, request: Request, settings: SampleSettings, trace: Trace | None) -> Iterator[Written]:
        """So many at a time, those of one label side by side."""
        for begin in range(0, request.count, TOGETHER):
            numbers = range(begin, min(begin + TOGETHER, request.count))
            labels, written = [*map(self.label, numbers)], dict[int, Written]()
            for label in dict.fromkeys(labels):
                own = [number for number, its in zip(numbers, labels, strict=True) if its == label]
                texts = likeliest_texts(self._of_label(label), request, settings, trace, texts=own)
                written.update(zip(own, texts, strict=True))
            yield from (written[number] for number in numbers)


def check_label(label: str | None, names: Sequence[str]) -> None:
    """Check that a model has this label.

    Args:
        label: as it was asked for; None for none.
        names: of the model's labels; empty where it writes without.

    Raises:
        UsageError: it has not.
    """
    if label is None and names:
        raise UsageError(
            f"the model writes by label, and no --label is given; expected {_listed(names)}, or '*' to draw "
            "them as often as it was trained on each"
        )
    if label is None or label in names or (label == DRAWN and names):
        return
    if not names:
        raise UsageError(
            f"--label is {label!r}, but the model was trained without labels; leave it out, or give a model "
            "of --task generate"
        )
    near = difflib.get_close_matches(label, names, 3, 0.5)
    near = near or [name for name in names if name.casefold() == label.casefold()]
    meant = f"perhaps {' or '.join(map(repr, near))}; " if near else ""
    raise UsageError(f"--label is {label!r}; {meant}expected {_listed(names)}, or '*' to draw them")


def _listed(names: Sequence[str]) -> str:
    """Labels in a message, many of them only as far as it stays readable."""
    shown = ", ".join(names[:LISTED])
    return f"one of {shown}" + (f" … ({len(names):,} labels)" if len(names) > LISTED else "")
