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
from charrnn.evaluation.scores import RECORDS, UNKNOWN_NATS, TextScore, shown
from charrnn.model.measures import COST
from charrnn.model.network import LabelledRNN
from charrnn.model.passes import Stretches, read_side_by_side
from charrnn.text.example_parts import Labelled
from charrnn.text.record_part import Records

Nats = NDArray[np.float64]


@dataclass(frozen=True)
class ByLabel:
    """Texts under a model that writes by label.

    Attributes:
        told: what they cost where the label is told.
        untold: what they cost where it is not: the probability of a text is the sum of those under each label
            times the label's share of the training texts. It is what `--label *` writes with.
        accuracy_by_bayes: how often the label with the largest such product is theirs.
    """

    told: TextScore
    untold: TextScore
    accuracy_by_bayes: float


def score_told(network: LabelledRNN, part: Labelled, unknown: int | None = None) -> TextScore:
    """Score texts whose labels are told; characters are those of the texts as read, and end marks.

    Args:
        network: left in the mode it was in.
        part: what to score.
        unknown: the id of the unknown symbol, if there is one.
    """
    labels = part.labels[part.texts.chosen]
    return _score(network, part.texts, costs(network, part.texts, labels), unknown)


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
    best, answers = untold.copy(), np.full(texts.records, -1, np.int64)
    for label, share in enumerate(counts / counts.sum()):
        nats = costs(network, texts, np.full(texts.records, label, np.int32))
        told = np.where(labels == label, nats, told)
        with np.errstate(divide="ignore"):
            together = np.log(share) - nats
        answers = np.where(together > best, label, answers)
        best, untold = np.maximum(together, best), np.logaddexp(together, untold)
        if tell is not None:
            tell(texts.symbols)
    return ByLabel(
        told=_score(network, texts, told, unknown),
        untold=_score(network, texts, -untold, unknown),
        accuracy_by_bayes=float(np.mean(answers == labels)),
    )


def costs(network: LabelledRNN, texts: Records, labels: NDArray[np.int32]) -> Nats:
    """What each text costs under its label, in nats, symbols that the network has no id for left out.

    Args:
        network: left in the mode it was in.
        texts: what to score.
        labels: (R,) of each of them.

    Raises:
        CheckpointError: what it predicts is not finite.
    """
    nats, symbols = np.zeros(texts.records), network.architecture.symbols
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


def _score(network: LabelledRNN, texts: Records, nats: Nats, unknown: int | None) -> TextScore:
    """The score of texts with what naming the characters costs that the model does not know."""
    symbols = network.architecture.symbols
    unnamed = sum(
        int(np.count_nonzero((block >= symbols) | (block == (symbols if unknown is None else unknown))))
        for block in texts.blocks()
    )
    total = float(nats.sum()) + UNKNOWN_NATS * unnamed
    return TextScore(total, texts.symbols, texts.scored_characters)
