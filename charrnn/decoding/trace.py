"""The trace of a generated text: the model's unfiltered prediction for each character, for every view.

A character is made of one or several symbols (bytes, or composed letters). Its probability is the product of
their conditional probabilities, so the probability of a text is the same by characters as by symbols. Knows
nothing of terminals or files.
"""

import math
from collections import defaultdict, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from unicodedata import normalize

import numpy as np
from numpy.typing import NDArray

from charrnn.decoding.filters import Logits, log_probabilities
from charrnn.decoding.prompt import decomposes
from charrnn.decoding.text_stream import exact_bytes
from charrnn.text.codes import END
from charrnn.text.vocabulary import Vocabulary

ALTERNATIVES = 5
"""How many of the symbols that could have stood there are kept."""


@dataclass(frozen=True)
class Expected:
    """A character that was written, and what the model had thought of it.

    Attributes:
        character: as it was written.
        nats: its surprise, -ln of its probability.
        alternatives: the likeliest other symbols where its first symbol stands, each with its probability,
            the likeliest first; named as `Vocabulary.symbols` names them.
    """

    character: str
    nats: float
    alternatives: dict[str, float]

    @property
    def probability(self) -> float:
        """The chance it had, from 0 to 1."""
        return math.exp(-self.nats)

    @property
    def bits(self) -> float:
        """Its surprise in bits."""
        return self.nats / math.log(2)


@dataclass(frozen=True)
class Written:
    """A text or a piece of it.

    Attributes:
        text: what was written.
        characters: what was expected at each of its characters, if anybody asked.
    """

    text: str
    characters: Sequence[Expected] = ()


@dataclass(frozen=True)
class _Symbol:
    """A symbol that was written: its share of a character, its surprise, and what else was likely."""

    size: int
    nats: float
    others: NDArray[np.intp]
    chances: NDArray[np.float64]


class Trace:
    """Watches texts being written, symbol by symbol, and tells it character by character."""

    def __init__(self, vocabulary: Vocabulary, normal_form: str = "none") -> None:
        """Watch a model.

        Args:
            vocabulary: its symbols.
            normal_form: how its corpus was normalised.
        """
        self._codes, self._names = vocabulary.codes, vocabulary.symbols()
        self._measure = _measure(vocabulary.level, normal_form)
        self._is_byte = vocabulary.level == "byte"
        self._pending: defaultdict[int, deque[_Symbol]] = defaultdict(deque)

    def __call__(self, texts: NDArray[np.intp], logits: Logits, ids: NDArray[np.intp]) -> None:
        """Note which symbols were chosen, and from what.

        Args:
            texts: (rows,), the number of each row's text.
            logits: (rows, V), the model's own, unfiltered.
            ids: (rows,), the chosen symbols.
        """
        logs = log_probabilities(logits)
        rows = np.arange(len(ids))
        nats = -logs[rows, ids]
        logs[rows, ids] = -np.inf  # what was written is no alternative to itself
        others = _likeliest(logs, ALTERNATIVES)
        chances = np.exp(np.take_along_axis(logs, others, axis=1))
        codes = self._codes[ids].tolist()
        for row, (text, code) in enumerate(zip(texts.tolist(), codes, strict=True)):
            if code < END:  # an end mark is no character
                size = 1 if self._is_byte else self._measure(chr(code))
                self._pending[text].append(_Symbol(size, float(nats[row]), others[row], chances[row]))

    def characters(self, text: int, written: str) -> list[Expected]:
        """What was expected at the next characters of a text; they are told once.

        Args:
            text: its number.
            written: what came out of it since it was last asked for, or all of it.
        """
        pending = self._pending[text]
        return [self._character(pending, character) for character in written]

    def forget(self, text: int) -> None:
        """Keep nothing more of a text that is complete."""
        self._pending.pop(text, None)

    def _character(self, pending: deque[_Symbol], character: str) -> Expected:
        """Take as many symbols as make up the character."""
        first, nats, left = pending[0], 0.0, self._measure(character)
        while left > 0 and pending:
            symbol = pending.popleft()
            nats += symbol.nats
            left -= symbol.size
        pairs = zip(first.others.tolist(), first.chances.tolist(), strict=True)
        return Expected(
            character, nats, {self._names[other]: chance for other, chance in pairs if chance > 0}
        )


def _measure(level: str, normal_form: str) -> Callable[[str], int]:
    """How much of what is written a character takes: its bytes, or the parts that were composed to it."""
    if level == "byte":
        return lambda character: len(exact_bytes(character))
    if decomposes(normal_form):
        return lambda character: len(normalize("NFD", character))
    return len


def _likeliest(logs: NDArray[np.float64], count: int) -> NDArray[np.intp]:
    """The ids of the highest of each row, the highest first: (rows, V) to (rows, count), fewer if V is."""
    kept = min(count, logs.shape[1])
    some = np.sort(np.argpartition(-logs, kept - 1, axis=1)[:, :kept], axis=1)  # ties go to the lower id
    order = np.argsort(-np.take_along_axis(logs, some, axis=1), axis=1, kind="stable")
    return np.take_along_axis(some, order, axis=1)
