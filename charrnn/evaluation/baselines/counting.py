"""N-grams trained on the training text of a network, or on the end of it.

Knows nothing of networks or terminals.
"""

from charrnn.errors import CheckpointError
from charrnn.evaluation.baselines.ngrams import NgramModel
from charrnn.text.parts import Part
from charrnn.text.vocabulary import Vocabulary

LONGEST = 2**22
"""Symbols that n-grams are learnt from at most, which bounds their time and memory."""


def ngrams_of(part: Part, vocabulary: Vocabulary, longest: int = LONGEST) -> NgramModel:
    """The n-grams of the last symbols of a part.

    Raises:
        CheckpointError: the part is of another vocabulary.
    """
    ids = part.last_symbols(longest)
    if int(ids.max()) >= len(vocabulary):
        raise CheckpointError(f"the encoded text has a symbol {int(ids.max())} that the model does not have")
    return NgramModel(ids, len(vocabulary), end=vocabulary.end)
