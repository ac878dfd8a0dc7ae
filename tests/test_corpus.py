"""A text as codes, the same in pieces of any size: encodings, line ends, normal forms, records, parts."""

import codecs
import unicodedata
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from charrnn.config.settings import ReadingSettings
from charrnn.errors import CorpusError, UsageError
from charrnn.text.codes import END, to_codes, to_text
from charrnn.text.corpus import CHUNK_BYTES, Corpus
from charrnn.text.cut import parted
from charrnn.text.normalization import RUN_LIMIT, normalized
from charrnn.text.records import lines_ended, records_ended
from charrnn.text.unknowns import unknown_report
from charrnn.text.vocabulary import Vocabulary

SIZES = [1, 7, 4096, CHUNK_BYTES]
FORMS = ["nfc", "nfd", "nfkc", "nfkd"]

# What composes, reorders or expands, and what parts lines, more often than in any real text.
DENSE = st.text(
    st.one_of(
        st.sampled_from(
            "aeAo한글가\u1100\u1161\u11a8\u0300\u0301\u0323\u0345\u0f71\r\n\u212bﬁ\u0344\u09c7\u09be\uff76\uff9e\u200d"
        ),
        st.characters(exclude_categories=["Cs"]),
    )
)


def cut_up(text: str, size: int) -> list[str]:
    return [text[index : index + size] for index in range(0, len(text), size)]


def corpus_of(tmp_path: Path, data: bytes, *, chunk_bytes: int = CHUNK_BYTES, **reading: str) -> Corpus:
    path = tmp_path / "text.txt"
    path.write_bytes(data)
    read = ReadingSettings(**reading)  # type: ignore[arg-type] # every one of them is a text
    return Corpus([str(path)], read, chunk_bytes=chunk_bytes)


def joined(pieces: Iterable[np.ndarray[Any, np.dtype[np.uint32]]]) -> list[int]:
    return [code for piece in pieces for code in piece.tolist()]


def text_of(corpus: Corpus) -> str:
    return to_text(np.array(joined(corpus.codes()), np.uint32))


def records_of(codes: Iterable[int]) -> list[str]:
    """The records of a stream of codes, each of which must end by an end mark."""
    marked = "".join("\U0010ffff" if code == END else chr(code) for code in codes)
    assert not marked or marked.endswith("\U0010ffff")
    return marked.split("\U0010ffff")[:-1]


def complaint(corpus: Corpus) -> str:
    with pytest.raises(CorpusError) as caught:
        corpus.statistics()
    assert "\n" not in str(caught.value)
    return str(caught.value)


# Pieces never change the result


@pytest.mark.parametrize("form", FORMS)
@given(DENSE, st.integers(1, 5))
@settings(max_examples=150)
def test_normalising_piece_by_piece_is_normalising_the_whole(form: str, text: str, size: int) -> None:
    whole = unicodedata.normalize(form.upper(), text)  # type: ignore[arg-type]
    assert "".join(normalized(cut_up(text, size), form)) == whole


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("form", ["none", *FORMS])
@pytest.mark.parametrize("newlines", ["keep", "lf"])
def test_chunks_never_change_the_codes(tmp_path: Path, size: int, form: str, newlines: str) -> None:
    text = "Åre\u0301sume\u0301\r\n한국어 \u1112\u1161\u11ab\r\n\n\ufb01\u0323\u0307 e\r" * 20
    whole = text.replace("\r\n", "\n").replace("\r", "\n") if newlines == "lf" else text
    if form != "none":
        whole = unicodedata.normalize(form.upper(), whole)  # type: ignore[arg-type]
    corpus = corpus_of(tmp_path, text.encode(), chunk_bytes=size, normalize=form, newlines=newlines)
    assert text_of(corpus) == whole


@pytest.mark.parametrize("size", SIZES)
def test_a_run_without_end_is_parted_in_the_same_places(size: int) -> None:
    text = "a" + "\u0323\u0301" * 3 * RUN_LIMIT + "b\u0301" + "\u0301" * RUN_LIMIT
    expected = "".join(normalized([text], "nfc"))
    assert "".join(normalized(cut_up(text, size if size > 1 else 64), "nfc")) == expected


