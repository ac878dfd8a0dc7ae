"""Writing: lengths, stops, seeds, composition and bytes are exact; prompts are read or refused by name."""

import itertools
import tracemalloc
import unicodedata
from collections.abc import Iterable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from charrnn.config.settings import Request, SampleSettings
from charrnn.decoding.best_of import Likelihoods, likeliest_texts, whole_texts
from charrnn.decoding.filters import log_probabilities
from charrnn.decoding.language_model import LanguageModel, SavedModel
from charrnn.decoding.network import Decoder
from charrnn.decoding.prompt import read_prompt
from charrnn.decoding.sampler import TOGETHER, Piece, write
from charrnn.decoding.text_stream import LONGEST_SEQUENCE, TextStream, exact_bytes, spell
from charrnn.errors import UsageError
from charrnn.model.architecture import Architecture
from charrnn.text.codes import END
from charrnn.text.vocabulary import Vocabulary

KOREAN = "나는 한국어를 배우고 있어요. 값과 닭, 꽃이 많다!"
IMPOSSIBLE = -40.0

Transitions = dict[str, dict[str, float]]


def texts_of(model: LanguageModel, request: Request, chosen: SampleSettings = SampleSettings()) -> list[str]:  # noqa: B008
    return joined(write(model, request, chosen))


def joined(pieces: Iterable[Piece]) -> list[str]:
    texts: dict[int, list[str]] = {}
    for piece in pieces:
        texts.setdefault(piece.number, []).append(piece.text)
    return ["".join(texts[number]) for number in sorted(texts)]


def text_of(model: LanguageModel, request: Request, **chosen: Any) -> str:  # noqa: ANN401 - any setting
    (text,) = texts_of(model, request, SampleSettings(**chosen))
    return text


def markov(vocabulary: Vocabulary, transitions: Transitions, **facts: Any) -> SavedModel:  # noqa: ANN401
    """A vanilla RNN that knows nothing but its last symbol: the chances of the next are those given.

    Symbols are single characters; "" is the end mark.
    """
    symbols = len(vocabulary)
    ids = {
        "" if code == END else chr(code): place for place, code in enumerate(vocabulary.codes) if code <= END
    }
    logits = np.full((symbols, symbols), IMPOSSIBLE, np.float32)
    for last, chances in transitions.items():
        for character, chance in chances.items():
            logits[ids[character], ids[last]] = np.log(chance)
    blank = np.zeros(symbols, np.float32)
    weights = {
        "layers.0.input_weight": 50 * np.eye(symbols, dtype=np.float32),
        "layers.0.recurrent_weight": np.zeros((symbols, symbols), np.float32),
        "layers.0.input_bias": blank,
        "layers.0.recurrent_bias": blank,
        "output.weight": logits,
        "output.bias": blank,
    }
    starts = facts.pop("starts", np.zeros(symbols, np.int64))
    return SavedModel(Architecture("rnn", 1, symbols, 0, symbols), weights, vocabulary, starts, **facts)


def untrained(
    vocabulary: Vocabulary, normal_form: str = "none", *, seed: int = 0, cell: str = "lstm", hidden: int = 16
) -> SavedModel:
    """A network with random weights: any symbol may follow any."""
    architecture = Architecture(cell, 2, hidden, 8, len(vocabulary))
    rng = np.random.default_rng(seed)
    weights = {
        name: rng.normal(0, 0.7, shape).astype(np.float32) for name, shape in architecture.shapes().items()
    }
    return SavedModel(architecture, weights, vocabulary, vocabulary.counts, normal_form)


def cycle(text: str, **facts: Any) -> SavedModel:  # noqa: ANN401
    transitions = {last: {following: 1.0} for last, following in zip(text, text[1:] + text[0], strict=True)}
    return markov(Vocabulary.from_text(text), transitions, **facts)


LETTERS = Vocabulary.from_text("abcdefgh \n")


def test_a_chain_is_followed() -> None:
    assert text_of(cycle("abcde"), Request(prompt="ab", length=7)) == "cdeabcd"


