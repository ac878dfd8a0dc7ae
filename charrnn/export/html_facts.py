"""What a page is told of its model, but for the weights: all that is kept of it as JSON."""

from typing import Any

import numpy as np

from charrnn.export.about import about
from charrnn.export.html_cells import scales
from charrnn.export.source import Source
from charrnn.model.architecture import EncoderArchitecture, TranslationArchitecture
from charrnn.runs.checkpoint import Checkpoint
from charrnn.text.codes import END
from charrnn.text.tag_schemes import SpanMarks, possible, scheme_of


def facts(source: Source) -> dict[str, Any]:
    """What the script of a page is told, by name."""
    model = source.model
    size, vocabulary = model.architecture, model.vocabulary
    return {
        "task": model.task,
        "cell": size.cell,
        "layers": size.layers,
        "hidden": size.hidden,
        "symbols": size.symbols,
        "directions": size.directions,
        "level": vocabulary.level,
        "normalize": model.reading.normalize,
        "codes": vocabulary.codes.tolist(),
        "startLogits": _start_logits(model),
        "emptyRecords": model.corpus.empty_records > 0,
        "longestRecord": model.corpus.longest_record,
        "hasDelimiter": model.reading.delimiter is not None,
        "prompt": source.settings.prompt,
        "summary": _summary(source),
        "about": about(source),
        **_of_writing(source),
        **_of_task(model),
    }


def _of_writing(source: Source) -> dict[str, Any]:
    """The colours of each cell, in which it can be watched while the model writes."""
    if isinstance(source.model.architecture, EncoderArchitecture):
        return {}
    return {"cells": [[_short(one.middle), _short(one.reach)] for one in scales(source)]}


def _short(number: float) -> float:
    return float(f"{number:.4g}")


def _of_task(model: Checkpoint) -> dict[str, Any]:
    """What is to be found, and how it is put into words."""
    if model.task in {"classify", "generate"}:
        return {"labels": model.answers, "temperature": model.temperature}
    if model.task == "tag":
        return _of_tags(model)
    if isinstance(model.architecture, TranslationArchitecture):
        return {
            "targets": model.answers,
            "unit": model.reading.target_symbols or "chars",
            "attention": model.architecture.attention,
        }
    return {}


def _of_tags(model: Checkpoint) -> dict[str, Any]:
    names, allowed = model.answers, possible(model.answers)
    scheme = scheme_of(names)
    marks = None if scheme is None else SpanMarks.of(names, scheme)
    return {
        "tags": names,
        "possible": {
            "first": allowed.first.tolist(),
            "follows": allowed.follows.tolist(),
            "last": allowed.last.tolist(),
        },
        "marks": marks
        and {
            "begins": marks.begins.tolist(),
            "ends": marks.ends.tolist(),
            "outside": marks.outside.tolist(),
            "types": marks.types.tolist(),
        },
        "restore": model.reading.restore,
    }


def _start_logits(model: Checkpoint) -> list[float | None]:
    """How texts begin without a prompt, as `charrnn sample` lets them; None where none does."""
    vocabulary = model.vocabulary
    is_character = vocabulary.codes < END
    starts = np.where(is_character, np.array(model.corpus.starts), 0)
    counts = next(some for some in (starts, vocabulary.counts * is_character, is_character) if some.any())
    return [float(np.log(count)) if count else None for count in counts.tolist()]


def _summary(source: Source) -> str:
    """What it is, in a sentence."""
    size, corpus = source.model.architecture, source.model.corpus
    network = f"{size.cell.upper()} with {size.parameters:,} parameters"
    return f"A character-level {network}, trained on {corpus.name}. It runs in this page."
