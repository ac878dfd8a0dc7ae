"""On a pseudo-terminal: the live display, what a sample looks like there, and that the cursor comes back."""

import contextlib
import os
import pty
import re
import select
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from program import SMALL, TEXT, charrnn


def on_terminal(
    *arguments: str | Path, stop_at: bytes | None = None, columns: str = "100"
) -> tuple[int, str]:
    """Exit code and everything that a terminal was sent, standard error included."""
    controller, terminal = pty.openpty()
    environment = os.environ | {"COLUMNS": columns, "LINES": "40", "TERM": "xterm-256color"}
    environment.pop("NO_COLOR", None)
    command = [sys.executable, "-m", "charrnn", *map(str, arguments)]
    with subprocess.Popen(
        command, stdin=terminal, stdout=terminal, stderr=terminal, env=environment
    ) as process:
        os.close(terminal)
        began, chunks = time.monotonic(), []
        while True:
            ready, _, _ = select.select([controller], [], [], 0.2)
            try:
                chunk = os.read(controller, 65536) if ready else b""
            except OSError:  # Linux says so when the other end is closed
                break
            if ready and not chunk:
                break
            chunks.append(chunk)
            if stop_at is not None and stop_at in b"".join(chunks):
                process.send_signal(signal.SIGINT)
                stop_at = None
            assert time.monotonic() - began < 90
        os.close(controller)
        return process.wait(timeout=30), b"".join(chunks).decode()


def spoken(command: list[str], **variables: str) -> bytes:
    """What the other end of a terminal receives of a program's output."""
    controller, terminal = pty.openpty()
    with subprocess.Popen(command, stdout=terminal, env=os.environ | variables) as process:
        os.close(terminal)
        chunks = []
        with contextlib.suppress(OSError):  # Linux says so when the other end is closed
            while chunk := os.read(controller, 65536):
                chunks.append(chunk)
        os.close(controller)
        assert process.wait(timeout=60) == 0
    return b"".join(chunks)


@pytest.fixture
def text(tmp_path: Path) -> Path:
    path = tmp_path / "text.txt"
    path.write_text(TEXT)
    return path


def test_training_shows_a_line_at_once_a_live_panel_and_a_sample_early(text: Path, tmp_path: Path) -> None:
    options = ("--run", tmp_path / "run", "--max-time", "12s", "--hidden", "16", "--sample-every", "1h")
    code, shown = on_terminal("train", text, *options)
    assert code == 0
    for expected in (
        "bits/char",
        "bits per character by step",
        "● ",
        "to go",
        "step ",
        "validation",
        "\x1b[?25l",
        "\x1b[?25h",
        "charrnn sample",
    ):
        assert expected in shown
    assert shown.rindex("\x1b[?25h") > shown.rindex("\x1b[?25l"), "the cursor is back"
    assert shown.index("loading PyTorch …") < shown.index("\x1b[1A\x1b[K") < shown.index("text   ")
    assert "╭─ step " in shown[: shown.rindex("to go")], "long before the interval of samples is over"


