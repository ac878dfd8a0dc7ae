"""Where bytes come from: files, folders, pipes, compressed files, built-ins, and what is wrong with them."""

import bz2
import gzip
import io
import itertools
import lzma
import os
import shutil
import subprocess
import sys
import threading
import unicodedata
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from charrnn.errors import CharRNNError, CorpusError, ResourceError, UsageError
from charrnn.text import streams
from charrnn.text.builtins import PYTHON_BYTES
from charrnn.text.sources import find_sources, short_name
from charrnn.text.streams import Seen, Source, hashed

COMPRESS: dict[str, Callable[[bytes], bytes]] = {
    ".gz": gzip.compress,
    ".bz2": bz2.compress,
    ".xz": lzma.compress,
}


def why_no_text(head: bytes) -> str:
    return "not text" if b"\0" in head else ""


def read(*paths: str | Path, chunk_bytes: int = 4096) -> bytes:
    sources, _ = find_sources([str(path) for path in paths], why_no_text)
    return b"".join(b"".join(source.chunks(chunk_bytes)) for source in sources)


def complaint(*paths: str | Path) -> str:
    with pytest.raises(CorpusError) as caught:
        read(*paths)
    message = str(caught.value)
    assert "\n" not in message
    assert ";" in message, "what to do comes after what happened"
    return message


def test_an_empty_name_is_no_folder() -> None:
    assert complaint("").startswith("a corpus has no name")


@pytest.mark.parametrize("chunk_bytes", [1, 7, 4096])
def test_files_are_read_in_the_order_they_are_given(tmp_path: Path, chunk_bytes: int) -> None:
    (tmp_path / "b").write_bytes(b"second\0")
    (tmp_path / "a").write_bytes(b"first ")
    assert read(tmp_path / "a", tmp_path / "b", chunk_bytes=chunk_bytes) == b"first second\0"


def test_a_folder_is_read_sorted_without_what_is_hidden_or_no_text(tmp_path: Path) -> None:
    for name, data in {
        "b/1.txt": b"B",
        "a.txt": b"A",
        "b-.txt": b"-",
        ".hidden": b"H",
        ".git/x": b"G",
        "x.o": b"\0",
    }.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(data)
    (tmp_path / "c.txt.gz").write_bytes(gzip.compress(b"C"))
    (tmp_path / "damaged.gz").write_bytes(b"no gzip")
    assert read(tmp_path) == b"A-BC"
    _, notices = find_sources([str(tmp_path)], why_no_text)
    assert any("skipped 1 file (not text): x.o" in notice for notice in notices)
    assert any("(cannot be read): damaged.gz" in notice for notice in notices)


def test_a_run_in_a_folder_is_no_text_to_learn_from(tmp_path: Path, run_folder: Path) -> None:
    (tmp_path / "a.txt").write_bytes(b"A")
    shutil.copytree(run_folder, tmp_path / "runs" / "essays")
    assert read(tmp_path) == b"A"
    _, notices = find_sources([str(tmp_path)], why_no_text)
    assert any("(a run of charrnn): essays" in notice for notice in notices)
    assert b"[" in read(tmp_path / "runs" / "essays"), "but it can be named"


def test_what_a_file_is_called_is_composed(tmp_path: Path) -> None:
    (tmp_path / unicodedata.normalize("NFD", "한국어.txt")).write_bytes(b"A")
    ((source,), _) = find_sources([str(tmp_path)], why_no_text)
    assert source.label == "한국어"


