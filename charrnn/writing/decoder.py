"""One symbol at a time through the network, in NumPy: what `sample` runs, at once and without torch.

The equations stand in `learning/model.py`. Here each step costs one matrix product for the input of a layer
(a row of a table for the first), one for its state and one for the output; nothing is allocated in between.
Knows nothing of text, sampling rules or files.
"""

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from charrnn.architecture import STATES, Architecture

Array = NDArray[np.float32]

State = list[tuple[Array, ...]]
"""For each layer `(h,)`, or `(h, c)` for the LSTM, each (texts, H)."""


class Decoder:
    """The network as a function of one symbol of each text, with the state it leaves.

    Attributes:
        texts: how many texts are read side by side.
    """

    def __init__(self, architecture: Architecture, weights: Mapping[str, Array], texts: int = 1) -> None:
        """Prepare weights and buffers; every text starts blank.

        Args:
            architecture: cell and sizes.
            weights: an array for each name in `architecture.shapes()`.
            texts: how many texts are read side by side.
        """
        self._layers = [_Layer(architecture, weights, index) for index in range(architecture.layers)]
        self._table = self._layers[0].read(_symbols(architecture, weights))
        self._output_weight = _transposed(weights["output.weight"])
        self._output_bias = weights["output.bias"].astype(np.float32)
        self._allocate(texts)

    def _allocate(self, texts: int) -> None:
        self.texts = texts
        for layer in self._layers:
            layer.allocate(texts)
        self._logits = np.empty((texts, len(self._output_bias)), np.float32)

    def step(self, ids: NDArray[np.intp]) -> Array:
        """Read one symbol of each text.

        Args:
            ids: (texts,)

        Returns:
            The logits of each text's next symbol, (texts, V): a buffer that the next step writes over.
        """
        first = self._layers[0]
        # Ids come from a vocabulary; mode "raise" would copy the rows a second time to check them.
        np.take(self._table, ids, axis=0, out=first.gates, mode="clip")
        values = first.step()
        for layer in self._layers[1:]:
            layer.read(values, out=layer.gates)
            values = layer.step()
        np.matmul(values, self._output_weight, out=self._logits)
        self._logits += self._output_bias
        return self._logits

    def reset(self) -> None:
        """Blank the state of every text."""
        for layer in self._layers:
            for part in layer.state:
                part.fill(0)

    @property
    def state(self) -> State:
        """A copy of what the texts read so far have left; setting it goes on from there."""
        return [tuple(part.copy() for part in layer.state) for layer in self._layers]

    @state.setter
    def state(self, state: State) -> None:
        for layer, parts in zip(self._layers, state, strict=True):
            for part, value in zip(layer.state, parts, strict=True):
                part[:] = value

    def select(self, rows: NDArray[np.intp]) -> None:
        """Go on with these texts only, in this order; one named several times goes on as so many texts."""
        state = self.state
        self._allocate(len(rows))
        self.state = [tuple(part[rows] for part in parts) for parts in state]


class _Layer:
    """One recurrent layer: its weights, ready for products from the right, its state and its buffers.

    Since σ(a) = tanh(a/2)/2 + 1/2, a halved gate needs only the one tanh that all gates share, and cannot
    overflow. Halving is exact, so the rows of the weights are halved beforehand.
    """

    def __init__(self, architecture: Architecture, weights: Mapping[str, Array], index: int) -> None:
        self._cell, self._hidden = architecture.cell, architecture.hidden
        self._parts = STATES[self._cell]
        halved = np.array(_SIGMOID_GATES[self._cell])
        self.scale = np.repeat(np.where(halved, 0.5, 1.0).astype(np.float32), self._hidden)
        self.shift = 1 - self.scale
        name = f"layers.{index}."
        self._input_weight = _transposed(weights[name + "input_weight"], self.scale)
        self._recurrent_weight = _transposed(weights[name + "recurrent_weight"], self.scale)
        biases = weights[name + "recurrent_bias"] * self.scale
        self._input_bias = weights[name + "input_bias"] * self.scale + biases
        if self._cell == "gru":  # the reset gate acts on the candidate's recurrent bias too
            self._input_bias[-self._hidden :] -= biases[-self._hidden :]
        self.candidate_bias = biases[-self._hidden :]

    def allocate(self, texts: int) -> None:
        """Make room for so many texts, blank ones."""
        rows = self._recurrent_weight.shape[1]
        self.state = tuple(np.zeros((texts, self._hidden), np.float32) for _ in range(self._parts))
        self.gates, self.recurrent = np.empty((2, texts, rows), np.float32)
        self.blocks = [self.gates[:, start : start + self._hidden] for start in range(0, rows, self._hidden)]

    def read(self, values: Array | None, out: Array | None = None) -> Array:
        """The gates' share that comes from the input: (…, I) to (…, G·H); None is every one-hot vector."""
        gates = self._input_weight.copy() if values is None else np.matmul(values, self._input_weight, out)
        gates += self._input_bias
        return gates

    def step(self) -> Array:
        """Run the cell once, the input's share being in `gates`; the hidden state."""
        np.matmul(self.state[0], self._recurrent_weight, out=self.recurrent)
        _CELLS[self._cell](self)
        return self.state[0]


def _rnn(layer: _Layer) -> None:
    layer.gates += layer.recurrent
    np.tanh(layer.gates, out=layer.state[0])


def _gru(layer: _Layer) -> None:
    (hidden,), (reset, update, candidate) = layer.state, layer.blocks
    width = 2 * hidden.shape[1]
    sigmoids, recurrent_candidate = layer.gates[:, :width], layer.recurrent[:, width:]
    sigmoids += layer.recurrent[:, :width]
    np.tanh(sigmoids, out=sigmoids)
    sigmoids *= 0.5
    sigmoids += 0.5
    recurrent_candidate += layer.candidate_bias
    recurrent_candidate *= reset
    candidate += recurrent_candidate
    np.tanh(candidate, out=candidate)
    hidden -= candidate  # (1 - z) n + z h = n + z (h - n)
    hidden *= update
    hidden += candidate


def _lstm(layer: _Layer) -> None:
    (hidden, memory), (enter, forget, candidate, leave) = layer.state, layer.blocks
    layer.gates += layer.recurrent
    np.tanh(layer.gates, out=layer.gates)
    layer.gates *= layer.scale
    layer.gates += layer.shift
    memory *= forget
    enter *= candidate
    memory += enter
    np.tanh(memory, out=hidden)
    hidden *= leave


_CELLS: dict[str, Callable[[_Layer], None]] = {"rnn": _rnn, "gru": _gru, "lstm": _lstm}

_SIGMOID_GATES = {"rnn": (False,), "gru": (True, True, False), "lstm": (True, True, False, True)}
"""Which gates, in the order of `architecture.GATES`, are sigmoids; the others are hyperbolic tangents."""


def _symbols(architecture: Architecture, weights: Mapping[str, Array]) -> Array | None:
    return weights["embedding.weight"] if architecture.embedding else None


def _transposed(weight: Array, scale: Array | float = 1.0) -> Array:
    """(rows, columns) to (columns, rows), contiguous, so that both one text and many read memory in order."""
    return np.ascontiguousarray(weight.T * scale, np.float32)