@pytest.mark.parametrize("prompt", ["", "a", "abc"])
@pytest.mark.parametrize("length", [1, 2, 37])
def test_a_text_has_exactly_its_length(prompt: str, length: int) -> None:
    texts = texts_of(untrained(LETTERS), Request(prompt=prompt, length=length, count=3))
    assert [len(text) for text in texts] == [length] * 3


def test_the_default_length_is_500_and_0_has_no_end() -> None:
    model = untrained(LETTERS)
    whole = text_of(model, Request())
    assert len(whole) == 500
    endless = write(model, Request(length=0), SampleSettings())
    assert "".join(piece.text for piece in itertools.islice(endless, 1_000))[:500] == whole


@pytest.mark.parametrize("prompt", ["", "abba"])
def test_greedy_is_the_likeliest_of_a_step_by_step_decoder(prompt: str) -> None:
    model = untrained(LETTERS)
    decoder = Decoder(model.architecture, model.weights)
    ids = list(LETTERS.encode(prompt)) or [int(np.argmax(model.starts))]
    for last in ids:
        logits = decoder.step(np.array([last], np.intp))
    written = [] if prompt else ids[:1]
    while len(written) < 200:
        written.append(int(np.argmax(logits)))
        logits = decoder.step(np.array(written[-1:], np.intp))
    expected = LETTERS.decode(written)
    assert text_of(model, Request(prompt=prompt, length=200), temperature=0.0) == expected
    assert text_of(model, Request(prompt=prompt, length=200, seed=9), top_k=1) == expected


def test_the_same_seed_writes_the_same_and_another_does_not() -> None:
    model, request = untrained(LETTERS), Request(length=60, count=4, seed=5)
    texts = texts_of(model, request)
    assert texts_of(model, request) == texts
    assert len(set(texts)) == 4
    assert not set(texts_of(model, Request(length=60, count=4, seed=6))) & set(texts)


def test_a_text_does_not_depend_on_how_many_are_written_or_in_which_batch() -> None:
    model = untrained(LETTERS)
    five = texts_of(model, Request(length=60, count=5))
    assert texts_of(model, Request(length=60, count=2)) == five[:2]
    batch = write(model, Request(length=60, count=5), SampleSettings(), range(3, 5))
    assert joined(batch) == five[3:]


def chi_square(counts: NDArray[np.int64], chances: list[float]) -> float:
    expected = np.array(chances) * counts.sum()
    return float(((counts - expected) ** 2 / expected).sum())


def test_twenty_thousand_texts_follow_the_starts_and_then_the_model() -> None:
    vocabulary = Vocabulary.from_text("abc")
    after = {last: {"a": 0.2, "b": 0.5, "c": 0.3} for last in "abc"}
    model = markov(vocabulary, after, starts=np.array([10, 60, 30]))
    texts = texts_of(model, Request(length=2, count=20_000))
    tabled_at_a_thousandth = 13.82  # two degrees of freedom
    for place, chances in enumerate([[0.1, 0.6, 0.3], [0.2, 0.5, 0.3]]):
        counts = np.bincount(vocabulary.encode("".join(text[place] for text in texts)), minlength=3)
        assert chi_square(counts, chances) < tabled_at_a_thousandth


def test_without_a_prompt_the_first_character_obeys_the_settings() -> None:
    starts = (LETTERS.codes == ord("a")).astype(np.int64) * 5 + (LETTERS.codes == ord("b")) * 3
    model = markov(LETTERS, {last: {"c": 1.0} for last in "abcd"}, starts=starts)
    assert text_of(model, Request(length=3), temperature=0.0) == "acc"
    assert text_of(model, Request(length=2), deny="a") == "bc"
    assert text_of(model, Request(length=2), allow="cd", temperature=0.0) == "cc"


def test_the_unknown_symbol_is_never_written() -> None:
    vocabulary = Vocabulary.from_text("ab", unknown=True)
    model = untrained(vocabulary)
    model.weights["output.bias"][vocabulary.unknown or -1] = 50
    assert set(text_of(model, Request(length=300))) == {"a", "b"}


