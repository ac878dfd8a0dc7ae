"""Saving on disks that fail: whatever call fails, and however, the old checkpoint or the new one loads."""

import contextlib
import errno
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from forked import figures
from interruptions import at_call_do
from program import SMALL, TEXT, charrnn
from test_checkpoint import example

from charrnn.errors import CharRNNError, ResourceError
from charrnn.runs.checkpoint import Checkpoint, save
from charrnn.runs.checkpoint_facts import Progress
from charrnn.runs.folder import Run
from charrnn.runs.recovery import recover

CALLS = ("open", "write", "fsync", "replace", "unlink")
PIECE_BYTES = 300
"""A system need not write all that it is given at once; here it never does."""

FAULTS = ("crash", "torn", "ENOSPC", "EIO")


class Crash(BaseException):
    """The machine is off: nothing is done any more, no file is cleaned up."""


class Disk:
    """Counts the calls of a save, and lets one of them fail.

    Args:
        fails_at: which call, from 0; -1 for none.
        fault: `crash` before it; `torn`, a crash in the midst of it; or the name of an error.
    """

    def __init__(self, fails_at: int = -1, fault: str = "") -> None:
        self.fails_at, self.fault = fails_at, fault
        self.calls: list[str] = []
        self.is_off = False

    def put_in(self, patch: pytest.MonkeyPatch) -> None:
        for name in CALLS:
            patch.setattr(os, name, self._call(name, getattr(os, name)))

    def _call(self, name: str, original: Callable[..., Any]) -> Callable[..., Any]:
        def call(*given: Any, **named: Any) -> Any:  # noqa: ANN401
            if self.is_off:
                raise Crash
            self.calls.append(name)
            if name == "write":
                given = (given[0], given[1][:PIECE_BYTES])
            if len(self.calls) - 1 != self.fails_at:
                return original(*given, **named)
            if name == "write" and self.fault != "crash":
                original(given[0], given[1][: len(given[1]) // 2])
            elif self.fault == "torn":
                with contextlib.suppress(FileNotFoundError):
                    original(*given, **named)
            if self.fault in {"crash", "torn"}:
                self.is_off = True
                raise Crash
            raise OSError(getattr(errno, self.fault), os.strerror(getattr(errno, self.fault)))

        return call


def at_step(step: int) -> Checkpoint:
    checkpoint = example()
    checkpoint.weights["output.bias"][0] = step
    return replace(checkpoint, progress=Progress(step))


def folder_with(place: Path, files: tuple[str, ...]) -> Run:
    run = Run(place)
    place.mkdir()
    for step, name in enumerate(files, 1):
        save(place / f"{name}.safetensors", at_step(step))
    return run


SAVES = {
    "the second save": (("last",), "last"),
    "any save": (("previous", "last"), "last"),
    "a new best": (("last", "best"), "best"),
}


def saved_with(disk: Disk, run: Run, name: str) -> BaseException | None:
    with pytest.MonkeyPatch.context() as patch:
        disk.put_in(patch)
        try:
            if name == "last":
                save(run.last, at_step(9), run.previous)
            else:
                save(run.best, at_step(9))
        except (Crash, CharRNNError) as error:
            return error
    return None


@pytest.mark.parametrize("case", SAVES)
def test_whatever_call_fails_the_old_or_the_new_checkpoint_loads(case: str, tmp_path: Path) -> None:
    files, name = SAVES[case]
    whole = Disk()
    assert saved_with(whole, folder_with(tmp_path / "whole", files), name) is None
    assert set(whole.calls) == set(CALLS)
    template, cases = folder_with(tmp_path / "template", files).folder, 0
    with figures(f"failing calls, {case}") as found:
        for fails_at in range(len(whole.calls)):
            for fault in FAULTS:
                run = Run(shutil.copytree(template, tmp_path / f"{fails_at}-{fault}"))
                error = saved_with(Disk(fails_at, fault), run, name)
                assert isinstance(error, ResourceError) or fault != "ENOSPC"
                assert isinstance(error, CharRNNError | Crash)
                is_last_or_old = {len(files), 9} if name == "last" else {1}
                assert recover(run).checkpoint.progress.step in is_last_or_old
                run.sweep()
                assert saved_with(Disk(), run, name) is None
                assert {path.name for path in run.folder.iterdir()} <= {
                    f"{name}.safetensors" for name in ("last", "previous", "best")
                }
                cases += 1
        found["cases"] = cases
    assert cases >= 60


def test_content_reaches_the_disk_before_its_name_does(tmp_path: Path) -> None:
    disk = Disk()
    saved_with(disk, folder_with(tmp_path / "run", ("last",)), "last")
    order = [call for call in disk.calls if call != "write"]
    assert order == ["unlink", "open", "fsync", "replace", "replace", "open", "fsync", "unlink"]


@pytest.fixture
def _in_folder_with_text(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("text.txt").write_text(TEXT, encoding="utf-8")


SAVING = ("train", "text.txt", "--run", "run", *SMALL[:-1], "--save-every", "5", "--validation", "0")


def full_disk(*_: object) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@pytest.mark.usefixtures("_in_folder_with_text")
def test_a_disk_that_is_full_for_a_while_is_survived() -> None:
    with at_call_do("charrnn.runs.atomic._sync_folder", range(4, 8), full_disk):
        result = charrnn(*SAVING)
    assert result.code == 0, result.err
    assert result.err.count("training goes on and tries again") == 2  # once for last, once for best
    assert "last could be written again" in result.err
    assert recover(Run(Path("run"))).checkpoint.progress.finished


@pytest.mark.usefixtures("_in_folder_with_text")
def test_a_disk_that_stays_full_is_exit_5_and_keeps_what_there_was() -> None:
    with at_call_do("charrnn.runs.atomic._write", range(7, 1000), full_disk):
        result = charrnn(*SAVING)
    assert result.code == 5
    assert re.search(
        r"last\.safetensors cannot be written: no space left.*free some space$", result.err.strip()
    )
    found = recover(Run(Path("run")))
    assert (found.path.name, found.checkpoint.progress.step) == ("last.safetensors", 10)


@pytest.mark.usefixtures("_in_folder_with_text")
def test_too_little_space_is_said_before_anything_is_written(monkeypatch: pytest.MonkeyPatch) -> None:
    usage = shutil.disk_usage(".")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=10_000))
    result = charrnn(*SAVING)
    assert result.code == 5
    assert "MB on disk, but" in result.err
    assert [path.name for path in Path().iterdir()] == ["text.txt"]


LIMITED = """
import resource, sys
from charrnn.cli import run_command
resource.setrlimit(resource.RLIMIT_FSIZE, ({limit}, {limit}))
sys.exit(run_command(sys.argv[1:]))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="no such limit there")
@pytest.mark.usefixtures("_in_folder_with_text")
def test_files_that_may_not_grow_are_exit_5_and_the_first_save_stays() -> None:
    """The state of the optimizers makes every save but the first too long."""
    command = [sys.executable, "-c", LIMITED.format(limit=130_000), *SAVING, "--hidden", "32"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 5, done.stderr
    assert "file too large" in done.stderr
    assert recover(Run(Path("run"))).checkpoint.progress.step == 0


@pytest.mark.skipif(sys.platform != "linux", reason="mounts a file system in memory")
def test_a_disk_of_a_megabyte(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    mounting = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(disk)]
    if shutil.which("mount") is None or subprocess.run(mounting, capture_output=True, check=False).returncode:
        pytest.skip("may not mount a file system here")
    try:
        monkeypatch.chdir(disk)
        Path("text.txt").write_text(TEXT[:4000], encoding="utf-8")
        result = charrnn(*SAVING, "--hidden", "64")
        assert result.code == 5, "this network is too large for the disk"
        assert [path.name for path in Path().iterdir()] == ["text.txt"]

        def fill(*_: object) -> None:
            Path("filler").write_bytes(b"\0" * (shutil.disk_usage(".").free - 8192))

        with at_call_do("charrnn.tasks.language.LanguageTask.loss", range(12, 13), fill):
            result = charrnn(*SAVING)
        assert result.code == 5
        assert "No space left" in result.err or "no space left" in result.err
        assert recover(Run(Path("run"))).checkpoint.progress.step == 10
        Path("filler").unlink()
        assert charrnn("train", "--resume", "--run", "run").code == 0
    finally:
        monkeypatch.chdir(tmp_path)
        subprocess.run(
            ["umount", "--lazy", str(disk)], check=True
        )  # what was mapped may live a little longer
