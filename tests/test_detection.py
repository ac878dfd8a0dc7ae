"""What bytes are that are not the text they were taken for: other encodings, other kinds of files."""

import bz2
import gzip
import io
import lzma
import sqlite3
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from program import SMALL, charrnn

from charrnn.text.detection import kind_of_file, likeliest_encoding

TEXTS = {
    "cp1252": "“Well,” said she, ‘it’s a café – naïve…’ he replied. Größe und Übermut, fünf Äpfel.\n",
    "cp1251": "Мой дядя самых честных правил, когда не в шутку занемог, он уважать себя заставил.\n",
    "koi8-r": "Мой дядя самых честных правил, когда не в шутку занемог, он уважать себя заставил.\n",
    "gbk": "床前明月光，疑是地上霜。举头望明月，低头思故乡。\n",
    "big5": "床前明月光，疑是地上霜。舉頭望明月，低頭思故鄉。\n",
    "shift_jis": "吾輩は猫である。名前はまだ無い。どこで生れたかとんと見当がつかぬ。\n",
    "euc-kr": "안녕하세요 오늘은 날씨가 좋네요. 동해물과 백두산이 마르고 닳도록.\n",
    "cp1250": "Zażółć gęślą jaźń. Příliš žluťoučký kůň úpěl ďábelské ódy.\n",
    "iso8859-2": "Zażółć gęślą jaźń. Příliš žluťoučký kůň úpěl ďábelské ódy.\n",
    "latin-1": "Größe, früher, Straße, schöne Grüße. Déjà vu, été, à la carte.\n",
    "cp1253": "Άνδρα μοι έννεπε, Μούσα, πολύτροπον, ος μάλα πολλά πλάγχθη.\n",
    "utf-16-le": "Größe und “Übermut”, fünf Äpfel.\n",
    "utf-16-be": "안녕하세요 오늘은 날씨가 좋네요. 동해물과\n",
}
ASCII = "Plain words, of which there are many more than of the others.\n"


pytestmark = pytest.mark.usefixtures("in_empty_folder")


@pytest.mark.parametrize("encoding", TEXTS)
def test_what_is_advised_reads_the_text(encoding: str) -> None:
    for text in (TEXTS[encoding] * 3, ASCII * 300 + TEXTS[encoding] * 4 + ASCII * 300):
        likely = likeliest_encoding(text.encode(encoding))
        assert likely is not None
        assert text.encode(encoding).decode(likely) == text


@pytest.mark.parametrize("encoding", TEXTS)
def test_the_message_names_the_likeliest(encoding: str) -> None:
    data = (TEXTS[encoding] * 20).encode(encoding)
    Path("text.txt").write_bytes(data)
    result = charrnn("vocab", "text.txt")
    assert result.code == 3
    assert f"--encoding NAME (the likeliest is {likeliest_encoding(data)})" in result.err
    Path("folder").mkdir()
    Path("folder/text.txt").write_bytes(data)
    result = charrnn("vocab", "folder")
    assert result.code == 3
    assert f"--encoding {likeliest_encoding(data)}" in result.err


def test_bytes_past_the_first_piece_are_read_from_a_line_on() -> None:
    text = ("x" * 78 + "\n") * 7000 + TEXTS["shift_jis"] * 2000
    Path("text.txt").write_bytes(b"x" + text.encode("shift_jis"))
    assert "the likeliest is cp932" in charrnn("vocab", "text.txt").err


def test_utf_8_that_is_damaged_is_no_other_encoding() -> None:
    Path("text.txt").write_bytes((TEXTS["euc-kr"] * 9).encode() + b"\xff\n")
    told = charrnn("vocab", "text.txt").err
    assert "most of it is: give --errors replace" in told
    assert "likeliest" not in told


def test_utf_8_that_is_taken_for_another_encoding_is_named() -> None:
    Path("text.txt").write_text(TEXTS["cp1251"] * 9, encoding="utf-8")
    assert "the likeliest is utf-8" in charrnn("vocab", "text.txt", "--encoding", "euc-kr").err


def zipped(**files: str) -> bytes:
    place = io.BytesIO()
    with zipfile.ZipFile(place, "w") as archive:
        for name, text in files.items():
            archive.writestr(name.replace("__", "/"), text)
    return place.getvalue()


def tarred() -> bytes:
    place = io.BytesIO()
    with tarfile.open(fileobj=place, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("text.txt"))
    return place.getvalue()


def database() -> bytes:
    connection = sqlite3.connect("data.db")
    connection.execute("create table texts (text)")
    connection.commit()
    connection.close()
    return Path("data.db").read_bytes()


OTHER: dict[str, Callable[[], bytes]] = {
    "a zip archive": lambda: zipped(text="words"),
    "a Word document": lambda: zipped(word__document="<w:t>words</w:t>"),
    "an EPUB book": lambda: zipped(mimetype="application/epub+zip"),
    "an OpenDocument file": lambda: zipped(mimetype="application/vnd.oasis.opendocument.text"),
    "an Excel workbook": lambda: zipped(xl__workbook="x"),
    "a PDF document": lambda: b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj\n",
    "an RTF document": lambda: b"{\\rtf1 words}",
    "compressed by gzip": lambda: gzip.compress(b"words"),
    "compressed by bzip2": lambda: bz2.compress(b"words"),
    "compressed by xz": lambda: lzma.compress(b"words"),
    "compressed by zstd": lambda: b"\x28\xb5\x2f\xfd\x04\x00",
    "a tar archive": tarred,
    "an image": lambda: b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR",
    "an SQLite database": database,
    "a program": lambda: b"\x7fELF\x02\x01\x01\0",
}


@pytest.mark.parametrize("kind", OTHER)
def test_a_file_of_another_kind_is_named_with_what_to_do(kind: str) -> None:
    data = OTHER[kind]()
    Path("novel.txt").write_bytes(data)
    for options in ((), ("--encoding", "latin-1"), ("--errors", "replace")):
        result = charrnn("train", "novel.txt", *options, "--run", "run", *SMALL)
        assert result.code == 3
        assert f"novel.txt is {kind}" in result.err
        assert ("--encoding" in result.err, ";" in result.err) == (False, True)
        assert not Path("run").exists()
    assert charrnn("vocab", "novel.txt", "--level", "byte").code == 0


def test_an_archive_within_a_compressed_file_is_named() -> None:
    Path("texts.tar.gz").write_bytes(gzip.compress(tarred()))
    assert "texts.tar.gz is a tar archive" in charrnn("vocab", "texts.tar.gz").err


def test_bytes_of_no_known_kind_are_no_text_in_any_encoding() -> None:
    Path("data.bin").write_bytes(bytes(range(256)) * 20)
    told = charrnn("vocab", "data.bin").err
    assert "--level byte" in told
    assert "--encoding" not in told


@pytest.mark.parametrize("text", ["BZh is a word", "ID3 tags", "PK means player killer", "RIFF", "MZ", ""])
def test_texts_that_begin_as_some_files_do_are_texts(text: str) -> None:
    assert kind_of_file(text.encode()) is None


def test_at_byte_level_every_file_of_a_folder_is_text() -> None:
    Path("midi").mkdir()
    Path("midi/a.mid").write_bytes(b"MThd\0\0\0\x06\0\x01" * 9)
    Path("midi/b.mid").write_bytes(b"MThd\0\0\0\x06\0\x02" * 9)
    assert "midi is a folder without text" in charrnn("vocab", "midi").err
    found = charrnn("vocab", "midi", "--level", "byte", "--json")
    assert (found.code, found.err) == (0, "")
    assert sum(entry["count"] for entry in found.json["entries"]) == 180
