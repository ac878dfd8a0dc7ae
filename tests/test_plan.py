"""The plan: what is set is obeyed, what is not is chosen from corpus and budget, and never from a clock."""

import math
import time
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from charrnn.config.declaration import build, flat
from charrnn.config.resolved import ResolvedSettings
from charrnn.config.settings import BudgetSettings, TrainSettings
from charrnn.config.values import seconds
from charrnn.model.architecture import Architecture, TaggerArchitecture
from charrnn.tasks.windows import Streams
from charrnn.training.fast_precision import precision_for
from charrnn.training.plan import (
    DEFAULT_MAX_TIME,
    ENOUGH_SYMBOLS,
    ENOUGH_UPDATES,
    USUAL_HIDDEN,
    Facts,
    Pace,
    Plan,
    bounded,
    choose,
    feeds,
    learns_enough,
    load_of,
)
from charrnn.training.regularization import (
    MOST_LOAD,
    OF_A_TASK,
    dropout,
    most_load,
    weight_decay,
    weight_dropout,
)
from charrnn.training.sizes import BEYOND, LADDER, LARGEST_BATCH, NOISE, USUAL_BATCH, batch_sizes, worth
from charrnn.training.validation_plan import measured_symbols, validation_seconds, validation_steps

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
    assert flat(plan.settings)[name] == value
    assert getattr(plan.architecture, name, value) == value


@pytest.mark.parametrize("facts", [NOVEL, NAMES], ids=["novel", "names"])
def test_what_is_not_set_is_chosen_and_filled_in(facts: Facts) -> None:
    plan = choose(of(), facts)
    filled = plan.settings
    chosen = set(flat(filled)) - {name for name, value in flat(filled).items() if value is None}
    assert {"layers", "hidden", "embedding", "dropout", "batch_size", "sequence_length"} <= chosen
    assert {"learning_rate", "weight_decay", "threads"} <= chosen
    assert choose(filled, facts) == plan
    assert plan.architecture.symbols == facts.symbols


def test_filling_in_leaves_the_rest_alone() -> None:
    made = of(corpus=("x",), seed=7, prompt="Once", steps=5)
    filled = choose(made, NOVEL).settings
    left = flat(replace(filled, model=made.model, recipe=made.recipe, machine=made.machine))
    assert left == flat(made)
    assert filled.machine.seed == 7


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
    # Settings and architecture check themselves.
    choose(made, Facts(training, min(records, training), symbols))


