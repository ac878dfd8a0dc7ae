"""Runs of the program in processes that start at once: forks of this one, watched from outside."""

import mmap
import os
import pty
import signal
import struct
import sys
import time
from collections.abc import Callable, Container, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from interruptions import owner_of

from charrnn.cli import run_command
from charrnn.display.standard_streams import open_streams
from charrnn.runs.signals import SIGNALS, leave_when_asked

MOMENTS = {
    "training": "charrnn.training.trainer.Trainer.update",
    "validation": "charrnn.training.validating.Validating.measure",
    "sampling": "charrnn.training.sampling.Sampling.sample",
    "encoding": "charrnn.commands.learning_text.encode_dataset",
    "saving": "charrnn.runs.atomic._write",
}
"""What the program is doing while these run."""

NAMES = ["", *MOMENTS]


class Watch:
    """Memory shared with a fork: what it is doing, how often it began that, and how many steps it took."""

    def __init__(self) -> None:
        self.memory = mmap.mmap(-1, 16)

    def put(self, moment: str, step: int) -> None:
        self.memory[:16] = struct.pack("qq", NAMES.index(moment), step)

    def get(self) -> tuple[str, int]:
        moment, step = struct.unpack("qq", self.memory[:16])
        return NAMES[moment], step


def _noted(watch: Watch, moment: str, original: Callable[..., Any], seconds: float) -> Callable[..., Any]:
    def noted(*given: Any, **named: Any) -> Any:  # noqa: ANN401
        before, step = watch.get()
        watch.put(moment, step + (moment == "training"))
        time.sleep(seconds)
        found = original(*given, **named)
        watch.put(before, watch.get()[1])
        return found

    return noted


def _slow_pieces(original: Callable[..., Any], seconds: float) -> Callable[..., Any]:
    def slow(path: Any, pieces: Any) -> Any:  # noqa: ANN401
        def one_by_one() -> Iterator[Any]:
            for piece in pieces:
                time.sleep(seconds)
                yield piece

        return original(path, one_by_one())

    return slow


def _patched(watch: Watch, slow: dict[str, float]) -> None:
    for moment, target in MOMENTS.items():
        owner, name = owner_of(target)
        original, seconds = getattr(owner, name), slow.get(moment, 0.0)
        if moment == "saving":
            original, seconds = _slow_pieces(original, seconds), 0.0
        setattr(owner, name, _noted(watch, moment, original, seconds))


@dataclass
class Fork:
    """A program under way.

    Attributes:
        pid: its process.
        watch: what it is doing.
        terminal: its terminal's other end.
    """

    pid: int
    watch: Watch
    terminal: int
    seen: bytes = field(default=b"", init=False)

    def wait_for(self, moment: str, seconds: float = 20.0) -> bool:
        """Wait until it is doing that; false if it ended before."""
        until = time.monotonic() + seconds
        while time.monotonic() < until and not self.has_ended():
            if self.watch.get()[0] == moment:
                return True
            self._drain()
            time.sleep(0.0002)
        return False

    def wait(self, seconds: float) -> None:
        """Let it go on for so long."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            self._drain()
            time.sleep(0.0005)

    def has_ended(self) -> bool:
        """Whether it has ended; leaves its exit status to `end`."""
        return os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None

    def kill(self, number: int) -> None:
        """Send it a signal."""
        os.kill(self.pid, number)

    def hang_up(self) -> None:
        """Close its terminal, at which the system sends it SIGHUP."""
        os.close(self.terminal)
        self.terminal = -1

    def end(self) -> tuple[int, bytes]:
        """Wait for its end: exit code (negative for a signal) and what it showed."""
        if self.terminal >= 0:
            os.set_blocking(self.terminal, True)
            self._drain()
            os.close(self.terminal)
        _, status = os.waitpid(self.pid, 0)
        return os.waitstatus_to_exitcode(status), self.seen

    def _drain(self) -> None:
        """Read what it shows, lest it waits for that."""
        try:
            while piece := os.read(self.terminal, 2**16):
                self.seen += piece
        except OSError:  # nothing more now, or the other end is closed
            pass


def start(
    arguments: list[str],
    slow: dict[str, float] | None = None,
    *,
    ignored: Container[int] = (),
    errors: int | None = None,
) -> Fork:
    """Run a command in a fork, on a terminal of its own.

    Args:
        arguments: the command's.
        slow: seconds by which to draw moments out: before a call, or for each piece of a write.
        ignored: signals that are ignored when it begins.
        errors: a descriptor that is its standard error instead of the terminal.
    """
    watch = Watch()
    pid, terminal = pty.fork()
    if pid:
        os.set_blocking(terminal, False)
        return Fork(pid, watch, terminal)
    code = 99
    try:
        for number in SIGNALS:
            signal.signal(number, signal.SIG_IGN if number in ignored else signal.SIG_DFL)
        leave_when_asked()
        os.environ["TERM"] = "xterm"
        if errors is not None:
            os.dup2(errors, 2)
            os.closerange(3, 256)  # a pipe's other end, too
        for name in ("stdout", "stderr"):
            setattr(sys, name, None)  # these were the test's
        open_streams()
        _patched(watch, slow or {})
        code = run_command(arguments)
        sys.stderr.flush()
    finally:
        os._exit(code)


@contextmanager
def figures(title: str) -> Iterator[dict[str, Any]]:
    """Print what a soak counted."""
    found: dict[str, Any] = {}
    began = time.monotonic()
    yield found
    listed = ", ".join(f"{name} {value}" for name, value in found.items())
    print(f"\n{title}: {listed}; {time.monotonic() - began:.0f} s")
