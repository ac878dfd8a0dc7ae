"""No file of the user's is ever overwritten, by any command that writes one, under whatever name."""

import os
import stat
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from interruptions import at_call_do
from program import TEXT, charrnn

from charrnn.display.new_files import check_new_file, new_file
from charrnn.errors import CharRNNError, ResourceError, UsageError

Command = tuple[str | Path, ...]

needs_links = pytest.mark.skipif(sys.platform == "win32", reason="links and pipes need a permission there")


@pytest.fixture(autouse=True)
def _in_folder_with_text(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("text.txt").write_text(TEXT[:400], encoding="utf-8")


@pytest.fixture(params=["vocab", "vocab of a model", "sample", "plot", "evaluate"])
def writing(request: pytest.FixtureRequest, run_folder: Path) -> Callable[[str | Path], Command]:
    """A command that writes a file, without the file."""
    commands: dict[str, Command] = {
        "vocab": ("vocab", "text.txt", "--output"),
        "vocab of a model": ("vocab", "--checkpoint", run_folder, "--output"),
        "sample": ("sample", "--checkpoint", run_folder, "--length", "30", "--output"),
        "plot": ("plot", run_folder, "--output"),
        "evaluate": ("evaluate", "text.txt", "--checkpoint", run_folder, "--html"),
    }
    return lambda path: (*commands[request.param], path)


def in_the_way(name: str) -> Path:
    """Something where a file is to go."""
    place = Path("out.svg")
    match name:
        case "a file":
            place.write_text("mine")
        case "an empty file":
            place.touch()
        case "a folder":
            place.mkdir()
        case "the text":
            Path("text.txt").rename(place)
            Path("text.txt").symlink_to(place)
        case "a hard link to the text":
            os.link("text.txt", place)
        case "a link to the text":
            place.symlink_to("text.txt")
        case "a link that leads nowhere":
            place.symlink_to("nowhere.txt")
    return place


def everything() -> dict[str, tuple[bool, str]]:
    return {
        str(path): (path.is_symlink(), path.read_text() if path.is_file() else "")
        for path in Path().rglob("*")
    }


@needs_links
@pytest.mark.parametrize(
    "name",
    [
        "a file",
        "an empty file",
        "a folder",
        "the text",
        "a hard link to the text",
        "a link to the text",
        "a link that leads nowhere",
    ],
)
def test_what_exists_is_refused_and_stays(name: str, writing: Callable[[str | Path], Command]) -> None:
    place = in_the_way(name)
    before = everything()
    result = charrnn(*writing(place))
    assert result.code == 2, result
    assert result.out == ""
    assert f"charrnn: {place} exists; choose another --" in result.err
    assert everything() == before


def test_a_new_file_is_made(writing: Callable[[str | Path], Command]) -> None:
    result = charrnn(*writing("new.svg"))
    assert result.code == 0, result.err
    assert Path("new.svg").stat().st_size > 20
    assert set(everything()) == {"text.txt", "new.svg"}


def test_a_folder_that_is_missing_is_said_before_any_work(writing: Callable[[str | Path], Command]) -> None:
    result = charrnn(*writing(Path("no", "new.svg")))
    assert (result.code, result.out) == (2, "")
    assert "but there is no folder no; make it first" in result.err


def test_what_appears_meanwhile_is_not_overwritten(writing: Callable[[str | Path], Command]) -> None:
    opened = os.open

    def after_another(path: str | Path, *given: int) -> int:
        if Path(path).name == "new.svg":
            Path("new.svg").write_text("theirs")
        return opened(path, *given)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "open", after_another)
        result = charrnn(*writing("new.svg"))
    assert result.code == 2
    assert "new.svg exists" in result.err
    assert Path("new.svg").read_text() == "theirs"


@needs_links
def test_a_pipe_may_stand_there_and_stays_one(writing: Callable[[str | Path], Command]) -> None:
    os.mkfifo("out.svg")
    read: list[bytes] = []
    reader = threading.Thread(target=lambda: read.append(Path("out.svg").read_bytes()))
    reader.start()
    result = charrnn(*writing("out.svg"))
    reader.join()
    assert result.code == 0, result.err
    assert len(read[0]) > 20
    assert stat.S_ISFIFO(Path("out.svg").stat().st_mode)


@needs_links
def test_a_pipe_that_is_read_cannot_be_written() -> None:
    os.mkfifo("pipe")
    Path("other").symlink_to("pipe")
    for output in ("pipe", "other"):
        result = charrnn("vocab", "pipe", "--output", output)
        assert result.code == 2
        assert f"{output} is read, so --output cannot be the same" in result.err


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is always full")
def test_a_full_device_is_exit_5(writing: Callable[[str | Path], Command]) -> None:
    Path("full.svg").symlink_to("/dev/full")
    result = charrnn(*writing("full.svg"))
    assert result.code == 5
    assert "no space left" in result.err


def test_an_empty_name_is_refused() -> None:
    with pytest.raises(UsageError, match="--output is ''; expected the name of a new file"):
        check_new_file("", "--output")


@pytest.mark.skipif(sys.platform == "win32", reason="no such modes there")
def test_a_disk_is_no_place_for_a_file(monkeypatch: pytest.MonkeyPatch) -> None:
    Path("sda").touch()
    monkeypatch.setattr(os, "stat", lambda path: os.stat_result((stat.S_IFBLK | 0o660, *range(9))))
    with pytest.raises(UsageError, match="sda exists"):
        check_new_file("sda", "--output")
    with pytest.raises(UsageError, match="sda exists"), new_file("sda", "--output"):
        pytest.fail("it was opened")


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyboardInterrupt()])
def test_a_file_that_is_written_bit_by_bit_keeps_its_beginning(error: BaseException) -> None:
    kind = ResourceError if isinstance(error, OSError) else KeyboardInterrupt

    def fail() -> None:
        with new_file("new", "--output") as file:
            file.write(b"beginning")
            raise error

    with pytest.raises(kind):
        fail()
    assert Path("new").read_bytes() == b"beginning"


def test_whatever_else_is_whole_or_not_there(
    writing: Callable[[str | Path], Command], monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    command = writing("new.svg")
    is_bit_by_bit = command[0] == "sample"
    assert charrnn(*command).code == (0 if is_bit_by_bit else 5)
    assert Path("new.svg").exists() is is_bit_by_bit
    assert is_bit_by_bit or {path.name for path in Path().iterdir()} == {"text.txt"}


def test_a_place_that_cannot_be_written_is_said() -> None:
    with (
        pytest.raises(CharRNNError, match="cannot be written: file name too long"),
        new_file("x" * 999, "--o"),
    ):
        pytest.fail("it was opened")


def test_a_full_disk_leaves_no_half_page(run_folder: Path) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with at_call_do("charrnn.commands.show.page", range(1), full):
        result = charrnn("evaluate", "text.txt", "--checkpoint", run_folder, "--html", "page.html")
    assert result.code == 5
    assert set(everything()) == {"text.txt"}


@pytest.mark.parametrize("name", ["9" * 300, "a/" * 3000 + "b"])
def test_a_name_that_is_too_long_is_told_before_any_work(
    writing: Callable[[str | Path], Command], name: str
) -> None:
    result = charrnn(*writing(f"{name}.svg"))
    assert (result.code, result.out, result.err.count("\n")) == (2, "", 1)
    assert "too long for a name" in result.err
