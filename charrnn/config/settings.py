"""Every setting, declared once: its default, its help, its limits.

That one line yields the command-line option, its help, the check of its value, the line in
`config.toml` and the row in `docs/options.md`. A setting whose default is None is chosen by the plan
(`training/plan.py`) from the corpus and the budget. Knows nothing of torch, numpy or the command line.
"""

import dataclasses
import math
import re
import types
import typing
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Self, TypeVar

from charrnn.config.character_sets import character_set
from charrnn.errors import UsageError

Group = TypeVar("Group")

_UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


_LONGEST_DURATION, _MOST_SECONDS = 64, 1e9
"""Characters of a duration; thirty years."""


def seconds(duration: str) -> float:
    """The seconds in a duration such as `90s`, `10m`, `1.5h`, `1h30m` or `2d`.

    Raises:
        ValueError: the text is no duration, or a duration of zero.
    """
    parts = re.findall(r"([0-9]{1,9}(?:\.[0-9]{1,9})?)([smhd])", duration[:_LONGEST_DURATION])
    total = sum(float(number) * _UNITS[unit] for number, unit in parts)
    if "".join(number + unit for number, unit in parts) != duration or not 0 < total <= _MOST_SECONDS:
        raise ValueError("a duration such as 90s, 10m, 2h or 1h30m")
    return total


def duration(total_seconds: float) -> str:
    """So many whole seconds, or a little more, as `seconds` reads them: 1h1m30s."""
    minutes, rest = divmod(max(1, math.ceil(total_seconds)), 60)
    hours, minutes = divmod(minutes, 60)
    parts = ((hours, "h"), (minutes, "m"), (rest, "s"))
    return "".join(f"{number}{unit}" for number, unit in parts if number)


def time_bound(value: str) -> float:
    """The seconds of a bound on the time; `+5m`, of a run that goes on, is made one before it gets here.

    Raises:
        ValueError: it is none.
    """
    if value.startswith("+"):
        raise ValueError("a duration such as 5m; +5m is for --resume, where it adds to what was done")
    return seconds(value)


def steps_or_seconds(interval: str) -> tuple[int | None, float | None]:
    """An interval counted in steps (`500`) or on the clock (`60s`): one of the two is set.

    Raises:
        ValueError: it is neither.
    """
    if re.fullmatch("[1-9][0-9]{0,17}", interval):
        return int(interval), None
    try:
        return None, seconds(interval)
    except ValueError:
        raise ValueError("a number of steps (500) or a duration (60s)") from None


def temperatures(value: float | str) -> tuple[float, float]:
    """The temperatures at the beginning and the end of a text: of `0.5:1.2`; of `0.8`, the same twice.

    Raises:
        ValueError: it is neither, or out of the limits.
    """
    parts = str(value).split(":")
    try:
        first, last = float(parts[0]), float(parts[-1])
    except ValueError:
        first = last = math.nan
    if len(parts) > 2 or not (0 <= first <= 100 and 0 <= last <= 100):
        raise ValueError("a number from 0 to 100, or two with a colon between, such as 0.5:1.2")
    return first, last


def one_character(text: str) -> None:
    """Check that there is something to say, for options that take a text."""
    if not text:
        raise ValueError("at least one character")


CORPUS_HELP = (
    "files, folders, -, .gz .bz2 .xz, builtin:python, builtin:docs, builtin:unicode-names or builtin:hello"
)


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
    }
    return field(default=default, metadata=limits)


def option_name(name: str) -> str:
    """The command-line option of a setting: `batch_size` is `--batch-size`."""
    return "--" + name.replace("_", "-")


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
        if not item.metadata or (value is None and item.default is None):
            continue
        expected = _type_complaint(hints[item.name], value) or _complaint(item.metadata, value)
        if expected:
            raise UsageError(f"{named(item.name)} is {shortened(repr(value))}; expected {expected}")


def shortened(text: str, most: int = 80) -> str:
    """What of a text a message shows, which is one line whatever was given."""
    return text if len(text) <= most else f"{text[:most]}…"


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


REQUIRED = dataclasses.MISSING
"""The default of an entry that must be there."""


class Entry(Checked):
    """A group of values in a file that somebody else may have written, declared as settings are."""

    def __post_init__(self) -> None:
        check_settings(self, named=str)


def is_group(kind: object) -> bool:
    """Whether a field's type is a group of settings, not a setting."""
    return dataclasses.is_dataclass(kind)


