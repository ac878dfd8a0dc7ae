"""Fine-tuning: starts from another model, symbols matched by character. Knows nothing of files or torch."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from charrnn.config.declaration import build, flat, names_where, option_name
from charrnn.config.settings import ModelSettings
from charrnn.errors import UsageError
from charrnn.model.architecture import Architecture
from charrnn.runs.checkpoint import Checkpoint, Weights
from charrnn.text.answers import ANSWERS, Names
from charrnn.text.vocabulary import Vocabulary

Places = tuple[NDArray[np.intp], NDArray[np.intp]]
"""Of an axis, here and in the model."""

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
        anew: the arrays that stay as they were initialised: the model has none such.
    """

    weights: Weights
    matched: int
    new: list[str]
    anew: list[str]

    def __str__(self) -> str:
        listed = f": {' '.join(self.new[:20])}{' …' if len(self.new) > 20 else ''}" if self.new else ""
        anew = f"; what starts anew is {', '.join(self.anew)}" if self.anew else ""
        return f"{self.matched:,} symbols matched, {len(self.new):,} new{listed}{anew}"


def transferred(
    source: Checkpoint, fresh: Weights, vocabulary: Vocabulary, architecture: Architecture, answers: Names
) -> Transfer:
    """A model's weights for other symbols or another task; what it does not know stays as it was initialised.

    Rows, or columns, of symbols are matched by character, those of labels by name.

    Args:
        source: the model.
        fresh: the weights of a new network of the same sizes.
        vocabulary: its symbols.
        architecture: of the new network.
        answers: what that is to find, as text.
    """
    _, ours, theirs = np.intersect1d(vocabulary.codes, source.vocabulary.codes, return_indices=True)
    places = {"symbols": (ours, theirs)}
    for kind in ANSWERS.values():
        _, here, there = np.intersect1d(answers, source.answers, return_indices=True)
        is_list = kind.count(answers) == len(answers)
        places[kind.size] = (here, there) if is_list else (np.arange(0), np.arange(0))
    sizes, known = axes(architecture), axes(source.architecture)
    if not np.array_equal(vocabulary.codes, source.vocabulary.codes):
        known.pop("substrings.weight", None)  # its rows are those of other ids
    weights, anew = dict(fresh), list[str]()
    for name, own in fresh.items():
        if sizes[name] != known.get(name) or not _fits(own, source.weights[name], sizes[name]):
            anew.append(name)
        else:
            weights[name] = _matched(own, source.weights[name], [places.get(size) for size in sizes[name]])
    names = vocabulary.symbols()
    new = [names[i] for i in np.setdiff1d(np.arange(len(vocabulary)), ours)]
    return Transfer(weights, len(ours), new, anew)


def axes(architecture: Architecture) -> dict[str, tuple[str, ...]]:
    """For each axis of each array, what it grows with: `symbols`, a size of answers, or nothing of these."""
    shapes = architecture.shapes()
    found = {name: [""] * len(shape) for name, shape in shapes.items()}
    for size in ("symbols", *(kind.size for kind in ANSWERS.values() if hasattr(architecture, kind.size))):
        larger = replace(architecture, **{size: getattr(architecture, size) + 1}).shapes()
        for name, shape in shapes.items():
            for axis, (length, grown) in enumerate(zip(shape, larger[name], strict=True)):
                found[name][axis] = size if grown > length else found[name][axis]
    return {name: tuple(sizes) for name, sizes in found.items()}


def _fits(fresh: NDArray[np.float32], values: NDArray[np.float32], sizes: tuple[str, ...]) -> bool:
    """Whether two arrays are equally long where nothing is matched."""
    lengths = zip(sizes, fresh.shape, values.shape, strict=True)
    return all(bool(size) or own == known for size, own, known in lengths)


def _matched(
    fresh: NDArray[np.float32], values: NDArray[np.float32], places: Sequence[Places | None]
) -> NDArray[np.float32]:
    """What is there in both, at these places of each axis; None for all."""
    pairs = [
        (np.arange(length),) * 2 if pair is None else pair
        for pair, length in zip(places, fresh.shape, strict=True)
    ]
    weights = fresh.copy()
    weights[np.ix_(*(own for own, _ in pairs))] = values[np.ix_(*(known for _, known in pairs))]
    return weights
