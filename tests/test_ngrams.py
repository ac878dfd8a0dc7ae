"""N-grams: the textbook's sums by brute force, chances that sum to one, blocks, records, short texts."""

from collections import Counter, defaultdict
from collections.abc import Iterable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from program import TEXT

from charrnn.evaluation.baselines import ngrams
from charrnn.evaluation.baselines.ngrams import LEAST_DISCOUNT, USUAL_DISCOUNT, NgramModel

Gram = tuple[int, ...]


def encoded(text: str) -> tuple[NDArray[np.int64], int]:
    """A text's ids, and how many symbols there are."""
    symbols = sorted(set(text))
    return np.array([symbols.index(character) for character in text]), len(symbols)


class BruteForce:
    """Modified Kneser-Ney as it stands in Chen and Goodman (1999), with dictionaries and loops.

    The text's records begin with an end mark (or are one, of a text); no n-gram reaches over one.
    """

    def __init__(self, ids: list[int], symbols: int, end: int | None, order: int) -> None:
        self.symbols, self.end = symbols, end
        counts = [Counter(self.grams(ids, n)) for n in range(1, order + 2)]
        self.counted, self.continued = counts[:order], []
        for n, counter in enumerate(self.counted):
            before: dict[Gram, set[int]] = defaultdict(set)
            for longer in counts[n + 1]:
                before[longer[1:]].add(longer[0])
            self.continued.append({gram: len(before[gram]) or count for gram, count in counter.items()})

    def grams(self, ids: list[int], n: int) -> list[Gram]:
        found = [tuple(ids[i : i + n]) for i in range(len(ids) - n + 1)]
        return [gram for gram in found if self.end not in gram[1:-1]]

    def chance(self, context: Gram, symbol: int, *, highest: bool = True) -> float:
        n = len(context)
        lower = self.chance(context[1:], symbol, highest=False) if n else 1 / self.symbols
        counts = (self.counted if highest else self.continued)[n]
        following = {gram: count for gram, count in counts.items() if gram[:-1] == context}
        total = sum(following.values())
        if not total:
            return lower
        discounts = {gram: self.discount(counts.values(), count) for gram, count in following.items()}
        own = following.get((*context, symbol), 0) - discounts.get((*context, symbol), 0)
        return own / total + sum(discounts.values()) / total * lower

    def discount(self, counts: Iterable[int], count: int) -> float:
        n1, n2, n3, n4 = (sum(other == k for other in counts) for k in (1, 2, 3, 4))
        if not (n1 and n2 and n3):
            return USUAL_DISCOUNT
        y = n1 / (n1 + 2 * n2)
        return max(
            LEAST_DISCOUNT,
            (1 - 2 * y * n2 / n1, 2 - 3 * y * n3 / n2, 3 - 4 * y * n4 / n3)[min(count, 3) - 1],
        )

    def expected(self, ids: list[int], place: int, order: int) -> float:
        """The chance of the symbol at a place of a text."""
        starts = [i for i in range(place) if ids[i] == self.end]
        context = tuple(ids[max(starts[-1] if starts else 0, place - order + 1) : place])
        return self.chance(context, ids[place], highest=len(context) == order - 1)


def chances(model: NgramModel, ids: NDArray[np.int64]) -> list[NDArray[np.float64]]:
    return list(model.chances(ids))


@pytest.mark.parametrize("text", [TEXT[:600], "abracadabra, abrakadabra", "hello", "aaaa"])
def test_agrees_with_brute_force(text: str) -> None:
    ids, symbols = encoded(text)
    learnt, scored = ids[: len(ids) * 2 // 3], ids[len(ids) // 2 :][:60]
    model, reference = NgramModel(learnt, symbols, order=4), BruteForce(learnt.tolist(), symbols, None, 4)
    for order, found in enumerate(chances(model, scored)):
        wanted = [
            reference.expected(scored.tolist(), i, order) if order else 1 / symbols
            for i in range(len(scored))
        ]
        assert found == pytest.approx(wanted, abs=1e-12)


def test_no_context_reaches_back_into_another_record() -> None:
    ids, symbols = encoded("|anna|hanna||nan|an|hanna|na|")
    end = int(ids[0])
    model, reference = NgramModel(ids, symbols, end=end, order=4), BruteForce(ids.tolist(), symbols, end, 4)
    for order, found in enumerate(chances(model, ids)):
        wanted = [
            reference.expected(ids.tolist(), i, order) if order else 1 / symbols for i in range(len(ids))
        ]
        assert found == pytest.approx(wanted, abs=1e-12)
    again = encoded("|hanna|anna|")[0], encoded("|anna|hanna|")[0]
    assert model.nats(again[0]) == pytest.approx(model.nats(again[1]))


@pytest.mark.parametrize("end", [False, True])
def test_chances_sum_to_one_in_a_thousand_contexts(end: bool) -> None:
    ids, symbols = encoded(TEXT)
    mark = int(ids[TEXT.index("\n")]) if end else None
    model = NgramModel(ids[: len(ids) // 2], symbols + 3, end=mark)  # three symbols never came
    random = np.random.default_rng(1)
    real = ids[random.integers(0, len(ids) - 5, 500)[:, None] + np.arange(5)]
    contexts = np.concatenate([real, random.integers(0, symbols + 3, (500, 5))])
    rows = np.concatenate(
        [np.repeat(contexts, symbols + 3, 0), np.tile(np.arange(symbols + 3), 1000)[:, None]], 1
    )
    for found in chances(model, rows):
        assert found.min() > 0
        assert found[:, -1].reshape(1000, -1).sum(1) == pytest.approx(np.ones(1000), abs=1e-12)


@settings(max_examples=60)
@given(
    learnt=st.lists(st.integers(0, 3), min_size=1, max_size=40),
    scored=st.lists(st.integers(0, 3), min_size=2, max_size=30),
    end=st.sampled_from([None, 0]),
)
def test_any_texts_agree_with_brute_force(learnt: list[int], scored: list[int], end: int | None) -> None:
    model, reference = NgramModel(np.array(learnt), 4, end=end, order=3), BruteForce(learnt, 4, end, 3)
    for order, found in enumerate(chances(model, np.array(scored))):
        wanted = [reference.expected(scored, i, order) if order else 1 / 4 for i in range(len(scored))]
        assert found == pytest.approx(wanted, abs=1e-12)


@pytest.mark.parametrize("block", [1, 2, 7, 300])
def test_blocks_make_no_difference(block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    ids, symbols = encoded(TEXT[:500])
    model = NgramModel(ids[:400], symbols)
    whole = model.nats(ids)
    monkeypatch.setattr(ngrams, "BLOCK", block)
    assert model.nats(ids) == pytest.approx(whole)


def test_the_first_symbol_is_given() -> None:
    ids, symbols = encoded("hello world")
    assert NgramModel(ids, symbols).nats(ids)[0] == pytest.approx(10 * np.log(symbols))


def test_a_vocabulary_of_any_size_fits() -> None:
    """The keys of six symbols side by side would not: 21 bits each."""
    ids = np.random.default_rng(0).integers(0, 0x110000, 400)
    model = NgramModel(np.concatenate([ids, ids]), 0x110000)
    assert model.nats(ids)[-1] < 400 * np.log(4)


def test_a_text_shorter_than_the_order() -> None:
    ids, symbols = encoded("ab")
    assert len(NgramModel(ids, symbols).orders) == 2
    assert np.isfinite(NgramModel(ids[:1], symbols).nats(ids)).all()
