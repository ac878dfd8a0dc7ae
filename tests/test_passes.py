"""Passes over examples: each once in a pass, in another order, from any place on; groups of like lengths."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from itertools import chain, islice

import numpy as np
import pytest
import torch

from charrnn.tasks.passes import Numbers, Passes, Place, by_length, in_random_order

LENGTHS = np.array([3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5])


@dataclass(frozen=True)
class Some:
    """A batch of examples, and its place."""

    examples: list[int]
    place: Place
    fresh: None = None

    @property
    def epoch(self) -> float:
        return self.place.epoch

    @property
    def texts(self) -> int:
        return len(self.examples)

    @property
    def count(self) -> int:
        return len(self.examples)

    def to(self, device: torch.device) -> "Some":
        return self

    def part(self, first: int, every: int) -> "Some":
        return Some(self.examples[first::every], self.place)


def passes(seed: int = 1) -> Passes[Numbers, Some]:
    return Passes(
        partial(in_random_order, len(LENGTHS), 6, partial(by_length, lengths=LENGTHS, batch_size=2)),
        lambda examples: int(LENGTHS[examples].sum()),
        int(LENGTHS.sum()),
        lambda examples, place: Some(examples.tolist(), place),
        seed=seed,
        going_on=len,
    )


def three_passes(seed: int = 1) -> Iterator[list[Some]]:
    """Six batches each: eleven examples in stretches of six, two in a batch."""
    batches = iter(passes(seed))
    return (list(islice(batches, 6)) for _ in range(3))


def examples_of(seed: int) -> list[list[list[int]]]:
    return [[batch.examples for batch in batches] for batches in three_passes(seed)]


def test_each_pass_has_every_example_once_in_another_order() -> None:
    found = examples_of(1)
    assert [sorted(chain.from_iterable(examples)) for examples in found] == [[*range(11)]] * 3
    assert found[0] != found[1] != found[2]
    assert found == examples_of(1) != examples_of(2)


def test_a_place_says_which_pass_it_is_and_how_much_is_done() -> None:
    for number, batches in enumerate(three_passes()):
        places = [(batch.place.number, batch.place.position) for batch in batches]
        assert places == [(number, position) for position in range(6)]
        done = np.cumsum([LENGTHS[batch.examples].sum() for batch in batches]) / LENGTHS.sum()
        assert [batch.epoch for batch in batches] == pytest.approx(number + done)
        assert batches[-1].epoch == number + 1


def test_it_goes_on_from_every_place() -> None:
    whole = list(islice(passes(), 20))
    for done in range(14):
        source = passes()
        list(islice(source, done))
        again = passes()
        again.restore(source.numbers())
        assert again.texts_going_on() == (0 if done in {6, 12} else len(whole[done].examples))
        assert list(islice(again, 6)) == whole[done : done + 6]


def test_steps_are_those_of_so_many_passes() -> None:
    assert [passes().steps(epochs) for epochs in (1, 2.5, 1e-9)] == [6, 15, 1]


def test_groups_are_of_like_lengths_the_longest_first() -> None:
    examples = np.arange(6)
    assert [group.tolist() for group in by_length(examples, LENGTHS, 4)] == [[5, 4, 2, 0], [1, 3]]
    assert by_length(examples[::-1], LENGTHS, 4)[1].tolist() == [3, 1], "as they came"


def test_fewer_long_ones_are_in_a_group() -> None:
    found = by_length(np.arange(6), LENGTHS, 4, most=8)
    assert [group.tolist() for group in found] == [[5], [4], [2, 0], [1, 3]]


def test_of_the_same_length_the_second_decides() -> None:
    found = by_length(np.arange(4), np.array([2, 2, 3, 2]), 9, second=np.array([1, 3, 1, 2]))
    assert [group.tolist() for group in found] == [[2, 1, 3, 0]]
