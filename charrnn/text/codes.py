"""Text as arrays of code points. Knows nothing of files, vocabularies or models."""

import math

import numpy as np
from numpy.typing import NDArray

END = 0x110000
"""A pseudo code point, one past Unicode: ends a record in lines mode."""

UNKNOWN = 0x110001
"""A pseudo code point: stands for every character that a vocabulary has no id for."""

CODE_SPACE = 0x110002
"""How many codes there are, these two included."""

UNKNOWN_NATS = math.log(0x110000)
"""What a character costs that the model does not know: as much as naming any code point at random."""

LINE_FEED = 10
CARRIAGE_RETURN = 13
REPLACEMENT = 0xFFFD


def to_codes(text: str) -> NDArray[np.uint32]:
    """The code points of a text, lone surrogates included."""
    return np.frombuffer(text.encode("utf-32-le", "surrogatepass"), np.dtype("<u4"))


def to_text(codes: NDArray[np.uint32]) -> str:
    """The text of an array of code points: the opposite of `to_codes`."""
    return codes.astype("<u4", copy=False).tobytes().decode("utf-32-le", "surrogatepass")


def bytes_as_text(data: bytes) -> str:
    """Bytes as the text whose code points they are: how byte level passes through what reads text."""
    return data.decode("latin-1")
