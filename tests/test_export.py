"""Exporting: the format by the file's name, nothing overwritten, whole or not at all, weights as stored."""

import os
import signal
import stat
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
from interruptions import at_call_do
from program import charrnn

from charrnn.display.new_files import put_new_file, put_new_folder
from charrnn.errors import UsageError
from charrnn.export.weights import restored, store
from charrnn.runs import atomic
from charrnn.runs.checkpoint import load
from charrnn.runs.lock import locked

pytestmark = pytest.mark.usefixtures("in_empty_folder")


def everything() -> set[str]:
    return {str(path) for path in Path().rglob("*")}


def test_json_says_what_was_written_and_what_it_is_worth(run_folder: Path) -> None:
    result = charrnn("export", "page.html", "--checkpoint", run_folder, "--json")
    assert result.code == 0, result.err
    found = result.json
    assert (found["format"], found["file"], found["weights"]) == ("html", "page.html", "f16")
    assert found["bytes"] == Path("page.html").stat().st_size
    assert found["parameters"] == load(run_folder / "best.safetensors").architecture.parameters
    assert found["checked_characters"] > 100
    assert 0 < found["largest_logit_difference"] < 1e-4
    assert abs(found["bits_lost_per_character"]) < 0.0005
    assert everything() == {"page.html"}


def test_whole_weights_lose_nothing(run_folder: Path) -> None:
    found = charrnn("export", "p.html", "--checkpoint", run_folder, "--weights", "f32", "--json").json
    assert found["bits_lost_per_character"] == 0


def test_people_read_what_it_costs(run_folder: Path) -> None:
    result = charrnn("export", "page.html", "--checkpoint", run_folder, "--weights", "int8")
    assert result.code == 0, result.err
    assert "bits lost per character" in result.out
    assert "parameters as int8" in result.out


@pytest.mark.parametrize("name", ["page.pdf", "page.", "page.htm", "page"])
def test_a_name_of_no_format_is_refused(name: str, run_folder: Path) -> None:
    result = charrnn("export", name, "--checkpoint", run_folder)
    assert (result.code, result.out, result.err.count("\n")) == (2, "", 1)
    assert f"'{name}' names no format that there is; expected FILE.html" in result.err


def test_an_option_of_another_format_is_refused(run_folder: Path) -> None:
    result = charrnn("export", "page.html", "--checkpoint", run_folder, "--license", "MIT")
    assert result.code == 2
    assert "not for FILE.html" in result.err
    assert everything() == set()


def test_a_prompt_that_the_model_does_not_know_is_refused(run_folder: Path) -> None:
    result = charrnn("export", "page.html", "--checkpoint", run_folder, "--prompt", "ü")
    assert result.code == 2
    assert "U+00FC" in result.err
    assert everything() == set()


def test_nothing_is_overwritten(run_folder: Path) -> None:
    Path("page.html").write_text("mine")
    result = charrnn("export", "page.html", "--checkpoint", run_folder)
    assert (result.code, result.out) == (2, "")
    assert "page.html exists" in result.err
    assert Path("page.html").read_text() == "mine"


def test_what_appears_meanwhile_is_not_overwritten(run_folder: Path) -> None:
    def appear(*_: object) -> None:
        Path("page.html").write_text("theirs")

    with at_call_do("charrnn.runs.atomic._take_free_place", range(1), appear):
        result = charrnn("export", "page.html", "--checkpoint", run_folder)
    assert result.code == 2, result.err
    assert Path("page.html").read_text() == "theirs"
    assert everything() == {"page.html"}


def fail(*_: object) -> None:
    raise OSError(28, "No space left on device")


def interrupt(*_: object) -> None:
    raise KeyboardInterrupt


