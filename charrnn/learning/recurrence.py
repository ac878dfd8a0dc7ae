"""The loop over time of the vanilla RNN and the GRU on a CPU, forward and, written by hand, backward.

PyTorch's own loops record a node of the graph for each operation of each step, and its GRU has no oneDNN path
on a CPU. Here a whole layer is one node: the input products of all steps are made before the loop and the
gradients of the weights after it, as one product over all steps; each step in between is one matrix product
and a few operations in place. The LSTM keeps PyTorch's loop, which is oneDNN's and faster.

Three things make a step cheap, each measured (`python -m benchmarks.train`):

- The texts are the columns: arrays are (T, units, B). Each gate is then a contiguous block of the one
  product, and a product of a wide matrix with few columns is faster this way round.
- PyTorch's sigmoid costs a third of its tanh, and tanh a = 2 σ(2a) - 1. So the loops run on g = (h + 1) / 2,
  between 0 and 1, and n's counterpart (n + 1) / 2: every gate is a sigmoid, and h is never formed in the
  loop. With W h = 2 W g - W 1, the weights are scaled and the biases shifted once per call.
- The GRU's h_t = (1 - z) ∘ n + z ∘ h_{t-1} weighs two values, and holds for g as it stands.

The equations stand in `model.py`, and the other dimensions in its glossary.
"""

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor
from torch.autograd import Function
from torch.autograd.function import once_differentiable


class _Rnn(Function):
    """g_t = σ(2 p_t + 4 W g_{t-1} - 2 W 1), p being the input product with both biases."""

    @staticmethod
    def forward(ctx: Any, inputs: Tensor, state: Tensor, *parameters: Tensor) -> Tensor:  # noqa: ANN401
        input_weight, recurrent_weight, bias = parameters
        from_input, recurrent = 2 * input_weight, 4 * recurrent_weight
        halves = _with_room_for(len(inputs), state)
        shifted = 2 * (bias - recurrent_weight.sum(1))
        torch.baddbmm(shifted.unsqueeze(1), _each(from_input, inputs), inputs, out=halves[1:])
        steps = halves.unbind()
        for before, after in pairwise(steps):
            after.addmm_(recurrent, before).sigmoid_()
        ctx.save_for_backward(inputs, halves, from_input, recurrent)
        return halves[1:].mul(2).sub_(1)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:  # noqa: ANN401
        inputs, halves, from_input, recurrent = ctx.saved_tensors
        inner = torch.empty_like(halves[1:])
        carried, slope = halves.new_zeros((2, *halves[0].shape))
        transposed = recurrent.t().contiguous()
        for outside, after, inside in _backwards(gradient, halves[1:], inner):
            torch.add(carried, outside, alpha=2, out=slope).mul_(after)
            torch.addcmul(slope, slope, after, value=-1, out=inside)
            torch.mm(transposed, inside, out=carried)
        rows = _rows(inner)
        bias = 2 * rows.sum(1)
        weight = (rows @ _rows(halves[:-1]).t()).mul_(4).sub_(bias.unsqueeze(1))
        to_inputs = _to_inputs(from_input, inner) if ctx.needs_input_grad[0] else None
        return to_inputs, carried / 2, 2 * (rows @ _rows(inputs).t()), weight, bias


class _Gru(Function):
    """r, z = σ(p + W h + b), n = tanh(p + r ∘ q) with q = W h + b, h_t = (1 - z) ∘ n + z ∘ h_{t-1}.

    A step's gates are the blocks n, r, z, q of one array: the input reaches the first three of them, the
    state the last three. What doubles n's inside, for its sigmoid, is `twice`.
    """

    @staticmethod
    def forward(ctx: Any, inputs: Tensor, state: Tensor, *parameters: Tensor) -> Tensor:  # noqa: ANN401
        input_weight, recurrent_weight, input_bias, recurrent_bias = parameters
        units, batch = state.shape
        twice = torch.tensor([1, 1, 2], dtype=state.dtype).repeat_interleave(units).unsqueeze(1)
        reset, update, candidate = (twice * input_weight).chunk(3)
        from_input = torch.cat((candidate, reset, update))
        recurrent = 2 * twice * recurrent_weight
        gates = inputs.new_empty(len(inputs), 4 * units, batch)
        gates.copy_(_gru_bias(input_bias, recurrent_bias - recurrent_weight.sum(1), twice).expand(-1, batch))
        gates[:, : 3 * units].baddbmm_(_each(from_input, inputs), inputs)
        halves = _with_room_for(len(inputs), state)
        steps = halves.unbind()
        of_state, sigmoids = gates[:, units:].unbind(), gates[:, units : 3 * units].unbind()
        blocks = (block.unbind() for block in gates.chunk(4, 1))
        for before, after, products, both, n, r, z, q in zip(
            steps, steps[1:], of_state, sigmoids, *blocks, strict=False
        ):
            products.addmm_(recurrent, before)
            both.sigmoid_()
            n.addcmul_(r, q).sigmoid_()
            torch.lerp(n, before, z, out=after)
        ctx.save_for_backward(inputs, halves, gates, from_input, recurrent, twice)
        return halves[1:].mul(2).sub_(1)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:  # noqa: ANN401
        inputs, halves, gates, from_input, recurrent, twice = ctx.saved_tensors
        inner, carried = _back_through_gru(gradient, halves, gates, recurrent)
        rows, units = _rows(inner), halves.shape[1]
        sums = rows.sum(1, keepdim=True)
        weight = (rows[units:] @ _rows(halves[:-1]).t()).mul_(2).sub_(sums[units:]).mul_(twice)
        candidate, reset, update = (rows[: 3 * units] @ _rows(inputs).t()).chunk(3)
        return (
            _to_inputs(from_input, inner[:, : 3 * units]) if ctx.needs_input_grad[0] else None,
            carried / 2,
            twice * torch.cat((reset, update, candidate)),
            weight,
            (twice * torch.cat((sums[units : 3 * units], sums[:units]))).squeeze(1),
            (twice * sums[units:]).squeeze(1),
        )


