"""Baselines on a text: shown beside the score of a network, and before training as a scale for its losses."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import RenderableType
from rich.table import Column, Table
from rich.text import Text

from charrnn.commands.scored_text import ScoredText
from charrnn.commands.scoring import Subject
from charrnn.config.settings import BudgetSettings
from charrnn.display.sanitizer import visible
from charrnn.errors import CheckpointError
from charrnn.evaluation.baselines.compressors import compressed_bytes
from charrnn.evaluation.baselines.counting import LONGEST, ngrams_of
from charrnn.evaluation.baselines.ngrams import ORDER, Chances, Ids, NgramModel
from charrnn.runs.checkpoint import Checkpoint
from charrnn.text.codes import UNKNOWN_NATS
from charrnn.text.dataset import Dataset, open_dataset
from charrnn.text.parts import Part
from charrnn.text.vocabulary import Vocabulary
from charrnn.training.validation_plan import measured_symbols

SAMPLE, SAMPLE_MEASURED = 2**19, 2**17
"""Before training, n-grams learn from so many symbols and are measured on so many: it takes half a second."""


@dataclass(frozen=True)
class Baseline:
    """What something simple reached.

    Attributes:
        name: of the model or compressor.
        bits_per_character: None where it could not be measured.
        note: how it was measured, or why not.
    """

    name: str
    bits_per_character: float | None
    note: str = ""

    def json(self) -> dict[str, Any]:
        """As JSON has it: without a note where there is none."""
        return {name: value for name, value in asdict(self).items() if value != ""}


def baselines(subject: Subject, characters: int) -> list[Baseline]:
    """Score a text by counting and by compressing.

    Args:
        subject: the text, and the model whose vocabulary the n-grams have; the folder that the model is in
            keeps the text that was learnt from.
        characters: how many are scored.
    """
    texts, unknown = _shown(subject)

    def bits_per_character(nats: float) -> float:
        return (nats + unknown * UNKNOWN_NATS) / math.log(2) / characters

    symbols = len(subject.vocabulary)
    uniform = bits_per_character(sum(len(ids) - 1 for ids in texts) * math.log(symbols))
    return [
        Baseline("uniform", uniform, f"{symbols:,} symbols, equally likely"),
        *(
            Baseline(name, None if nats is None else bits_per_character(nats), note)
            for name, nats, note in _counted(texts, subject.model, subject.path.parent)
        ),
        *_compressed(subject.text, characters, len(texts)),
    ]


def _shown(subject: Subject) -> tuple[list[Ids], int]:
    """What of each text the model knows, the first symbol given, and how many symbols it does not know."""
    symbols, marked = len(subject.vocabulary), subject.vocabulary.unknown
    texts: list[Ids] = []
    unknown = 0
    for pieces in subject.texts():
        parts = []
        for piece in pieces:
            is_shown = piece.ids < symbols
            is_unknown = ~is_shown if marked is None else piece.ids == marked
            unknown += int(is_unknown[piece.given :].sum())
            begin = max(0, piece.given - 1)
            parts.append(piece.ids[begin:][is_shown[begin:]])
        texts.append(np.concatenate(parts))
    return texts, unknown


def _counted(texts: list[Ids], model: Checkpoint, folder: Path) -> Iterator[tuple[str, float | None, str]]:
    """Name, nats and note of the unigrams and of the best n-grams of the training text."""
    try:
        training = _training_part(model, folder)
        ngrams = ngrams_of(training, model.vocabulary)
        nats: Chances = np.sum([ngrams.nats(ids) for ids in texts], axis=0)
    except CheckpointError:
        for name in ("unigram", "n-gram"):
            yield name, None, f"the text the model learnt from is not in {folder}"
        return
    part = f", from its last {LONGEST:,} symbols" if training.symbols > LONGEST else ""
    yield "unigram", float(nats[1]), f"how often each occurs in the training text{part}"
    best = _best_order(nats)
    yield f"{best}-gram", float(nats[best]), f"Kneser-Ney, best of orders 2 to {ORDER}{part}"


def _training_part(model: Checkpoint, folder: Path) -> Part:
    """What a model learnt from, as the run's folder keeps it.

    Raises:
        CheckpointError: it is gone, or another one.
    """
    dataset = open_dataset(folder)
    if not dataset.is_learnt_by(model.corpus.encoded, model.vocabulary):
        raise CheckpointError(f"the encoded text in {folder} is not the one that the model learnt from")
    return dataset.training


def _best_order(nats: Chances) -> int:
    """The order above 1 that predicts best; on the text itself, so that the comparison is a hard one."""
    return 2 + int(np.argmin(nats[2:])) if len(nats) > 2 else 1


def _compressed(text: ScoredText, characters: int, texts: int) -> Iterator[Baseline]:
    """Compressors have to be told the first character of each text too."""
    characters += texts if text.reading.mode == "text" else 0
    for name, size_bytes in compressed_bytes(text.utf8()).items():
        yield Baseline(name, 8 * size_bytes / characters, "without training")


def comparison(found: Sequence[Baseline], bits_per_character: float) -> RenderableType:
    """A table of them all, and how far below each the model's figure is."""
    table = Table(
        Column("on the same text"),
        Column("bits per character", justify="right"),
        Column("this model's gain", justify="right"),
        Column("", style="dim", overflow="fold"),
        box=None,
        padding=(0, 3, 0, 0),
        pad_edge=False,
        header_style="dim",
    )
    for baseline in found:
        bits = baseline.bits_per_character
        shown = ("–", "–") if bits is None else (f"{bits:.4f}", _gain(bits, bits_per_character))
        table.add_row(baseline.name, *shown, Text(visible(baseline.note)))
    table.add_row("this model", f"{bits_per_character:.4f}", "", "")
    return table


def _gain(bits: float, model_bits: float) -> str:
    share = f"{1 - model_bits / bits:4.0%}" if bits else ""  # nothing to gain with a single symbol
    return f"{bits - model_bits:+.4f}  {share}"


def _charged_nats(ngrams: NgramModel, ids: Ids, vocabulary: Vocabulary) -> Chances:
    """What a stream of ids costs for each order, unknown symbols charged."""
    is_shown = ids < len(vocabulary)
    is_unknown = ~is_shown if vocabulary.unknown is None else ids == vocabulary.unknown
    return ngrams.nats(ids[is_shown]) + UNKNOWN_NATS * np.count_nonzero(is_unknown[1:])


def scale_line(dataset: Dataset, measured: Part, vocabulary: Vocabulary, budget: BudgetSettings) -> str:
    """What counting reaches on the text that a run is validated on, as one line: a scale for its losses.

    From samples whose size depends on the budget alone, so that it costs little and is always the same.
    """
    sample = min(SAMPLE, measured_symbols(budget))
    part = measured.beginning(SAMPLE_MEASURED)
    ngrams = ngrams_of(dataset.training, vocabulary, sample)
    nats = np.sum([_charged_nats(ngrams, ids, vocabulary) for ids in part.streams()], axis=0)
    bits = nats / math.log(2) / part.scored_characters
    best = _best_order(nats)
    learnt = min(sample, dataset.training.symbols)
    return (
        f"scale  bits/char of the validation text: uniform {bits[0]:.3f}, unigram {bits[1]:.3f}, "
        f"{best}-gram {bits[best]:.3f} (counted in {learnt:,} symbols)"
    )
