"""A trunk that has learnt nothing: what a property's score owes to the shape of the network alone.

The distributions are those of `model/trunk.py`, drawn by NumPy. Knows nothing of torch.
"""

import math

import numpy as np

from charrnn.decoding.cells import Array
from charrnn.inspection.activations import Trunk
from charrnn.model.architecture import Architecture
from charrnn.model.cells import CELLS


def untrained(architecture: Architecture, generator: np.random.Generator) -> Trunk:
    """A trunk as training begins with."""
    cell, hidden = CELLS[architecture.cell], architecture.hidden
    weights: dict[str, Array] = {}
    for name, shape in architecture.trunk_shapes().items():
        values = np.zeros(shape, np.float32)
        if name == "embedding.weight":
            values[:] = generator.standard_normal(shape, np.float32)
        elif name.endswith("input_weight"):
            is_one_hot = name.startswith("layers.0.") and not architecture.embedding
            inputs = 1 if is_one_hot else shape[1]
            values[:] = generator.standard_normal(shape, np.float32) / math.sqrt(inputs)
        elif name.endswith("recurrent_weight"):
            for block in values.reshape(-1, hidden, hidden):
                block[:] = _orthogonal(hidden, generator)
        elif name.endswith("input_bias"):
            for gate in cell.open_at_first:
                values[cell.rows(gate, hidden)] = 1
        weights[name] = values
    return Trunk(architecture, weights)


def _orthogonal(size: int, generator: np.random.Generator) -> Array:
    """An orthogonal matrix, all alike (Mezzadri 2007, arXiv math-ph/0609050)."""
    q, r = np.linalg.qr(generator.standard_normal((size, size), np.float32))
    matrix: Array = q * np.sign(np.diagonal(r))
    return matrix
