"""A person and a model write one text together: the conversation, and the program on a pseudo-terminal."""

import contextlib
import os
import pty
import re
import select
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self
from unicodedata import normalize

import numpy as np
import pytest
from program import SMALL, charrnn

from charrnn.commands import interactive
from charrnn.config.settings import Request, SampleSettings
from charrnn.decoding import filters
from charrnn.decoding.conversation import Choice, Conversation
from charrnn.decoding.language_model import SavedModel
from charrnn.decoding.network import Decoder
from charrnn.decoding.sampler import write
from charrnn.runs.checkpoint import load
from charrnn.runs.folder import find_checkpoint
from charrnn.runs.language_model import language_model_of


def author_of(run: Path) -> SavedModel:
    return language_model_of(load(find_checkpoint(str(run))))


def conversation(
    run: Path, request: Request | None = None, settings: SampleSettings | None = None
) -> Conversation:
    return Conversation(author_of(run), request or Request(), settings or SampleSettings())


def expected(run: Path, text: str) -> list[tuple[int, float]]:
    """The five likeliest ids after a text, read from a blank state."""
    model = author_of(run)
    decoder = Decoder(model.architecture, model.weights)
    for row in model.vocabulary.encode(text).astype(np.intp).reshape(-1, 1):
        logits = decoder.step(row)
    chances = filters.probabilities(logits)[0]
    return [(int(i), float(chances[i])) for i in np.argsort(-chances, kind="stable")[:5]]


def pairs(choices: list[Choice]) -> list[tuple[int, float]]:
    return [(choice.id, choice.probability) for choice in choices]


def test_choices_are_what_the_whole_text_makes_likely_whatever_was_done_before(run_folder: Path) -> None:
    talk = conversation(run_folder)
    talk.add("3 litt")
    assert pairs(talk.choices()) == expected(run_folder, "3 litt")
    talk.take(talk.choices()[1])
    list(talk.run(20))
    talk.add(" birds")
    assert pairs(talk.choices()) == expected(run_folder, talk.text)
    talk.undo()
    talk.undo()
    assert talk.text.startswith("3 litt")
    assert len(talk.text) == 7
    assert pairs(talk.choices()) == expected(run_folder, talk.text)
    talk.restart()
    talk.add("One")
    assert pairs(talk.choices()) == expected(run_folder, "One")


def test_what_is_written_is_what_sample_writes(run_folder: Path) -> None:
    settings, request = SampleSettings(temperature=0.7, top_k=4), Request(prompt="One ", length=60, seed=5)
    talk = conversation(run_folder, request, settings)
    talk.add("One ")
    assert "".join(talk.run(60)) == "".join(
        piece.text for piece in write(author_of(run_folder), request, settings)
    )


def test_filters_are_respected(run_folder: Path) -> None:
    talk = conversation(run_folder, settings=SampleSettings(deny="e", top_k=3))
    talk.add("On")
    assert len(talk.choices()) == 3
    assert "e" not in {choice.symbol for choice in talk.choices()}
    assert "e" not in "".join(talk.run(200))
    assert len(conversation(run_folder, settings=SampleSettings(temperature=0)).choices()) == 1


def test_a_stretch_that_is_stopped_stays_as_far_as_it_came(run_folder: Path) -> None:
    talk = conversation(run_folder)
    talk.add("One ")
    stretch = talk.run(0)
    written = "".join(next(stretch) for _ in range(30))
    del stretch
    assert talk.text == "One " + written


def test_a_syllable_can_be_put_together_letter_by_letter(korean_run: Path) -> None:
    talk = conversation(korean_run)
    talk.add("안녕")
    assert len("".join(talk.run(10))) == 10
    assert talk.text == normalize("NFC", talk.text)


@pytest.fixture(scope="module")
def jamo_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("jamo")
    (folder / "text.txt").write_text("한글 각 " * 60, encoding="utf-8")
    assert (
        charrnn("train", folder / "text.txt", "--normalize", "nfd", "--run", folder / "run", *SMALL).code == 0
    )
    return folder / "run"


