"""`charrnn evaluate` of a model that tells the label of a text: how many are right, and how sure it is."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from charrnn.commands.answering import check_memory
from charrnn.commands.classify import classifier_of
from charrnn.commands.input_lines import TOGETHER
from charrnn.commands.scored_examples import (
    Wrong,
    beside_unseen,
    lines_of,
    report,
    scored_examples,
    training_examples,
    unseen,
)
from charrnn.commands.scoring import Question
from charrnn.display.tables_page import Table
from charrnn.evaluation.baselines.counting import LONGEST
from charrnn.evaluation.baselines.labels import majority, naive_bayes
from charrnn.evaluation.labels import GivenLabels, Ids, accuracy, macro_f1
from charrnn.runs.checkpoint import Checkpoint
from charrnn.text.dataset import Dataset
from charrnn.text.example_parts import Labelled

LABELS = 40
"""Of which a page shows for which other ones they are mistaken, at most."""

COPIES = 4
"""Of the probabilities of all labels of all texts, that are in memory together at most."""

WORST = 5
"""Labels that are mistaken for another one most often, that are shown."""


def score_classes(question: Question, path: Path, model: Checkpoint) -> None:
    """Print the share of right labels and what belongs to it, for all texts and for those not in training.

    Args:
        question: what a user asked for.
        path: the checkpoint.
        model: what it holds.
    """
    settings = question.settings
    with scored_examples(question, path, model) as (part, dataset):
        if not isinstance(part, Labelled):
            raise TypeError(f"there are no labels in {type(part).__name__}")
        given = labels_given(model, part)
        new = unseen(dataset, part.texts)
        found: dict[str, Any] = {"checkpoint": str(path), "task": model.task, "lines": part.records}
        found |= {"unseen_lines": None if new is None else int(new.sum())} | given.figures()
        found["temperature"] = model.temperature
        found["calibration_error_without_temperature"] = given.at(found["temperature"]).calibration()
        found["unseen"] = given.only(new).figures() if new is not None and new.any() else None
        if settings.min_probability is not None:
            found |= given.answered(settings.min_probability)
        if settings.baselines:
            found["baselines"] = _baselines(dataset, part)
        report(question, found, _rows, _wrong(part, given, model), _tables(found))


def labels_given(model: Checkpoint, part: Labelled) -> GivenLabels:
    """The probabilities of the labels of each text."""
    classifier, texts, vocabulary = classifier_of(model), part.texts, model.vocabulary
    order = np.argsort(texts.lengths, kind="stable")
    needed = COPIES * 8 * part.records * len(model.answers)
    check_memory(needed, f"{part.records:,} lines with {len(model.answers):,} labels", "give fewer lines")
    logs = np.empty((part.records, len(model.answers)))
    for begin in range(0, len(order), TOGETHER):
        some = order[begin : begin + TOGETHER]
        places = texts.texts[some].tolist()
        ids = [texts.ids[first + 1 : end].clip(max=len(vocabulary) - 1) for first, end in places]
        logs[some] = classifier.log_probabilities(ids)
    return GivenLabels(logs, part.labels[texts.chosen], model.answers)


def _wrong(part: Labelled, given: GivenLabels, model: Checkpoint) -> Iterator[Wrong]:
    """The texts whose likeliest label is not theirs, with both."""
    found = given.found
    for number in np.flatnonzero(found != given.own).tolist():
        begin, end = part.texts.texts[number].tolist()
        text = model.vocabulary.marking().decode(part.texts.ids[begin + 1 : end - 1])
        yield text, given.names[int(given.own[number])], given.names[int(found[number])]


def _baselines(dataset: Dataset | None, part: Labelled) -> list[dict[str, Any]]:
    """What simple means reach, that know what the model was trained on."""
    training, own = training_examples(dataset, Labelled), part.labels[part.texts.chosen]
    return [
        {"name": name, **labels_reached(found, own)}
        for name, found in (
            ("majority", majority(training, part.texts)),
            ("n-gram naive Bayes", naive_bayes(training.beginning(LONGEST), part.texts)),
        )
    ]


def labels_reached(found: Ids | None, own: Ids) -> dict[str, float | None]:
    """The figures of labels that a simple means found; none where there was no room for it."""
    if found is None:
        return {"accuracy": None, "macro_f1": None}
    return {"accuracy": accuracy(found, own), "macro_f1": macro_f1(found, own)}


def _tables(found: Mapping[str, Any]) -> Iterator[Table]:
    """For a page: the figures of each label, and which was given for which; those with most texts first."""
    per_label, confusion = found["per_label"], found["confusion"]
    names = sorted(per_label, key=lambda name: -per_label[name]["texts"])
    figures = [(name, *_cells(per_label[name])) for name in names]
    yield Table("Each label", ("label", "texts", "precision", "recall", "F1"), figures)
    largest = [name for name in names if name in confusion][:LABELS]
    counts = [[confusion[own].get(other, 0) for other in largest] for own in largest]
    shares = [
        [count / per_label[own]["texts"] for count in row] for own, row in zip(largest, counts, strict=True)
    ]
    rows = [
        (own, *(f"{count:,}" if count else "" for count in row))
        for own, row in zip(largest, counts, strict=True)
    ]
    yield Table("Its own label, and the one that was given", ("", *largest), rows, shares)


def _cells(figures: Mapping[str, Any]) -> Iterator[str]:
    yield f"{figures['texts']:,}"
    yield from (f"{figures[name]:.3f}" for name in ("precision", "recall", "f1"))


def _rows(found: Mapping[str, Any]) -> list[tuple[str, str]]:
    def shown(name: str) -> str:
        return beside_unseen(found, name, "of texts")

    rows = [
        ("accuracy", shown("accuracy")),
        ("macro F1", shown("macro_f1")),
        ("nats per text", shown("nats_per_text")),
        ("calibration error", shown("calibration_error")),
        *_of_temperature(found),
        ("lines", lines_of(found)),
    ]
    if "answered" in found:
        right = found["accuracy_of_answered"]
        of_these = "" if right is None else f", accuracy of these {right:.4f}"
        rows.append(
            ("answered", f"{found['answered']:.1%} with {found['min_probability']} or more{of_these}")
        )
    mistakes = sorted(
        (
            (count, own, other)
            for own, row in found["confusion"].items()
            for other, count in row.items()
            if own != other
        ),
        key=lambda mistake: -mistake[0],
    )
    rows += [("mistaken", f"{own} for {other}, {count:,}×") for count, own, other in mistakes[:WORST]]
    rows += [(f"… {baseline['name']}", _reached(baseline, found)) for baseline in found.get("baselines", [])]
    return [*rows, ("model", found["checkpoint"])]


def _of_temperature(found: Mapping[str, Any]) -> list[tuple[str, str]]:
    """What the calibration error is without the temperature, where there is one."""
    if found["temperature"] == 1:
        return []
    error = found["calibration_error_without_temperature"]
    return [
        (
            "… at temperature 1",
            f"{error:.4f}; the model's own, fitted on validation, is {found['temperature']:.3f}",
        )
    ]


def _reached(baseline: Mapping[str, Any], found: Mapping[str, Any]) -> str:
    """A baseline's figures, and whether it wins."""
    if baseline["accuracy"] is None:
        return "not measured: its table would be too large"
    wins = ": better than this model" if baseline["accuracy"] > found["accuracy"] else ""
    return f"accuracy {baseline['accuracy']:.4f}, macro F1 {baseline['macro_f1']:.4f}{wins}"
