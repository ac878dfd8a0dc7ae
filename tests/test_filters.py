"""Filters on distributions small enough to be worked out by hand, and draws against what they leave."""

import math
import re
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from charrnn.config.character_sets import character_set
from charrnn.decoding import filters
from charrnn.decoding.filters import Logits, probabilities

Vector = NDArray[np.float64]

distributions = st.lists(st.floats(-20, 20), min_size=2, max_size=12).map(lambda row: np.array([row]))
shares = st.floats(0, 1)


def logits_of(*chances: float) -> Logits:
    with np.errstate(divide="ignore"):
        return np.asarray(np.log([chances]) + 3.0)  # logits have no zero of their own


def chances_after(logits: Logits) -> list[float]:
    return [round(float(chance), 9) for chance in probabilities(logits)[0]]


FOUR = logits_of(0.1, 0.4, 0.3, 0.2)


def test_probabilities_are_the_softmax_and_never_overflow() -> None:
    assert chances_after(FOUR) == [0.1, 0.4, 0.3, 0.2]
    assert chances_after(np.array([[1e30, -1e30, 1e30]], np.float32)) == [0.5, 0, 0.5]
    assert np.allclose(np.exp(filters.log_probabilities(FOUR)), probabilities(FOUR))


def test_only_what_is_allowed_is_left() -> None:
    assert chances_after(filters.only(FOUR, np.array([True, True, False, False]))) == [0.2, 0.8, 0, 0]


def test_temperature() -> None:
    assert chances_after(filters.temperature(logits_of(0.2, 0.8), 0.5)) == pytest.approx([1 / 17, 16 / 17])
    assert chances_after(filters.temperature(logits_of(0.2, 0.8), 2)) == pytest.approx([1 / 3, 2 / 3])
    assert chances_after(filters.temperature(logits_of(0.3, 0.35, 0.35), 0)) == [0, 1, 0]
    nearly_zero = filters.temperature(FOUR, 1e-300)
    assert chances_after(nearly_zero) == [0, 1, 0, 0]


def test_each_row_has_a_temperature_of_its_own() -> None:
    degrees = np.array([[0.0], [0.5], [1.0], [2.0]])
    together = filters.temperature(np.repeat(FOUR, 4, axis=0), degrees)
    for row, degree in enumerate(degrees[:, 0]):
        assert np.array_equal(together[row : row + 1], filters.temperature(FOUR, float(degree)))


def test_top_k() -> None:
    assert chances_after(filters.top_k(FOUR, 1)) == [0, 1, 0, 0]
    assert chances_after(filters.top_k(FOUR, 3)) == [
        0,
        pytest.approx(4 / 9),
        pytest.approx(3 / 9),
        pytest.approx(2 / 9),
    ]
    assert chances_after(filters.top_k(FOUR, 99)) == [0.1, 0.4, 0.3, 0.2]
    assert chances_after(filters.top_k(logits_of(0.2, 0.4, 0.2, 0.2), 2)) == pytest.approx(
        [1 / 3, 2 / 3, 0, 0]
    )


def test_top_p() -> None:
    assert chances_after(filters.top_p(FOUR, 0.0)) == [0, 1, 0, 0]
    assert chances_after(filters.top_p(FOUR, 0.4)) == [0, 1, 0, 0]
    assert chances_after(filters.top_p(FOUR, 0.41)) == [0, pytest.approx(4 / 7), pytest.approx(3 / 7), 0]
    assert chances_after(filters.top_p(FOUR, 0.7)) == [0, pytest.approx(4 / 7), pytest.approx(3 / 7), 0]
    assert chances_after(filters.top_p(FOUR, 0.99)) == [0.1, 0.4, 0.3, 0.2]


def test_min_p() -> None:
    assert chances_after(filters.min_p(FOUR, 0.6)) == [0, pytest.approx(4 / 7), pytest.approx(3 / 7), 0]
    assert chances_after(filters.min_p(FOUR, 0.8)) == [0, 1, 0, 0]
    assert chances_after(filters.min_p(FOUR, 1.0)) == [0, 1, 0, 0]


def test_typical() -> None:
    # Surprises 0.69, 1.39, 2.08 nats (twice); expected 1.21: the second is nearest, then the first.
    chances = logits_of(0.5, 0.25, 0.125, 0.125)
    assert chances_after(filters.typical(chances, 0.2)) == [0, 1, 0, 0]
    assert chances_after(filters.typical(chances, 0.7)) == pytest.approx([2 / 3, 1 / 3, 0, 0])
    assert chances_after(filters.typical(logits_of(0.5, 0.5, 0), 0.9)) == [0.5, 0.5, 0]


def test_repetition_penalty() -> None:
    recent = np.array([[-1, -1, 1, 1, 0]])
    squared = np.array([0.1**2, 0.4**2, 0.3, 0.2])
    penalized = filters.repetition_penalty(FOUR, 2.0, recent)
    assert chances_after(penalized) == pytest.approx((squared / squared.sum()).tolist())
    assert chances_after(filters.repetition_penalty(FOUR, 2.0, np.array([[-1, -1]]))) == [0.1, 0.4, 0.3, 0.2]
    ruled_out = filters.repetition_penalty(logits_of(0.5, 0.5, 0), 0.5, np.array([[2]]))
    assert chances_after(ruled_out) == [0.5, 0.5, 0]


