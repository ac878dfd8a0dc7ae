"""Lines to be answered: as they come."""

import io
import os
import sys
from pathlib import Path

import pytest

from charrnn.commands.input_lines import TOGETHER, input_lines
from charrnn.config.settings import ReadingSettings
from charrnn.errors import CorpusError, InputError


def lines(*texts: str, level: str = "char") -> list[str]:
    return [line for some in input_lines(texts, ReadingSettings(level=level)) for line in some]


def test_files_in_order_empty_lines_too(tmp_path: Path) -> None:
    Path(tmp_path, "a.txt").write_bytes(b"one\r\n\ntwo")
    Path(tmp_path, "b.txt").write_bytes("\ufeffdrei\n\n".encode())
    assert lines(str(tmp_path / "a.txt"), str(tmp_path / "b.txt")) == ["one", "", "two", "drei", ""]
    assert lines(str(tmp_path)) == ["one", "", "two", "drei", ""]
    assert lines(str(tmp_path / "a.txt"), level="byte") == ["one", "", "two"]


def test_many_lines_come_in_handfuls(tmp_path: Path) -> None:
    path = tmp_path / "many.txt"
    path.write_text("".join(f"{number}\n" for number in range(3 * TOGETHER + 5)))
    found = list(input_lines([str(path)], ReadingSettings()))
    assert max(map(len, found)) == TOGETHER
    assert [line for some in found for line in some] == [str(number) for number in range(3 * TOGETHER + 5)]


def test_nothing_waits_for_more(monkeypatch: pytest.MonkeyPatch) -> None:
    """A character in two parts, a line end in two parts."""
    read, write = os.pipe()
    stream = io.TextIOWrapper(os.fdopen(read, "rb"))
    monkeypatch.setattr(sys, "stdin", stream)
    found = input_lines([], ReadingSettings())
    for sent, expected in (
        (b"one\n", ["one"]),
        (b"\xec\x95", None),
        (b"\x88\r", None),
        (b"\n\nx", ["안", ""]),
    ):
        os.write(write, sent)
        if expected is not None:
            assert next(found) == expected
    os.write(write, b"y")
    os.close(write)
    assert next(found) == ["xy"]
    assert list(found) == []
    stream.close()


def test_what_cannot_be_read_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"good\n\xff\n")))
    with pytest.raises(CorpusError, match="standard input is not valid utf-8 at line 1 or soon after"):
        lines("-")
    monkeypatch.setattr(sys, "stdin", None)
    with pytest.raises(InputError, match="standard input is closed"):
        lines()
    with pytest.raises(CorpusError, match="does not exist"):
        lines("missing.txt")