def test_a_long_run_takes_no_time_with_its_square() -> None:
    # With the square of its length this would take minutes.
    text = "\u0323\u0301" * 100_000
    assert sum(map(len, normalized([text], "nfd"))) == len(text)


# Encodings


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(
    ("mark", "encoding"),
    [
        (codecs.BOM_UTF8, "utf-8"),
        (codecs.BOM_UTF16_LE, "utf-16-le"),
        (codecs.BOM_UTF16_BE, "utf-16-be"),
        (codecs.BOM_UTF32_LE, "utf-32-le"),
        (codecs.BOM_UTF32_BE, "utf-32-be"),
    ],
)
def test_a_mark_is_recognised_removed_and_reported(
    tmp_path: Path, size: int, mark: bytes, encoding: str
) -> None:
    text = "한 text\ufeff\U0001f600"
    corpus = corpus_of(tmp_path, mark + text.encode(encoding), chunk_bytes=size)
    assert text_of(corpus) == text
    corpus.statistics()
    assert sum("byte-order mark removed" in notice for notice in corpus.notices) == 1
    assert any("UTF-" in notice for notice in corpus.notices) == (encoding != "utf-8")


@pytest.mark.parametrize("encoding", ["latin-1", "cp1252", "utf-16", "euc-kr", "shift_jis", "gb18030"])
def test_an_encoding_that_is_named_is_used(tmp_path: Path, encoding: str) -> None:
    text = {"euc-kr": "한국어", "shift_jis": "日本語", "gb18030": "中文\U0001f600"}.get(encoding, "déjà vu")
    for size in SIZES:
        assert (
            text_of(corpus_of(tmp_path, text.encode(encoding), chunk_bytes=size, encoding=encoding)) == text
        )


@pytest.mark.parametrize("encoding", ["klingon", "rot13", "base64", "a\0b"])
def test_an_encoding_that_is_none_is_wrong_use(encoding: str) -> None:
    with pytest.raises(UsageError, match=r"--encoding is "):
        Corpus(["builtin:hello"], ReadingSettings(encoding=encoding))


@pytest.mark.parametrize("size", [*SIZES, 11, 12])
@pytest.mark.parametrize(
    ("data", "place", "shown"),
    [
        (b"\xffabc", "byte 0 in line 1", "FF"),
        ("é\n\nab".encode() + b"\xe4\xb8x rest", "byte 6 in line 3", "E4 B8"),
        (b"line\nthe end \xf0\x9f\x98", "byte 13 in line 2", "F0 9F 98"),
        (b"ab\n" * 4 + b"\xed\xa0\x80", "byte 12 in line 5", "ED"),
    ],
)
def test_invalid_bytes_are_shown_with_their_place(
    tmp_path: Path, size: int, data: bytes, place: str, shown: str
) -> None:
    message = complaint(corpus_of(tmp_path, data, chunk_bytes=size))
    assert f"text.txt is not valid utf-8: {place} is {shown} (" in message
    assert "--encoding NAME" in message
    assert "--errors replace or --errors ignore" in message


def test_invalid_bytes_are_replaced_or_left_out_when_asked(tmp_path: Path) -> None:
    assert text_of(corpus_of(tmp_path, b"a\xffb", errors="replace")) == "a\ufffdb"
    assert text_of(corpus_of(tmp_path, b"a\xffb", errors="ignore")) == "ab"


def test_utf_16_without_a_mark_is_read_and_remarked_upon(tmp_path: Path) -> None:
    corpus = corpus_of(tmp_path, "hello world".encode("utf-16-le"))
    assert corpus.statistics().characters == 22
    assert any("--encoding utf-16-le" in notice for notice in corpus.notices)


def test_files_join_with_nothing_between_them(tmp_path: Path) -> None:
    paths = [tmp_path / name for name in "abc"]
    for path, data in zip(paths, ["one\r", codecs.BOM_UTF8.decode() + "\ntwo e", "\u0301"], strict=True):
        path.write_text(data, encoding="utf-8", newline="")
    corpus = Corpus([str(path) for path in paths], ReadingSettings(newlines="lf", normalize="nfc"))
    assert text_of(corpus) == "one\ntwo é"


