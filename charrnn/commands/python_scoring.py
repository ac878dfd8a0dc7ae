"""What `Model.score` returns. Prints nothing; loads torch once something is scored."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from charrnn.commands.answering import check_command
from charrnn.commands.scored_text import NamedText
from charrnn.commands.writers import check_label
from charrnn.config.settings import EvaluateSettings, ReadingSettings
from charrnn.decoding.text_stream import exact_bytes
from charrnn.errors import UsageError
from charrnn.runs.checkpoint import Checkpoint
from charrnn.text.corpus import Corpus
from charrnn.text.passages import check_scorable

if TYPE_CHECKING:
    from charrnn.model.network import CharRNN


class Scorer:
    """Scores texts with a model, whose networks it keeps.

    Args:
        path: where the model is from.
        model: who predicts.
    """

    def __init__(self, path: Path, model: Checkpoint) -> None:
        self._path, self._model = path, model
        self._networks: dict[str | None, CharRNN] = {}

    def __call__(self, text: str, window: int, label: str | None) -> "TextScore":
        """Score a text; see `Model.score`."""
        from charrnn.commands.evaluate import figures
        from charrnn.commands.scoring import Subject, check_settings_for
        from charrnn.display.plain import QuietDisplay

        settings, model, network = EvaluateSettings(window=window), self._model, self._network(label)
        check_settings_for(model, settings)
        corpus = _corpus_of(text, model.reading)
        check_scorable(corpus, model.vocabulary)
        subject = Subject(self._path, model, network, NamedText(corpus), settings, display=QuietDisplay())
        return TextScore.of(figures(subject.scored(adapting=False)))

    def _network(self, label: str | None) -> "CharRNN":
        from charrnn.commands.scoring import network_of

        check_command("sample", self._path, self._model)
        check_label(label, self._model.answers)
        self._networks[label] = self._networks.get(label) or network_of(self._model, label)
        return self._networks[label]


@dataclass(frozen=True)
class TextScore:
    """How well a model predicts a text: the figures of `charrnn evaluate --json`.

    Attributes:
        bits_per_character: the headline.
        nats_per_character: the same in nats.
        bits_per_byte: over the bytes of the text in UTF-8.
        perplexity: how many equally likely characters would be as hard to guess; infinite beyond all numbers.
        characters: how many were scored: in text mode the first is given.
        unknown_characters: how many of these the model does not know.
    """

    bits_per_character: float
    nats_per_character: float
    bits_per_byte: float
    perplexity: float
    characters: int
    unknown_characters: int

    @classmethod
    def of(cls, figures: Mapping[str, Any]) -> "TextScore":
        """The same by name, a perplexity beyond all numbers being None there."""
        beyond = {"perplexity": float("inf")} if figures["perplexity"] is None else {}
        return cls(**{**figures, **beyond})


def _corpus_of(text: object, reading: ReadingSettings) -> Corpus:
    """A text as a model reads it, but that it needs no decoding and is not a table."""
    if not isinstance(text, str):
        raise UsageError(f"the text to score is of type {type(text).__name__}; expected str")
    whole = {"task": "language", "columns": None, "format": None, "separator": None, "header": False}
    plain = replace(reading, encoding="utf-8", errors="strict", **whole)  # type: ignore[arg-type]
    return Corpus.of(exact_bytes(text), plain)
