"""How well a network predicts a text: nats for each character, in the field's two ways.

State carried: the network reads the whole text from a blank state. Blank every N characters: its state is
set to zeros after each N scored ones. The first character is given, not scored. Knows nothing of terminals.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import log_softmax

from charrnn.learning.batches import Ids, pack, windows
from charrnn.learning.model import CharRNN, State

CHUNK = 1024
"""Steps in time of one call of the network, at most."""

NUMBERS = 2**24
"""Gates and logits that one call may compute, whatever the sizes of network and text: bounds its memory."""

TOGETHER = 256
"""Independent texts that are read side by side."""


UNKNOWN_NATS = math.log(0x110000)
"""What a character costs that the model does not know: as much as naming any code point at random."""


@dataclass(frozen=True)
class Score:
    """What a text cost under a model.

    Attributes:
        nats: sum of -ln p over the scored symbols.
        symbols: how many were scored.
        characters: how many characters of the text as read they stand for.
    """

    nats: float
    symbols: int
    characters: int

    @property
    def nats_per_character(self) -> float:
        """The mean cost of a character, in nats."""
        return self.nats / self.characters

    @property
    def bits_per_character(self) -> float:
        """The mean cost of a character, in bits: the headline."""
        return self.nats_per_character / math.log(2)

    @property
    def perplexity(self) -> float:
        """How many equally likely characters would be as hard to guess."""
        return math.exp(self.nats_per_character)


Predictions = tuple[Tensor, Tensor]
"""Log-probabilities (N, V) of the next symbols, and what came, (N,)."""


def score_text(model: CharRNN, ids: Ids, window: int = 0, *, unknown: int | None = None) -> Score:
    """Score one text; see `predictions` and `total`."""
    return total(predictions(model, ids, window), unknown)


def score_records(
    model: CharRNN,
    ids: Ids,
    bounds: NDArray[np.int64],
    chosen: NDArray[np.int64],
    *,
    unknown: int | None = None,
) -> Score:
    """Score independent texts, each from a blank state, its end mark included."""
    return total(record_predictions(model, ids, bounds, chosen), unknown)


def total(parts: Iterator[Predictions], unknown: int | None = None) -> Score:
    """What predictions cost altogether; their symbols count as characters.

    Args:
        parts: the predictions.
        unknown: the id of the unknown symbol. Where it stands the character has still to be named, which
            is charged beside the symbol itself.
    """
    nats, symbols = 0.0, 0
    for logs, targets in parts:
        nats -= float(logs.gather(1, targets[:, None]).double().sum())
        nats += UNKNOWN_NATS * int((targets == unknown).sum()) if unknown is not None else 0.0
        symbols += len(targets)
    return Score(nats, symbols, symbols)


def predictions(model: CharRNN, ids: Ids, window: int = 0) -> Iterator[Predictions]:
    """What the network expected at each place of a text but the first, in order.

    Args:
        model: the network, left in the mode it was in.
        ids: the text.
        window: blank the state after so many scored symbols; 0 carries it through.
    """
    return _watched(model, _windowed(model, ids, window) if window else _carried(model, ids))


def record_predictions(
    model: CharRNN, ids: Ids, bounds: NDArray[np.int64], chosen: NDArray[np.int64]
) -> Iterator[Predictions]:
    """The same for independent texts, in batches of like length; the order is not the texts'."""
    return _watched(model, _packed(model, ids, bounds, chosen))


def _watched(model: CharRNN, parts: Iterator[Predictions]) -> Iterator[Predictions]:
    """Run without gradients or dropout, and leave the network in the mode it was in."""
    training = model.training
    model.eval()
    try:
        while True:
            with torch.inference_mode():
                part = next(parts, None)
            if part is None:
                return
            yield part
    finally:
        model.train(training)


def _carried(model: CharRNN, ids: Ids) -> Iterator[Predictions]:
    state: State | None = None
    longest = min(CHUNK, _steps(model))
    for begin in range(0, len(ids) - 1, longest):
        block = _tensor(model, ids[begin : begin + longest + 1])
        logits, state = model(block[None, :-1], state)
        yield log_softmax(logits[0].float(), -1), block[1:]


def _windowed(model: CharRNN, ids: Ids, window: int) -> Iterator[Predictions]:
    together = _steps(model) // window
    if not together:
        for begin in range(0, len(ids) - 1, window):
            yield from _carried(model, ids[begin : begin + window + 1])
        return
    whole = (len(ids) - 1) // window
    for first in range(0, whole, together):
        rows = min(together, whole - first)
        block = _tensor(model, ids[first * window : (first + rows) * window + 1])
        yield _blank_rows(model, block, rows)
    if len(ids) - 1 > whole * window:
        yield _blank_rows(model, _tensor(model, ids[whole * window :]), 1)


def _blank_rows(model: CharRNN, block: Tensor, rows: int) -> Predictions:
    logits, _ = model(block[:-1].view(rows, -1))
    return log_softmax(logits.flatten(0, 1).float(), -1), block[1:]


def _packed(
    model: CharRNN, ids: Ids, bounds: NDArray[np.int64], chosen: NDArray[np.int64]
) -> Iterator[Predictions]:
    lengths = bounds[chosen + 1] - bounds[chosen]
    chosen = chosen[np.argsort(-lengths, kind="stable")]
    device = model.output.weight.device
    longest = max(1, min(CHUNK, _steps(model) // TOGETHER))
    for first in range(0, len(chosen), TOGETHER):
        members = chosen[first : first + TOGETHER]
        begins, ends = bounds[members], bounds[members + 1]
        state: State | None = None
        for starts, steps, fresh in windows(begins, ends - begins, longest):
            batch = pack(ids, starts, steps, fresh=fresh, epoch=0).to(device)
            logits, state = model(batch.ids, state)
            yield log_softmax(logits.float(), -1), batch.target_data


def _steps(model: CharRNN) -> int:
    """How many steps one call of the network may take, those of all texts together."""
    network = model.architecture
    return max(1, NUMBERS // (network.gates * network.hidden + network.symbols))


def _tensor(model: CharRNN, ids: Ids) -> Tensor:
    return torch.from_numpy(ids.astype(np.int64)).to(model.output.weight.device)
