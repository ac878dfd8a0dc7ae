"""What texts cost under a model that is told their label, under each label, and where nobody tells it.

Knows nothing of terminals, or of where labels come from.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from charrnn.decoding.network import NOT_FINITE
from charrnn.errors import CheckpointError
from charrnn.evaluation.scores import RECORDS, LanguageScore, shown
from charrnn.model.measures import COST
from charrnn.model.network import LabelledRNN
from charrnn.model.passes import Stretches, read_side_by_side
from charrnn.text.codes import UNKNOWN_NATS
from charrnn.text.example_parts import Labelled
from charrnn.text.record_part import Records
from charrnn.text.vocabulary import Ids

Nats = NDArray[np.float64]


@dataclass(frozen=True)
class ByLabel:
    """Texts under a model that writes by label; (R,) each.

    Attributes:
        told: what each costs where its label is told.
        untold: what it costs where it is not. The probability of a text is then the sum of those under each
            label times the label's share of the training texts: what `--label *` writes with.
        found: the label with the largest such product, which Bayes' rule takes for its own.
    """

    told: Nats
    untold: Nats
    found: NDArray[np.int64]


def score_told(network: LabelledRNN, part: Labelled, unknown: int | None = None) -> LanguageScore:
    """Score texts whose labels are told; characters are those of the texts as read, and end marks.

    Args:
        network: left in the mode it was in.
        part: what to score.
        unknown: the id of the unknown symbol, if there is one.
    """
    texts, labels = part.texts, part.labels[part.texts.chosen]
    nats = costs(network, texts, labels, unknown).sum()
    return LanguageScore(float(nats), texts.symbols, texts.scored_characters)


def score_by_label(
    network: LabelledRNN,
    part: Labelled,
    counts: NDArray[np.int64],
    unknown: int | None = None,
    tell: Callable[[int], object] | None = None,
) -> ByLabel:
    """Score texts with their labels told and not told.

    Args:
        network: left in the mode it was in.
        part: what to score.
        counts: (C,) how many training texts each label has.
        unknown: the id of the unknown symbol, if there is one.
        tell: is told how many more symbols were read.
    """
    texts, labels = part.texts, part.labels[part.texts.chosen]
    told, untold = np.zeros(texts.records), np.full(texts.records, -np.inf)
    best, found = untold.copy(), np.zeros(texts.records, np.int64)
    for label, share in enumerate(counts / counts.sum()):
        nats = costs(network, texts, np.full(texts.records, label, np.int32), unknown)
        told = np.where(labels == label, nats, told)
        with np.errstate(divide="ignore"):  # a label that no training text had
            together = np.log(share) - nats
        found = np.where(together > best, label, found)
        best, untold = np.maximum(together, best), np.logaddexp(together, untold)
        if tell is not None:
            tell(texts.symbols)
    return ByLabel(told, -untold, found)


def costs(
    network: LabelledRNN, texts: Records, labels: NDArray[np.int32], unknown: int | None = None
) -> Nats:
    """(R,) what each text costs under its label, in nats, unknown characters charged.

    Args:
        network: left in the mode it was in.
        texts: what to score.
        labels: (R,) of each of them.
        unknown: the id of the unknown symbol, if there is one.

    Raises:
        CheckpointError: what it predicts is not finite.
    """
    symbols = network.architecture.symbols
    nats = np.zeros(texts.records)
    nats += UNKNOWN_NATS * unknown_symbols(texts, symbols, unknown)
    order = np.argsort(-texts.lengths, kind="stable")
    for begin in range(0, len(order), RECORDS):
        rows = order[begin : begin + RECORDS]
        begins, ends = texts.texts[rows].T
        ids, places, _ = shown(texts.ids, Stretches(begins, begins + 1, ends), symbols)
        longest_first = np.argsort(places.starts - places.ends, kind="stable")
        rows, places = rows[longest_first], places.those(longest_first)
        told = torch.from_numpy(labels[rows]).to(network.device)
        for targets, is_scored, found in read_side_by_side(network, ids, places, COST, told):
            nats[rows[: len(targets)]] += np.where(is_scored, found[..., 0], 0).sum(1, np.float64)
    if not np.isfinite(nats).all():
        raise CheckpointError(NOT_FINITE)
    return nats


def unknown_symbols(texts: Records, symbols: int, unknown: int | None) -> NDArray[np.int64]:
    """(R,) of each text, how many symbols a network with so many has no id for, or the unknown one's."""

    def count(ids: Ids) -> int:
        return int(np.count_nonzero((ids >= symbols) | (ids == (symbols if unknown is None else unknown))))

    return np.array([count(texts.ids[begin:end]) for begin, end in texts.texts.tolist()], np.int64)