# Empty, short, odd


def test_an_empty_text_is_said(tmp_path: Path) -> None:
    assert "text.txt is empty" in complaint(corpus_of(tmp_path, b""))
    assert "text.txt is empty" in complaint(corpus_of(tmp_path, codecs.BOM_UTF8))
    assert "text.txt is empty" in complaint(corpus_of(tmp_path, b"\n\n", mode="lines", delimiter=""))


@pytest.mark.parametrize("text", ["a", "aaaa", "\0", "\n", "x" * 5_000_000])
def test_short_and_plain_texts_are_counted(tmp_path: Path, text: str) -> None:
    statistics = corpus_of(tmp_path, text.encode()).statistics()
    assert statistics.characters == statistics.symbols == statistics.counts[ord(text[0])] == len(text)


def test_a_folder_without_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.bin").write_bytes(b"\x80\x81\x82 no utf-8")
    with pytest.raises(CorpusError, match="folder without text"):
        Corpus([str(tmp_path)], ReadingSettings())
    assert Corpus([str(tmp_path)], ReadingSettings(level="byte")).statistics().symbols == 12
    assert Corpus([str(tmp_path)], ReadingSettings(encoding="latin-1")).statistics().symbols == 12


# A file that changes


def test_a_file_that_grows_is_read_as_far_as_it_was_seen(tmp_path: Path) -> None:
    corpus = corpus_of(tmp_path, b"first ", chunk_bytes=4)
    fingerprint = corpus.statistics().fingerprint
    with (tmp_path / "text.txt").open("ab") as file:
        file.write(b"and more")
    assert text_of(corpus) == "first "
    assert corpus.statistics().fingerprint == fingerprint


@pytest.mark.parametrize("changed", [b"FIRST ", b"fir", b""])
def test_a_file_that_changes_is_said(tmp_path: Path, changed: bytes) -> None:
    corpus = corpus_of(tmp_path, b"first ")
    corpus.statistics()
    (tmp_path / "text.txt").write_bytes(changed)
    with pytest.raises(CorpusError, match="was changed while it was being read"):
        list(corpus.codes())


def test_a_fingerprint_follows_the_bytes_and_the_reading(tmp_path: Path) -> None:
    def fingerprint(data: bytes, chunk_bytes: int = 9, normalize: str = "none") -> str:
        return (
            corpus_of(tmp_path, data, chunk_bytes=chunk_bytes, normalize=normalize).statistics().fingerprint
        )

    assert fingerprint(b"abc") == fingerprint(b"abc", chunk_bytes=1)
    assert len({fingerprint(b"abc"), fingerprint(b"abd"), fingerprint(b"abc", normalize="nfc")}) == 3


# Bytes


@given(st.binary(min_size=1), st.sampled_from([1, 7, 4096]))
@settings(max_examples=100)
def test_byte_level_reads_any_file(tmp_path_factory: pytest.TempPathFactory, data: bytes, size: int) -> None:
    corpus = corpus_of(tmp_path_factory.mktemp("bytes"), data, chunk_bytes=size, level="byte")
    assert bytes(joined(corpus.codes())) == data
    statistics = corpus.statistics()
    assert statistics.symbols == statistics.utf8_bytes == len(data)
    assert statistics.characters == sum(byte & 0xC0 != 0x80 for byte in data)


def test_byte_level_keeps_the_mark_and_has_lines(tmp_path: Path) -> None:
    corpus = corpus_of(tmp_path, "\ufeff한\r\nx".encode(), level="byte", mode="lines")
    assert records_of(joined(corpus.codes())) == ["\ufeff한".encode().decode("latin-1"), "x"]


def test_byte_level_finds_a_delimiter_that_is_no_ascii(tmp_path: Path) -> None:
    corpus = corpus_of(tmp_path, "a\n끝\nb".encode(), level="byte", mode="lines", delimiter="끝")
    assert records_of(joined(corpus.codes())) == ["a", "b"]


