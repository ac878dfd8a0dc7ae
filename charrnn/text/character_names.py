"""Names of characters, and which of them are suspicious.

Knows nothing of vocabularies or files.
"""

import unicodedata
from collections.abc import Collection, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from charrnn.text.codes import CARRIAGE_RETURN, END, UNKNOWN

_LISTED = 5
"""Characters that a message names, of many."""

_LOWER_CONTROLS = """
    NULL, START OF HEADING, START OF TEXT, END OF TEXT, END OF TRANSMISSION, ENQUIRY, ACKNOWLEDGE,
    ALERT, BACKSPACE, TAB, LINE FEED, LINE TABULATION, FORM FEED, CARRIAGE RETURN, SHIFT OUT, SHIFT IN,
    DATA LINK ESCAPE, DEVICE CONTROL ONE, DEVICE CONTROL TWO, DEVICE CONTROL THREE,
    DEVICE CONTROL FOUR, NEGATIVE ACKNOWLEDGE, SYNCHRONOUS IDLE, END OF TRANSMISSION BLOCK, CANCEL,
    END OF MEDIUM, SUBSTITUTE, ESCAPE, FILE SEPARATOR, GROUP SEPARATOR, RECORD SEPARATOR,
    UNIT SEPARATOR
"""

_UPPER_CONTROLS = """
    DELETE, PADDING CHARACTER, HIGH OCTET PRESET, BREAK PERMITTED HERE, NO BREAK HERE, INDEX,
    NEXT LINE, START OF SELECTED AREA, END OF SELECTED AREA, CHARACTER TABULATION SET,
    CHARACTER TABULATION WITH JUSTIFICATION, LINE TABULATION SET, PARTIAL LINE FORWARD,
    PARTIAL LINE BACKWARD, REVERSE LINE FEED, SINGLE SHIFT TWO, SINGLE SHIFT THREE,
    DEVICE CONTROL STRING, PRIVATE USE ONE, PRIVATE USE TWO, SET TRANSMIT STATE, CANCEL CHARACTER,
    MESSAGE WAITING, START OF GUARDED AREA, END OF GUARDED AREA, START OF STRING,
    SINGLE GRAPHIC CHARACTER INTRODUCER, SINGLE CHARACTER INTRODUCER, CONTROL SEQUENCE INTRODUCER,
    STRING TERMINATOR, OPERATING SYSTEM COMMAND, PRIVACY MESSAGE, APPLICATION PROGRAM COMMAND
"""


def _numbered(names: str, start: int) -> dict[int, str]:
    return dict(enumerate((name.strip() for name in names.split(",")), start))


_CONTROLS = _numbered(_LOWER_CONTROLS, 0) | _numbered(_UPPER_CONTROLS, 0x7F)

_PSEUDO = {END: "END OF RECORD", UNKNOWN: "UNKNOWN CHARACTER"}

_UNNAMED = {"Cs": "surrogate", "Co": "private use", "Cn": "unassigned"}

_BIDIRECTIONAL = frozenset({0x061C, 0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A)})

_ZERO_WIDTH = frozenset({0x00AD, 0x034F, 0x180E, *range(0x200B, 0x200E), *range(0x2060, 0x2065)})

_ORDINARY_CONTROLS = frozenset({0x09, 0x0A})

_LOOK_ALIKES = """
    AАΑ BВΒ CС EЕΕ HНΗ IІΙ JЈ KКΚ MМΜ NΝ OОΟ PРΡ SЅ TТΤ XХΧ YУΥ
    ZΖ aаα cс eе gɡ iіι jј oоο pрρ sѕ uυ vν xхχ yуγ
"""

LOOK_ALIKES = tuple(_LOOK_ALIKES.split())
"""Characters of the Latin, Cyrillic and Greek scripts that look the same, one group a string."""


def name(code: int) -> str:
    """The Unicode name of a code point; controls and code points without a name get a readable one."""
    if code in _PSEUDO:
        return _PSEUDO[code]
    character = chr(code)
    if code in _CONTROLS:
        return _CONTROLS[code]
    kind = _UNNAMED.get(unicodedata.category(character), "unnamed").replace(" ", "-")
    return unicodedata.name(character, f"<{kind}-{code:04X}>")


def code_point(code: int) -> str:
    """How a code point is written: U+0041. The two pseudo code points have none."""
    return "" if code in _PSEUDO else f"U+{code:04X}"


def describe(code: int) -> str:
    """A character for an error message: itself where it can be shown, its code point and name."""
    character = chr(code)
    shown = f"{character!r} " if character.isprintable() else ""
    return f"{shown}{code_point(code)} {name(code)}"


def tally(codes: NDArray[np.integer[Any]], counts: NDArray[np.integer[Any]]) -> str:
    """The first few of some codes with how often each occurs, and how many more there are."""
    pairs = list(zip(codes.tolist(), counts.tolist(), strict=True))
    listed = ", ".join(f"{describe(code)} ({count:,}x)" for code, count in pairs[:_LISTED])
    return listed + (f" and {len(pairs) - _LISTED:,} more" if len(pairs) > _LISTED else "")


def flags(code: int, present: Collection[int]) -> list[str]:
    """What deserves a second look about a character, among the others that are present."""
    return [] if code in _PSEUDO else [*_kinds(code), *_doubles(code, present)]


def _kinds(code: int) -> Iterator[str]:
    category = unicodedata.category(chr(code))
    if code == 0xFEFF:
        yield "byte-order mark"
    elif code == CARRIAGE_RETURN:
        yield "carriage return"
    elif category == "Cc" and code not in _ORDINARY_CONTROLS:
        yield "control"
    elif code in {0x00A0, 0x202F}:
        yield "no-break space"
    elif category in {"Zs", "Zl", "Zp"} and code != 0x20:
        yield "odd space"
    elif code in _BIDIRECTIONAL:
        yield "bidirectional control"
    elif code in _ZERO_WIDTH:
        yield "zero width"
    elif category in _UNNAMED:
        yield _UNNAMED[category]
    elif code == 0xFFFD:
        yield "replacement character"


def _doubles(code: int, present: Collection[int]) -> Iterator[str]:
    character = chr(code)
    parts = unicodedata.normalize("NFD", character)
    if len(parts) > 1 and all(ord(part) in present for part in parts):
        yield "mixed normal forms"
    for group in _GROUPS.get(character, ()):
        others = [other for other in group if other != character and ord(other) in present]
        if others:
            yield "looks like " + ", ".join(code_point(ord(other)) for other in others)


_GROUPS = {
    character: [group for group in LOOK_ALIKES if character in group] for character in "".join(LOOK_ALIKES)
}
