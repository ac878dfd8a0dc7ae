"""The network as the page's script computes it: in float64, straight from the equations in `model/layer.py`.

It reads the weights out of the finished page, so that what it agrees with is what the file holds.
"""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from charrnn.decoding.cells import Array
from charrnn.model.architecture import Architecture

Doubles = NDArray[np.float64]


class DoubleNetwork:
    """A stack of layers that reads one symbol of each of some texts, and predicts the next."""

    def __init__(self, architecture: Architecture, weights: Mapping[str, Array], texts: int) -> None:
        """Start blank.

        Args:
            architecture: cell and sizes.
            weights: an array for each of its names.
            texts: how many are read side by side.
        """
        self._architecture = architecture
        self._weights = {name: weights[name].astype(np.float64) for name in architecture.shapes()}
        self._texts = texts
        self.reset()

    def reset(self) -> None:
        """Blank the state of every text."""
        shape = self._architecture.states, self._texts, self._architecture.hidden
        self._state = [np.zeros(shape) for _ in range(self._architecture.layers)]

    def step(self, ids: NDArray[np.intp]) -> Doubles:
        """Read one symbol of each text; the logits of the next, (texts, V)."""
        weights, size = self._weights, self._architecture
        table = weights["embedding.weight"] if size.embedding else np.eye(size.symbols)
        values = table[ids]
        with np.errstate(over="ignore"):
            for index, state in enumerate(self._state):
                name = f"layers.{index}."
                entering = values @ weights[f"{name}input_weight"].T + weights[f"{name}input_bias"]
                own = state[0] @ weights[f"{name}recurrent_weight"].T + weights[f"{name}recurrent_bias"]
                _CELLS[size.cell](state, np.split(entering, size.gates, 1), np.split(own, size.gates, 1))
                values = state[0]
        logits: Doubles = values @ weights["output.weight"].T + weights["output.bias"]
        return logits


def _sigmoid(values: Doubles) -> Doubles:
    return 1 / (1 + np.exp(-values))


def _lstm(state: Doubles, entering: list[Doubles], own: list[Doubles]) -> None:
    enter, forget, candidate, leave = (a + u for a, u in zip(entering, own, strict=True))
    state[1] = _sigmoid(forget) * state[1] + _sigmoid(enter) * np.tanh(candidate)
    state[0] = _sigmoid(leave) * np.tanh(state[1])


def _gru(state: Doubles, entering: list[Doubles], own: list[Doubles]) -> None:
    reset, update = (_sigmoid(a + u) for a, u in zip(entering[:2], own[:2], strict=True))
    candidate = np.tanh(entering[2] + reset * own[2])
    state[0] = (1 - update) * candidate + update * state[0]


def _rnn(state: Doubles, entering: list[Doubles], own: list[Doubles]) -> None:
    state[0] = np.tanh(entering[0] + own[0])


_CELLS = {"lstm": _lstm, "gru": _gru, "rnn": _rnn}
