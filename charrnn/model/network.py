"""The network in PyTorch: an embedding, a stack of recurrent layers, a linear output; and its state.

Glossary of dimensions, used in every shape below:

    B  batch: texts read side by side          H  hidden: units of a layer
    T  time: symbols of each text              G  gates: blocks of H rows in a cell's weights
    V  vocabulary: distinct symbols            I  inputs: numbers a layer reads at each step
    E  embedding: numbers for one symbol       N  steps of all texts of a packed batch together

At every time step a layer applies the same function with the same parameters to its input x_t and the
state it left at the step before. The three cells (σ is the logistic function, ∘ the element-wise product):

rnn, the vanilla RNN (Elman 1990, "Finding structure in time"; hyperbolic tangent):
    h_t = tanh(W_x x_t + b_x + W_h h_{t-1} + b_h)

gru (Cho et al. 2014, arXiv 1406.1078v1: the reset gate acts after the product, the variant of cuDNN and
`torch.nn.GRU`; the later versions of the paper reset before it):
    r_t = σ(W_xr x_t + b_xr + W_hr h_{t-1} + b_hr)           reset
    z_t = σ(W_xz x_t + b_xz + W_hz h_{t-1} + b_hz)           update
    n_t = tanh(W_xn x_t + b_xn + r_t ∘ (W_hn h_{t-1} + b_hn))  candidate
    h_t = (1 - z_t) ∘ n_t + z_t ∘ h_{t-1}

lstm (Hochreiter & Schmidhuber 1997, with the forget gate of Gers et al. 2000, without peepholes):
    i_t, f_t, o_t = σ(W_x x_t + b_x + W_h h_{t-1} + b_h), a block of rows for each
    g_t = tanh(W_xg x_t + b_xg + W_hg h_{t-1} + b_hg)
    c_t = f_t ∘ c_{t-1} + i_t ∘ g_t
    h_t = o_t ∘ tanh(c_t)

Knows nothing of text, files or optimizers.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Self

import torch
from torch import Tensor, nn
from torch.nn.functional import embedding, linear, one_hot
from torch.nn.utils.rnn import PackedSequence

from charrnn.model.architecture import Architecture
from charrnn.model.cells import CELLS
from charrnn.model.recurrence import gru, rnn

State = list[tuple[Tensor, ...]]
"""For each layer what it hands from one step to the next: `(h,)`, or `(h, c)` for the LSTM, each (B, H)."""

Masks = list[Tensor | None]
"""For each layer what its outputs are multiplied by at every step, (B, H); None where nothing is silenced."""


@dataclass(frozen=True)
class Kernel:
    """What runs a cell over time.

    Attributes:
        pytorch: PyTorch's own loop, compiled for each machine (oneDNN, cuDNN).
        cudnn_mode: what cuDNN calls the cell (`cudnnRNNMode_t`).
        loop: the one of `recurrence.py`, where it was measured to be faster in training on a CPU.
    """

    pytorch: Callable[..., Any]
    cudnn_mode: int
    loop: Callable[..., Tensor] | None = None


KERNELS = {
    "lstm": Kernel(torch.lstm, cudnn_mode=2),
    "gru": Kernel(torch.gru, cudnn_mode=3, loop=gru),
    "rnn": Kernel(torch.rnn_tanh, cudnn_mode=1, loop=rnn),
}
"""For each of `CELLS`."""


class Layer(nn.Module):
    """One recurrent layer: one cell, applied at every step with the same parameters."""

    def __init__(self, architecture: Architecture, index: int) -> None:
        super().__init__()
        self.kernel = KERNELS[architecture.cell]
        rows, hidden = architecture.gates * architecture.hidden, architecture.hidden
        self.input_weight = nn.Parameter(torch.empty(rows, architecture.inputs(index), dtype=torch.float32))
        self.recurrent_weight = nn.Parameter(torch.empty(rows, hidden, dtype=torch.float32))
        self.input_bias = nn.Parameter(torch.empty(rows, dtype=torch.float32))
        self.recurrent_bias = nn.Parameter(torch.empty(rows, dtype=torch.float32))

    def forward(
        self, inputs: Tensor, state: tuple[Tensor, ...], table: Tensor | None = None
    ) -> tuple[Tensor, tuple[Tensor, ...]]:
        """Run the cell over all steps, in half precision where autocast asks for it.

        Args:
            inputs: (T, B, I); or, with a table, (T, B): symbols, which stand for one-hot vectors.
            state: the state to start from, each array (B, H).
            table: the input weights for symbols, (G·H, V).

        Returns:
            The hidden state at every step, (T, B, H), and the state after the last.
        """
        full, kind = self.input_weight.dtype, self.input_weight.device.type
        dtype = torch.get_autocast_dtype(kind) if torch.is_autocast_enabled(kind) else full
        weights = (self.input_weight if table is None else table, self.recurrent_weight)
        parameters = tuple(p.to(dtype) for p in (*weights, self.input_bias, self.recurrent_bias))
        values = inputs.to(dtype) if inputs.is_floating_point() else inputs
        before = tuple(part.to(dtype) for part in state)
        loop = self.faster_loop()
        with torch.autocast("cpu", enabled=False):  # CUDA's also lays out the weights
            if loop is None:
                outputs, after = self._by_pytorch(values, before, parameters)
            else:
                outputs = loop(values, *before, *parameters)
                after = (outputs[-1],)
        return outputs, tuple(part.to(full) for part in after)

    def _by_pytorch(
        self, inputs: Tensor, state: tuple[Tensor, ...], parameters: tuple[Tensor, ...]
    ) -> tuple[Tensor, tuple[Tensor, ...]]:
        """PyTorch's own loop."""
        before = tuple(part.unsqueeze(0) for part in state)
        has_biases, layers, dropout, bidirectional, batch_first = True, 1, 0.0, False, False
        options = (has_biases, layers, dropout, self.training, bidirectional, batch_first)
        start = before if len(before) > 1 else before[0]
        outputs, *after = self.kernel.pytorch(inputs, start, parameters, *options)
        return outputs, tuple(part.squeeze(0) for part in after)

    @torch.no_grad()
    def lay_out(self) -> None:
        """Put the parameters into one block of memory, as cuDNN reads them; elsewhere nothing happens.

        What `torch.nn.RNN.flatten_parameters` does: otherwise they are copied together at every call.
        """
        parameters: list[Tensor] = [
            self.input_weight,
            self.recurrent_weight,
            self.input_bias,
            self.recurrent_bias,
        ]
        if not all(p.is_cuda and torch.backends.cudnn.is_acceptable(p) for p in parameters):  # type: ignore[no-untyped-call]
            return
        inputs, hidden = self.input_weight.shape[1], self.recurrent_weight.shape[1]
        layers, projection, batch_first, bidirectional = 1, 0, False, False
        sizes = (inputs, self.kernel.cudnn_mode, hidden, projection, layers, batch_first, bidirectional)
        with torch.cuda.device_of(self.input_weight):  # type: ignore[no-untyped-call]
            torch._cudnn_rnn_flatten_weight(parameters, len(parameters), *sizes)

    def faster_loop(self) -> Callable[..., Tensor] | None:
        """The loop of `recurrence.py` where it is the faster one: of some cells, in training on a CPU."""
        learning = self.training and torch.is_grad_enabled()
        return self.kernel.loop if learning and self.input_weight.device.type == "cpu" else None