def test_curves_are_coloured_on_a_terminal_that_wants_it(
    run_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    code, shown = on_terminal("plot", run_folder, columns="60")
    assert code == 0
    assert "\x1b[1;38;5;27m" in shown
    plain = re.sub(r"\x1b\[[0-9;]*m", "", shown)
    charts = [line.rstrip() for line in plain.splitlines() if re.match(r"[ \d.k]*[│┤└]", line)]
    assert max(map(len, charts)) <= 60
    assert "\x1b" not in charrnn("plot", run_folder).out


def test_a_stop_gives_the_cursor_back(text: Path, tmp_path: Path) -> None:
    options = ("--run", tmp_path / "run", "--steps", "10000000", "--hidden", "16", "--sample-every", "20")
    code, shown = on_terminal("train", text, *options, stop_at=b"step ")
    assert code == 130
    assert shown.rindex("\x1b[?25h") > shown.rindex("\x1b[?25l")
    assert "saved at step" in shown


def test_a_quiet_run_does_not_say_that_it_loads(text: Path, tmp_path: Path) -> None:
    assert "loading PyTorch" not in on_terminal("train", text, "--quiet", "--run", tmp_path / "q", *SMALL)[1]


def test_the_last_lines_break_between_words(run_folder: Path, text: Path, tmp_path: Path) -> None:
    loud = [option for option in SMALL if option != "--quiet"]
    options: list[str | Path] = ["--run", tmp_path / "run", *loud]
    _, shown = on_terminal("train", text, *options, columns="60")
    last = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", shown[shown.rindex("done") :])
    lines = [line.strip() for line in last.splitlines()]
    assert max(map(len, lines)) <= 60
    assert "step" in lines[0] + lines[1]
    words = " ".join(lines).split()
    assert {"updates,", "validation", "curves"} <= set(words)


def test_a_suspended_run_shows_the_cursor_and_comes_back(text: Path, tmp_path: Path) -> None:
    options = ("--run", tmp_path / "run", "--steps", "10000000", "--hidden", "16")
    controller, terminal = pty.openpty()
    command = [sys.executable, "-m", "charrnn", "train", *map(str, (text, *options))]
    environment = os.environ | {"COLUMNS": "80", "LINES": "40", "TERM": "xterm-256color"}
    with subprocess.Popen(
        command, stdin=terminal, stdout=terminal, stderr=terminal, env=environment
    ) as process:
        os.close(terminal)
        seen = b""

        def read_until(what: bytes, again: signal.Signals | None = None) -> bytes:
            nonlocal seen
            began = time.monotonic()
            while what not in seen and time.monotonic() - began < 40:
                if again is not None:  # it may not have stopped yet
                    process.send_signal(again)
                ready, _, _ = select.select([controller], [], [], 0.2)
                seen += os.read(controller, 65536) if ready else b""
            assert what in seen, seen[-500:]
            before, seen = seen[: seen.index(what)], seen[seen.index(what) + len(what) :]
            return before

        try:
            read_until(b"to go")
            process.send_signal(signal.SIGTSTP)
            read_until(b"\x1b[?25h")
            meanwhile = read_until(b"\x1b[?25l", again=signal.SIGCONT)
            assert b"\x1b[1A" not in meanwhile, "what others wrote meanwhile is not drawn over"
            read_until(b"to go")
            process.send_signal(signal.SIGINT)
            read_until(b"saved at step")
        finally:
            process.kill()
            os.close(controller)


def test_a_sample_ends_in_a_newline_on_a_terminal(run_folder: Path) -> None:
    code, shown = on_terminal("sample", "--checkpoint", run_folder, "--length", "50", "--deny", r"\n")
    assert code == 0
    told, written = shown.split("\r\n", 1)
    assert told == f"charrnn: {run_folder}/best.safetensors, temperature 1, seed 1"
    assert len(written) == 52
    assert written.endswith("\r\n")
    assert charrnn("sample", "--checkpoint", run_folder, "--length", "50").err == "", (
        "in a pipe nothing is told"
    )


def test_control_characters_are_shown_not_obeyed(tmp_path: Path) -> None:
    wild = tmp_path / "wild.txt"
    wild.write_text("\x1b[31m\u202e" * 500)
    run = tmp_path / "run"
    assert charrnn("train", wild, "--run", run, *SMALL).code == 0
    options = ("--checkpoint", run, "--length", "200")
    _, shown = on_terminal("sample", *options)
    assert "\x1b" not in shown
    assert "\u202e" not in shown
    assert "␛" in shown
    _, raw = on_terminal("sample", *options, "--raw")
    assert "\x1b" in raw
    assert "\x1b" in charrnn("sample", *options).out, "a pipe gets the exact text"


def test_per_character_lines_hold_no_control_codes(tmp_path: Path) -> None:
    wild = tmp_path / "wild.txt"
    wild.write_text("\x9b31m\u202eab" * 20, encoding="utf-8")
    run = tmp_path / "run"
    assert charrnn("train", wild, "--run", run, *SMALL).code == 0
    options = ("evaluate", wild, "--checkpoint", run, "--per-character")
    _, shown = on_terminal(*options)
    assert "⟨U+009B⟩" in shown
    assert not {"\x9b", "\u202e"} & set(shown)
    assert "\x9b" in charrnn(*options).out, "a pipe gets the exact text"


def test_every_code_point_and_many_random_texts_through_a_terminal() -> None:
    """What a terminal's other end receives, in the way that samples are written."""
    code = (
        "import random, sys\n"
        "from charrnn.display.output import Output\n"
        "output, rng = Output(raw=False, color='none'), random.Random(5)\n"
        "for start in range(0, 0x110000, 0x1000):\n"
        "    output.write(''.join(map(chr, range(start, start + 0x1000))))\n"
        "for _ in range(2_000):\n"
        "    output.write(''.join(map(chr, rng.choices(range(0x110000), k=20))))\n"
    )
    received = spoken([sys.executable, "-c", code])
    text = received.decode()  # whole characters of UTF-8 throughout
    assert len(text) > 0x110000
    steering = {chr(code) for code in (*range(0x20), *range(0x7F, 0xA0))} - set("\t\r\n")
    steering |= set("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
    assert not steering & set(text)
    assert text.count("\r") == text.count("\r\n")  # the terminal's own


@pytest.mark.parametrize("encoding", ["ascii", "cp1252"])
def test_a_terminal_of_few_characters_shows_escapes(encoding: str, korean_run: Path) -> None:
    options = ("--checkpoint", str(korean_run), "--length", "100", "--prompt", "안녕")
    command = [sys.executable, "-m", "charrnn", "sample", *options]
    received = spoken(command, PYTHONIOENCODING=encoding, PYTHONUTF8="0")
    assert received.startswith(rb"\uc548\ub155")
    assert received.isascii()
    piped = subprocess.run(
        command, capture_output=True, env=os.environ | {"PYTHONIOENCODING": encoding}, check=True
    )
    assert piped.stdout.decode().startswith("안녕")


@pytest.mark.parametrize("columns", ["40", "60", "80"])
def test_a_narrow_terminal_cuts_no_figure_off(columns: str, run_folder: Path) -> None:
    facts = charrnn("info", "--checkpoint", run_folder, "--json").json
    _, shown = on_terminal("info", "--checkpoint", run_folder, columns=columns)
    plain = re.sub(r"\x1b\[[0-9;]*m", "", shown)
    assert facts["weights_sha256"] in "".join(plain.split())
    _, table = on_terminal("vocab", "--checkpoint", run_folder, columns=columns)
    assert "…" not in plain + table


def test_no_color_is_respected(text: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    code, shown = on_terminal("vocab", text)
    assert code == 0
    assert "U+0020" in shown