def test_allow_and_deny() -> None:
    model = untrained(LETTERS)
    assert set(text_of(model, Request(length=200), allow="a-c ")) == set("abc ")
    assert set(text_of(model, Request(length=400), deny=r"d-h\n")) == set("abc ")
    with pytest.raises(UsageError, match="--allow 'xyz' leaves no character of the model"):
        text_of(model, Request(), allow="xyz")
    with pytest.raises(UsageError, match=r"several symbols to this model \(0065 0301\)"):
        text_of(untrained(Vocabulary.from_text("e\u0301"), "nfd"), Request(), deny="é")


def test_repetition_penalty_makes_what_was_just_written_rarer() -> None:
    model = markov(LETTERS, {last: {"a": 0.5, "b": 0.5} for last in "ab"}, starts=np.ones(len(LETTERS), int))
    penalized = text_of(model, Request(prompt="a", length=300), repetition_penalty=20.0, repetition_window=1)
    assert penalized == "ba" * 150
    plain = text_of(model, Request(prompt="a", length=300))
    assert "aa" in plain
    assert "bb" in plain


@pytest.mark.parametrize(
    ("chosen", "kept"),
    [
        ({"top_k": 2}, "ab"),
        ({"top_p": 0.7}, "ab"),
        ({"min_p": 0.5}, "ab"),
        ({"typical": 0.25}, "b"),
        ({"temperature": 0.05}, "a"),
        ({}, "abcd"),
    ],
)
def test_each_filter_reaches_the_text(chosen: dict[str, Any], kept: str) -> None:
    chances = {"a": 0.45, "b": 0.3, "c": 0.15, "d": 0.1}
    model = markov(LETTERS, dict.fromkeys("abcd", chances))
    assert set(text_of(model, Request(prompt="a", length=300), **chosen)) == set(kept)


@pytest.mark.parametrize(
    ("kind", "values", "message"),
    [
        (
            SampleSettings,
            {"temperature": -1.0},
            "--temperature is -1.0; expected a number from 0 to 100, or two with a colon",
        ),
        (SampleSettings, {"temperature": float("nan")}, "--temperature is nan; expected a finite number"),
        (SampleSettings, {"temperature": "0.5:"}, "--temperature is '0.5:'; expected a number from 0 to 100"),
        (SampleSettings, {"temperature": "1:2:3"}, "--temperature is '1:2:3'; expected a number from 0 to"),
        (SampleSettings, {"temperature": "0.5:101"}, "--temperature is '0.5:101'"),
        (SampleSettings, {"temperature": "nan:1"}, "--temperature is 'nan:1'"),
        (SampleSettings, {"mix": 1.5}, "--mix is 1.5; expected a number of at least 0.0 and at most 1.0"),
        (SampleSettings, {"top_k": -1}, "--top-k is -1"),
        (SampleSettings, {"top_p": 1.5}, "--top-p is 1.5"),
        (SampleSettings, {"min_p": 2.0}, "--min-p is 2.0"),
        (SampleSettings, {"typical": -0.1}, "--typical is -0.1"),
        (SampleSettings, {"repetition_penalty": 0.0}, "--repetition-penalty is 0.0"),
        (SampleSettings, {"repetition_window": 0}, "--repetition-window is 0"),
        (SampleSettings, {"allow": ""}, "--allow is ''; expected at least one character"),
        (SampleSettings, {"deny": "z-a"}, "--deny is 'z-a'; expected ranges that go up"),
        (Request, {"length": -1}, "--length is -1; expected a number of at least 0"),
        (Request, {"count": 0}, "--count is 0"),
        (Request, {"until_line": 0}, "--until-line is 0; expected a number of at least 1"),
        (Request, {"best_of": 0}, "--best-of is 0; expected a number of at least 1"),
        (Request, {"output": ""}, "--output is ''; expected at least one character"),
        (Request, {"stop": ("a", "")}, "expected texts of at least one character"),
        (Request, {"on_unknown": "guess"}, "--on-unknown is 'guess'; expected one of error, skip, nearest"),
    ],
)
def test_values_out_of_their_limits(kind: type, values: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError) as error:
        kind(**values)
    assert message in str(error.value)


# Lines, walks, candidates


LINES = Vocabulary.from_text("ab\n")
ANY = {last: {"a": 0.5, "b": 0.3, "\n": 0.2} for last in "ab\n"}


