"""The characters of a text, each with its loss and the likelier characters in its place.

A model predicts symbols. Here, the symbols of one character, such as a letter and its accent or the bytes of
UTF-8, are combined. Knows nothing of torch, terminals or pages.
"""

import math
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from operator import itemgetter

from charrnn.text.codes import END, LINE_FEED, REPLACEMENT, UNKNOWN
from charrnn.text.normalization import is_joined
from charrnn.text.vocabulary import Vocabulary

MOST_SYMBOLS = 16
"""That make one character; without a bound, marks without end would."""


@dataclass(frozen=True)
class Prediction:
    """What a model expected in the place of a symbol.

    Attributes:
        nats: what the symbol cost that came.
        likeliest: ids, the likeliest first.
        chances: of these.
    """

    nats: float
    likeliest: list[int]
    chances: list[float]


@dataclass(frozen=True)
class Character:
    """A character, and how it surprised.

    Attributes:
        text: itself; a newline for the end of a record.
        bits: what it cost; None where it was given.
        likelier: what was likelier than it, with the chances, the likeliest first. Of a character of several
            symbols this is about the one that surprised most, after those before it.
    """

    text: str
    bits: float | None
    likelier: tuple[tuple[str, float], ...] = ()


Symbol = tuple[int, Prediction | None]
"""A code, and what was expected; None where it was given."""


def characters(symbols: Iterable[Symbol], vocabulary: Vocabulary) -> Iterator[Character]:
    """Put a text and what was expected in its places together.

    Args:
        symbols: the text.
        vocabulary: the model's.
    """
    is_byte = vocabulary.level == "byte"
    ids_to_codes = vocabulary.codes.tolist()
    group: list[Symbol] = []
    for symbol in symbols:
        if group and (len(group) == MOST_SYMBOLS or not _joins(symbol[0], is_byte=is_byte)):
            yield _character(group, ids_to_codes, is_byte=is_byte)
            group = []
        group.append(symbol)
    if group:
        yield _character(group, ids_to_codes, is_byte=is_byte)


def _joins(code: int, *, is_byte: bool) -> bool:
    """Whether a code makes one character with those before it."""
    if is_byte:
        return 0x80 <= code < 0xC0
    return code < END and is_joined(chr(code))


def _character(group: list[Symbol], ids_to_codes: list[int], *, is_byte: bool) -> Character:
    codes = [code for code, _ in group]
    text = _text(codes, is_byte=is_byte)
    scored = [(found.nats, place, found) for place, (_, found) in enumerate(group) if found is not None]
    if not scored:
        return Character(text, None)
    nats, place, found = max(scored, key=itemgetter(0))
    others = [
        (ids_to_codes[symbol], chance)
        for symbol, chance in zip(found.likeliest, found.chances, strict=True)
        if chance > math.exp(-nats) and ids_to_codes[symbol] != codes[place]
    ]
    likelier = tuple((_text([*codes[:place], other], is_byte=is_byte), chance) for other, chance in others)
    return Character(text, sum(cost for cost, _, _ in scored) / math.log(2), likelier)


_SHOWN = {END: LINE_FEED, UNKNOWN: REPLACEMENT}


def _text(codes: list[int], *, is_byte: bool) -> str:
    shown = [_SHOWN.get(code, code) for code in codes]
    if is_byte:
        return bytes(shown).decode("utf-8", "backslashreplace")
    text = "".join(map(chr, shown))
    return text if len(text) == 1 else unicodedata.normalize("NFC", text)
