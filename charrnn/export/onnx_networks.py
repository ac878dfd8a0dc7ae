"""The network of each task as graphs of ONNX, in which time is the first axis.

    language    ids (T, B), h (L, B, H)  ──►  logits (T, B, V), h_next       and c, c_next of an LSTM
    generate    the same, and label (B,)
    classify    ids (T, B), lengths (B,)  ──►  logits (B, C), probabilities
    tag         ids (T, B), lengths (B,)  ──►  emissions (T, B, K), and the chain: first, transition, last
    translate   encoder   ids (S, B), lengths (B,)  ──►  vectors (S, B, D), h, c
                decoder   ids (T, B), h, c, vectors, lengths  ──►  logits (T, B, W), attention (T, B, S)

The equations stand in `model/layer.py` and beside it. Knows nothing of text, files or runtimes.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from charrnn.decoding.cells import Array
from charrnn.export.onnx_graph import FLOAT, INT32, INT64, Graph
from charrnn.export.onnx_substrings import remembered
from charrnn.export.weights import Stored
from charrnn.model.architecture import (
    Architecture,
    ClassifierArchitecture,
    LabelledArchitecture,
    TaggerArchitecture,
    TranslationArchitecture,
)
from charrnn.model.cells import CELLS
from charrnn.text.tag_schemes import Possible

Weights = Mapping[str, Stored]

Rows = NDArray[np.intp]


@dataclass(frozen=True)
class Operator:
    """What ONNX calls a cell.

    Attributes:
        name: of the operator.
        gates: in the order of its weights' rows.
        attributes: what else it is told.
    """

    name: str
    gates: tuple[str, ...]
    attributes: Mapping[str, int]


OPERATORS = {
    "lstm": Operator("LSTM", ("input", "output", "forget", "candidate"), {}),
    "gru": Operator("GRU", ("update", "reset", "candidate"), {"linear_before_reset": 1}),
    "rnn": Operator("RNN", ("hidden",), {}),
}
"""For each of `CELLS`."""


class Network(Graph):
    """A graph with the weights that it is made of."""

    def __init__(self, name: str, weights: Weights) -> None:
        super().__init__(name)
        self._weights = weights

    def array(self, name: str) -> str:
        """A weight as it is."""
        stored = self._weights[name]
        return self.weight(name, stored.values, _column(stored.scales))

    def linear(self, value: str, name: str, bias: str | None = None) -> str:
        """The product of a value with a matrix, (…, I) to (…, O); and a bias."""
        stored = self._weights[name]
        product = self.add("MatMul", value, self.weight(name, stored.values.T, stored.scales))
        return product if bias is None else self.add("Add", product, self.array(bias))

    def symbols(self, architecture: Architecture, ids: str, prefix: str = "") -> str:
        """What the first layer reads, (T, B, I)."""
        if architecture.embedding:
            return self.add("Gather", self.array(f"{prefix}embedding.weight"), ids)
        depth = self.constant(np.array(architecture.symbols, np.int64))
        return self.add("OneHot", ids, depth, self.constant(np.array([0, 1], np.float32)))

    def trunk(
        self,
        architecture: Architecture,
        value: str,
        prefix: str = "",
        *,
        lengths: str = "",
        start: Sequence[str] = (),
    ) -> tuple[str, list[list[str]]]:
        """A trunk over what its first layer reads.

        Args:
            architecture: cell, sizes and direction.
            value: (T, B, I)
            prefix: of the names of its weights.
            lengths: (B,) int32 of each text; all of T if it is left out.
            start: each array of the state, (L, B, H); zero if it is left out.

        Returns:
            (T, B, D), and what the layers leave, layer by layer: each array of the state, (directions, B, H).
        """
        layers = architecture.layers
        parts = [self.add_several(layers, "Split", part, axis=0) if layers > 1 else [part] for part in start]
        left = []
        for layer in range(layers):
            states = [part[layer] for part in parts]
            value, after = self._layer(architecture, f"{prefix}layers.{layer}.", value, lengths, states)
            left.append(after)
        return value, left

    def _layer(
        self, architecture: Architecture, name: str, value: str, lengths: str, states: Sequence[str]
    ) -> tuple[str, list[str]]:
        operator, width = OPERATORS[architecture.cell], architecture.width
        rows = _rows(architecture)
        names = [f"{name}{direction}" for direction in architecture.directions]
        hidden, *after = self.add_several(
            1 + architecture.states,
            operator.name,
            value,
            self._stacked(rows, f"{name}input_weight", [f"{one}input_weight" for one in names]),
            self._stacked(rows, f"{name}recurrent_weight", [f"{one}recurrent_weight" for one in names]),
            self._biases(rows, f"{name}biases", names),
            lengths,
            *states,
            hidden_size=architecture.hidden,
            direction="bidirectional" if len(names) > 1 else "forward",
            **operator.attributes,
        )
        # (T, directions, B, H) to (T, B, directions, H) to (T, B, D); 0 leaves an axis as it is.
        side_by_side = self.add("Transpose", hidden, perm=[0, 2, 1, 3])
        return self.add("Reshape", side_by_side, self.axes(0, 0, width)), after

    def _stacked(self, rows: Rows, name: str, parts: Sequence[str]) -> str:
        """A matrix of a layer, (directions, G·H, I)."""
        stored = [self._weights[part] for part in parts]
        scales = [one.scales[rows, None] for one in stored if one.scales is not None]
        values = np.stack([one.values[rows] for one in stored])
        return self.weight(name, values, np.stack(scales) if scales else None)

    def _biases(self, rows: Rows, name: str, parts: Sequence[str]) -> str:
        """The biases of a layer, (directions, 2·G·H), those of the input first."""
        biases = [[self._weights[f"{part}{kind}_bias"] for kind in ("input", "recurrent")] for part in parts]
        values = [np.concatenate([one.values[rows] for one in both]) for both in biases]
        return self.weight(name, np.stack(values), None)

    def carried(
        self, architecture: Architecture, value: str, prefix: str = ""
    ) -> tuple[str, list[list[str]]]:
        """A trunk that goes on from the state that is given."""
        shape = (architecture.layers, "batch", architecture.hidden)
        start = [self.input(name, shape) for name in CELLS[architecture.cell].state]
        return self.trunk(architecture, value, prefix, start=start)

    def hand_on(self, architecture: Architecture, left: Sequence[Sequence[str]]) -> None:
        """Hand out the state that the layers leave."""
        shape = (architecture.layers, "batch", architecture.hidden)
        for name, parts in zip(CELLS[architecture.cell].state, zip(*left, strict=True), strict=True):
            value = self.add("Concat", *parts, axis=0) if len(parts) > 1 else parts[0]
            self.output(f"{name}_next", value, shape)

    def within(self, ids: str, lengths: str) -> str:
        """(T, B) whether a step is one of its text."""
        end = self.add("Squeeze", self.add("Shape", ids, start=0, end=1))
        zero, one = (self.constant(np.array(value, np.int64)) for value in (0, 1))
        steps = self.add("Unsqueeze", self.add("Range", zero, end, one), self.axes(1))
        return self.add("Less", steps, lengths)

    def chosen(self, where: str, value: str, otherwise: float) -> str:
        """A value where something holds, else a number."""
        return self.add("Where", where, value, self.constant(np.float32(otherwise)))


def _rows(architecture: Architecture) -> Rows:
    """The rows of a layer's weights, its gates in the order of ONNX."""
    cell, places = CELLS[architecture.cell], np.arange(architecture.gates * architecture.hidden)
    gates = OPERATORS[architecture.cell].gates
    return np.concatenate([places[cell.rows(gate, architecture.hidden)] for gate in gates])


