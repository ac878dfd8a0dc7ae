"""Chooses the options that are not set, by corpus and budget. Knows nothing of torch, files or displays."""

import dataclasses
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from charrnn.config.declaration import build, flat
from charrnn.config.resolved import ResolvedSettings
from charrnn.config.settings import BudgetSettings, TrainSettings
from charrnn.config.values import seconds
from charrnn.errors import UsageError
from charrnn.model.architecture import ARCHITECTURES, Architecture
from charrnn.model.cells import CELLS
from charrnn.model.optimizer_facts import OPTIMIZERS
from charrnn.training.cores import threads_for
from charrnn.training.fast_precision import precision_for
from charrnn.training.regularization import OF_A_TASK, dropout, most_load, weight_decay, weight_dropout
from charrnn.training.sizes import USUAL_BATCH, batch_sizes, ladder, worth

Value = TypeVar("Value")

DEFAULT_MAX_TIME = "5m"
USUAL_HIDDEN = 256
"""Units at most where no time is asked for: as many as the text can feed."""

USUAL_WINDOW = 64
"""Symbols of a text that a batch reads."""

MEMORISED = 5_000
"""Symbols of a text that is so short that whoever trains on it wants it memorised."""

ENOUGH_UPDATES, ENOUGH_SYMBOLS = 900, 4
"""The largest network that a time lets make so many updates, and read so many symbols for each of its
parameters, learns most in it (LOG.md)."""

PACE_SHARE = 0.05
"""Of the time, that measuring the pace of plans takes at most, but for the update at which that is seen."""

_SHARE_OF_TIME = 0.9
"""What the updates get of it: the rest is starting, validating and saving."""


@dataclass(frozen=True)
class Facts:
    """What the choices depend on.

    Attributes:
        training_symbols: length of the training text, in symbols.
        records: texts in lines mode, 0 otherwise.
        symbols: V, the size of the vocabulary.
        half: whether the machine multiplies in bfloat16 faster than in float32.
        longest_window: transitions of the shortest stretch of the text, where it is read in stretches.
        longest: symbols of the longest example, where there are examples.
        longest_pair: of pairs, the most source symbols times target symbols.
        head: what the task's architecture has beside cell and sizes, by name.
    """

    training_symbols: int
    records: int
    symbols: int
    half: bool = False
    longest_window: float = math.inf
    longest: int = 0
    longest_pair: int = 0
    head: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Plan:
    """A run in full: nothing is left to choose.

    Attributes:
        settings: what was set, and what was chosen.
        architecture: cell and sizes of the network.
        updates: how many are expected; None if that is not known.
        longest: symbols of the longest text, where texts are read whole.
        longest_pair: the most source symbols times target symbols, where each of these looks at all of those.
        is_bounded: whether the updates were bounded, since more would not make the model better.
    """

    settings: ResolvedSettings
    architecture: Architecture
    updates: float | None = field(default=None, compare=False)
    longest: int = 0
    longest_pair: int = 0
    is_bounded: bool = False


def bounded(budget: BudgetSettings) -> BudgetSettings:
    """The budget, with the default time where it has no bound."""
    if budget.max_time or budget.epochs or budget.steps:
        return budget
    return dataclasses.replace(budget, max_time=DEFAULT_MAX_TIME)


Pace = Callable[[Plan], float]
"""How many updates a second a plan makes on this machine."""


