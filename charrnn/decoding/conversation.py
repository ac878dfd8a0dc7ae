"""A text written by a person and a model together: typed, picked character by character, or sampled.

Knows nothing of terminals or files.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from unicodedata import normalize

import numpy as np
from numpy.typing import NDArray

from charrnn.config.settings import Request, SampleSettings
from charrnn.decoding import filters
from charrnn.decoding.cells import State
from charrnn.decoding.choice import Chooser
from charrnn.decoding.filters import Logits
from charrnn.decoding.language_model import LanguageModel
from charrnn.decoding.prime import first_logits, possible_logits, recent_ids
from charrnn.decoding.prompt import Prompt, decomposes, in_normal_form, read_prompt
from charrnn.decoding.sampler import open_stream, random_numbers
from charrnn.decoding.text_stream import exact_bytes, spell
from charrnn.text.codes import END

Ids = NDArray[np.intp]

CHOICES = 5
STRETCH = 80
"""Characters that the model writes in a go, if nobody says how many."""


@dataclass(frozen=True)
class Choice:
    """A symbol that may come next.

    Attributes:
        id: its id.
        symbol: its name, as `Vocabulary.symbols` has it.
        probability: the chance to be drawn, after the filters.
    """

    id: int
    symbol: str
    probability: float


class Conversation:
    """One text and what may be done to it; every step can be taken back.

    Attributes:
        text: all that stands there now, as it is shown.
        is_ended: whether the model ended it, which only models of lines do.
    """

    def __init__(self, model: LanguageModel, request: Request, settings: SampleSettings) -> None:
        """Begin with an empty text.

        Raises:
            UsageError: the settings leave no character to write.
        """
        self.text, self.is_ended = "", False
        self._author, self._request = model, request
        self._chooser = Chooser(settings, model.vocabulary, model.normal_form)
        self._network = model.network()
        self._blank = _Mark(np.empty(0, np.intp), self._network.state)
        self._random = random_numbers(request.seed, 0)
        self._marks: list[_Mark] = []
        self._before: list[str] = []

    def add(self, text: str) -> str | None:
        """Add what a person typed; what there is to tell about it.

        Raises:
            UsageError: the model does not know all of it, and nothing else was asked for.
        """
        model = self._author
        prompt = read_prompt(text, model.vocabulary, model.normal_form, self._request.on_unknown)
        self._become(prompt.text)
        return prompt.notice

    def choices(self) -> list[Choice]:
        """The likeliest symbols that may come next, the likeliest first; fewer where filters leave fewer."""
        chances = filters.probabilities(self._chooser.filtered(*self._next()))[0]
        symbols = self._author.vocabulary.symbols()
        order = np.argsort(-chances, kind="stable")[:CHOICES].tolist()
        return [Choice(i, symbols[i], float(chances[i])) for i in order if chances[i] > 0]

    def take(self, choice: Choice) -> None:
        """Add one of the choices; an end mark ends the text."""
        code = int(self._author.vocabulary.codes[choice.id])
        is_byte = self._author.vocabulary.level == "byte"
        self.is_ended = code == END
        added = bytes([code]).decode("utf-8", "surrogateescape") if is_byte and code < END else chr(code)
        self._become("" if self.is_ended else added)

    def run(self, length: int) -> Iterator[str]:
        """Let the model write on.

        Args:
            length: characters; 0 for as many as it likes.

        Returns:
            The pieces as they come, each in the text already, so that stopping half-way loses nothing.
        """
        self._before.append(self.text)
        stream = open_stream(self._author, replace(self._request, length=length))
        logits, recent = self._next()
        if self.text:
            prompt = Prompt(self.text, np.zeros(len(self.text), np.intp), None)
            logits = possible_logits(self._author, prompt, logits, self._chooser.allowed)
        while not stream.done:
            way = stream.count / max(length - 1, 1) if length else 0.0
            ids = self._chooser(logits, recent, np.array([self._random.random()]), way)
            codes = self._author.vocabulary.codes[ids]
            self.is_ended = int(codes[0]) == END
            piece = stream.finish() if self.is_ended else stream.feed(codes)
            self.text += piece
            yield piece
            recent = np.column_stack([recent, ids])[:, 1:]
            logits = self._network.step(ids)

    def undo(self) -> None:
        """Take the last step back, if there is one."""
        self.text, self.is_ended = self._before.pop() if self._before else self.text, False

    def restart(self) -> None:
        """Begin an empty text."""
        self._before.append(self.text)
        self.text, self.is_ended = "", False

    def _become(self, added: str) -> None:
        """Add to the text: what was parted by how it came, such as bytes or letters, is put together."""
        self._before.append(self.text)
        text = exact_bytes(self.text + added).decode("utf-8", "surrogateescape")
        self.text = normalize("NFC", text) if decomposes(self._author.normal_form) else text

    def _next(self) -> tuple[Logits, Ids]:
        """The logits (1, V) of what comes next, and the ids that were written last (1, window)."""
        vocabulary = self._author.vocabulary
        spelt = spell(in_normal_form(self.text, self._author.normal_form), vocabulary.level)
        ids = vocabulary.encode_codes(spelt).astype(np.intp)
        recent = recent_ids(ids, self._chooser.window)
        if len(ids):
            return self._read(np.append(vocabulary.end_marks, ids)), recent
        self._go_back_to(self._blank)
        return first_logits(self._author, Prompt("", ids, None), self._network, self._chooser.allowed), recent

    def _read(self, ids: Ids) -> Logits:
        """The logits after these ids; of what was read before only what is new costs anything."""
        while self._marks and not np.array_equal(self._marks[-1].ids, ids[: len(self._marks[-1].ids)]):
            self._marks.pop()
        mark = self._marks[-1] if self._marks else self._blank
        # A mark lies before the last symbol, so that reading on from it always gives logits.
        self._go_back_to(mark)
        for row in ids[len(mark.ids) : -1].reshape(-1, 1):
            self._network.step(row)
        self._marks.append(_Mark(ids[:-1], self._network.state))
        return self._network.step(ids[-1:])

    def _go_back_to(self, mark: "_Mark") -> None:
        self._network.put(np.zeros(1, np.intp), mark.state)


@dataclass(frozen=True)
class _Mark:
    """What the network has read at some point, and the state it was in."""

    ids: Ids
    state: State
