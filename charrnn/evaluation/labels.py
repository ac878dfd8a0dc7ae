"""How good the labels are that texts are given, from the probability of each. Knows nothing of files."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

BINS = 15
"""Of confidence, in which the calibration error is measured (Guo et al. 2017)."""

Floats = NDArray[np.float64]
Ids = NDArray[np.integer[Any]]


@dataclass(frozen=True)
class GivenLabels:
    """Labels that texts were given, and their own.

    Attributes:
        log_probabilities: (R, C) of each text's labels.
        own: (R,) the id of each text's label.
        names: of the labels.
    """

    log_probabilities: Floats
    own: Ids
    names: Sequence[str]

    def only(self, which: NDArray[np.bool_]) -> "GivenLabels":
        """Those of some of the texts."""
        return GivenLabels(self.log_probabilities[which], self.own[which], self.names)

    def at(self, temperature: float) -> "GivenLabels":
        """The same, each probability to this power: at temperature 1 those that were divided by it."""
        raised = self.log_probabilities * temperature
        raised -= np.log(np.exp(raised).sum(1, keepdims=True))
        return GivenLabels(raised, self.own, self.names)

    def calibration(self) -> float:
        """How far their confidence is from their accuracy."""
        return calibration_error(self.confidence, self.found == self.own)

    @property
    def found(self) -> NDArray[np.intp]:
        """(R,) the likeliest label of each."""
        return np.asarray(self.log_probabilities.argmax(1))

    @property
    def confidence(self) -> Floats:
        """(R,) its probability."""
        return np.asarray(np.exp(self.log_probabilities.max(1)))

    def figures(self) -> dict[str, Any]:
        """What they are compared by, by name."""
        found, own = self.found, self.own
        counts = np.zeros((len(self.names), len(self.names)), np.int64)
        np.add.at(counts, (own, found), 1)
        per_label = self._per_label(counts)
        return {
            "accuracy": accuracy(found, own),
            "macro_f1": float(np.mean([values["f1"] for values in per_label.values()])),
            "nats_per_text": float(-self.log_probabilities[np.arange(len(own)), own].mean()),
            "calibration_error": self.calibration(),
            "per_label": per_label,
            "confusion": {
                name: {self.names[place]: int(row[place]) for place in np.flatnonzero(row).tolist()}
                for name, row in zip(self.names, counts, strict=True)
                if row.any()
            },
        }

    def _per_label(self, counts: NDArray[np.int64]) -> dict[str, dict[str, float]]:
        """Of each label that a text has or was given; counts are by own label and given one."""
        wanted, given, right = counts.sum(1), counts.sum(0), counts.diagonal()
        return {
            name: {
                "precision": float(right[label] / max(1, given[label])),
                "recall": float(right[label] / max(1, wanted[label])),
                "f1": float(2 * right[label] / (wanted[label] + given[label])),
                "texts": int(wanted[label]),
            }
            for label, name in enumerate(self.names)
            if wanted[label] or given[label]
        }

    def answered(self, least: float) -> dict[str, float | None]:
        """The share of texts whose likeliest label is likely enough, and how many of those are right."""
        is_sure = self.confidence >= least
        right = accuracy(self.found[is_sure], self.own[is_sure]) if is_sure.any() else None
        return {"min_probability": least, "answered": float(is_sure.mean()), "accuracy_of_answered": right}


COLDEST, HOTTEST, STEPS = 0.2, 10.0, 40
"""Temperatures between which the best one is looked for, in so many steps of the golden section."""


def fitted_temperature(logits: Floats, own: Ids) -> float:
    """What logits are to be divided by for the lowest loss (Guo et al. 2017); 1 where that lowers nothing.

    Args:
        logits: (R, C) of each text's labels.
        own: (R,) the id of each text's label.
    """

    def nats(log_temperature: float) -> float:
        scaled = logits / math.exp(log_temperature)
        highest = scaled.max(1)
        totals = np.log(np.exp(scaled - highest[:, None]).sum(1)) + highest
        return float((totals - scaled[np.arange(len(own)), own]).sum())

    low, high, golden = math.log(COLDEST), math.log(HOTTEST), (math.sqrt(5) - 1) / 2
    for _ in range(STEPS):
        left, right = high - golden * (high - low), low + golden * (high - low)
        low, high = (low, right) if nats(left) <= nats(right) else (left, high)
    found = (low + high) / 2
    return math.exp(found) if nats(found) < nats(0.0) else 1.0


def accuracy(found: Ids, own: Ids) -> float:
    """The share of right labels."""
    return float(np.mean(found == own))


def macro_f1(found: Ids, own: Ids) -> float:
    """The mean F1 of the labels that texts have or were given."""
    labels = int(max(found.max(), own.max())) + 1
    given, wanted, right = (np.bincount(ids, minlength=labels) for ids in (found, own, own[found == own]))
    seen = (given + wanted).nonzero()
    return float(np.mean(2 * right[seen] / (given + wanted)[seen]))


def calibration_error(confidence: Floats, is_right: NDArray[np.bool_]) -> float:
    """How far confidence is from accuracy: the mean over bins of equal width, weighted by their texts."""
    bins = np.minimum((confidence * BINS).astype(np.intp), BINS - 1)
    gaps = np.bincount(bins, confidence, BINS) - np.bincount(bins, is_right.astype(np.float64), BINS)
    return float(np.abs(gaps).sum() / len(confidence))
