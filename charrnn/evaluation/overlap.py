"""Novelty: how much of a model's output is copied verbatim from a corpus, which is read in one pass.

Both are code points in the same normal form. Every answer is exact: hashes find candidate spans, which are
then compared. Memory: about 80 MB, plus 200 bytes for each character of the output, whatever the size of the
corpus. Knows nothing of files, models or terminals.
"""

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from charrnn.evaluation.spans import Codes, Hashed, Needles, among
from charrnn.text.codes import END, LINE_FEED

SPAN_LENGTHS = (10, 20, 40)

MARKED = 20
"""A span of so many characters that stands in the corpus is marked as copied."""

BLOCK_CODES = 2**20
"""Of the corpus, so many codes are looked at together."""

_BETWEEN = np.uint32(0xFFFFFFFF)
"""Stands between two texts, and in no corpus."""


@dataclass(frozen=True)
class Share:
    """How many of some things stand in the corpus."""

    copied: int
    total: int

    @property
    def share(self) -> float | None:
        """From 0 to 1; None of nothing."""
        return self.copied / self.total if self.total else None


@dataclass(frozen=True)
class Copy:
    """The longest span that stands in the corpus.

    Attributes:
        text: the number of the text it was written in.
        start: how many characters of the text come before it.
        length: its characters; 0 where not one stands in the corpus.
        position: how many characters of the corpus come before the first place where it stands.
        line: the line or record of the corpus in which that is, the first being 1.
    """

    text: int = 0
    start: int = 0
    length: int = 0
    position: int = 0
    line: int = 1


@dataclass(frozen=True)
class Novelty:
    """What of some texts stands in a corpus.

    Attributes:
        characters: how many were written.
        corpus_characters: how many the corpus has.
        longest: the longest span that stands in both.
        shares: for each of `SPAN_LENGTHS` how many of the texts' spans do.
        lines: how many of the whole lines that were given are lines of the corpus.
        copied: for each text where it was copied, as (start, stop): the stretches that spans of `MARKED`
            characters cover.
    """

    characters: int
    corpus_characters: int
    longest: Copy
    shares: dict[int, Share]
    lines: Share
    copied: list[list[tuple[int, int]]]


def compare(texts: Sequence[Codes], corpus: Iterable[Codes], lines: Sequence[Codes] = ()) -> Novelty:
    """Look for texts in a corpus.

    Args:
        texts: what was written, as code points.
        corpus: its code points, piece by piece; an `END` after each record in lines mode.
        lines: whole lines to look for among the records.
    """
    written = _Written(texts)
    needles = {length: Needles(written.hashed, length) for length in SPAN_LENGTHS}
    records = _Records(lines)
    overlap = max([written.longest, *map(len, lines)]) + 1
    longest, length = Copy(), 0
    for block in _blocks(corpus, overlap):
        hashed = Hashed(block.codes)
        for spans in needles.values():
            spans.meet(hashed)
        longest = _lengthened(longest, written, block, hashed)
        records.meet(hashed)
        length = block.start + len(block.codes)
    return Novelty(
        characters=sum(map(len, texts)),
        corpus_characters=length - 1,
        longest=longest,
        shares={n: Share(int(spans.met.sum()), written.spans(n)) for n, spans in needles.items()},
        lines=records.share(),
        copied=written.stretches(needles[MARKED].met),
    )


class _Written:
    """The texts, one after the other."""

    def __init__(self, texts: Sequence[Codes]) -> None:
        self.lengths = np.array([len(text) for text in texts], np.intp)
        self.starts = np.cumsum(self.lengths + 1) - self.lengths - 1
        self.longest = int(self.lengths.max(initial=0))
        pieces = [piece for text in texts for piece in (text, np.array([_BETWEEN]))]
        self.hashed = Hashed(np.concatenate([np.empty(0, np.uint32), *pieces]))

    def spans(self, length: int) -> int:
        """How many spans of this length the texts have."""
        return int(np.maximum(self.lengths - length + 1, 0).sum())

    def stretches(self, met: NDArray[np.bool_]) -> list[list[tuple[int, int]]]:
        """For each text the stretches that spans of `MARKED` characters from these places on cover."""
        changes = np.zeros(len(self.hashed.codes) + 1, np.int64)
        changes[: len(met)] += met
        changes[MARKED : MARKED + len(met)] -= met
        bounds = np.flatnonzero(np.diff(np.cumsum(changes) > 0, prepend=False))
        # No span reaches over the end of a text, so that what begins in a text ends there too.
        texts = np.searchsorted(self.starts, bounds[::2], "right") - 1
        found: list[list[tuple[int, int]]] = [[] for _ in self.lengths]
        for text, start, stop in zip(texts, bounds[::2], bounds[1::2], strict=True):
            found[text].append((int(start - self.starts[text]), int(stop - self.starts[text])))
        return found


