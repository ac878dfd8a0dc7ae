"""Nothing that steers a terminal gets through, whatever the text; nothing is lost on the way to a pipe."""

import io
import random
import re
import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from charrnn.decoding.text_stream import exact_bytes
from charrnn.display.sanitizer import MARKS_IN_A_ROW, Sanitizer, visible, write_text

BIDIRECTIONAL = [0x061C, 0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A)]
STEERING = {
    *(set(range(0x20)) - {0x09, 0x0A}),
    *range(0x7F, 0xA0),
    *BIDIRECTIONAL,
    *(0x2028, 0x2029),
    *range(0xD800, 0xE000),
    *range(0xE0000, 0xE0080),
}
STEERING_TEXT = "".join(map(chr, sorted(STEERING)))
INTERESTING = STEERING_TEXT + "\n\t aé한😀\u0301\u0302\u20dd"
surprising_text = st.text(st.one_of(st.characters(exclude_categories=()), st.sampled_from(INTERESTING)))


def test_every_code_point_is_itself_or_a_visible_mark() -> None:
    for start in range(0, 0x110000, 0x1000):
        codes = range(start, start + 0x1000)
        shown = visible(" | ".join(map(chr, codes))).split(" | ")
        assert [code for code, text in zip(codes, shown, strict=True) if text != chr(code)] == sorted(
            STEERING.intersection(codes)
        )
        assert STEERING.isdisjoint(map(ord, "".join(shown)))


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[31mred\x07", "␛[31mred␇"),
        ("\x00\x7f\r\n\t", "␀␡␍\n\t"),
        ("\x9b2J", "⟨U+009B⟩2J"),
        ("\u202etxt.exe", "⟨U+202E⟩txt.exe"),
        ("\U000e0041", "⟨U+E0041⟩"),
        ("\u2028", "⟨U+2028⟩"),
        ("\ud800", "⟨U+D800⟩"),
        ("\udcff", "\ufffd"),
        ("[bold]x[/bold]", "[bold]x[/bold]"),
        ("e\u0301한😀", "e\u0301한😀"),
    ],
)
def test_what_is_shown(text: str, shown: str) -> None:
    assert visible(text) == shown


def test_marks_beyond_a_few_in_a_row_are_shown_as_code_points() -> None:
    assert visible("z" + "\u0335" * 6 + "z") == "z" + "\u0335" * MARKS_IN_A_ROW + "⟨U+0335⟩" * 2 + "z"


def test_marks_are_counted_across_pieces_empty_ones_too() -> None:
    sanitizer = Sanitizer()
    shown = "".join(map(sanitizer.feed, ["z\u0335\u0335\u0335", "", "\u0335\u0335", "z", "\u0335"]))
    assert shown == "z" + "\u0335" * MARKS_IN_A_ROW + "⟨U+0335⟩z\u0335"


@given(pieces=st.lists(surprising_text, max_size=8))
@settings(max_examples=200)
def test_pieces_are_shown_as_the_whole_is(pieces: list[str]) -> None:
    sanitizer = Sanitizer()
    assert "".join(map(sanitizer.feed, pieces)) == visible("".join(pieces))


def test_ten_thousand_random_texts() -> None:
    check_random_texts(10_000)


@pytest.mark.slow
def test_a_hundred_thousand_random_texts() -> None:
    check_random_texts(100_000)


def check_random_texts(count: int) -> None:
    rng = random.Random(11)
    letters = "".join(chr(code) for code in rng.choices(range(0x110000), k=1_000)) + INTERESTING * 5
    for _ in range(count):
        shown = visible("".join(rng.choices(letters, k=20)))
        assert STEERING.isdisjoint(map(ord, shown))
        run = 0
        for character in shown:
            run = run + 1 if unicodedata.category(character) in {"Mn", "Me"} else 0
            assert run <= MARKS_IN_A_ROW


class Terminal(io.TextIOWrapper):
    def isatty(self) -> bool:
        return True


def written(kind: type[io.TextIOWrapper], encoding: str, text: str) -> bytes:
    raw = io.BytesIO()
    stream = kind(raw, encoding=encoding, newline="")
    write_text(stream, text)
    return raw.getvalue()


@pytest.mark.parametrize("encoding", ["ascii", "cp1252", "utf-8", "utf-16-le", "euc-kr", "iso2022_jp"])
def test_no_encoding_raises_on_any_character(encoding: str) -> None:
    everything = "".join(map(chr, range(0x110000)))
    assert written(io.TextIOWrapper, encoding, everything) == exact_bytes(everything)
    shown = written(Terminal, encoding, visible(everything)).decode(encoding, "replace")
    assert not STEERING.intersection(map(ord, shown))


def test_a_terminal_gets_an_escape_for_what_it_cannot_show_and_a_pipe_the_bytes() -> None:
    assert written(Terminal, "ascii", "é→\n") == b"\\xe9\\u2192\n"
    assert written(Terminal, "cp1252", "é→") == b"\xe9\\u2192"
    assert written(io.TextIOWrapper, "ascii", "é→") == "é→".encode()
    text_only = io.StringIO()
    write_text(text_only, "é→")
    assert text_only.getvalue() == "é→"


@given(data=st.binary())
@settings(max_examples=200)
def test_a_pipe_gets_every_byte_back(data: bytes) -> None:
    assert written(io.TextIOWrapper, "ascii", data.decode("utf-8", "surrogateescape")) == data


def test_exact_bytes_of_a_surrogate_that_is_no_byte_are_valid() -> None:
    assert exact_bytes("a\ud800\udfffb\udc80") == "a\ufffd\ufffdb".encode() + b"\x80"


def test_a_mark_names_the_code_point_it_stands_for() -> None:
    for code in BIDIRECTIONAL:
        assert re.fullmatch(rf"⟨U\+{code:04X}⟩", visible(chr(code)))
