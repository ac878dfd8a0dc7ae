"""Whole texts through a trunk, in NumPy and without torch: a hidden state for each of their symbols.

The equations stand in `model/layer.py`. Texts are packed (`model/packing.py`), so that a step of all that
still run is a block of rows; a layer's two directions take their steps together, the reversed one on turned
rows. What enters a layer is one product for many steps. Knows nothing of text, heads or files.
"""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from charrnn.decoding.cells import STEPS, Array, State, arranged
from charrnn.decoding.network import Held
from charrnn.model.architecture import Architecture
from charrnn.model.packing import Packing

Watch = Callable[[int, slice, State, Array], None]
"""Is told, after each step, the layer, the rows, the state (D, rows, H) and the sigmoids (D, rows, ·).

What a reversed layer does at a row is that of the row's turned one. The arrays are written over later.
"""

ROWS = 4096
"""Rows whose input products are there at once: bounds the memory that long texts take."""


@dataclass(frozen=True)
class Encoded:
    """Texts that were read.

    Attributes:
        ids: (N,) the symbol of each step.
        hidden: (N, W) the last layer's hidden state at each step, forward and then reversed.
        packing: where the steps of each text lie among these rows.
        order: (B,) which of the texts as given is which here, the longest first.
        state: of each layer, and of each of its directions, what the last step left, (B, H) each.
    """

    ids: NDArray[np.integer[Any]]
    hidden: Array
    packing: Packing
    order: NDArray[np.intp]
    state: list[State]

    def padded(self) -> Array:
        """(B, S, W) in the order in which texts were given, zero past the end of each."""
        shape = (len(self.order), len(self.packing.sizes), self.hidden.shape[1])
        padded = np.zeros(shape, np.float32)
        padded[self.order[self.packing.texts], self.packing.steps] = self.hidden
        return padded


class Encoder:
    """The trunk of a network as a function of whole texts, each from a blank state."""

    def __init__(
        self, architecture: Architecture, weights: Mapping[str, Array], held: Sequence[Held] = ()
    ) -> None:
        """Prepare the weights.

        Args:
            architecture: cell, sizes and direction.
            weights: an array for each name in `architecture.trunk_shapes()`.
            held: cells that are overwritten after each step; those of a reversed layer come last.
        """
        self._embedding = weights["embedding.weight"] if architecture.embedding else None
        self._layers = [
            _Layer(architecture, weights, index, [one for one in held if one.layer == index])
            for index in range(architecture.layers)
        ]

    def read(self, texts: Sequence[NDArray[np.integer[Any]]], watch: Watch | None = None) -> Encoded:
        """Read texts side by side.

        Args:
            texts: one at least; the ids of each, one at least.
            watch: is told what each layer does.
        """
        lengths = np.array([len(text) for text in texts])
        order = np.argsort(-lengths, kind="stable")
        packing = Packing.of(lengths[order])
        begins = (np.cumsum(lengths) - lengths)[order]
        ids = np.concatenate(texts)[begins[packing.texts] + packing.steps]
        values: NDArray[Any] = ids if self._embedding is None else self._embedding[ids]
        state: list[State] = []
        with np.errstate(all="ignore"):  # exp may reach infinity, and 1 / (1 + infinity) is the 0 it means
            for number, layer in enumerate(self._layers):
                values, after = layer.read(values, packing, None if watch is None else partial(watch, number))
                state += after
        return Encoded(ids, values, packing, order, state)


