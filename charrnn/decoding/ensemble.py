"""Several models that write one text together: their distributions mixed, symbols aligned by code point.

A symbol that a model does not have gets nothing from it; when it is written all the same, that model reads
its unknown symbol instead, or passes over it where it has none. Knows nothing of sampling rules or files.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from charrnn.decoding import filters
from charrnn.decoding.filters import Logits
from charrnn.decoding.language_model import Author, Network
from charrnn.decoding.network import READ_TOGETHER, State, Tell
from charrnn.errors import UsageError
from charrnn.text.codes import UNKNOWN
from charrnn.text.vocabulary import Vocabulary

_PASSED_OVER = -1


@dataclass(frozen=True)
class Mixture:
    """Models that write together, as one voice.

    Attributes:
        authors: the models; all read text alike.
        shares: of each, together 1.
        vocabulary: every symbol that one of them has.
    """

    authors: tuple[Author, ...]
    shares: tuple[float, ...]
    vocabulary: Vocabulary

    @classmethod
    def of(cls, authors: Sequence[Author], first_share: float | None = None) -> "Mixture":
        """Mix models.

        Args:
            authors: two or more.
            first_share: of the first; the others get equal parts of the rest. None: all get the same.

        Raises:
            UsageError: they read text differently.
        """
        ways = list(dict.fromkeys(map(_way_of_reading, authors)))
        if len(ways) > 1:
            raise UsageError(
                f"the models read text differently: one with {ways[0]}, another with {ways[1]}; expected the "
                "same for all; train them alike"
            )
        first = 1 / len(authors) if first_share is None else first_share
        rest = (1 - first) / (len(authors) - 1)
        return cls(tuple(authors), (first, *[rest] * (len(authors) - 1)), _union(authors))

    @property
    def normal_form(self) -> str:
        """How the corpora were normalised."""
        return self.authors[0].normal_form

    @property
    def empty_records(self) -> bool:
        """Whether one of the corpora has records without a character."""
        return any(author.empty_records for author in self.authors)

    @property
    def longest_record(self) -> int:
        """Symbols of the longest record of all the corpora; 0 where it is not known."""
        return max(author.longest_record for author in self.authors)

    @property
    def starts(self) -> NDArray[np.float64]:
        """(V,) with what share each symbol begins a line, by the models' shares."""
        starts = np.zeros(len(self.vocabulary))
        for author, share in zip(self.authors, self.shares, strict=True):
            of_ours = np.searchsorted(self.vocabulary.codes, author.vocabulary.codes)
            starts[of_ours] += share * author.starts / max(author.starts.sum(), 1)
        return starts

    def network(self) -> "MixedNetwork":
        """The networks with one blank text."""
        parts = [
            _Part(author, share, self.vocabulary)
            for author, share in zip(self.authors, self.shares, strict=True)
        ]
        return MixedNetwork(parts, len(self.vocabulary))


def _way_of_reading(author: Author) -> str:
    mode = "text" if author.vocabulary.end is None else "lines"
    return f"--mode {mode} --level {author.vocabulary.level} --normalize {author.normal_form}"


def _union(authors: Sequence[Author]) -> Vocabulary:
    codes = np.unique(np.concatenate([author.vocabulary.codes for author in authors]))
    counts = np.zeros(len(codes), np.int64)
    for author in authors:
        counts[np.searchsorted(codes, author.vocabulary.codes)] += author.vocabulary.counts
    return Vocabulary(authors[0].vocabulary.level, codes, counts)


class MixedNetwork:
    """The networks of several models as one: symbols of any in, logarithms of the mixed chances out."""

    def __init__(self, parts: "list[_Part]", symbols: int) -> None:
        self._parts, self._symbols = parts, symbols

    def step(self, ids: NDArray[np.intp]) -> Logits:
        """Read one symbol of each text; the logarithm of the chances of the next, (texts, V)."""
        chances = np.zeros((len(ids), self._symbols))
        for part in self._parts:
            part.read(ids)
            chances[:, part.of_ours] += part.chances
        with np.errstate(divide="ignore"):
            return np.asarray(np.log(chances))

    def read(self, ids: NDArray[np.intp], tell: Tell | None = None) -> Logits:
        """Read many symbols of the one text; the logarithm of the chances of the next, (1, V)."""
        for number, row in enumerate(ids.reshape(-1, 1), 1):
            logits = self.step(row)
            if tell is not None and (number % READ_TOGETHER == 0 or number == len(ids)):
                tell((number - 1) % READ_TOGETHER + 1)
        return logits

    @property
    def state(self) -> State:
        """A copy of what the texts read so far have left, model after model."""
        return tuple(array for part in self._parts for array in (*part.network.state, part.chances.copy()))

    def put(self, rows: NDArray[np.intp], state: State) -> None:
        """Let these texts go on from a state, of as many texts or of one."""
        start = 0
        for part in self._parts:
            end = start + len(part.network.state)
            part.network.put(rows, state[start:end])
            part.chances[rows] = state[end]
            start = end + 1

    def select(self, rows: NDArray[np.intp]) -> None:
        """Go on with these texts only, in this order."""
        for part in self._parts:
            part.network.select(rows)
            part.chances = part.chances[rows]


class _Part:
    """One model of a mixture.

    Attributes:
        of_ours: for each of its symbols, the id in the mixture's vocabulary.
        chances: (texts, its symbols) what it expects next, times its share.
    """

    def __init__(self, author: Author, share: float, vocabulary: Vocabulary) -> None:
        self.network: Network = author.network()
        self.of_ours = np.searchsorted(vocabulary.codes, author.vocabulary.codes)
        unknown = author.vocabulary.unknown
        self._reads = np.full(len(vocabulary), _PASSED_OVER if unknown is None else unknown, np.intp)
        self._reads[self.of_ours] = np.arange(len(author.vocabulary))
        self._share = share
        # What it expects before it has read anything; a prompt may begin with what it passes over.
        possible = author.vocabulary.counts * (author.vocabulary.codes != UNKNOWN)
        self.chances: NDArray[Any] = share * possible[None] / max(possible.sum(), 1)

    def read(self, ids: NDArray[np.intp]) -> None:
        """Read the mixture's symbols, passing over those that this model has no symbol for."""
        own = self._reads[ids]
        passed = np.flatnonzero(own == _PASSED_OVER)
        before, chances = [part[passed] for part in self.network.state] if len(passed) else [], self.chances
        self.chances = self._share * filters.probabilities(self.network.step(np.maximum(own, 0)))
        if len(passed):
            self.network.put(passed, tuple(before))
            self.chances[passed] = chances[passed]
