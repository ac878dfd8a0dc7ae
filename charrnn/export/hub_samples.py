"""What a model card shows of what a model writes, and how much of that stands in its training text."""

from collections.abc import Sequence

import numpy as np

from charrnn.config.settings import Request, SampleSettings
from charrnn.decoding.best_of import whole_texts
from charrnn.decoding.prompt import decomposes, in_normal_form
from charrnn.decoding.sampler import write
from charrnn.decoding.text_stream import spell
from charrnn.evaluation.overlap import Novelty, Share, compare
from charrnn.export.held_out import dataset_of
from charrnn.export.source import Source
from charrnn.model.architecture import WRITING
from charrnn.runs.checkpoint import Checkpoint
from charrnn.runs.language_model import language_model_of

SHOWN, SHOWN_LENGTH, SHOWN_LINES = 3, 400, 8
"""Texts that are shown, their characters; and lines that are shown, of a model that writes lines."""

COMPARED, COMPARED_LENGTH = 20, 500
"""Texts that are compared with the training text, and their characters."""

COMPARED_LINES, COMPARED_SYMBOLS = 500, 50_000
"""Lines that are compared, fewer where the longest of so many would have more symbols."""

LABELS = 5
"""Labels of which something is written: those with the most texts."""

TEMPERATURE = 0.7
"""Of what is shown; what is compared is drawn as it is."""


def writes(model: Checkpoint) -> bool:
    """Whether it is a model that writes text."""
    return model.task in WRITING


def samples(model: Checkpoint) -> list[tuple[str | None, str]]:
    """Texts that it writes, each with its label; None where there are no labels."""
    settings = SampleSettings(temperature=TEMPERATURE)
    if model.reading.mode == "text":
        return [(None, text) for text in _written(model, None, SHOWN, SHOWN_LENGTH, settings)]
    return [
        (label, "\n".join(_written(model, label, SHOWN_LINES, None, settings))) for label in _labels(model)
    ]


def copied(source: Source) -> str | None:
    """How much of what it writes stands in its training text; None where that is not at hand."""
    dataset, model = dataset_of(source), source.model
    if dataset is None:
        return None
    reading, labels, are_lines = model.reading, _labels(model), source.model.reading.mode == "lines"
    count, length = COMPARED, COMPARED_LENGTH
    if are_lines:
        fitting = COMPARED_SYMBOLS // max(model.corpus.longest_record, 1)
        count, length = max(COMPARED, min(COMPARED_LINES, fitting)) // len(labels), 0
    texts = [
        text for label in labels for text in _written(model, label, count, length or None, SampleSettings())
    ]
    codes = [spell(in_normal_form(text, reading.normalize), reading.level) for text in texts]
    corpus = (model.vocabulary.codes[block] for block in dataset.training.blocks())
    found = compare(codes, corpus, codes if are_lines else ())
    return _said(
        found,
        "bytes"
        if reading.level == "byte"
        else "parts of characters"
        if decomposes(reading.normalize)
        else "characters",
    )


def _said(found: Novelty, unit: str) -> str:
    said = (
        f"It wrote {found.characters:,} {unit} at temperature 1, with seed 1. The longest span of them that "
        f"also stands in its training text has {found.longest.length:,}."
    )
    shares = {str(length): _percent(share) for length, share in found.shares.items() if share.total}
    if shares:
        said += f" Of all spans of {_listed([*shares])} {unit}, {_listed([*shares.values()])} stand there."
    if found.lines.total:
        lines = found.lines
        said += f" Of {lines.total:,} lines, {lines.copied:,} ({_percent(lines)}) are lines of that text."
    return said


def _listed(words: Sequence[str]) -> str:
    *first, last = words
    return f"{', '.join(first)} and {last}" if first else last


def _percent(share: Share) -> str:
    return f"{share.copied / share.total:.1%}"


def _labels(model: Checkpoint) -> Sequence[str | None]:
    """Those with the most texts; None alone where there are no labels."""
    if not model.answers:
        return [None]
    counts = np.array(model.corpus.label_counts)
    return [model.answers[place] for place in np.argsort(-counts, kind="stable")[:LABELS].tolist()]


def _written(
    model: Checkpoint, label: str | None, count: int, length: int | None, settings: SampleSettings
) -> list[str]:
    request = Request(count=count, length=length)
    return list(whole_texts(write(language_model_of(model, label), request, settings)))
