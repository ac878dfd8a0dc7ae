"""What nobody set, chosen from the corpus and the budget. Knows nothing of torch, files or terminals."""

import dataclasses
import math
import os
from dataclasses import dataclass
from typing import TypeVar

from charrnn.architecture import Architecture
from charrnn.config import BudgetSettings, TrainSettings, seconds

Value = TypeVar("Value")

DEFAULT_MAX_TIME = "5m"
SMALL = 2048
"""Below so many units a step, threads wait for one another longer than they work."""

_VALIDATIONS = 10
"""How often a run is validated at most, its end included."""


@dataclass(frozen=True)
class Facts:
    """What the choices depend on.

    Attributes:
        training_symbols: length of the training text, in symbols.
        records: texts in lines mode, 0 otherwise.
        symbols: V, the size of the vocabulary.
    """

    training_symbols: int
    records: int
    symbols: int


@dataclass(frozen=True)
class Plan:
    """A run in full: nothing is left to choose.

    Attributes:
        architecture: cell and sizes of the network.
        dropout: share of each layer's outputs silenced in training.
        batch_size: B.
        sequence_length: T.
        learning_rate: the highest.
        optimizer: its name.
        weight_decay: of the matrices.
        gradient_clip: longest gradient.
        threads: of the processor.
    """

    architecture: Architecture
    dropout: float
    batch_size: int
    sequence_length: int
    learning_rate: float
    optimizer: str
    weight_decay: float
    gradient_clip: float
    threads: int

    def fill(self, settings: TrainSettings) -> TrainSettings:
        """The settings with every choice in its place."""
        network, replace = self.architecture, dataclasses.replace
        return replace(
            settings,
            model=replace(
                settings.model,
                layers=network.layers,
                hidden=network.hidden,
                embedding=network.embedding,
                dropout=self.dropout,
            ),
            recipe=replace(
                settings.recipe,
                batch_size=self.batch_size,
                sequence_length=self.sequence_length,
                learning_rate=self.learning_rate,
                weight_decay=self.weight_decay,
            ),
            machine=replace(settings.machine, threads=self.threads),
        )


def bounded(budget: BudgetSettings) -> BudgetSettings:
    """The budget, with the default time where it has no bound."""
    if budget.max_time or budget.epochs or budget.steps:
        return budget
    return dataclasses.replace(budget, max_time=DEFAULT_MAX_TIME)


def choose(settings: TrainSettings, facts: Facts) -> Plan:
    """Obey what is set and choose the rest.

    Without `--max-time` no choice depends on a clock, so that the same command gives the same weights.
    """
    model, recipe = settings.model, settings.recipe
    hidden = _or(model.hidden, _hidden(settings.budget, facts.training_symbols))
    network = Architecture(
        cell=model.cell,
        layers=_or(model.layers, 1),
        hidden=hidden,
        embedding=_or(model.embedding, min(64, max(8, 8 * math.isqrt(facts.symbols)))),
        symbols=facts.symbols,
    )
    default_rate, default_decay = (0.04, 0.06) if recipe.optimizer == "muon" else (0.004, 0.0)
    batch_size = _or(recipe.batch_size, _batch_size(facts))
    longest = max(1, (facts.training_symbols - 1) // (batch_size if not facts.records else 1))
    return Plan(
        architecture=network,
        dropout=_or(model.dropout, 0.0),
        batch_size=batch_size,
        sequence_length=_or(recipe.sequence_length, min(64, longest)),
        learning_rate=_or(recipe.learning_rate, default_rate),
        optimizer=recipe.optimizer,
        weight_decay=_or(recipe.weight_decay, default_decay),
        gradient_clip=recipe.gradient_clip,
        threads=_or(settings.machine.threads, 1 if batch_size * hidden < SMALL else _cores()),
    )


def _or(value: Value | None, default: Value) -> Value:
    return default if value is None else value


def _hidden(budget: BudgetSettings, training_symbols: int) -> int:
    """Units that a text can feed and a budget can train."""
    if training_symbols < 20_000:
        return 128
    minutes = seconds(budget.max_time) / 60 if budget.max_time else 5
    return 256 if minutes < 15 else 512


def _batch_size(facts: Facts) -> int:
    """Texts side by side: as many as leave each one at least a few windows to read."""
    if facts.records:
        return min(64, facts.records)
    return min(32, max(1, facts.training_symbols // 256))


def _cores() -> int:
    """The processor cores this program may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def validation_steps(plan: Plan, validation_symbols: int, total_steps: int) -> int:
    """Updates between two validations of a run without a clock: ten in all, fewer where they are dear."""
    per_update = plan.batch_size * plan.sequence_length
    return max(1, math.ceil(total_steps / _VALIDATIONS), 2 * validation_symbols // per_update)


def validation_seconds(budget_seconds: float, one_validation_seconds: float) -> float:
    """Seconds between two validations of a run with a clock: they take a twentieth of the time at most."""
    return max(budget_seconds / _VALIDATIONS, 20 * one_validation_seconds)


def measured_symbols(budget: BudgetSettings) -> int:
    """How much of what is held back is measured on: all of it, but for texts of many megabytes.

    It depends on the time that was asked for, never on the machine, so that figures can be compared.
    """
    longest, shortest, per_second = 1_000_000, 131_072, 4_000
    if budget.max_time is None:
        return longest
    return min(longest, max(shortest, int(per_second * seconds(budget.max_time))))