class _Layer:
    """One recurrent layer in each direction."""

    def __init__(
        self, architecture: Architecture, weights: Mapping[str, Array], index: int, held: Sequence[Held]
    ) -> None:
        how, self._size, self._states = STEPS[architecture.cell], architecture.hidden, architecture.states
        self._run, self._put, self._held = how.run, how.put, held
        self._sigmoids = how.reads[0][0] * architecture.hidden
        found = [
            arranged(architecture.cell, weights, f"layers.{index}.{direction}")
            for direction in architecture.directions
        ]
        self._entering = [np.ascontiguousarray(entering) for entering, _, _ in found]
        self._biases = [biases for _, _, biases in found]
        self._recurrent = np.stack([recurrent for _, recurrent, _ in found])

    def read(
        self,
        inputs: NDArray[Any],
        packing: Packing,
        watch: Callable[[slice, State, Array], None] | None = None,
    ) -> tuple[Array, list[State]]:
        """Run the cell over packed texts.

        Args:
            inputs: (N, I); or (N,), ids that stand for one-hot vectors.
            packing: where their steps lie.
            watch: is told what it does.

        Returns:
            (N, W), and the state that each direction leaves.
        """
        directions, _, width = self._recurrent.shape
        texts, offsets = int(packing.sizes[0]), packing.offsets.tolist()
        states = tuple(np.zeros((directions, texts, self._size), np.float32) for _ in range(self._states))
        hidden = np.empty((directions, len(inputs), self._size), np.float32)
        gates = np.empty((directions, texts, width), np.float32)
        running, views = texts, _Views(states, gates, self._size, self._sigmoids, texts)
        for first, last in _blocks(packing.sizes):
            begin = offsets[first]
            added = self._added(inputs, packing, slice(begin, begin + int(packing.sizes[first:last].sum())))
            for offset, size in zip(offsets[first:last], packing.sizes[first:last].tolist(), strict=True):
                if size != running:
                    running, views = size, _Views(states, gates, self._size, self._sigmoids, size)
                np.matmul(views.states[0], self._recurrent, out=views.gates)
                views.gates[:] += added[:, offset - begin : offset - begin + size]
                self._run(views.states, views.blocks, views.sigmoids)
                for held in self._held:
                    self._overwrite(held, views)
                hidden[:, offset : offset + size] = views.states[0]
                if watch is not None:
                    watch(slice(offset, offset + size), views.states, views.sigmoids)
        turned = [hidden[0], *(values[packing.turned] for values in hidden[1:])]
        after = [tuple(part[direction] for part in states) for direction in range(directions)]
        return np.concatenate(turned, axis=1), after

    def _overwrite(self, held: Held, views: "_Views") -> None:
        """Put values into cells of all texts."""
        ways, cells = np.divmod(held.cells, self._size)
        for way in np.unique(ways).tolist():
            state, gates = (tuple(part[way] for part in parts) for parts in (views.states, views.blocks))
            self._put(state, list(gates), slice(None), cells[ways == way], held.values[ways == way])

    def _added(self, inputs: NDArray[Any], packing: Packing, rows: slice) -> Array:
        """What the inputs of these rows add to the gates, (D, rows, G·H)."""
        some = [inputs[rows], inputs[packing.turned[rows]]] if len(self._biases) > 1 else [inputs[rows]]
        return np.stack(
            [
                (weight[values] if inputs.ndim == 1 else values @ weight) + biases
                for values, weight, biases in zip(some, self._entering, self._biases, strict=True)
            ]
        )


class _Views:
    """The state and the gates of the texts that still run, as a cell's step takes them."""

    def __init__(self, states: State, gates: Array, size: int, sigmoids: int, texts: int) -> None:
        self.states = tuple(part[:, :texts] for part in states)
        self.gates = gates[:, :texts]
        self.blocks = [self.gates[..., at : at + size] for at in range(0, gates.shape[-1], size)]
        self.sigmoids = self.gates[..., :sigmoids]


def _blocks(sizes: NDArray[np.int64]) -> Iterator[tuple[int, int]]:
    """Steps, from which up to which, that have about `ROWS` rows together; one step at least."""
    steps = max(1, ROWS // int(sizes[0]))
    for number in range(math.ceil(len(sizes) / steps)):
        yield number * steps, min(len(sizes), (number + 1) * steps)
