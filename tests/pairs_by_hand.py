"""Pairs of sources and targets, and a network for them, made by hand."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from charrnn.model.architecture import TranslationArchitecture
from charrnn.model.translation import TranslationNetwork
from charrnn.text.example_parts import Paired
from charrnn.text.record_part import Records
from charrnn.text.target_vocabulary import END, TargetVocabulary
from charrnn.text.vocabulary import Vocabulary

SYMBOLS, TARGETS = 11, 7


def architecture_of(cell: str = "lstm", layers: int = 1, **changes: Any) -> TranslationArchitecture:  # noqa: ANN401
    sizes: dict[str, Any] = {"hidden": 10, "embedding": 5, "symbols": SYMBOLS, "target_symbols": TARGETS}
    return TranslationArchitecture(cell=cell, layers=layers, **(sizes | changes))


def lively(architecture: TranslationArchitecture, size: float = 0.7) -> TranslationNetwork:
    """A network whose every array is random, the output's too."""
    network = TranslationNetwork(architecture, 0.0, torch.Generator().manual_seed(3)).eval()
    random = np.random.default_rng(5)
    shapes = architecture.shapes().items()
    network.put({name: random.uniform(-size, size, shape).astype(np.float32) for name, shape in shapes})
    return network


def vocabularies(pairs: Sequence[tuple[str, str]]) -> tuple[Vocabulary, TargetVocabulary]:
    sources = Vocabulary.from_text("".join(source for source, _ in pairs), end=True, unknown=True)
    return sources, TargetVocabulary.of(target for _, target in pairs)


def part_of(pairs: Sequence[tuple[str, str]], sources: Vocabulary, targets: TargetVocabulary) -> Paired:
    assert sources.end is not None
    return Paired(
        records([sources.encode(source).tolist() for source, _ in pairs], sources.end),
        records([targets.encode(target).tolist() for _, target in pairs], END),
    )


def records(rows: Sequence[Sequence[int]], end: int) -> Records:
    ids = [end, *(symbol for row in rows for symbol in (*row, end))]
    bounds = np.cumsum([0, *(len(row) + 1 for row in rows)])
    characters = sum(map(len, rows))
    return Records(np.array(ids, np.int32), characters, characters, bounds, np.arange(len(rows)))
