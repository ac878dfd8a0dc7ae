"""N-grams learnt from the text that a network learnt from, or from the end of it.

Knows nothing of networks or terminals.
"""

import numpy as np

from charrnn.errors import CheckpointError
from charrnn.evaluation.baselines.ngrams import Ids, NgramModel
from charrnn.text.dataset import Part
from charrnn.text.vocabulary import Vocabulary

LONGEST = 2**22
"""Symbols that n-grams are learnt from at most, which bounds their time and memory."""


def ngrams_of(part: Part, vocabulary: Vocabulary, longest: int = LONGEST) -> NgramModel:
    """The n-grams of the last symbols of a part.

    Raises:
        CheckpointError: the part is of another vocabulary.
    """
    ids = last_symbols(part, longest)
    if int(ids.max()) >= len(vocabulary):
        raise CheckpointError(f"the encoded text has a symbol {int(ids.max())} that the model does not have")
    return NgramModel(ids, len(vocabulary), end=vocabulary.end)


def streams_of(part: Part) -> list[Ids]:
    """A part as streams of ids, the first symbol of each being given; in lines mode `END record … END`."""
    if part.records is not None:
        return [last_symbols(part)]
    return [part.ids[begin:end] for begin, end in part.texts.tolist()]


def last_symbols(part: Part, longest: int = LONGEST) -> Ids:
    """The end of a part as one stream of ids; in lines mode `END record END record … END`."""
    if part.records is None or part.bounds is None:
        if part.spans is None:
            return part.ids[-longest:]
        lengths = np.diff(part.spans)[::-1, 0]
        count = int(np.searchsorted(np.cumsum(lengths), longest)) + 1  # the last texts that are long enough
        return np.concatenate([part.ids[begin:end] for begin, end in part.spans[-count:].tolist()])[-longest:]
    lengths = part.bounds[part.records + 1] - part.bounds[part.records]
    count = max(1, int(np.searchsorted(np.cumsum(lengths[::-1]), longest, "right")))
    lengths, begins = lengths[-count:], part.bounds[part.records[-count:]] + 1
    # Place k of the stream is in the record whose begin, less all that came before it, is added to k.
    before = np.cumsum(lengths) - lengths
    places = np.arange(int(lengths.sum())) + np.repeat(begins - before, lengths)
    return np.concatenate([part.ids[:1], part.ids[places]])
