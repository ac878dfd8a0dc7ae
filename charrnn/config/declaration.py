"""How a setting is declared, and what follows from the declaration: checks, messages, groups by name.

A declaration is a field of a dataclass, with its default, help and limits, and whether it may change. The
declarations themselves are in `config/settings.py`. Knows no particular setting.
"""

import dataclasses
import math
import types
import typing
from collections.abc import Callable, Iterator, Mapping
from dataclasses import field
from typing import Any, Literal, Self, TypeVar

from charrnn.errors import UsageError

Group = TypeVar("Group")

REQUIRED = dataclasses.MISSING
"""The default of an entry that must be there."""

OnResume = Literal["fixed", "may change", "bound", "last bits", "which run"]
"""What `--resume` does with a setting of training that is given again:

fixed        it is what the run was begun with; anything else is refused
may change   it takes the place of what was
bound        the same; where the run has ended, the bounds that are given take the place of all it had
last bits    the same; from there on the weights are no longer the same bit for bit
which run    it says which run goes on, or what to compare it with, and is no part of what goes on
"""


def setting(
    default: Any,  # noqa: ANN401 - a field of any type
    help_text: str,
    *,
    minimum: float | None = None,
    maximum: float | None = None,
    choices: tuple[str, ...] | None = None,
    check: Callable[[Any], object] | None = None,
    metavar: str | None = None,
    chosen: str | None = None,
    escapes: bool = False,
    may_be_number: bool = False,
    is_option: bool = True,
    is_file: bool = False,
    is_saved: bool = True,
    on_resume: OnResume = "fixed",
    of_the_model: bool = False,
    tasks: tuple[str, ...] | None = None,
) -> Any:  # noqa: ANN401
    """Declare a setting: a dataclass field that knows its help and its limits.

    Args:
        default: the value when nobody sets it; None where the plan chooses.
        help_text: one sentence for `--help` and the manual.
        minimum: smallest value allowed.
        maximum: largest value allowed.
        choices: the only values allowed.
        check: called with a text value; raises ValueError saying what was expected.
        metavar: how the value is named in the help.
        chosen: what happens when it is unset, for the help, where the default is None.
        escapes: whether backslash escapes are replaced where it is typed on the command line.
        may_be_number: whether a text may stand in a file as a plain number too.
        is_option: whether it is an option of the command line; else it is an argument.
        is_file: whether it names a file; then it is kept in the run's folder alone, since a checkpoint is
            shared.
        is_saved: whether it belongs to the run, not to one call; else no file of the run keeps it.
        on_resume: whether it may be another one when a run goes on.
        of_the_model: whether a model that is started from (`--init-from`) decides it.
        tasks: the values of `--task` that it says something to; None for all.
    """
    limits = {
        "help": help_text,
        "minimum": minimum,
        "maximum": maximum,
        "choices": choices,
        "check": check,
        "metavar": metavar,
        "chosen": chosen,
        "escapes": escapes,
        "may_be_number": may_be_number,
        "is_option": is_option,
        "is_file": is_file,
        "is_saved": is_saved,
        "on_resume": on_resume,
        "of_the_model": of_the_model,
        "tasks": tasks,
    }
    return field(default=default, metadata=limits)


def option_name(name: str) -> str:
    """The command-line option of a setting: `batch_size` is `--batch-size`."""
    return "--" + name.replace("_", "-")


def names_where(kind: type[Any], **flags: object) -> tuple[str, ...]:
    """The settings that are declared with such flags, by name, in the order of their declaration."""
    return tuple(
        item.name
        for _, item, _ in settings_of(kind)
        if item.metadata and all(item.metadata[flag] == wanted for flag, wanted in flags.items())
    )


def settings_of(kind: type[Any]) -> Iterator[tuple[str, dataclasses.Field[Any], Any]]:
    """Each setting of a settings class as (group, field, type), those of nested groups in their place."""
    hints = typing.get_type_hints(kind)
    for item in dataclasses.fields(kind):
        if is_group(hints[item.name]):
            yield from ((item.name, inner, hint) for _, inner, hint in settings_of(hints[item.name]))
        else:
            yield "", item, hints[item.name]


def is_group(kind: object) -> bool:
    """Whether a field's type is a group of settings, not a setting."""
    return dataclasses.is_dataclass(kind)