EACH: dict[str, Callable[[Logits], Logits]] = {
    "none": lambda logits: logits,
    "only": lambda logits: filters.only(logits, np.arange(logits.shape[1]) % 3 > 0),
    "walk": lambda logits: filters.temperature(logits, np.full((len(logits), 1), 1.3)),
    "temperature": lambda logits: filters.temperature(logits, 0.7),
    "greedy": lambda logits: filters.temperature(logits, 0),
    "top_k": lambda logits: filters.top_k(logits, 3),
    "top_p": lambda logits: filters.top_p(logits, 0.8),
    "typical": lambda logits: filters.typical(logits, 0.6),
    "min_p": lambda logits: filters.min_p(logits, 0.2),
    "repetition_penalty": lambda logits: filters.repetition_penalty(
        logits, 1.3, np.full((len(logits), 2), 1)
    ),
}
each = pytest.mark.parametrize("name", EACH)


@each
@given(rows=st.lists(st.tuples(*[st.floats(-20, 20)] * 5), min_size=1, max_size=4))
@settings(max_examples=40)
def test_a_filter_is_pure_and_keeps_rows_apart(name: str, rows: list[tuple[float, ...]]) -> None:
    logits = np.array(rows)
    before = logits.copy()
    together = EACH[name](logits)
    assert np.array_equal(logits, before)
    assert (np.isfinite(together).sum(axis=-1) >= 1).all()
    alone = np.concatenate([EACH[name](logits[row : row + 1]) for row in range(len(logits))])
    assert np.allclose(probabilities(together), probabilities(alone), atol=1e-12)


@given(logits=distributions, share=shares)
@settings(max_examples=60)
def test_nucleus_and_typical_hold_their_share_with_no_one_to_spare(logits: Logits, share: float) -> None:
    before = probabilities(logits)[0]
    for kept in (
        np.isfinite(filters.top_p(logits, share)[0]),
        np.isfinite(filters.typical(logits, share)[0]),
    ):
        assert before[kept].sum() >= share - 1e-9
    kept = np.isfinite(filters.top_p(logits, share)[0])
    assert kept.sum() == 1 or before[kept].sum() - before[kept].min() < share
    assert before[kept].min() >= before[~kept].max(initial=0)


def chi_square_tail(statistic: float, freedom: int) -> float:
    """The chance of a larger chi-square, by the Wilson-Hilferty approximation."""
    scale = 2 / (9 * freedom)
    return 0.5 * math.erfc(((statistic / freedom) ** (1 / 3) - 1 + scale) / math.sqrt(2 * scale))


def test_the_tail_of_chi_square_is_about_the_tabled_one() -> None:
    assert chi_square_tail(18.31, 10) == pytest.approx(0.05, rel=0.02)
    assert chi_square_tail(29.59, 10) == pytest.approx(0.001, rel=0.1)


@each
def test_draws_follow_the_distribution_a_filter_leaves(name: str) -> None:
    rng, draws = np.random.default_rng(3), 200_000
    left = EACH[name](rng.normal(0, 1.5, (1, 24)))
    drawn = filters.draw(np.repeat(left, draws, axis=0), rng.random(draws))
    counts = np.bincount(drawn, minlength=24)
    expected = probabilities(left)[0] * draws
    assert not counts[expected == 0].any()
    likely = expected > 5
    if likely.sum() > 1:
        statistic = float((((counts - expected) ** 2)[likely] / expected[likely]).sum())
        assert chi_square_tail(statistic, int(likely.sum()) - 1) > 0.001


def test_the_extremes_of_the_random_numbers_draw_possible_ids() -> None:
    logits = logits_of(0, 0.5, 0.5, 0)
    assert filters.draw(logits, np.array([0.0])).tolist() == [1]
    assert filters.draw(logits, np.array([np.nextafter(1.0, 0)])).tolist() == [2]


@pytest.mark.parametrize(
    ("expression", "characters"),
    [
        ("abca", "abc"),
        ("a-e", "abcde"),
        ("a-cx-z", "abcxyz"),
        (r"a-c \n", "abc \n"),
        (r"\t\r\\\-", "\t\r\\-"),
        (r"\x41-\x43", "ABC"),
        (r"\u00e9\U0001F600", "é😀"),
        ("-a", "-a"),
        ("a-", "a-"),
        ("-", "-"),
        ("가-갂", "가각갂"),
        (r"\ud7ff-\ue000", "\ud7ff\ue000"),
    ],
)
def test_character_sets(expression: str, characters: str) -> None:
    assert character_set(expression) == characters


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("", "at least one character"),
        (r"\ud800", "at least one character"),
        ("z-a", "ranges that go up, unlike z-a"),
        ("\\", "escapes"),
        (r"\q", r"unlike \q"),
        (r"\x4", "escapes"),
        (r"\U00110000", "code points up to 10FFFF"),
    ],
)
def test_character_sets_that_are_none(expression: str, expected: str) -> None:
    with pytest.raises(ValueError, match=re.escape(expected)):
        character_set(expression)


@given(st.integers(1, 40), st.integers(0, 2**32 - 1))
def test_one_row_is_drawn_as_it_is_among_others(symbols: int, seed: int) -> None:
    random = np.random.default_rng(seed)
    logits = random.normal(0, 3, (3, symbols)).astype(np.float32)
    uniform = np.append(random.random(2), np.nextafter(1, 0))
    together = filters.draw(logits, uniform).tolist()
    rows = [slice(row, row + 1) for row in range(3)]
    assert [int(filters.draw(logits[row], uniform[row])[0]) for row in rows] == together
