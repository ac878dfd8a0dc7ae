"""How much of a text is held back to measure on. Knows nothing of files."""

import math
from fractions import Fraction

from charrnn.errors import UsageError

EXPECTED = "expected 0, a share below 1, a whole number, or a file"


def parse_validation(validation: str) -> Fraction | str:
    """What `--validation` says: a share below 1 or a whole number, else the name of a file.

    Raises:
        UsageError: a number that is neither.
    """
    try:
        value = float(validation)
    except ValueError:
        return validation
    if not math.isfinite(value) or value < 0 or (value > 1 and value != int(value)):
        raise UsageError(f"--validation is {validation}; {EXPECTED}")
    return Fraction(validation.strip())


def held_back(amount: Fraction, total: int, unit: str) -> int:
    """How many characters or lines of a text are held back.

    Args:
        amount: a share below 1, or how many.
        total: how many there are.
        unit: what is counted, for the message.

    Raises:
        UsageError: as many are held back as there are, or more.
    """
    if amount < 1:
        return total - math.floor(total * (1 - amount))
    if amount >= total:
        raise UsageError(f"--validation is {int(amount):,}, but the text has {total:,} {unit}; {EXPECTED}")
    return int(amount)
