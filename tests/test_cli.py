"""The shell: help, versions, errors in one line, and what is loaded when."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from program import SMALL, TEXT, charrnn, charrnn_process, python

COMMANDS = ("train", "sample", "vocab", "evaluate", "info")


pytestmark = pytest.mark.usefixtures("in_empty_folder")


def test_version() -> None:
    assert charrnn("--version").out.startswith("charrnn ")


def test_without_a_command_the_help_is_shown() -> None:
    shown = charrnn()
    assert all(command in shown.out + shown.err for command in COMMANDS)


@pytest.mark.parametrize("command", COMMANDS)
def test_help_begins_with_lines_to_copy(command: str) -> None:
    shown = charrnn_process(command, "--help").stdout.decode()
    examples = [line for line in shown.splitlines() if line.strip().startswith(f"charrnn {command}")]
    assert 2 <= len(examples) <= 3
    assert shown.index(examples[0]) < shown.index("Options")
    assert "...]..." not in shown
    assert "<bool>" not in shown
    assert "<list" not in shown


@pytest.mark.parametrize(
    "arguments", ["--help", "--version", "train --help", "sample --help", "evaluate --help"]
)
def test_help_loads_neither_torch_nor_numpy(arguments: str) -> None:
    code = (
        "import sys; from charrnn.cli import run_command; run_command(sys.argv[1:]); "
        "print('loaded', [m for m in ('torch', 'numpy', 'safetensors') if m in sys.modules])"
    )
    assert python(code, arguments=arguments.split()).endswith("loaded []\n")


@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("train --cell ", "lstm gru rnn"),
        ("train --normalize nfk", "nfkc nfkd"),
        ("sample --on-unknown s", "skip"),
    ],
)
def test_the_shell_completes_the_values_of_a_choice(
    line: str, offered: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = {"_CHARRNN_COMPLETE": "complete_bash", "COMP_WORDS": f"charrnn {line}"}
    for name, value in (words | {"COMP_CWORD": "3"}).items():
        monkeypatch.setenv(name, value)
    assert charrnn_process().stdout.decode().split() == offered.split()


def test_completion_loads_neither_torch_nor_numpy() -> None:
    code = (
        "import os, sys\n"
        "os.environ.update(_CHARRNN_COMPLETE='complete_bash', COMP_WORDS='charrnn tr', COMP_CWORD='1')\n"
        "from charrnn.cli import run_command\n"
        "try: run_command([])\n"
        "except SystemExit: pass\n"
        "print('loaded', [m for m in ('torch', 'numpy') if m in sys.modules])"
    )
    shown = python(code)
    assert shown.startswith("train\n")
    assert shown.endswith("loaded []\n")


def test_sampling_and_counting_load_no_torch(run_folder: Path) -> None:
    code = (
        "import sys; from charrnn.cli import run_command\n"
        "for line in sys.argv[1:]: assert run_command(line.split('|')) == 0\n"
        "print('loaded', 'torch' in sys.modules)"
    )
    commands = [
        f"sample|--checkpoint|{run_folder}|--length|5",
        f"info|--checkpoint|{run_folder}",
        f"vocab|--checkpoint|{run_folder}",
    ]
    assert python(code, arguments=commands).endswith("loaded False\n")


WRONG_USE = {
    "no such command": ("fly",),
    "no such option": ("train", "x.txt", "--wings"),
    "no corpus": ("train",),
    "a text for a number": ("train", "text.txt", "--layers", "two"),
    "out of range": ("train", "text.txt", "--hidden", "0"),
    "too large": ("train", "text.txt", "--hidden", "1000000"),
    "not one of the choices": ("train", "text.txt", "--cell", "mlp"),
    "no duration": ("train", "text.txt", "--max-time", "soon"),
    "not finite": ("train", "text.txt", "--learning-rate", "nan"),
    "negative length": ("sample", "--length", "-1"),
    "negative temperature": ("sample", "--temperature", "-0.5"),
    "nothing to show": ("vocab",),
    "negative window": ("evaluate", "text.txt", "--window", "-3"),
    "unknown encoding": ("train", "text.txt", "--encoding", "klingon"),
    "more held out than there is": ("train", "text.txt", "--validation", "99999999"),
    "no share": ("train", "text.txt", "--validation", "-0.5"),
    "a prompt the model cannot know": ("train", "text.txt", "--prompt", "漢", "--steps", "2"),
    "endless texts": ("sample", "--checkpoint", "RUN", "--length", "0", "--count", "2"),
    "unknown prompt character": ("sample", "--checkpoint", "RUN", "--prompt", "漢字"),
    "nothing left to write": ("sample", "--checkpoint", "RUN", "--allow", "漢"),
    "the other mode": ("evaluate", "text.txt", "--checkpoint", "RUN", "--mode", "lines"),
}

UNREADABLE = {
    "no such corpus": ("train", "missing.txt"),
    "no such builtin": ("train", "builtin:latin"),
    "empty corpus": ("train", "empty.txt"),
    "one character": ("train", "one.txt"),
    "invalid bytes": ("train", "latin1.txt"),
    "no such checkpoint": ("sample", "--checkpoint", "missing"),
    "no run here": ("sample",),
    "no run to show": ("info",),
    "a folder without a run": ("info", "--checkpoint", "folder"),
    "no checkpoint file": ("info", "--checkpoint", "text.txt"),
    "a truncated checkpoint": ("sample", "--checkpoint", "truncated.safetensors"),
    "a text too short to score": ("evaluate", "one.txt", "--checkpoint", "RUN"),
    "no such vocabulary": ("train", "text.txt", "--vocabulary", "missing.json"),
    "no vocabulary": ("train", "text.txt", "--vocabulary", "text.txt"),
    "no such prompt file": ("sample", "--checkpoint", "RUN", "--prompt", "@missing.txt"),
    "no such settings": ("train", "text.txt", "--config", "missing.toml"),
}


@pytest.fixture
def _files(tmp_path: Path, run_folder: Path) -> None:
    (tmp_path / "text.txt").write_text(TEXT)
    (tmp_path / "empty.txt").touch()
    (tmp_path / "one.txt").write_text("a")
    (tmp_path / "latin1.txt").write_bytes("Größe".encode("latin-1"))
    (tmp_path / "folder").mkdir()
    whole = (run_folder / "best.safetensors").read_bytes()
    (tmp_path / "truncated.safetensors").write_bytes(whole[: len(whole) // 2])


def _check_error(arguments: tuple[str, ...], run_folder: Path, code: int) -> None:
    before = sorted(Path().rglob("*"))
    result = charrnn(*(str(run_folder) if argument == "RUN" else argument for argument in arguments))
    assert result.code == code, result.err
    assert result.out == ""
    assert len(result.err.splitlines()) == 1
    assert result.err.startswith("charrnn: ")
    assert "Traceback" not in result.err
    assert sorted(Path().rglob("*")) == before, "something was written"


def test_wrong_use_of_train_is_told_before_torch_is_loaded(tmp_path: Path) -> None:
    text = tmp_path / "text.txt"
    text.write_text("words")
    wrong = {
        2: [
            "--hidden|0",
            "--cell|mlp",
            "--validation|-1",
            "--encoding|klingon",
            f"--run|{tmp_path}",
            "--header",
        ],
        3: ["missing.txt", "builtin:latin", "--init-from|missing", "--validation|missing.txt"],
    }
    code = (
        "import sys; from charrnn.cli import run_command\n"
        "codes = [run_command(line.split('|')) for line in sys.argv[1:]]\n"
        "print(codes, 'torch' in sys.modules)"
    )
    lines = [f"train|{text}|{options}" for some in wrong.values() for options in some]
    codes = [exit_code for exit_code, some in wrong.items() for _ in some]
    assert python(code, arguments=lines).splitlines()[-1] == f"{codes} False"


@pytest.mark.usefixtures("_files")
@pytest.mark.parametrize("arguments", WRONG_USE.values(), ids=WRONG_USE)
def test_wrong_use_is_one_line_and_exit_2(arguments: tuple[str, ...], run_folder: Path) -> None:
    _check_error(arguments, run_folder, 2)


@pytest.mark.usefixtures("_files")
@pytest.mark.parametrize("arguments", UNREADABLE.values(), ids=UNREADABLE)
def test_unreadable_input_is_one_line_and_exit_3(arguments: tuple[str, ...], run_folder: Path) -> None:
    _check_error(arguments, run_folder, 3)


def test_messages_say_what_was_expected(run_folder: Path) -> None:
    assert "--hidden is 0; expected a number of at least 1" in charrnn("train", "x", "--hidden", "0").err
    assert "--steps is '1.5'; expected a whole number" in charrnn("train", "x", "--steps", "1.5").err
    assert "--top-p is 'much'; expected a number" in charrnn("sample", "--top-p", "much").err
    nothing = charrnn("sample", "--checkpoint", run_folder, "--allow", "漢").err
    assert nothing.startswith("charrnn: --allow '漢' leaves no character"), "of the option that was given"
    assert "U+6F22" in charrnn("sample", "--checkpoint", run_folder, "--prompt", "漢").err
    assert "missing.txt" in charrnn("train", "missing.txt").err


def test_a_hostile_name_does_not_reach_the_terminal_raw() -> None:
    assert "\x1b" not in charrnn("train", "\x1b[31mred").err


@pytest.mark.usefixtures("_files")
def test_a_network_larger_than_memory_is_refused_before_it_is_made(tmp_path: Path) -> None:
    sizes = ("--hidden", "16384", "--layers", "64", "--steps", "1", "--run", "huge")
    result = charrnn("train", "text.txt", *sizes, "--quiet")
    assert result.code == 5
    assert re.match(r"charrnn: a network of [\d,]+ parameters needs about [\d,.]+ GB", result.err)
    assert not (tmp_path / "huge").exists()


@pytest.mark.usefixtures("_files")
def test_a_run_is_never_overwritten(tmp_path: Path) -> None:
    assert charrnn("train", "text.txt", "--run", "r", *SMALL).code == 0
    before = (tmp_path / "r" / "last.safetensors").read_bytes()
    again = charrnn("train", "text.txt", "--run", "r", *SMALL)
    assert again.code == 2
    assert "holds a run already" in again.err
    assert (tmp_path / "r" / "last.safetensors").read_bytes() == before
    (tmp_path / "taken").write_text("mine")
    assert charrnn("train", "text.txt", "--run", "taken", *SMALL).code == 2
    assert charrnn("train", "text.txt", "--run", "folder/../taken", *SMALL).code == 2
    assert (tmp_path / "taken").read_text() == "mine"


def test_a_bug_is_one_line_too(monkeypatch: pytest.MonkeyPatch) -> None:
    def explode(*_: object, **__: object) -> None:
        raise ZeroDivisionError("oops\nsecond line")

    monkeypatch.setattr("charrnn.commands.info.info", explode)
    result = charrnn("info")
    assert result.code == 1
    assert len(result.err.splitlines()) == 1
    assert "CHARRNN_DEBUG" in result.err
    monkeypatch.setenv("CHARRNN_DEBUG", "1")
    with pytest.raises(ZeroDivisionError):
        charrnn("info")


def test_a_closed_pipe_ends_quietly(run_folder: Path) -> None:
    command = [sys.executable, "-m", "charrnn", "sample", "--checkpoint", str(run_folder), "--length", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.read(100)
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait(timeout=30) == 0


def _with_streams(redirection: str, *arguments: str) -> subprocess.CompletedProcess[bytes]:
    """Run a command, its streams led elsewhere by a shell."""
    command = ["sh", "-c", f'exec "$@" {redirection}', "sh", sys.executable, "-m", "charrnn", *arguments]
    return subprocess.run(command, capture_output=True, check=False, timeout=60)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is always full")
@pytest.mark.parametrize("command", ["--help", "info", "sample"])
def test_a_full_disk_behind_standard_output_is_exit_5(command: str, run_folder: Path) -> None:
    place = () if command == "--help" else ("--checkpoint", str(run_folder))
    done = _with_streams(">/dev/full", command, *place)
    assert done.returncode == 5
    assert done.stderr.startswith(b"charrnn: the disk is full")
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is always full")
@pytest.mark.parametrize(("command", "code"), [("fly", 2), ("sample", 0), ("info", 3)])
def test_what_cannot_be_said_does_not_change_the_exit_code(command: str, code: int, run_folder: Path) -> None:
    unknown = ("--prompt", "One 漢", "--on-unknown", "skip")  # left out, which is said
    options = ("--checkpoint", str(run_folder), *unknown) if command == "sample" else ()
    done = _with_streams("2>/dev/full", command, *options)
    assert (done.returncode, bool(done.stdout)) == (code, command == "sample")


@pytest.mark.skipif(sys.platform == "win32", reason="no shell that closes streams")
def test_help_that_nobody_reads_is_no_error() -> None:
    read, write = os.pipe()
    os.close(read)
    command = [sys.executable, "-m", "charrnn", "train", "--help"]
    done = subprocess.run(command, stdout=write, stderr=subprocess.PIPE, check=False, timeout=60)
    os.close(write)
    assert (done.returncode, done.stderr) == (0, b"")


@pytest.mark.skipif(sys.platform == "win32", reason="no pseudo-terminals there")
def test_a_terminal_that_is_gone_is_said_where_results_were_to_go() -> None:
    mine, terminal = os.openpty()
    os.close(mine)
    command = [sys.executable, "-m", "charrnn", "--version"]
    done = subprocess.run(command, stdout=terminal, stderr=subprocess.PIPE, check=False, timeout=60)
    os.close(terminal)
    assert done.returncode == 1
    assert done.stderr.startswith(b"charrnn: standard output cannot be written: input/output error; ")


@pytest.mark.skipif(sys.platform == "win32", reason="no shell that closes streams")
def test_streams_that_are_closed_do_not_matter(run_folder: Path) -> None:
    done = _with_streams(">&-", "info", "--checkpoint", str(run_folder))
    assert (done.returncode, done.stderr) == (0, b"")
    assert _with_streams("2>&-", "fly").returncode == 2


UNLOADED = """
import atexit, os, sys
import charrnn.__main__, charrnn.cli

class Library:
    def __del__(self):
        os.write(1, b"unloaded ")

def run_command(run=charrnn.cli.run_command):
    sys.modules["library"] = Library()
    atexit.register(os.write, 1, b"at exit ")
    return run()

charrnn.cli.run_command = run_command
charrnn.__main__.main()
"""
"""The program, and a library that says when its exit function is called, and when it is unloaded."""


@pytest.mark.parametrize(("text", "code"), [(TEXT, 0), ("x", 3)])
def test_pytorch_is_not_unloaded(text: str, code: int) -> None:
    """That takes seconds on a busy machine, after all is done."""
    Path("text.txt").write_text(text)
    command = [sys.executable, "-c", UNLOADED, "train", "text.txt", *SMALL]
    done = subprocess.run(command, check=False, capture_output=True)
    assert (done.returncode, done.stdout) == (code, b"at exit ")
    assert done.stderr.startswith(b"charrnn: ") == (code > 0)


def test_without_pytorch_python_ends_in_its_own_way() -> None:
    done = subprocess.run([sys.executable, "-c", UNLOADED, "info"], check=False, capture_output=True)
    assert (done.returncode, done.stdout) == (3, b"at exit unloaded ")