def _column(scales: Array | None) -> Array | None:
    """Scales of rows, as they are multiplied with these."""
    return None if scales is None else scales[:, None]


def language(architecture: Architecture, weights: Weights) -> Network:
    """The network that writes: what may come next, after each symbol; with labels, of texts of a label."""
    graph = Network("language", weights)
    ids = graph.input("ids", ("time", "batch"), INT64)
    value = graph.symbols(architecture, ids)
    if isinstance(architecture, LabelledArchitecture):
        label = graph.input("label", ("batch",), INT64)
        value = graph.add("Add", value, graph.add("Gather", graph.array("label.weight"), label))
    hidden, left = graph.carried(architecture, value)
    logits = graph.linear(hidden, "output.weight", "output.bias")
    graph.output("logits", logits, ("time", "batch", architecture.symbols))
    graph.hand_on(architecture, left)
    return graph


def classifier(architecture: ClassifierArchitecture, weights: Weights, temperature: float) -> Network:
    """The network that tells the label of a text; its probabilities are of logits over a temperature."""
    graph, hidden, is_there = _reading("classifier", architecture, weights)
    total = graph.add("ReduceSum", graph.chosen(is_there, hidden, 0.0), graph.axes(0), keepdims=0)
    length = graph.add("Unsqueeze", graph.add("Cast", "lengths", to=FLOAT), graph.axes(1))
    highest = graph.add("ReduceMax", graph.chosen(is_there, hidden, -np.inf), axes=[0], keepdims=0)
    both = graph.add("Concat", graph.add("Div", total, length), highest, axis=1)
    logits = graph.linear(both, "output.weight", "output.bias")
    tempered = graph.add("Div", logits, graph.constant(np.float32(temperature)))
    graph.output("logits", logits, ("batch", architecture.classes))
    graph.output("probabilities", graph.add("Softmax", tempered, axis=1), ("batch", architecture.classes))
    return graph


