"""`charrnn evaluate` of a model that writes by label: what a label tells of its texts, and they of it."""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from rich.console import Console

from charrnn.commands.scored_examples import beside_unseen, lines_of, report, scored_examples
from charrnn.commands.scored_examples import unseen as unseen_of
from charrnn.commands.scoring import Question
from charrnn.display.progress import Counter
from charrnn.evaluation.by_label import ByLabel, score_by_label, unknown_symbols
from charrnn.evaluation.scores import LanguageScore
from charrnn.model.architecture import LabelledArchitecture
from charrnn.model.network import LabelledRNN
from charrnn.runs.checkpoint import Checkpoint
from charrnn.text.dataset import Dataset
from charrnn.text.example_parts import Labelled
from charrnn.training.machine import find_device

SCORED = 200_000
"""Symbols that take a second or more to score."""


def score_labels(question: Question, path: Path, model: Checkpoint) -> None:
    """Print bits per character with the label told and not told, and how well the model tells labels apart.

    Args:
        question: what a user asked for.
        path: the checkpoint.
        model: what it holds.
    """
    network = _network(model).to(find_device(question.settings.device))
    with scored_examples(question, path, model) as (part, dataset):
        if not isinstance(part, Labelled):
            raise TypeError(f"there are no labels in {type(part).__name__}")
        found = {"checkpoint": str(path), "task": model.task} | _figures(model, network, part, dataset)
        report(question, found, _rows)


def _figures(
    model: Checkpoint, network: LabelledRNN, part: Labelled, dataset: Dataset | None
) -> dict[str, Any]:
    """The score by name."""
    texts, unknown = part.texts, model.vocabulary.unknown
    counts = np.array(model.corpus.label_counts, np.int64)
    everything = texts.symbols * len(counts)
    console = Console(stderr=True, highlight=False, quiet=everything < SCORED)
    with Counter(console, "scoring under each label", "symbols", everything) as counter:
        scored = score_by_label(network, part, counts, unknown, counter.add)
    whole = LanguageScore(float(scored.told.sum()), texts.symbols, texts.scored_characters)
    utf8_bytes = texts.utf8_bytes + texts.records  # an end mark is one, too
    every = np.ones(texts.records, np.bool_)
    unseen = unseen_of(dataset, texts)
    return {
        "lines": texts.records,
        "unseen_lines": None if unseen is None else int(unseen.sum()),
        "characters": whole.characters,
        "unknown_characters": int(unknown_symbols(texts, len(model.vocabulary), unknown).sum()),
        "nats_per_character": whole.nats_per_character,
        **_shares(part, scored, every),
        "bits_per_byte": whole.nats / math.log(2) / utf8_bytes,
        "perplexity": whole.perplexity if math.isfinite(whole.perplexity) else None,
        "unseen": None if unseen is None or not unseen.any() else _shares(part, scored, unseen),
    }


def _shares(part: Labelled, scored: ByLabel, which: NDArray[np.bool_]) -> dict[str, float]:
    """What tasks of this kind are compared by, of some of the texts."""
    texts, labels = part.texts, part.labels[part.texts.chosen]
    share = int(texts.lengths[which].sum()) / texts.symbols
    characters = texts.scored_characters * share  # exact where one symbol is one
    told, untold = (
        float(nats[which].sum()) / math.log(2) / characters for nats in (scored.told, scored.untold)
    )
    return {
        "bits_per_character": told,
        "bits_per_character_without_label": untold,
        "accuracy_by_bayes": float(np.mean((scored.found == labels)[which])),
    }


def _network(model: Checkpoint) -> LabelledRNN:
    """The network with a checkpoint's weights."""
    if not isinstance(model.architecture, LabelledArchitecture):
        raise TypeError(f"a network of the task {model.task} knows no labels")
    network = LabelledRNN(model.architecture, 0.0, torch.Generator().manual_seed(0))
    network.put(model.weights)
    return network.eval()


def _rows(found: Mapping[str, Any]) -> list[tuple[str, str]]:
    perplexity = found["perplexity"]

    def shown(name: str, digits: str = ".4f") -> str:
        return beside_unseen(found, name, "on lines", digits)

    unknown = found["unknown_characters"]
    return [
        ("bits per character", shown("bits_per_character")),
        ("… without the label", shown("bits_per_character_without_label")),
        ("label by Bayes' rule", f"right {shown('accuracy_by_bayes', '.1%')}"),
        ("nats per character", f"{found['nats_per_character']:.4f}"),
        ("bits per byte", f"{found['bits_per_byte']:.4f}"),
        ("perplexity", "infinite" if perplexity is None else f"{perplexity:.3f} per character"),
        ("lines", lines_of(found)),
        (
            "characters",
            f"{found['characters']:,}, of which {unknown:,} unknown to the model",
        ),
        ("model", str(found["checkpoint"])),
    ]
