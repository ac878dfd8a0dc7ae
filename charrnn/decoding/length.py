"""How long a text becomes that a model writes, and whether anything ends it."""

from charrnn.config.settings import DEFAULT_LENGTH, Request
from charrnn.decoding.language_model import LanguageModel

TIMES_THE_LONGEST, SHORTEST_BOUND, UNKNOWN_BOUND = 10, 100, 10_000
"""Characters at which a record is cut that does not end: so many times the corpus's longest one, but no fewer
than these; and where the longest one is not known."""


def length_of(model: LanguageModel, request: Request) -> int:
    """The characters that a text may have after the prompt; 0 where something else ends it."""
    if request.length is not None:
        return request.length
    return DEFAULT_LENGTH if model.vocabulary.end is None and request.until_line is None else 0


def bound_of(model: LanguageModel, request: Request) -> int:
    """The characters at which a record is cut that the model does not end; 0 where nobody waits for its end.

    It is no length: most records end long before.
    """
    if model.vocabulary.end is None or request.length is not None or request.until_line is not None:
        return 0
    if not model.longest_record:
        return UNKNOWN_BOUND
    return max(SHORTEST_BOUND, TIMES_THE_LONGEST * model.longest_record)


def has_end(model: LanguageModel, request: Request) -> bool:
    """Whether a text is ever over: whether something that is sure to come, or may come, ends it."""
    ends = (length_of(model, request), request.stop, request.until_line, model.vocabulary.end is not None)
    return any(ends)
