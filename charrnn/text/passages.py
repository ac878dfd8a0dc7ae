"""A text to be scored: in pieces, as characters and as ids, and which id belongs to which character.

Text mode: the first character is input only, not scored. Lines mode: an end mark is the input before the
first record, and the end mark of each record is scored. Knows nothing of models.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from charrnn.config.settings import ReadingSettings
from charrnn.errors import CorpusError, UsageError
from charrnn.text.alignment import Begins, Codes, begins, first_character, unbroken
from charrnn.text.codes import END, LINE_FEED, REPLACEMENT, UNKNOWN, to_codes, to_text
from charrnn.text.corpus import Corpus
from charrnn.text.normalization import normal_form, separable
from charrnn.text.parts import Part
from charrnn.text.source_texts import BytesDone
from charrnn.text.statistics import Tally
from charrnn.text.vocabulary import Ids, Vocabulary

_SYMBOLS = 2**16
"""Of a part that is kept as ids, so many are spelt together."""

_AS_READ = {"nfd": "nfc", "nfkd": "nfc"}
"""The form of text that was decomposed, as people read it."""


@dataclass(frozen=True)
class Passage:
    """A stretch of a text, cut between two characters.

    Attributes:
        text: as read; at byte level its bytes as text; in lines mode a line feed for each end mark, and
            composed where it was normalised.
        codes: its symbols, end marks among them.
        ids: the same for the model. Those unknown to it have the id of its unknown symbol, or, where it has
            none, one past its last.
        begins: how many scored characters begin with each symbol.
        places: where in `text` the character of each symbol begins, and, last, the text's length.
        line_ends: how many symbols stand before the end of each line, its line feed or end mark included.
        given: how many symbols at the start are given, not scored.
        utf8_bytes: what its scored characters take in UTF-8.
        unknown: how many of its scored characters the model does not know.
        given_bytes: what the characters that are given take in UTF-8.
    """

    text: str
    codes: Codes
    ids: Ids
    begins: Begins
    places: NDArray[np.int64]
    line_ends: NDArray[np.intp]
    given: int
    utf8_bytes: int
    unknown: int
    given_bytes: int = 0


def check_scorable(corpus: Corpus, vocabulary: Vocabulary) -> None:
    """Check that there is something to score, and that the model reads such texts.

    Raises:
        CorpusError: there is but one character.
        UsageError: the mode is not the model's.
    """
    statistics, reading = corpus.statistics(), corpus.reading
    if reading.mode != vocabulary.mode:
        raise UsageError(
            f"--mode is {reading.mode}, but the model was trained with the other one; leave it out"
        )
    if min(statistics.symbols, statistics.characters) < 2:
        raise CorpusError(
            f"{corpus.sources[0].name} has one character; expected two or more, since the first is not scored"
        )


def passages(corpus: Corpus, vocabulary: Vocabulary, progress: BytesDone | None = None) -> Iterator[Passage]:
    """A text as a model reads it.

    Args:
        corpus: the text, checked by `check_scorable`.
        vocabulary: the model's.
        progress: is told how far the text is read.
    """
    marking, reading = vocabulary.marking(), corpus.reading
    if reading.mode == "lines":
        yield _first_end(marking)
    is_first = reading.mode == "text"
    for text, codes in _aligned(corpus, progress):
        if len(codes):
            given = first_character(codes, reading.level, reading.normalize) if is_first else 0
            yield _piece(text, codes, marking, reading, given=given)
            is_first = False


def part_passages(
    part: Part, vocabulary: Vocabulary, reading: ReadingSettings
) -> Iterator[Iterator[Passage]]:
    """What a run keeps of a part of its text, as its model reads it: each text that begins blank.

    The text is spelt from its symbols: composed where it was decomposed, and with U+FFFD, or a private
    character where the model knows that one, for what the model has no symbol for.
    """
    known = set(vocabulary.codes.tolist())
    stand_in = next(code for code in (REPLACEMENT, *range(0xE000, 0xF900)) if code not in known)
    codes = np.append(np.where(vocabulary.codes == UNKNOWN, np.uint32(stand_in), vocabulary.codes), stand_in)
    marking = vocabulary.marking()
    if part.records:
        yield _record_pieces((codes.take(ids, mode="clip") for ids in part.blocks()), marking, reading)
        return
    for begin, end in part.texts.tolist():
        starts = range(begin, end, _SYMBOLS)
        blocks = (codes.take(part.ids[at : min(at + _SYMBOLS, end)], mode="clip") for at in starts)
        yield _text_pieces(blocks, marking, reading)


def _record_pieces(
    blocks: Iterator[Codes], marking: Vocabulary, reading: ReadingSettings
) -> Iterator[Passage]:
    yield _first_end(marking)
    composed = "none" if reading.normalize == "none" else "nfc"
    for codes in joined(blocks, _SYMBOLS):
        yield _piece(normal_form(_text(codes), composed), codes, marking, reading, given=0)


def _text_pieces(blocks: Iterator[Codes], marking: Vocabulary, reading: ReadingSettings) -> Iterator[Passage]:
    form, is_first = reading.normalize, True
    if reading.level == "byte" or form == "none":
        pieces = unbroken(blocks) if reading.level == "byte" else blocks
        spelt = ((_text(codes), codes) for codes in pieces)
    else:
        texts = (normal_form(text, _AS_READ.get(form, "none")) for text in separable(map(to_text, blocks)))
        spelt = ((text, to_codes(normal_form(text, form))) for text in texts)
    for text, codes in spelt:
        if len(codes):
            given = first_character(codes, reading.level, form) if is_first else 0
            yield _piece(text, codes, marking, reading, given=given)
            is_first = False


def joined(blocks: Iterator[Codes], symbols: int) -> Iterator[Codes]:
    """Blocks of at least so many symbols each but the last."""
    waiting: list[Codes] = []
    for block in blocks:
        waiting.append(block)
        if sum(map(len, waiting)) >= symbols:
            yield np.concatenate(waiting)
            waiting = []
    if waiting:
        yield np.concatenate(waiting)


def _first_end(marking: Vocabulary) -> Passage:
    """The end mark before the first record, which is given."""
    end = np.array([END], np.uint32)
    nothing = np.zeros(1, np.uint16), np.zeros(2, np.int64), np.zeros(0, np.intp)
    return Passage("", end, marking.encode_codes(end), *nothing, given=1, utf8_bytes=0, unknown=0)


def _piece(text: str, codes: Codes, marking: Vocabulary, reading: ReadingSettings, *, given: int) -> Passage:
    """A stretch; given are the symbols of a text's first character, or the first end mark."""
    found = begins(text, codes, reading.level, reading.normalize)
    ends = np.cumsum(found, dtype=np.int64)
    places = np.arange(len(codes) + 1) if reading.level == "byte" else np.append(ends - found, len(text))
    ids = marking.encode_codes(codes)
    is_unknown = ids == marking.unknown
    is_unknown[:given] = False
    tally = Tally(reading.level)
    tally.add(text)
    given_bytes = 0
    if given:
        found[0] -= 1
        given_bytes = given if reading.level == "byte" else len(text[:1].encode("utf-8", "surrogatepass"))
    return Passage(
        text=text,
        codes=codes,
        ids=ids,
        begins=found,
        places=places,
        line_ends=1 + np.flatnonzero(codes == (END if reading.mode == "lines" else LINE_FEED)),
        given=given,
        utf8_bytes=tally.utf8_bytes - given_bytes,
        unknown=int(np.count_nonzero(np.diff(ends[is_unknown], prepend=0))),
        given_bytes=given_bytes,
    )


def _aligned(corpus: Corpus, progress: BytesDone | None) -> Iterator[tuple[str, Codes]]:
    """Pieces of text as read, each with the symbols that it became."""
    reading = corpus.reading
    if reading.level == "byte":
        yield from ((_text(codes), codes) for codes in unbroken(corpus.codes(progress)))
    elif reading.mode == "lines":
        composed = "none" if reading.normalize == "none" else "nfc"
        yield from ((normal_form(_text(codes), composed), codes) for codes in corpus.codes(progress))
    elif reading.normalize == "none":
        yield from ((text, to_codes(text)) for text in corpus.texts(progress))
    else:
        for text in separable(corpus.texts(progress)):
            yield text, to_codes(normal_form(text, reading.normalize))


def _text(codes: Codes) -> str:
    return to_text(np.where(codes == END, np.uint32(LINE_FEED), codes))
