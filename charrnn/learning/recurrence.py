"""The loop over time of the vanilla RNN and the GRU on a CPU, forward and, written by hand, backward.

PyTorch's own loops record a node of the graph for each operation of each step, and its GRU has no oneDNN path
on a CPU. Here a whole layer is one node: the input product of all steps is made before the loop and the
gradient of the recurrent weights after it, as one product over all steps, and each step in between is one
matrix product and a few operations in place. The LSTM keeps PyTorch's loop, which is oneDNN's and faster.

The equations stand in `model.py`. Dimensions are its glossary's, time first: (T, B, …).
"""

from typing import Any

import torch
from torch import Tensor
from torch.autograd import Function
from torch.autograd.function import once_differentiable


class _Rnn(Function):
    """h_t = tanh(p_t + W h_{t-1}), p being the input product with both biases."""

    @staticmethod
    def forward(ctx: Any, projected: Tensor, state: Tensor, weight: Tensor) -> Tensor:  # noqa: ANN401
        hidden = _with_room_for(projected.shape[0], state)
        transposed = weight.t().contiguous()
        states = hidden.unbind()
        for before, after, given in zip(states, states[1:], projected.unbind(), strict=False):
            torch.addmm(given, before, transposed, out=after).tanh_()
        ctx.save_for_backward(hidden, weight)
        return hidden[1:]

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor, Tensor]:  # noqa: ANN401
        hidden, weight = ctx.saved_tensors
        # The derivative of tanh at every step; the loop makes it the gradient of what tanh was given.
        inner = 1 - hidden[1:].square()
        carried = torch.zeros_like(hidden[0])
        for inside, outside in zip(reversed(inner.unbind()), reversed(gradient.unbind()), strict=True):
            inside.mul_(carried.add_(outside))
            torch.mm(inside, weight, out=carried)
        return inner, carried, _over_all_steps(inner, hidden)


class _Gru(Function):
    """r, z = σ(p + W h + b), n = tanh(p + r ∘ (W h + b)), h_t = (1 - z) ∘ n + z ∘ h_{t-1}."""

    @staticmethod
    def forward(ctx: Any, projected: Tensor, state: Tensor, weight: Tensor, bias: Tensor) -> Tensor:  # noqa: ANN401
        steps, units = projected.shape[0], state.shape[1]
        hidden = _with_room_for(steps, state)
        recurrent = torch.empty_like(projected)
        gates = projected.new_empty(*projected.shape[:2], 2 * units)
        candidate = projected.new_empty(*projected.shape[:2], units)
        transposed = weight.t().contiguous()
        states, products = hidden.unbind(), recurrent.unbind()
        for t in range(steps):
            torch.addmm(bias, states[t], transposed, out=products[t])
            torch.add(projected[t, :, : 2 * units], products[t][:, : 2 * units], out=gates[t]).sigmoid_()
            reset, update = gates[t].chunk(2, 1)
            torch.addcmul(projected[t, :, 2 * units :], reset, products[t][:, 2 * units :], out=candidate[t])
            torch.lerp(candidate[t].tanh_(), states[t], update, out=states[t + 1])
        ctx.save_for_backward(hidden, gates, candidate, recurrent, weight)
        return hidden[1:]

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:  # noqa: ANN401
        hidden, gates, candidate, recurrent, weight = ctx.saved_tensors
        steps, batch, units = candidate.shape
        reset, update = gates.chunk(2, 2)
        kept = 1 - update
        # What the gradient of h_t is multiplied with on its way to each gate's inside, for all steps at once;
        # the loop makes these factors the gradients themselves.
        to_candidate = torch.addcmul(kept, kept * candidate, candidate, value=-1)
        inner = gates.new_empty(steps, batch, 3, units)
        torch.mul(to_candidate, reset, out=inner[:, :, 2])
        torch.mul(inner[:, :, 2] * recurrent[..., 2 * units :], 1 - reset, out=inner[:, :, 0])
        torch.mul(hidden[:-1] - candidate, update * kept, out=inner[:, :, 1])
        outside, carried = torch.empty_like(candidate), torch.zeros_like(hidden[0])
        flat = inner.view(steps, batch, 3 * units)
        for t in reversed(range(steps)):
            torch.add(gradient[t], carried, out=outside[t])
            inner[t].mul_(outside[t].unsqueeze(1))
            torch.mul(outside[t], update[t], out=carried).addmm_(flat[t], weight)
        projected = torch.cat((flat[..., : 2 * units], outside.mul_(to_candidate)), 2)
        return projected, carried, _over_all_steps(flat, hidden), flat.sum((0, 1))


def rnn(projected: Tensor, state: Tensor, weight: Tensor) -> Tensor:
    """Run the vanilla RNN over all steps.

    Args:
        projected: (T, B, H), the input product of every step with both biases added.
        state: (B, H), the hidden state before the first step.
        weight: (H, H), the recurrent weights.

    Returns:
        The hidden state after every step, (T, B, H).
    """
    return _Rnn.apply(projected, state, weight)  # type: ignore[no-any-return, no-untyped-call]


def gru(projected: Tensor, state: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """Run the GRU over all steps.

    Args:
        projected: (T, B, 3·H), the input product of every step with the input bias added.
        state: (B, H), the hidden state before the first step.
        weight: (3·H, H), the recurrent weights.
        bias: (3·H,), the recurrent bias.

    Returns:
        The hidden state after every step, (T, B, H).
    """
    return _Gru.apply(projected, state, weight, bias)  # type: ignore[no-any-return, no-untyped-call]


def _with_room_for(steps: int, state: Tensor) -> Tensor:
    """(T + 1, B, H): the state before the first step, and room for those after each."""
    hidden = state.new_empty(steps + 1, *state.shape)
    hidden[0] = state
    return hidden


def _over_all_steps(inner: Tensor, hidden: Tensor) -> Tensor:
    """The gradient of the recurrent weights: one product over the steps of all texts."""
    return inner.flatten(0, 1).t() @ hidden[:-1].flatten(0, 1)
