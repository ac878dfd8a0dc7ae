"""What a model of translation makes of sources, as text. Knows nothing of files or terminals."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from unicodedata import normalize

import numpy as np

from charrnn.config.settings import TranslateSettings
from charrnn.decoding.beam import Target, draw, search
from charrnn.decoding.cells import Array
from charrnn.decoding.prompt import decomposes
from charrnn.decoding.translator import Ids, Translator
from charrnn.model.architecture import TranslationArchitecture
from charrnn.text.target_vocabulary import TargetVocabulary


@dataclass(frozen=True)
class Answer:
    """A target, as text.

    Attributes:
        target: composed, where the model's text was decomposed.
        log_probability: in nats; None where it is remembered.
        is_capped: whether it was broken off at the longest that was allowed.
        symbols: of the target, as the model wrote them, `<end>` included where it was written.
        attention: (symbols, characters of the source and its end mark), how much each was looked at; None
            where nobody asked.
    """

    target: str
    log_probability: float | None
    is_capped: bool = False
    symbols: Sequence[str] = ()
    attention: Array | None = None


@dataclass(frozen=True)
class TranslationModel:
    """A model that turns one text into another.

    Attributes:
        architecture: cell and sizes.
        weights: an array for each name in `architecture.shapes()`.
        target_vocabulary: the symbols of targets.
        level: of what is read: `char`, or `byte`.
        normal_form: how the model's text was normalised.
    """

    architecture: TranslationArchitecture
    weights: Mapping[str, Array]
    target_vocabulary: TargetVocabulary
    level: str = "char"
    normal_form: str = "none"

    def text(self, ids: Ids) -> str:
        """The text of a target as people read it."""
        text = self.target_vocabulary.decode(ids)
        if self.level == "byte":
            text = text.encode("latin-1").decode("utf-8", "replace")
        return normalize("NFC", text) if decomposes(self.normal_form) else text

    def characters(self, ids: Ids) -> int:
        """How many characters a target has as people read it; a symbol that is not known is one."""
        known = ids[ids < len(self.target_vocabulary)]
        return len(self.text(known)) + len(ids) - len(known)


Memory = Mapping[bytes, str]
"""Targets by the `key` of their sources."""


def key(source: Ids) -> bytes:
    """What a source is remembered by; with its end mark or without it, but always alike."""
    return source.astype("<u4").tobytes()


class Answering:
    """Answers sources, many together.

    Args:
        model: who answers.
        settings: how.
        memory: what is answered instead.
    """

    def __init__(
        self, model: TranslationModel, settings: TranslateSettings, memory: Memory | None = None
    ) -> None:
        self._model, self._settings, self._memory = model, settings, memory or {}
        self._translator = Translator(model.architecture, model.weights)
        self._answered = 0

    def __call__(self, sources: Sequence[Ids], are_known: Sequence[bool] = ()) -> list[list[Answer]]:
        """The answers to each source, the likeliest first, as many as are wanted and found.

        Args:
            sources: ids, each with its end mark.
            are_known: whether the ids say all of a source, so that it can be one that is remembered; all
                do, if not given.

        Raises:
            CheckpointError: what the model computes is not finite.
        """
        keys, first = [key(source) for source in sources], self._answered
        remembered = {
            place
            for place, one in enumerate(keys)
            if one in self._memory and (not are_known or are_known[place])
        }
        self._answered += len(sources)
        places = [place for place in range(len(sources)) if place not in remembered]
        found = self._targets([sources[place] for place in places], [first + place for place in places])
        answers = {place: [Answer(self._memory[keys[place]], None)] for place in remembered}
        answers |= {
            place: [self._answer(one) for one in best] for place, best in zip(places, found, strict=True)
        }
        return [answers[place] for place in range(len(sources))]

    def _targets(self, sources: Sequence[Ids], numbers: Sequence[int]) -> list[list[Target]]:
        settings, translator = self._settings, self._translator
        longest, attention = settings.max_length, settings.attention or settings.html is not None
        if settings.temperature is None:
            beam, best = max(settings.beam, settings.n_best or 1), settings.n_best or 1
            return search(translator, sources, beam=beam, best=best, longest=longest, attention=attention)
        random = [np.random.default_rng((settings.seed, number)) for number in numbers]
        degrees = settings.temperature
        return draw(
            translator, sources, temperature=degrees, random=random, longest=longest, attention=attention
        )

    def _answer(self, target: Target) -> Answer:
        symbols = [self._model.target_vocabulary.symbols[number - 1] for number in target.ids.tolist()]
        return Answer(
            target=self._model.text(target.ids),
            log_probability=target.log_probability,
            is_capped=target.is_capped,
            symbols=symbols if target.is_capped else [*symbols, "<end>"],
            attention=target.attention,
        )
