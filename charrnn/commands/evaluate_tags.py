"""`charrnn evaluate` of a model that tags characters: how many tags, lines, spans and segments are right."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

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
from charrnn.commands.tag import tagger_of
from charrnn.evaluation.baselines.tags import most_frequent_tags
from charrnn.evaluation.tags import GivenTags, figures
from charrnn.runs.checkpoint import Checkpoint
from charrnn.text.dataset import Dataset
from charrnn.text.example_parts import Tagged
from charrnn.text.vocabulary import Vocabulary

Ids = NDArray[np.integer[Any]]
Flags = NDArray[np.bool_]
Find = Callable[[Sequence[Ids], Sequence[Flags]], list[NDArray[np.int64]]]
"""The tags of texts with their end marks, of which these symbols have one."""


def score_tags(question: Question, path: Path, model: Checkpoint) -> None:
    """Print the share of right tags and what belongs to it, for all lines and for those not in training.

    Args:
        question: what a user asked for.
        path: the checkpoint.
        model: what it holds.
    """
    with scored_examples(question, path, model) as (part, dataset):
        if not isinstance(part, Tagged):
            raise TypeError(f"there are no tags in {type(part).__name__}")
        given = list(tags_given(part, model.vocabulary, _finder(model)))
        new = unseen(dataset, part.texts)
        some = (
            [] if new is None else [line for line, is_new in zip(given, new.tolist(), strict=True) if is_new]
        )
        found: dict[str, Any] = {"checkpoint": str(path), "task": model.task, "lines": part.records}
        found |= {"unseen_lines": None if new is None else len(some)} | figures(given, model.answers)
        found["unseen"] = figures(some, model.answers) if some else None
        if question.settings.baselines:
            found["baselines"] = [_most_frequent(dataset, part, model)]
        report(question, found, _rows, _wrong(given, model.answers))


def _finder(model: Checkpoint) -> Find:
    """The model's own."""
    tagger = tagger_of(model)
    return lambda texts, has_tag: [found.ids.astype(np.int64) for found in tagger.tags(texts, has_tag)]


def tags_given(part: Tagged, vocabulary: Vocabulary, find: Find) -> Iterator[GivenTags]:
    """The tags that each line is given, in order."""
    texts = part.texts
    for first in range(0, part.records, TOGETHER):
        places = [slice(begin + 1, end) for begin, end in texts.texts[first : first + TOGETHER].tolist()]
        has_tag = [part.tags[place] >= 0 for place in places]
        ids = [texts.ids[place].clip(max=len(vocabulary) - 1) for place in places]
        for place, own, flags, found in zip(places, ids, has_tag, find(ids, has_tag), strict=True):
            inner = flags[:-1]
            starts = np.flatnonzero(inner)
            pieces = [vocabulary.decode(piece) for piece in np.split(own[:-1], starts)[1:]]
            yield GivenTags(pieces, found, part.tags[place][:-1][inner].astype(np.int64))


def _wrong(given: Sequence[GivenTags], names: Sequence[str]) -> Iterator[Wrong]:
    """The lines of which a tag is wrong, with their own tags and those that were found."""
    for line in given:
        if (line.found != line.own).any():
            own, found = (" ".join(names[tag] for tag in tags) for tags in (line.own, line.found))
            yield "".join(line.characters), own, found


def _most_frequent(dataset: Dataset | None, part: Tagged, model: Checkpoint) -> dict[str, Any]:
    """What the most frequent tag of each character reaches."""
    tags = most_frequent_tags(training_examples(dataset, Tagged), len(model.vocabulary))

    def find(texts: Sequence[Ids], has_tag: Sequence[Flags]) -> list[NDArray[np.int64]]:
        return [tags[ids[:-1][flags[:-1]]] for ids, flags in zip(texts, has_tag, strict=True)]

    name = "most frequent tag of each character"
    return {"name": name, **figures(tags_given(part, model.vocabulary, find), model.answers)}


_SHOWN = ("accuracy", "exact_lines", "span_f1", "segment_f1")


def _rows(found: Mapping[str, Any]) -> list[tuple[str, str]]:
    rows = []
    for name in _SHOWN:
        if found[name] is not None:
            shown = name.replace("_", " ").replace("f1", "F1")
            rows.append((shown, beside_unseen(found, name, "of lines")))
    rows.append(("lines", lines_of(found)))
    for baseline in found.get("baselines", []):
        reached = [f"{n.replace('_', ' ')} {baseline[n]:.4f}" for n in _SHOWN if baseline[n] is not None]
        rows.append((baseline["name"], ", ".join(reached)))
    return [*rows, ("model", found["checkpoint"])]
