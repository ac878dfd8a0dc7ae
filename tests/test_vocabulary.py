"""Characters and ids: round trips over all of Unicode, counts, unknowns, JSON, names and flags."""

import json
import unicodedata
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from charrnn.errors import CorpusError, UnknownCharacterError, UsageError
from charrnn.text.character_names import flags, name
from charrnn.text.codes import CODE_SPACE, END, UNKNOWN, to_codes, to_text
from charrnn.text.vocabulary import Vocabulary
from charrnn.text.vocabulary_counts import recounted, vocabulary_of
from charrnn.text.vocabulary_entries import symbol_entries
from charrnn.text.vocabulary_file import read_vocabulary, vocabulary_from_json, vocabulary_to_json

# Every code point, lone surrogates too.
ANY_TEXT = st.text(st.characters(exclude_categories=()))


def counts_of(text: str) -> np.ndarray[Any, np.dtype[np.int64]]:
    return np.bincount(to_codes(text), minlength=CODE_SPACE)


@given(ANY_TEXT)
@settings(max_examples=300)
def test_what_is_encoded_decodes_to_itself(text: str) -> None:
    vocabulary = Vocabulary.from_text(text)
    assert vocabulary.decode(vocabulary.encode(text)) == text


def test_100_000_random_strings_of_all_planes_round_trip() -> None:
    generator = np.random.default_rng(1)
    lengths = generator.integers(0, 12, 100_000)
    planes = generator.integers(0, 17, lengths.sum()) * generator.integers(0, 2, lengths.sum())
    codes = (planes << 16 | generator.integers(0, 2**16, lengths.sum())).astype(np.uint32)
    text = to_text(codes)
    vocabulary = Vocabulary.from_text(text)
    ids = vocabulary.encode(text)
    ends = np.cumsum(lengths)
    for begin, end in zip(ends - lengths, ends, strict=True):
        assert vocabulary.decode(ids[begin:end]) == text[begin:end]


@pytest.mark.parametrize("text", ["", "\0", "\r\n\n\r", "e\u0301é", "\ud800\udfff", "\ufeff\uffff\U0010ffff"])
def test_odd_texts_round_trip(text: str) -> None:
    vocabulary = Vocabulary.from_text(text + "x")
    assert vocabulary.decode(vocabulary.encode(text)) == text


@given(st.binary())
@settings(max_examples=200)
def test_byte_level_keeps_any_bytes(data: bytes) -> None:
    vocabulary = Vocabulary.from_text("", level="byte")
    ids = vocabulary.encode_codes(np.frombuffer(data, np.uint8))
    assert vocabulary.decode_bytes(ids) == data
    assert vocabulary.decode(ids) == data.decode("utf-8", "replace")


def test_ids_follow_code_points_and_pseudo_symbols_come_last() -> None:
    vocabulary = Vocabulary.from_text("banana", end=True, unknown=True)
    assert vocabulary.symbols() == ["a", "b", "n", "<end>", "<unknown>"]
    assert vocabulary.counts.tolist() == [3, 1, 2, 0, 0]
    assert (vocabulary.end, vocabulary.unknown, len(vocabulary)) == (3, 4, 5)
    assert vocabulary.codes.tolist() == [97, 98, 110, END, UNKNOWN]


@pytest.mark.parametrize(
    ("symbols", "dtype"),
    [(1, "uint8"), (255, "uint8"), (256, "uint8"), (257, "uint16"), (65536, "uint16"), (65537, "uint32")],
)
def test_ids_are_as_narrow_as_they_can_be(symbols: int, dtype: str) -> None:
    codes = np.arange(symbols, dtype=np.uint32)
    vocabulary = Vocabulary("char", codes, np.ones(symbols))
    ids = vocabulary.encode_codes(codes)
    assert ids.dtype == vocabulary.dtype == dtype
    assert np.array_equal(ids, codes)
    with pytest.raises(UnknownCharacterError):
        vocabulary.encode_codes(np.array([symbols], np.uint32))


def test_min_count_makes_rare_characters_one_counted_symbol() -> None:
    vocabulary = vocabulary_of(counts_of("aaabbc"), "char", min_count=2)
    assert vocabulary.symbols() == ["a", "b", "<unknown>"]
    assert vocabulary.counts.tolist() == [3, 2, 1]
    assert vocabulary.decode(vocabulary.encode("abc!")) == "ab\ufffd\ufffd"
    assert vocabulary_of(counts_of("aaabbc"), "char").unknown is None


def test_min_count_beyond_every_character_is_wrong_use() -> None:
    with pytest.raises(UsageError, match=r"--min-count is 9, but no character occurs over 3 times"):
        vocabulary_of(counts_of("aaabbc"), "char", min_count=9)


def test_bytes_are_all_there_whatever_occurs() -> None:
    vocabulary = vocabulary_of(counts_of("ab"), "byte", min_count=5, end=True)
    assert vocabulary.codes.tolist() == [*range(256), END]
    assert vocabulary.unknown is None


def test_recounting_keeps_the_characters_and_collects_the_others() -> None:
    vocabulary = recounted(Vocabulary.from_text("abc"), counts_of("aabxyz"), end=True)
    assert vocabulary.symbols() == ["a", "b", "c", "<end>", "<unknown>"]
    assert vocabulary.counts.tolist() == [2, 1, 0, 0, 3]


def test_unknown_characters_are_listed_by_code_point_and_name() -> None:
    with pytest.raises(UnknownCharacterError) as caught:
        Vocabulary.from_text("hello").encode("x\nxyz123")
    message = str(caught.value)
    assert "U+000A LINE FEED (1x)" in message
    assert "'1' U+0031 DIGIT ONE (1x)" in message
    assert "and 2 more" in message
    assert "\n" not in message