def test_bytes_have_no_normal_form() -> None:
    with pytest.raises(UsageError, match=r"--normalize is nfc, but --level byte"):
        Corpus(["builtin:hello"], ReadingSettings(level="byte", normalize="nfc"))


# What is counted


@pytest.mark.parametrize("size", SIZES)
def test_counts_are_of_the_text_as_read(tmp_path: Path, size: int) -> None:
    text = "한 e\u0301\n\u00e9\U0001f600"
    corpus = corpus_of(tmp_path, codecs.BOM_UTF8 + text.encode(), chunk_bytes=size, normalize="nfd")
    statistics = corpus.statistics()
    assert statistics.characters == len(text)
    assert statistics.utf8_bytes == len(text.encode())
    assert statistics.file_bytes == len(text.encode()) + 3
    assert statistics.symbols == len(unicodedata.normalize("NFD", text)) == statistics.counts.sum()
    assert statistics.records == 0


@pytest.mark.parametrize("size", SIZES)
def test_starts_are_how_the_text_and_its_lines_begin(tmp_path: Path, size: int) -> None:
    statistics = corpus_of(tmp_path, b"ab\nac\n\n\r\nba", chunk_bytes=size).statistics()
    found = {chr(code): int(statistics.starts[code]) for code in np.flatnonzero(statistics.starts)}
    assert found == {"a": 2, "b": 1}


@pytest.mark.parametrize("size", SIZES)
def test_starts_and_empty_records_in_lines_mode(tmp_path: Path, size: int) -> None:
    statistics = corpus_of(tmp_path, b"\nab\nac\r\n\nba", chunk_bytes=size, mode="lines").statistics()
    found = {chr(code): int(statistics.starts[code]) for code in np.flatnonzero(statistics.starts)}
    assert found == {"a": 2, "b": 1}
    assert (statistics.records, statistics.empty_records) == (5, 2)


def test_progress_comes_to_its_end(tmp_path: Path) -> None:
    calls: list[tuple[int, int | None]] = []
    corpus = corpus_of(tmp_path, b"x" * 10_000, chunk_bytes=1000)
    corpus.statistics(lambda done, total: calls.append((done, total)))
    assert calls[-1] == (10_000, 10_000)


# Records


def lines_one_by_one(text: str) -> list[str]:
    """Lines mode as the contract has it: LF or CR LF ends a line, nothing else; the last needs no end."""
    lines = text.split("\n")
    ended = [line.removesuffix("\r") for line in lines[:-1]]
    return ended + ([lines[-1]] if lines[-1] else [])


def records_one_by_one(text: str, delimiter: str) -> list[str]:
    """The same for records, line by line with nothing clever."""
    records: list[str] = []
    lines: list[str] = []
    begun = False
    *whole, last = text.split("\n")
    for line in [*whole, *([last] if last else [])]:
        if line.removesuffix("\r") != delimiter:
            lines.append(line)
            begun = True
            continue
        if begun or delimiter:
            records.append("\n".join(lines))
        lines, begun = [], False
    return [record.removesuffix("\r") for record in records + (["\n".join(lines)] if begun else [])]


LINES = st.text(st.sampled_from("ab%\r\n"))


@given(LINES, st.integers(1, 4))
@settings(max_examples=300)
def test_lines_are_those_of_the_contract(text: str, size: int) -> None:
    # A carriage return at the very end of a text stays: no line feed follows it.
    assert records_of(joined(lines_ended(cut_up(text, size)))) == lines_one_by_one(text)


@pytest.mark.parametrize("delimiter", ["", "%", "ab"])
@given(text=st.text(st.sampled_from("ab%\n")), size=st.integers(1, 4))
@settings(max_examples=300)
def test_records_end_at_lines_that_equal_the_delimiter(delimiter: str, text: str, size: int) -> None:
    assert records_of(joined(records_ended(cut_up(text, size), delimiter))) == records_one_by_one(
        text, delimiter
    )


