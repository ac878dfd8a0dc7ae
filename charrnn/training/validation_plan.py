"""How much of the held-out text to validate on, and how often. Knows nothing of networks."""

import math

from charrnn.config.settings import BudgetSettings
from charrnn.config.values import seconds
from charrnn.training.plan import Plan

_VALIDATIONS, _CHEAP_VALIDATIONS = 10, 100
"""How often a run is validated at most, its end included; and where that takes hardly any time: the best
of a short text, which is soon overfitted, may come after a hundredth of the run."""


def validation_steps(plan: Plan, validation_symbols: int, total_steps: int) -> int:
    """Updates between two validations of a run without a clock.

    There are ten: fewer where these would read more than half of what the updates read, and up to a
    hundred where those read a twentieth of it.
    """
    recipe = plan.settings.recipe
    once = validation_symbols / (recipe.batch_size * recipe.sequence_length)
    few, many = total_steps / _VALIDATIONS, total_steps / _CHEAP_VALIDATIONS
    return math.ceil(max(2 * once, min(20 * once, few), many))


def validation_seconds(budget_seconds: float, one_validation_seconds: float) -> float:
    """Seconds between two validations of a run with a clock: they take a twentieth of the time at most."""
    return max(budget_seconds / _CHEAP_VALIDATIONS, 20 * one_validation_seconds)


def measured_symbols(budget: BudgetSettings) -> int:
    """How much of what is held out is measured on: all of it, but for texts of many megabytes.

    It depends on the time that was asked for, never on the machine, so that figures can be compared.
    """
    longest, shortest, per_second = 1_000_000, 131_072, 4_000
    if budget.max_time is None:
        return longest
    return min(longest, max(shortest, int(per_second * seconds(budget.max_time))))
