"""Settings: their limits, their types, durations, and messages that name the option and what was expected."""

import dataclasses
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from charrnn.config.declaration import build, flat, option_name, settings_of
from charrnn.config.resolved import ResolvedSettings
from charrnn.config.settings import (
    BudgetSettings,
    MachineSettings,
    ModelSettings,
    OutputSettings,
    ReadingSettings,
    RecipeSettings,
    Request,
    SampleSettings,
    TrainSettings,
    VocabularySettings,
)
from charrnn.config.values import seconds, steps_or_seconds
from charrnn.errors import UsageError

GROUPS: list[type[Any]] = [
    ReadingSettings,
    VocabularySettings,
    ModelSettings,
    BudgetSettings,
    RecipeSettings,
    MachineSettings,
    OutputSettings,
    TrainSettings,
    Request,
    SampleSettings,
]

every_group = pytest.mark.parametrize("group", GROUPS, ids=lambda group: group.__name__)


def refused(kind: type[Any], **values: Any) -> str:  # noqa: ANN401 - any value
    with pytest.raises(UsageError) as caught:
        build(kind, values)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize(
    ("duration", "expected"),
    [
        ("90s", 90),
        ("10m", 600),
        ("2h", 7200),
        ("1.5h", 5400),
        ("1h30m", 5400),
        ("2d", 172_800),
        ("0.5s", 0.5),
        ("1d2h3m4s", 93_784),
    ],
)
def test_durations(duration: str, expected: float) -> None:
    assert seconds(duration) == expected


@pytest.mark.parametrize(
    "duration",
    [
        "",
        "0s",
        "0h0m",
        "10",
        "s",
        "-5s",
        "5 m",
        "5m ",
        "1,5h",
        ".5h",
        "5.m",
        "5x",
        "m5",
        "1e3s",
        "nan",
        "infs",
        "9" * 400 + "h",
        "5M",
        "٥m",
    ],
)
def test_what_is_no_duration(duration: str) -> None:
    with pytest.raises(ValueError, match="a duration such as 90s, 10m, 2h or 1h30m"):
        seconds(duration)
    assert "expected a duration" in refused(BudgetSettings, max_time=duration)


@given(st.integers(0, 99), st.integers(0, 59), st.integers(1, 59))
def test_a_duration_is_the_sum_of_its_parts(hours: int, minutes: int, rest: int) -> None:
    assert seconds(f"{hours}h{minutes}m{rest}s") == 3600 * hours + 60 * minutes + rest


def test_an_interval_is_in_steps_or_on_the_clock() -> None:
    assert steps_or_seconds("500") == (500, None)
    assert steps_or_seconds("1m") == (None, 60)


@pytest.mark.parametrize("interval", ["0", "-1", "1.5", "", "often", "0s", "٣", "²", "1" * 5000])
def test_what_is_no_interval(interval: str) -> None:
    with pytest.raises(ValueError, match="a number of steps"):
        steps_or_seconds(interval)


def numeric(group: type[Any]) -> list[tuple[str, dict[str, Any]]]:
    return [
        (item.name, dict(item.metadata))
        for _, item, _ in settings_of(group)
        if item.metadata and item.metadata["minimum"] is not None
    ]


@every_group
def test_limits_themselves_are_allowed_and_what_is_beyond_is_refused(group: type[Any]) -> None:
    for name, spec in numeric(group):
        low, high = spec["minimum"], spec["maximum"]
        for value in (low, high):
            assert flat(build(group, {name: value}))[name] == value
        for value in (low - 1, high * 2 if isinstance(high, float) else high + 1):
            message = refused(group, **{name: value})
            assert message.startswith(f"{option_name(name)} is {value!r}; expected a number of at least")
            assert f"at most {high:,}" in message


@every_group
def test_every_number_has_both_limits(group: type[Any]) -> None:
    """A value without a limit would be refused only where it fills the memory."""
    for _, item, hint in settings_of(group):
        types = set(re.findall(r"\w+", str(hint)))
        if item.metadata and {"int", "float"} & types and "str" not in types:
            assert item.metadata["minimum"] is not None, item.name
            assert item.metadata["maximum"] is not None, item.name