def settings_of(kind: type[Any]) -> Iterator[tuple[str, dataclasses.Field[Any], Any]]:
    """Each setting of a settings class as (group, field, type), those of nested groups in their place."""
    hints = typing.get_type_hints(kind)
    for item in dataclasses.fields(kind):
        if is_group(hints[item.name]):
            yield from ((item.name, inner, hint) for _, inner, hint in settings_of(hints[item.name]))
        else:
            yield "", item, hints[item.name]


def names_where(kind: type[Any], **flags: object) -> tuple[str, ...]:
    """The settings that are declared with such flags, by name, in the order of their declaration."""
    return tuple(
        item.name
        for _, item, _ in settings_of(kind)
        if item.metadata and all(item.metadata[flag] == wanted for flag, wanted in flags.items())
    )


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


@dataclass(frozen=True)
class ReadingSettings(Checked):
    """How text is read, and what counts as one symbol of it."""

    mode: str | None = setting(
        None,
        "one long text whose state carries on, or independent lines of different lengths",
        choices=("text", "lines"),
        chosen="text; lines with --columns",
    )
    level: str = setting(
        "char", "what one symbol is: a Unicode code point, or a byte", choices=("char", "byte")
    )
    normalize: str = setting(
        "none",
        "Unicode normal form of the text; nfd makes Hangul syllables jamo: far fewer symbols",
        choices=("none", "nfc", "nfd", "nfkc", "nfkd"),
    )
    encoding: str = setting("utf-8", "how bytes become characters", check=one_character, metavar="NAME")
    errors: str = setting(
        "strict",
        "bytes that the encoding does not allow: stop, put U+FFFD in their place, or leave them out",
        choices=("strict", "replace", "ignore"),
    )
    newlines: str = setting(
        "keep", "keep line ends as they are, or turn CR LF and CR into LF", choices=("keep", "lf")
    )
    delimiter: str | None = setting(
        None,
        "lines mode: a line equal to TEXT ends a record ('' for a blank line), so that records may be longer "
        "than a line",
        metavar="TEXT",
        escapes=True,
        chosen="each line is a record",
    )
    columns: str | None = setting(
        None,
        "learn from one column of a table, each row a line: its number from 1, its name (with --header), or "
        "its key (JSON Lines)",
        check=one_character,
        metavar="COLUMN",
        chosen="whole lines",
    )
    format: str | None = setting(
        None,
        "format of a table: separated by tabs, CSV with quotes, or JSON Lines",
        choices=("tsv", "csv", "jsonl"),
        chosen="what the file's name ends in, else tsv",
    )
    header: bool = setting(False, "the first row names the columns")

    def __post_init__(self) -> None:
        """Choose the mode where it is unset; a table is a text of lines."""
        if self.mode is None:
            object.__setattr__(self, "mode", "text" if self.columns is None else "lines")
        super().__post_init__()


@dataclass(frozen=True)
class VocabularySettings(Checked):
    """Which symbols have an id of their own."""

    min_count: int = setting(
        1,
        "characters that occur fewer times become the one unknown symbol",
        minimum=1,
        maximum=2**40,
        metavar="N",
    )
    vocabulary: str | None = setting(
        None,
        "a vocabulary made by `charrnn vocab --output`; characters not in it become the unknown symbol",
        metavar="FILE",
        chosen="the characters of the corpus",
        is_file=True,
    )


@dataclass(frozen=True)
class ModelSettings(Checked):
    """The network. What is unset the plan chooses from the corpus and the budget."""

    cell: str = setting("lstm", "the recurrent cell", choices=("lstm", "gru", "rnn"), of_the_model=True)
    layers: int | None = setting(
        None,
        "stacked recurrent layers",
        minimum=1,
        maximum=64,
        metavar="N",
        chosen="chosen",
        of_the_model=True,
    )
    hidden: int | None = setting(
        None,
        "hidden units of each layer",
        minimum=1,
        maximum=16384,
        metavar="N",
        chosen="chosen",
        of_the_model=True,
    )
    embedding: int | None = setting(
        None,
        "embedding size; 0 is one-hot",
        minimum=0,
        maximum=16384,
        metavar="N",
        chosen="chosen",
        of_the_model=True,
    )
    dropout: float | None = setting(
        None,
        "dropout probability",
        minimum=0.0,
        maximum=0.95,
        metavar="P",
        chosen="chosen",
    )
    init_from: str | None = setting(
        None,
        "start from the weights of a model, a run (its folder or name) or a checkpoint file; the vocabulary "
        "may differ",
        check=one_character,
        metavar="PATH",
        chosen="random weights",
        is_file=True,
    )