@pytest.mark.parametrize("lines", [1, 2, 7])
def test_writing_ends_with_the_last_line_whose_feed_is_not_written(lines: int) -> None:
    model = markov(LINES, ANY)
    whole = text_of(model, Request(prompt="a", length=500))
    assert text_of(model, Request(prompt="a", until_line=lines)) == "\n".join(whole.split("\n")[:lines])
    texts = texts_of(model, Request(prompt="a", until_line=lines, count=40))
    assert {text.count("\n") for text in texts} == {lines - 1}


def test_line_feeds_of_the_prompt_do_not_count_and_length_and_stop_go_before() -> None:
    model = cycle("ab\n")
    assert text_of(model, Request(prompt="b\nab\na", until_line=1)) == "b"
    assert text_of(model, Request(prompt="a", until_line=9, length=4)) == "b\nab"
    assert text_of(model, Request(prompt="a", until_line=9, stop=("\na",))) == "b"


@given(text=st.text("a\n", max_size=20), lines=st.integers(1, 4), cut=st.integers(1, 7))
@settings(max_examples=200)
def test_lines_are_counted_across_pieces(text: str, lines: int, cut: int) -> None:
    stream = TextStream("char", compose=False, length=0, stop=(), lines=lines)
    pieces = [stream.feed(spell(text[at : at + cut], "char")) for at in range(0, len(text), cut)]
    assert "".join(pieces) == "\n".join(text.split("\n")[:lines])
    assert stream.done == (text.count("\n") >= lines)


def test_lines_that_would_never_end_are_refused() -> None:
    with pytest.raises(UsageError, match="--until-line 3 would wait for line feeds"):
        text_of(cycle("ab"), Request(until_line=3))
    with pytest.raises(UsageError, match="--until-line 3"):
        text_of(markov(LINES, ANY), Request(until_line=3), deny=r"\n")


def test_the_temperature_walks_over_the_length() -> None:
    """The likeliest alone at 0, and then the other one more and more often."""
    model = markov(LINES, {last: {"a": 0.9, "b": 0.1} for last in "ab\n"})
    texts = texts_of(model, Request(prompt="a", length=101, count=300), SampleSettings(temperature="0:2"))
    shares = [sum(text[place] == "b" for text in texts) / 300 for place in range(101)]
    assert shares[0] == 0
    at_two = 0.1**0.5 / (0.1**0.5 + 0.9**0.5)
    at_one = 0.1
    assert np.mean(shares[90:]) == pytest.approx(at_two, abs=0.04)
    assert np.mean(shares[46:55]) == pytest.approx(at_one, abs=0.03)


def test_a_walk_does_not_depend_on_how_many_texts_are_written() -> None:
    model, walk = untrained(LETTERS), SampleSettings(temperature="0.3:1.7")
    three = texts_of(model, Request(length=50, count=3), walk)
    assert texts_of(model, Request(length=50), walk) == three[:1]
    assert len({*three, *texts_of(model, Request(length=50, count=3))}) == 6


def test_a_walk_from_a_temperature_to_itself_stands_still() -> None:
    model, request = untrained(LETTERS), Request(length=80)
    assert text_of(model, request, temperature="0.8:0.8") == text_of(model, request, temperature=0.8)


@pytest.mark.parametrize(
    "request_", [Request(length=0), Request(until_line=2), Request(length=0, stop=("a",))]
)
def test_a_walk_without_a_length_is_refused(request_: Request) -> None:
    with pytest.raises(UsageError, match=r"0.5:1.2 changes over .* this one has no end; give --length"):
        text_of(markov(LINES, ANY), request_, temperature="0.5:1.2")


def test_rows_that_take_the_next_text_change_no_text() -> None:
    """More texts than rows, records of all lengths, a prompt, and a window of recent symbols."""
    model = untrained(Vocabulary.from_text("abcd", end=True))
    chosen = SampleSettings(repetition_penalty=1.5, repetition_window=5)
    request = Request(prompt="ab", count=TOGETHER + 80, length=60)
    together = texts_of(model, request, chosen)
    assert len(together) == request.count
    for number in (0, 7, TOGETHER, TOGETHER + 79):
        assert joined(write(model, request, chosen, range(number, number + 1))) == [together[number]]
    assert len({len(text) for text in together}) > 5