def test_links_that_lead_back_are_not_followed_in_a_folder(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(b"A")
    (tmp_path / "loop").symlink_to(tmp_path, target_is_directory=True)
    (tmp_path / "self").symlink_to(tmp_path / "self")
    assert read(tmp_path) == b"A"


def test_a_link_to_itself_is_said(tmp_path: Path) -> None:
    (tmp_path / "self").symlink_to(tmp_path / "self")
    assert "symbolic links" in complaint(tmp_path / "self")


def test_a_folder_without_text_is_said(tmp_path: Path) -> None:
    (tmp_path / "x.o").write_bytes(b"\0")
    message = complaint(tmp_path)
    assert "is a folder without text" in message
    assert "x.o" in message


def test_a_missing_file_is_said(tmp_path: Path) -> None:
    assert "none.txt does not exist" in complaint(tmp_path / "none.txt")
    assert "cannot be opened" in complaint("a\0b")


def test_a_file_without_permission_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes(b"A")

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", refuse)
    assert "a.txt cannot be read: permission denied" in complaint(path)


@pytest.mark.skipif(not Path("/dev/zero").exists(), reason="this system has no device files")
def test_a_device_without_an_end_is_refused() -> None:
    assert "is a device" in complaint("/dev/zero")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_a_pipe_is_read_once_and_then_again_from_disk(tmp_path: Path) -> None:
    path = tmp_path / "pipe"
    os.mkfifo(path)
    writer = threading.Thread(target=path.write_bytes, args=(b"through a pipe" * 10_000,))
    writer.start()
    (source,), _ = find_sources([str(path)], why_no_text)
    first, second = (b"".join(source.chunks(1000)) for _ in range(2))
    writer.join()
    assert first == second == b"through a pipe" * 10_000


def test_standard_input_is_read_again_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"typed")))
    (source,), _ = find_sources(["-"], why_no_text)
    assert [b"".join(source.chunks(2)) for _ in range(2)] == [b"typed"] * 2


class Endless(io.RawIOBase):
    """Text without an end."""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:  # noqa: ANN401 - of any kind
        buffer[:] = b"y\n" * (len(buffer) // 2) + b"y" * (len(buffer) % 2)
        return len(buffer)


def test_standard_input_without_an_end_does_not_fill_the_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    usage, free_bytes = shutil.disk_usage("."), itertools.count(50_000_000, -1_000_000)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=next(free_bytes)))
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BufferedReader(Endless())))
    (source,), _ = find_sources(["-"], why_no_text)
    with pytest.raises(ResourceError, match=r"standard input has not ended after 48\.2 MB, and their copy"):
        next(source.chunks(100))
    assert next(free_bytes) == 3_000_000, "it stopped at a tenth of what was free"


