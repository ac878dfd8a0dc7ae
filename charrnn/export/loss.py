"""What stored weights cost, on what the model's run held out."""

from collections.abc import Mapping
from functools import partial

from charrnn.decoding.cells import Array
from charrnn.decoding.network import Decoder
from charrnn.export.held_out import held_out_texts
from charrnn.export.measure import MEASURED, bits_lost
from charrnn.export.source import Source


def lost(source: Source, stored: Mapping[str, Array]) -> float | None:
    """What a character costs more with these weights; None where nothing is held out, or predicted.

    Args:
        source: the model.
        stored: its weights as they are stored.
    """
    model = source.model
    if source.settings.weights == "f32":
        return 0.0
    if model.task != "language":
        return None
    own, others = (partial(Decoder, model.architecture, some) for some in (model.weights, stored))
    return bits_lost(own, others, held_out_texts(source, MEASURED))