def test_end_marks_decode_to_line_feeds() -> None:
    vocabulary = Vocabulary.from_text("ab", end=True)
    assert vocabulary.decode(vocabulary.encode_codes(np.array([END, 97, END, 98], np.uint32))) == "\na\nb"


def test_entries_are_most_frequent_first_and_ties_by_code_point() -> None:
    found = symbol_entries(Vocabulary.from_text("cab a"))
    assert [entry.character for entry in found] == ["a", " ", "b", "c"]
    assert (found[0].code_point, found[0].name) == ("U+0061", "LATIN SMALL LETTER A")
    assert found[0].share == 2 / 5
    assert sum(entry.share for entry in found) == pytest.approx(1)


def test_byte_entries_are_named_as_bytes() -> None:
    found = {entry.code_point: entry for entry in symbol_entries(Vocabulary.from_text("é", level="byte"))}
    assert (found["0xC3"].character, found["0xC3"].name) == (r"\xc3", "BYTE C3")
    assert found["0x0A"].name == "LINE FEED"


@given(ANY_TEXT.filter(bool), st.booleans(), st.booleans())
@settings(max_examples=100)
def test_json_round_trips(text: str, end: bool, unknown: bool) -> None:
    vocabulary = Vocabulary.from_text(text, end=end, unknown=unknown)
    assert vocabulary_from_json(json.loads(json.dumps(vocabulary_to_json(vocabulary)))) == vocabulary


def test_a_file_gives_the_vocabulary_back(tmp_path: Path) -> None:
    vocabulary = Vocabulary.from_text("나는 h\ud800")
    path = tmp_path / "v.json"
    path.write_text(json.dumps(vocabulary_to_json(vocabulary)), encoding="utf-8")
    assert read_vocabulary(str(path)) == vocabulary


@pytest.mark.parametrize(
    ("data", "complaint"),
    [
        ([], "a level"),
        ({"level": "word", "entries": []}, "a level"),
        ({"level": "char"}, "entries"),
        ({"level": "char", "entries": []}, "entries"),
        ({"level": "char", "entries": [{"code": -1, "count": 1}]}, "code from 0"),
        ({"level": "char", "entries": [{"code": CODE_SPACE, "count": 1}]}, "code from 0"),
        ({"level": "char", "entries": [{"code": True, "count": 1}]}, "code from 0"),
        ({"level": "char", "entries": [{"code": 1}]}, "count from 0"),
        ({"level": "char", "entries": [{"code": 1, "count": 2**63}]}, "count from 0"),
        (
            {"level": "char", "entries": [{"code": 1, "count": 2**53}, {"code": 2, "count": 1}]},
            "symbols at most",
        ),
        ({"level": "char", "entries": [7]}, "code from 0"),
        ({"level": "char", "entries": [{"code": 1, "count": 1}] * 2}, "each code once"),
        ({"level": "byte", "entries": [{"code": 1, "count": 1}]}, "0 to 255"),
    ],
)
def test_what_is_no_vocabulary_is_refused(data: object, complaint: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=complaint):
        vocabulary_from_json(data)
    path = tmp_path / "v.json"
    path.write_text(json.dumps(data), encoding="utf-8")
    with pytest.raises(CorpusError, match="is not a vocabulary"):
        read_vocabulary(str(path))


def test_a_vocabulary_file_that_is_missing_or_deep_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match="no such file"):
        read_vocabulary(str(tmp_path / "none.json"))
    deep = tmp_path / "deep.json"
    deep.write_text("[" * 100_000, encoding="utf-8")
    with pytest.raises(CorpusError, match="is not a vocabulary"):
        read_vocabulary(str(deep))


def test_every_code_point_has_a_name_of_its_own() -> None:
    codes = [*range(0x3000), *range(0xD7F0, 0xE010), *range(0xFFF0, 0x10010), 0x10FFFF, END, UNKNOWN]
    names = [name(code) for code in codes]
    assert len(set(names)) == len(names)
    assert (name(0xD800), name(0xE000), name(0x378)) == (
        "<surrogate-D800>",
        "<private-use-E000>",
        "<unassigned-0378>",
    )


@pytest.mark.parametrize("code", [*range(0x20), *range(0x7F, 0xA0)])
def test_names_of_controls_are_unicodes_aliases(code: int) -> None:
    try:
        assert ord(unicodedata.lookup(name(code))) == code
    except KeyError:
        pytest.fail(f"{name(code)} is no alias")


@pytest.mark.parametrize(
    ("character", "others", "flag"),
    [
        ("\r", "", "carriage return"),
        ("\ufeff", "", "byte-order mark"),
        ("\x1b", "", "control"),
        ("\u00a0", "", "no-break space"),
        ("\u3000", "", "odd space"),
        ("\u200b", "", "zero width"),
        ("\u202e", "", "bidirectional control"),
        ("\ue000", "", "private use"),
        ("é", "e\u0301", "mixed normal forms"),
        ("한", "\u1112\u1161\u11ab", "mixed normal forms"),
        ("A", "\u0410", "looks like U+0410"),
    ],
)
def test_odd_characters_are_flagged(character: str, others: str, flag: str) -> None:
    present = {ord(other) for other in character + others}
    assert flags(ord(character), present) == [flag]


@pytest.mark.parametrize("character", "aé한\n\t ")
def test_ordinary_characters_are_not_flagged(character: str) -> None:
    assert flags(ord(character), {ord(character)}) == []


def test_an_end_mark_makes_it_one_of_lines() -> None:
    text, lines = Vocabulary.from_text("ba"), Vocabulary.from_text("ba", end=True)
    assert (text.mode, text.end, text.end_marks.tolist()) == ("text", None, [])
    assert (lines.mode, lines.end, lines.end_marks.tolist()) == ("lines", 2, [2])
