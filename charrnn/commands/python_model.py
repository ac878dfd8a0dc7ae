"""`charrnn.load`: a model as a Python program uses it. Loads torch only to score.

Nothing here prints, and all errors are `CharRNNError`s. Settings have the names, the defaults and the checks
of the command line's options.
"""

import difflib
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

from charrnn.commands.answering import check_command
from charrnn.commands.info import info_of, names_a_run
from charrnn.commands.prompts import as_read
from charrnn.commands.scored_text import NamedText
from charrnn.commands.writers import Writers, check_label
from charrnn.config.declaration import build, flat, shortened
from charrnn.config.settings import EvaluateSettings, ReadingSettings, Request, SampleSettings
from charrnn.decoding.length import has_end
from charrnn.decoding.sampler import read, write
from charrnn.decoding.text_stream import exact_bytes
from charrnn.errors import UsageError, only_ours
from charrnn.runs.checkpoint import Checkpoint
from charrnn.runs.checkpoint import load as load_checkpoint
from charrnn.runs.folder import find_checkpoint
from charrnn.text.corpus import Corpus
from charrnn.text.passages import check_scorable

if TYPE_CHECKING:
    from charrnn.model.network import CharRNN

PathLike = str | os.PathLike[str]

_OF_A_TEXT = {*flat(Request()), *flat(SampleSettings())} - {"prompt", "length", "count", "output", "mix"}
"""Settings of `sample` that are given by name."""


def load(path: PathLike | None = None) -> "Model":
    """Load a model.

    Args:
        path: a run folder, the name of a run in `runs/`, or a checkpoint file; None for the newest run there.

    Raises:
        CheckpointError: there is none, or it is damaged.
    """
    with only_ours():
        meant = None if path is None else os.fspath(path)
        found = find_checkpoint(meant)
        return Model(found, load_checkpoint(found), is_run=names_a_run(meant))


