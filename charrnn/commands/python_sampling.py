"""What `Model.sample` and its like write, and how they check what they are asked. Prints nothing."""

import difflib
from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import Any

from charrnn.commands.answering import check_command
from charrnn.commands.prompts import as_read
from charrnn.commands.writers import Writers
from charrnn.config.declaration import build, flat, shortened
from charrnn.config.settings import Request, SampleSettings
from charrnn.decoding.length import has_end
from charrnn.decoding.sampler import read, write
from charrnn.errors import UsageError
from charrnn.runs.checkpoint import Checkpoint

_OF_A_TEXT = {*flat(Request()), *flat(SampleSettings())} - {"prompt", "length", "count", "output", "mix"}
"""Settings of `sample` that are given by name."""


class Writing:
    """Writes texts with a model.

    Args:
        path: where the model is from.
        model: who writes.
    """

    def __init__(self, path: Path, model: Checkpoint) -> None:
        self._path, self._model = path, model

    def pieces(self, prompt: str, settings: Mapping[str, Any], *, is_whole: bool) -> Iterator[str]:
        """The prompt and a text, as it comes; of several candidates the likeliest at once.

        Args:
            prompt: how the text begins.
            settings: options of `charrnn sample`, by name.
            is_whole: whether it must have an end.

        Raises:
            UsageError: a setting does not exist or is out of its limits, or the text would have no end.
        """
        request, how = self._asked(prompt, settings, 1, is_whole=is_whole)
        writers = Writers([self._model], request)
        begun = read(writers.of(), request).text
        if request.best_of > 1:
            return chain([begun], (written.text for written in writers.texts(request, how)))
        return chain([begun], (piece.text for piece in write(writers.of(), request, how)))

    def texts(self, count: int, prompt: str, settings: Mapping[str, Any]) -> Iterator[str]:
        """Several texts, written side by side; otherwise as `pieces`."""
        request, how = self._asked(prompt, settings, count, is_whole=True)
        writers = Writers([self._model], request)
        begun = read(writers.of(), request).text
        texts = writers.texts(request, how)
        return (begun + written.text for written in texts)

    def _asked(
        self, prompt: str, settings: Mapping[str, Any], count: int, *, is_whole: bool
    ) -> tuple[Request, SampleSettings]:
        """What to write and how, checked as the options are."""
        check_command("sample", self._path, self._model)
        others = {name: value for name, value in settings.items() if name != "length"}
        check_names("sample", others, _OF_A_TEXT)
        values = {**settings, "stop": _several(settings.get("stop", ()))}
        request = build(Request, values | {"prompt": prompt, "count": count})
        request = replace(request, prompt=as_read(prompt, self._model.reading))
        writer = Writers([self._model], request).of()
        if (is_whole or request.best_of > 1) and not has_end(writer, request):
            raise UsageError(
                "length is 0, and nothing else ends the text; give length, stop or until_line, or use stream"
            )
        return request, build(SampleSettings, values)


def _several(stop: object) -> tuple[str, ...]:
    """The texts before which a text stops, of which one may stand by itself."""
    several = stop if isinstance(stop, list | tuple) else (stop,)
    if not all(isinstance(text, str) for text in several):
        raise UsageError(f"stop is {shortened(repr(stop))}; expected a text, or several")
    return tuple(several)


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
