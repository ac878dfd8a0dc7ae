"""The symbols of a vocabulary as a table for people: name, count, and what is unusual about each."""

from dataclasses import dataclass, field

import numpy as np

from charrnn.text.character_names import code_point, flags, name
from charrnn.text.codes import END
from charrnn.text.vocabulary import Vocabulary, symbol


@dataclass(frozen=True)
class SymbolEntry:
    r"""One symbol of a vocabulary, for people.

    Attributes:
        character: the symbol as text; `<end>`, `<unknown>`, and `\x80` for a byte that is no character.
        code_point: such as U+0041; a byte as 0x41; empty for the end mark and the unknown symbol.
        name: the Unicode name.
        count: how often it occurs.
        share: of all symbols, between 0 and 1.
        flags: what deserves a second look, such as `no-break space`.
    """

    character: str
    code_point: str
    name: str
    count: int
    share: float
    flags: list[str] = field(default_factory=list)


def symbol_entries(vocabulary: Vocabulary) -> list[SymbolEntry]:
    """Every symbol with its count, most frequent first, equal counts by code point."""
    order = np.lexsort((vocabulary.codes, -vocabulary.counts))
    present = set(vocabulary.codes[vocabulary.counts > 0].tolist()) if vocabulary.level == "char" else set()
    total = max(int(vocabulary.counts.sum()), 1)
    return [
        _entry(int(vocabulary.codes[i]), int(vocabulary.counts[i]), total, vocabulary.level, present)
        for i in order
    ]


def _entry(code: int, count: int, total: int, level: str, present: set[int]) -> SymbolEntry:
    is_byte = level == "byte" and code < END
    point, called = (f"0x{code:02X}", f"BYTE {code:02X}") if is_byte else (code_point(code), name(code))
    called = name(code) if is_byte and code < 0x80 else called
    return SymbolEntry(
        symbol(code, level), point, called, count, count / total, flags(code, present) if present else []
    )
