"""Settings as command-line options: each declaration in a settings class becomes one option.

Knows typer, `config/declaration.py` and how characters are typed, and no command.
"""

import dataclasses
import inspect
import typing
from collections.abc import Callable, Mapping
from typing import Annotated, Any

import typer

from charrnn.config.character_sets import unescaped
from charrnn.config.declaration import is_group, option_name, settings_of

Command = Callable[..., None]

LONGEST_NUMBER = 64
"""Characters of a number; a longer one is out of every setting's limits."""


def with_settings(*kinds: type[Any], without: frozenset[str] = frozenset()) -> Callable[[Command], Command]:
    """Give a command an option for each setting of these classes.

    The command's `**given` receives the values that were set on the command line, by name.

    Args:
        kinds: settings classes; nested groups become panels of the help.
        without: settings that are no options.
    """

    def decorate(command: Command) -> Command:
        def run(**values: Any) -> None:  # noqa: ANN401 - what the parser found
            own = {name: values.pop(name) for name in explicit}
            given = {
                name: _plain(value, hints[name], escapes=name in escaped)
                for name, value in values.items()
                if value is not None
            }
            command(**own, **given)

        signature = inspect.signature(command, eval_str=True)
        explicit = {
            name: item for name, item in signature.parameters.items() if item.kind is not item.VAR_KEYWORD
        }
        settings = [
            (_panel(kind, group), item, hint)
            for kind in kinds
            for group, item, hint in settings_of(kind)
            if item.metadata and item.metadata["is_option"] and item.name not in without
        ]
        hints = {item.name: hint for _, item, hint in settings}
        escaped = {item.name for _, item, _ in settings if item.metadata["escapes"]}
        parameters = [*explicit.values(), *(_parameter(*setting) for setting in settings)]
        run.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]
        run.__annotations__ = {item.name: item.annotation for item in parameters}
        run.__name__, run.__doc__ = command.__name__, command.__doc__
        return run

    return decorate


def _parameter(panel: str, item: dataclasses.Field[Any], hint: object) -> inspect.Parameter:
    """The option of one setting; its own default is None, to tell what was given from what was not."""
    is_on = hint is bool and item.default
    option = typer.Option(
        option_name(item.name) + (f"/{option_name('no-' + item.name)}" if is_on else ""),
        help=_help(item),
        metavar=_metavar(item.metadata, hint),
        rich_help_panel=panel,
        show_default=False,
        autocompletion=_completion(item.metadata["choices"]),
    )
    kind = bool if hint is bool else list[str] if hint == tuple[str, ...] else str
    annotation = Annotated[kind | None, option]  # type: ignore[valid-type]
    return inspect.Parameter(item.name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=annotation)


def _completion(choices: tuple[str, ...] | None) -> Callable[[str], list[str]] | None:
    """What the shell offers; None leaves it to the shell, which knows files."""
    if choices is None:
        return None
    return lambda incomplete: [choice for choice in choices if choice.startswith(incomplete)]


def _panel(kind: type[Any], group: str) -> str:
    """The heading in the help: the first sentence of the group's docstring says what it is about."""
    if not group:
        return "Options"
    hints = typing.get_type_hints(kind)
    inner = hints[group] if is_group(hints.get(group)) else kind
    return str(inner.__doc__).split(".")[0].split("\n")[0]


def _help(item: dataclasses.Field[Any]) -> str:
    low, high = item.metadata["minimum"], item.metadata["maximum"]
    bounds = f" ({low:,} or more)" if low is not None and (high is None or high > 10**6) else ""
    both = f" ({low:,} to {high:,})" if low is not None and high is not None and high <= 10**6 else ""
    default = _shown_default(item)
    shown = f" [default: {default}]" if default else ""
    return (str(item.metadata["help"]) + bounds + both + shown).replace("[", r"\[")


def _metavar(spec: Mapping[str, Any], hint: object) -> str | None:
    if hint is bool:
        return None
    return "|".join(spec["choices"]) if spec["choices"] else spec["metavar"]


def _shown_default(item: dataclasses.Field[Any]) -> str:
    if item.default is None:
        return item.metadata["chosen"] or ""
    return str(item.default) if item.default not in {"", (), False} else ""


def _plain(value: object, hint: object, *, escapes: bool) -> object:
    """A value in its setting's type. A text that is no number stays: the setting's check refuses it."""
    if isinstance(value, list):
        return tuple(unescaped(item) if escapes else item for item in value)
    if escapes:
        return unescaped(str(value))
    allowed = typing.get_args(hint) or (hint,)
    for kind in (int, float):
        if kind in allowed and len(str(value)) <= LONGEST_NUMBER:
            try:
                return kind(str(value))
            except ValueError:
                return value
    return value
