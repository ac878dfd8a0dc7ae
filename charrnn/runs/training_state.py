"""What a run needs beside its weights to go on exactly: arrays by name, and a few numbers for each part.

    moving.<parameter>            the weights that are moved; the model's own are their average, float32
    optimizer.<key>.<parameter>   what the optimizers remember of each parameter, float32
    carried.<layer>.<part>        the state that the last batch left, (texts, H)
    generator                     the state of the random numbers of dropout, bytes

Knows nothing of torch.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from numpy.typing import NDArray

from charrnn.config.declaration import REQUIRED, Entry, flat, setting
from charrnn.config.settings import TrainSettings
from charrnn.model.architecture import Architecture
from charrnn.model.optimizer_facts import OPTIMIZERS, optimizer_of
from charrnn.runs.checkpoint_file import ArrayKind

Numbers = dict[str, float]
"""What one part of the run keeps, by name."""

MOST, LONGEST_SECONDS, MOST_EPOCHS = 2**62, 1e12, 1e30
"""No run counts further, takes longer, or reads its text more often."""


@dataclass(frozen=True)
class TrainerNumbers(Entry):
    """Where the trainer is."""

    step: int = setting(REQUIRED, "updates done", minimum=0, maximum=MOST)
    symbols_seen: int = setting(REQUIRED, "symbols learnt from", minimum=0, maximum=MOST)
    epoch: float = setting(REQUIRED, "passes over the text", minimum=0, maximum=MOST_EPOCHS)
    rate_factor: float = setting(
        REQUIRED, "share of the learning rate, halved where it diverged", minimum=1e-9, maximum=1
    )


@dataclass(frozen=True)
class BatchesNumbers(Entry):
    """Where the batches are: see `tasks/batches.py`."""

    position: int = setting(REQUIRED, "in the text, or in the pass", minimum=0, maximum=MOST)
    epoch: int | None = setting(None, "passes that are done, of records", minimum=0, maximum=MOST)


@dataclass(frozen=True)
class BudgetNumbers(Entry):
    """When the updates began, and what was added to the run's time."""

    started: float = setting(REQUIRED, "seconds; negative before", minimum=-1, maximum=LONGEST_SECONDS)
    added_seconds: float = setting(REQUIRED, "for reading the text", minimum=0, maximum=LONGEST_SECONDS)


@dataclass(frozen=True)
class SessionNumbers(Entry):
    """What the session counts."""

    stale_validations: int = setting(REQUIRED, "validations since the best", minimum=0, maximum=MOST)
    validated_step: int = setting(REQUIRED, "-1 before the first validation", minimum=-1, maximum=MOST)
    gradient_norm: float = setting(REQUIRED, "of the last update", minimum=0, maximum=1e300)
    measured_symbols: int = setting(REQUIRED, "that are validated on, at most", minimum=32, maximum=MOST)
    unreported_nats: float = setting(0.0, "losses since the last report", minimum=0, maximum=1e300)
    unreported_symbols: int = setting(0, "symbols learnt from since then", minimum=0, maximum=MOST)
    unreported_seconds: float = setting(0.0, "these took", minimum=0, maximum=LONGEST_SECONDS)


@dataclass(frozen=True)
class DivergenceNumbers(Entry):
    """What went wrong so far."""

    skipped: int = setting(REQUIRED, "updates passed over", minimum=0, maximum=MOST)
    in_a_row: int = setting(REQUIRED, "of these, at the end", minimum=0, maximum=MOST)
    roll_backs: int = setting(REQUIRED, "returns to an earlier checkpoint", minimum=0, maximum=MOST)


PARTS: dict[str, type[Entry]] = {
    "trainer": TrainerNumbers,
    "batches": BatchesNumbers,
    "budget": BudgetNumbers,
    "session": SessionNumbers,
    "divergence": DivergenceNumbers,
}
"""What each part of a run keeps."""


@dataclass(frozen=True)
class Extent(Entry):
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

    def check_whole(self) -> None:
        """Check that a run can go on from it.

        Raises:
            KeyError: the numbers of a part are missing.
        """
        for name in PARTS:
            if name not in self.numbers:
                raise KeyError(name)


def kinds(architecture: Architecture, settings: TrainSettings, extent: Extent) -> dict[str, ArrayKind]:
    """The name, type and shape of each array that there is.

    Raises:
        ValueError: other texts than a batch of these settings has.
    """
    found: dict[str, ArrayKind] = {}
    if extent.averaged:
        found |= {f"moving.{name}": ArrayKind("F32", shape) for name, shape in architecture.shapes().items()}
    if extent.moved:
        for name, shape in architecture.shapes().items():
            optimizer = OPTIMIZERS[optimizer_of(name, settings.recipe.optimizer)]
            for key in optimizer.arrays:
                found[f"optimizer.{key}.{name}"] = ArrayKind("F32", () if key in optimizer.counts else shape)
    batch_size = settings.recipe.batch_size or 0
    is_whole = settings.reading.mode == "lines" or extent.texts in {0, batch_size}
    if extent.texts > batch_size or not is_whole:
        raise ValueError(f"a state of {extent.texts} texts where a batch has {batch_size}")
    if extent.texts:
        shape = (extent.texts, architecture.hidden)
        for layer in range(architecture.layers):
            for part in range(architecture.states):
                found[f"carried.{layer}.{part}"] = ArrayKind("F32", shape)
    if extent.generator_bytes:
        found["generator"] = ArrayKind("U8", (extent.generator_bytes,))
    return found


def numbers_from(entry: Mapping[str, Any]) -> dict[str, Numbers]:
    """The numbers that a file holds: of the parts that it has, each whole.

    Raises:
        KeyError, TypeError, UsageError: one is missing, is none, or is out of its limits.
    """
    found = {name: flat(kind.of(entry[name])) for name, kind in PARTS.items() if name in entry}
    return {name: {k: v for k, v in part.items() if v is not None} for name, part in found.items()}