class Unset(nn.Linear):
    """A linear layer whose parameters are not set yet; PyTorch draws them from the global random numbers.

    `torch.nn.utils.skip_init` leaves them unset too, but loads SymPy: 0.3 s of processor time in each run.
    """

    def reset_parameters(self) -> None:
        """Set nothing; `initialise` does."""


class CharRNN(nn.Module):
    """The network: symbols in, the logits of each next symbol out.

    Args:
        architecture: cell and sizes.
        dropout: dropout probability (between layers and before the output).
        generator: the random numbers of initialisation and dropout; the global ones are never touched.
    """

    def __init__(self, architecture: Architecture, dropout: float, generator: torch.Generator) -> None:
        super().__init__()
        self.architecture = architecture
        self.dropout = dropout
        self.generator = generator
        size, hidden, symbols = architecture.embedding, architecture.hidden, architecture.symbols
        # PyTorch's own initialisation would draw from the global random numbers.
        self.embedding: nn.Embedding | None = None
        if size:
            weight = torch.empty(symbols, size, dtype=torch.float32)
            self.embedding = nn.Embedding(symbols, size, _weight=weight)
        self.layers = nn.ModuleList(Layer(architecture, index) for index in range(architecture.layers))
        self.output = Unset(hidden, symbols, dtype=torch.float32)
        initialise(self)

    def forward(self, ids: Tensor | PackedSequence, state: State | None = None) -> tuple[Tensor, State]:
        """The logits of the symbol after each one read.

        Args:
            ids: (B, T), or a packed batch of N steps, longest text first.
            state: what an earlier call returned, to read on where it stopped; None starts blank (zeros). A
                packed batch may hold fewer texts than the state, which is then cut to the first ones: those
                still running, since the longest come first.

        Returns:
            Logits, (B, T, V) or (N, V), and the state after each text's last symbol, part of the graph
            (`detach` cuts it off for truncated back-propagation through time).
        """
        if isinstance(ids, PackedSequence):
            return self._by_rectangles(ids, state)
        batch = len(ids)
        before = self.blank_state(batch) if state is None else cut(state, batch)
        logits, after = self._steps(ids.t(), before, self._masks(batch))
        return logits.transpose(0, 1), after

    def _apply(self, fn: Callable[..., Any], recurse: bool = True) -> Self:
        """Move to a device, or to another type: then the layers' parameters are laid out anew."""
        super()._apply(fn, recurse)  # type: ignore[no-untyped-call]
        self.lay_out()
        return self

    def lay_out(self) -> None:
        """Let every layer's parameters lie as its kernel reads them; to be called on a copy, too."""
        for layer in self.layers:
            assert isinstance(layer, Layer)  # noqa: S101 - ModuleList forgets its type
            layer.lay_out()

    def _by_rectangles(self, ids: PackedSequence, state: State | None) -> tuple[Tensor, State]:
        """Texts of different lengths: between two ends of texts all that still run take the same steps.

        Lengths 5, 3 and 2 are read as three rectangles, of 2 × 3, 1 × 2 and 2 × 1 steps and texts.
        """
        sizes, lengths = torch.unique_consecutive(ids.batch_sizes, return_counts=True)
        texts = sizes.tolist()
        state = self.blank_state(texts[0]) if state is None else state
        masks = self._masks(texts[0])
        logits, ended = [], list[State]()
        parts = torch.split(ids.data, (sizes * lengths).tolist())
        for part, running, going_on in zip(parts, texts, [*texts[1:], 0], strict=True):
            values, state = self._steps(part.view(-1, running), cut(state, running), masks)
            logits.append(values.flatten(0, 1))
            ended.append([tuple(array[going_on:] for array in layer) for layer in state])
        return torch.cat(logits), _below(ended[::-1])

    def _steps(self, ids: Tensor, state: State, masks: Masks) -> tuple[Tensor, State]:
        """Symbols (T, B), a state of B texts; the logits (T, B, V) and the state after the last step."""
        first, *others = self.layers
        values, left = self._read(first, ids, state[0])
        values, after = silenced(values, masks[0]), [left]
        for layer, before, mask in zip(others, state[1:], masks[1:], strict=True):
            values, left = layer(values, before)
            values = silenced(values, mask)
            after.append(left)
        return linear(values, self.output.weight, self.output.bias), after

    def _read(
        self, first: nn.Module, ids: Tensor, state: tuple[Tensor, ...]
    ) -> tuple[Tensor, tuple[Tensor, ...]]:
        """Run the first layer, which alone meets symbols, (T, B); otherwise as `Layer.forward`."""
        assert isinstance(first, Layer)  # noqa: S101 - ModuleList forgets its type
        table = None if first.faster_loop() is None else self._table(first, ids)
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
        """Each symbol as numbers: a row of the embedding, or a one-hot vector; (…,) to (…, I)."""
        if self.embedding is None:
            return one_hot(ids, self.architecture.symbols).to(self.output.weight.dtype)
        return embedding(ids, self.embedding.weight)

    def _masks(self, batch: int) -> Masks:
        """Dropout (Srivastava et al. 2014) for each layer's outputs, (B, H), in training only.

        A unit is silenced for all steps of a text (Gal & Ghahramani 2016, arXiv 1512.05287), which learns as
        well as drawing anew for each step and needs a T-th of the random numbers. They come from the
        network's own generator.
        """
        if not self.training or not self.dropout:
            return [None for _ in self.layers]
        shape, kept = (batch, self.architecture.hidden), 1 - self.dropout
        masks = (self.output.weight.new_empty(shape) for _ in self.layers)
        return [mask.bernoulli_(kept, generator=self.generator).div_(kept) for mask in masks]

    def blank_state(self, batch: int) -> State:
        """The state before anything was read: zeros, (B, H) each."""
        weight = self.output.weight
        shape = (batch, self.architecture.hidden)
        parts = range(self.architecture.states)
        return [tuple(weight.new_zeros(shape) for _ in parts) for _ in self.layers]


