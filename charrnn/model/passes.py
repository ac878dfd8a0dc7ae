"""Forward passes over a text of any length in bounded memory, without gradients.

Knows nothing of what is done with the results.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from charrnn.model.layer import State
from charrnn.model.measures import Kept, Measure
from charrnn.model.network import CharRNN, Network
from charrnn.text.vocabulary import Ids

CHUNK = 1024
"""Steps in time of one call of the network, at most."""

NUMBERS = 2**20
"""Gates and logits that one call may compute, whatever the sizes of network and text: bounds its memory."""

Places = NDArray[np.int64]


@dataclass(frozen=True)
class Stretches:
    """Parts of a text that are read each from a blank state; (R,) each.

    Attributes:
        starts: the first symbol that is read.
        firsts: the first one that is scored, after it.
        ends: one past the last that is scored.
    """

    starts: Places
    firsts: Places
    ends: Places

    def those(self, which: NDArray[np.intp]) -> "Stretches":
        """Some of them."""
        return Stretches(self.starts[which], self.firsts[which], self.ends[which])


def read_side_by_side(
    model: CharRNN, ids: Ids, rows: Stretches, measure: Measure, labels: Tensor | None = None
) -> Iterator[tuple[Places, NDArray[np.bool_], Kept]]:
    """Read stretches, longest first: places (R, T), whether each is scored, what is kept (R, T, D).

    A network that is told labels, (R,), is told those.
    """
    state: State | None = None
    longest = int(rows.ends[0] - rows.starts[0]) - 1
    steps = _steps(model, len(rows.ends))
    for begin in range(0, longest, steps):
        running = int((rows.ends - rows.starts - 1 > begin).sum())
        targets = rows.starts[:running, None] + 1 + np.arange(begin, min(begin + steps, longest))
        last = rows.ends[:running, None] - 1  # what stands beyond is read for nothing
        with still(model):
            told = () if labels is None else (labels[:running],)
            logits, state = model(tensor(model, ids[np.minimum(targets - 1, last)]), state, *told)
            came = tensor(model, ids[np.minimum(targets, last)])
            found = measure.of_texts(logits, came)
        is_scored = (targets <= last) & (targets >= rows.firsts[:running, None])
        yield targets, is_scored, found.cpu().numpy()


def read_rows(
    model: CharRNN, text: Tensor, starts: Tensor, length: int, state: State, *, measure: Measure
) -> tuple[Kept, State]:
    """Read equally long parts of a text: what is kept of the symbols after each, (R·length, D)."""
    kept = [torch.zeros(len(starts), 0, measure.columns, dtype=torch.float32, device=text.device)]
    steps = _steps(model, len(starts))
    for begin in range(0, length, steps):
        places = starts[:, None] + torch.arange(begin, min(begin + steps, length), device=text.device)
        logits, state = model(text[places], state)
        kept.append(measure.of_texts(logits, text[places + 1]))
    return torch.cat(kept, 1).flatten(0, 1).cpu().numpy(), state


@contextmanager
def still(model: Network) -> Iterator[None]:
    """Without gradients or dropout meanwhile; the network is left in the mode it was in."""
    training = model.training
    model.eval()
    try:
        with torch.inference_mode():
            yield
    finally:
        model.train(training)


def _steps(model: CharRNN, rows: int) -> int:
    """How many steps one call of the network may take with so many rows."""
    network = model.architecture
    return max(1, min(CHUNK, NUMBERS // (network.gates * network.hidden + network.symbols) // rows))


def tensor(model: CharRNN, ids: Ids) -> Tensor:
    """Ids where the network is."""
    return torch.from_numpy(ids.astype(np.int64)).to(model.device)
