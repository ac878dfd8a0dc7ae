"""One recurrent layer in PyTorch: its cell, and what runs that over time.

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

Knows nothing of the layers above and below, of text or optimizers.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from charrnn.model.architecture import Architecture
from charrnn.model.cudnn import together
from charrnn.model.dropout import drop_weights
from charrnn.model.recurrence import gru, rnn

State = list[tuple[Tensor, ...]]
"""For each layer what it hands from one step to the next: `(h,)`, or `(h, c)` for the LSTM, each (B, H). An
empty list is the state of a network that hands nothing on."""


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
    """One recurrent layer: one cell, applied at every step with the same parameters.

    Attributes:
        reverse: beside it, in a trunk that reads both ways, the layer that reads the same from the end.
        thinned: the recurrent weights of which some are left out, while an update is made without these.
    """

    def __init__(self, architecture: Architecture, index: int, *, is_reversed: bool = False) -> None:
        super().__init__()
        self.states = architecture.states
        self.kernel = KERNELS[architecture.cell]
        rows, hidden = architecture.gates * architecture.hidden, architecture.hidden
        self.input_weight = nn.Parameter(torch.empty(rows, architecture.inputs(index), dtype=torch.float32))
        self.recurrent_weight = nn.Parameter(torch.empty(rows, hidden, dtype=torch.float32))
        self.input_bias = nn.Parameter(torch.empty(rows, dtype=torch.float32))
        self.recurrent_bias = nn.Parameter(torch.empty(rows, dtype=torch.float32))
        has_reverse = architecture.direction == "both" and not is_reversed
        self.thinned: Tensor | None = None
        self.reverse = Layer(architecture, index, is_reversed=True) if has_reverse else None

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
        loop, dtype = self.faster_loop(), products(self.input_weight)
        if loop is None:
            outputs, after = run([self], inputs, [state])
            return outputs, after[0]
        weight, *others = self.in_order()
        parameters = (p.to(dtype) for p in (weight if table is None else table, *others))
        values = inputs.to(dtype) if inputs.is_floating_point() else inputs
        with torch.autocast("cpu", enabled=False):
            outputs = loop(values, *(part.to(dtype) for part in state), *parameters)
        return outputs, (outputs[-1].to(self.input_weight.dtype),)

    def blank_state(self, batch: int) -> tuple[Tensor, ...]:
        """The state before anything was read: zeros, (B, H) each."""
        shape = (batch, self.recurrent_weight.shape[1])
        return tuple(self.recurrent_weight.new_zeros(shape) for _ in range(self.states))

    def drop(self, share: float, generator: torch.Generator) -> None:
        """Draw which recurrent weights are left out from now on; with a share of 0, none."""
        self.thinned = drop_weights(self.recurrent_weight, share, generator) if share else None

    def in_order(self) -> list[Tensor]:
        """The parameters in the order of PyTorch's functions."""
        recurrent = self.recurrent_weight if self.thinned is None else self.thinned
        return [self.input_weight, recurrent, self.input_bias, self.recurrent_bias]

    def faster_loop(self) -> Callable[..., Tensor] | None:
        """The loop of `recurrence.py` where it is the faster one: of some cells, in training on a CPU."""
        learning = self.training and torch.is_grad_enabled()
        return self.kernel.loop if learning and self.input_weight.device.type == "cpu" else None


def products(weight: Tensor) -> torch.dtype:
    """What products are made in: the weights' own type, or the one that autocast asks for."""
    kind = weight.device.type
    return torch.get_autocast_dtype(kind) if torch.is_autocast_enabled(kind) else weight.dtype


def run(layers: Sequence[Layer], inputs: Tensor, state: State) -> tuple[Tensor, State]:
    """Run layers with nothing in between by PyTorch's own loop; cuDNN's works on several of them at a time.

    Args:
        layers: of one cell and one number of units.
        inputs: (T, B, I).
        state: the state of each to start from.

    Returns:
        The hidden states of the last layer, (T, B, H), and the state of each after the last step.
    """
    kernel, weight, training = layers[0].kernel, layers[0].input_weight, layers[0].training
    parameters, dtype = [p for layer in layers for p in layer.in_order()], products(weight)
    values = inputs.to(dtype)
    with torch.autocast(weight.device.type, enabled=False):  # CUDA's would lay the parameters out itself
        if weight.is_cuda and torch.backends.cudnn.is_acceptable(weight):  # type: ignore[no-untyped-call]
            values, parameters = together(values, parameters, kernel.cudnn_mode)
        else:
            parameters = [p.to(dtype) for p in parameters]
        before = [torch.stack(parts).to(dtype) for parts in zip(*state, strict=True)]
        has_biases, dropout, bidirectional, batch_first = True, 0.0, False, False
        options = (has_biases, len(layers), dropout, training, bidirectional, batch_first)
        start = before if len(before) > 1 else before[0]
        outputs, *after = kernel.pytorch(values, start, parameters, *options)
    left = zip(*(part.to(weight.dtype).unbind() for part in after), strict=True)
    return outputs, list(left)
