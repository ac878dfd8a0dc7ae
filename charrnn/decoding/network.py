"""The network in NumPy, one symbol at a time: what `sample` runs, without loading torch.

The equations are in `model/layer.py`. A step of one text takes as long as reading every weight once, so the
two weight matrices of a layer are stored together, to be read in one go, and the layers' states side by side:

    hidden    h of layer 0 | h of layer 1 | h of layer 2      (texts, L·H)
                           └── what layer 2 reads ──┘         its weights: input over recurrent, (2H, G·H)

What is left is a handful of operations on rows; nothing is allocated in between. Knows nothing of text,
sampling rules or files.
"""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from charrnn.decoding.cells import STEPS, Array, Rows, State, arranged
from charrnn.errors import CheckpointError
from charrnn.model.architecture import Architecture

NOT_FINITE = "the model predicts what is not a finite number: its weights are too large; use another one"

READ_TOGETHER = 512
"""Symbols of a prompt that go through a layer before the next one reads them."""

Tell = Callable[[int], object]
"""Is told how many more symbols were read."""

Product = Callable[[], object]
"""A matrix product of arrays that stay where they are."""


class Held(NamedTuple):
    """Cells of a layer that are held at values while a network reads.

    Attributes:
        layer: which, counted from 0.
        cells: (K,) of it, counted from 0.
        values: (K,)
        rows: (K,) of which text each is; a slice for all cells of these texts.
    """

    layer: int
    cells: NDArray[np.intp]
    values: Array
    rows: Rows = slice(None)


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
        with np.errstate(all="ignore"):
            self._layers = [_Layer(architecture, weights, index) for index in range(architecture.layers)]
        self._parts = architecture.states
        self._width = architecture.layers * architecture.hidden
        self._output_weight = np.ascontiguousarray(weights["output.weight"].T)
        self._output_bias = weights["output.bias"]
        self._allocate(texts)

    def _allocate(self, texts: int) -> None:
        self.texts = texts
        self._state = tuple(np.zeros((texts, self._width), np.float32) for _ in range(self._parts))
        for layer in self._layers:
            layer.allocate(self._state)
        self._logits = np.empty((texts, len(self._output_bias)), np.float32)
        self._flat_logits, self._ones = self._logits.reshape(-1), np.ones(self._logits.size, np.float32)
        self._output_biases = np.tile(self._output_bias, (texts, 1))
        self._output = _product(self._layers[-1].state[0], self._output_weight, self._logits)

    def hold(self, held: Sequence[Held]) -> None:
        """Overwrite cells after each step from now on, in the place of those that were held before."""
        for number, layer in enumerate(self._layers):
            layer.held = [one for one in held if one.layer == number]

    def step(self, ids: NDArray[np.intp]) -> Array:
        """Read one symbol of each text.

        Args:
            ids: (texts,)

        Returns:
            The logits of each text's next symbol, (texts, V): a buffer that the next step writes over.
        """
        self._layers[0].look_up(ids)
        with np.errstate(all="ignore"):  # exp may reach infinity, and 1 / (1 + infinity) is the 0 it means
            for layer in self._layers:
                layer.step()
            return self._expect()

    def _expect(self) -> Array:
        """The logits of what comes next."""
        self._output()
        self._logits += self._output_biases
        # A sum is not finite where a term is not: a fraction of the time that looking at each takes.
        if not math.isfinite(self._flat_logits.dot(self._ones)) and not np.isfinite(self._logits).all():
            raise CheckpointError(NOT_FINITE)
        return self._logits

    def read(self, ids: NDArray[np.intp], tell: Tell | None = None) -> Array:
        """Read many symbols of the one text, layer by layer: what enters a layer is one product for a block.

        Args:
            ids: (symbols,), one at least.
            tell: is told, block by block, how many more were read.

        Returns:
            The logits of the next symbol, (1, V): the buffer of `step`.
        """
        with np.errstate(all="ignore"):
            for begin in range(0, len(ids), READ_TOGETHER):
                block = ids[begin : begin + READ_TOGETHER]
                entering: NDArray[Any] = block
                for layer in self._layers:
                    entering = layer.read(entering)
                if tell is not None:
                    tell(len(block))
            return self._expect()

    def reset(self) -> None:
        """Blank the state of every text."""
        for part in self._state:
            part.fill(0)

    @property
    def state(self) -> State:
        """A copy of what the texts read so far have left; setting it goes on from there."""
        return tuple(part.copy() for part in self._state)

    @state.setter
    def state(self, state: State) -> None:
        self.put(np.arange(self.texts), state)

    def put(self, rows: NDArray[np.intp], state: State) -> None:
        """Let these texts go on from a state, of as many texts or of one."""
        for part, value in zip(self._state, state, strict=True):
            part[rows] = value

    def select(self, rows: NDArray[np.intp]) -> None:
        """Go on with these texts only, in this order; one named several times goes on as so many texts."""
        before = self._state
        self._allocate(len(rows))
        self.state = tuple(part[rows] for part in before)


