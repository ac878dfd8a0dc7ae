"""Weights as they are stored: whole, as halves, or as bytes with a scale for each row."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from charrnn.decoding.cells import Array
from charrnn.errors import UsageError

STEPS = 127
"""Of a byte, to each side of zero."""


@dataclass(frozen=True)
class Stored:
    """An array as it is stored.

    Attributes:
        kind: `f32`, `f16` or `int8`.
        values: of that type.
        scales: of `int8`, (rows,), what the values of each row are multiplied by.
    """

    kind: str
    values: NDArray[np.float32] | NDArray[np.float16] | NDArray[np.int8]
    scales: Array | None = None

    def restored(self) -> Array:
        """The numbers that whoever reads them computes with."""
        values = self.values.astype(np.float32)
        return values if self.scales is None else values * self.scales[:, None]


def store(weights: Mapping[str, Array], kind: str) -> dict[str, Stored]:
    """Store arrays, by name.

    Matrices alone become bytes: biases are few, and count more.

    Args:
        weights: float32 arrays.
        kind: `f32`, `f16` or `int8`.

    Raises:
        UsageError: a weight is too large for this kind.
    """
    return {name: _stored(array, kind) for name, array in weights.items()}


def restored(stored: Mapping[str, Stored]) -> dict[str, Array]:
    """The arrays that come out again, by name."""
    return {name: array.restored() for name, array in stored.items()}


def _stored(array: Array, kind: str) -> Stored:
    if kind == "f16":
        return Stored(kind, _halves(array))
    if kind == "int8" and array.ndim == 2:
        return _bytes(array)
    return Stored("f32", array)


def _halves(array: Array) -> NDArray[np.float16]:
    with np.errstate(over="ignore"):
        halves = array.astype(np.float16)
    if not np.isfinite(halves).all():
        largest = float(np.abs(array).max())
        raise UsageError(
            f"--weights is f16, whose largest number is 65,504, and the model has {largest:,.0f}; "
            "give --weights f32"
        )
    return halves


def _bytes(array: Array) -> Stored:
    """Symmetric: w ≈ s q, with s = max |w| / 127 for each row, so that 0 stays 0."""
    scales = np.abs(array).max(axis=1, initial=0) / np.float32(STEPS)
    steps = array / np.where(scales > 0, scales, np.float32(1))[:, None]
    return Stored("int8", np.rint(steps).clip(-STEPS, STEPS).astype(np.int8), scales)
