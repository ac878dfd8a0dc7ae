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

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from charrnn.model.architecture import Architecture
from charrnn.model.recurrence import gru, rnn


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
