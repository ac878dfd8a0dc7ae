"""Which target a source gets: beam search, and drawing. Knows nothing of text or files.

A beam holds the K best targets so far, those that are complete and those that go on. Each step replaces one
that goes on by all its continuations and keeps the K best of all. As no continuation is likelier than what
it continues, the first N of them are final once these are complete.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from charrnn.decoding import filters
from charrnn.decoding.cells import Array
from charrnn.decoding.translator import Ids, Translator, by_length
from charrnn.text.target_vocabulary import END

LONGEST = 500
"""Symbols that a target has at most, where nobody says."""

TOGETHER = 4096
"""Rows that are written side by side, at most: bounds memory, whatever is asked for."""


MOST_LOOKED_AT = 2**25
"""Numbers that tell what was looked at, of all targets that are written side by side."""

_FEW = 16
"""Up to so many places are found one after the other, more of them by sorting."""

Logs = NDArray[np.float64]
"""(B, K·W), the log-probability of each continuation of each target."""

Choose = Callable[[Logs, NDArray[np.intp]], NDArray[np.intp]]
"""Given the continuations and which sources they are of: the places of K of them, (B, K)."""


@dataclass(frozen=True)
class Target:
    """A target that was written.

    Attributes:
        ids: its symbols, without the end mark.
        log_probability: of these, and of the end mark where there is one; in nats.
        is_capped: whether it was broken off at the longest that was allowed.
        attention: (symbols, S), for each symbol how much each of the source's was looked at, its end mark
            included; for the end mark of the target too, in the last row, where there is one. None where
            nobody asked, or without attention.
    """

    ids: NDArray[np.intp]
    log_probability: float
    is_capped: bool = False
    attention: Array | None = None


def search(
    translator: Translator,
    sources: Sequence[Ids],
    *,
    beam: int = 5,
    best: int = 1,
    longest: int = LONGEST,
    attention: bool = False,
) -> list[list[Target]]:
    """The likeliest targets of each source that a beam finds, the likeliest first.

    Of equally likely ones that comes first whose first other symbol has the lower id.

    Args:
        translator: the network.
        sources: ids, each with its end mark.
        beam: how many targets are kept at each step; 1 takes the likeliest symbol each time.
        best: how many are wanted of each source; no more than the beam has.
        longest: symbols that a target has at most.
        attention: whether to tell what was looked at.
    """
    best = min(best, beam)

    def choose(totals: Logs, _: NDArray[np.intp]) -> NDArray[np.intp]:
        return highest(totals, beam)

    def write(some: Sequence[int]) -> list[list[Target]]:
        writing = _Writing(translator, [sources[place] for place in some], beam, attention=attention)
        return writing.run(choose, best, longest)

    return _in_groups(sources, _together(sources, beam, longest if attention else 0), write)


def draw(
    translator: Translator,
    sources: Sequence[Ids],
    *,
    temperature: float,
    random: Sequence[np.random.Generator],
    longest: int = LONGEST,
    attention: bool = False,
) -> list[list[Target]]:
    """A target of each source, drawn symbol by symbol.

    Args:
        translator: the network.
        sources: ids, each with its end mark.
        temperature: below 1 safer, above 1 bolder; 0 takes the likeliest symbol each time.
        random: the random numbers of each source, so that none depends on the others.
        longest: symbols that a target has at most.
        attention: whether to tell what was looked at.
    """

    def write(some: Sequence[int]) -> list[list[Target]]:
        def choose(totals: Logs, going_on: NDArray[np.intp]) -> NDArray[np.intp]:
            uniform = np.array([random[some[place]].random() for place in going_on])
            return filters.draw(filters.temperature(totals, temperature), uniform)[:, None]

        writing = _Writing(translator, [sources[place] for place in some], 1, attention=attention)
        return writing.run(choose, 1, longest)

    return _in_groups(sources, _together(sources, 1, longest if attention else 0), write)


def _together(sources: Sequence[Ids], beam: int, looked_at: int) -> int:
    """How many sources have their targets written side by side.

    Args:
        sources: all of them.
        beam: targets of each.
        looked_at: by how many symbols of a target, where that is to be told.
    """
    cells = beam * looked_at * max(map(len, sources), default=0)
    return max(1, min(TOGETHER // beam, MOST_LOOKED_AT // max(cells, 1)))


def _in_groups(
    sources: Sequence[Ids], together: int, write: Callable[[Sequence[int]], list[list[Target]]]
) -> list[list[Target]]:
    """Sources of similar lengths together; what is written stands in the order of the sources."""
    found: dict[int, list[Target]] = {}
    for some in by_length([len(source) for source in sources], together):
        found |= dict(zip(some, write(some), strict=True))
    return [found[place] for place in range(len(sources))]


class _Writing:
    """Targets of some sources being written, K of each, the best first.

    Attributes:
        going_on: (B,) the places of those sources that are not done.
        scores: (B, K), the log-probability of each target so far.
        is_whole: (B, K), whether its end mark was written.
        ids: (B, K, t), its symbols; past its end mark there are more of these.
        shares: (B, K, t, S), what was looked at; t is 0 where nobody asked.
    """

    def __init__(self, translator: Translator, sources: Sequence[Ids], each: int, *, attention: bool) -> None:
        encoded = translator.encode(sources)
        self._writer, self._each = translator.writer(encoded, each), each
        self._lengths = encoded.lengths
        self._attention = attention and translator.architecture.attention
        count = len(sources)
        self.going_on = np.arange(count)
        self.scores = np.full((count, each), -np.inf)
        self.scores[:, 0] = 0.0
        self.is_whole = np.zeros((count, each), np.bool_)
        self.ids = np.zeros((count, each, 0), np.intp)
        self.shares = np.zeros((count, each, 0, encoded.vectors.shape[1]), np.float32)

    def run(self, choose: Choose, best: int, longest: int) -> list[list[Target]]:
        """Write until the first `best` of each source are whole, or have as many symbols as they may."""
        found: dict[int, list[Target]] = {}
        last = np.full(self.scores.size, END)
        for _ in range(longest):
            last = self._step(last, choose)
            is_done = (self.is_whole | np.isneginf(self.scores))[:, :best].all(1)
            if is_done.any():
                found |= self._targets(np.flatnonzero(is_done), best)
                last = self._keep(np.flatnonzero(~is_done), last)
            if not len(self.going_on):
                break
        found |= self._targets(np.arange(len(self.going_on)), best)
        return [found[place] for place in range(len(found))]

    def _step(self, last: NDArray[np.intp], choose: Choose) -> NDArray[np.intp]:
        """Write one more symbol of each target, given the last of each; gives those."""
        logits = self._writer.step(last)
        logs = filters.log_probabilities(logits).reshape(*self.scores.shape, -1)
        logs[self.is_whole] = -np.inf
        logs[self.is_whole, END] = 0.0  # what is whole stays as it is
        totals = (self.scores[..., None] + logs).reshape(len(logs), -1)
        places = choose(totals, self.going_on)
        parents, ids = np.divmod(places, logs.shape[-1])
        self.scores = np.take_along_axis(totals, places, 1)
        self.is_whole = np.take_along_axis(self.is_whole, parents, 1) | (ids == END)
        sources = np.arange(len(logs))[:, None]
        self.ids = np.concatenate((self.ids[sources, parents], ids[..., None]), 2)
        if self._attention and self._writer.shares is not None:
            shares = np.concatenate((self.shares, self._writer.shares[:, :, None]), 2)
            self.shares = shares[sources, parents]
        if self._each > 1:
            self._writer.go_on_from((sources * self._each + parents).ravel())
        return ids.ravel()

    def _keep(self, sources: NDArray[np.intp], last: NDArray[np.intp]) -> NDArray[np.intp]:
        """Go on with some sources only; gives the last symbol of each of their targets."""
        self.going_on, self._lengths = self.going_on[sources], self._lengths[sources]
        self.scores, self.is_whole = self.scores[sources], self.is_whole[sources]
        self.ids = self.ids[sources]
        self.shares = self.shares[sources, ..., : int(self._lengths.max(initial=0))]
        if len(sources):
            self._writer.keep(sources)
        return last.reshape(-1, self._each)[sources].ravel()

    def _targets(self, sources: NDArray[np.intp], best: int) -> dict[int, list[Target]]:
        """The best targets of some sources, by the places of these."""
        return {
            int(self.going_on[source]): [
                self._target(source, rank) for rank in range(best) if self.scores[source, rank] > -np.inf
            ]
            for source in sources
        }

    def _target(self, source: int, rank: int) -> Target:
        ids, is_whole = self.ids[source, rank], bool(self.is_whole[source, rank])
        length = int((ids == END).argmax()) if is_whole else len(ids)
        shares = self.shares[source, rank, : length + is_whole, : self._lengths[source]]
        return Target(
            ids=ids[:length].copy(),
            log_probability=float(self.scores[source, rank]),
            is_capped=not is_whole,
            attention=shares.copy() if self._attention else None,
        )


def highest(values: Logs, count: int) -> NDArray[np.intp]:
    """The places of the highest of each row, (B, count), the highest first, of equal ones the first first."""
    if count > _FEW:
        return np.argsort(-values, axis=1, kind="stable")[:, :count]
    # What is impossible stays above what was taken.
    rows, values = np.arange(len(values)), np.maximum(values, np.finfo(np.float64).min)
    places = np.empty((len(values), count), np.intp)
    for rank in range(count):
        places[:, rank] = values.argmax(1)
        values[rows, places[:, rank]] = -np.inf
    return places
