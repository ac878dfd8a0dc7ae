"""Sampling: chooses the next symbols of one text, or of a batch of texts, and assembles the texts.

Knows nothing of files, terminals or torch.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from charrnn.config.settings import Request, SampleSettings
from charrnn.decoding.choice import Chooser
from charrnn.decoding.filters import Logits
from charrnn.decoding.language_model import LanguageModel
from charrnn.decoding.length import bound_of, length_of
from charrnn.decoding.network import Tell
from charrnn.decoding.prime import Primed, prime, recent_ids
from charrnn.decoding.prompt import Prompt, as_written, decomposes, read_prompt
from charrnn.decoding.text_stream import TextStream
from charrnn.errors import UsageError
from charrnn.text.codes import LINE_FEED

TOGETHER = 256
"""Texts that are written side by side."""

NUMBERS = 2**22
"""Logits, or characters to look back at, of all texts side by side, at most: bounds memory."""

BLOCK = 32
"""Symbols that several texts take before they are looked at: whether they have ended, what they spell."""

Watch = Callable[[NDArray[np.intp], Logits, NDArray[np.intp]], None]
"""Is told, each time symbols are chosen, the texts' numbers, the unfiltered logits, and the chosen ids."""


class Piece(NamedTuple):
    """What is new of a text.

    Attributes:
        number: which text.
        text: what follows; a byte that is no part of a character is a lone surrogate
            (`text_stream.exact_bytes` gives it back).
        ended: whether this was the last piece of it.
    """

    number: int
    text: str
    ended: bool


def read(model: LanguageModel, request: Request) -> Prompt:
    """The request's prompt as this model reads it.

    Raises:
        UsageError: it holds characters that the model does not know.
    """
    return read_prompt(request.prompt, model.vocabulary, model.normal_form, request.on_unknown)


def random_numbers(seed: int, number: int) -> np.random.Generator:
    """The random numbers of one text: those of the seed's child of its number."""
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(number,)))


def open_stream(model: LanguageModel, request: Request) -> TextStream:
    """An empty text that will be as long as the request says."""
    return TextStream(
        model.vocabulary.level,
        compose=decomposes(model.normal_form),
        length=length_of(model, request) or bound_of(model, request),
        stop=tuple(as_written(text, model.normal_form) for text in request.stop),
        lines=request.until_line,
    )


def write(
    model: LanguageModel,
    request: Request,
    settings: SampleSettings,
    texts: Sequence[int] | None = None,
    watch: Watch | None = None,
    *,
    tell: Tell | None = None,
) -> Iterator[Piece]:
    """Write texts side by side; pieces of a text come in order, those of different texts as they are ready.

    Text i depends on the seed and on i, not on how many are written with it, save for rounding.

    Args:
        model: who writes.
        request: what to write.
        settings: how to choose.
        texts: the numbers of those to write; all of the request's if None.
        watch: is told what is chosen.
        tell: is told how many more symbols of a long prompt were read.

    Raises:
        UsageError: the prompt holds unknown characters, no character is left to write, or the text cannot end
            as it should.
    """
    chooser = Chooser(settings, model.vocabulary, model.normal_form)
    _check_ends(model, request, chooser)
    primed = prime(model, read(model, request), chooser.allowed, tell)
    numbers: Sequence[int] = range(request.count) if texts is None else texts
    return _Rows(model, request, chooser, primed, numbers=numbers, at_every_step=watch is not None).pieces(
        watch
    )


def _check_ends(model: LanguageModel, request: Request, chooser: Chooser) -> None:
    """Refuse to wait for a line feed that never comes, and to walk where there is no length."""
    writable = model.vocabulary.codes[chooser.allowed]
    if request.until_line is not None and LINE_FEED not in writable:
        raise UsageError(
            f"--until-line {request.until_line} would wait for line feeds, which are never written here; "
            "expected a model and --allow that have them; give --length, or --count for so many texts"
        )
    if chooser.walks and not length_of(model, request):
        first, last = chooser.temperatures
        raise UsageError(
            f"--temperature {first:g}:{last:g} changes over the length of a text, and this one has no end; "
            "give --length"
        )


class _Text:
    """A text that is being written.

    Attributes:
        number: which one.
        stream: what its symbols spell.
        generator: its random numbers.
        begun: the step of the block at which its symbols begin.
    """

    def __init__(self, number: int, seed: int, stream: TextStream, begun: int) -> None:
        self.number, self.stream, self.begun = number, stream, begun
        self.generator = random_numbers(seed, number)

    def piece(self, codes: NDArray[np.uint32], *, end: bool) -> Piece:
        """What these symbols add, and an end mark after them."""
        text = self.stream.feed(codes)
        if end:
            text += self.stream.finish()
        return Piece(self.number, text, self.stream.done)