@pytest.mark.parametrize("symbols", [2, 3, 5, 100, 300, 5000])
def test_tiny_texts_give_each_stream_something_to_read(symbols: int) -> None:
    recipe = choose(of(), Facts(symbols, 0, 2)).settings.recipe
    assert 1 <= recipe.batch_size <= symbols - 1
    assert 1 <= recipe.sequence_length <= max(1, (symbols - 1) // recipe.batch_size)
    streams = Streams([0] * symbols, recipe.batch_size, recipe.sequence_length)  # type: ignore[arg-type]
    assert len(set(streams.starts.tolist())) == recipe.batch_size


def test_few_records_are_no_more_than_there_are() -> None:
    assert choose(of(), Facts(30, 3, 10)).settings.recipe.batch_size == 3


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


def machine(operations_a_second: float) -> Pace:
    """A machine that makes so many operations a second, whatever the network."""

    def pace(plan: Plan) -> float:
        recipe = plan.settings.recipe
        operations = 6 * plan.architecture.parameters * recipe.batch_size * recipe.sequence_length
        return operations_a_second / operations

    return pace


def size(facts: Facts, speed: float, **values: Any) -> tuple[int, int]:  # noqa: ANN401 - any value
    network = choose(of(**values), facts, machine(speed)).architecture
    return network.layers, network.hidden


def test_more_time_a_faster_machine_or_a_longer_text_get_a_larger_network() -> None:
    assert size(NOVEL, 1e11, max_time="2h") > size(NOVEL, 1e11, max_time="1m")
    assert size(NOVEL, 4e11, max_time="1m") > size(NOVEL, 2e10, max_time="1m")
    long = Facts(100_000_000, 0, 100)
    assert size(long, 1e11, max_time="9h") > size(NOVEL, 1e11, max_time="9h")
    assert size(Facts(100, 0, 10), 1e11, max_time="2h") == min(LADDER)
    assert size(NOVEL, 1e3, max_time="1s") == min(LADDER)


def test_a_run_ends_when_more_updates_would_not_make_the_model_better() -> None:
    def plan(facts: Facts = NOVEL, **values: Any) -> Plan:  # noqa: ANN401 - any value
        return choose(of(**{"max_time": "40m", **values}), facts, machine(4e11))

    long, longer = plan(), plan(max_time="9h")
    assert long.is_bounded
    assert long.settings.budget.steps == int(long.updates or 0)
    assert load_of(long, long.updates or 0, NOVEL) == pytest.approx(MOST_LOAD)
    assert (longer.settings.budget.steps, longer.settings.model) == (
        long.settings.budget.steps,
        long.settings.model,
    ), "nor does it depend on the time that is left"
    assert plan(Facts(100_000, 0, 65)).is_bounded
    for open_end in (
        plan(max_time="1m"),
        plan(NAMES),
        plan(LONG),
        plan(dropout=0.3),
        plan(weight_dropout=0.1),
        plan(epochs=10**6),
        plan(steps=10**9),
    ):
        assert not open_end.is_bounded
    assert plan(steps=10**9).settings.budget.steps == 10**9


def test_a_shorter_text_bears_more_and_a_longer_one_as_much() -> None:
    loads = [most_load(symbols, lines=False) for symbols in (20_000, 100_000, 10**6, 10**9)]
    assert loads == sorted(loads, reverse=True)
    assert loads[-2:] == [MOST_LOAD, MOST_LOAD]
    assert most_load(10**6, lines=True) == math.inf


def gpu(operations_a_second: float, idle_below: float) -> Pace:
    """A device on which no update is faster than one of so many operations."""

    def pace(plan: Plan) -> float:
        recipe = plan.settings.recipe
        operations = 6 * plan.architecture.parameters * recipe.batch_size * recipe.sequence_length
        return operations_a_second / max(idle_below, operations)

    return pace


def batch(facts: Facts, pace: Pace, **values: Any) -> int:  # noqa: ANN401 - any value
    return choose(of(**{"max_time": "10m", **values}), facts, pace).settings.recipe.batch_size


LONG = Facts(100_000_000, 0, 100)


def test_on_a_gpu_a_long_text_has_larger_batches_where_these_cost_less_than_they_bring() -> None:
    large, small = gpu(1e15, 1e13), gpu(1e12, 1e3)
    assert batch(LONG, large, device="cuda") == LARGEST_BATCH
    assert batch(LONG, small, device="cuda") == USUAL_BATCH
    assert batch(NOVEL, large, device="cuda") == USUAL_BATCH
    assert batch(LONG, large, device="cuda", batch_size=48) == 48
    assert batch(LONG, large, device="cpu") == USUAL_BATCH
    assert batch(Facts(10**8, 10**6, 100), large, device="cuda") == 64
    assert choose(of(epochs=1, device="cuda"), LONG).settings.recipe.batch_size == USUAL_BATCH


def test_what_does_not_fit_is_not_chosen_and_measuring_ends_when_its_time_is_over() -> None:
    pace = gpu(1e15, 1e13)
    measured = list[Plan]()

    def small_memory(plan: Plan) -> float:
        measured.append(plan)
        return pace(plan) if plan.architecture.hidden <= 512 and len(measured) < 8 else 0.0

    plan = choose(of(max_time="10m", device="cuda"), LONG, small_memory)
    assert (plan.architecture.layers, plan.architecture.hidden) in LADDER
    assert plan.architecture.hidden <= 512
    assert plan.settings.recipe.batch_size == LARGEST_BATCH


def test_on_a_gpu_networks_go_on_growing_where_the_text_can_feed_them() -> None:
    pace = gpu(1e16, 1e12)
    assert size_of(choose(of(max_time="1h", device="cuda"), LONG, pace)) == BEYOND[-1]
    assert size_of(choose(of(max_time="1h", device="cpu"), LONG, pace)) == LADDER[-1]
    assert size_of(choose(of(max_time="1h", device="cuda"), NOVEL, pace)) in LADDER


def size_of(plan: Plan) -> tuple[int, int]:
    return plan.architecture.layers, plan.architecture.hidden


def test_each_pass_over_a_text_has_two_thousand_updates_of_a_larger_batch() -> None:
    assert batch_sizes(1_000_000, 64) == [32]
    assert batch_sizes(8_191_999, 64) == [32]
    assert batch_sizes(8_192_000, 64) == [32, 64]
    assert batch_sizes(10**12, 64) == [32, 64, 128, LARGEST_BATCH]


def test_twice_the_symbols_bring_twice_as_much_as_long_as_they_are_mostly_noise() -> None:
    assert worth(100, NOISE) == pytest.approx(50)
    assert worth(100, 2) / worth(100, 1) == pytest.approx(2, rel=1e-3)
    assert worth(100, 100 * NOISE) == pytest.approx(100, rel=0.02)


@pytest.mark.parametrize(
    ("cell", "optimizer", "rate"),
    [
        ("lstm", "muon", 0.04),
        ("gru", "muon", 0.04),
        ("rnn", "muon", 0.02),
        ("lstm", "adamw", 0.004),
        ("rnn", "adamw", 0.004),
    ],
)
def test_the_learning_rate_is_of_the_optimizer_and_with_muon_of_the_cell(
    cell: str, optimizer: str, rate: float
) -> None:
    settings = {"cell": cell, "optimizer": optimizer}
    assert choose(of(**settings), NOVEL).settings.recipe.learning_rate == rate
    assert choose(of(**settings, learning_rate=0.5), NOVEL).settings.recipe.learning_rate == 0.5


@pytest.mark.parametrize("cell", ["rnn", "gru", "lstm"])
def test_the_sizes_to_choose_from_grow(cell: str) -> None:
    networks = [
        Architecture(cell=cell, layers=layers, hidden=units, embedding=64, symbols=65)
        for layers, units in LADDER + BEYOND
    ]
    assert networks == sorted(networks, key=lambda network: network.parameters)


def test_layers_that_are_set_leave_the_units_to_choose() -> None:
    for layers in (1, 2, 3, 4):
        chosen = size(NOVEL, 1e11, max_time="10m", layers=layers)
        assert chosen[0] == layers
        assert size(NOVEL, 1e11, max_time="10s", layers=layers) < chosen
    assert size(NOVEL, 1e11, max_time="10m", hidden=77) == (1, 77)


def test_a_text_feeds_networks_of_twice_as_many_weights_as_symbols() -> None:
    assert feeds(Facts(2 * 100**2, 0, 65), layers=1, hidden=100)
    assert not feeds(Facts(2 * 100**2 - 1, 0, 65), layers=1, hidden=100)
    assert feeds(Facts(6 * 100**2, 0, 65), layers=2, hidden=100)
    assert not feeds(Facts(6 * 100**2 - 1, 0, 65), layers=2, hidden=100)
    assert choose(of(epochs=1), Facts(10_000, 0, 65)).architecture.hidden == 128
    assert choose(of(epochs=1), NOVEL).architecture.hidden == USUAL_HIDDEN


@pytest.mark.parametrize("asked", ["30s", "2m", "10m", "1h"])
def test_the_largest_network_is_taken_that_learns_enough(asked: str) -> None:
    facts, pace = Facts(10**9, 0, 65), machine(1e11)
    plan = choose(of(max_time=asked), facts, pace)
    assert plan.updates is not None
    assert learns_enough(plan, plan.updates, facts)
    larger = LADDER[LADDER.index((plan.architecture.layers, plan.architecture.hidden)) + 1 :]
    if larger:
        layers, units = larger[0]
        other = choose(of(max_time=asked, layers=layers, hidden=units), facts, pace)
        assert other.updates is not None
        assert not learns_enough(other, other.updates, facts)


def test_a_moment_of_another_program_does_not_make_the_network_smaller() -> None:
    undisturbed, measured = machine(1e11), list[Plan]()

    def disturbed(plan: Plan) -> float:
        measured.append(plan)
        return undisturbed(plan) / (1 if plan in measured[:-1] else 100)

    made = of(max_time="2m")
    expected = choose(made, NOVEL, undisturbed).architecture
    assert (expected.layers, expected.hidden) > min(LADDER)
    assert choose(made, NOVEL, disturbed).architecture == expected


def test_enough_are_updates_and_symbols_for_each_parameter() -> None:
    plan = choose(of(hidden=256, batch_size=10, sequence_length=10), NOVEL)
    needed = math.ceil(ENOUGH_SYMBOLS * plan.architecture.parameters / 100)
    assert needed > ENOUGH_UPDATES
    assert learns_enough(plan, needed, NOVEL)
    assert not learns_enough(plan, needed - 1, NOVEL)
    small = choose(of(hidden=8, batch_size=10, sequence_length=10), NOVEL)
    assert learns_enough(small, ENOUGH_UPDATES, NOVEL)
    assert not learns_enough(small, ENOUGH_UPDATES - 1, NOVEL)


def test_half_precision_is_for_large_networks_of_processors_that_have_it() -> None:
    def precision(*, half: bool, **values: Any) -> str:  # noqa: ANN401 - any value
        facts = replace(NOVEL, half=half)
        made = of(**values)
        return choose(made, facts).settings.machine.precision

    assert precision(half=True, hidden=256) == "bf16"
    assert precision(half=False, hidden=256) == "fp32"
    assert precision(half=True, hidden=64) == "fp32"
    assert precision(half=True, hidden=256, precision="fp32") == "fp32"
    assert precision(half=False, hidden=64, precision="bf16") == "bf16"


def test_on_a_gpu_float16_is_for_layers_whose_weights_stay_on_the_chip() -> None:
    def precision(cell: str, batch_size: int, hidden: int, *, half: bool = True) -> str:
        network = Architecture(cell, 1, hidden, 64, 65)
        return precision_for(network, batch_size, half=half, device="cuda")

    assert precision("lstm", 32, 512) == "fp16"
    assert precision("lstm", 64, 512) == "bf16"
    assert precision("rnn", 64, 512) == "fp16"
    assert precision("gru", 1, 512) == "bf16"
    assert precision("lstm", 32, 500) == "bf16"
    assert precision("lstm", 32, 2048) == "bf16"
    assert precision("lstm", 32, 512, half=False) == "fp32"


def test_speed_is_measured_only_where_something_follows_from_it() -> None:
    def refuse(plan: Plan) -> float:
        pytest.fail(f"{plan} was measured")

    measured: list[Plan] = []
    choose(of(steps=5), NOVEL, refuse)
    choose(of(max_time="1m", hidden=5, dropout=0.1, weight_dropout=0.0, weight_decay=0.0), NOVEL, refuse)
    for is_open in ({}, {"hidden": 5}, {"hidden": 5, "dropout": 0.1}):
        measured.clear()
        choose(of(max_time="1m", **is_open), NOVEL, lambda plan: measured.append(plan) or 1e4)  # type: ignore[func-returns-value]
        assert measured


@given(st.floats(0, 1e9), st.floats(0, 1e9))
def test_what_is_easier_to_overfit_is_regularised_more(one: float, other: float) -> None:
    less, more = sorted((one, other))
    for lines, most in ((False, 0.46), (True, 0.25)):
        assert 0 <= dropout(less, lines=lines) <= dropout(more, lines=lines) <= most
        assert 0.06 <= weight_decay(less, lines=lines) <= weight_decay(more, lines=lines) <= 0.1
    assert 0 <= weight_dropout(less, lines=False) <= weight_dropout(more, lines=False) <= 0.41
    assert weight_dropout(more, lines=True) == 0
    assert weight_decay(more, lines=True) <= weight_decay(more, lines=False)


def test_dropout_and_weight_decay_grow_with_the_load() -> None:
    """From the experiments in LOG.md; of lines no weight dropout, and always the same weight decay."""
    loads = (0.0, 20.0, 24.0, 50.0, 100.0, 151.0, 1e9)
    assert [dropout(load, lines=False) for load in loads] == [0, 0.09, 0.11, 0.21, 0.3, 0.35, 0.46]
    assert [weight_dropout(load, lines=False) for load in loads] == [0, 0, 0, 0.13, 0.23, 0.29, 0.41]
    assert [dropout(load, lines=True) for load in loads] == [0, 0, 0.05, 0.13, 0.21, 0.25, 0.25]
    grown = {0.0: 0.06, 1.5: 0.06, 3.0: 0.08, 6.0: 0.1, 1e9: 0.1}
    assert {load: weight_decay(load, lines=False) for load in grown} == grown
    assert {weight_decay(load, lines=True) for load in loads} == {0.06}


def test_dropout_and_weight_decay_follow_from_passes_and_parameters() -> None:
    def plan(facts: Facts, **values: Any) -> ResolvedSettings:  # noqa: ANN401 - any value
        return choose(of(**values), facts).settings

    shares = [plan(NOVEL, epochs=epochs, hidden=384).model.dropout for epochs in (1, 8, 50, 100, 10_000)]
    assert shares == sorted(shares)
    assert shares[0] == shares[1] == 0
    assert 0 < shares[2] < shares[3] < shares[4] == 0.46
    assert plan(NOVEL, epochs=50, hidden=64).model.dropout < plan(NOVEL, epochs=50, hidden=512).model.dropout
    assert 0 < plan(NOVEL, epochs=200).model.weight_dropout < plan(NOVEL, epochs=900).model.weight_dropout
    assert plan(NOVEL, epochs=500, weight_dropout=0.0).model.weight_dropout == 0
    assert plan(NAMES, epochs=500).model.weight_dropout == 0
    assert plan(NOVEL, epochs=1).recipe.weight_decay < plan(NOVEL, epochs=30).recipe.weight_decay
    assert plan(Facts(5, 0, 4), steps=10_000).model.dropout == 0  # "hello"
    assert plan(NAMES, epochs=50).model.dropout > 0
    assert plan(NOVEL, epochs=1000, dropout=0.0).model.dropout == 0
    assert plan(NOVEL, epochs=1000, optimizer="adamw").recipe.weight_decay == 0


def test_validations_are_ten_or_where_cheap_a_hundred_and_cost_little() -> None:
    plan = choose(of(batch_size=10, sequence_length=10), NOVEL)
    read = plan.settings.recipe.batch_size * plan.settings.recipe.sequence_length
    assert validation_steps(plan, read, 100) == 10  # cheap to some degree: ten
    assert validation_steps(plan, read, 10_000) == 100  # hardly any cost: a hundred
    assert validation_steps(plan, read // 20, 1000) == 10
    assert validation_steps(plan, 0, 7) == 1
    assert validation_steps(plan, 1_000 * read, 1000) == 2000  # dear: it reads as much as a thousand updates
    assert validation_seconds(300, 0.1) == 3
    assert validation_seconds(300, 10) == 200


def test_what_is_measured_on_follows_from_the_time_that_was_asked_for() -> None:
    amounts = [
        measured_symbols(BudgetSettings(max_time=asked)) for asked in ("1s", "30s", "1m", "4m", "1h", "9d")
    ]
    assert amounts == [131_072, 131_072, 240_000, 960_000, 1_000_000, 1_000_000]
    assert measured_symbols(BudgetSettings(steps=1)) == amounts[-1]


def test_labels_tell_less_than_symbols_and_dropout_is_higher() -> None:
    facts = Facts(training_symbols=80_000, records=10_000, symbols=60)
    plans = [
        choose(build(TrainSettings, {"task": task, "mode": "lines", "steps": 100}), facts)
        for task in ("language", "classify")
    ]
    dropouts = [plan.settings.model.dropout for plan in plans]
    assert dropouts == [0.0, OF_A_TASK["classify"]]
    set_ = choose(build(TrainSettings, {"task": "classify", "steps": 100, "dropout": 0.1}), facts)
    assert set_.settings.model.dropout == 0.1


@pytest.mark.parametrize(
    ("symbols", "vocabulary", "tags", "given", "rows"),
    [
        (241_000, 46, 2, None, 2**18),
        (1_000_000, 46, 2, None, 2**19),
        (1_000_000, 46, 30, None, 2**15),
        (110_000, 1_300, 2, None, 0),
        (110_000, 1_300, 2, 64, 64),
        (1_000_000, 46, 2, 0, 0),
    ],
)
def test_a_tagger_has_a_table_of_substrings_where_these_are_frequent(
    symbols: int, vocabulary: int, tags: int, given: int | None, rows: int
) -> None:
    facts = Facts(symbols, symbols // 9, vocabulary, head={"tags": tags})
    plan = choose(of(task="tag", mode="lines", steps=100, substring_rows=given), facts)
    assert isinstance(plan.architecture, TaggerArchitecture)
    assert plan.architecture.substring_rows == plan.settings.examples.substring_rows == rows
    without = choose(of(task="tag", mode="lines", steps=100, substring_rows=0), facts)
    assert plan.settings.model.dropout == without.settings.model.dropout
    assert plan.architecture.parameters_of_a_step == without.architecture.parameters
