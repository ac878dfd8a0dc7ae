"""Whether a page computes what its model does: in doubles, as its script, beside the NumPy decoder."""

from collections.abc import Iterator, Mapping
from functools import partial

import numpy as np

from charrnn.decoding.cells import Array
from charrnn.decoding.classification import SavedClassifier
from charrnn.decoding.labels import with_label
from charrnn.decoding.network import Decoder
from charrnn.decoding.tagging import SavedTagger
from charrnn.decoding.translator import Translator
from charrnn.export.doubles import DoubleNetwork, DoubleTranslator, Ids, read_text, remembered
from charrnn.export.held_out import held_out_texts
from charrnn.export.loss import lost
from charrnn.export.measure import COMPARED, Network, close, largest_difference
from charrnn.export.source import Check, Source
from charrnn.model.architecture import (
    Architecture,
    ClassifierArchitecture,
    EncoderArchitecture,
    LabelledArchitecture,
    TaggerArchitecture,
    TranslationArchitecture,
)
from charrnn.runs.checkpoint import Checkpoint

LABELS = 3
"""Labels that are tried."""

Weights = Mapping[str, Array]


def checked(source: Source, stored: Weights, held: Weights) -> Check:
    """Compute with what a page holds, and measure what its weights cost.

    Args:
        source: the model.
        stored: its weights as they are stored.
        held: those that were read out of the page.

    Raises:
        CharRNNError: the page computes something else than the model.
    """
    architecture, texts = source.model.architecture, held_out_texts(source, COMPARED)
    if isinstance(architecture, EncoderArchitecture):
        ids = [text[1:] for text in texts.texts]
        found = [_of_text(source.model, stored, held, text) for text in ids]
        difference = close(float(np.max(found)))  # where one is no number, so is this
    else:
        pairs = _networks(architecture, stored, held)
        difference = max(largest_difference(*pair, texts) for pair in pairs)
    return Check(texts.symbols, difference, lost(source, stored))


def _networks(
    architecture: Architecture, stored: Weights, held: Weights
) -> Iterator[tuple[Network, Network]]:
    """The decoder, and the page; with labels, of some of these."""
    if not isinstance(architecture, LabelledArchitecture):
        yield partial(Decoder, architecture, stored), partial(DoubleNetwork, architecture, held)
        return
    for label in range(min(architecture.classes, LABELS)):
        alone, weights = with_label(architecture, stored, label)
        added = held["label.weight"][label]
        yield partial(Decoder, alone, weights), partial(DoubleNetwork, alone, held, added=added)


def _of_text(model: Checkpoint, stored: Weights, held: Weights, ids: Ids) -> float:
    """The largest difference of what is made of a whole text."""
    architecture = model.architecture
    if isinstance(architecture, TranslationArchitecture):
        return _of_targets(architecture, stored, held, ids)
    hidden = read_text(architecture, held, ids)
    if isinstance(architecture, ClassifierArchitecture):
        expected = SavedClassifier(architecture, stored).logits([ids])
        hidden = np.concatenate((hidden.mean(0), hidden.max(0)))
    found = hidden @ held["output.weight"].T + held["output.bias"]
    if isinstance(architecture, TaggerArchitecture):
        expected, _, _ = SavedTagger(architecture, stored, model.answers).emissions([ids])
        found = (found + remembered(held, ids))[: len(expected)]
    return float(np.abs(found - expected).max(initial=0))


def _of_targets(architecture: TranslationArchitecture, stored: Weights, held: Weights, ids: Ids) -> float:
    """The largest difference while a target is written, as long as the source."""
    translator = Translator(architecture, stored)
    writer, page = translator.writer(translator.encode([ids])), DoubleTranslator(architecture, held, ids)
    symbols = np.random.default_rng(len(ids)).integers(0, architecture.target_symbols, len(ids)).tolist()
    found = [np.abs(writer.step(np.array([one]))[0] - page.step(one)).max() for one in symbols]
    return float(np.max(found))