@dataclass(frozen=True)
class _Block:
    """A stretch of the corpus, an `END` standing before its beginning.

    Attributes:
        codes: its codes, those at the end of the block before among them.
        start: how many codes come before.
        line: how many ends of lines or records come before.
    """

    codes: Codes
    start: int = 0
    line: int = 0

    def line_of(self, place: int) -> int:
        """The number of the line that a place of the block is in."""
        return self.line + _line_ends(self.codes[:place])


def _line_ends(codes: Codes) -> int:
    return int(np.count_nonzero((codes == END) | (codes == LINE_FEED)))


def _blocks(corpus: Iterable[Codes], overlap: int) -> Iterator[_Block]:
    """The corpus in blocks, each with the last `overlap` codes of the one before it at its beginning."""
    block = _Block(np.array([END], np.uint32))
    pieces, fresh = [block.codes], 0
    for piece in corpus:
        pieces.append(piece)
        fresh += len(piece)
        if fresh >= max(BLOCK_CODES, overlap):
            block = replace(block, codes=np.concatenate(pieces))
            yield block
            gone = max(0, len(block.codes) - overlap)
            block = _Block(block.codes[gone:], block.start + gone, block.line_of(gone))
            pieces, fresh = [block.codes], 0
    if fresh:
        yield replace(block, codes=np.concatenate(pieces))


def _lengthened(longest: Copy, written: _Written, block: _Block, hashed: Hashed) -> Copy:
    """The longest span, this block being looked at too; of those as long the first one found."""

    def is_missing(length: int) -> bool:
        return not len(Needles(written.hashed, length).meet(hashed)[0])

    limit = min(written.longest, len(block.codes))
    if longest.length >= limit or is_missing(longest.length + 1):
        return longest
    # What stands there has all its beginnings there, so that lengths that do come before those that do not.
    length = bisect_left(range(limit + 1), x=True, lo=longest.length + 2, key=is_missing) - 1
    starts, places = Needles(written.hashed, length).meet(hashed)
    first = int(np.argmin(places))
    text = int(np.searchsorted(written.starts, starts[first], "right")) - 1
    place = int(places[first])
    return Copy(
        text=text,
        start=int(starts[first] - written.starts[text]),
        length=length,
        position=block.start + place - 1,
        line=block.line_of(place),
    )


class _Records:
    """Whole lines, looked for among the records of the corpus."""

    def __init__(self, lines: Sequence[Codes]) -> None:
        self._lines = Counter(line.tobytes() for line in lines)
        self._met: set[bytes] = set()
        self._hashes = {line.tobytes(): Hashed(line).spans(len(line)).item() for line in lines}

    def meet(self, block: Hashed) -> None:
        """Look through the records that stand whole in a block for lines that were not met yet."""
        missing = [value for line, value in self._hashes.items() if line not in self._met]
        if not missing:
            return
        ends = np.flatnonzero(block.codes == END)
        starts, stops = ends[:-1] + 1, ends[1:]
        likely = among(block.between(starts, stops), np.sort(np.array(missing, np.uint64)))
        for start, stop in zip(starts[likely].tolist(), stops[likely].tolist(), strict=True):
            record = block.codes[start:stop].tobytes()
            if record in self._lines:
                self._met.add(record)

    def share(self) -> Share:
        """How many of the lines, each as often as it was given, were met."""
        return Share(sum(self._lines[line] for line in self._met), self._lines.total())
