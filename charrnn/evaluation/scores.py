"""How well a network predicts a text: nats per character, with a fixed cost for unknown characters.

Knows nothing of terminals, or of how the text goes through the network: see `model/readers.py`.
"""

import math
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np

from charrnn.decoding.network import NOT_FINITE
from charrnn.errors import CheckpointError
from charrnn.model.measures import Kept, nothing
from charrnn.model.network import CharRNN, Network
from charrnn.model.passes import Places, Stretches
from charrnn.model.readers import Carried, Reader, independent, relative_cost
from charrnn.text.codes import UNKNOWN_NATS
from charrnn.text.parts import Part
from charrnn.text.passages import Passage
from charrnn.text.text_parts import OneText
from charrnn.text.vocabulary import Ids

BLOCK = 2**20
"""Numbers that are kept before they are handed on: bounds memory, whatever the text's length."""

RECORDS = 1024
"""Independent texts that are scored before the next are looked at."""


class OutOfTime(Exception):  # noqa: N818 - no error: a figure that there was no time for
    """A score was broken off."""


@contextmanager
def broken_off(model: Network, is_over: Callable[[], bool]) -> Iterator[None]:
    """Let scoring raise `OutOfTime` at the network's next call once it is over; each takes a moment."""

    def check(*_: object) -> None:
        if is_over():
            raise OutOfTime

    handle = model.register_forward_pre_hook(check)
    try:
        yield
    finally:
        handle.remove()


@dataclass(frozen=True)
class LanguageScore:
    """What a text cost under a model.

    Attributes:
        nats: sum of -ln p over the scored symbols.
        symbols: how many were scored.
        characters: how many characters of the text as read they stand for.
    """

    nats: float
    symbols: int
    characters: int

    fitted: ClassVar[Mapping[str, float]] = {}

    @property
    def nats_per_character(self) -> float:
        """The mean cost of a character, in nats."""
        return self.nats / self.characters

    @property
    def value(self) -> float:
        """What is compared: nats per character."""
        return self.nats_per_character

    @property
    def unit(self) -> str:
        """Of the value."""
        return "nats_per_character"

    def better_than(self, value: float) -> bool:
        """Whether these are fewer than others."""
        return self.value < value

    @property
    def bits_per_character(self) -> float:
        """The mean cost of a character, in bits: the headline."""
        return self.nats_per_character / math.log(2)

    @property
    def perplexity(self) -> float:
        """How many equally likely characters would be as hard to guess."""
        try:
            return math.exp(self.nats_per_character)
        except OverflowError:
            return math.inf


def scored(
    pieces: Iterable[Passage], reader: Reader, unknown: int | None = None
) -> Iterator[tuple[Passage, Kept]]:
    """Each piece with what is kept of its symbols, in order.

    What is given costs nothing. A symbol that the model has no id for is not shown to the network: it costs
    `UNKNOWN_NATS`, and nothing was expected in its place. Where the unknown symbol stands, its character has
    still to be named, which costs as much, beside the symbol itself.

    Args:
        pieces: the text.
        reader: how it is read.
        unknown: the id of the model's unknown symbol.
    """
    for piece, kept in _fed(pieces, reader):
        if not np.isfinite(kept).all():
            raise CheckpointError(NOT_FINITE)
        out = np.zeros((len(piece.ids), reader.measure.columns), np.float32)
        shown = piece.ids < reader.model.architecture.symbols
        out[shown] = kept
        is_unknown = ~shown if unknown is None else piece.ids == unknown
        out[is_unknown, 0] += UNKNOWN_NATS
        out[: piece.given] = 0
        yield piece, out


