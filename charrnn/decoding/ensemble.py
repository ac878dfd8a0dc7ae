"""An ensemble of models that writes one text: distributions are mixed, symbols are matched by code point.

A model gives probability 0 to a symbol that it does not have. If the symbol is written, the model reads its
unknown symbol instead, or skips it if it has none. Knows nothing of sampling rules or files.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from charrnn.decoding import filters
from charrnn.decoding.cells import State
from charrnn.decoding.filters import Logits
from charrnn.decoding.language_model import SavedModel, StepNetwork
from charrnn.decoding.network import READ_TOGETHER, Tell
from charrnn.errors import UsageError
from charrnn.text.codes import UNKNOWN
from charrnn.text.vocabulary import Vocabulary

_PASSED_OVER = -1


@dataclass(frozen=True)
class Ensemble:
    """Models that write together, as one model.

    Attributes:
        models: the models; all read text alike.
        shares: of each, together 1.
        vocabulary: every symbol that one of them has.
    """

    models: tuple[SavedModel, ...]
    shares: tuple[float, ...]
    vocabulary: Vocabulary

    @classmethod
    def of(cls, models: Sequence[SavedModel], first_share: float | None = None) -> "Ensemble":
        """Mix models.

        Args:
            models: two or more.
            first_share: of the first; the others get equal parts of the rest. None: all get the same.

        Raises:
            UsageError: they read text differently.
        """
        ways = list(dict.fromkeys(map(_way_of_reading, models)))
        if len(ways) > 1:
            raise UsageError(
                f"the models read text differently: one with {ways[0]}, another with {ways[1]}; expected the "
                "same for all; train them alike"
            )
        first = 1 / len(models) if first_share is None else first_share
        rest = (1 - first) / (len(models) - 1)
        return cls(tuple(models), (first, *[rest] * (len(models) - 1)), _union(models))

    @property
    def normal_form(self) -> str:
        """How the corpora were normalised."""
        return self.models[0].normal_form

    @property
    def empty_records(self) -> bool:
        """Whether one of the corpora has records without a character."""
        return any(model.empty_records for model in self.models)

    @property
    def longest_record(self) -> int:
        """Symbols of the longest record of all the corpora; 0 where it is not known."""
        return max(model.longest_record for model in self.models)

    @property
    def starts(self) -> NDArray[np.float64]:
        """(V,) with what share each symbol begins a line, by the models' shares."""
        starts = np.zeros(len(self.vocabulary))
        for model, share in zip(self.models, self.shares, strict=True):
            of_ours = np.searchsorted(self.vocabulary.codes, model.vocabulary.codes)
            starts[of_ours] += share * model.starts / max(model.starts.sum(), 1)
        return starts

    def network(self) -> "EnsembleNetwork":
        """The networks with one blank text."""
        parts = [
            _Part(model, share, self.vocabulary)
            for model, share in zip(self.models, self.shares, strict=True)
        ]
        return EnsembleNetwork(parts, len(self.vocabulary))


def _way_of_reading(model: SavedModel) -> str:
    vocabulary = model.vocabulary
    return f"--mode {vocabulary.mode} --level {vocabulary.level} --normalize {model.normal_form}"


def _union(models: Sequence[SavedModel]) -> Vocabulary:
    codes = np.unique(np.concatenate([model.vocabulary.codes for model in models]))
    counts = np.zeros(len(codes), np.int64)
    for model in models:
        counts[np.searchsorted(codes, model.vocabulary.codes)] += model.vocabulary.counts
    return Vocabulary(models[0].vocabulary.level, codes, counts)


class EnsembleNetwork:
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
    """One model of an ensemble.

    Attributes:
        of_ours: for each of its symbols, the id in the ensemble's vocabulary.
        chances: (texts, its symbols) what it expects next, times its share.
    """

    def __init__(self, model: SavedModel, share: float, vocabulary: Vocabulary) -> None:
        self.network: StepNetwork = model.network()
        self.of_ours = np.searchsorted(vocabulary.codes, model.vocabulary.codes)
        unknown = model.vocabulary.unknown
        self._reads = np.full(len(vocabulary), _PASSED_OVER if unknown is None else unknown, np.intp)
        self._reads[self.of_ours] = np.arange(len(model.vocabulary))
        self._share = share
        # What it expects before it has read anything; a prompt may begin with what it passes over.
        possible = model.vocabulary.counts * (model.vocabulary.codes != UNKNOWN)
        self.chances: NDArray[Any] = share * possible[None] / max(possible.sum(), 1)

    def read(self, ids: NDArray[np.intp]) -> None:
        """Read the ensemble's symbols, passing over those that this model has no symbol for."""
        own = self._reads[ids]
        passed = np.flatnonzero(own == _PASSED_OVER)
        before, chances = [part[passed] for part in self.network.state] if len(passed) else [], self.chances
        self.chances = self._share * filters.probabilities(self.network.step(np.maximum(own, 0)))
        if len(passed):
            self.network.put(passed, tuple(before))
            self.chances[passed] = chances[passed]