@pytest.fixture(scope="module")
def byte_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("bytes")
    (folder / "text.txt").write_text("한글 각 " * 60, encoding="utf-8")
    assert charrnn("train", folder / "text.txt", "--level", "byte", "--run", folder / "run", *SMALL).code == 0
    return folder / "run"


def picked(talk: Conversation, symbols: list[int]) -> str:
    for code in symbols:
        (place,) = np.flatnonzero(talk._author.vocabulary.codes == code)
        talk.take(Choice(int(place), "", 1.0))
    return talk.text


def test_parts_that_are_picked_become_characters(jamo_run: Path, byte_run: Path) -> None:
    assert picked(conversation(jamo_run), [ord(part) for part in normalize("NFD", "한글")]) == "한글"
    assert picked(conversation(byte_run), list("한글".encode())) == "한글"


def test_a_line_that_has_ended_makes_way_for_the_next(
    lines_run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table = interactive.Table(conversation(lines_run), None)
    table.type("an")
    table.obey("")
    shown = capsys.readouterr().out
    assert "the text has ended" in shown
    table.obey(":text")
    assert capsys.readouterr().out == "\n"


def shown_by(run: Path, capsys: pytest.CaptureFixture[str], *lines: str) -> str:
    table = interactive.Table(conversation(run), 20)
    for line in lines:
        table.obey(line)
    capsys.readouterr()
    table.obey(":text")
    return capsys.readouterr().out.removesuffix("\n")


def test_what_lines_do(run_folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def text(*lines: str) -> str:
        return shown_by(run_folder, capsys, *lines)

    assert text("One bird ") == "One bird "
    assert text("One", ":add 1") == "One1"
    assert text("1") == "1", "nothing is to be picked yet"
    assert text("One", r"a\nb") == "Onea\nb"
    assert len(text("One", "1")) == 4
    assert len(text("One", "")) == 23
    assert len(text("One", ":run 7")) == 10
    assert text("One", "", "2", ":undo", ":undo") == "One"
    assert text("One", ":new") == ""
    assert text("One", ":undo", ":undo", ":undo") == ""


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (":walk", "there is no :walk; :help"),
        (":run far", "expected a number of characters"),
        (":run 0", "expected a number of characters"),
        ("漢", "U+6F22"),
        ("9", "U+0039"),
        ("9" * 5000, "U+0039"),
        ("١", "U+0661"),
        (":run " + "9" * 5000, "expected a number of characters"),
        (":help", "Ctrl-C stops it"),
        ("tell me \x1b[2J", "U+001B"),
    ],
)
def test_what_lines_say(line: str, said: str, run_folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    table = interactive.Table(conversation(run_folder), 20)
    table.obey(line)
    shown = capsys.readouterr().out
    assert said in shown
    assert "\x1b" not in shown
    assert table.is_open


class Person:
    """Somebody at a pseudo-terminal, with the program running on it."""

    def __init__(self, *arguments: str | Path, python: tuple[str, ...] = ("-m", "charrnn")) -> None:
        self.controller, terminal = pty.openpty()
        command = [sys.executable, "-c", _TAKE_TERMINAL, *python, *map(str, arguments)]
        environment = os.environ | {"TERM": "xterm", "COLUMNS": "200", "INPUTRC": os.devnull}
        self.process = subprocess.Popen(
            command, stdin=terminal, stdout=terminal, stderr=terminal, env=environment, start_new_session=True
        )
        os.close(terminal)
        self.shown = ""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.process.kill()
        self.process.wait()
        os.close(self.controller)

    def waits_for(self, pattern: str, seconds: float = 60) -> str:
        """What is shown up to the first match."""
        end = time.monotonic() + seconds
        while not (match := re.search(pattern, self.shown)):
            assert time.monotonic() < end, f"{pattern!r} is not in {self.shown!r}"
            self._read()
        before, self.shown = self.shown[: match.end()], self.shown[match.end() :]
        return before

    def _read(self) -> bool:
        ready, _, _ = select.select([self.controller], [], [], 0.2)
        try:
            chunk = os.read(self.controller, 65536) if ready else b""
        except OSError:
            return False
        self.shown += chunk.decode("utf-8", "replace")
        return True

    def types(self, keys: str) -> None:
        os.write(self.controller, keys.encode())

    def leaves(self, keys: str = "") -> int:
        """The exit code, everything having been read; keys are typed until it comes.

        A signal that arrives just before the program waits for a key is only heeded with the next one.
        """
        end, next_time = time.monotonic() + 60, 0.0
        while self.process.poll() is None:
            assert time.monotonic() < end, f"it never ended: {self.shown!r}"
            if keys and time.monotonic() > next_time:
                with contextlib.suppress(OSError):
                    self.types(keys)
                next_time = time.monotonic() + 1
            self._read()
        while self._read() and select.select([self.controller], [], [], 0)[0]:
            pass
        return self.process.returncode


_TAKE_TERMINAL = """
import fcntl, os, signal, sys, termios
signal.signal(signal.SIGINT, signal.SIG_DFL)
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
os.execv(sys.executable, [sys.executable, *sys.argv[1:]])
"""
"""Makes the pseudo-terminal the one that Ctrl-C comes from, and becomes the program."""


@contextmanager
def talking(run: Path, *options: str, python: tuple[str, ...] = ("-m", "charrnn")) -> Iterator[Person]:
    with Person("sample", "--checkpoint", run, "--interactive", *options, python=python) as person:
        person.waits_for("5: [^\n]*\n.*> ")
        yield person


def test_a_session_on_a_terminal(run_folder: Path) -> None:
    with talking(run_folder, "--length", "40", "--seed", "3") as person:
        person.types("One flew\r")
        assert "1: " in person.waits_for("5: [^\n]*\n.*> ")
        person.types("1\r")
        assert "One flew" in person.waits_for("5: [^\n]*\n.*> ")
        person.types("\r")
        person.waits_for("5: [^\n]*\n.*> ")
        person.types(":text\r")
        written = person.waits_for("One flew(.|\n)*> ")
        assert len(written) > 45
        person.types("\x04")
        assert person.leaves() == 0
        assert "Traceback" not in person.shown


def test_lines_can_be_edited_and_come_back(run_folder: Path) -> None:
    pytest.importorskip("readline")
    with talking(run_folder) as person:
        person.types("One fxlew\x1b[D\x1b[D\x1b[D\x7f\r")
        person.waits_for("\nOne flew\r\n")
        person.types("\x1b[A\r")
        person.waits_for("\nOne flewOne flew\r\n")


def test_without_line_editing_it_works_too(run_folder: Path) -> None:
    bare = "import sys; sys.modules['readline'] = None; from charrnn.__main__ import main; main()"
    with talking(run_folder, python=("-c", bare)) as person:
        person.types("One flew\r")
        person.waits_for("\nOne flew\r\n(.|\n)*> ")
        person.types(":quit\r")
        assert person.leaves() == 0


def test_an_interrupt_stops_the_model_and_at_the_prompt_the_program(run_folder: Path) -> None:
    with talking(run_folder, "--length", "0") as person:
        person.types("\r")
        person.waits_for("(.|\n){100}")
        person.types("\x03")
        person.waits_for("5: [^\n]*\n.*> ")
        assert person.leaves("\x03") == 130
        assert "Traceback" not in person.shown


@pytest.mark.parametrize(
    "options", [("--json",), ("--count", "2"), ("--color", "surprise"), ("--novelty", "auto"), ("--raw",), ()]
)
def test_what_does_not_go_with_it_is_refused(options: tuple[str, ...], run_folder: Path) -> None:
    result = charrnn("sample", "--checkpoint", run_folder, "--interactive", *options)
    assert result.code == 2
    assert result.out == ""
    assert (options[0] if options else "needs a terminal") in result.err
