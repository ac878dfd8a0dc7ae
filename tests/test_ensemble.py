"""Several models that write one text: their distributions mixed, symbols aligned by code point."""

import numpy as np
import pytest
from test_sampler import cycle, joined, markov, texts_of, untrained

from charrnn.config.settings import Request, SampleSettings
from charrnn.decoding import filters
from charrnn.decoding.ensemble import Ensemble
from charrnn.decoding.network import Decoder
from charrnn.decoding.sampler import write
from charrnn.errors import UsageError
from charrnn.text.codes import END
from charrnn.text.vocabulary import Vocabulary

AB, BC = Vocabulary.from_text("abé"), Vocabulary.from_text("bcé")


def chances_of_characters(mixture: Ensemble, text: str) -> dict[str, float]:
    network = mixture.network()
    for symbol in mixture.vocabulary.encode(text):
        logits = network.step(np.array([symbol], np.intp))
    chances = filters.probabilities(logits)[0]
    codes = mixture.vocabulary.codes.tolist()
    return {chr(code): float(p) for code, p in zip(codes, chances, strict=True) if code < END}


def test_distributions_are_mixed_character_by_character() -> None:
    first = markov(AB, {"b": {"a": 0.5, "b": 0.5}})
    second = markov(BC, {"b": {"b": 0.2, "c": 0.8}})
    mixed = chances_of_characters(Ensemble.of([first, second], 0.7), "b")
    assert mixed == pytest.approx({"a": 0.35, "b": 0.35 + 0.06, "c": 0.24, "é": 0}, abs=1e-5)


def test_shares_are_equal_unless_told_and_the_rest_is_parted_equally() -> None:
    model = markov(AB, {})
    assert Ensemble.of([model] * 3).shares == pytest.approx((1 / 3, 1 / 3, 1 / 3))
    assert Ensemble.of([model] * 3, 0.5).shares == (0.5, 0.25, 0.25)


@pytest.mark.parametrize("cells", [("lstm", "gru"), ("rnn", "lstm")])
def test_cells_and_sizes_may_differ_and_each_model_keeps_its_own_state(cells: tuple[str, str]) -> None:
    vocabulary = Vocabulary.from_text("abcd")
    models = [
        untrained(vocabulary, seed=place, cell=cell, hidden=8 + 4 * place) for place, cell in enumerate(cells)
    ]
    chances = chances_of_characters(Ensemble.of(models, 0.7), "abcaddb")
    expected = np.zeros(len(vocabulary))
    for model, share in zip(models, (0.7, 0.3), strict=True):
        decoder = Decoder(model.architecture, model.weights)
        for symbol in vocabulary.encode("abcaddb"):
            logits = decoder.step(np.array([symbol], np.intp))
        expected += share * filters.probabilities(logits)[0]
    assert list(chances.values()) == pytest.approx(expected.tolist())


def test_a_share_of_1_or_of_0_is_one_of_the_models_alone() -> None:
    vocabulary = Vocabulary.from_text("abcd \n")
    one, other = untrained(vocabulary, seed=1), untrained(vocabulary, seed=2)
    request = Request(prompt="a", length=200)
    assert texts_of(Ensemble.of([one, other], 1.0), request) == texts_of(one, request)
    assert texts_of(Ensemble.of([one, other], 0.0), request) == texts_of(other, request)


def test_a_model_passes_over_what_it_has_no_symbol_for() -> None:
    one, other = untrained(AB, seed=1), untrained(BC, seed=2)
    mixture = Ensemble.of([one, other], 0.0)
    assert chances_of_characters(mixture, "bab") == pytest.approx(chances_of_characters(mixture, "bb"))
    assert chances_of_characters(mixture, "abc") == pytest.approx(chances_of_characters(mixture, "bc"))


def test_a_model_reads_its_unknown_symbol_for_what_it_does_not_have() -> None:
    vocabulary = Vocabulary.from_text("bcé", unknown=True)
    other = untrained(vocabulary, seed=2)
    mixture = Ensemble.of([untrained(AB, seed=1), other], 0.0)
    decoder = Decoder(other.architecture, other.weights)
    for symbol in [*vocabulary.encode("b"), vocabulary.unknown]:
        logits = decoder.step(np.array([symbol], np.intp))
    found = chances_of_characters(mixture, "ba")
    assert found["c"] == pytest.approx(filters.probabilities(logits)[0, vocabulary.encode("c")[0]])


def test_texts_side_by_side_are_those_written_alone() -> None:
    """Rows of which only some are passed over, and rows that take the next text."""
    mixture = Ensemble.of([untrained(AB, seed=1), untrained(BC, seed=2)], 0.5)
    request, settings = Request(prompt="a", length=30, count=20, stop=("ac",)), SampleSettings()
    together = texts_of(mixture, request)
    alone = [joined(write(mixture, request, settings, range(i, i + 1)))[0] for i in range(20)]
    assert together == alone


def test_the_prompt_may_hold_what_only_one_model_knows_and_starts_are_mixed() -> None:
    mixture = Ensemble.of([cycle("ab", starts=np.array([1, 0])), cycle("bc", starts=np.array([0, 9]))], 0.75)
    assert mixture.starts.tolist() == pytest.approx([0.75, 0, 0.25])
    assert len(texts_of(mixture, Request(prompt="abc", length=5))[0]) == 5
    with pytest.raises(UsageError, match="U\\+007A"):
        texts_of(mixture, Request(prompt="z"))


def test_records_end_where_the_mixture_says() -> None:
    names = Vocabulary.from_text("ab", end=True)
    one = markov(names, {"": {"a": 1.0}, "a": {"": 1.0}, "b": {"": 1.0}})
    other = markov(names, {"": {"a": 1.0}, "a": {"b": 1.0}, "b": {"": 1.0}})
    texts = texts_of(Ensemble.of([one, other], 0.25), Request(count=400))
    assert set(texts) == {"a", "ab"}
    assert 60 < texts.count("a") < 140
    assert END in Ensemble.of([one, other]).vocabulary.codes


@pytest.mark.parametrize(
    ("other", "way"),
    [
        (untrained(Vocabulary.from_text("ab", "byte")), "--level byte"),
        (untrained(Vocabulary.from_text("ab"), "nfd"), "--normalize nfd"),
        (untrained(Vocabulary.from_text("ab", end=True)), "--mode lines"),
    ],
)
def test_models_that_read_differently_are_refused(other: object, way: str) -> None:
    with pytest.raises(UsageError, match=f"read text differently.*{way}"):
        Ensemble.of([untrained(AB), other])  # type: ignore[list-item]
