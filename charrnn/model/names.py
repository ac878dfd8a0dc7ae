"""Names of arrays: what a part of a network, or of a file, calls them alone. Knows nothing of either."""

from collections.abc import Mapping
from typing import TypeVar

Value = TypeVar("Value")


def part_of(values: Mapping[str, Value], prefix: str) -> dict[str, Value]:
    """Those whose names begin so, by what follows: of `encoder.output.bias` that is `output.bias`."""
    return {name.removeprefix(prefix): value for name, value in values.items() if name.startswith(prefix)}
