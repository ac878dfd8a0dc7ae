r"""Characters as people type them: sets such as `a-z \n`, and texts with escapes.

Knows nothing of vocabularies or sampling.
"""

import re


def character_set(expression: str) -> str:
    r"""The characters of a set such as `a-z \n`: single ones, ranges, and backslash escapes.

    Escapes are `\n`, `\r`, `\t`, `\\`, `\-`, `\xHH`, `\uHHHH`, `\UHHHHHHHH`. A dash at either end is itself.

    Raises:
        ValueError: the expression is no such set; the message says what was expected.
    """
    characters, rest = list[str](), expression
    seen = bytearray(0x110000)
    while rest:
        first, last, rest = _range(rest)
        if last < first:
            raise ValueError(f"ranges that go up, unlike {chr(first)}-{chr(last)}")
        while (first := seen.find(0, first, last + 1)) >= 0:  # the next one that is new
            seen[first] = 1
            characters.append(chr(first))
    found = "".join(character for character in characters if ord(character) not in _SURROGATES)
    if not found:
        raise ValueError("at least one character")
    return found


def unescaped(text: str) -> str:
    r"""A text as typed, its backslash escapes replaced by what they stand for: those of `character_set`.

    What is no such escape stays as it is; a backslash before one of the letters is typed `\\`.
    """
    return _ESCAPE.sub(lambda escape: _stands_for(escape) or escape[0], text)


_SURROGATES = range(0xD800, 0xE000)

_ESCAPE = re.compile(r"\\(?:x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|([nrt\\-]))")

_NAMED = {"n": "\n", "r": "\r", "t": "\t", "\\": "\\", "-": "-"}


def _range(expression: str) -> tuple[int, int, str]:
    """The first and last code point of the range or character at the front, and what follows it."""
    first, rest = _one(expression)
    if len(rest) > 1 and rest[0] == "-":
        last, rest = _one(rest[1:])
        return first, last, rest
    return first, first, rest


def _stands_for(escape: re.Match[str]) -> str | None:
    """The character that an escape means; None where it is none of a text."""
    *numbers, letter = escape.groups()
    code = ord(_NAMED[letter]) if letter else int(next(filter(None, numbers)), 16)
    return None if code > 0x10FFFF or code in _SURROGATES else chr(code)


def _one(expression: str) -> tuple[int, str]:
    if expression[0] != "\\":
        return ord(expression[0]), expression[1:]
    escape = _ESCAPE.match(expression)
    if not escape:
        raise ValueError(rf"escapes \n \r \t \\ \- \xHH \uHHHH \UHHHHHHHH, unlike {expression[:2]}")
    *numbers, letter = escape.groups()
    code = ord(_NAMED[letter]) if letter else int(next(filter(None, numbers)), 16)
    if code > 0x10FFFF:
        raise ValueError(f"code points up to 10FFFF, unlike {escape[0]}")
    return code, expression[escape.end() :]