@dataclass(frozen=True)
class BudgetSettings(Checked):
    """When to stop: the first bound reached; the learning rate reaches zero there. With none, 5 minutes."""

    max_time: str | None = setting(
        None,
        "stop after 90s, 10m, 2h, counted from the start of the program to its end; with --resume the total "
        "of the run, and +5m is that much more than what was done",
        check=time_bound,
        metavar="TIME",
        chosen="5m, when no other bound is given",
        on_resume="bound",
    )
    epochs: float | None = setting(
        None,
        "stop after this many passes over the text",
        minimum=1e-6,
        maximum=1e9,
        metavar="X",
        chosen="no bound",
        on_resume="bound",
    )
    steps: int | None = setting(
        None,
        "stop after this many updates",
        minimum=1,
        maximum=10**12,
        metavar="N",
        chosen="no bound",
        on_resume="bound",
    )
    patience: int | None = setting(
        None,
        "stop after this many validations in a row without a new best",
        minimum=1,
        maximum=10**9,
        metavar="N",
        chosen="never",
        on_resume="may change",
    )


@dataclass(frozen=True)
class RecipeSettings(Checked):
    """How the network learns. What is unset the plan chooses."""

    batch_size: int | None = setting(
        None,
        "batch size: sequences read side by side in one update",
        minimum=1,
        maximum=65536,
        metavar="N",
        chosen="chosen",
    )
    sequence_length: int | None = setting(
        None,
        "length of truncated back-propagation through time, in characters",
        minimum=1,
        maximum=65536,
        metavar="N",
        chosen="chosen",
    )
    learning_rate: float | None = setting(
        None,
        "peak learning rate, after the warm-up",
        minimum=1e-9,
        maximum=100.0,
        metavar="X",
        chosen="chosen",
    )
    optimizer: str = setting(
        "muon",
        "muon: orthogonalised momentum for the recurrent matrices, AdamW for the rest; adamw: AdamW for all",
        choices=("muon", "adamw"),
    )
    weight_decay: float | None = setting(
        None, "weight decay", minimum=0.0, maximum=10.0, metavar="X", chosen="chosen"
    )
    gradient_clip: float = setting(
        1.0, "maximum gradient norm; 0 for no limit", minimum=0.0, maximum=1e9, metavar="X"
    )


@dataclass(frozen=True)
class MachineSettings(Checked):
    """What it runs on."""

    seed: int = setting(
        1,
        "seed of every random choice; random draws one and prints it",
        minimum=0,
        maximum=2**63 - 1,
        metavar="N|random",
    )
    device: str = setting(
        "auto", "where to train", choices=("auto", "cpu", "cuda", "mps"), on_resume="last bits"
    )
    precision: str = setting(
        "auto",
        "floating-point format of matrix products in training; auto: bf16 where the processor multiplies in "
        "it and the network is large enough for it to be faster",
        choices=("auto", "fp32", "bf16"),
        on_resume="last bits",
    )
    threads: int | None = setting(
        None,
        "CPU threads",
        minimum=1,
        maximum=1024,
        metavar="N",
        chosen="one for each core; with --max-time the fastest number, timed again and again",
        on_resume="last bits",
    )


@dataclass(frozen=True)
class OutputSettings(Checked):
    """Where it goes, and what is shown meanwhile."""

    run: str | None = setting(
        None,
        "the run folder to make",
        metavar="DIR",
        check=one_character,
        chosen="runs/NAME-OF-THE-CORPUS",
        is_file=True,
        is_saved=False,
        on_resume="which run",
    )
    resume: bool = setting(
        False,
        "go on with the run in --run, or with the newest unfinished one, exactly where it stopped",
        is_saved=False,
        on_resume="which run",
    )
    save_every: str = setting(
        "60s",
        "interval between saves, in steps or on the clock",
        check=steps_or_seconds,
        metavar="N|TIME",
        may_be_number=True,
        on_resume="may change",
    )
    sample_every: str = setting(
        "20s",
        "interval between samples that are shown, in steps or on the clock",
        check=steps_or_seconds,
        metavar="N|TIME",
        may_be_number=True,
        on_resume="may change",
    )
    prompt: str = setting(
        "",
        "how those samples begin, given as for charrnn sample",
        metavar="TEXT",
        on_resume="may change",
    )
    quiet: bool = setting(
        False,
        "show errors only; for this call, not for the run",
        is_saved=False,
        on_resume="may change",
    )
    dry_run: bool = setting(
        False,
        "print the plan, the memory and disk it takes and what the text is like, and write nothing",
        is_saved=False,
    )