@pytest.mark.parametrize(
    ("text", "delimiter", "records"),
    [
        ("a\nb\n\nc\n", "", ["a\nb", "c"]),
        ("\n\na\r\nb\r\n\r\n\r\nc", "", ["a\r\nb", "c"]),
        ("one\n%%\n%%\ntwo\n%%\n", "%%", ["one", "", "two"]),
        ("one%%\n %%\n", "%%", ["one%%\n %%"]),
    ],
)
def test_records_by_example(tmp_path: Path, text: str, delimiter: str, records: list[str]) -> None:
    for size in SIZES:
        corpus = corpus_of(tmp_path, text.encode(), chunk_bytes=size, mode="lines", delimiter=delimiter)
        assert records_of(joined(corpus.codes())) == records


def test_only_lf_and_cr_lf_end_a_line(tmp_path: Path) -> None:
    text = "a\rb\x0bc\x0cd\u2028e\x85f\r\ng\n"
    corpus = corpus_of(tmp_path, text.encode(), mode="lines")
    assert records_of(joined(corpus.codes())) == ["a\rb\x0bc\x0cd\u2028e\x85f", "g"]


@pytest.mark.parametrize("delimiter", ["a\nb", "a\r", "\n", "\n\n\n"])
def test_a_delimiter_that_cannot_stand_on_one_line_is_wrong_use(delimiter: str) -> None:
    with pytest.raises(UsageError, match=r"--delimiter is "):
        Corpus(["builtin:hello"], ReadingSettings(mode="lines", delimiter=delimiter))


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(
    ("texts", "delimiter", "records"),
    [
        (["one", "two", "three"], None, ["one", "two", "three"]),
        (["one\n", "", "two\nthree", "\n"], None, ["one", "two", "three", ""]),
        (["one\r", "\ntwo"], None, ["one\r", "", "two"]),
        (["a\nb\n\nc\nd", "e\nf"], "", ["a\nb", "c\nd", "e\nf"]),
        (["a\n%%", "b\n%%\n", "", "%%", "c"], "%%", ["a", "b", "", "c"]),
        (["e", "\u0301"], None, ["e", "\u0301"]),
    ],
)
def test_the_end_of_a_source_ends_a_record(
    tmp_path: Path, size: int, texts: list[str], delimiter: str | None, records: list[str]
) -> None:
    paths = [tmp_path / f"{number}.txt" for number in range(len(texts))]
    for path, text in zip(paths, texts, strict=True):
        path.write_bytes(text.encode())
    reading = ReadingSettings(mode="lines", delimiter=delimiter, normalize="nfc")
    corpus = Corpus([str(path) for path in paths], reading, chunk_bytes=size)
    assert records_of(joined(corpus.codes())) == records
    assert corpus.statistics().records == len(records)
    assert corpus.statistics().characters == sum(map(len, texts))


@pytest.mark.parametrize(
    ("text", "delimiter", "records"),
    [
        ("a\nb\n \t \nc\n  \n\nd", "", ["a\nb", "c", "d"]),
        ("a\n%% \nb\n%%\t\r\nc", "%%", ["a", "b", "c"]),
        ("a\n%%\nb", "%% ", ["a", "b"]),
        ("a\n\nb", "\n\n", ["a", "b"]),
        ("a\n%%\nb", "\n%%\n", ["a", "b"]),
        ("a\n%%\nb", "%%\n", ["a", "b"]),
    ],
)
def test_blanks_and_line_ends_that_nobody_sees_do_not_matter_to_a_delimiter(
    tmp_path: Path, text: str, delimiter: str, records: list[str]
) -> None:
    for size in SIZES:
        corpus = corpus_of(tmp_path, text.encode(), chunk_bytes=size, mode="lines", delimiter=delimiter)
        assert records_of(joined(corpus.codes())) == records


def test_a_text_that_seems_meant_to_be_divided_is_remarked_upon(tmp_path: Path) -> None:
    def told(data: bytes, **reading: Any) -> str:  # noqa: ANN401
        corpus = corpus_of(tmp_path, data, **reading)
        corpus.statistics()
        return " ".join(corpus.notices)

    assert "the delimiter '%%' never occurs" in told(b"a\nb\n", mode="lines", delimiter="%%")
    assert "no line is blank" in told(b"a\nb\n", mode="lines", delimiter="")
    assert "CR alone" in told(b"a\rb\r", mode="lines", delimiter="")
    assert "--newlines lf" in told(b"a\rb\r", mode="lines")
    assert "--newlines lf" in told(b"a\rb\r")
    assert not told(b"a\nb\n", mode="lines", delimiter="b")
    for mode in ("text", "lines"):
        assert not told(b"a\nb\n", mode=mode)
        assert not told(b"a\rb\r", mode=mode, newlines="lf")


