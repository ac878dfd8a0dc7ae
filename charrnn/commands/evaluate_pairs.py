"""`charrnn evaluate` of a model that turns one text into another: how many targets are exactly right."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

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
from charrnn.decoding.beam import search
from charrnn.decoding.translator import Translator
from charrnn.evaluation.target_costs import own_and_shuffled
from charrnn.evaluation.targets import Ids, WrittenTargets, are_copies, copied, memorised, sides
from charrnn.runs.checkpoint import Checkpoint
from charrnn.runs.translation_model import translation_model_of
from charrnn.text.dataset import Dataset
from charrnn.text.example_parts import Paired


def score_pairs(question: Question, path: Path, model: Checkpoint) -> None:
    """Print the share of exact matches and what belongs to it, for all sources and for those not in training.

    Args:
        question: what a user asked for.
        path: the checkpoint.
        model: what it holds.
    """
    settings = question.settings
    with scored_examples(question, path, model) as (part, dataset):
        if not isinstance(part, Paired):
            raise TypeError(f"there are no targets in {type(part).__name__}")
        sources, wanted = sides(part)
        sources = [source.clip(max=len(model.vocabulary) - 1) for source in sources]
        written = WrittenTargets(targets_written(model, sources, settings.beam, settings.n_best or 1), wanted)
        new = unseen(dataset, part.sources)
        figures = _figures_of(model, written, sources, dataset)
        found: dict[str, Any] = {"checkpoint": str(path), "task": model.task, "lines": part.records}
        found |= {"unseen_lines": None if new is None else int(new.sum())}
        found |= figures(np.ones(part.records, np.bool_))
        found["unseen"] = figures(new) if new is not None and new.any() else None
        if settings.baselines:
            found["baselines"] = _baselines(model, dataset, sources, wanted)
        report(question, found, _rows, _wrong(part, written, model))


def _figures_of(
    model: Checkpoint, written: WrittenTargets, sources: Sequence[Ids], dataset: Dataset | None
) -> Callable[[NDArray[np.bool_]], dict[str, Any]]:
    """What makes the figures of some of the sources."""
    translation = translation_model_of(model)
    translator, vocabulary = (
        Translator(translation.architecture, translation.weights),
        translation.target_vocabulary,
    )
    is_of_symbols = vocabulary.unit == "spaces"
    sizes = [len(target) if is_of_symbols else translation.characters(target) for target in written.wanted]
    costs = own_and_shuffled(translator, sources, written.wanted, np.array(sizes, np.int64) + 1)
    training = None if dataset is None else dataset.examples[0]
    copies = are_copies(written, training) if isinstance(training, Paired) else None

    def figures(chosen: NDArray[np.bool_]) -> dict[str, Any]:
        found: dict[str, Any] = {**written.only(chosen).figures()}
        found |= costs.only(chosen).figures("symbol" if is_of_symbols else "character")
        return found | {"copied_from_training": None if copies is None else float(copies[chosen].mean())}

    return figures


def _wrong(part: Paired, written: WrittenTargets, model: Checkpoint) -> Iterator[Wrong]:
    """The sources whose first target is not exactly theirs, with both."""
    sources, targets = model.vocabulary.marking(), translation_model_of(model).target_vocabulary
    symbols, joint = ("", *targets.symbols, REPLACEMENT), " " if targets.unit == "spaces" else ""
    for number in np.flatnonzero(~written.is_right).tolist():
        begin, end = part.sources.texts[number].tolist()
        both = (written.wanted[number], written.written[number][0])
        own, found = (joint.join(symbols[symbol] for symbol in ids.tolist()) for ids in both)
        yield sources.decode(part.sources.ids[begin + 1 : end - 1]), own, found


REPLACEMENT = "\ufffd"
"""What stands for a symbol of a target that the model does not know."""


def targets_written(model: Checkpoint, sources: Sequence[Ids], beam: int, best: int) -> list[list[Ids]]:
    """What a model writes for sources, the likeliest first."""
    translation = translation_model_of(model)
    translator = Translator(translation.architecture, translation.weights)
    return [[one.ids for one in of] for of in search(translator, sources, beam=max(beam, best), best=best)]


def _baselines(
    model: Checkpoint, dataset: Dataset | None, sources: Sequence[Ids], wanted: Sequence[Ids]
) -> list[dict[str, Any]]:
    """What simple means reach."""
    training = training_examples(dataset, Paired)
    copies = copied(sources, model.vocabulary, translation_model_of(model).target_vocabulary)
    remembered = memorised(training, sources, copies)
    return [
        {"name": name, **WrittenTargets([[one] for one in written], wanted).figures()}
        for name, written in (("copy", copies), ("memorise, else copy", remembered))
    ]


def _rows(found: Mapping[str, Any]) -> list[tuple[str, str]]:
    def shown(name: str) -> str:
        return beside_unseen(found, name, "of sources")

    oracle = [("one of the n best", shown("oracle_exact"))] if "oracle_exact" in found else []
    return [
        ("exact", shown("exact")),
        ("symbol error rate", shown("symbol_error_rate")),
        *oracle,
        _told(found),
        *_copied(found),
        ("lines", lines_of(found)),
        *[(f"… {baseline['name']}", _reached(baseline, found)) for baseline in found.get("baselines", [])],
        ("model", found["checkpoint"]),
    ]


def _told(found: Mapping[str, Any]) -> tuple[str, str]:
    """What targets cost given their sources, beside what they cost given those of others."""
    unit = next(unit for unit in ("character", "symbol") if f"bits_per_{unit}" in found)
    own, shuffled = found[f"bits_per_{unit}"], found[f"bits_per_{unit}_shuffled"]
    with_others = "" if shuffled is None else f"; {shuffled:.4f} with the sources shuffled"
    return f"bits per {unit}", f"{own:.4f}{with_others}"


def _copied(found: Mapping[str, Any]) -> list[tuple[str, str]]:
    """How many of the targets written are those of training; nothing where these are gone."""
    share = found["copied_from_training"]
    return (
        []
        if share is None
        else [("copied", f"{share:.4f} of what it wrote is a target of training, word for word")]
    )


def _reached(baseline: Mapping[str, Any], found: Mapping[str, Any]) -> str:
    """A baseline's figures, and whether it wins."""
    wins = ": better than this model" if baseline["exact"] > found["exact"] else ""
    return f"exact {baseline['exact']:.4f}, symbol error rate {baseline['symbol_error_rate']:.4f}{wins}"