class Model:
    """A trained model.

    Attributes:
        path: the checkpoint that it was loaded from.
    """

    def __init__(self, path: Path, checkpoint: Checkpoint, *, is_run: bool) -> None:
        self.path = path
        self._checkpoint, self._is_run = checkpoint, is_run
        self._networks: dict[str | None, CharRNN] = {}

    def __repr__(self) -> str:
        return f"<charrnn.Model {self.path}>"

    @property
    def info(self) -> dict[str, Any]:
        """What it is and how it was trained: the values of `charrnn info --json`."""
        with only_ours():
            return info_of(self.path, self._checkpoint, is_run=self._is_run)

    def sample(
        self,
        prompt: str = "",
        *,
        length: int | None = None,
        temperature: float | str = 1.0,
        seed: int = 1,
        **settings: Any,  # noqa: ANN401 - of many types
    ) -> str:
        """Write one text, as `charrnn sample` does with the same settings.

        Args:
            prompt: how it begins, as it is: without escapes, and `@` and `-` are characters like others.
            length: characters to write after the prompt.
            temperature: below 1 safer, above 1 bolder.
            seed: every random choice follows from it.
            **settings: other options of `charrnn sample` by name, such as `top_p` or `stop`.

        Returns:
            The prompt and what follows. With a model of bytes, one that is no part of a character is a lone
            surrogate, as `surrogateescape` has it.

        Raises:
            UsageError: a setting is out of its limits, or the model does not know the prompt's characters.
        """
        named = {"length": length, "temperature": temperature, "seed": seed}
        with only_ours():
            return "".join(self._pieces(*self._asked(prompt, named | settings, is_whole=True)))

    def stream(
        self,
        prompt: str = "",
        *,
        length: int | None = None,
        temperature: float | str = 1.0,
        seed: int = 1,
        **settings: Any,  # noqa: ANN401
    ) -> Iterator[str]:
        """Write the text of `sample` piece by piece, the prompt first; with a length of 0 without end.

        Raises:
            UsageError: as `sample`, at once.
        """
        named = {"length": length, "temperature": temperature, "seed": seed}
        with only_ours():
            pieces = self._pieces(*self._asked(prompt, named | settings, is_whole=False))
        return _ours_alone(pieces)

    def samples(
        self,
        count: int,
        prompt: str = "",
        *,
        length: int | None = None,
        temperature: float | str = 1.0,
        seed: int = 1,
        **settings: Any,  # noqa: ANN401
    ) -> Iterator[str]:
        """Write several texts side by side, which is faster, as `charrnn sample --count` does.

        Raises:
            UsageError: as `sample`, at once.
        """
        named = {"length": length, "temperature": temperature, "seed": seed}
        with only_ours():
            request, how = self._asked(prompt, named | settings, count, is_whole=True)
            writers = Writers([self._checkpoint], request)
            begun = read(writers.of(), request).text
            texts = writers.texts(request, how)
        return _ours_alone(begun + written.text for written in texts)

    def score(self, text: str, *, window: int = 0, label: str | None = None) -> "TextScore":
        """Measure how well the model predicts a text, as `charrnn evaluate` does; loads torch.

        The text stands for itself: it is neither decoded nor looked for in a table's column.

        Args:
            text: two characters or more.
            window: blank the state after so many characters; 0 carries it.
            label: of the text, for a model that was trained to write by label.

        Raises:
            CorpusError: the text is too short.
            UsageError: it reads lines, and a window is given; it has other labels, or is not to write.
        """
        with only_ours():
            from charrnn.commands.evaluate import figures
            from charrnn.commands.scoring import Subject, check_settings_for
            from charrnn.display.plain import QuietDisplay

            settings, model, network = EvaluateSettings(window=window), self._checkpoint, self._network(label)
            check_settings_for(model, settings)
            corpus = _corpus_of(text, model.reading)
            check_scorable(corpus, model.vocabulary)
            subject = Subject(self.path, model, network, NamedText(corpus), settings, display=QuietDisplay())
            return TextScore.of(figures(subject.scored(adapting=False)))

    def _network(self, label: str | None) -> "CharRNN":
        from charrnn.commands.scoring import network_of

        check_command("sample", self.path, self._checkpoint)
        check_label(label, self._checkpoint.answers)
        self._networks[label] = self._networks.get(label) or network_of(self._checkpoint, label)
        return self._networks[label]

    def _asked(
        self, prompt: str, settings: Mapping[str, Any], count: int = 1, *, is_whole: bool
    ) -> tuple[Request, SampleSettings]:
        """What to write and how, checked as the options are."""
        check_command("sample", self.path, self._checkpoint)
        others = {name: value for name, value in settings.items() if name != "length"}
        check_names("sample", others, _OF_A_TEXT)
        values = {**settings, "stop": _several(settings.get("stop", ()))}
        request = build(Request, values | {"prompt": prompt, "count": count})
        request = replace(request, prompt=as_read(prompt, self._checkpoint.reading))
        writer = Writers([self._checkpoint], request).of()
        if (is_whole or request.best_of > 1) and not has_end(writer, request):
            raise UsageError(
                "length is 0, and nothing else ends the text; give length, stop or until_line, or use stream"
            )
        return request, build(SampleSettings, values)

    def _pieces(self, request: Request, settings: SampleSettings) -> Iterator[str]:
        """The prompt and the text, as it comes; of several candidates the likeliest at once."""
        writers = Writers([self._checkpoint], request)
        begun = read(writers.of(), request).text
        if request.best_of > 1:
            return chain([begun], (written.text for written in writers.texts(request, settings)))
        return chain([begun], (piece.text for piece in write(writers.of(), request, settings)))


def _several(stop: object) -> tuple[str, ...]:
    """The texts before which a text stops, of which one may stand by itself."""
    several = stop if isinstance(stop, list | tuple) else (stop,)
    if not all(isinstance(text, str) for text in several):
        raise UsageError(f"stop is {shortened(repr(stop))}; expected a text, or several")
    return tuple(several)


def _corpus_of(text: object, reading: ReadingSettings) -> Corpus:
    """A text as a model reads it, but that it needs no decoding and is not a table."""
    if not isinstance(text, str):
        raise UsageError(f"the text to score is of type {type(text).__name__}; expected str")
    whole = {"task": "language", "columns": None, "format": None, "separator": None, "header": False}
    plain = replace(reading, encoding="utf-8", errors="strict", **whole)  # type: ignore[arg-type]
    return Corpus.of(exact_bytes(text), plain)


def _ours_alone(pieces: Iterable[str]) -> Iterator[str]:
    """The pieces, as they come; whatever goes wrong is a `CharRNNError`."""
    with only_ours():
        yield from pieces


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


def check_names(function: str, settings: Mapping[str, Any], names: set[str]) -> None:
    """Check that a function has these settings.

    Raises:
        UsageError: it has not; the message says which one may be meant.
    """
    for name in settings:
        if name not in names:
            close = difflib.get_close_matches(name, names, 1)
            meant = f"{close[0]}, which may be meant" if close else f"those of charrnn {function} --help"
            raise UsageError(f"{function} has no setting {name}; expected {meant}")