# Parts


@given(DENSE.filter(bool), st.data(), st.integers(1, 4))
@settings(max_examples=200)
def test_parts_are_the_text_and_normalise_on_their_own(text: str, data: st.DataObject, size: int) -> None:
    positions = sorted(data.draw(st.sets(st.integers(1, len(text)), min_size=1, max_size=4)))
    pieces = list(parted(cut_up(text, size), positions, "char"))
    parts = ["".join(piece for number, piece in pieces if number == part) for part in range(5)]
    assert "".join(parts) == text
    assert [number for number, _ in pieces] == sorted(number for number, _ in pieces)
    assert len(parts[0]) >= positions[0]
    for number, position in enumerate(positions):
        begin = len("".join(parts[: number + 1]))
        assert begin >= position
        nominal = list(parted(cut_up(text, size), [position], "char"))
        assert begin == len("".join(piece for late, piece in nominal if not late))
    for form in FORMS:
        apart = "".join("".join(normalized([part], form)) for part in parts)
        assert apart == "".join(normalized([text], form))


@pytest.mark.parametrize("size", [1, 2, 3, 100])
@pytest.mark.parametrize(
    ("text", "position", "first"),
    [
        ("abcd", 2, "ab"),
        ("ae\u0301\u0323d", 2, "ae\u0301\u0323"),
        ("a\r\nb", 2, "a\r\n"),
        ("\u1112\u1161\u11abx", 1, "\u1112\u1161\u11ab"),
        ("\u2764\ufe0fx", 1, "\u2764\ufe0f"),
        ("\U0001f469\u200d\U0001f680x", 1, "\U0001f469\u200d\U0001f680"),
        ("ab\u0301", 2, "ab\u0301"),
    ],
)
def test_a_text_is_never_parted_inside_a_character(size: int, text: str, position: int, first: str) -> None:
    pieces = parted(cut_up(text, size), [position], "char")
    assert "".join(piece for late, piece in pieces if not late) == first


def test_bytes_are_parted_between_characters(tmp_path: Path) -> None:
    for size in SIZES:
        corpus = corpus_of(tmp_path, "a한글b".encode(), chunk_bytes=size, level="byte")
        found = [
            (bytes(joined(part.codes)).decode(), part.tally.characters, part.tally.utf8_bytes)
            for part in corpus.parts([2])
        ]
        assert found == [("a한", 2, 4), ("글b", 2, 4)]


# What a vocabulary lacks


@pytest.mark.parametrize("size", SIZES)
def test_unknown_characters_are_reported_with_counts_and_places(tmp_path: Path, size: int) -> None:
    (tmp_path / "other.txt").write_text("aab\n", encoding="utf-8")
    path = tmp_path / "text.txt"
    path.write_bytes("ab\r\na한b한\nx".encode())
    corpus = Corpus([str(tmp_path / "other.txt"), str(path)], ReadingSettings(), chunk_bytes=size)
    found = unknown_report(corpus, Vocabulary.from_text("ab\r\n"))
    assert [(item.character, item.count, item.line, item.column) for item in found] == [
        ("한", 2, 2, 2),
        ("x", 1, 3, 1),
    ]
    assert {item.source for item in found} == {str(path)}
    assert found[0].name == "HANGUL SYLLABLE HAN"


def test_nothing_unknown_is_an_empty_report(tmp_path: Path) -> None:
    assert unknown_report(corpus_of(tmp_path, b"abba"), Vocabulary.from_text("ab")) == []


def test_codes_and_text_are_the_same_thing() -> None:
    assert to_text(to_codes("\0한\ud800\U0010ffff")) == "\0한\ud800\U0010ffff"