@dataclass(frozen=True)
class TrainSettings(Checked):
    """Everything `charrnn train` can be told."""

    corpus: tuple[str, ...] = setting((), CORPUS_HELP, is_option=False, is_file=True, on_resume="which run")
    validation: str = setting(
        "0.1",
        "what is held out for validation, a share below 1 or a number of characters: the end of a single "
        "file, stretches spread over a folder, several files or a built-in, or so many lines drawn by "
        "seed; 0 for none; or a file of its own",
        metavar="FRACTION|COUNT|FILE",
        check=one_character,
        may_be_number=True,
        is_file=True,
    )
    reading: ReadingSettings = field(default_factory=ReadingSettings)
    symbols: VocabularySettings = field(default_factory=VocabularySettings)
    model: ModelSettings = field(default_factory=ModelSettings)
    budget: BudgetSettings = field(default_factory=BudgetSettings)
    recipe: RecipeSettings = field(default_factory=RecipeSettings)
    machine: MachineSettings = field(default_factory=MachineSettings)
    output: OutputSettings = field(default_factory=OutputSettings)


IN_THE_RUN_FOLDER = names_where(TrainSettings, is_saved=True)
"""Settings of training that `config.toml` keeps."""

IN_THE_CHECKPOINT = names_where(TrainSettings, is_saved=True, is_file=False)
"""Settings of training that a checkpoint keeps."""


def _picture(path: str) -> None:
    if not path.lower().endswith((".png", ".svg")):
        raise ValueError("a file that ends in .png or .svg")


@dataclass(frozen=True)
class PlotSettings(Checked):
    """How curves are drawn."""

    by: str = setting("step", "what the x axis shows", choices=("step", "seconds", "characters"))
    output: str | None = setting(
        None,
        "write a picture to a new file: .svg, or .png (which needs the extra `plot`)",
        check=_picture,
        metavar="FILE",
        chosen="the terminal",
    )


DEFAULT_LENGTH = 500

POLICIES = ("error", "skip", "nearest")
"""What to do with characters of a prompt that a model does not know."""


def _texts(stop: object) -> None:
    if isinstance(stop, tuple) and not all(stop):
        raise ValueError("texts of at least one character")


def _paths(novelty: tuple[str, ...]) -> None:
    if "auto" in novelty and len(novelty) > 1:
        raise ValueError("either auto or corpora")
    if not all(novelty):
        raise ValueError("files, folders, built-in texts or auto")


@dataclass(frozen=True)
class Request(Checked):
    """What to write."""

    prompt: str = setting(
        "",
        r"how every text begins; '\n' is a newline, '\\' a backslash, as in --allow; @FILE reads a file as "
        "it is, - standard input, and @@ begins a text with @",
        metavar="TEXT",
    )
    length: int | None = setting(
        None,
        "characters to write after the prompt; 0 for no end",
        minimum=0,
        maximum=2**62,
        metavar="N",
        chosen=f"{DEFAULT_LENGTH}; in lines mode as a line has, ten times the corpus's longest at most",
    )
    count: int = setting(1, "how many texts", minimum=1, maximum=10**9, metavar="N")
    stop: tuple[str, ...] = setting(
        (),
        r"end before this text, such as '\n\n', would be written; may be given several times",
        check=_texts,
        metavar="TEXT",
        escapes=True,
    )
    until_line: int | None = setting(
        None,
        "end with the N-th line that is written; without --length, there is no other end",
        minimum=1,
        maximum=2**62,
        metavar="N",
        chosen="any number of lines",
    )
    best_of: int = setting(
        1,
        "for every text, write N and keep the one whose characters were the likeliest on average",
        minimum=1,
        maximum=10**6,
        metavar="N",
    )
    output: str | None = setting(
        None,
        "a new file to write to, with progress on standard error; one that exists is never overwritten",
        check=one_character,
        metavar="FILE",
        chosen="standard output",
    )
    seed: int = setting(
        1,
        "seed of every random choice; random draws one and prints it",
        minimum=0,
        maximum=2**63 - 1,
        metavar="N|random",
    )
    on_unknown: str = setting(
        "error",
        "what the model does not know of the prompt: an error, left out, or replaced by what is nearest in "
        "compatibility, case, accents or looks",
        choices=POLICIES,
    )