def choose(settings: TrainSettings, facts: Facts, pace: Pace | None = None) -> Plan:
    """Obey what is set and choose the rest.

    Without `--max-time` no choice depends on a clock, so that the same command gives the same weights.

    Args:
        settings: what is set.
        facts: of the text.
        pace: measures a plan; asked only where the time is bounded and something follows from it.
    """
    budget, model = settings.budget, settings.model
    regularisers = (model.dropout, model.weight_dropout, settings.recipe.weight_decay)
    is_open = model.hidden is None or None in regularisers
    if budget.max_time is None or pace is None or not is_open:
        size = max(size for size in _sizes(settings, facts) if model.hidden or size[1] <= USUAL_HIDDEN)
        plan = _of_size(settings, facts, *size)
        return _regularised(plan, settings, facts, _known_updates(budget, plan, facts))
    time = _SHARE_OF_TIME * seconds(budget.max_time)

    def measured(tried: Plan) -> float:
        known = _known_updates(budget, tried, facts) or most_updates(settings, tried, facts)
        return min(time * pace(tried), known)

    *smaller, batched = _with_each_batch(settings, facts)
    expected = math.inf
    for size in _sizes(settings, facts):
        tried = _of_size(batched, facts, *size)
        updates = measured(tried)
        if expected < math.inf and not learns_enough(tried, updates, facts):
            updates = measured(tried)  # another program may have had the processor for that moment
            if not learns_enough(tried, updates, facts):
                break
        plan, expected = tried, updates
    for batched in reversed(smaller):
        tried = _of_size(batched, facts, plan.architecture.layers, plan.architecture.hidden)
        updates = measured(tried)
        if _worth(tried, updates) <= _worth(plan, expected):
            break
        plan, expected = tried, updates
    return _regularised(plan, settings, facts, expected)


def _worth(plan: Plan, updates: float) -> float:
    recipe = plan.settings.recipe
    return worth(updates, recipe.batch_size * recipe.sequence_length)


def _with_each_batch(settings: TrainSettings, facts: Facts) -> list[TrainSettings]:
    """The settings with each number of texts to choose from, the fewest first; a choice only on a GPU."""
    recipe = settings.recipe
    if recipe.batch_size or facts.records or settings.machine.device != "cuda":
        return [settings]
    sizes = batch_sizes(facts.training_symbols, recipe.sequence_length or USUAL_WINDOW)
    if len(sizes) == 1:
        return [settings]
    return [
        dataclasses.replace(settings, recipe=dataclasses.replace(recipe, batch_size=size)) for size in sizes
    ]


def learns_enough(plan: Plan, updates: float, facts: Facts) -> bool:
    """Whether a network is not too large for so many updates."""
    symbols = updates * _symbols_an_update(plan, facts)
    return updates >= ENOUGH_UPDATES and symbols >= ENOUGH_SYMBOLS * plan.architecture.parameters_of_a_step


def _sizes(settings: TrainSettings, facts: Facts) -> list[tuple[int, int]]:
    """Layers and units that are allowed and that the text can feed, the smallest network first."""
    layers, hidden = settings.model.layers, settings.model.hidden
    if hidden:
        return [(_or(layers, 1), hidden)]
    sizes = ladder(settings.machine.device)
    sizes = tuple(sorted({(layers, units) for _, units in sizes})) if layers else sizes
    return [size for size in sizes if size == sizes[0] or feeds(facts, *size)]


def feeds(facts: Facts, layers: int, hidden: int) -> bool:
    """Whether a text has half as many symbols as the weights of an LSTM of such layers, or more."""
    return 4 * hidden**2 * (2 * layers - 1) <= 2 * facts.training_symbols


