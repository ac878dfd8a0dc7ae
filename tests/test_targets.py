"""Figures of written targets, and what simple means write."""

import numpy as np
import pytest
from pairs_by_hand import part_of, vocabularies

from charrnn.evaluation.targets import WrittenTargets, copied, distance, memorised, sides


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
