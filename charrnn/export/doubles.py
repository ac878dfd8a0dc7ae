"""The network as the page's script computes it: in float64, straight from the equations in `model/layer.py`.

It reads the weights out of the finished page, so that what it agrees with is what the file holds.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from charrnn.decoding.cells import Array
from charrnn.model.architecture import Architecture, TranslationArchitecture
from charrnn.model.packing import Packing
from charrnn.model.substrings import substrings

Doubles = NDArray[np.float64]
Ids = NDArray[np.integer[Any]]


class DoubleTrunk:
    """A stack of layers that reads one symbol of each of some texts after the other, forward.

    Attributes:
        state: of each layer, (states, texts, H).
    """

    def __init__(
        self,
        architecture: Architecture,
        weights: Mapping[str, Array],
        texts: int = 1,
        *,
        prefix: str = "",
        added: Array | None = None,
    ) -> None:
        """Start blank.

        Args:
            architecture: cell and sizes.
            weights: an array for each of its names.
            texts: how many are read side by side.
            prefix: how the names of its arrays begin.
            added: to the vector of every symbol.
        """
        self._architecture, self._texts = architecture, texts
        self._layers = [
            _Layer(architecture, weights, f"{prefix}layers.{k}.") for k in range(architecture.layers)
        ]
        self._table = _table(architecture, weights, prefix) + (0 if added is None else added)
        self.reset()

    def reset(self) -> None:
        """Blank the state of every text."""
        shape = self._architecture.states, self._texts, self._architecture.hidden
        self.state = [np.zeros(shape) for _ in self._layers]

    def read(self, ids: Ids) -> Doubles:
        """Read one symbol of each text; the last layer's hidden state, (texts, H)."""
        values: Doubles = self._table[ids]
        for layer, state in zip(self._layers, self.state, strict=True):
            layer.step(values, state)
            values = state[0]
        return values


class DoubleNetwork(DoubleTrunk):
    """A trunk, and what it predicts."""

    def __init__(
        self,
        architecture: Architecture,
        weights: Mapping[str, Array],
        texts: int,
        added: Array | None = None,
    ) -> None:
        """As a trunk."""
        super().__init__(architecture, weights, texts, added=added)
        self._weight, self._bias = _doubles(weights, "output.weight").T, _doubles(weights, "output.bias")

    def step(self, ids: Ids) -> Doubles:
        """Read one symbol of each text; the logits of the next, (texts, V)."""
        logits: Doubles = self.read(ids) @ self._weight + self._bias
        return logits


def read_text(
    architecture: Architecture, weights: Mapping[str, Array], ids: Ids, prefix: str = ""
) -> Doubles:
    """Read one text, from both ends where the model does: (T, W), a hidden state for each symbol."""
    values: Doubles = _table(architecture, weights, prefix)[ids]
    for index in range(architecture.layers):
        outputs = []
        for direction in architecture.directions:
            layer = _Layer(architecture, weights, f"{prefix}layers.{index}.{direction}")
            turn = -1 if direction else 1
            outputs.append(layer.run(values[::turn])[::turn])
        values = np.concatenate(outputs, 1)
    return values


def remembered(weights: Mapping[str, Array], ids: Ids) -> Doubles | float:
    """What a tagger's table has for the substrings around each symbol of one text, (T, K); 0 without one."""
    if "substrings.weight" not in weights:
        return 0.0
    table = _doubles(weights, "substrings.weight")
    rows = substrings(ids, Packing.of(np.array([len(ids)])), len(table))
    found: Doubles = np.sum([table[some] for some in rows], 0)
    return found


class DoubleTranslator:
    """Writes a target of a text; the equations stand in `model/translation.py`."""

    def __init__(
        self, architecture: TranslationArchitecture, weights: Mapping[str, Array], source: Ids
    ) -> None:
        """Read the source, with its end mark."""
        hidden, states = architecture.hidden, architecture.states
        self._vectors = read_text(architecture.encoder, weights, source, "encoder.")
        ends = np.concatenate((self._vectors[-1, :hidden], self._vectors[0, hidden:]))
        memories = _doubles(weights, "bridge_weight") @ ends + _doubles(weights, "bridge_bias")
        self._trunk = DoubleTrunk(architecture.decoder, weights, prefix="decoder.")
        start = np.stack((np.tanh(memories), memories)[:states]).reshape(states, 1, -1, hidden)
        self._trunk.state = [start[:, :, layer].copy() for layer in range(architecture.layers)]
        self._attention = architecture.attention
        self._weights = {
            name: _doubles(weights, name) for name in weights if "." not in name or "output" in name
        }

    def step(self, symbol: int) -> Doubles:
        """Write one more symbol; the logits of the next, (W,)."""
        hidden, weights = self._trunk.read(np.array([symbol]))[0], self._weights
        if self._attention:
            scores = self._vectors @ (weights["query_weight"] @ hidden)
            shares = np.exp(scores - scores.max())
            seen = shares @ self._vectors / shares.sum()
            both = np.concatenate((hidden, seen))
            hidden = np.tanh(weights["mixing_weight"] @ both + weights["mixing_bias"])
        logits: Doubles = weights["output.weight"] @ hidden + weights["output.bias"]
        return logits


def _doubles(weights: Mapping[str, Array], name: str) -> Doubles:
    return weights[name].astype(np.float64)


def _table(architecture: Architecture, weights: Mapping[str, Array], prefix: str) -> Doubles:
    """What each symbol is to the first layer."""
    return (
        _doubles(weights, f"{prefix}embedding.weight")
        if architecture.embedding
        else np.eye(architecture.symbols)
    )


class _Layer:
    """One recurrent layer in one direction."""

    def __init__(self, architecture: Architecture, weights: Mapping[str, Array], name: str) -> None:
        self._step, self._architecture = _CELLS[architecture.cell], architecture
        self._weight, self._own = (_doubles(weights, f"{name}{of}_weight").T for of in ("input", "recurrent"))
        self._bias, self._own_bias = (_doubles(weights, f"{name}{of}_bias") for of in ("input", "recurrent"))

    def step(self, values: Doubles, state: Doubles) -> None:
        entering, own = values @ self._weight + self._bias, state[0] @ self._own + self._own_bias
        gates = self._architecture.gates
        with np.errstate(over="ignore"):
            self._step(state, np.split(entering, gates, 1), np.split(own, gates, 1))

    def run(self, values: Doubles) -> Doubles:
        """Read one text, (T, I) to (T, H)."""
        state = np.zeros((self._architecture.states, 1, self._architecture.hidden))
        found = np.empty((len(values), self._architecture.hidden))
        for place in range(len(values)):
            self.step(values[place : place + 1], state)
            found[place] = state[0]
        return found


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
