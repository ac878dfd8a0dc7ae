"""Baselines of each task, computed before training: a scale for the metrics of a run."""

from collections.abc import Callable
from typing import Any

from charrnn.commands.baselines import SAMPLE, scale_line
from charrnn.commands.hints import unlike_lines
from charrnn.config.settings import BudgetSettings
from charrnn.evaluation.baselines.labels import majority, naive_bayes
from charrnn.evaluation.labels import accuracy
from charrnn.text.dataset import Dataset
from charrnn.text.example_parts import Labelled
from charrnn.text.vocabulary import Vocabulary
from charrnn.training.validation_plan import measured_symbols

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


def _of_labels(
    dataset: Dataset,
    measured: Any,  # noqa: ANN401
    vocabulary: Vocabulary,  # noqa: ARG001 - of language
    budget: BudgetSettings,
) -> list[str]:
    training = dataset.examples[0].beginning(min(SAMPLE, measured_symbols(budget)))
    if not isinstance(training, Labelled) or not isinstance(measured, Labelled):
        raise TypeError("there are no labels")
    own = measured.labels[measured.texts.chosen]
    reached = {
        "majority": majority(training, measured.texts),
        "naive Bayes": naive_bayes(training, measured.texts),
    }
    shown = [f"{name} {accuracy(found, own):.3f}" for name, found in reached.items() if found is not None]
    return [f"scale  accuracy on the validation texts: {', '.join(shown)}"]


SCALES: dict[str, Scale] = {"language": _of_language, "classify": _of_labels}
"""By task."""
