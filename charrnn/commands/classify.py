"""`charrnn classify`: the label of each line. Loads no torch."""

import json
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from charrnn.commands.answering import ids_of, model_for
from charrnn.commands.input_lines import asked
from charrnn.config.settings import ClassifySettings
from charrnn.decoding.classification import SavedClassifier
from charrnn.display.sanitizer import print_text
from charrnn.errors import CheckpointError
from charrnn.model.architecture import ClassifierArchitecture
from charrnn.runs.checkpoint import Checkpoint

ABSTAINED = "?"
"""What stands for the label of a text that the model is not sure enough of."""


def classify(
    texts: Sequence[str],
    typed: Sequence[str],
    checkpoint: str | None,
    settings: ClassifySettings,
    *,
    json_wanted: bool,
) -> None:
    """Print the label of each line, in order, as the lines come.

    Args:
        texts: files, folders, built-in texts or `-`; none mean standard input, unless a text is typed.
        typed: texts from the command line.
        checkpoint: the model's path, or None for the newest run.
        settings: what is printed.
        json_wanted: a JSON object for each line instead.
    """
    _, model = model_for("classify", checkpoint)
    classifier = classifier_of(model)
    for lines in asked(texts, typed, model.reading):
        chances = np.exp(classifier.log_probabilities([ids_of(line, model) for line in lines]))
        answers = [
            LabelOfLine.of(line, row, model.answers, settings)
            for line, row in zip(lines, chances, strict=True)
        ]
        shown = "".join(f"{answer.json() if json_wanted else answer.plain(settings)}\n" for answer in answers)
        print_text(shown)


def classifier_of(model: Checkpoint) -> SavedClassifier:
    """The classifier that a checkpoint holds."""
    if not isinstance(model.architecture, ClassifierArchitecture):
        raise CheckpointError(f"a network of --task {model.task} tells no labels apart")
    return SavedClassifier(model.architecture, model.weights, model.fitted.get("temperature", 1.0))


class LabelOfLine:
    """What is said of a line.

    Attributes:
        text: the line.
        best: labels with their probabilities, the likeliest first.
        is_sure: whether the first of them is likely enough.
    """

    def __init__(self, text: str, best: list[tuple[str, float]], *, is_sure: bool) -> None:
        self.text, self.best, self.is_sure = text, best, is_sure

    @classmethod
    def of(
        cls, text: str, chances: NDArray[np.float64], labels: Sequence[str], settings: ClassifySettings
    ) -> "LabelOfLine":
        """The likeliest labels; of equal ones the first."""
        order = np.argsort(-chances, kind="stable")[: settings.top or len(labels)].tolist()
        best = [(labels[label], float(chances[label])) for label in order]
        return cls(text, best, is_sure=best[0][1] >= settings.min_probability)

    def plain(self, settings: ClassifySettings) -> str:
        """The label; where several are wanted each with its probability, all joined by tabs."""
        if not self.is_sure:
            return ABSTAINED
        if settings.top is None:
            return self.best[0][0]
        return "\t".join(f"{label}\t{probability:.4f}" for label, probability in self.best)

    def json(self) -> str:
        """As one JSON object."""
        label, probability = self.best[0]
        values: dict[str, Any] = {
            "text": self.text,
            "label": label if self.is_sure else None,
            "probability": probability,
            "labels": [{"label": name, "probability": chance} for name, chance in self.best],
            "abstained": not self.is_sure,
        }
        return json.dumps(values, ensure_ascii=False)
