"""Batches of pairs, their loss and their score."""

import math
from itertools import islice
from typing import Any

import numpy as np
import pytest
import torch
from pairs_by_hand import architecture_of, lively, part_of, vocabularies

from charrnn.decoding.translator import Translator
from charrnn.evaluation.target_costs import costs
from charrnn.evaluation.targets import sides
from charrnn.tasks.pairs import PADDING, Pairs, alike, pair_batches, pairs
from charrnn.tasks.passes import Numbers, Passes
from charrnn.tasks.task import Task
from charrnn.tasks.translation import TranslationTask
from charrnn.text.codes import UNKNOWN_NATS
from charrnn.text.vocabulary import Vocabulary

PAIRS = [("abba", "xyx"), ("", "y"), ("b", ""), ("abc", "xyz"), ("cab", "zx"), ("q", "x" * 6), ("aab", "xxy")]
SOURCES, TARGETS = vocabularies(PAIRS)
PART = part_of(PAIRS, SOURCES, TARGETS)
TASK = TranslationTask(SOURCES, TARGETS)


def batches(batch_size: int = 3, vocabulary: Vocabulary = SOURCES) -> Passes[Numbers, Pairs]:
    return pair_batches(PART, batch_size=batch_size, sequence_length=64, seed=1, vocabulary=vocabulary)


def decoded(batch: Pairs) -> list[tuple[str, str]]:
    """The pairs of a batch, what is hidden as U+FFFD."""
    sources = torch.nn.utils.rnn.unpack_sequence(batch.sources)
    found = []
    for source, inputs, targets in zip(sources, batch.inputs, batch.targets, strict=True):
        wanted = targets[targets != PADDING]
        assert source[-1] == SOURCES.end
        assert wanted[-1] == 0
        assert inputs[0] == 0
        assert inputs[1 : len(wanted)].tolist() == wanted[:-1].tolist()
        found.append((SOURCES.decode(source[:-1]), TARGETS.decode(wanted[:-1])))
    return found


def test_an_epoch_has_every_pair_once_and_the_next_in_another_order() -> None:
    source = batches(3, Vocabulary("char", SOURCES.codes[:-1], SOURCES.counts[:-1]))
    assert source.steps(1) == 3
    assert source.steps(2) == 6
    epochs = iter(source)
    found = [[decoded(batch) for batch in islice(epochs, 3)] for _ in range(6)]
    assert all(sorted(pair for batch in epoch for pair in batch) == sorted(PAIRS) for epoch in found)
    assert any(epoch != found[0] for epoch in found)


def test_long_pairs_have_fewer_beside_them() -> None:
    """All of a batch take the room of its longest."""
    lengths = [(2, 3), (70, 1), (3, 1), (1, 2), (2, 2), (1, 50), (2, 1), (1, 1)]
    part = part_of([("a" * source, "x" * target) for source, target in lengths], SOURCES, TARGETS)
    rows = np.arange(len(lengths))
    (whole,) = alike(part, rows, 8, 8 * 71)
    assert whole[0] == 1
    groups = alike(part, rows, 8, 8 * 20)
    assert [place for group in groups for place in group] == whole.tolist()
    assert [len(group) for group in groups] == [2, 2, 2, 2]
    assert [len(group) for group in alike(part, rows, 8, 50)] == [1, 1, 2, 1, 1, 2]
    source = pair_batches(part, batch_size=8, sequence_length=20, seed=1, vocabulary=SOURCES)
    for batch in islice(source, source.steps(2)):
        assert len(batch.inputs) * max(len(batch.sources.batch_sizes), batch.inputs.shape[1]) <= 8 * 20


def test_counts_are_of_target_symbols_and_their_end_marks() -> None:
    some = list(islice(batches(), 3))
    assert [batch.count for batch in some] == [
        sum(len(target) + 1 for _, target in decoded(batch)) for batch in some
    ]
    assert some[-1].epoch == 1
    assert all(batch.fresh is None for batch in some)


def test_it_goes_on_from_where_it_was_to_the_symbol() -> None:
    whole = list(islice(batches(2), 11))
    for done in (1, 3, 4, 7):
        source = batches(2)
        list(islice(source, done))
        again = batches(2)
        again.restore(source.numbers())
        for batch, expected in zip(islice(again, 4), whole[done:], strict=False):
            assert torch.equal(batch.sources.data, expected.sources.data)
            assert torch.equal(batch.inputs, expected.inputs)
            assert batch.epoch == expected.epoch


