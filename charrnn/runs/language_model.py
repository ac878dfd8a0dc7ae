"""Loads the language model of a checkpoint for sampling. Knows nothing of torch or of sampling itself."""

import numpy as np

from charrnn.decoding.labels import with_label
from charrnn.decoding.language_model import SavedModel
from charrnn.decoding.network import Held
from charrnn.model.architecture import LabelledArchitecture
from charrnn.runs.checkpoint import Checkpoint


def language_model_of(
    checkpoint: Checkpoint, label: str | None = None, held: tuple[Held, ...] = ()
) -> SavedModel:
    """What a checkpoint says of its text, and its weights.

    Args:
        checkpoint: of the task of language; or of generation by label.
        label: the one that its texts are to have, where they have labels.
        held: cells that are held at values.
    """
    architecture, weights = checkpoint.architecture, checkpoint.weights
    if isinstance(architecture, LabelledArchitecture):
        architecture, weights = with_label(architecture, weights, checkpoint.answers.index(label or ""))
    return SavedModel(
        architecture=architecture,
        weights=weights,
        vocabulary=checkpoint.vocabulary,
        starts=np.array(checkpoint.corpus.starts, np.int64),
        normal_form=checkpoint.reading.normalize,
        empty_records=checkpoint.corpus.empty_records > 0,
        longest_record=checkpoint.corpus.longest_record,
        held=held,
    )
