"""Cells that a user names, as LAYER:CELL, both counted from 1. Loads no torch."""

from collections.abc import Sequence

import numpy as np

from charrnn.config.values import cell_place, held_cell
from charrnn.decoding.network import Held
from charrnn.errors import UsageError
from charrnn.model.architecture import Architecture


def column_of(cell: str, architecture: Architecture) -> int:
    """The number of the cell that `--cell` names among all of a trunk, layer after layer.

    Raises:
        UsageError: there is no such cell.
    """
    layer, number = cell_place(cell)
    _check(f"--cell is {cell}", layer, number, architecture)
    return (layer - 1) * architecture.width + number - 1


def held_cells(settings: Sequence[str], architecture: Architecture) -> tuple[Held, ...]:
    """The cells that `--set` holds at values.

    Raises:
        UsageError: there is no such cell.
    """
    held = []
    for setting in settings:
        layer, number, value = held_cell(setting)
        _check(f"--set is {setting}", layer, number, architecture)
        held.append(Held(layer - 1, np.array([number - 1]), np.array([value], np.float32)))
    return tuple(held)


def _check(said: str, layer: int, cell: int, architecture: Architecture) -> None:
    if layer > architecture.layers or cell > architecture.width:
        last = f"{architecture.layers}:{architecture.width}"
        raise UsageError(
            f"{said}, but the model has the cells 1:1 to {last}; expected LAYER:CELL, both counted from 1; "
            "give one of these"
        )