@pytest.mark.skipif(not Path("/dev/zero").exists(), reason="this system has no device files")
@pytest.mark.parametrize("device", ["/dev/zero", "/dev/null"])
def test_standard_input_that_is_a_device_is_refused(device: str) -> None:
    with Path(device).open("rb") as stream:
        command = [sys.executable, "-m", "charrnn", "vocab", "-"]
        done = subprocess.run(command, stdin=stream, capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (3, "", 1)
    assert "standard input is a device; give a file, or pipe a text in" in done.stderr


def test_standard_input_twice_or_nothing_at_all_is_wrong_use() -> None:
    with pytest.raises(UsageError, match="- is given twice"):
        find_sources(["-", "-"], why_no_text)
    with pytest.raises(UsageError, match="no text is given"):
        find_sources([], why_no_text)


@pytest.mark.parametrize("suffix", COMPRESS)
def test_compressed_files_of_several_members_are_read(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"text{suffix}"
    path.write_bytes(COMPRESS[suffix](b"one ") + COMPRESS[suffix](b"two"))
    assert read(path, chunk_bytes=3) == b"one two"


@pytest.mark.parametrize("suffix", COMPRESS)
def test_a_compressed_file_that_is_cut_short_is_said(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"text{suffix}"
    path.write_bytes(COMPRESS[suffix](os.urandom(5000))[:-20])
    assert "damaged" in complaint(path)


@pytest.mark.parametrize("suffix", COMPRESS)
def test_a_file_that_is_not_compressed_as_its_name_says_is_said(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"text{suffix}"
    path.write_bytes(b"this is plain text, no compressed file")
    assert "damaged" in complaint(path)


@pytest.mark.parametrize("suffix", COMPRESS)
def test_a_bomb_is_stopped_at_its_bound(tmp_path: Path, suffix: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "EXPANSION_FREE_BYTES", 10_000)
    path = tmp_path / f"bomb{suffix}"
    path.write_bytes(COMPRESS[suffix](bytes(3_000_000)))
    bound_bytes = max(10_000, 200 * path.stat().st_size)
    assert bound_bytes < 3_000_000
    assert f"grows to over {bound_bytes:,} bytes" in complaint(path)
    (source,), _ = find_sources([str(path)], why_no_text)
    read_bytes: list[int] = []
    with pytest.raises(CorpusError):
        read_bytes.extend(map(len, source.chunks(5_000_000)))
    assert sum(read_bytes) <= bound_bytes


def test_a_file_may_grow_to_its_bound(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "EXPANSION_FREE_BYTES", 100_000)
    path = tmp_path / "zeros.gz"
    path.write_bytes(gzip.compress(bytes(100_000)))
    assert read(path, chunk_bytes=999) == bytes(100_000)


def test_a_full_disk_is_no_fault_of_the_text() -> None:
    def full() -> io.BytesIO:
        raise OSError(28, "No space left on device")

    with pytest.raises(ResourceError, match="disk"):
        list(Source("x", full).chunks(10))


def test_what_was_seen_is_length_and_hash_of_what_was_read() -> None:
    def drain(limit_bytes: int | None) -> tuple[bytes, Seen]:
        generator = hashed(Source("x", lambda: io.BytesIO(b"abcdefgh")), 3, limit_bytes)
        data = b""
        while True:
            try:
                data += next(generator)
            except StopIteration as stop:
                return data, stop.value

    assert drain(None)[0] == b"abcdefgh"
    assert drain(4)[0] == b"abcd"
    assert drain(8)[1] == drain(None)[1] != drain(4)[1]


def test_builtins_are_what_they_say() -> None:
    assert read("builtin:hello") == b"hello"
    names = read("builtin:unicode-names").decode().split("\n")
    assert names[0] == "SPACE"
    assert {"HANGUL SYLLABLE HAN", "LATIN SMALL LETTER A", ""} <= set(names)
    python = read("builtin:python")
    assert 1_000_000 < len(python) <= PYTHON_BYTES
    assert python.endswith(b"\n")
    assert python == read("builtin:python")
    assert find_sources(["builtin:python"], why_no_text)[1]


def test_an_unknown_builtin_names_those_that_exist() -> None:
    message = complaint("builtin:nothing")
    assert "builtin:python, builtin:docs, builtin:unicode-names, builtin:hello" in message


def test_the_language_reference_is_english_prose_in_a_stable_order() -> None:
    docs = read("builtin:docs")
    assert docs == read("builtin:docs")
    assert len(docs) > 300_000
    text = docs.decode()
    assert text.startswith('The "assert" statement\n')
    assert text.count(" the ") > 3_000
    assert text.index("Assignment statements\n****") < text.index('The "while" statement\n****')
    assert "language reference" in find_sources(["builtin:docs"], why_no_text)[1][0]


def test_a_python_without_its_language_reference_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pydoc_data.topics", None)
    message = complaint("builtin:docs")
    assert message.startswith("builtin:docs: this Python came without its language reference")


def test_every_complaint_about_a_text_has_its_exit_code(tmp_path: Path) -> None:
    with pytest.raises(CharRNNError) as caught:
        read(tmp_path / "none")
    assert caught.value.exit_code == 3


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("data/tinyshakespeare.txt", "tinyshakespeare"),
        ("notes.txt.gz", "notes"),
        ("한국어.tsv", "한국어"),
        ("a b/c:d?.txt", "c-d"),
        ("builtin:python", "python"),
        ("builtin:docs", "docs"),
        ("-", "stdin"),
        ("x/..hidden", "hidden"),
        ("???", "text"),
        ("a" * 300 + ".txt", "a" * 60),
    ],
)
def test_short_names_are_fit_for_a_folder(path: str, expected: str) -> None:
    assert short_name(path) == expected


def test_a_folder_gives_its_own_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "essays").mkdir()
    monkeypatch.chdir(tmp_path / "essays")
    assert short_name(".") == "essays"
