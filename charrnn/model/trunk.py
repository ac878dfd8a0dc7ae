"""The trunk of every network: an embedding and a stack of recurrent layers; symbols in, hidden states out.

What happens to the hidden states is up to the task's head; of symbols, the trunk only knows their number. The
dimensions are those of `layer.py`. Knows nothing of text, files or optimizers.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import embedding, linear
from torch.nn.utils.rnn import PackedSequence

from charrnn.model.architecture import Architecture
from charrnn.model.both_ways import as_given, as_packed, read_both_ways, rectangles
from charrnn.model.cells import CELLS
from charrnn.model.dropout import dropped, unit_mask
from charrnn.model.layer import Layer, State, products, run

FEW_SYMBOLS = 512
"""Up to so many the embedding may be a product with one-hot vectors."""

Masks = list[Tensor | None]
"""For each layer what its outputs are multiplied by at every step, (B, H) or (B, 2H); None where nothing is
dropped."""


@dataclass(frozen=True)
class PartOfBatch:
    """Which texts of a batch are read here, the others being read by other processes.

    Attributes:
        texts: of the whole batch; what is dropped is drawn for all of them, so that every process draws the
            same.
        own: which of them these are.
    """

    texts: int
    own: slice


def own_rows(drawn: Tensor, part: PartOfBatch | None) -> Tensor:
    """Of what was drawn for each text of a batch, (B, …), that of the texts that are read here."""
    return drawn if part is None else drawn[part.own]


class Trunk(nn.Module):
    """Symbols in, the last layer's hidden state at every step out.

    Args:
        architecture: cell, sizes and direction.
        dropout: dropout probability of each layer's outputs.
        generator: the random numbers of initialisation and dropout; the global ones are never touched.

    Attributes:
        weight_dropout: probability that a recurrent weight is left out of an update, for all its steps and
            texts (Merity et al. 2018, arXiv 1708.02182).
        part: of a batch, that the next call reads; None for all of it.
    """

    def __init__(self, architecture: Architecture, dropout: float, generator: torch.Generator) -> None:
        super().__init__()
        self.architecture = architecture
        self.dropout, self.weight_dropout = dropout, 0.0
        self.part: PartOfBatch | None = None
        self.generator = generator
        # PyTorch's own initialisation would draw from the global random numbers.
        self.embedding: nn.Embedding | None = None
        if architecture.embedding:
            weight = torch.empty(architecture.symbols, architecture.embedding, dtype=torch.float32)
            self.embedding = nn.Embedding(architecture.symbols, architecture.embedding, _weight=weight)
        self.layers = nn.ModuleList(Layer(architecture, index) for index in range(architecture.layers))
        initialise(self)

    def forward(self, ids: Tensor | PackedSequence, state: State | None = None) -> tuple[Tensor, State]:
        """The hidden state after each symbol.

        Args:
            ids: (B, T), or a packed batch of N steps, longest text first; or vectors in their place, (…, I).
            state: what an earlier call returned, to read on where it stopped; None starts blank (zeros). A
                packed batch may hold fewer texts than the state, which is then cut to the first ones: those
                still running, since the longest come first. A trunk that reads both ways takes none.

        Returns:
            Hidden states, (B, T, H) or (N, H), and the state after each text's last symbol, part of the
            graph (`detach` cuts it off for truncated back-propagation through time). Where it reads both
            ways: (B, T, 2H) or (N, 2H), and the state of each layer followed by that of the reversed one.
        """
        if self.architecture.direction == "both":
            return self._both_ways(ids, state)
        if isinstance(ids, PackedSequence):
            parts, after = self.by_rectangles(ids, state)
            return torch.cat([part.flatten(0, 1) for part in parts]), after
        batch = len(ids)
        before = self.blank_state(batch) if state is None else cut(state, batch)
        hidden, after = self._steps(ids.transpose(0, 1), before, self.drop(batch))
        return hidden.transpose(0, 1), after

    def by_rectangles(self, ids: PackedSequence, state: State | None) -> tuple[list[Tensor], State]:
        """Texts of different lengths, forward.

        Returns:
            Hidden states, (T, B, H) for each rectangle, and the state after each text's last symbol.
        """
        texts, rows = rectangles(ids.batch_sizes)
        state = self.blank_state(texts[0]) if state is None else state
        masks = self.drop(texts[0])
        hidden, ended = [], list[State]()
        parts = torch.split(ids.data, rows)
        for part, running, going_on in zip(parts, texts, [*texts[1:], 0], strict=True):
            values, state = self._steps(part.view(-1, running, *part.shape[1:]), cut(state, running), masks)
            hidden.append(values)
            ended.append([tuple(array[going_on:] for array in layer) for layer in state])
        return hidden, _below(ended[::-1])

    def _both_ways(self, ids: Tensor | PackedSequence, state: State | None) -> tuple[Tensor, State]:
        """Whole texts, forward and from their ends."""
        if state is not None:
            raise ValueError("a trunk that reads both ways reads whole texts, from a blank state")
        symbols, sizes = as_packed(ids)
        hidden, after = read_both_ways(self.layers, self.embed(symbols), sizes, self.drop(int(sizes[0])))
        return as_given(hidden, ids), after

    def _steps(self, ids: Tensor, state: State, masks: Masks) -> tuple[Tensor, State]:
        """Symbols (T, B), a state of B texts; hidden states (T, B, H) and the state after the last step."""
        if run_in_one_call(self._recurrent, masks):
            values, after = run(self._recurrent, self.embed(ids), state)
            return dropped(values, masks[-1]), after
        first, *others = self.layers
        values, left = self._read(first, ids, state[0])
        values, after = dropped(values, masks[0]), [left]
        for layer, before, mask in zip(others, state[1:], masks[1:], strict=True):
            values, left = layer(values, before)
            values = dropped(values, mask)
            after.append(left)
        return values, after

    @property
    def _recurrent(self) -> list[Layer]:
        return [layer for layer in self.layers if isinstance(layer, Layer)]

    def _read(
        self, first: nn.Module, ids: Tensor, state: tuple[Tensor, ...]
    ) -> tuple[Tensor, tuple[Tensor, ...]]:
        """Run the first layer, which alone meets symbols, (T, B); otherwise as `Layer.forward`."""
        assert isinstance(first, Layer)  # noqa: S101 - ModuleList forgets its type
        table = None if first.faster_loop() is None or ids.is_floating_point() else self._table(first, ids)
        values = self.embed(ids) if table is None else ids
        return first(values, state, table)  # type: ignore[no-any-return]

    def _table(self, first: Layer, ids: Tensor) -> Tensor | None:
        """The input weights of the first layer for symbols, (G·H, V), where there is no shorter way."""
        if self.embedding is None:
            return first.input_weight
        if self.architecture.symbols > ids.numel():
            return None
        return linear(first.input_weight, self.embedding.weight)

    def embed(self, ids: Tensor) -> Tensor:
        """Each symbol as a row of the embedding or a one-hot vector, (…,) to (…, I); vectors as they are."""
        if ids.is_floating_point():
            return ids
        if self.embedding is not None and not (self.training and multiplies_one_hot(self.embedding.weight)):
            return embedding(ids, self.embedding.weight)
        symbols = torch.arange(self.architecture.symbols, device=ids.device)
        vectors = ids.unsqueeze(-1) == symbols  # PyTorch's `one_hot` waits for the device
        if self.embedding is None:
            return vectors.to(self._parameter.dtype)
        return vectors.to(products(self._parameter)) @ self.embedding.weight

    def drop(self, batch: int) -> Masks:
        """Draw what is dropped in this call, in training only: of weights, and of outputs, by these masks."""
        units, weights = (self.dropout, self.weight_dropout) if self.training else (0.0, 0.0)
        for layer in self.layers.modules():
            if isinstance(layer, Layer):
                layer.drop(weights, self.generator)
        like, width = self._parameter, self.architecture.width
        texts = batch if self.part is None else self.part.texts
        masks = [unit_mask(like, (texts, width), units, self.generator) for _ in self.layers]
        return [None if mask is None else own_rows(mask, self.part) for mask in masks]

    def blank_state(self, batch: int) -> State:
        """The state before anything was read: zeros, (B, H) each."""
        return [layer.blank_state(batch) for layer in self._recurrent]

    @property
    def _parameter(self) -> Tensor:
        """One of its parameters, which all have one type and device."""
        return next(self.parameters())


@torch.no_grad()
def initialise(trunk: Trunk) -> None:
    """Set every parameter from the trunk's generator.

    Recurrent matrices are orthogonal, each gate's block by itself (Saxe et al. 2014), input weights have
    variance 1/I (1 for one-hot inputs, of which one is 1), and the LSTM's forget gate is open at first (bias
    1, Gers et al. 2000).
    """
    generator, hidden, cell = trunk.generator, trunk.architecture.hidden, CELLS[trunk.architecture.cell]
    if trunk.embedding is not None:
        trunk.embedding.weight.normal_(generator=generator)
    for layer in (module for module in trunk.layers.modules() if isinstance(module, Layer)):
        is_first = layer in (trunk.layers[0], trunk.layers[0].reverse)
        inputs = layer.input_weight.shape[1] if trunk.embedding or not is_first else 1
        layer.input_weight.normal_(std=1 / math.sqrt(inputs), generator=generator)
        for block in layer.recurrent_weight.view(-1, hidden, hidden):
            nn.init.orthogonal_(block, generator=generator)
        layer.input_bias.zero_()
        layer.recurrent_bias.zero_()
        for gate in cell.open_at_first:
            layer.input_bias[cell.rows(gate, hidden)] = 1


def multiplies_one_hot(table: Tensor) -> bool:
    """Whether a table (V, E) is multiplied with one-hot vectors: on CUDA, in half precision, that is faster.

    The gradient is a product then, too, where the kernel for tables goes through them symbol by symbol.
    """
    return table.is_cuda and len(table) <= FEW_SYMBOLS and products(table) is not table.dtype


def run_in_one_call(layers: Sequence[Layer], masks: Masks) -> bool:
    """Whether layers run together: on CUDA, where nothing is between them, but in float16.

    cuDNN then works on one step of a layer while the layer above is at the step before. In float16 each
    layer by itself is faster still, its weights kept on the chip.
    """
    weight, several = layers[0].input_weight, len(layers) > 1
    is_open = all(mask is None for mask in masks[:-1])
    return weight.is_cuda and several and is_open and products(weight) is not torch.float16


def cut(state: State, batch: int) -> State:
    """The state of the first `batch` texts."""
    return [tuple(part[:batch] for part in layer) for layer in state]


def _below(states: list[State]) -> State:
    """States of several batches, those of the first one's texts first."""
    return [
        tuple(torch.cat(arrays) for arrays in zip(*parts, strict=True)) for parts in zip(*states, strict=True)
    ]


def detach(state: State) -> State:
    """The same state with its history cut off, so that no gradient flows further back."""
    return [tuple(part.detach() for part in layer) for layer in state]


def blank_where(state: State, fresh: Tensor) -> State:
    """The state with zeros for the texts that begin anew; `fresh` is (B,), true for those."""
    return [tuple(part.masked_fill(fresh.unsqueeze(1), 0) for part in layer) for layer in state]


def finite(state: State) -> State:
    """The state, blank for the texts in whose state some number is not finite."""
    parts = [part for layer in state for part in layer]
    return blank_where(state, ~torch.cat(parts, 1).isfinite().all(1)) if parts else state