def test_an_endless_text_takes_no_more_memory_the_longer_it_gets() -> None:
    model = untrained(Vocabulary.from_text(unicodedata.normalize("NFD", KOREAN)), "nfd")
    pieces = write(model, Request(length=0, stop=("xyz",)), SampleSettings(repetition_penalty=1.1))
    peaks = []
    tracemalloc.start()
    for _ in range(3):
        tracemalloc.reset_peak()
        for _ in itertools.islice(pieces, 1_000):
            pass
        peaks.append(tracemalloc.get_traced_memory()[1])
    tracemalloc.stop()
    assert peaks[2] < peaks[0] + 20_000


def log_likelihood(model: SavedModel, prompt: str, text: str) -> float:
    """Of the characters of a text, and of the end mark where there is one."""
    vocabulary = model.vocabulary
    end = [] if vocabulary.end is None else [vocabulary.end]
    ids = [*end, *vocabulary.encode(prompt), *vocabulary.encode(text), *end]
    decoder = Decoder(model.architecture, model.weights)
    nats = [log_probabilities(decoder.step(np.array([last], np.intp)))[0] for last in ids[:-1]]
    asked = range(len(ids) - len(text) - len(end), len(ids))
    return float(sum(nats[place - 1][ids[place]] for place in asked))


@pytest.mark.parametrize("end", [False, True])
def test_the_best_is_the_likeliest_candidate_per_character(end: bool) -> None:
    model = untrained(Vocabulary.from_text("abcd", end=end))
    request = Request(prompt="ab", length=None if end else 20, count=3, best_of=4)
    chosen = SampleSettings(temperature=1.5)
    candidates = texts_of(model, Request(prompt="ab", length=request.length, count=12), chosen)
    best = [written.text for written in likeliest_texts(model, request, chosen)]
    for place, text in enumerate(best):
        scores = {
            one: log_likelihood(model, "ab", one) / max(len(one) + end, 1)
            for one in candidates[4 * place : 4 * place + 4]
        }
        assert text == max(scores, key=scores.__getitem__)


def test_what_a_text_takes_beyond_its_end_does_not_count() -> None:
    model = untrained(LETTERS)
    request = Request(prompt="a", length=40, stop=("b",), best_of=6)
    (found,) = likeliest_texts(model, request, SampleSettings())
    likelihoods = Likelihoods()
    candidates = joined(write(model, request, SampleSettings(), range(6), likelihoods))
    for number, text in enumerate(candidates):
        stop = "b" if len(text) < 40 else ""
        mean = log_likelihood(model, "a", text + stop) / len(text + stop)
        assert likelihoods.take(number) == pytest.approx(mean, abs=1e-4)
    assert found.text in candidates


def test_whole_texts_come_in_order_however_their_pieces_come() -> None:
    pieces = [Piece(1, "c", True), Piece(0, "a", False), Piece(2, "d", False), Piece(0, "b", True)]
    assert list(whole_texts([*pieces, Piece(2, "e", True)])) == ["ab", "c", "de"]


# Records


NAMES = Vocabulary.from_text("ab", end=True)
ENDING = {"": {"": 0.7, "a": 0.3}, "a": {"a": 0.5, "b": 0.25, "": 0.25}, "b": {"": 1.0}}


def test_records_end_by_themselves_and_are_not_empty() -> None:
    texts = texts_of(markov(NAMES, ENDING), Request(count=300))
    assert all(texts)
    assert all(text.strip("a") in {"", "b"} for text in texts)
    assert (
        2.2 < np.mean([len(text) for text in texts]) < 2.9
    )  # geometric: 2 letters a, half the time a b more
    assert {len(text) for text in texts} >= {1, 2, 3, 4}


def test_records_are_empty_where_the_corpus_has_empty_ones() -> None:
    texts = texts_of(markov(NAMES, ENDING, empty_records=True), Request(count=300))
    assert 0.6 < texts.count("") / 300 < 0.8


