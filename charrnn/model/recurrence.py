"""The loop over time of the vanilla RNN and the GRU on a CPU, forward and, written by hand, backward.

PyTorch's own loops record a node of the graph for each operation of each step, and its GRU has no oneDNN path
on a CPU. Here a whole layer is one node. The LSTM keeps PyTorch's loop, which is oneDNN's and faster.

What makes it fast, each measured (`python -m benchmarks.train`; `LOG.md` has what else was tried):

- The input products of all steps are made before the loop and the gradients of the weights after it, as one
  product each; a step in between is one product and a few operations in place. Where a layer reads symbols,
  which stand for one-hot vectors, its input product is a row of a table, and the gradient a sum into it.
- Arrays are (T, B, ·), time first: a step is a contiguous block, and all steps of all texts are the rows of
  one matrix as they stand, so that nothing is transposed.
- Memory is slower than arithmetic: states take the place of input products, and gradients that of gates.
- PyTorch's sigmoid costs a third of its tanh, and tanh a = 2 σ(2a) - 1; not in half precision, where this
  would also lose what is near zero.

Everything is in the precision of what comes in, sums in float32.

The equations are those of `model/layer.py`, and the other dimensions those of its glossary.
"""

import platform
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from typing import Any

import torch
from torch import Tensor
from torch.autograd import Function
from torch.autograd.function import once_differentiable

ONEDNN_FROM = 2**23
"""Multiplications from which a step's product is oneDNN's, whose weights are packed once for all steps: with
512 units and 32 texts it takes two thirds of the time of PyTorch's usual product, with 128 units more."""

_through_sigmoid = torch.ops.aten.sigmoid_backward.grad_input
_through_tanh = torch.ops.aten.tanh_backward.grad_input

Product = Callable[[Tensor, Tensor, Tensor], Tensor]
"""Puts an array and the product of the other with the weights into the third, which may be the first."""


def _product(weight: Tensor, batch: int) -> Product:
    """The product x W^T with the same W, (R, C), at every step, x being (B, C)."""
    if batch * weight.numel() >= ONEDNN_FROM and weight.dtype is torch.float32 and has_onednn():
        packed = _pack(weight.contiguous(), batch)
        return lambda added, x, out: torch.add(added, _multiply(x, packed), out=out)
    transposed = weight.t().contiguous()
    return lambda added, x, out: torch.addmm(added, x, transposed, out=out)


def _pack(weight: Tensor, batch: int) -> Tensor:
    return torch.ops.mkldnn._reorder_linear_weight(weight, batch)  # type: ignore[no-any-return]


def _multiply(x: Tensor, packed: Tensor) -> Tensor:
    return torch.ops.mkldnn._linear_pointwise.default(  # type: ignore[no-any-return]
        x, packed, None, "none", [], ""
    )


@cache
def has_onednn() -> bool:
    """Whether oneDNN's products are there, which PyTorch has for its compiler and may change."""
    if platform.machine() not in {"x86_64", "AMD64"}:
        return False
    one = torch.ones(1, 1, dtype=torch.float32)
    try:
        return bool(_multiply(one, _pack(one, 1)) == 1)
    except (AttributeError, RuntimeError, TypeError):
        return False


class _Rnn(Function):
    """h_t = tanh(p_t + W h_{t-1}), p being the input product with both biases."""

    @staticmethod
    def forward(ctx: Any, inputs: Tensor, state: Tensor, *parameters: Tensor) -> Tensor:  # noqa: ANN401
        input_weight, recurrent_weight, bias = parameters
        states = _with_room_for(len(inputs), state)
        factor, put_tanh = _tanh_in_place(state.dtype)
        _put_products(inputs, factor * input_weight, factor * bias, out=states[1:])
        add_product = _product(factor * recurrent_weight, len(state))
        before = states[0]
        for after in states[1:].unbind():
            put_tanh(add_product(after, before, after))
            before = after
        ctx.save_for_backward(inputs, states, input_weight, recurrent_weight)
        return states[1:]

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:  # noqa: ANN401
        inputs, states, input_weight, recurrent_weight = ctx.saved_tensors
        before, after = states[:-1], states[1:]
        add_product = _product(recurrent_weight.t(), before.shape[1])
        inner = torch.empty_like(after)
        to_state = gradient[-1].clone()
        for earlier, h, inside in _backwards(_earlier(gradient), after.unbind(), inner.unbind()):
            _through_tanh(to_state, h, grad_input=inside)
            add_product(earlier, inside, to_state)
        to_inputs, of_input, of_bias = _through_products(
            inputs, input_weight, inner, inputs_too=ctx.needs_input_grad[0]
        )
        return to_inputs, to_state, of_input, _rows(inner).t() @ _rows(before), of_bias