def _back_through_gru(
    gradient: Tensor, halves: Tensor, gates: Tensor, recurrent: Tensor
) -> tuple[Tensor, Tensor]:
    """The gradients of what is inside n, r and z, and of q, for every step; and of the state at the start."""
    units, batch = halves[0].shape
    inner = torch.empty_like(gates)
    carried, outer = halves.new_zeros((2, units, batch))
    slopes = halves.new_empty(2 * units, batch)
    of_reset, of_update = slopes.chunk(2)
    transposed = recurrent.t().contiguous()
    of_n, _, _, of_q = inner.chunk(4, 1)
    sigmoids, of_sigmoids = gates[:, units : 3 * units], inner[:, units : 3 * units]
    for outside, before, n, r, z, q, both, to_n, to_q, to_both, to_state in _backwards(
        gradient, halves, *gates.chunk(4, 1), sigmoids, of_n, of_q, of_sigmoids, inner[:, units:]
    ):
        torch.add(carried, outside, alpha=2, out=outer)
        torch.mul(outer, z, out=carried)
        torch.sub(before, n, out=of_update).mul_(carried)
        torch.sub(outer, carried, out=outer).mul_(n)
        torch.addcmul(outer, outer, n, value=-1, out=to_n)
        torch.mul(to_n, r, out=to_q)
        torch.mul(to_q, q, out=of_reset)
        torch.addcmul(slopes, slopes, both, value=-1, out=to_both)
        carried.addmm_(transposed, to_state)
    return inner, carried


def _gru_bias(input_bias: Tensor, recurrent_bias: Tensor, twice: Tensor) -> Tensor:
    """What each block starts from, (4·H, 1): both biases for r and z, but n and q have one each."""
    both = twice * torch.stack((input_bias, recurrent_bias), 1)
    reset_and_update, candidate = both.sum(1, keepdim=True), both[len(both) // 3 * 2 :]
    return torch.cat((candidate[:, :1], reset_and_update[: len(both) // 3 * 2], candidate[:, 1:]))


def rnn(inputs: Tensor, state: Tensor, *parameters: Tensor) -> Tensor:
    """Run the vanilla RNN over all steps.

    Args:
        inputs: (T, I, B), what it reads at every step.
        state: (H, B), the hidden state before the first step.
        *parameters: the input weights (H, I), the recurrent weights (H, H), the sum of both biases (H,).

    Returns:
        The hidden state after every step, (T, H, B).
    """
    return _Rnn.apply(inputs, state, *parameters)  # type: ignore[no-any-return, no-untyped-call]


def gru(inputs: Tensor, state: Tensor, *parameters: Tensor) -> Tensor:
    """Run the GRU over all steps.

    Args:
        inputs: (T, I, B), what it reads at every step.
        state: (H, B), the hidden state before the first step.
        *parameters: the input weights (3·H, I), the recurrent weights (3·H, H), and the bias of each (3·H,).

    Returns:
        The hidden state after every step, (T, H, B).
    """
    return _Gru.apply(inputs, state, *parameters)  # type: ignore[no-any-return, no-untyped-call]


def _with_room_for(steps: int, state: Tensor) -> Tensor:
    """(T + 1, H, B): the state before the first step as g = (h + 1) / 2, and room for those after each."""
    halves = state.new_empty(steps + 1, *state.shape)
    torch.add(state, 1, out=halves[0]).mul_(0.5)
    return halves


def _each(weight: Tensor, steps: Tensor) -> Tensor:
    """The same matrix for every step, (T, rows, columns), without a copy."""
    return weight.expand(len(steps), *weight.shape)


def _rows(steps: Tensor) -> Tensor:
    """(T, R, B) as (R, T·B): a row for each unit, all steps of all texts in it."""
    return steps.transpose(0, 1).reshape(steps.shape[1], -1)


def _to_inputs(weight: Tensor, inner: Tensor) -> Tensor:
    """The gradient of the inputs, (T, I, B)."""
    return torch.bmm(_each(weight.t(), inner), inner)


def _backwards(gradient: Tensor, *steps: Tensor) -> Iterator[Sequence[Tensor]]:
    """Arrays of T (or more) steps, step by step together, the T-th first."""
    last = len(gradient)
    return zip(*(reversed(array[:last].unbind()) for array in (gradient, *steps)), strict=True)
