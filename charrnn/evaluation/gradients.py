"""Vanishing gradients: how the gradient of a character's loss shrinks as it flows back in time.

The state s_j is what the network hands on after it has read symbol j: h of every layer, and c of an LSTM's.
The loss of symbol t is computed from s_{t-1}. For each lag k this module gives

    the mean, over symbols t, of the Euclidean norm of ∂ loss_t / ∂ s_{t-k}

so that lag 1 is the state from which the symbol is predicted, and what lies k - 1 steps further back has
passed through k - 1 more. Bengio, Simard & Frasconi 1994, "Learning long-term dependencies with gradient
descent is difficult"; Pascanu, Mikolov & Bengio 2013, arXiv 1211.5063.
"""

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn.functional import cross_entropy

from charrnn.model.layer import State
from charrnn.model.network import CharRNN
from charrnn.model.trunk import detach
from charrnn.text.vocabulary import Ids

POSITIONS = 256
"""Over how many symbols the mean is taken, at most; they stand evenly spread over the text."""

WARM_UP = 200
"""Symbols that are read from a blank state before the first one that a gradient reaches."""


def fading(model: CharRNN, ids: Ids, lags: int) -> NDArray[np.float64]:
    """The mean norm of the gradient at lags 1 to `lags`.

    Args:
        model: the network.
        ids: the text, longer than `lags`.
        lags: the longest distance.
    """
    targets = _targets(len(ids), lags)
    before = min(WARM_UP, int(targets[0]) - lags)
    columns = targets[:, None] + np.arange(-lags - before, 1)
    symbols = torch.from_numpy(ids[columns].astype(np.int64)).to(model.device)
    state = model.blank_state(len(targets))
    if before:
        with torch.no_grad():
            state = model(symbols[:, :before], state)[1]
    with torch.backends.cudnn.flags(enabled=False):  # its gradients are of networks in training alone
        return _norms(model, symbols[:, before:], state)


def _targets(length: int, lags: int) -> NDArray[np.int64]:
    """The symbols whose losses are looked at."""
    count = min(POSITIONS, length - lags)
    return np.unique(np.linspace(min(lags + WARM_UP, length - 1), length - 1, count).astype(np.int64))


def _norms(model: CharRNN, symbols: torch.Tensor, state: State) -> NDArray[np.float64]:
    """The norms for texts (B, lags + 1) of which the last symbol's loss counts."""
    states, state = [], detach(state)
    for step in symbols[:, :-1].unbind(1):
        _, state = model(step[:, None], state)
        states.append(state)
    # From the state itself, so that the first lag is part of the graph; on the CPU, which has float64.
    logits = model.output(state[-1][0]).cpu().double()
    loss = cross_entropy(logits, symbols[:, -1].cpu(), reduction="sum")
    flat = [part for state in states for layer in state for part in layer]
    gradients = torch.autograd.grad(loss, flat, allow_unused=True)
    squares = [0.0 if g is None else g.cpu().double().square().sum(1) for g in gradients]
    parts = len(flat) // len(states)
    sums = [sum(squares[at : at + parts]) for at in range(0, len(flat), parts)]
    norms = [torch.as_tensor(each, dtype=torch.float64).sqrt().mean() for each in reversed(sums)]
    return torch.stack(norms).numpy()
