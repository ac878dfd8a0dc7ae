"""Texts to try an export on: some of what its run held out, each read from a blank state."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from charrnn.errors import CheckpointError
from charrnn.export.source import Source
from charrnn.text.dataset import Dataset, is_encoded, open_dataset
from charrnn.text.parts import Part

LONGEST = 500
"""Symbols of a text that are read; what is longer is cut, and its pieces are spread over the whole."""

Text = NDArray[np.intp]


@dataclass(frozen=True)
class Texts:
    """Texts of a model, the longest first.

    Attributes:
        texts: of each its ids, whose first is given.
        characters_per_symbol: of what is predicted.
        are_held_out: whether they are what the run held out; else they are drawn at random.
    """

    texts: Sequence[Text]
    characters_per_symbol: float
    are_held_out: bool

    @property
    def symbols(self) -> int:
        """How many are predicted."""
        return sum(len(text) - 1 for text in self.texts)

    def side_by_side(self, rows: int) -> Iterator[tuple[NDArray[np.intp], NDArray[np.bool_]]]:
        """So many texts at a time, (rows, T), and which of their symbols are there, filled up with others."""
        for begin in range(0, len(self.texts), rows):
            some = self.texts[begin : begin + rows]
            ids = np.zeros((rows, len(some[0])), np.intp)
            is_there = np.zeros(ids.shape, np.bool_)
            for row, text in enumerate(some):
                ids[row, : len(text)] = text
                is_there[row, : len(text)] = True
            yield ids, is_there


def held_out_texts(source: Source, symbols: int) -> Texts:
    """About so many symbols of what a run held out; where it held out nothing, as many at random."""
    part = _held_out(source)
    if part is None:
        return _random_texts(source, symbols)
    pieces = [
        (at, min(end, at + LONGEST + 1))
        for begin, end in part.texts.tolist()
        for at in range(begin, end - 1, LONGEST)
    ]
    total = sum(end - begin - 1 for begin, end in pieces)
    count = max(1, min(len(pieces), round(len(pieces) * symbols / total)))
    chosen = [pieces[number * len(pieces) // count] for number in range(count)]
    known = len(source.model.vocabulary)
    texts = [np.asarray(part.ids[begin:end], np.intp) for begin, end in chosen]
    texts = [text for text in (text[text < known] for text in texts) if len(text) > 1]
    if not texts:
        return _random_texts(source, symbols)
    return Texts(_longest_first(texts), part.scored_characters / part.scored_symbols, are_held_out=True)


def dataset_of(source: Source) -> Dataset | None:
    """What the model's run keeps of its text, if the model lies in its run folder."""
    folder, model = source.path.parent, source.model
    if not is_encoded(folder):
        return None
    try:
        dataset = open_dataset(folder)
    except CheckpointError:
        return None
    return dataset if dataset.is_learnt_by(model.corpus.encoded, model.vocabulary) else None


def _held_out(source: Source) -> Part | None:
    dataset = dataset_of(source)
    return None if dataset is None else dataset.validation


def _random_texts(source: Source, symbols: int) -> Texts:
    """Symbols drawn as often as they occur, the same ones each time."""
    counts = source.model.vocabulary.counts.astype(np.float64) + 1
    random = np.random.default_rng(1)
    rows = max(1, symbols // LONGEST)
    drawn = random.choice(len(counts), (rows, LONGEST + 1), p=counts / counts.sum())
    return Texts(list(drawn), 1.0, are_held_out=False)


def _longest_first(texts: Sequence[Text]) -> list[Text]:
    return sorted(texts, key=len, reverse=True)