@every_group
def test_numbers_that_are_not_finite_are_refused(group: type[Any]) -> None:
    for name, spec in numeric(group):
        if isinstance(spec["minimum"], float):
            for value in (float("nan"), float("inf")):
                assert "expected a finite number" in refused(group, **{name: value})


@every_group
def test_every_setting_has_a_sentence_of_help_and_a_default_or_who_chooses(group: type[Any]) -> None:
    for _, item, hint in settings_of(group):
        if not item.metadata:
            continue
        assert item.metadata["help"]
        optional = "None" in str(hint)
        assert optional == (item.default is None), item.name
        assert optional == (item.metadata["chosen"] is not None), item.name


@every_group
def test_defaults_pass_their_own_checks(group: type[Any]) -> None:
    group()


@pytest.mark.parametrize(
    ("group", "values", "expected"),
    [
        (ModelSettings, {"cell": "transformer"}, "--cell is 'transformer'; expected one of lstm, gru, rnn"),
        (ModelSettings, {"layers": 1.5}, "--layers is 1.5; expected a whole number"),
        (ModelSettings, {"layers": True}, "--layers is True; expected a whole number"),
        (ModelSettings, {"dropout": "0.5"}, "--dropout is '0.5'; expected a number"),
        (ModelSettings, {"cell": 3}, "--cell is 3; expected a text"),
        (OutputSettings, {"quiet": 1}, "--quiet is 1; expected true or false"),
        (OutputSettings, {"save_every": "soon"}, "--save-every is 'soon'; expected a number of steps (500)"),
        (OutputSettings, {"run": ""}, "--run is ''; expected at least one character"),
        (Request, {"stop": "end"}, "--stop is 'end'; expected a list"),
        (Request, {"stop": ("",)}, "--stop is ('',); expected texts of at least one character"),
        (ReadingSettings, {"level": None}, "--level is None"),
        (TrainSettings, {"batch_size": 0}, "--batch-size is 0; expected a number of at least 1 and at most"),
    ],
)
def test_messages_name_the_option_its_value_and_what_was_expected(
    group: type[Any], values: dict[str, Any], expected: str
) -> None:
    assert refused(group, **values).startswith(expected)


def test_a_whole_number_is_a_number() -> None:
    assert build(ModelSettings, {"dropout": 0}).dropout == 0


def test_settings_are_frozen() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        ModelSettings().layers = 2  # type: ignore[misc]


train_values = st.fixed_dictionaries(
    {
        "cell": st.sampled_from(["lstm", "gru", "rnn"]),
        "hidden": st.none() | st.integers(1, 16384),
        "learning_rate": st.none() | st.floats(1e-9, 100),
        "epochs": st.none() | st.floats(1e-6, 1e9),
        "seed": st.integers(0, 2**63 - 1),
        "corpus": st.lists(st.text()).map(tuple),
    }
)


@given(train_values)
def test_flat_values_build_the_same_settings_again(values: dict[str, Any]) -> None:
    made = build(TrainSettings, values)
    assert build(TrainSettings, flat(made)) == made
    assert flat(made) == flat(TrainSettings()) | values


def test_names_are_unique_over_all_groups_of_train() -> None:
    names = [item.name for _, item, _ in settings_of(TrainSettings)]
    assert len(names) == len(set(names))
    assert set(names) == set(flat(TrainSettings()))


def test_of_resolved_settings_none_is_left_to_choose() -> None:
    chosen = {"layers": 1, "hidden": 8, "embedding": 0, "dropout": 0.0, "batch_size": 2}
    chosen |= {"sequence_length": 4, "learning_rate": 0.1, "weight_decay": 0.0, "weight_dropout": 0.0}
    settings = build(ResolvedSettings, chosen | {"steps": 3})
    assert (settings.recipe.batch_size, settings.budget.steps) == (2, 3)
    for name in chosen:
        with pytest.raises(UsageError, match=f"--{name.replace('_', '-')} is None; expected a"):
            build(ResolvedSettings, chosen | {name: None})