class _Layer:
    """One recurrent layer: its weights, its part of the state, its buffers.

    A sigmoid is 1 / (1 + exp(-a)); its sign goes into the weights beforehand.

    Attributes:
        held: cells that are overwritten after each step.
    """

    def __init__(self, architecture: Architecture, weights: Mapping[str, Array], index: int) -> None:
        self._size, self._end = architecture.hidden, (index + 1) * architecture.hidden
        how = STEPS[architecture.cell]
        self._run, self._put = how.run, how.put
        self.held: list[Held] = []
        entering, recurrent, biases = arranged(architecture.cell, weights, f"layers.{index}.")
        self._width = len(biases)
        self._added, self._looks_up = biases[None], index == 0
        if self._looks_up:
            symbols = weights["embedding.weight"] if architecture.embedding else None
            self._added = biases + (entering if symbols is None else np.matmul(symbols, entering))
            entering = entering[:0]
        self._groups = list(self._parted(np.vstack([entering, recurrent]), how.reads))

    def _parted(self, weights: Array, reads: Iterable[tuple[int, bool, bool]]) -> "Iterator[_Group]":
        """The gates that read the same, group by group."""
        height, start = len(weights), 0
        for gates, below, own in reads:
            first, last = 0 if below else height - self._size, height if own else height - self._size
            columns = slice(start, start + gates * self._size)
            read = slice(self._end - height + first, self._end - height + last)
            added = _spaced(self._added[:, columns], 2)
            yield _Group(np.ascontiguousarray(weights[first:last, columns]), read, added)
            start = columns.stop

    def allocate(self, state: State) -> None:
        """Make room for the texts of a state, and find this layer's place in it."""
        texts = len(state[0])
        self.state = tuple(part[:, self._end - self._size : self._end] for part in state)
        self._gates, self._offsets = (_spaced(np.zeros(texts * self._width, np.float32), at) for at in (0, 1))
        self._products, self._rows, groups, start = [], [], [], 0
        for weights, read, added in self._groups:
            place = slice(start, start + texts * added.shape[1])
            gates, offsets = (buffer[place].reshape(texts, -1) for buffer in (self._gates, self._offsets))
            offsets[:] = added[0]
            groups.append(gates)
            self._rows.append((added, offsets))
            self._products.append(_product(state[0][:, read], weights, gates))
            start = place.stop
        self._sigmoids = groups[0]
        size = self._size
        self._blocks = [gates[:, at : at + size] for gates in groups for at in range(0, gates.shape[1], size)]

    def look_up(self, ids: NDArray[np.intp]) -> None:
        """Take what each text's symbol adds to the gates of the first layer."""
        for table, offsets in self._rows:
            # Ids come from a vocabulary; mode "raise" would copy the rows a second time to check them.
            table.take(ids, axis=0, out=offsets, mode="clip")

    def read(self, entering: NDArray[Any]) -> Array:
        """Run the cell over a block of the one text.

        Args:
            entering: (symbols,), ids, in the first layer; above it (symbols, H), what the layer below gave.

        Returns:
            (symbols, H): h after each symbol.
        """
        offsets, products, start = [], [], 0
        for weights, read, added in self._groups:
            place = slice(start, start + added.shape[1])
            below = len(weights) - self._size if read.stop == self._end else len(weights)
            # The first layer's symbols are looked up; what the layer below gave is multiplied at once.
            if self._looks_up:
                offsets.append(added[entering])
            else:
                given = entering @ weights[:below] if below else 0
                offsets.append(np.broadcast_to(added[0] + given, (len(entering), added.shape[1])))
            own = self.state[0] if below < len(weights) else self.state[0][:, :0]
            products.append(_product(own, weights[below:], self._gates[place][None]))
            start = place.stop
        hidden = np.empty((len(entering), self._size), np.float32)
        for row, given in zip(hidden, np.concatenate(offsets, axis=1), strict=True):
            for product in products:
                product()
            self._gates += given
            self._take_step()
            row[:] = self.state[0][0]
        return hidden

    def step(self) -> None:
        """Run the cell once."""
        for product in self._products:
            product()
        self._gates += self._offsets
        self._take_step()

    def _take_step(self) -> None:
        self._run(self.state, self._blocks, self._sigmoids)
        for held in self.held:
            self._put(self.state, self._blocks, held.rows, held.cells, held.values)


class _Group(NamedTuple):
    """Gates of a layer that read the same columns of the state.

    Attributes:
        weights: (columns, gates·H)
        read: which columns.
        added: (V, gates·H) what each symbol adds, in the first layer; above it (1, gates·H), the biases.
    """

    weights: Array
    read: slice
    added: Array


def _product(values: Array, weights: Array, out: Array) -> Product:
    """`out` = `values` times the weights; one text takes the product that reads them in order."""
    if not len(weights):
        return partial(out.fill, 0)
    if len(values) == 1:
        return partial(np.dot, values[0], weights, out=out[0])
    return partial(np.matmul, values, weights, out=out)


def _spaced(array: Array, place: int) -> Array:
    """A copy whose address is so many KiB beyond a multiple of 4 KiB.

    Rows are often just as long. A processor that tells addresses apart by their last 12 bits at first takes
    what is read there for what was written a moment ago, and waits, up to ten times as long as the operation
    takes. Therefore what is read is to lie somewhat ahead of what is written.
    """
    page = 4096 // array.itemsize
    room = np.empty(array.size + page, array.dtype)
    start = (place * page // 4 - room.ctypes.data // array.itemsize) % page
    spaced = room[start : start + array.size].reshape(array.shape)
    spaced[:] = array
    return spaced
