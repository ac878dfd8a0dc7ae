"""Examples to train on, or to measure on: records, and what is to be found for each of them.

What is found is a label for the whole record, a tag for each of its symbols, or another record. Knows nothing
of files or models.
"""

from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from charrnn.text.record_part import Records


@dataclass(frozen=True)
class Labelled:
    """Records with a label each.

    Attributes:
        texts: the records; those that it has chosen are the examples.
        labels: (R,) the label's id of every record between the bounds, chosen or not.
    """

    texts: Records
    labels: NDArray[np.int32]

    @property
    def characters(self) -> int:
        """Of the texts, as read."""
        return self.texts.characters

    @property
    def symbols(self) -> int:
        """Those of the texts, and their end marks."""
        return self.texts.symbols

    @property
    def records(self) -> int:
        """How many examples there are."""
        return self.texts.records

    @property
    def arrays(self) -> tuple[NDArray[Any], ...]:
        """Those of the texts, and the labels."""
        return (*self.texts.arrays, self.labels)

    def counts(self, labels: int) -> NDArray[np.int64]:
        """(C,) how many examples have each of so many labels."""
        return np.bincount(self.labels[self.texts.chosen], minlength=labels)

    def beginning(self, symbols: int) -> Self:
        """About so many symbols, of examples that are spread over all."""
        return replace(self, texts=spread(self.texts, symbols))


@dataclass(frozen=True)
class Tagged:
    """Records with a tag for each symbol.

    Attributes:
        texts: the records; those that it has chosen are the examples.
        tags: as long as `texts.ids`, the tag's id of each symbol; 0 at end marks.
    """

    texts: Records
    tags: NDArray[np.int32]

    @property
    def characters(self) -> int:
        """Of the texts, as read."""
        return self.texts.characters

    @property
    def symbols(self) -> int:
        """Those of the texts, and their end marks."""
        return self.texts.symbols

    @property
    def records(self) -> int:
        """How many examples there are."""
        return self.texts.records

    @property
    def arrays(self) -> tuple[NDArray[Any], ...]:
        """Those of the texts, and the tags."""
        return (*self.texts.arrays, self.tags)

    def beginning(self, symbols: int) -> Self:
        """About so many symbols, of examples that are spread over all."""
        return replace(self, texts=spread(self.texts, symbols))


@dataclass(frozen=True)
class Paired:
    """Records, each of which becomes another.

    Attributes:
        sources: the records that are read; those that it has chosen are the examples.
        targets: as many records; record r of the sources becomes record r of these. What they have chosen is
            the same.
    """

    sources: Records
    targets: Records

    @property
    def characters(self) -> int:
        """Of the sources, as read."""
        return self.sources.characters

    @property
    def symbols(self) -> int:
        """Those of sources and targets, and their end marks."""
        return self.sources.symbols + self.targets.symbols

    @property
    def records(self) -> int:
        """How many examples there are."""
        return self.sources.records

    @property
    def arrays(self) -> tuple[NDArray[Any], ...]:
        """Those of the sources and of the targets."""
        return (*self.sources.arrays, *self.targets.arrays)

    def beginning(self, symbols: int) -> Self:
        """About so many symbols, of examples that are spread over all."""
        share = symbols / self.symbols
        some = [spread(side, round(share * side.symbols)) for side in (self.sources, self.targets)]
        targets = replace(some[1], chosen=some[0].chosen)
        return replace(self, sources=some[0], targets=targets)


def longest_of(part: object) -> tuple[int, int]:
    """Symbols of the longest example, and of pairs the most source symbols times target symbols.

    None, of what are no examples.
    """
    if isinstance(part, Paired):
        sources, targets = part.sources.lengths, part.targets.lengths
        return int((sources + targets).max()), int((sources * targets).max())
    return (int(part.texts.lengths.max()), 0) if isinstance(part, Labelled | Tagged) else (0, 0)


def spread(records: Records, symbols: int) -> Records:
    """About so many symbols of records, spread evenly over all: a file may be sorted by what is to be found.

    All if there are fewer. Of five records two are the first and the third. Characters and bytes are those of
    the whole in proportion.
    """
    share = symbols / records.symbols
    if share >= 1:
        return records
    count = max(1, int(share * records.records))
    share = count / records.records
    return replace(
        records,
        chosen=records.chosen[np.arange(count) * records.records // count],
        characters=round(records.characters * share),
        utf8_bytes=round(records.utf8_bytes * share),
    )