class _Gru(Function):
    """r, z = σ(p + W h_{t-1} + b), q = W h_{t-1} + b, n = tanh(p + r ∘ q), h_t = (1 - z) ∘ n + z ∘ h_{t-1}.

    A step's gates are the blocks q, r, z, n of one array: the state reaches the first three, the input the
    last three.
    """

    @staticmethod
    def forward(ctx: Any, inputs: Tensor, state: Tensor, *parameters: Tensor) -> Tensor:  # noqa: ANN401
        input_weight, recurrent_weight, input_bias, recurrent_bias = parameters
        batch, units = state.shape
        states = _with_room_for(len(inputs), state)
        gates = state.new_empty(len(inputs), batch, 4 * units)
        bias = torch.cat((recurrent_bias[2 * units :], input_bias))
        bias[units : 3 * units] += recurrent_bias[: 2 * units]
        _put_products(inputs, input_weight, bias, out=gates)
        reordered = recurrent_weight.roll(units, 0)
        add_product, (factor, put_tanh) = _product(reordered, batch), _tanh_in_place(state.dtype)
        before = states[0]
        for of_state, r_and_z, q, r, z, n, after in zip(
            *(block.unbind() for block in _blocks(gates)), states[1:].unbind(), strict=True
        ):
            add_product(of_state, before, of_state)
            r_and_z.sigmoid_()
            put_tanh(n.addcmul_(r, q).mul_(factor))
            torch.lerp(n, before, z, out=after)
            before = after
        ctx.save_for_backward(inputs, states, gates, input_weight, reordered)
        return states[1:]

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:  # noqa: ANN401
        inputs, states, gates, input_weight, reordered = ctx.saved_tensors
        before = states[:-1]
        # The gradient of what is inside each gate, and of q, takes that one's place.
        inner = gates.clone() if _is_kept() else gates
        _, batch, units = before.shape
        add_product = _product(reordered.t(), batch)
        to_state = gradient[-1].clone()
        to_n, carried = states.new_empty(2, batch, units)
        to_r_and_z = states.new_empty(batch, 2 * units)
        to_r, to_z = to_r_and_z.chunk(2, 1)
        for earlier, h, of_state, r_and_z, q, r, z, n in _backwards(
            _earlier(gradient), before.unbind(), *(block.unbind() for block in _blocks(inner))
        ):
            torch.sub(h, n, out=to_z).mul_(to_state)
            torch.addcmul(to_state, to_state, z, value=-1, out=to_n)
            torch.addcmul(earlier, to_state, z, out=carried)
            _through_tanh(to_n, n, grad_input=n)
            torch.mul(n, q, out=to_r)
            torch.mul(n, r, out=q)
            _through_sigmoid(to_r_and_z, r_and_z, grad_input=r_and_z)
            add_product(carried, of_state, to_state)
        to_inputs, of_input, of_bias = _through_products(
            inputs, input_weight, inner, inputs_too=ctx.needs_input_grad[0]
        )
        of_recurrent = _rows(inner)[:, : 3 * units].t() @ _rows(before)
        of_biases = (of_bias[units:], of_bias[: 3 * units].roll(-units))
        return to_inputs, to_state, of_input, of_recurrent.roll(-units, 0), *of_biases


def rnn(inputs: Tensor, state: Tensor, *parameters: Tensor) -> Tensor:
    """Run the vanilla RNN over all steps.

    Args:
        inputs: (T, B, I), what it reads at every step; or (T, B), symbols that stand for one-hot vectors, so
            that the input weights have a column for each symbol.
        state: (B, H), the hidden state before the first step.
        *parameters: the input weights (H, I), the recurrent weights (H, H), and the bias of each (H,).

    Returns:
        The hidden state after every step, (T, B, H).
    """
    input_weight, recurrent_weight, input_bias, recurrent_bias = parameters
    bias = input_bias + recurrent_bias
    return _Rnn.apply(inputs, state, input_weight, recurrent_weight, bias)  # type: ignore[no-any-return, no-untyped-call]