def _fed(pieces: Iterable[Passage], reader: Reader) -> Iterator[tuple[Passage, Kept]]:
    """Each piece with what is kept of those symbols that the network is shown."""
    symbols, waiting, characters = reader.model.architecture.symbols, deque[Passage](), 0
    kept = nothing(reader.measure)
    for block in _blocks(pieces, BLOCK // reader.measure.columns):
        waiting.extend(block)
        ids, begins = (
            np.concatenate(parts) for parts in zip(*((p.ids, p.begins) for p in block), strict=True)
        )
        numbers = characters - 1 + np.cumsum(begins, dtype=np.int64)
        characters = int(numbers[-1]) + 1
        shown = ids < symbols
        kept = np.concatenate((kept, reader.feed(ids[shown], numbers[shown])))
        while waiting and (count := int((waiting[0].ids < symbols).sum())) <= len(kept):
            yield waiting.popleft(), kept[:count]
            kept = kept[count:]
    kept = np.concatenate((kept, reader.finish()))
    for piece in waiting:
        count = int((piece.ids < symbols).sum())
        yield piece, kept[:count]
        kept = kept[count:]


def _blocks(pieces: Iterable[Passage], symbols: int) -> Iterator[list[Passage]]:
    """Pieces by the handful, each of at least so many symbols but the last."""
    block: list[Passage] = []
    for piece in pieces:
        block.append(piece)
        if sum(len(one.ids) for one in block) >= symbols:
            yield block
            block = []
    if block:
        yield block


def score_part(
    model: CharRNN, part: Part, unknown: int | None = None, given: Places | int = 1
) -> LanguageScore:
    """Score a part of a dataset; its characters are those of the text as read (and end marks).

    Args:
        model: the network, left in the mode it was in.
        part: what to score.
        unknown: the id of the unknown symbol, if there is one.
        given: how many symbols at the beginning of each text of it are not scored.
    """
    begins, ends = part.texts.T
    texts = Stretches(begins, begins + given, ends)
    if isinstance(part, OneText):
        score = score_text(model, part.ids, int(texts.firsts[0]), unknown=unknown)
    else:
        score = score_stretches(model, part.ids, texts, unknown=unknown)
    return replace(score, characters=part.scored_characters)


def reading_cost(part: Part) -> float:
    """What scoring a part takes, compared with other parts of the same text."""
    return relative_cost(part.symbols) if isinstance(part, OneText) else float(part.symbols)


def score_text(
    model: CharRNN, ids: Ids, given: int = 1, *, unknown: int | None = None, exact: bool = False
) -> LanguageScore:
    """Score one text, its state carried; its symbols count as characters.

    Args:
        model: the network, left in the mode it was in.
        ids: the text.
        given: symbols at its start that are not scored.
        unknown: the id of the unknown symbol, if there is one.
        exact: read it in one pass.
    """
    reader, nats, symbols = Carried(model, exact=exact), 0.0, model.architecture.symbols
    for begin in range(0, len(ids), BLOCK):
        block = np.asarray(ids[begin : begin + BLOCK])
        is_shown = block < symbols
        costs = np.full(len(block), UNKNOWN_NATS, np.float32)
        costs[is_shown] = reader.feed(block[is_shown])[:, 0]
        nats += float(costs[max(0, given - begin) :].sum(dtype=np.float64))
    return _charged(LanguageScore(nats, len(ids) - given, len(ids) - given), ids[given:], unknown)


def score_stretches(
    model: CharRNN, ids: Ids, stretches: Stretches, *, unknown: int | None = None
) -> LanguageScore:
    """Score parts of a text, each from a blank state; their symbols count as characters.

    Args:
        model: the network, left in the mode it was in.
        ids: the text.
        stretches: where the parts lie, and how many symbols of each are given.
        unknown: the id of the unknown symbol, if there is one.
    """
    score = LanguageScore(0.0, 0, 0)
    for begin in range(0, len(stretches.starts), RECORDS):
        some = stretches.those(np.arange(begin, min(begin + RECORDS, len(stretches.starts))))
        texts, places, nats = shown(ids, some, model.architecture.symbols)
        nats += float(independent(model, texts, places).sum(dtype=np.float64))
        count = int((some.ends - some.firsts).sum())
        scored = [texts[a:b] for a, b in zip(places.firsts, places.ends, strict=True)]
        part = _charged(LanguageScore(nats, count, count), np.concatenate([texts[:0], *scored]), unknown)
        score = LanguageScore(score.nats + part.nats, score.symbols + count, score.characters + count)
    return score


def shown(ids: Ids, stretches: Stretches, symbols: int) -> tuple[Ids, Stretches, float]:
    """What the network is shown of parts of a text, where they lie in that, and what the rest costs.

    A part whose given symbols are all unknown begins with one that nothing predicts.
    """
    lengths = stretches.ends - stretches.starts
    bounds = np.append(0, np.cumsum(lengths))
    texts = np.concatenate([ids[a:b] for a, b in zip(stretches.starts, stretches.ends, strict=True)])
    firsts = bounds[:-1] + stretches.firsts - stretches.starts
    is_shown = texts < symbols
    if is_shown.all():
        return texts, Stretches(bounds[:-1], firsts, bounds[1:]), 0.0
    shown = np.append(0, np.cumsum(is_shown))
    starts, firsts, ends = shown[bounds[:-1]], shown[firsts], shown[bounds[1:]]
    unforeseen = (starts == firsts) & (firsts < ends)
    missing = int((stretches.ends - stretches.firsts).sum() - (ends - firsts).sum())
    nats = UNKNOWN_NATS * missing + math.log(symbols) * int(unforeseen.sum())
    places = Stretches(starts, firsts + unforeseen, ends)
    return texts[is_shown], places.those(np.flatnonzero(ends > places.firsts)), nats


def _charged(score: LanguageScore, ids: Ids, unknown: int | None) -> LanguageScore:
    """With what naming the unknown characters costs."""
    if unknown is None:
        return score
    nats = score.nats + UNKNOWN_NATS * int((ids == unknown).sum())
    return LanguageScore(nats, score.symbols, score.characters)