@pytest.mark.parametrize("place", ["export.html_check.largest_difference", "runs.atomic._take_free_place"])
@pytest.mark.parametrize(("end", "code"), [(fail, 5), (interrupt, 130)])
def test_an_export_that_fails_or_is_interrupted_leaves_no_file(
    place: str, end: object, code: int, run_folder: Path
) -> None:
    assert callable(end)
    with at_call_do(f"charrnn.{place}", range(1), end):
        result = charrnn("export", "page.html", "--checkpoint", run_folder)
    assert result.code == code
    assert everything() == set()


@pytest.mark.parametrize("factor", [0.25, np.nan])
def test_an_export_that_computes_something_else_is_no_export(factor: float, run_folder: Path) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("charrnn.export.doubles._sigmoid", lambda values: 0.5 + factor * values)
        result = charrnn("export", "page.html", "--checkpoint", run_folder)
    assert result.code == 1
    assert "computes other logits than the model" in result.err
    assert everything() == set()


def test_without_links_a_file_is_put_in_its_place_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_: object) -> None:
        raise OSError(95, "Operation not supported")

    monkeypatch.setattr(Path, "hardlink_to", unknown)
    put_new_file("new", "FILE", b"a", b"b")
    assert Path("new").read_bytes() == b"ab"
    with pytest.raises(UsageError, match="new exists"):
        put_new_file("new", "FILE", b"c")
    monkeypatch.setattr(Path, "replace", interrupt)
    with pytest.raises(KeyboardInterrupt):
        put_new_file("other", "FILE", b"c")
    assert everything() == {"new"}
    assert atomic.temporary_path(Path("new")).exists() is False


@pytest.mark.skipif(sys.platform == "win32", reason="no fork there")
@pytest.mark.parametrize("name", ["page.html", "[novel]"])
def test_what_a_killed_export_left_is_removed_by_the_next_one(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def write() -> None:
        if name == "page.html":
            put_new_file(name, "FILE", b"page")
        else:
            put_new_folder(name, "FOLDER", {"README.md": b"card"})

    if not (process := os.fork()):
        monkeypatch.setattr(os, "fsync", lambda _: os.kill(os.getpid(), signal.SIGKILL))
        write()
    assert os.WIFSIGNALED(os.waitpid(process, 0)[1])
    (left,) = Path().iterdir()
    young = Path(f".{name}.{'0' * 16}.writing")
    used, other = young.with_name(f".{name}.{'1' * 16}.writing"), young.with_name(f".{name}.notes.writing")
    for folder in (young, used, other):
        folder.mkdir()
    for folder in (left, used, other):
        os.utime(folder, (1e9, 1e9))
    with locked(used):
        write()
    assert set(Path().iterdir()) == {Path(name), young, used, other}


@pytest.mark.skipif(sys.platform == "win32", reason="pipes need a permission there")
def test_a_pipe_may_stand_there(run_folder: Path) -> None:
    os.mkfifo("pipe.html")
    read: list[bytes] = []
    reader = threading.Thread(target=lambda: read.append(Path("pipe.html").read_bytes()))
    reader.start()
    result = charrnn("export", "pipe.html", "--checkpoint", run_folder)
    reader.join()
    assert result.code == 0, result.err
    assert read[0].startswith(b"<!DOCTYPE html>")
    assert stat.S_ISFIFO(Path("pipe.html").stat().st_mode)


def test_bytes_have_a_scale_for_each_row() -> None:
    matrix = np.array([[0.5, -1.0, 0.0], [0.0, 0.0, 0.0], [127.0, -3.2, 3.6]], np.float32)
    found = restored(store({"matrix": matrix, "bias": matrix[0]}, "int8"))
    step = np.float32(1.0) / np.float32(127)
    assert found["matrix"].tolist() == [[float(64 * step), float(-127 * step), 0], [0, 0, 0], [127, -3, 4]]
    assert found["bias"].tolist() == matrix[0].tolist()


def test_halves_have_no_room_for_large_weights() -> None:
    with pytest.raises(UsageError, match="the model has 70,000; give --weights f32"):
        store({"bias": np.array([70_000], np.float32)}, "f16")
