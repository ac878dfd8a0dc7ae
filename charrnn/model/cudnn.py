"""Packs the parameters of recurrent layers as cuDNN wants them: one block of memory, in its order and dtype.

Otherwise PyTorch's functions copy them at every call, with a warning. Here they are copied once per call, in
one kernel, to the dtype of the matrix products. Knows nothing of cells but their number in cuDNN.
"""

import functools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import pad

PERSISTENT_MULTIPLE = 128
"""cuDNN keeps the recurrent weights of a layer on the chip for all steps, in float16, if its sizes are
multiples of this: an update takes six tenths of the time (LOG.md). Inputs are padded with zeros to that."""


@dataclass(frozen=True)
class Block:
    """Where the parameters of some layers lie in one block.

    Attributes:
        numbers: its length.
        places: of each parameter, shape, strides and where it begins, as `Tensor.as_strided` takes them.
    """

    numbers: int
    places: tuple[tuple[tuple[int, ...], tuple[int, ...], int], ...]


@functools.lru_cache(maxsize=64)
def block(sizes: tuple[int, ...], dtype: torch.dtype, device: torch.device) -> Block:
    """The order that cuDNN has for layers of such sizes.

    Args:
        sizes: the cell as `cudnnRNNMode_t`, G, H, I of the first layer, and how many layers.
        dtype: of the numbers.
        device: where.
    """
    mode, gates, hidden, inputs, layers = sizes
    rows, parameters = gates * hidden, list[Tensor]()
    for layer in range(layers):
        for shape in ((rows, hidden if layer else inputs), (rows, hidden), (rows,), (rows,)):
            parameters.append(torch.empty(shape, dtype=dtype, device=device))
    projection, batch_first, bidirectional = 0, False, False
    options = (inputs, mode, hidden, projection, layers, batch_first, bidirectional)
    with torch.no_grad():
        numbers = torch._cudnn_rnn_flatten_weight(parameters, 4, *options).numel()
    places = tuple((tuple(p.shape), p.stride(), int(p.storage_offset())) for p in parameters)
    return Block(numbers, places)


class _Together(torch.autograd.Function):
    """Copies of parameters in one block, from which gradients flow back to each."""

    @staticmethod
    def forward(ctx: Any, place: Block, dtype: torch.dtype, *parameters: Tensor) -> tuple[Tensor, ...]:  # noqa: ANN401
        numbers = parameters[0].new_zeros(place.numbers, dtype=dtype)
        copies = [numbers.as_strided(*where) for where in place.places]
        torch._foreach_copy_([_as_wide(c, p) for c, p in zip(copies, parameters, strict=True)], parameters)
        ctx.like = parameters
        return tuple(copies)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:  # noqa: ANN401
        found = [_as_wide(g, p) for g, p in zip(gradients, ctx.like, strict=True)]
        full = [torch.empty_like(parameter) for parameter in ctx.like]
        torch._foreach_copy_(full, found)
        return (None, None, *full)


def _as_wide(copy: Tensor, parameter: Tensor) -> Tensor:
    """Of a copy that may be padded, the columns that the parameter has."""
    return copy if copy.shape == parameter.shape else copy[:, : parameter.shape[1]]


def together(inputs: Tensor, parameters: Sequence[Tensor], mode: int) -> tuple[Tensor, list[Tensor]]:
    """Inputs and parameters of layers as cuDNN reads them, the parameters in the type of the inputs.

    Args:
        inputs: (T, B, I) of the first layer.
        parameters: input weights, recurrent weights and both biases of each layer.
        mode: the cell, as `cudnnRNNMode_t`.

    Returns:
        The inputs, maybe padded with zeros, and copies of the parameters.
    """
    width, hidden, dtype = inputs.shape[-1], parameters[1].shape[1], inputs.dtype
    if dtype is torch.float16 and hidden % PERSISTENT_MULTIPLE == 0:
        width = PERSISTENT_MULTIPLE * math.ceil(width / PERSISTENT_MULTIPLE)
        inputs = pad(inputs, (0, width - inputs.shape[-1]))
    gates, layers = len(parameters[1]) // hidden, len(parameters) // 4
    place = block((mode, gates, hidden, width, layers), dtype, inputs.device)
    return inputs, list(_Together.apply(place, dtype, *parameters))  # type: ignore[no-untyped-call]