def test_a_record_goes_on_from_its_prompt_and_may_end_there() -> None:
    model = markov(NAMES, ENDING)
    assert set(texts_of(model, Request(prompt="ab", count=3))) == {""}
    assert max(map(len, texts_of(model, Request(prompt="a", count=50, length=2)))) == 2
    assert set(texts_of(model, Request(count=50), SampleSettings(allow="b"))) == {"b"}


def test_the_end_mark_is_read_before_a_record() -> None:
    vocabulary = Vocabulary.from_text("ab", end=True)
    model = untrained(vocabulary)
    decoder = Decoder(model.architecture, model.weights)
    for last in [vocabulary.end, *vocabulary.encode("ab")]:
        logits = decoder.step(np.array([last], np.intp))
    likeliest = int(np.argmax(logits[0]))
    expected = "" if likeliest == vocabulary.end else vocabulary.decode([likeliest])
    assert text_of(model, Request(prompt="ab", length=1), temperature=0.0) == expected


# What comes out: stop texts, composition, bytes


def fed(stream: TextStream, codes: NDArray[np.uint32]) -> list[str]:
    return [*(stream.feed(codes[place : place + 1]) for place in range(len(codes))), stream.finish()]


def stopped(text: str, length: int, stop: tuple[str, ...]) -> str:
    """The reference: whichever comes first, the length or the end of a stop text."""
    for end in range(1, (length or len(text)) + 1):
        met = [one for one in stop if text[:end].endswith(one)]
        if met:
            return text[: end - len(max(met, key=len))]
    return text[:length] if length else text


@given(
    text=st.text("ab", max_size=30),
    length=st.integers(0, 12),
    stop=st.lists(st.text("ab", min_size=1, max_size=4), max_size=3),
)
@settings(max_examples=300)
def test_writing_ends_at_a_stop_text_or_at_its_length(text: str, length: int, stop: list[str]) -> None:
    stream = TextStream("char", compose=False, length=length, stop=tuple(stop))
    assert "".join(fed(stream, spell(text, "char"))) == stopped(text, length, tuple(stop))


def test_a_stop_text_ends_the_writing_and_its_beginning_is_held_back() -> None:
    model = cycle("abcde")
    turns = [piece.text for piece in write(model, Request(prompt="a", stop=("dea",)), SampleSettings())]
    assert turns == ["b", "c", "", "", ""]
    assert text_of(model, Request(prompt="a", length=4, stop=("dea",))) == "bcde"
    assert text_of(model, Request(prompt="a", stop=("dx", "e", "cde"))) == "b"


def test_texts_that_end_early_leave_the_others_as_they_were() -> None:
    model = untrained(LETTERS)
    whole = texts_of(model, Request(length=80, count=6))
    cut = texts_of(model, Request(length=80, count=6, stop=("a", "b")))
    assert cut == [stopped(text, 80, ("a", "b")) for text in whole]
    assert len({len(text) for text in cut}) > 2


korean_or_any = st.one_of(
    st.text(), st.text("가각갂값한국e\u0301\u0323\u0345ά \u11a8\u1161\u1100", max_size=20)
)


@given(text=korean_or_any, length=st.integers(0, 10))
@settings(max_examples=300)
def test_composed_text_is_exact_and_exactly_as_long(text: str, length: int) -> None:
    stream = TextStream("char", compose=True, length=length, stop=())
    pieces = fed(stream, spell(unicodedata.normalize("NFD", text), "char"))
    composed = unicodedata.normalize("NFC", text)
    assert "".join(pieces) == (composed[:length] if length else composed)


def test_endless_marks_are_written_all_the_same() -> None:
    stream = TextStream("char", compose=True, length=0, stop=())
    pieces = [stream.feed(np.array([0x335], np.uint32)) for _ in range(10 * LONGEST_SEQUENCE)]
    assert len("".join(pieces)) >= 9 * LONGEST_SEQUENCE


@pytest.mark.parametrize("prompt", ["", "나", "한국", "한구", "값"])
def test_korean_jamo_become_whole_syllables(prompt: str) -> None:
    vocabulary = Vocabulary.from_text(unicodedata.normalize("NFD", KOREAN))
    for seed in range(5):
        model = untrained(vocabulary, "nfd", seed=seed)
        written = prompt + text_of(model, Request(prompt=prompt, length=60, seed=seed))
        assert len(written) == len(prompt) + 60
        assert unicodedata.is_normalized("NFC", written)


