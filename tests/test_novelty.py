"""What is new of a text: equal to looking for every span by brute force, however the corpus is cut."""

import random
import tracemalloc
from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from charrnn.evaluation import overlap as novelty
from charrnn.evaluation.overlap import MARKED, SPAN_LENGTHS, Copy, Novelty, Share, compare
from charrnn.evaluation.spans import Codes, Hashed, Needles
from charrnn.text.codes import END, to_codes


def pieces(text: str, size: int = 7) -> Iterator[Codes]:
    codes = to_codes(text)
    yield from (codes[start : start + size] for start in range(0, len(codes), size))


def records(lines: list[str]) -> Codes:
    return np.concatenate([np.append(to_codes(line), np.uint32(END)) for line in lines])


def found(texts: list[str], corpus: str) -> Novelty:
    return compare([to_codes(text) for text in texts], pieces(corpus))


def windows(text: str, length: int) -> list[str]:
    return [text[i : i + length] for i in range(len(text) - length + 1)]


def brute_force(texts: list[str], corpus: str) -> tuple[int, dict[int, Share], list[set[int]]]:
    """The longest copied span, the shares, and which characters of each text a marked span covers."""
    every = range(max(map(len, texts)), 0, -1)
    longest = next((n for n in every if any(w in corpus for text in texts for w in windows(text, n))), 0)
    spans = {n: [w for text in texts for w in windows(text, n)] for n in SPAN_LENGTHS}
    shares = {n: Share(sum(w in corpus for w in some), len(some)) for n, some in spans.items()}
    covered = [
        {i + j for i, w in enumerate(windows(text, MARKED)) if w in corpus for j in range(MARKED)}
        for text in texts
    ]
    return longest, shares, covered


def agrees(result: Novelty, texts: list[str], corpus: str) -> bool:
    longest, shares, covered = brute_force(texts, corpus)
    copy = result.longest
    copied = texts[copy.text][copy.start : copy.start + copy.length]
    marked = [{i for start, stop in spans for i in range(start, stop)} for spans in result.copied]
    return (
        (copy.length, result.shares, marked) == (longest, shares, covered)
        and corpus[copy.position : copy.position + copy.length] == copied
        and (not copied or copy.line == corpus.count("\n", 0, copy.position) + 1)
    )


few_letters = st.text("ab\n", max_size=90)


@given(corpus=st.text("ab\n", min_size=1, max_size=400), texts=st.lists(few_letters, min_size=1, max_size=3))
@settings(max_examples=150)
def test_every_answer_is_that_of_brute_force(corpus: str, texts: list[str]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(novelty, "BLOCK_CODES", 50)
        assert agrees(found(texts, corpus), texts, corpus)


def test_quotes_of_all_lengths_are_found_wherever_blocks_meet(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = random.Random(5)
    corpus = "".join(rng.choices("abcdefgh \n한", k=3_000))
    starts = [rng.randrange(2_800) for _ in range(12)]
    texts = ["#".join(corpus[s : s + rng.randrange(200)] for s in starts[i : i + 3]) for i in range(0, 12, 3)]
    for block in (50, 170, 1_000, 10_000):
        monkeypatch.setattr(novelty, "BLOCK_CODES", block)
        assert agrees(found(texts, corpus), texts, corpus)


@pytest.mark.parametrize("length", [1, 9, 10, 11, 39, 40, 41, 500])
def test_a_copied_text_has_its_own_length(length: int) -> None:
    corpus = "".join(map(chr, range(0x4E00, 0x4E00 + 1_000)))
    assert found(["x" + corpus[300 : 300 + length] + "y"], corpus).longest == Copy(0, 1, length, 300, 1)


def test_nothing_in_common() -> None:
    result = found(["abc"], "xyz")
    assert result.longest == Copy()
    assert result.shares[10] == Share(0, 0)
    assert result.shares[10].share is None
    assert result.copied == [[]]
    assert (result.characters, result.corpus_characters) == (3, 3)


def test_no_span_runs_from_one_text_into_the_next() -> None:
    corpus = "abcdefghijklmnopqrstuvwxyz"
    result = found([corpus[:13], corpus[13:]], corpus)
    assert result.longest.length == 13
    assert result.shares == {10: Share(8, 8), 20: Share(0, 0), 40: Share(0, 0)}


def test_spans_do_not_run_from_one_record_into_the_next_but_lines_are_counted() -> None:
    lines = ["anna", "bob", "", "carla", "anna"]
    texts = [to_codes(text) for text in ("anna", "annab", "bob", "carl", "", "bob")]
    result = compare(texts, iter([records(lines)[:6], records(lines)[6:]]), texts)
    assert result.lines == Share(4, 6)
    assert result.longest == Copy(0, 0, 4, 0, 1)
    one = [to_codes("carla")]
    assert compare(one, iter([records(lines)])).longest.line == 4


def test_lines_are_found_wherever_blocks_meet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(novelty, "BLOCK_CODES", 8)
    lines = [f"line {i}" for i in range(60)]
    texts = [to_codes(line) for line in [*lines, "line", "ine 3", "line 60"]]
    assert compare(texts, pieces_of(records(lines), 5), texts).lines == Share(60, 63)


def pieces_of(codes: Codes, size: int) -> Iterator[Codes]:
    yield from (codes[start : start + size] for start in range(0, len(codes), size))


def test_hashes_only_propose(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where all spans have one hash, all are compared, and every answer stays the same."""

    def all_alike(hashed: Hashed, length: int) -> NDArray[np.uint64]:
        return np.zeros(len(hashed.codes) - length + 1, np.uint64)

    monkeypatch.setattr(Hashed, "spans", all_alike)
    text, corpus = to_codes("abcdabceb"), to_codes("xxabcexxabcd")
    starts, places = Needles(Hashed(text), 3).meet(Hashed(corpus))
    assert dict(zip(starts.tolist(), places.tolist(), strict=True)) == {0: 2, 4: 2, 1: 9, 5: 3}


def test_the_longest_of_a_corpus_that_repeats_itself_takes_bounded_memory() -> None:
    block = to_codes("    ab" * 100_000)
    tracemalloc.start()
    result = compare([to_codes("    ab" * 50 + "c")], (block for _ in range(6)))
    _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert result.longest.length == 300
    assert result.corpus_characters == 3_600_000
    assert peak_bytes < 120e6
