"""The language model that a checkpoint holds, to write with. Knows nothing of torch or of sampling."""

import numpy as np

from charrnn.decoding.language_model import SavedModel
from charrnn.runs.checkpoint import Checkpoint


def language_model_of(checkpoint: Checkpoint) -> SavedModel:
    """What a checkpoint of the task of language says, and its weights."""
    return SavedModel(
        architecture=checkpoint.architecture,
        weights=checkpoint.weights,
        vocabulary=checkpoint.vocabulary,
        starts=np.array(checkpoint.corpus.starts, np.int64),
        normal_form=checkpoint.reading.normalize,
        empty_records=checkpoint.corpus.empty_records > 0,
        longest_record=checkpoint.corpus.longest_record,
    )