def test_rare_symbols_are_hidden_now_and_then() -> None:
    """Of a symbol that stands n times an epoch hides n · 0.5 / (0.5 + n) places: q, once, in a third."""
    hidden = dict.fromkeys("abcq", 0)
    epochs = 600
    for batch in islice(batches(7), epochs):
        for (source, _), (shown, _) in zip(sorted(PAIRS), sorted_by_target(batch), strict=True):
            for symbol, seen in zip(source, shown, strict=True):
                assert seen in (symbol, "\N{REPLACEMENT CHARACTER}")
                hidden[symbol] += seen != symbol
    for symbol, count in hidden.items():
        times = sum(source.count(symbol) for source, _ in PAIRS)
        assert abs(count / epochs - times * 0.5 / (0.5 + times)) < 0.08


def sorted_by_target(batch: Pairs) -> list[tuple[str, str]]:
    """In the order of the sources that the targets tell."""
    order = [target for _, target in sorted(PAIRS)]
    return sorted(decoded(batch), key=lambda pair: order.index(pair[1]))


def test_a_batch_costs_what_its_pairs_cost_alone() -> None:
    as_task: Task = TASK
    network = lively(architecture_of(symbols=len(SOURCES), target_symbols=len(TARGETS)))
    rows = alike(PART, np.arange(len(PAIRS)), len(PAIRS), 10**6)[0]
    with torch.no_grad():
        loss = as_task.loss(network, pairs(PART, rows, 0.0), None)
        alone = [as_task.loss(network, pairs(PART, rows[[place]], 0.0), None) for place in range(len(PAIRS))]
    assert loss.count == sum(one.count for one in alone) == sum(len(target) + 1 for _, target in PAIRS)
    assert float(loss.nats) == pytest.approx(sum(float(one.nats) for one in alone), rel=1e-5)
    score = TASK.score(network, PART)
    assert score.nats == pytest.approx(float(loss.nats), rel=1e-5)
    assert (score.symbols, score.pairs) == (loss.count, len(PAIRS))


@pytest.mark.parametrize("changes", [{}, {"attention": False}, {"cell": "gru", "layers": 2}])
def test_a_target_costs_the_same_without_torch(changes: dict[str, Any]) -> None:
    architecture = architecture_of(symbols=len(SOURCES), target_symbols=len(TARGETS), **changes)
    network = lively(architecture)
    some = [("ab", "x!y"), ("", "z"), ("@abcab", ""), *PAIRS]  # `!` is not known
    part = part_of(some, SOURCES, TARGETS)
    sources, targets = sides(part)
    sources = [source.clip(max=len(SOURCES) - 1) for source in sources]
    found = costs(Translator(architecture, network.weights()), sources, targets)
    alone = [TASK.score(network, part_of([pair], SOURCES, TARGETS)).nats for pair in some]
    assert found == pytest.approx(alone, rel=1e-5)
    assert found[0] > UNKNOWN_NATS


def test_a_network_that_has_learnt_nothing_expects_all_alike() -> None:
    network = TASK.network(
        architecture_of(symbols=len(SOURCES), target_symbols=len(TARGETS)), 0.0, torch.Generator()
    )
    score = TASK.score(network, PART)
    assert score.nats_per_symbol == pytest.approx(math.log(len(TARGETS)))
    assert score.value == 1 / 7  # the end mark is the first of what is equally likely
    assert score.better_than(0.1)
    assert score.better_than(1 / 7)  # of as many the later
    assert not score.better_than(0.2)
    assert network.training


def test_symbols_that_no_target_had_are_charged_and_never_right() -> None:
    network = lively(architecture_of(symbols=len(SOURCES), target_symbols=len(TARGETS)))
    held_out = part_of([("ab", "x!y"), ("@", "z")], SOURCES, TARGETS)
    known = part_of([("@", "z")], SOURCES, TARGETS)
    score, of_known = TASK.score(network, held_out), TASK.score(network, known)
    assert score.symbols == 6
    assert score.nats - of_known.nats > UNKNOWN_NATS
    assert math.isfinite(score.nats)


def test_examples_are_sources_and_what_is_written_for_them() -> None:
    network = lively(architecture_of(symbols=len(SOURCES), target_symbols=len(TARGETS)))
    lines = TASK.examples(network, PART).split("\n")
    assert [line.split(" → ")[0] for line in lines] == [source for source, _ in PAIRS[:6]]
