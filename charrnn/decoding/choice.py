"""Chooses the next symbol: the sampling settings, and the chain of filters they make. Knows no models."""

from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

from charrnn.config.character_sets import character_set
from charrnn.config.settings import SampleSettings
from charrnn.config.values import temperatures
from charrnn.decoding import filters
from charrnn.decoding.filters import Logits
from charrnn.decoding.prompt import in_normal_form
from charrnn.decoding.text_stream import spell
from charrnn.errors import UsageError
from charrnn.text.codes import END
from charrnn.text.vocabulary import Vocabulary

Filter = Callable[[Logits, NDArray[np.intp], NDArray[np.float64] | float], Logits]
"""Takes logits (texts, V), the ids that each text holds last (texts, window), and the share of its length
that each has behind it (texts, 1); gives new logits."""


class Chooser:
    """Chooses symbols by settings.

    Attributes:
        allowed: (V,), what may be written at all: never the unknown symbol, always the end mark.
        window: how many of the last symbols of each text it looks at.
        temperatures: at the beginning of a text and at its end.
    """

    def __init__(self, settings: SampleSettings, vocabulary: Vocabulary, normal_form: str = "none") -> None:
        """Choose among the symbols of a vocabulary.

        Raises:
            UsageError: the settings leave no character to write.
        """
        self.allowed = _allowed(settings, vocabulary, normal_form)
        self.window = settings.repetition_window if settings.repetition_penalty != 1 else 0
        self.temperatures = temperatures(settings.temperature)
        self._filters = list(self._active(settings))

    @property
    def walks(self) -> bool:
        """Whether the temperature changes over a text."""
        return self.temperatures[0] != self.temperatures[1]

    def _active(self, settings: SampleSettings) -> Iterator[Filter]:
        """The filters that the settings ask for, in the order of the settings."""
        if not self.allowed.all():
            yield lambda logits, *_: filters.only(logits, self.allowed)
        if (penalty := settings.repetition_penalty) != 1:
            yield lambda logits, recent, _: filters.repetition_penalty(logits, penalty, recent)
        first, last = self.temperatures
        if self.walks:
            yield lambda logits, _, way: filters.temperature(logits, first + (last - first) * way)
        elif first != 1:
            yield lambda logits, *_: filters.temperature(logits, first)
        if settings.top_k:
            yield lambda logits, *_: filters.top_k(logits, settings.top_k)
        if settings.typical < 1:
            yield lambda logits, *_: filters.typical(logits, settings.typical)
        if settings.top_p < 1:
            yield lambda logits, *_: filters.top_p(logits, settings.top_p)
        if settings.min_p:
            yield lambda logits, *_: filters.min_p(logits, settings.min_p)

    def __call__(
        self,
        logits: Logits,
        recent: NDArray[np.intp],
        uniform: NDArray[np.float64],
        way: NDArray[np.float64] | float = 0.0,
    ) -> NDArray[np.intp]:
        """Choose the next symbol of each text.

        Args:
            logits: (texts, V)
            recent: (texts, window), the ids each text holds last, in any order; -1 where it is still shorter.
            uniform: (texts,), random numbers from 0 to below 1.
            way: (texts, 1), the share of its length that each text has behind it.
        """
        return filters.draw(self.filtered(logits, recent, way), uniform)

    def filtered(
        self, logits: Logits, recent: NDArray[np.intp], way: NDArray[np.float64] | float = 0.0
    ) -> Logits:
        """Logits after the filters."""
        for change in self._filters:
            logits = change(logits, recent, way)
        return logits


def _allowed(settings: SampleSettings, vocabulary: Vocabulary, normal_form: str) -> NDArray[np.bool_]:
    characters = vocabulary.codes < END
    if settings.allow is not None:
        spelt = spell(in_normal_form(character_set(settings.allow), normal_form), vocabulary.level)
        characters &= np.isin(vocabulary.codes, spelt)
    if settings.deny is not None:
        characters &= ~np.isin(vocabulary.codes, _denied(settings.deny, vocabulary.level, normal_form))
    if not characters.any():
        given = {"--allow": settings.allow, "--deny": settings.deny}
        options = " ".join(f"{name} {value!r}" for name, value in given.items() if value is not None)
        raise UsageError(
            f"{options} leaves no character of the model to write; "
            "allow some of those that `charrnn vocab --checkpoint` lists"
        )
    characters |= vocabulary.codes == END
    return characters


def _denied(expression: str, level: str, normal_form: str) -> NDArray[np.uint32]:
    """The symbols to deny. A character of several symbols cannot be: others share them."""
    spelt = [spell(in_normal_form(character, normal_form), level) for character in character_set(expression)]
    several = [symbols for symbols in spelt if len(symbols) > 1]
    if several:
        symbols = " ".join(f"{code:04X}" for code in several[0].tolist())
        raise UsageError(
            f"--deny {expression!r} holds a character that is several symbols to this model ({symbols}); "
            "expected characters of one symbol each; name those"
        )
    return np.concatenate(spelt)
