"""The symbols of targets: characters, or what stands between blanks."""

import pytest

from charrnn.text.target_vocabulary import TargetVocabulary


def test_what_stands_between_blanks_is_a_symbol() -> None:
    vocabulary = TargetVocabulary.of(["ɒ bː ɒ", "bː  oː l"], "spaces")
    assert vocabulary.symbols == ("bː", "l", "oː", "ɒ")
    assert len(vocabulary) == 5
    assert vocabulary.encode("l  ɒ bː ").tolist() == [2, 4, 1]
    assert vocabulary.decode([2, 4, 1]) == "l ɒ bː"
    assert vocabulary.encode("x l").tolist() == [5, 2]
    assert vocabulary.encode("").tolist() == []


def test_a_character_is_a_symbol() -> None:
    vocabulary = TargetVocabulary.of(["b a", "c"])
    assert vocabulary.symbols == (" ", "a", "b", "c")
    assert vocabulary.decode(vocabulary.encode("c ab")) == "c ab"


@pytest.mark.parametrize(
    ("symbols", "unit", "reason"),
    [
        (("b", "a"), "chars", "ascending"),
        (("a", "a"), "chars", "ascending"),
        (("",), "spaces", "1 to 1,000 characters"),
        (("a" * 1001,), "spaces", "1 to 1,000 characters"),
        (("a",), "words", "expected one of chars, spaces"),
    ],
)
def test_what_a_file_says_is_checked(symbols: tuple[str, ...], unit: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        TargetVocabulary(symbols, unit)
