"""What `Model.classify`, `.translate` and `.tag` return. Prints nothing, loads no torch."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from charrnn.commands.answering import check_command
from charrnn.commands.classify import Labeller
from charrnn.commands.input_lines import TOGETHER
from charrnn.commands.python_sampling import check_names
from charrnn.commands.tag import Writer, tagged, tagger_of
from charrnn.commands.translate import LineTranslator
from charrnn.config.declaration import build, flat, shortened
from charrnn.config.settings import ClassifySettings, TagSettings, TranslateSettings
from charrnn.errors import UsageError, only_ours
from charrnn.runs.checkpoint import Checkpoint

Values = dict[str, Any]
Answers = Callable[[Sequence[str]], list[Values]]
"""What `--json` prints of each of some lines."""

Settings = TypeVar("Settings")


def answers(
    command: str, path: Path, model: Checkpoint, text: str | Sequence[str], settings: Mapping[str, Any]
) -> Values | list[Values]:
    """Answer a text, or several.

    Args:
        command: as a terminal has it.
        path: where the model is from.
        model: who answers.
        text: one, or several.
        settings: options of the command, by name.

    Raises:
        UsageError: a setting is out of its limits, something is not a text, or the model is not for this.
    """
    with only_ours():
        check_command(command, path, model)
        kind, printed, answering = _COMMANDS[command]
        check_names(command, settings, {*flat(kind())} - printed)
        answer = answering(path, model, build(kind, settings))
        lines: list[Any] = list(text) if isinstance(text, list | tuple) else [text]
        if strange := [line for line in lines if not isinstance(line, str)]:
            raise UsageError(f"{shortened(repr(strange[0]))} is to be read; expected a text, or several")
        found: list[Values] = []
        for begin in range(0, len(lines), TOGETHER):
            found += answer(lines[begin : begin + TOGETHER])
        return found[0] if isinstance(text, str) else found


def _classify(_: Path, model: Checkpoint, settings: ClassifySettings) -> Answers:
    labeller = Labeller(model, settings)
    return lambda lines: [answer.values() for answer in labeller(lines)]


def _translate(path: Path, model: Checkpoint, settings: TranslateSettings) -> Answers:
    return LineTranslator(path, model, settings, json_wanted=True).values


def _tag(_: Path, model: Checkpoint, settings: TagSettings) -> Answers:
    tagger, writer = tagger_of(model), Writer(model, settings)
    return lambda lines: [writer.values(line) for line in tagged(lines, tagger, model)]


class _Command(NamedTuple):
    """A command that answers lines.

    Attributes:
        settings: its settings.
        printed: those of them that say something about a terminal or a file.
        answering: makes what answers.
    """

    settings: type[Any]
    printed: set[str]
    answering: Callable[[Path, Checkpoint, Any], Answers]


_COMMANDS = {
    "classify": _Command(ClassifySettings, {"html"}, _classify),
    "translate": _Command(TranslateSettings, {"html", "interactive"}, _translate),
    "tag": _Command(TagSettings, {"output"}, _tag),
}
