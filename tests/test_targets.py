"""Figures of written targets, and what simple means write."""

import math

import numpy as np
import pytest
from pairs_by_hand import part_of, vocabularies

from charrnn.evaluation.target_costs import TargetCosts, others
from charrnn.evaluation.targets import WrittenTargets, are_copies, copied, distance, memorised, sides


def ids(text: str) -> np.ndarray:
    return np.array([ord(character) for character in text], np.int64)


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ("kitten", "sitting", 3),
        ("", "abc", 3),
        ("abc", "", 3),
        ("", "", 0),
        ("abc", "abc", 0),
        ("abc", "bcd", 2),
        ("ab", "ba", 2),
        ("intention", "execution", 5),
    ],
)
def test_the_distance_counts_what_has_to_be_changed(one: str, other: str, expected: int) -> None:
    assert distance(ids(one), ids(other)) == expected


def test_figures() -> None:
    written = WrittenTargets(
        [[ids("abc"), ids("abd")], [ids("x"), ids("xy")], [ids(""), ids("q")]],
        [ids("abc"), ids("xy"), ids("pq")],
    )
    assert written.figures() == {
        "exact": pytest.approx(1 / 3),
        "symbol_error_rate": pytest.approx(3 / 7),
        "oracle_exact": pytest.approx(2 / 3),
    }
    some = written.only(np.array([True, False, False]))
    assert some.figures() == {"exact": 1.0, "symbol_error_rate": 0.0, "oracle_exact": 1.0}
    assert written.only(np.zeros(3, np.bool_)).figures() == {}
    assert "oracle_exact" not in WrittenTargets([[ids("a")]], [ids("a")]).figures()


PAIRS = [("ab", "ab"), ("c", "xy"), ("c", "x"), ("c", "x"), ("d", "y"), ("d", "x")]


def test_what_is_copied_and_what_is_remembered() -> None:
    vocabulary, targets = vocabularies(PAIRS)
    training = part_of(PAIRS, vocabulary, targets)
    sources, wanted = sides(part_of([("ba", "ba"), ("c", "x"), ("d", "y"), ("xa", "")], vocabulary, targets))
    assert [targets.decode(one) for one in wanted] == ["ba", "x", "y", ""]
    copies = copied(sources, vocabulary, targets)
    assert [one.tolist() for one in copies] == [[2, 1], [-1], [-1], [-1, 1]]
    found = memorised(training, sources, copies)
    assert [one.tolist() for one in found] == [
        [2, 1],
        targets.encode("x").tolist(),
        targets.encode("y").tolist(),
        [-1, 1],
    ]


@pytest.mark.parametrize("count", [2, 3, 10, 1000])
def test_shuffled_each_has_anothers_source(count: int) -> None:
    found = others(count, np.random.default_rng(1))
    assert sorted(found) == list(range(count))
    assert not (found == np.arange(count)).any()
    assert (found == others(count, np.random.default_rng(1))).all()


def test_what_a_source_tells_of_its_target() -> None:
    costs = TargetCosts(
        math.log(2) * np.array([2.0, 4.0]), math.log(2) * np.array([6.0, 3.0]), np.array([2, 1])
    )
    found = costs.figures("character")
    assert found == {"bits_per_character": pytest.approx(2), "bits_per_character_shuffled": pytest.approx(3)}
    found = costs.only(np.array([False, True])).figures("symbol")
    assert found == {"bits_per_symbol": pytest.approx(4), "bits_per_symbol_shuffled": None}


def test_what_was_written_before() -> None:
    vocabulary, targets = vocabularies(PAIRS)
    written = WrittenTargets([[targets.encode(one)] for one in ("xy", "xyx", "", "ab")], [ids("?")] * 4)
    assert are_copies(written, part_of(PAIRS, vocabulary, targets)).tolist() == [True, False, False, True]
