"""The maximum length of a generated text, and whether anything ends it."""

from collections.abc import Iterable, Iterator

from charrnn.config.settings import DEFAULT_LENGTH, Request
from charrnn.decoding.language_model import LanguageModel
from charrnn.decoding.trace import Written

TIMES_THE_LONGEST, SHORTEST_BOUND, UNKNOWN_BOUND = 10, 100, 10_000
"""Characters at which a record is cut that does not end: so many times the corpus's longest one, but no fewer
than these; and where the longest one is not known."""


def length_of(model: LanguageModel, request: Request) -> int:
    """The characters that a text may have after the prompt; 0 where something else ends it."""
    if request.length is not None:
        return request.length
    return DEFAULT_LENGTH if model.vocabulary.mode == "text" and request.until_line is None else 0


def bound_of(model: LanguageModel, request: Request) -> int:
    """The characters at which a record is cut that the model does not end; 0 where nobody waits for its end.

    It is no length: most records end long before.
    """
    if model.vocabulary.mode == "text" or request.length is not None or request.until_line is not None:
        return 0
    if not model.longest_record:
        return UNKNOWN_BOUND
    return max(SHORTEST_BOUND, TIMES_THE_LONGEST * model.longest_record)


def has_end(model: LanguageModel, request: Request) -> bool:
    """Whether a text is ever over: whether something that is sure to come, or may come, ends it."""
    ends = (length_of(model, request), request.stop, request.until_line, model.vocabulary.mode == "lines")
    return any(ends)


class Cuts:
    """Counts the texts that were cut because the model did not end them.

    Attributes:
        texts: how many that were so far.
    """

    def __init__(self, bound: int, longest: int) -> None:
        """Look for texts that are as long as that.

        Args:
            bound: characters at which a text is cut; 0 where none is.
            longest: symbols of the corpus's longest record; 0 where it is not known.
        """
        self.texts = 0
        self._bound, self._longest = bound, longest

    def counted(self, texts: Iterable[Iterator[Written]]) -> Iterator[Iterator[Written]]:
        """The same texts; each counts once it is over."""
        return map(self._counted, texts)

    def _counted(self, pieces: Iterator[Written]) -> Iterator[Written]:
        characters = 0
        for piece in pieces:
            characters += len(piece.text)
            yield piece
        self.texts += bool(self._bound) and characters == self._bound

    def notice(self) -> str:
        """What to say of them, if there are any."""
        if not self.texts:
            return ""
        what = "1 text was" if self.texts == 1 else f"{self.texts:,} texts were"
        longest = f"; the longest that it learnt from has {self._longest:,}" if self._longest else ""
        return (
            f"{what} cut at {self._bound:,} characters, where the model had written no end mark{longest}; "
            "--length N cuts at another length, --length 0 never"
        )
