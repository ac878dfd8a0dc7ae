"""How a model writes: which symbol comes next, of one text or of many side by side, and the text they make.

Knows nothing of files, terminals or torch.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from charrnn.architecture import Architecture
from charrnn.checkpoint import Checkpoint
from charrnn.config import DEFAULT_LENGTH, Request, SampleSettings
from charrnn.reading.codes import END
from charrnn.reading.vocabulary import Vocabulary
from charrnn.writing import filters
from charrnn.writing.choice import Chooser
from charrnn.writing.decoder import Decoder
from charrnn.writing.filters import Logits
from charrnn.writing.prompt import Prompt, decomposes, read_prompt
from charrnn.writing.text_stream import LONGEST_SEQUENCE, TextStream, joins
from charrnn.writing.witness import Witness

Watch = Callable[[NDArray[np.intp], Logits, NDArray[np.intp]], None]
"""Is told, each time symbols are chosen, the texts' numbers, the unfiltered logits, and the chosen ids."""


@dataclass(frozen=True)
class Author:
    """What writing needs of a model.

    Attributes:
        architecture: cell and sizes.
        weights: an array for each of its names.
        vocabulary: the symbols; with an end mark, the model writes records that end by themselves.
        starts: (V,) how often each symbol begins a line of the corpus.
        normal_form: how the corpus was normalised.
        empty_records: whether the corpus has records without a character.
    """

    architecture: Architecture
    weights: Mapping[str, NDArray[np.float32]]
    vocabulary: Vocabulary
    starts: NDArray[np.int64]
    normal_form: str = "none"
    empty_records: bool = False

    @classmethod
    def of(cls, checkpoint: Checkpoint) -> "Author":
        """The author that a checkpoint holds."""
        return cls(
            architecture=checkpoint.architecture,
            weights=checkpoint.weights,
            vocabulary=checkpoint.vocabulary,
            starts=np.array(checkpoint.corpus.starts, np.int64),
            normal_form=checkpoint.reading.normalize,
            empty_records=checkpoint.corpus.empty_records > 0,
        )

    def read(self, request: Request) -> Prompt:
        """The request's prompt as this model reads it.

        Raises:
            UsageError: it holds characters that the model does not know.
        """
        return read_prompt(request.prompt, self.vocabulary, self.normal_form, request.on_unknown)

    def witness(self) -> Witness:
        """Somebody who can tell what this model expected at each character that it writes."""
        return Witness(self.vocabulary, self.normal_form)

    def stream(self, request: Request) -> TextStream:
        """An empty text that will be as long as the request says."""
        unset = DEFAULT_LENGTH if self.vocabulary.end is None else 0
        length = unset if request.length is None else request.length
        compose = decomposes(self.normal_form)
        return TextStream(self.vocabulary.level, compose=compose, length=length, stop=request.stop)


def write(
    author: Author,
    request: Request,
    settings: SampleSettings,
    texts: range | None = None,
    watch: Watch | None = None,
) -> Iterator[list[str]]:
    """Write texts side by side; each turn gives what is new of each.

    Text i depends on the seed and on i, not on how many are written with it, save for rounding.

    Args:
        author: the model.
        request: what to write.
        settings: how to choose.
        texts: the numbers of those to write now; all of the request's if None.
        watch: is told what is chosen, the texts being numbered from 0.

    Returns:
        The turns: for each text what follows the prompt, or "" when it has nothing new or has ended. A byte
        that is no part of a character is a lone surrogate (`text_stream.exact_bytes` gives it back).

    Raises:
        UsageError: the prompt holds unknown characters, or no character is left to write.
    """
    numbers = texts if texts is not None else range(request.count)
    chooser = Chooser(settings, author.vocabulary, author.normal_form)
    prompt, decoder = author.read(request), Decoder(author.architecture, author.weights)
    logits = first_logits(author, prompt, decoder, chooser.allowed)
    recent = recent_ids(prompt.ids, settings.repetition_window)
    streams = [author.stream(request) for _ in numbers]
    generators = [random_numbers(request.seed, number) for number in numbers]
    every = np.zeros(len(numbers), np.intp)
    decoder.select(every)
    return _turns(
        author.vocabulary,
        chooser,
        decoder,
        streams,
        generators=generators,
        logits=logits[every],
        recent=recent[every],
        watch=watch,
    )


def _turns(
    vocabulary: Vocabulary,
    chooser: Chooser,
    decoder: Decoder,
    streams: list[TextStream],
    *,
    generators: list[np.random.Generator],
    logits: Logits,
    recent: NDArray[np.intp],
    watch: Watch | None,
) -> Iterator[list[str]]:
    """Choose, write, and read what was written, until every text has ended."""
    going = np.arange(len(streams))
    while len(going):
        ids = chooser(logits, recent, np.array([generators[text].random() for text in going]))
        if watch:
            watch(going, logits, ids)
        codes = dict(zip(going.tolist(), vocabulary.codes[ids].tolist(), strict=True))
        yield [_extend(stream, codes.get(text)) for text, stream in enumerate(streams)]
        rows = np.flatnonzero([not streams[text].done for text in going])
        if len(rows) < len(going):
            decoder.select(rows)
        going, ids = going[rows], ids[rows]
        recent = np.column_stack([recent[rows, 1:], ids])
        logits = decoder.step(ids)


def random_numbers(seed: int, text: int) -> np.random.Generator:
    """The random numbers of one text: those of the seed's child of that number."""
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(text,)))


def _extend(stream: TextStream, code: int | None) -> str:
    if code is None:
        return ""
    return stream.finish() if code == END else stream.feed(code)


def recent_ids(ids: NDArray[np.intp], window: int) -> NDArray[np.intp]:
    """The last ids of the prompt, (1, window), filled up with -1 in front."""
    last = ids[-window:]
    return np.pad(last, (window - len(last), 0), constant_values=-1)[None]


def first_logits(author: Author, prompt: Prompt, decoder: Decoder, allowed: NDArray[np.bool_]) -> Logits:
    """The logits of the first symbol after the prompt, (1, V); what cannot come first is ruled out."""
    end = author.vocabulary.end
    ids = prompt.ids if end is None else np.append(end, prompt.ids)
    if not len(ids):
        return _start_logits(author, allowed)
    for row in ids.reshape(-1, 1):
        logits = decoder.step(row)
    possible = filters.only(logits, _can_follow(author, prompt))
    # Where the rules leave nothing that --allow names, what was asked for comes before them.
    return possible if np.isfinite(possible[:, allowed]).any() else logits.copy()


def _start_logits(author: Author, allowed: NDArray[np.bool_]) -> Logits:
    """How lines of the corpus begin; where no such beginning is allowed, how often each symbol occurs."""
    counts: list[NDArray[np.int64]] = [author.starts, author.vocabulary.counts, allowed.astype(np.int64)]
    some = next(count for count in counts if count[allowed].any())
    with np.errstate(divide="ignore"):
        return np.log(some)[None]


def _can_follow(author: Author, prompt: Prompt) -> NDArray[np.bool_]:
    """(V,): not the end of an empty record, and nothing that changes the prompt's last character."""
    vocabulary = author.vocabulary
    can_follow = np.ones(len(vocabulary), np.bool_)
    if vocabulary.end is not None and not len(prompt.ids):
        can_follow[vocabulary.end] = author.empty_records
    if prompt.text and decomposes(author.normal_form) and vocabulary.level == "char":
        last = prompt.text[-LONGEST_SEQUENCE:]
        characters = vocabulary.codes[vocabulary.codes < END].tolist()
        can_follow[: len(characters)] &= [not joins(last, chr(code)) for code in characters]
    return can_follow
