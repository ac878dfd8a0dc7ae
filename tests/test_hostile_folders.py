"""What is no regular file in a run folder: no command waits for it, or reads it without end."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from program import SMALL, TEXT, charrnn

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="no named pipes or devices there")

FILES = (
    *("metrics.jsonl", "samples.txt", "config.toml", "dataset.json", "corpus.npy", "last.safetensors"),
    *("corpus-bounds.npy", "corpus-held-back.npy", ".last.safetensors.writing", ".metrics.jsonl.writing"),
)


def pipe(path: Path) -> None:
    os.mkfifo(path)


def device(path: Path) -> None:
    path.symlink_to("/dev/zero")


def full(path: Path) -> None:
    path.symlink_to("/dev/full")


def folder(path: Path) -> None:
    path.mkdir()


@pytest.fixture(scope="module")
def begun(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("begun")
    (place / "text.txt").write_text(TEXT[:900], encoding="utf-8")
    sizes = (*SMALL, "--hidden", "4", "--steps", "2", "--mode", "lines")
    assert charrnn("train", place / "text.txt", "--run", place / "run", *sizes).code == 0
    return place / "run"


@pytest.mark.parametrize("odd", [pipe, device, full, folder])
@pytest.mark.parametrize("name", FILES)
def test_no_command_waits_for_what_is_no_file(begun: Path, tmp_path: Path, name: str, odd: object) -> None:
    run = tmp_path / "run"
    shutil.copytree(begun, run)
    (run / name).unlink(missing_ok=True)
    assert callable(odd)
    odd(run / name)
    resume = ("train", "--resume", "--run", run, "--steps", "3", "--sample-every", "1", "--quiet")
    for command in (("runs", run, "--json"), ("plot", run), ("info", "--checkpoint", run), resume):
        result = charrnn(*command)
        assert result.code in {0, 1, 3}, (command, result.err)
        assert "unexpected error" not in result.err, (command, result.err)


@pytest.mark.parametrize("odd", [pipe, device, folder])
@pytest.mark.parametrize("option", ["--config", "--vocabulary"])
def test_nor_for_a_file_that_is_named(tmp_path: Path, option: str, odd: object) -> None:
    assert callable(odd)
    odd(tmp_path / "x")
    (tmp_path / "text.txt").write_text(TEXT, encoding="utf-8")
    result = charrnn("train", tmp_path / "text.txt", option, tmp_path / "x", "--run", tmp_path / "run")
    assert (result.code, result.out, result.err.count("\n")) == (3, "", 1)


def test_a_config_may_come_from_a_pipe(tmp_path: Path) -> None:
    (tmp_path / "text.txt").write_text(TEXT[:900], encoding="utf-8")
    program = (
        f"{sys.executable} -m charrnn train text.txt --run run --steps 1 --config <(sleep 1; echo hidden=8)"
    )
    subprocess.run(["bash", "-c", program], cwd=tmp_path, check=True, capture_output=True, timeout=100)
    assert "hidden = 8" in (tmp_path / "run" / "config.toml").read_text(encoding="utf-8")


@pytest.mark.parametrize("text", ["a = " + "[" * 50_000, "x" * 5_000_000])
def test_a_config_that_is_made_to_hurt_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "x.toml").write_text(text, encoding="utf-8")
    result = charrnn("train", "text.txt", "--config", tmp_path / "x.toml")
    assert (result.code, result.out, result.err.count("\n")) == (3, "", 1)