def test_a_korean_chain_is_spelt_and_composed() -> None:
    jamo = unicodedata.normalize("NFD", "한글 ")
    assert text_of(cycle(jamo, normal_form="nfd"), Request(prompt="한", length=5)) == "글 한글 "


@given(data=st.binary(max_size=30))
@settings(max_examples=200)
def test_bytes_come_out_as_they_went_in(data: bytes) -> None:
    stream = TextStream("byte", compose=False, length=0, stop=())
    assert exact_bytes("".join(fed(stream, np.frombuffer(data, np.uint8).astype(np.uint32)))) == data


@given(text=st.text(max_size=20), length=st.integers(1, 20))
@settings(max_examples=200)
def test_bytes_are_counted_as_characters_and_come_out_whole(text: str, length: int) -> None:
    stream = TextStream("byte", compose=False, length=length, stop=())
    assert "".join(fed(stream, spell(text, "byte"))) == text[:length]


def test_a_model_of_bytes_writes_characters() -> None:
    model = untrained(Vocabulary.from_text("한é", "byte"))
    assert len(text_of(model, Request(prompt="x→", length=50))) == 50
    assert set(text_of(model, Request(length=50), allow="a-c")) <= set("abc")


# Prompts


def test_an_unknown_character_is_an_error_that_names_it() -> None:
    with pytest.raises(UsageError) as error:
        text_of(cycle("abc"), Request(prompt="aéb\x07"))
    message = str(error.value)
    assert "'é' U+00E9 LATIN SMALL LETTER E WITH ACUTE, U+0007 " in message
    assert "--on-unknown skip or nearest" in message
    assert "\x07" not in message
    assert "\n" not in message
    assert error.value.exit_code == 2


def test_skip_leaves_out_what_is_unknown_and_says_so() -> None:
    prompt = read_prompt("aéb", Vocabulary.from_text("abc"), "none", "skip")
    assert (prompt.text, prompt.ids.tolist()) == ("ab", [0, 1])
    assert prompt.notice == (
        "the model does not know all of the prompt: 'é' U+00E9 LATIN SMALL LETTER E WITH ACUTE is left out"
    )
    assert read_prompt("ab", Vocabulary.from_text("abc"), "none", "skip").notice is None


@pytest.mark.parametrize(
    ("given_text", "known", "read"),
    [
        ("ﬁ", "fi", "fi"),
        ("Ａ", "A", "A"),
        ("A", "a", "a"),
        ("a", "A", "A"),
        ("é", "e", "e"),
        ("É", "é", "é"),
        ("É", "e", "e"),
        ("“a”", 'a"', '"a"'),
        ("’", "'", "'"),
        ("–", "-", "-"),
        ("\u00a0", " ", " "),
        ("\t", " ", " "),
        ("а", "a", "a"),
        ("ß", "s", "ss"),
        ("한a", "a", "a"),
        ("가", unicodedata.normalize("NFD", "가"), unicodedata.normalize("NFD", "가")),
    ],
)
def test_nearest(given_text: str, known: str, read: str) -> None:
    prompt = read_prompt(given_text, Vocabulary.from_text(known), "none", "nearest")
    assert prompt.text == read
    assert prompt.notice


def test_a_prompt_takes_the_normal_form_of_the_model_and_is_printed_composed() -> None:
    jamo = unicodedata.normalize("NFD", KOREAN)
    prompt = read_prompt("한국", Vocabulary.from_text(jamo), "nfd")
    assert (prompt.text, len(prompt.ids), prompt.notice) == ("한국", 6, None)
    assert read_prompt("e\u0301", Vocabulary.from_text("é"), "nfc").text == "é"


def test_bytes_of_a_prompt_that_are_no_text_are_read_as_they_are() -> None:
    vocabulary = Vocabulary.from_text("", "byte")
    prompt = read_prompt("a\udcff", vocabulary, "none")
    assert vocabulary.decode_bytes(prompt.ids) == b"a\xff"