def _of_size(settings: TrainSettings, facts: Facts, layers: int, hidden: int) -> Plan:
    """The plan for such a network, dropout and weight decay aside."""
    model, recipe = settings.model, settings.recipe
    kind = ARCHITECTURES[settings.reading.task]
    own = {field.name for field in dataclasses.fields(kind)}
    given = {name: value for name, value in flat(settings.examples).items() if name in own}
    tables = kind.tables(facts.training_symbols, facts.symbols, facts.head)
    network = kind(
        **facts.head,
        **given | {name: _or(given[name], size) for name, size in tables.items()},
        cell=model.cell,
        layers=layers,
        hidden=hidden,
        embedding=_or(model.embedding, min(64, max(8, 8 * math.isqrt(facts.symbols)))),
        symbols=facts.symbols,
        direction=kind.direction if settings.examples.bidirectional else "forward",
    )
    batch_size, optimizer = _or(recipe.batch_size, _batch_size(facts)), OPTIMIZERS[recipe.optimizer]
    precision = settings.machine.precision
    if precision == "auto":
        precision = precision_for(network, batch_size, half=facts.half, device=settings.machine.device)
    if settings.machine.processes > batch_size:
        raise UsageError(
            f"--processes is {settings.machine.processes:,}, but a batch has {batch_size:,} texts; "
            "expected no more; raise --batch-size"
        )
    longest = max(1, (facts.training_symbols - 1) // (batch_size if not facts.records else 1))
    window = _or(recipe.sequence_length, min(USUAL_WINDOW, longest))
    chosen = {
        "layers": layers,
        "hidden": hidden,
        **{name: getattr(network, name) for name in tables},
        "embedding": network.embedding,
        "dropout": _or(model.dropout, 0.0),
        "weight_dropout": _or(model.weight_dropout, 0.0),
        "batch_size": batch_size,
        "sequence_length": int(min(window, facts.longest_window)),
        "learning_rate": _or(recipe.learning_rate, optimizer.learning_rate(CELLS[model.cell])),
        "weight_decay": _or(recipe.weight_decay, 0.0),
        "precision": precision,
        "threads": _or(settings.machine.threads, threads_for(settings, batch_size * hidden)),
    }
    return Plan(
        build(ResolvedSettings, flat(settings) | chosen),
        network,
        longest=facts.longest if kind.reads_whole_texts else 0,
        longest_pair=facts.longest_pair if getattr(network, "attention", False) else 0,
    )


def _regularised(plan: Plan, settings: TrainSettings, facts: Facts, updates: float | None) -> Plan:
    """The plan with what keeps it from overfitting in so many updates."""
    lines, recipe, task = facts.records > 0, plan.settings.recipe, settings.reading.task
    load = 0.0 if updates is None else load_of(plan, updates, facts)
    decay = weight_decay(load, lines=lines) if OPTIMIZERS[recipe.optimizer].decays else 0.0
    chosen = {
        "dropout": _or(settings.model.dropout, OF_A_TASK.get(task, dropout(load, lines=lines))),
        "weight_dropout": _or(settings.model.weight_dropout, weight_dropout(load, lines=lines)),
        "weight_decay": _or(settings.recipe.weight_decay, decay),
    }
    most = most_updates(settings, plan, facts)
    if is_bounded := updates is not None and updates >= most:
        chosen["steps"] = int(most)
    resolved = build(ResolvedSettings, flat(plan.settings) | chosen)
    return dataclasses.replace(plan, settings=resolved, updates=updates, is_bounded=is_bounded)


def most_updates(settings: TrainSettings, plan: Plan, facts: Facts) -> float:
    """Updates after which more would not make the model better, where it is left open how it is to learn."""
    budget, model = settings.budget, settings.model
    is_said = budget.steps or budget.epochs or model.dropout is not None or model.weight_dropout is not None
    load = load_of(plan, 1.0, facts)
    if is_said or not budget.max_time or not load:
        return math.inf
    return most_load(facts.training_symbols, lines=facts.records > 0) / load


def load_of(plan: Plan, updates: float, facts: Facts) -> float:
    """How easily a text is overfitted: passes over it times parameters for each of its symbols.

    None of a text that is so short that this is what is wanted.
    """
    if facts.training_symbols < MEMORISED:
        return 0.0
    passes = updates * _symbols_an_update(plan, facts) / facts.training_symbols
    return passes * plan.architecture.parameters_of_a_step / facts.training_symbols


def _symbols_an_update(plan: Plan, facts: Facts) -> float:
    """Symbols that an update reads, of all texts of its batch."""
    text = facts.training_symbols / facts.records if facts.records else math.inf
    recipe = plan.settings.recipe
    return recipe.batch_size * min(recipe.sequence_length, text)


def _known_updates(budget: BudgetSettings, plan: Plan, facts: Facts) -> float | None:
    """Updates that steps and epochs allow; None if neither is set."""
    per_epoch = facts.training_symbols / _symbols_an_update(plan, facts)
    bounds = [float(budget.steps)] if budget.steps else []
    bounds += [budget.epochs * per_epoch] if budget.epochs else []
    return min(bounds, default=None)


def _or(value: Value | None, default: Value) -> Value:
    return default if value is None else value


def _batch_size(facts: Facts) -> int:
    """Texts side by side: as many as leave each one at least a few windows to read."""
    if facts.records:
        return min(64, facts.records)
    return min(USUAL_BATCH, max(1, facts.training_symbols // 256))