def tagger(architecture: TaggerArchitecture, weights: Weights, possible: Possible) -> Network:
    """The network that scores tags, and the chain that joins them, in which what is impossible is -∞."""
    graph, hidden, is_there = _reading("tagger", architecture, weights)
    count, rows = architecture.tags, architecture.substring_rows
    emissions = graph.linear(hidden, "output.weight", "output.bias")
    if rows:
        within, table = graph.add("Squeeze", is_there, graph.axes(2)), graph.array("substrings.weight")
        emissions = graph.add("Add", emissions, remembered(graph, "ids", within, table, rows))
    graph.output("emissions", emissions, ("time", "batch", count))
    chain = {"first": possible.first, "transition": possible.follows, "last": possible.last}
    for name, flags in chain.items():
        scores = np.where(flags, weights[f"chain.{name}"].restored(), -np.inf).astype(np.float32)
        graph.output(name, graph.constant(scores, f"chain.{name}"), scores.shape)
    return graph


def encoder(architecture: TranslationArchitecture, weights: Weights) -> Network:
    """The network that reads a source, and what its target begins from."""
    reads = architecture.encoder
    graph = Network("encoder", weights)
    ids, lengths = graph.input("ids", ("time", "batch"), INT64), graph.input("lengths", ("batch",), INT64)
    value = graph.symbols(reads, ids, "encoder.")
    own = graph.add("Cast", lengths, to=INT32)
    vectors, left = graph.trunk(reads, value, "encoder.", lengths=own)
    if architecture.attention:
        within = graph.add("Unsqueeze", graph.within(ids, lengths), graph.axes(2))
        graph.output("vectors", graph.chosen(within, vectors, 0.0), ("time", "batch", reads.width))
    # What each direction of the last layer leaves, (directions, B, H), is side by side (B, D).
    ends = graph.add("Transpose", left[-1][0], perm=[1, 0, 2])
    ends = graph.add("Reshape", ends, graph.axes(0, reads.width))
    memories = graph.linear(ends, "bridge_weight", "bridge_bias")
    parted = graph.add("Reshape", memories, graph.axes(0, architecture.layers, architecture.hidden))
    memory = graph.add("Transpose", parted, perm=[1, 0, 2])
    shape = (architecture.layers, "batch", architecture.hidden)
    starts = (graph.add("Tanh", memory), memory)
    for name, start in zip(CELLS[architecture.cell].state, starts, strict=False):
        graph.output(name, start, shape)
    return graph


def decoder(architecture: TranslationArchitecture, weights: Weights) -> Network:
    """The network that writes a target, and shows what of its source each step looks at."""
    writes, symbols = architecture.decoder, architecture.target_symbols
    graph = Network("decoder", weights)
    ids = graph.input("ids", ("time", "batch"), INT64)
    hidden, left = graph.carried(writes, graph.symbols(writes, ids, "decoder."), "decoder.")
    if architecture.attention:
        hidden = _looking(graph, architecture, hidden)
    logits = graph.linear(hidden, "output.weight", "output.bias")
    graph.output("logits", logits, ("time", "batch", symbols))
    graph.hand_on(writes, left)
    return graph


def _reading(name: str, architecture: Architecture, weights: Weights) -> tuple[Network, str, str]:
    """A network that reads whole texts: (T, B, D), and (T, B, 1), whether a step is one of its text."""
    graph = Network(name, weights)
    ids, lengths = graph.input("ids", ("time", "batch"), INT64), graph.input("lengths", ("batch",), INT64)
    own = graph.add("Cast", lengths, to=INT32)
    hidden, _ = graph.trunk(architecture, graph.symbols(architecture, ids), lengths=own)
    return graph, hidden, graph.add("Unsqueeze", graph.within(ids, lengths), graph.axes(2))


def _looking(graph: Network, architecture: TranslationArchitecture, hidden: str) -> str:
    """Attention: (T, B, H), mixed with what is looked at of the source."""
    width = architecture.width
    vectors = graph.input("vectors", ("source", "batch", width))
    lengths = graph.input("lengths", ("batch",), INT64)
    asks = graph.add("Transpose", graph.linear(hidden, "query_weight"), perm=[1, 0, 2])  # (B, T, D)
    scores = graph.add("MatMul", asks, graph.add("Transpose", vectors, perm=[1, 2, 0]))  # (B, T, S)
    within = graph.add("Transpose", graph.within(vectors, lengths), perm=[1, 0])
    ruled = graph.chosen(graph.add("Unsqueeze", within, graph.axes(1)), scores, -np.inf)
    shares = graph.add("Softmax", ruled, axis=2)
    seen = graph.add("MatMul", shares, graph.add("Transpose", vectors, perm=[1, 0, 2]))
    both = graph.add("Concat", hidden, graph.add("Transpose", seen, perm=[1, 0, 2]), axis=2)
    attention = graph.add("Transpose", shares, perm=[1, 0, 2])
    graph.output("attention", attention, ("time", "batch", "source"))
    return graph.add("Tanh", graph.linear(both, "mixing_weight", "mixing_bias"))
