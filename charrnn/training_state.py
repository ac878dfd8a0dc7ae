"""What a run needs beside its weights to go on exactly: arrays by name, and a few numbers for each part.

    moving.<parameter>            the weights that are moved; the model's own are their average, float32
    optimizer.<key>.<parameter>   what the optimizers remember of each parameter, float32
    carried.<layer>.<part>        the state that the last batch left, (texts, H)
    generator                     the state of the random numbers of dropout, bytes

Knows nothing of torch.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from numpy.typing import NDArray

from charrnn.architecture import STATES, Architecture
from charrnn.config import Checked, TrainSettings, setting
from charrnn.sealed import Kind

Numbers = dict[str, float]
"""What one part of the run keeps, by name."""

MOST_NUMBERS = 64

OPTIMIZER_ARRAYS = {"muon": ("momentum",), "adamw": ("exp_avg", "exp_avg_sq", "step")}
"""What each optimizer remembers of a parameter: arrays of its shape, and a count of steps."""


@dataclass(frozen=True)
class Extent(Checked):
    """Which arrays there are; with the settings it implies the name and shape of each.

    Attributes:
        moved: whether the optimizers have moved the weights yet.
        averaged: whether the model's weights are an average of those that are moved.
        texts: how many texts carry a state on; 0 for none.
        generator_bytes: of the random numbers' state; 0 where there is none.
    """

    moved: bool = setting(False, "whether the optimizers remember something")
    averaged: bool = setting(False, "whether weights are averaged")
    texts: int = setting(0, "texts whose state is carried", minimum=0, maximum=65536)
    generator_bytes: int = setting(0, "of the random numbers' state", minimum=0, maximum=2**14)


@dataclass(frozen=True)
class TrainingState:
    """A run between two updates.

    Attributes:
        numbers: what each part keeps: `trainer`, `batches`, `budget`, `session`.
        extent: which arrays there are.
        arrays: by name.
    """

    numbers: dict[str, Numbers]
    extent: Extent = field(default_factory=Extent)
    arrays: dict[str, NDArray[Any]] = field(default_factory=dict)

    def without_arrays(self) -> "TrainingState":
        """The numbers alone, for a model that is shared."""
        return TrainingState(self.numbers)


def kinds(architecture: Architecture, settings: TrainSettings, extent: Extent) -> dict[str, Kind]:
    """The name, type and shape of each array that there is.

    Raises:
        ValueError: more texts than a batch of these settings has.
    """
    found: dict[str, Kind] = {}
    if extent.averaged:
        found |= {f"moving.{name}": Kind("F32", shape) for name, shape in architecture.shapes().items()}
    if extent.moved:
        for name, shape in architecture.shapes().items():
            for key in OPTIMIZER_ARRAYS[optimizer_of(name, settings.recipe.optimizer)]:
                found[f"optimizer.{key}.{name}"] = Kind("F32", () if key == "step" else shape)
    if extent.texts > (settings.recipe.batch_size or 0):
        raise ValueError(f"a state of {extent.texts} texts, more than a batch has")
    if extent.texts:
        shape = (extent.texts, architecture.hidden)
        for layer in range(architecture.layers):
            for part in range(STATES[architecture.cell]):
                found[f"carried.{layer}.{part}"] = Kind("F32", shape)
    if extent.generator_bytes:
        found["generator"] = Kind("U8", (extent.generator_bytes,))
    return found


def optimizer_of(parameter: str, optimizer: str) -> str:
    """Which optimizer moves a parameter: with Muon, the recurrent layers' matrices are its own."""
    is_matrix = parameter.startswith("layers.") and parameter.endswith("_weight")
    return optimizer if is_matrix else "adamw"


def numbers_from(entry: Mapping[str, Any]) -> dict[str, Numbers]:
    """The numbers that a file holds.

    Raises:
        ValueError: some are none, or there are more than any part has.
    """
    for part in entry.values():
        if len(part) > MOST_NUMBERS or not all(_is_number(value) for value in part.values()):
            raise ValueError("the numbers of its training are none")
    return {str(name): dict(part) for name, part in entry.items()}


def _is_number(value: object) -> bool:
    return type(value) in {int, float, bool} and math.isfinite(value) and abs(value) < 2**63  # type: ignore[arg-type]
