"""A prompt made into symbols that a model knows. Knows nothing of sampling."""

import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from typing import cast

import numpy as np
from numpy.typing import NDArray

from charrnn.decoding.text_stream import spell
from charrnn.errors import UsageError
from charrnn.text.character_names import LOOK_ALIKES, describe
from charrnn.text.normalization import Form
from charrnn.text.vocabulary import Vocabulary

_LISTED = 5


@dataclass(frozen=True)
class Prompt:
    """A prompt as the model reads it.

    Attributes:
        text: the prompt to print, composed where the model reads decomposed text.
        ids: its symbols.
        notice: what was left out or replaced, one line for people; None if nothing was.
    """

    text: str
    ids: NDArray[np.intp]
    notice: str | None


def read_prompt(text: str, vocabulary: Vocabulary, normal_form: str, on_unknown: str = "error") -> Prompt:
    """Bring a prompt into the model's normal form and symbols.

    Args:
        text: what the user gave.
        vocabulary: the model's.
        normal_form: `none`, `nfc`, `nfd`, `nfkc` or `nfkd`: how the model's text was normalised.
        on_unknown: for a character without an id of its own: `error`, `skip` it, or take the `nearest` one
            (by compatibility, case, accents, look-alikes; left out if there is none).

    Raises:
        UsageError: characters are unknown, and nothing else was asked for.
    """
    if not vocabulary.knows("\r"):  # line ends of another system: a line end is meant
        text = text.replace("\r\n", "\n")
    normal = in_normal_form(text, normal_form)
    unknown = dict.fromkeys(character for character in normal if not vocabulary.knows(character))
    if unknown and on_unknown == "error":
        listed = _listed([describe(ord(character)) for character in unknown])
        raise UsageError(
            f"the prompt has characters that the model does not know: {listed}; expected those of its "
            "vocabulary; leave them out, or give --on-unknown skip or nearest to charrnn sample"
        )
    found = {
        character: _nearest(character, vocabulary, normal_form) if on_unknown == "nearest" else ""
        for character in unknown
    }
    known = "".join(found.get(character, character) for character in normal) if found else normal
    composed = unicodedata.normalize("NFC", known) if decomposes(normal_form) else known
    ids = vocabulary.encode_codes(spell(known, vocabulary.level))
    return Prompt(composed, ids.astype(np.intp), _notice(found) if found else None)


def decomposes(normal_form: str) -> bool:
    """Whether text in this form has to be composed before people read it."""
    return normal_form in {"nfd", "nfkd"}


def in_normal_form(text: str, normal_form: str) -> str:
    """A short text in a normal form; `none` leaves it."""
    return text if normal_form == "none" else unicodedata.normalize(cast("Form", normal_form.upper()), text)


def as_written(text: str, normal_form: str) -> str:
    """A short text as it comes from a model of texts in a normal form: composed, where that is decomposed."""
    normal = in_normal_form(text, normal_form)
    return unicodedata.normalize("NFC", normal) if decomposes(normal_form) else normal


def _nearest(character: str, vocabulary: Vocabulary, normal_form: str) -> str:
    """The closest text that the model knows; empty if there is none."""
    for form in _stand_ins(character):
        for cased in (form, form.lower(), form.upper()):
            candidate = in_normal_form(cased, normal_form)
            if candidate and all(map(vocabulary.knows, candidate)):
                return candidate
    return ""


def _stand_ins(character: str) -> Iterator[str]:
    """Texts that could stand for a character, the closest first."""
    parts = unicodedata.normalize("NFKD", character)
    yield character
    yield unicodedata.normalize("NFC", parts)
    yield "".join(part for part in parts if not unicodedata.category(part).startswith("M"))
    for group in LOOK_ALIKES:
        yield from group if character in group else ""
    yield from (stand_in for stand_in, others in _LOOSE_LOOK_ALIKES.items() if character in others)
    yield from " \n" if character.isspace() else ""


_LOOSE_LOOK_ALIKES = {
    '"': "\u201c\u201d\u201e\u201f\u00ab\u00bb\u2033",
    "'": '\u2018\u2019\u201a\u201b\u2039\u203a\u2032`\u00b4"',
    "-": "\u2010\u2011\u2012\u2013\u2014\u2015\u2212\u00ad",
    "*": "\u2022\u00b7",
    "x": "\u00d7",
    "ss": "ßẞ",
    "ae": "æÆ",
    "oe": "œŒ",
    "o": "øØ",
    "l": "łŁ",
    "d": "đĐðÐ",
    "th": "þÞ",
    "i": "ı",
}
"""Quotes, dashes and letters without a decomposition, by what stands for them on a plain keyboard."""


def _notice(found: dict[str, str]) -> str:
    read = [f"{describe(ord(one))} is read as {other!r}" for one, other in found.items() if other]
    left = [f"{describe(ord(one))} is left out" for one, other in found.items() if not other]
    return "the model does not know all of the prompt: " + _listed(read + left)


def _listed(items: list[str]) -> str:
    more = f" and {len(items) - _LISTED:,} more" if len(items) > _LISTED else ""
    return ", ".join(items[:_LISTED]) + more