def silenced(values: Tensor, mask: Tensor | None) -> Tensor:
    """Outputs (T, B, H) times a mask of these texts and maybe more after them."""
    return values if mask is None else values * mask[: values.shape[1]].to(values.dtype)


def cut(state: State, batch: int) -> State:
    """The state of the first `batch` texts."""
    return [tuple(part[:batch] for part in layer) for layer in state]


def _below(states: list[State]) -> State:
    """States of several batches, those of the first one's texts first."""
    return [
        tuple(torch.cat(arrays) for arrays in zip(*parts, strict=True)) for parts in zip(*states, strict=True)
    ]


def flattened(logits: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
    """Logits (B, T, V) and targets (B, T) as (T·B, V) and (T·B,), as logits lie: nothing is copied."""
    return logits.transpose(0, 1).flatten(0, 1), targets.t().flatten()


def detach(state: State) -> State:
    """The same state with its history cut off, so that no gradient flows further back."""
    return [tuple(part.detach() for part in layer) for layer in state]


def blank_where(state: State, fresh: Tensor) -> State:
    """The state with zeros for the texts that begin anew; `fresh` is (B,), true for those."""
    return [tuple(part.masked_fill(fresh.unsqueeze(1), 0) for part in layer) for layer in state]


def finite(state: State) -> State:
    """The state, blank for the texts in whose state some number is not finite."""
    parts = [part for layer in state for part in layer]
    return blank_where(state, ~torch.cat(parts, 1).isfinite().all(1))


@torch.no_grad()
def initialise(model: CharRNN) -> None:
    """Set every parameter from the network's generator.

    Recurrent matrices are orthogonal, each gate's block by itself (Saxe et al. 2014), input weights have
    variance 1/I (1 for one-hot inputs, of which one is 1), the LSTM's forget gate is open at first (bias 1,
    Gers et al. 2000), and the output is zero, so that the first prediction is uniform over the vocabulary.
    """
    generator, hidden, cell = model.generator, model.architecture.hidden, CELLS[model.architecture.cell]
    if model.embedding is not None:
        model.embedding.weight.normal_(generator=generator)
    for layer in model.layers:
        assert isinstance(layer, Layer)  # noqa: S101 - ModuleList forgets its type
        inputs = layer.input_weight.shape[1] if model.embedding or layer is not model.layers[0] else 1
        layer.input_weight.normal_(std=1 / math.sqrt(inputs), generator=generator)
        for block in layer.recurrent_weight.view(-1, hidden, hidden):
            nn.init.orthogonal_(block, generator=generator)
        layer.input_bias.zero_()
        layer.recurrent_bias.zero_()
        for gate in cell.open_at_first:
            layer.input_bias[cell.rows(gate, hidden)] = 1
    model.output.weight.zero_()
    model.output.bias.zero_()
