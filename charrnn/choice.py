"""Which symbol is written next: the settings, and the filters they put in a row. Knows nothing of models."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from charrnn import filters
from charrnn.character_sets import character_set
from charrnn.codes import END
from charrnn.config import Checked, setting
from charrnn.errors import UsageError
from charrnn.filters import Logits
from charrnn.prompt import in_normal_form
from charrnn.text_stream import spell
from charrnn.vocabulary import Vocabulary


@dataclass(frozen=True)
class SampleSettings(Checked):
    """How each character is chosen. The filters work in the order in which they stand here."""

    allow: str | None = setting(
        None,
        r"write these characters only: single ones, ranges, and escapes such as 'a-z \n'",
        check=character_set,
        metavar="CHARS",
        chosen="all",
    )
    deny: str | None = setting(
        None, "never write these characters", check=character_set, metavar="CHARS", chosen="none"
    )
    repetition_penalty: float = setting(
        1.0,
        "probabilities of characters written lately are raised to this power: 1 is off; of a small alphabet "
        "every letter was written lately, so values near 1, such as 1.05, go a long way",
        minimum=0.01,
        maximum=100.0,
        metavar="X",
    )
    repetition_window: int = setting(
        64, "how many characters back lately reaches", minimum=1, maximum=2**20, metavar="N"
    )
    temperature: float = setting(
        1.0,
        "below 1 safer, above 1 bolder; 0 writes the likeliest character every time",
        minimum=0.0,
        maximum=100.0,
        metavar="X",
    )
    top_k: int = setting(
        0,
        "choose among the N likeliest; 0 is off; of 65 characters few are likely at any place, so 5 to 20 "
        "changes something",
        minimum=0,
        maximum=2**31,
        metavar="N",
    )
    typical: float = setting(
        1.0,
        "choose among those nearest to the expected surprise, to this share of probability; 1 is off",
        minimum=0.0,
        maximum=1.0,
        metavar="P",
    )
    top_p: float = setting(
        1.0,
        "choose among the fewest likeliest that hold this share of probability; 1 is off; inside a word 0.95 "
        "often leaves one or two",
        minimum=0.0,
        maximum=1.0,
        metavar="P",
    )
    min_p: float = setting(
        0.0,
        "leave out what is less than P times as likely as the likeliest; 0 is off; 0.02 removes most slips",
        minimum=0.0,
        maximum=1.0,
        metavar="P",
    )


class Chooser:
    """Chooses symbols by settings.

    Attributes:
        allowed: (V,), what may be written at all: never the unknown symbol, always the end mark.
    """

    def __init__(self, settings: SampleSettings, vocabulary: Vocabulary, normal_form: str = "none") -> None:
        """Choose among the symbols of a vocabulary.

        Raises:
            UsageError: the settings leave no character to write.
        """
        self._settings = settings
        self.allowed = _allowed(settings, vocabulary, normal_form)

    def __call__(
        self, logits: Logits, recent: NDArray[np.intp], uniform: NDArray[np.float64]
    ) -> NDArray[np.intp]:
        """Choose the next symbol of each text.

        Args:
            logits: (texts, V)
            recent: (texts, window), the ids each text holds last; -1 where it is still shorter.
            uniform: (texts,), random numbers from 0 to below 1.
        """
        return filters.draw(filtered(filters.only(logits, self.allowed), recent, self._settings), uniform)


def filtered(logits: Logits, recent: NDArray[np.intp], settings: SampleSettings) -> Logits:
    """Logits after the settings' filters, those that are off left out: the order is that of the settings."""
    if settings.repetition_penalty != 1:
        logits = filters.repetition_penalty(logits, settings.repetition_penalty, recent)
    if settings.temperature != 1:
        logits = filters.temperature(logits, settings.temperature)
    if settings.top_k:
        logits = filters.top_k(logits, settings.top_k)
    if settings.typical < 1:
        logits = filters.typical(logits, settings.typical)
    if settings.top_p < 1:
        logits = filters.top_p(logits, settings.top_p)
    if settings.min_p:
        logits = filters.min_p(logits, settings.min_p)
    return logits


def _allowed(settings: SampleSettings, vocabulary: Vocabulary, normal_form: str) -> NDArray[np.bool_]:
    characters = vocabulary.codes < END
    if settings.allow is not None:
        spelt = spell(in_normal_form(character_set(settings.allow), normal_form), vocabulary.level)
        characters &= np.isin(vocabulary.codes, spelt)
    if settings.deny is not None:
        characters &= ~np.isin(vocabulary.codes, _denied(settings.deny, vocabulary.level, normal_form))
    if not characters.any():
        raise UsageError(
            f"--allow {settings.allow!r} --deny {settings.deny!r} leave no character of the model to write; "
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
