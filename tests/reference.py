"""The network in NumPy, step by step, from the equations in `model/layer.py`: what tests compare with.

Knows nothing of torch.
"""

from collections.abc import Iterable, Mapping

import numpy as np
from numpy.typing import NDArray

from charrnn.model.architecture import Architecture

Array = NDArray[np.float64]
States = list[tuple[Array, ...]]


def sigmoid(values: Array) -> Array:
    return 1 / (1 + np.exp(-values))


def cell_step(cell: str, from_input: Array, from_state: Array, state: tuple[Array, ...]) -> tuple[Array, ...]:
    """The state after one step, from W_x x + b_x and W_h h + b_h."""
    if cell == "rnn":
        return (np.tanh(from_input + from_state),)
    if cell == "gru":
        (rx, zx, nx), (rh, zh, nh) = np.split(from_input, 3), np.split(from_state, 3)
        update = sigmoid(zx + zh)
        candidate = np.tanh(nx + sigmoid(rx + rh) * nh)
        return ((1 - update) * candidate + update * state[0],)
    enter, forget, candidate, leave = np.split(from_input + from_state, 4)
    memory = sigmoid(forget) * state[1] + sigmoid(enter) * np.tanh(candidate)
    return sigmoid(leave) * np.tanh(memory), memory


def blank_states(architecture: Architecture) -> States:
    zeros = np.zeros(architecture.hidden)
    return [(zeros,) * architecture.states for _ in range(architecture.layers)]


def network_step(
    architecture: Architecture, weights: Mapping[str, Array], symbol: int, states: States
) -> tuple[Array, States]:
    """The logits after one symbol, and the state of every layer."""
    table = weights["embedding.weight"] if architecture.embedding else np.eye(architecture.symbols)
    values, after = table[symbol], []
    for k, state in enumerate(states):
        from_input = weights[f"layers.{k}.input_weight"] @ values + weights[f"layers.{k}.input_bias"]
        from_state = (
            weights[f"layers.{k}.recurrent_weight"] @ state[0] + weights[f"layers.{k}.recurrent_bias"]
        )
        after.append(cell_step(architecture.cell, from_input, from_state, state))
        values = after[-1][0]
    return weights["output.weight"] @ values + weights["output.bias"], after


def network_logits(
    architecture: Architecture, weights: Mapping[str, Array], ids: Iterable[int], states: States | None = None
) -> Array:
    """The logits after each symbol of a text, (T, V)."""
    states, logits = states or blank_states(architecture), []
    for symbol in ids:
        values, states = network_step(architecture, weights, symbol, states)
        logits.append(values)
    return np.array(logits)


def nats(logits: Array, target: int) -> float:
    """-ln of the softmax's share of the target."""
    shifted = logits - logits.max()
    return float(np.log(np.exp(shifted).sum()) - shifted[target])
