"""What simple means reach, before anything is learnt: a scale for the figures of a run, for each task."""

from collections.abc import Callable
from typing import Any

from charrnn.commands.baselines import scale_line
from charrnn.commands.hints import unlike_lines
from charrnn.config.settings import BudgetSettings
from charrnn.text.dataset import Dataset
from charrnn.text.vocabulary import Vocabulary

Scale = Callable[[Dataset, Any, Vocabulary, BudgetSettings], list[str]]


def scale(
    dataset: Dataset,
    measured: Any,  # noqa: ANN401 - a part of the task's own kind
    vocabulary: Vocabulary,
    budget: BudgetSettings,
) -> list[str]:
    """What simple means reach where a run is measured, a line each; nothing where none are known."""
    return SCALES[dataset.task](dataset, measured, vocabulary, budget) if dataset.task in SCALES else []


def _of_language(
    dataset: Dataset,
    measured: Any,  # noqa: ANN401
    vocabulary: Vocabulary,
    budget: BudgetSettings,
) -> list[str]:
    return [scale_line(dataset, measured, vocabulary, budget), *unlike_lines(dataset, vocabulary)]


SCALES: dict[str, Scale] = {"language": _of_language}
"""By task."""
