"""What the colours of each cell mean on a page, as `charrnn inspect` has them: of text that was held out."""

from collections.abc import Iterator

import numpy as np

from charrnn.decoding.cells import Array
from charrnn.decoding.labels import with_label
from charrnn.decoding.network import Decoder
from charrnn.export.held_out import Texts, held_out_texts
from charrnn.export.source import Source
from charrnn.inspection.pictures import Scale
from charrnn.model.architecture import LabelledArchitecture
from charrnn.runs.checkpoint import Checkpoint

SYMBOLS = 5_000
"""That are read."""

ROWS = 20
"""Texts side by side."""

LABELS = 3
"""Labels with which they are read."""


def scales(source: Source) -> list[Scale]:
    """Of each cell, layer after layer."""
    texts = held_out_texts(source, SYMBOLS)
    rows = min(len(texts.texts), ROWS)
    read = [_values(decoder, texts) for decoder in _decoders(source.model, rows)]
    return [Scale.of(values) for values in np.concatenate(read).T]


def _decoders(model: Checkpoint, rows: int) -> Iterator[Decoder]:
    """The network; with labels, of some of these."""
    architecture = model.architecture
    if not isinstance(architecture, LabelledArchitecture):
        yield Decoder(architecture, model.weights, rows)
        return
    for label in range(min(architecture.classes, LABELS)):
        yield Decoder(*with_label(architecture, model.weights, label), rows)


def _values(decoder: Decoder, texts: Texts) -> Array:
    """(N, C) of each cell after each symbol that something follows."""
    found = []
    for ids, is_there in texts.side_by_side(decoder.texts):
        decoder.reset()
        for place in range(ids.shape[1] - 1):
            decoder.step(ids[:, place])
            found.append(decoder.state[-1][is_there[:, place + 1]])
    return np.concatenate(found)