def gru(inputs: Tensor, state: Tensor, *parameters: Tensor) -> Tensor:
    """Run the GRU over all steps.

    Args:
        inputs: (T, B, I), what it reads at every step; or (T, B), symbols that stand for one-hot vectors, so
            that the input weights have a column for each symbol.
        state: (B, H), the hidden state before the first step.
        *parameters: the input weights (3·H, I), the recurrent weights (3·H, H), and the bias of each (3·H,).

    Returns:
        The hidden state after every step, (T, B, H).
    """
    return _Gru.apply(inputs, state, *parameters)  # type: ignore[no-any-return, no-untyped-call]


def _put_products(inputs: Tensor, weight: Tensor, bias: Tensor, *, out: Tensor) -> None:
    """The input product and bias of all steps, into (T, B, R); W's first rows may be missing, as if zero."""
    missing, rows = len(bias) - len(weight), out.view(-1, len(bias))
    if inputs.is_floating_point():
        rows[:, :missing] = bias[:missing]
        torch.addmm(bias[missing:], _rows(inputs), weight.t(), out=rows[:, missing:])
    else:
        table = bias.repeat(weight.shape[1], 1)
        table[:, missing:] += weight.t()
        torch.index_select(table, 0, inputs.flatten(), out=rows)


def _through_products(
    inputs: Tensor, weight: Tensor, gradient: Tensor, *, inputs_too: bool
) -> tuple[Tensor | None, Tensor, Tensor]:
    """The gradients of the inputs, the weights and the bias of `_put_products`."""
    missing, rows = gradient.shape[-1] - len(weight), _rows(gradient)
    if inputs.is_floating_point():
        reached = rows[:, missing:]
        to_inputs = (reached @ weight).view(inputs.shape) if inputs_too else None
        return to_inputs, reached.t() @ _rows(inputs), rows.sum(0)
    rows = rows.float() if rows.itemsize < 4 else rows
    table = rows.new_zeros(weight.shape[1], rows.shape[1]).index_add_(0, inputs.flatten(), rows)
    return None, table[:, missing:].t().to(weight.dtype), table.sum(0).to(weight.dtype)


def _tanh_in_place(dtype: torch.dtype) -> tuple[int, Callable[[Tensor], Tensor]]:
    """What puts tanh a in its place, and by what a must be multiplied before."""
    if dtype.itemsize < 4:
        return 1, Tensor.tanh_
    minus_one = torch.tensor(-1, dtype=dtype)
    return 2, lambda doubled: torch.add(minus_one, doubled.sigmoid_(), alpha=2, out=doubled)


def _with_room_for(steps: int, state: Tensor) -> Tensor:
    """(T + 1, B, H): the state before the first step, and room for those after each."""
    states = state.new_empty(steps + 1, *state.shape)
    states[0] = state
    return states


def _rows(steps: Tensor) -> Tensor:
    """(T, B, ·) as (T·B, ·)."""
    return steps.flatten(0, 1)


def _blocks(gates: Tensor) -> tuple[Tensor, ...]:
    """A GRU's gates: those that the state reaches, r and z together, and each: q, r, z, n."""
    q, r, z, n = gates.chunk(4, -1)
    units = q.shape[-1]
    return gates[..., : 3 * units], gates[..., units : 3 * units], q, r, z, n


def _is_kept() -> bool:
    """Whether the graph that is gone through may be gone through again (`retain_graph`)."""
    told = getattr(torch._C._autograd, "_get_current_graph_task_keep_graph", None)
    return told is None or bool(told())


def _earlier(gradient: Tensor) -> list[Tensor]:
    """For each step, what reaches the state before it from outside: nothing, before the first."""
    return [torch.zeros_like(gradient[0]), *gradient[:-1].unbind()]


def _backwards(*lists: Sequence[Tensor]) -> Iterator[tuple[Tensor, ...]]:
    """Lists of T steps, step by step together, the last first."""
    return zip(*map(reversed, lists), strict=True)
