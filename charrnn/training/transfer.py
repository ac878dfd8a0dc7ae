"""Starting from another model: its weights, symbols matched by character. Knows nothing of files or torch."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from charrnn.config.declaration import build, flat, names_where, option_name
from charrnn.config.settings import ModelSettings
from charrnn.errors import UsageError
from charrnn.model.architecture import Architecture
from charrnn.runs.checkpoint import Checkpoint, Weights
from charrnn.text.vocabulary import Vocabulary

SIZES = names_where(ModelSettings, of_the_model=True)


def with_sizes_of(source: Checkpoint, model: ModelSettings, given: Mapping[str, Any]) -> ModelSettings:
    """The settings of a network that can take a model's weights.

    Args:
        source: the model.
        model: the settings so far.
        given: those among them that were set by name.

    Raises:
        UsageError: one was set, to something else.
    """
    sizes = {name: getattr(source.architecture, name) for name in SIZES}
    for name, value in sizes.items():
        if given.get(name, value) != value:
            raise UsageError(
                f"{option_name(name)} is {given[name]}, but the model of --init-from has {value}; "
                "leave it out"
            )
    return build(ModelSettings, flat(model) | sizes)


@dataclass(frozen=True)
class Transfer:
    """What became of a model's weights.

    Attributes:
        weights: of the new network.
        matched: symbols that both know.
        new: the symbols that the model does not know.
    """

    weights: Weights
    matched: int
    new: list[str]

    def __str__(self) -> str:
        listed = f": {' '.join(self.new[:20])}{' …' if len(self.new) > 20 else ''}" if self.new else ""
        return f"{self.matched:,} symbols matched, {len(self.new):,} new{listed}"


def transferred(source: Checkpoint, fresh: Weights, vocabulary: Vocabulary) -> Transfer:
    """A model's weights for other symbols; rows of those it does not know stay as they were initialised.

    Args:
        source: the model.
        fresh: the weights of a new network of the same sizes.
        vocabulary: its symbols.
    """
    _, ours, theirs = np.intersect1d(vocabulary.codes, source.vocabulary.codes, return_indices=True)
    axes = symbol_axes(source.architecture)
    weights = {
        name: _matched(fresh[name], values, axes[name], ours, theirs) if name in axes else values
        for name, values in source.weights.items()
    }
    names = vocabulary.symbols()
    new = [names[i] for i in np.setdiff1d(np.arange(len(vocabulary)), ours)]
    return Transfer(weights, len(ours), new)


def symbol_axes(architecture: Architecture) -> dict[str, int]:
    """Which arrays have a row, or a column, for each symbol."""
    first = {"embedding.weight": 0} if architecture.embedding else {"layers.0.input_weight": 1}
    return first | {"output.weight": 0, "output.bias": 0}


def _matched(
    fresh: NDArray[np.float32],
    values: NDArray[np.float32],
    axis: int,
    ours: NDArray[np.intp],
    theirs: NDArray[np.intp],
) -> NDArray[np.float32]:
    weights = fresh.copy()
    np.moveaxis(weights, axis, 0)[ours] = np.moveaxis(values, axis, 0)[theirs]
    return weights
