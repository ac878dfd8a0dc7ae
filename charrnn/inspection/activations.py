"""The value of every cell of a trunk at every symbol of passages, read by the NumPy encoder; no torch.

A cell's value is what it hands to its next step: the cell state c of an LSTM, else the hidden state h. Each
passage is read from a blank state some way before it. Knows nothing of properties.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from charrnn.decoding.cells import STEPS, Array, State
from charrnn.decoding.encoder import Encoder
from charrnn.decoding.network import NOT_FINITE
from charrnn.errors import CheckpointError
from charrnn.inspection.excerpts import Excerpts, Places
from charrnn.model.architecture import Architecture
from charrnn.model.cells import CELLS
from charrnn.model.packing import Packing

WARM_UP = 250
"""Symbols that are read before a passage, as far as its text or line begins no later."""

TOGETHER = 2**14
"""Symbols that are read side by side."""

LEFT, RIGHT = 0.1, 0.9
"""A gate below the one is left-saturated, above the other right-saturated (Karpathy et al. 2015)."""

Tell = Callable[[int], object]


@dataclass(frozen=True)
class Trunk:
    """What reads a text.

    Attributes:
        architecture: of it.
        weights: an array for each name in `architecture.trunk_shapes()`.
    """

    architecture: Architecture
    weights: Mapping[str, Array]


@dataclass(frozen=True)
class CellPlace:
    """Where a cell is.

    Attributes:
        layer: counted from 1.
        cell: of the layer, counted from 1; where it reads both ways, those of the reversed layer come last.
        is_reversed: whether it reads from the end.
    """

    layer: int
    cell: int
    is_reversed: bool = False

    def __str__(self) -> str:
        return f"{self.layer}:{self.cell}"


def place_of(column: int, architecture: Architecture) -> CellPlace:
    """Where the cell of a column is."""
    layer, cell = divmod(column, architecture.width)
    return CellPlace(layer + 1, cell + 1, cell >= architecture.hidden)


def cells_of(architecture: Architecture) -> int:
    """How many cells a trunk has: columns."""
    return architecture.layers * architecture.width


@dataclass(frozen=True)
class Gate:
    """What a gate of a layer does.

    Attributes:
        layer: counted from 1.
        name: as the cell calls it.
        left: (W,) for each unit the share of time that it is left-saturated.
        right: (W,) the same of right-saturated.
    """

    layer: int
    name: str
    left: NDArray[np.float64]
    right: NDArray[np.float64]


@dataclass(frozen=True)
class Activity:
    """What the cells of a trunk did.

    Attributes:
        values: (P·T, C) of each cell, layer after layer, at each symbol of each passage.
        gates: of each layer; none for a cell without any.
        spans: (C,) how many symbols each cell remembers, -1 / mean ln of the share that it keeps in a step;
            none for a cell that has no gate for it.
    """

    values: Array
    gates: list[Gate]
    spans: NDArray[np.float64] | None


@dataclass(frozen=True)
class _Read:
    """A stretch that is read from a blank state.

    Attributes:
        begin: its first symbol.
        end: past its last.
        kept: (symbols,) the row of each in what is kept; -1 for none.
    """

    begin: int
    end: int
    kept: Places


def _reads(excerpts: Excerpts, *, to_the_end: bool) -> Iterator[_Read]:
    """What has to be read for passages: each cut where a line or a text begins."""
    symbols, starts = excerpts.symbols, excerpts.symbols.starts
    total = len(symbols.ids)
    for number, first in enumerate(excerpts.begins.tolist()):
        last = first + excerpts.length
        some = starts[(starts > first) & (starts < last)].tolist()
        before = int(starts[np.searchsorted(starts, first, "right") - 1])
        for begin, end in zip([first, *some], [*some, last], strict=True):
            where = max(before, begin - WARM_UP) if begin == first else begin
            after = int(np.searchsorted(starts, end, "left"))
            until = (int(starts[after]) if after < len(starts) else total) if to_the_end else end
            until = min(until, end + WARM_UP)
            kept = np.full(until - where, -1)
            kept[begin - where : end - where] = number * excerpts.length + np.arange(begin, end) - first
            yield _Read(where, until, kept)


class _Recorder:
    """Keeps what an encoder's layers do where passages are, and counts what their gates do there."""

    def __init__(self, architecture: Architecture, rows: int) -> None:
        self.architecture = architecture
        self.values = np.zeros((rows, cells_of(architecture)), np.float32)
        how = STEPS[architecture.cell]
        self.names = (
            [name for name, _, _ in how.sources[: how.reads[0][0]]] if CELLS[architecture.cell].keeps else []
        )
        self.saturated = np.zeros((2, architecture.layers, len(self.names), architecture.width))
        self.logs = np.zeros((architecture.layers, architecture.width))

    def begin(self, kept: Places, packing: Packing) -> None:
        """Be told of the next texts which of their rows to keep, and where."""
        ways = [kept, kept[packing.turned]] if self.architecture.direction == "both" else [kept]
        self._kept = np.stack(ways)

    def __call__(self, layer: int, rows: slice, state: State, sigmoids: Array) -> None:
        hidden = self.architecture.hidden
        for way, kept in enumerate(self._kept[:, rows]):
            wanted = kept >= 0
            if not wanted.any():
                continue
            units = slice(way * hidden, (way + 1) * hidden)
            columns = slice(
                layer * self.architecture.width + units.start, layer * self.architecture.width + units.stop
            )
            self.values[kept[wanted], columns] = state[-1][way, wanted]
            if self.names:
                self._count(layer, units, sigmoids[way, wanted])

    def _count(self, layer: int, units: slice, sigmoids: Array) -> None:
        gates = sigmoids.reshape(len(sigmoids), len(self.names), -1)
        self.saturated[0, layer, :, units] += (gates < LEFT).sum(0)
        self.saturated[1, layer, :, units] += (gates > RIGHT).sum(0)
        keeping = gates[:, self.names.index(CELLS[self.architecture.cell].keeps)]
        self.logs[layer, units] += np.log(np.maximum(keeping, 1e-30)).sum(0)

    def activity(self) -> Activity:
        """What was kept."""
        count = len(self.values)
        gates = [
            Gate(layer + 1, name, *(self.saturated[:, layer, number] / count))
            for layer in range(self.architecture.layers)
            for number, name in enumerate(self.names)
        ]
        # A gate that never lets go keeps for ever; what is that long is beyond what can be told.
        spans = -1 / np.minimum(self.logs / count, -1e-9) if self.names else None
        return Activity(self.values, gates, None if spans is None else spans.reshape(-1))


