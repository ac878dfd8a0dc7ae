"""Which characters as read the symbols of a text stand for, at every level and in every normal form."""

import unicodedata
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from charrnn.config.settings import ReadingSettings
from charrnn.text.alignment import begins, first_character, unbroken
from charrnn.text.codes import bytes_as_text, to_codes
from charrnn.text.corpus import Corpus
from charrnn.text.passages import Passage, passages
from charrnn.text.vocabulary import Vocabulary

FORMS = ("none", "nfc", "nfd", "nfkc", "nfkd")
every_form = pytest.mark.parametrize("form", FORMS)

wild = st.text(st.sampled_from("abé́각각ᄀ\u0323ﬁﷺ\n 한ỗÅ"), min_size=1, max_size=30)


def normal(text: str, form: str) -> str:
    return text if form == "none" else unicodedata.normalize(form.upper(), text)  # type: ignore[arg-type]


@every_form
@given(text=wild)
def test_every_character_begins_somewhere(form: str, text: str) -> None:
    codes = to_codes(normal(text, form))
    found = begins(text, codes, "char", form)
    assert len(found) == len(codes)
    assert found.sum() == len(text)
    if form in {"none", "nfd", "nfkd"} and all(len(normal(c, form)) == 1 for c in text):
        assert (found == 1).all()


@pytest.mark.parametrize(
    ("text", "form", "expected"),
    [
        ("각a", "nfd", [1, 0, 0, 1]),
        ("e\u0301a", "nfd", [1, 1, 1]),
        ("e\u0301a", "nfc", [2, 1]),
        ("x\u0301a", "nfc", [1, 1, 1]),
        ("éa", "nfc", [1, 1]),
        ("ﬁa", "nfkd", [1, 0, 1]),
        ("ﬁa", "nfkc", [1, 0, 1]),
        ("가\u11a8a", "nfc", [2, 1]),
        ("e\u0301a", "none", [1, 1, 1]),
    ],
)
def test_what_begins_where(text: str, form: str, expected: list[int]) -> None:
    assert begins(text, to_codes(normal(text, form)), "char", form).tolist() == expected


@pytest.mark.parametrize(
    ("text", "level", "form", "expected"),
    [
        ("각a", "char", "none", 1),
        ("각a", "char", "nfd", 3),
        ("각", "char", "nfd", 3),
        ("각a", "byte", "none", 3),
        ("a각", "byte", "none", 1),
        ("", "char", "none", 0),
    ],
)
def test_the_first_characters_symbols(text: str, level: str, form: str, expected: int) -> None:
    spelt = bytes_as_text(text.encode()) if level == "byte" else normal(text, form)
    assert first_character(to_codes(spelt), level, form) == expected


@given(st.text(max_size=20), st.integers(1, 5))
def test_bytes_are_cut_between_characters(text: str, size: int) -> None:
    codes = to_codes(bytes_as_text(text.encode("utf-8", "replace")))
    pieces = list(unbroken(codes[i : i + size] for i in range(0, len(codes), size)))
    assert np.concatenate(pieces).tolist() == codes.tolist()
    for piece in pieces:
        piece.astype(np.uint8).tobytes().decode()


def test_bytes_that_are_no_text_are_cut_anywhere() -> None:
    noise = np.full(100, 0x80, np.uint32)
    pieces = list(unbroken(noise[i : i + 7] for i in range(0, 100, 7)))
    assert sum(map(len, pieces)) == 100
    assert max(map(len, pieces)) <= 10


def read(tmp_path: Path, text: str, chunk_bytes: int, *, unknown: str = "", **reading: str) -> list[Passage]:
    """A text's pieces, the model knowing all characters but some."""
    path = tmp_path / "text.txt"
    path.write_bytes(text.encode())
    settings = ReadingSettings(**reading)  # type: ignore[arg-type] # every one of them is a text
    corpus = Corpus([str(path)], settings, chunk_bytes=chunk_bytes)
    is_lines = reading.get("mode") == "lines"
    known = "".join(set(normal(text, reading.get("normalize", "none"))) - set(unknown))
    vocabulary = Vocabulary.from_text(known, reading.get("level", "char"), end=is_lines)
    return list(passages(corpus, vocabulary))


TEXT = "éa각\nb漢c\n\nđǺz\n"


@every_form
@pytest.mark.parametrize("chunk_bytes", [1, 3, 1000])
def test_pieces_make_up_the_text(tmp_path: Path, form: str, chunk_bytes: int) -> None:
    pieces = read(tmp_path, TEXT, chunk_bytes, unknown="漢", normalize=form)
    assert "".join(piece.text for piece in pieces) == TEXT
    assert sum(int(piece.begins.sum()) for piece in pieces) == len(TEXT) - 1
    assert sum(piece.utf8_bytes for piece in pieces) == len(TEXT[1:].encode())
    assert sum(piece.unknown for piece in pieces) == 1
    assert sum(len(piece.line_ends) for piece in pieces) == 4
    for piece in pieces:
        assert all(piece.text[place - 1] == "\n" for place in piece.places[piece.line_ends])
        assert piece.places[-1] == len(piece.text)


@pytest.mark.parametrize("chunk_bytes", [1, 1000])
def test_pieces_of_bytes(tmp_path: Path, chunk_bytes: int) -> None:
    pieces = read(tmp_path, TEXT, chunk_bytes, level="byte")
    assert "".join(piece.text for piece in pieces).encode("latin-1").decode() == TEXT
    assert sum(int(piece.begins.sum()) for piece in pieces) == len(TEXT) - 1
    assert sum(piece.utf8_bytes for piece in pieces) == len(TEXT[1:].encode())
    assert [piece.given for piece in pieces] == [2] + [0] * (len(pieces) - 1)


@pytest.mark.parametrize("form", ["none", "nfd"])
def test_pieces_of_records(tmp_path: Path, form: str) -> None:
    pieces = read(tmp_path, TEXT, 1, unknown="漢", normalize=form, mode="lines")
    text = TEXT if form == "none" else normal(TEXT, "nfc")
    assert "".join(piece.text for piece in pieces) == text
    assert sum(int(piece.begins.sum()) for piece in pieces) == len(text)
    assert sum(piece.utf8_bytes for piece in pieces) == len(text.encode())
    assert sum(len(piece.line_ends) for piece in pieces) == 4
