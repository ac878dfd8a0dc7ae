"""`charrnn classify`: the label of each line. Loads no torch."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.text import Text

from charrnn.commands.answering import SymbolsOfLine, check_lines, ids_of, model_for
from charrnn.commands.input_lines import asked
from charrnn.config.settings import ClassifySettings
from charrnn.decoding.classification import SavedClassifier
from charrnn.decoding.contributions import contributions
from charrnn.display.columns import Canvas
from charrnn.display.explanation import (
    Contribution,
    Explanation,
    ExplanationPage,
    legend,
    painted,
)
from charrnn.display.new_files import check_new_file, put_new_file
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
    if settings.html is not None:
        check_new_file(settings.html, "--html", texts)
    path, model = model_for("classify", checkpoint)
    labeller, page = Labeller(model, settings), ExplanationPage()
    canvas = Canvas() if settings.explain and not json_wanted else None
    if canvas is not None:
        canvas.print([legend(coloured=canvas.coloured), Text()])
    for lines in asked(texts, typed, model.reading):
        answers = labeller(lines)
        if canvas is None:
            print_text(
                "".join(f"{answer.json() if json_wanted else answer.plain(settings)}\n" for answer in answers)
            )
        else:
            for answer in answers:
                print_text(f"{answer.plain(settings)}\n")
                canvas.print(painted(answer.explanation, canvas.width, coloured=canvas.coloured))
        if settings.html is not None:
            page.add(answer.explanation for answer in answers)
    if settings.html is not None:
        put_new_file(settings.html, "--html", page.document([("model", str(path))]).encode("utf-8"))


def classifier_of(model: Checkpoint) -> SavedClassifier:
    """The classifier that a checkpoint holds."""
    if not isinstance(model.architecture, ClassifierArchitecture):
        raise CheckpointError(f"a network of --task {model.task} tells no labels apart")
    return SavedClassifier(model.architecture, model.weights, model.temperature)


class Labeller:
    """Finds the labels of lines.

    Args:
        model: who finds them.
        settings: how many are wanted of each, and whether to explain them.
    """

    def __init__(self, model: Checkpoint, settings: ClassifySettings) -> None:
        self._model, self._settings = model, settings
        self._classifier = classifier_of(model)
        self._explains = settings.explain or settings.html is not None

    def __call__(self, lines: Sequence[str]) -> list["LabelOfLine"]:
        """What is said of lines, that are read side by side."""
        ids = [ids_of(line, self._model) for line in lines]
        check_lines(ids, self._model.architecture)
        logs = self._classifier.log_probabilities(ids)
        return [self._of(line, row) for line, row in zip(lines, np.exp(logs), strict=True)]

    def _of(self, line: str, chances: NDArray[np.float64]) -> "LabelOfLine":
        """The likeliest labels; of equal ones the first."""
        names, settings = self._model.answers, self._settings
        order = np.argsort(-chances, kind="stable")[: settings.top or len(names)].tolist()
        best = [(names[label], float(chances[label])) for label in order]
        found = self._contributions(line, order[0]) if self._explains else None
        return LabelOfLine(line, best, best[0][1] >= settings.min_probability, found)

    def _contributions(self, line: str, label: int) -> list[Contribution]:
        symbols = SymbolsOfLine.of(line, self._model)
        found = contributions(self._classifier, symbols.ids, symbols.places, len(symbols.pieces), label)
        return [Contribution(*each) for each in zip(symbols.pieces, found.tolist(), strict=True)]


@dataclass(frozen=True)
class LabelOfLine:
    """What is said of a line.

    Attributes:
        text: the line.
        best: labels with their probabilities, the likeliest first.
        is_sure: whether the first of them is likely enough.
        contributions: of its characters to that; none where they are not wanted.
    """

    text: str
    best: list[tuple[str, float]]
    is_sure: bool
    contributions: list[Contribution] | None = None

    def plain(self, settings: ClassifySettings) -> str:
        """The label; where several are wanted each with its probability, all joined by tabs."""
        if not self.is_sure:
            return ABSTAINED
        if settings.top is None:
            return self.best[0][0]
        return "\t".join(f"{label}\t{probability:.4f}" for label, probability in self.best)

    @property
    def explanation(self) -> Explanation:
        """Why it has its likeliest label."""
        return Explanation(*self.best[0], self.contributions or [])

    def values(self) -> dict[str, Any]:
        """What `--json` prints of it."""
        label, probability = self.best[0]
        values: dict[str, Any] = {
            "text": self.text,
            "label": label if self.is_sure else None,
            "probability": probability,
            "labels": [{"label": name, "probability": chance} for name, chance in self.best],
            "abstained": not self.is_sure,
        }
        if self.contributions is not None:
            values["contributions"] = [
                {"character": each.character, "contribution": each.nats} for each in self.contributions
            ]
        return values

    def json(self) -> str:
        """The same as one line."""
        return json.dumps(self.values(), ensure_ascii=False)
