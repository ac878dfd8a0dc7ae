"""The plan: what is set is obeyed, what is not is chosen from corpus and budget, and never from a clock."""

import time
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from charrnn.config import BudgetSettings, TrainSettings, build, flat, seconds
from charrnn.learning.batches import Streams
from charrnn.learning.plan import (
    DEFAULT_MAX_TIME,
    Facts,
    bounded,
    choose,
    measured_symbols,
    validation_seconds,
    validation_steps,
)

NOVEL = Facts(training_symbols=1_000_000, records=0, symbols=65)
NAMES = Facts(training_symbols=200_000, records=27_000, symbols=28)

SET: list[tuple[str, Any]] = [
    ("cell", "gru"),
    ("layers", 3),
    ("hidden", 77),
    ("embedding", 0),
    ("embedding", 11),
    ("dropout", 0.0),
    ("dropout", 0.3),
    ("batch_size", 5),
    ("sequence_length", 9),
    ("learning_rate", 0.123),
    ("optimizer", "adamw"),
    ("weight_decay", 0.0),
    ("weight_decay", 0.7),
    ("gradient_clip", 0.0),
    ("threads", 3),
]


def of(**values: Any) -> TrainSettings:  # noqa: ANN401 - any value
    return build(TrainSettings, values)


@pytest.mark.parametrize(("name", "value"), SET)
@pytest.mark.parametrize("facts", [NOVEL, NAMES], ids=["novel", "names"])
def test_what_is_set_is_obeyed(name: str, value: Any, facts: Facts) -> None:  # noqa: ANN401 - any value
    made = of(**{name: value})
    plan = choose(made, facts)
    assert value in {getattr(plan, name, None), getattr(plan.architecture, name, None)}
    assert flat(plan.fill(made))[name] == value


@pytest.mark.parametrize("facts", [NOVEL, NAMES], ids=["novel", "names"])
def test_what_is_not_set_is_chosen_and_filled_in(facts: Facts) -> None:
    plan = choose(of(), facts)
    filled = plan.fill(of())
    chosen = set(flat(filled)) - {name for name, value in flat(filled).items() if value is None}
    assert {"layers", "hidden", "embedding", "dropout", "batch_size", "sequence_length"} <= chosen
    assert {"learning_rate", "weight_decay", "threads"} <= chosen
    assert choose(filled, facts) == plan
    assert plan.architecture.symbols == facts.symbols


def test_filling_in_leaves_the_rest_alone() -> None:
    made = of(corpus=("x",), seed=7, prompt="Once", steps=5)
    filled = choose(made, NOVEL).fill(made)
    assert replace(filled, model=made.model, recipe=made.recipe, machine=made.machine) == made
    assert filled.machine.seed == 7


@settings(deadline=None)
@given(
    training=st.integers(2, 10**12),
    records=st.integers(0, 10**9),
    symbols=st.integers(1, 0x110002),
    budget=st.sampled_from([{}, {"steps": 1}, {"epochs": 1e-6}, {"max_time": "1s"}, {"max_time": "99d"}]),
)
def test_every_choice_is_within_the_limits_of_its_setting(
    training: int, records: int, symbols: int, budget: dict[str, Any]
) -> None:
    made = of(**budget)
    plan = choose(made, Facts(training, min(records, training), symbols))
    plan.fill(made)  # settings and architecture check themselves


@pytest.mark.parametrize("symbols", [2, 3, 5, 100, 300, 5000])
def test_tiny_texts_give_each_stream_something_to_read(symbols: int) -> None:
    plan = choose(of(), Facts(symbols, 0, 2))
    assert 1 <= plan.batch_size <= symbols - 1
    assert 1 <= plan.sequence_length <= max(1, (symbols - 1) // plan.batch_size)
    streams = Streams([0] * symbols, plan.batch_size, plan.sequence_length)  # type: ignore[arg-type]
    assert len(set(streams.starts.tolist())) == plan.batch_size


def test_few_records_are_no_more_than_there_are() -> None:
    assert choose(of(), Facts(30, 3, 10)).batch_size == 3


def test_no_choice_depends_on_the_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse() -> float:
        pytest.fail("the clock was read")

    for name in ("time", "monotonic", "perf_counter", "process_time"):
        monkeypatch.setattr(time, name, refuse)
    made = of(steps=100)
    assert choose(made, NOVEL) == choose(made, NOVEL)
    assert validation_steps(choose(made, NOVEL), 1000, 100) > 0


def test_without_any_bound_a_run_takes_five_minutes() -> None:
    assert bounded(BudgetSettings()) == BudgetSettings(max_time=DEFAULT_MAX_TIME)
    assert seconds(DEFAULT_MAX_TIME) == 300
    assert bounded(BudgetSettings(patience=3)).max_time == DEFAULT_MAX_TIME


@pytest.mark.parametrize("bound", [{"steps": 3}, {"epochs": 0.5}, {"max_time": "1h"}])
def test_a_bound_that_is_given_is_the_only_one(bound: dict[str, Any]) -> None:
    assert bounded(BudgetSettings(**bound)) == BudgetSettings(**bound)


def test_a_longer_run_gets_a_larger_network_and_a_tiny_text_a_small_one() -> None:
    def hidden(facts: Facts, **budget: Any) -> int:  # noqa: ANN401 - any value
        return choose(of(**budget), facts).architecture.hidden

    assert hidden(NOVEL, max_time="2h") > hidden(NOVEL, max_time="2m")
    assert hidden(Facts(100, 0, 10), max_time="2h") < hidden(NOVEL, max_time="2m")


def test_validations_are_ten_at_most_and_cost_little() -> None:
    plan = choose(of(batch_size=10, sequence_length=10), NOVEL)
    assert validation_steps(plan, 0, 1000) == 100
    assert validation_steps(plan, 0, 7) == 1
    assert validation_steps(plan, 100_000, 1000) == 2000  # dear: it reads as much as a thousand updates
    assert validation_seconds(300, 0.1) == 30
    assert validation_seconds(300, 10) == 200


def test_what_is_measured_on_follows_from_the_time_that_was_asked_for() -> None:
    amounts = [
        measured_symbols(BudgetSettings(max_time=asked)) for asked in ("1s", "30s", "1m", "4m", "1h", "9d")
    ]
    assert amounts == sorted(amounts)
    assert amounts[0] == amounts[1] < amounts[2] < amounts[3] < amounts[4] == amounts[5]
    assert measured_symbols(BudgetSettings(steps=1)) == amounts[-1]