def record(trunk: Trunk, excerpts: Excerpts, tell: Tell | None = None) -> Activity:
    """Read passages and keep what the cells did in them.

    Args:
        trunk: what reads.
        excerpts: the passages.
        tell: is told how many more symbols of them were read.

    Raises:
        CheckpointError: values are not finite.
    """
    architecture = trunk.architecture
    encoder, recorder = Encoder(architecture, trunk.weights), _Recorder(architecture, len(excerpts.rows))
    ids = excerpts.symbols.inputs
    for reads in _together(_reads(excerpts, to_the_end=architecture.direction == "both")):
        lengths = np.array([read.end - read.begin for read in reads])
        order = np.argsort(-lengths, kind="stable")  # as the encoder has it
        packing = Packing.of(lengths[order])
        begins = (np.cumsum(lengths) - lengths)[order]
        kept = np.concatenate([read.kept for read in reads])
        recorder.begin(kept[begins[packing.texts] + packing.steps], packing)
        encoder.read([ids[read.begin : read.end] for read in reads], recorder)
        if tell is not None:
            tell(int((kept >= 0).sum()))
    if not np.isfinite(recorder.values).all():
        raise CheckpointError(NOT_FINITE)
    return recorder.activity()


def _together(reads: Iterator[_Read]) -> Iterator[list[_Read]]:
    """As many as have so many symbols together, one at least."""
    some: list[_Read] = []
    symbols = 0
    for read in reads:
        if some and symbols + read.end - read.begin > TOGETHER:
            yield some
            some, symbols = [], 0
        some.append(read)
        symbols += read.end - read.begin
    if some:
        yield some
