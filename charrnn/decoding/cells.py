"""What each cell does in a step, in NumPy and in place; the equations stand in `model/layer.py`.

Knows nothing of layers, or of where their numbers lie.
"""

from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from charrnn.model.cells import CELLS

Array = NDArray[np.float32]

State = tuple[Array, ...]
"""`(h,)`, or `(h, c)` for the LSTM, each (texts, L·H): the layers side by side."""


def _rnn(state: State, gates: list[Array], _: Array) -> None:
    _tanh(gates[0], out=state[0])


def _gru(state: State, gates: list[Array], sigmoids: Array) -> None:
    (hidden,), (reset, update, recurrent, candidate) = state, gates
    _sigmoid(sigmoids)
    recurrent *= reset
    candidate += recurrent
    _tanh(candidate, out=candidate)
    hidden -= candidate  # (1 - z) n + z h = n + z (h - n)
    hidden *= update
    hidden += candidate


def _lstm(state: State, gates: list[Array], sigmoids: Array) -> None:
    (hidden, memory), (enter, forget, leave, candidate) = state, gates
    _sigmoid(sigmoids)
    _tanh(candidate, out=candidate)
    memory *= forget
    candidate *= enter
    memory += candidate
    _tanh(memory, out=hidden)
    hidden *= leave


Rows = slice | NDArray[np.intp]


def _put_hidden(state: State, gates: list[Array], rows: Rows, cells: NDArray[np.intp], values: Array) -> None:
    del gates
    state[0][rows, cells] = values


def _put_memory(state: State, gates: list[Array], rows: Rows, cells: NDArray[np.intp], values: Array) -> None:
    hidden, memory = state
    memory[rows, cells] = values
    hidden[rows, cells] = gates[2][rows, cells] * np.tanh(values)


def _sigmoid(negative: Array) -> None:
    """The sigmoid of what is given with its sign turned, in place."""
    np.exp(negative, out=negative)
    negative += 1
    np.divide(1, negative, out=negative)


def _tanh(values: Array, out: Array) -> None:
    """The hyperbolic tangent: NumPy's own is the shorter way for one text, 1 - 2 / (exp(2a) + 1) for many."""
    if len(values) == 1:
        np.tanh(values, out=out)
        return
    np.multiply(values, 2, out=out)
    np.exp(out, out=out)
    out += 1
    np.divide(-2, out, out=out)
    out += 1


class Step(NamedTuple):
    """How a cell takes a step here.

    Attributes:
        run: given the state, the gates in the order of `sources` and the sigmoids among them in one array.
        put: given the state and the gates after a step, texts, as many cells of theirs or some of all, and
            values: overwrites what these cells hand on, the memory of an LSTM and what its output gate shows
            of it, else the hidden state.
        sources: for each gate here, which one of the cell's it is, and the factors of its input and recurrent
            weights; the sigmoids, of turned sign, first.
        reads: the same gates in groups: how many, whether they read the layer below, whether the own state.
    """

    run: Callable[[State, list[Array], Array], None]
    put: Callable[[State, list[Array], Rows, NDArray[np.intp], Array], None]
    sources: tuple[tuple[str, int, int], ...]
    reads: tuple[tuple[int, bool, bool], ...]


STEPS = {
    "lstm": Step(
        _lstm,
        _put_memory,
        (("input", -1, -1), ("forget", -1, -1), ("output", -1, -1), ("candidate", 1, 1)),
        ((3, True, True), (1, True, True)),
    ),
    # The reset gate acts on the recurrent share of the candidate alone, so that this is a gate of its own.
    "gru": Step(
        _gru,
        _put_hidden,
        (("reset", -1, -1), ("update", -1, -1), ("candidate", 0, 1), ("candidate", 1, 0)),
        ((2, True, True), (1, False, True), (1, True, False)),
    ),
    "rnn": Step(_rnn, _put_hidden, (("hidden", 1, 1),), ((1, True, True),)),
}
"""For each of `CELLS`."""


def arranged(cell: str, weights: Mapping[str, Array], name: str) -> tuple[Array, Array, Array]:
    """A layer's input weights (I, G·H), recurrent weights (H, G·H) and biases (G·H,), as in its `sources`."""
    places = [CELLS[cell].gates.index(gate) for gate, _, _ in STEPS[cell].sources]
    _, of_input, of_recurrent = zip(*STEPS[cell].sources, strict=True)

    def gates(part: str, factors: tuple[int, ...]) -> Array:
        blocks = np.split(weights[name + part], len(CELLS[cell].gates))
        chosen = [blocks[place] * np.float32(factor) for place, factor in zip(places, factors, strict=True)]
        return np.concatenate(chosen).T

    biases = gates("input_bias", of_input) + gates("recurrent_bias", of_recurrent)
    return gates("input_weight", of_input), gates("recurrent_weight", of_recurrent), biases