class _Rows:
    """Texts being written side by side, a row each; when one has ended, its row takes the next that waits.

    What many texts spell is looked at once in a block of steps, since that takes longer than a step; only end
    marks are looked for at every step. What a text takes beyond its end in a block is left out.
    """

    def __init__(
        self,
        model: LanguageModel,
        request: Request,
        chooser: Chooser,
        primed: Primed,
        *,
        numbers: Sequence[int],
        at_every_step: bool,
    ) -> None:
        self._model, self._request, self._chooser, self._primed = model, request, chooser, primed
        self._length = length_of(model, request)
        self._at_every_step = at_every_step or len(numbers) == 1 or chooser.walks
        self._codes, self._end = model.vocabulary.codes, model.vocabulary.end
        self._steps = 0
        self._waiting = iter(numbers)
        together = max(1, min(TOGETHER, NUMBERS // max(len(self._codes), chooser.window)))
        self._rows = [self._next(0) for _ in range(min(together, len(numbers)))]
        self._fresh: list[int] = []
        self._network, self._start = primed.network, primed.network.state
        every = np.zeros(len(self._rows), np.intp)
        self._network.select(every)
        self._logits, self._recent = primed.logits[every], self._recent_of_prompt()[every]

    def pieces(self, watch: Watch | None) -> Iterator[Piece]:
        """Write, until every text has ended."""
        while self._rows:
            yield from self._write_block(watch)

    def _write_block(self, watch: Watch | None) -> Iterator[Piece]:
        """Write some symbols of each text."""
        steps = self._steps_of_block()
        self._uniforms = np.zeros((steps, len(self._rows)))
        for row in range(len(self._rows)):
            self._draw_random_numbers(row)
        self._symbols = np.empty((len(self._rows), steps), np.uint32)
        for step in range(steps):
            ids = self._choose(self._uniforms[step], watch)
            self._symbols[:, step] = self._codes[ids]
            last = step + 1 == steps
            for row in self._rows_to_look_at(ids, everyone=last or self._at_every_step):
                if (text := self._rows[row]) is not None:
                    yield self._look_at(text, row, step, end=ids[row] == self._end)
            if last or not any(self._rows):
                break
            self._read(ids)
        ids = self._leave_out_idle_rows(ids)
        if self._rows:
            self._read(ids)

    def _rows_to_look_at(self, ids: NDArray[np.intp], *, everyone: bool) -> Iterable[int]:
        """All, or those whose text ends."""
        if everyone:
            return range(len(self._rows))
        return () if self._end is None else np.flatnonzero(ids == self._end).tolist()

    def _look_at(self, text: _Text, row: int, step: int, *, end: bool) -> Piece:
        """Spell what a text took since; if it has ended, its row takes the next one that waits."""
        piece = text.piece(self._symbols[row, text.begun : step + (not end)], end=end)
        text.begun = step + 1
        if piece.ended:
            self._rows[row] = self._next(step + 1)
            self._fresh.append(row)
            self._draw_random_numbers(row)
        return piece

    def _steps_of_block(self) -> int:
        """As many as the text with the longest way to go may need, within the limit."""
        left = [BLOCK if text.stream.left is None else text.stream.left for text in self._rows if text]
        return min(BLOCK, max(left))

    def _draw_random_numbers(self, row: int) -> None:
        """The text's random numbers for the rest of the block."""
        if (text := self._rows[row]) is not None:
            rest = self._uniforms[text.begun :, row]
            rest[:] = text.generator.random(len(rest))

    def _choose(self, uniform: NDArray[np.float64], watch: Watch | None) -> NDArray[np.intp]:
        """The next symbol of each text."""
        ids = self._chooser(self._logits, self._recent, uniform, self._way() if self._chooser.walks else 0.0)
        if watch is not None:
            rows = np.flatnonzero([text is not None for text in self._rows])
            numbers = np.array([text.number for text in self._rows if text is not None], np.intp)
            watch(numbers, self._logits[rows], ids[rows])
        if self._chooser.window:
            self._recent[:, self._steps % self._chooser.window] = ids
        self._steps += 1
        return ids

    def _way(self) -> NDArray[np.float64]:
        """(texts, 1): the share of its length that each text has behind it; the last character is at 1."""
        counts = [0 if text is None else text.stream.count for text in self._rows]
        return np.array(counts)[:, None] / max(self._length - 1, 1)

    def _read(self, ids: NDArray[np.intp]) -> None:
        """Read what was written, and in a row with a new text the prompt instead."""
        self._logits = self._network.step(ids)
        if self._fresh:
            self._network.put(np.array(self._fresh), self._start)
            self._logits[self._fresh] = self._primed.logits
            self._recent[self._fresh] = self._recent_of_prompt()
            self._fresh = []

    def _recent_of_prompt(self) -> NDArray[np.intp]:
        """The last ids of the prompt, (1, window), turned so that the oldest is the next to be replaced."""
        return np.roll(recent_ids(self._primed.ids, self._chooser.window), self._steps, axis=1)

    def _next(self, begun: int) -> _Text | None:
        """The next text that waits, to begin at this step of the block."""
        number = next(self._waiting, None)
        if number is None:
            return None
        return _Text(number, self._request.seed, open_stream(self._model, self._request), begun)

    def _leave_out_idle_rows(self, ids: NDArray[np.intp]) -> NDArray[np.intp]:
        """Go on with the rows that have a text, from the primed of a block; their ids."""
        for text in self._rows:
            if text is not None:
                text.begun = 0
        if all(self._rows):
            return ids
        kept = np.flatnonzero([text is not None for text in self._rows])
        self._rows = [self._rows[row] for row in kept.tolist()]
        self._fresh = np.flatnonzero(np.isin(kept, self._fresh)).tolist()
        if self._rows:
            self._network.select(kept)
            self._recent = self._recent[kept]
        return ids[kept]