def build(kind: type[Group], values: Mapping[str, Any]) -> Group:
    """Make settings from values by name, nested groups from the same mapping; absent ones keep defaults."""
    hints = typing.get_type_hints(kind)
    arguments: dict[str, Any] = {}
    for item in dataclasses.fields(kind):  # type: ignore[arg-type] # every caller passes a dataclass
        if is_group(hints[item.name]):
            arguments[item.name] = build(hints[item.name], values)
        elif item.name in values:
            arguments[item.name] = values[item.name]
    return kind(**arguments)


def flat(settings: Any) -> dict[str, Any]:  # noqa: ANN401 - any settings dataclass
    """The values by name, of nested groups too: what `build` takes."""
    values: dict[str, Any] = {}
    for item in dataclasses.fields(settings):
        value = getattr(settings, item.name)
        values |= flat(value) if dataclasses.is_dataclass(value) else {item.name: value}
    return values


class Checked:
    """A group of settings: a value out of its limits is refused when the group is made."""

    def __post_init__(self) -> None:
        check_settings(self)

    @classmethod
    def of(cls, values: Any) -> Self:  # noqa: ANN401 - whatever the file holds
        """The values of a JSON object by name; what has a default may be absent, others are left alone.

        Raises:
            KeyError: one that is required is absent.
            TypeError: it is no object.
            UsageError: one has another type, or is out of its limits.
        """
        if not isinstance(values, dict):
            raise TypeError(f"{shortened(repr(values))} stands where a group of values is expected")
        items = [item for item in dataclasses.fields(cls) if item.init]  # type: ignore[arg-type]
        absent = [i.name for i in items if i.default is REQUIRED and i.name not in values]
        if absent:
            raise KeyError(absent[0])
        return cls(**{item.name: values[item.name] for item in items if item.name in values})


class Entry(Checked):
    """A group of values in a file that somebody else may have written, declared as settings are."""

    def __post_init__(self) -> None:
        check_settings(self, named=str)


def check_settings(settings: Any, named: Callable[[str], str] = option_name) -> None:  # noqa: ANN401
    """Check every value of a group of settings against its declaration.

    Args:
        settings: any settings dataclass.
        named: what a message calls a value of this name.

    Raises:
        UsageError: a value is out of its limits; the message names the option and the limits.
    """
    hints = typing.get_type_hints(type(settings))
    for item in dataclasses.fields(settings):
        value = getattr(settings, item.name)
        hint = hints[item.name]
        if not item.metadata or (value is None and type(None) in typing.get_args(hint)):
            continue
        expected = _type_complaint(hint, value) or _complaint(item.metadata, value)
        if expected:
            raise UsageError(f"{named(item.name)} is {shortened(repr(value))}; expected {expected}")


def shortened(text: str, most: int = 80) -> str:
    """What of a text a message shows, which is one line whatever was given."""
    return text if len(text) <= most else f"{text[:most]}…"


def _complaint(spec: Mapping[str, Any], value: Any) -> str | None:  # noqa: ANN401
    """What was expected instead of the value, or None when it is fine."""
    if spec["choices"] is not None and value not in spec["choices"]:
        return "one of " + ", ".join(spec["choices"])
    if isinstance(value, float) and not math.isfinite(value):
        return "a finite number"
    low, high = spec["minimum"], spec["maximum"]
    if (low is not None and value < low) or (high is not None and value > high):
        bounds = [
            f"at least {low:,}" if low is not None else "",
            f"at most {high:,}" if high is not None else "",
        ]
        return "a number of " + " and ".join(bound for bound in bounds if bound)
    if spec["check"] is not None:
        try:
            spec["check"](value)
        except ValueError as error:
            return str(error)
    return None


def _type_complaint(hint: Any, value: Any) -> str | None:  # noqa: ANN401
    """What type was expected, where a file gave another (a whole number passes as a float)."""
    union = isinstance(hint, types.UnionType)
    allowed = [kind for kind in (typing.get_args(hint) if union else (hint,)) if kind is not type(None)]
    kinds = tuple(typing.get_origin(kind) or kind for kind in allowed)
    exact = type(value) in kinds or (type(value) is int and float in kinds)
    names = {int: "a whole number", float: "a number", str: "a text", bool: "true or false", tuple: "a list"}
    return None if exact else " or ".join(names.get(kind, str(kind)) for kind in kinds)