@dataclass(frozen=True)
class SampleSettings(Checked):
    """How each character is chosen. Models are mixed, then the filters work in the order of this list."""

    mix: float | None = setting(
        None,
        "with --checkpoint given several times: the share that the first model has of the distribution; the "
        "others have equal parts of the rest",
        minimum=0.0,
        maximum=1.0,
        metavar="P",
        chosen="equal parts for all",
    )
    allow: str | None = setting(
        None,
        r"write these characters only: single ones, ranges, and escapes such as 'a-z \n'",
        check=character_set,
        metavar="CHARS",
        chosen="all",
    )
    deny: str | None = setting(
        None, "never write these characters", check=character_set, metavar="CHARS", chosen="none"
    )
    repetition_penalty: float = setting(
        1.0,
        "raise the probabilities of recently written characters to this power; 1 is off; of a small alphabet "
        "every letter is recent, so values near 1, such as 1.05, go a long way",
        minimum=0.01,
        maximum=100.0,
        metavar="X",
    )
    repetition_window: int = setting(
        64, "how many of the last characters count as recent", minimum=1, maximum=2**20, metavar="N"
    )
    temperature: float | str = setting(
        1.0,
        "below 1 safer, above 1 bolder, up to 100; 0 writes the likeliest character every time; X:Y walks "
        "from one to the other over the length",
        check=temperatures,
        metavar="X|X:Y",
    )
    top_k: int = setting(
        0,
        "choose among the N likeliest; 0 is off; of 65 characters few are likely at any place, so 5 to 20 "
        "changes something",
        minimum=0,
        maximum=2**31,
        metavar="N",
    )
    typical: float = setting(
        1.0,
        "locally typical sampling: choose among those nearest to the expected surprise, up to this share of "
        "probability; 1 is off",
        minimum=0.0,
        maximum=1.0,
        metavar="P",
    )
    top_p: float = setting(
        1.0,
        "nucleus sampling: choose among the fewest likeliest that hold this share of probability; 1 is off; "
        "inside a word 0.95 often leaves one or two",
        minimum=0.0,
        maximum=1.0,
        metavar="P",
    )
    min_p: float = setting(
        0.0,
        "leave out what is less than P times as likely as the likeliest; 0 is off; 0.02 removes most slips",
        minimum=0.0,
        maximum=1.0,
        metavar="P",
    )


@dataclass(frozen=True)
class SeeingSettings(Checked):
    """What else is told of the text that is written."""

    color: str = setting(
        "none",
        "paint each character by how surprising it was to the model, unfiltered; on a terminal only, "
        "elsewhere --json has the figures",
        choices=("none", "surprise"),
    )
    novelty: tuple[str, ...] = setting(
        (),
        "say what of the text stands in a corpus word for word; may be given several times; auto is the "
        "corpus that the model was trained on, if it is still the same",
        check=_paths,
        metavar="CORPUS|auto",
    )
    interactive: bool = setting(
        False, "write together: type a beginning, take one of the likeliest characters, or let it run"
    )


@dataclass(frozen=True)
class EvaluateSettings(Checked):
    """How a text is scored, and what is told of it."""

    part: str | None = setting(
        None,
        "instead of TEXT: validation, what the model's run held out, as the run folder keeps it",
        choices=("validation",),
        metavar="validation",
    )
    window: int = setting(
        0, "reset the state after every N characters; 0 carries it", minimum=0, maximum=2**62, metavar="N"
    )
    baselines: bool = setting(False, "also score n-grams and compressors on the same text")
    html: str | None = setting(
        None, "write a page that shows the text by surprise, a new file", metavar="FILE"
    )
    exact: bool = setting(False, "read a long text in one pass instead of at many places at once; slower")
    show: bool = setting(False, "paint the text by surprise, with what was likelier under it")
    per_line: bool = setting(False, "print bits per character, a tab and the line, for each line")
    per_character: bool = setting(False, "print a JSON line for each character, with what was expected there")
    gradients: bool = setting(
        False,
        "show how the gradient of a character's loss fades with the distance back; --checkpoint may be given "
        "several times",
    )
    adapt: bool = setting(
        False, "dynamic evaluation: score a second time with a copy that learns from what it has just scored"
    )
    adapt_rate: float = setting(0.001, "learning rate of --adapt", minimum=0.0, maximum=10.0, metavar="X")
    adapt_decay: float = setting(
        0.0003,
        "decay of --adapt towards the trained weights, at each step",
        minimum=0.0,
        maximum=1.0,
        metavar="P",
    )
    adapt_window: int = setting(
        32, "symbols between two steps of --adapt", minimum=1, maximum=65536, metavar="N"
    )
