"""A trunk that reads from both ends: at every step each layer knows what came before and what comes after.

A layer is two (Schuster & Paliwal 1997): one reads its inputs forward, the other one reversed, each text from
its own end, and the layer above reads both of their hidden states side by side, (2H,). A reversed layer is
the same computation on turned rows (`packing.py`), in the rectangles of the forward one. Knows nothing of
text.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence

from charrnn.model.layer import Layer, State
from charrnn.model.packing import Packing


class Rectangles(NamedTuple):
    """The rows of a packed batch: between two ends of texts all that still run take the same steps.

    Lengths 5, 3 and 2 are read as three rectangles, of 2 × 3, 1 × 2 and 2 × 1 steps and texts.

    Attributes:
        texts: how many run, of each rectangle.
        rows: how many rows, of each.
    """

    texts: list[int]
    rows: list[int]


def rectangles(batch_sizes: Tensor) -> Rectangles:
    """Those of a batch with so many texts at each step."""
    sizes, lengths = torch.unique_consecutive(batch_sizes, return_counts=True)
    return Rectangles(sizes.tolist(), (sizes * lengths).tolist())


def read_both_ways(
    layers: Iterable[nn.Module], inputs: Tensor, batch_sizes: Tensor, masks: Sequence[Tensor | None]
) -> tuple[Tensor, State]:
    """Run layers over packed texts, each from a blank state.

    Args:
        layers: each with one that is reversed.
        inputs: (N, I).
        batch_sizes: (T,) how many texts run at each step.
        masks: for each layer what its outputs are multiplied by at every step, (B, 2H); None for nothing.

    Returns:
        Hidden states, (N, 2H), forward ones first; and of each layer the state after each text's last symbol,
        then that of the reversed one after its first.
    """
    packing, parts = Packing(batch_sizes.numpy()), rectangles(batch_sizes)
    turned, texts = (torch.from_numpy(rows).to(inputs.device) for rows in (packing.turned, packing.texts))
    values, state = inputs, State()
    for layer, mask in zip(layers, masks, strict=True):
        assert isinstance(layer, Layer) and layer.reverse is not None  # noqa: PT018, S101 - the trunk made it so
        forward, after = read_rectangles(layer, values, parts)
        backward, before = read_rectangles(layer.reverse, values[turned], parts)
        values = torch.cat((forward, backward[turned]), 1)
        if mask is not None:
            values = values * mask[texts].to(values.dtype)
        state += [after, before]
    return values, state


def read_rectangles(layer: Layer, inputs: Tensor, parts: Rectangles) -> tuple[Tensor, tuple[Tensor, ...]]:
    """Run one layer over packed texts from a blank state: hidden states, and the state after each text."""
    state = layer.blank_state(parts.texts[0])
    hidden, ended = [], list[tuple[Tensor, ...]]()
    for part, running, going_on in zip(
        torch.split(inputs, parts.rows), parts.texts, [*parts.texts[1:], 0], strict=True
    ):
        values, state = layer(
            part.view(-1, running, inputs.shape[-1]), tuple(array[:running] for array in state)
        )
        hidden.append(values.flatten(0, 1))
        ended.append(tuple(array[going_on:] for array in state))
    return torch.cat(hidden), tuple(torch.cat(arrays) for arrays in zip(*ended[::-1], strict=True))


def as_packed(ids: Tensor | PackedSequence) -> tuple[Tensor, Tensor]:
    """The rows of a packed batch, and how many texts run at each step; texts of one length, (B, T), too."""
    if isinstance(ids, PackedSequence):
        return ids.data, ids.batch_sizes
    return ids.t().flatten(), torch.full((ids.shape[1],), len(ids))


def as_given(rows: Tensor, ids: Tensor | PackedSequence) -> Tensor:
    """What belongs to the rows, as the texts were given: (N, ·) or (B, T, ·)."""
    return rows if isinstance(ids, PackedSequence) else rows.view(*ids.t().shape, -1).transpose(0, 1)
