"""The program in several processes, as a launcher starts it: forks of this one, which start at once."""

import os
import signal
import socket
import sys
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from charrnn.cli import run_command
from charrnn.display.standard_streams import open_streams
from charrnn.runs.signals import SIGNALS

PATIENCE_SECONDS = 0.1
"""So long the launcher takes to notice that a process has failed."""


class Ended(NamedTuple):
    """What a process left."""

    code: int
    err: str


def together(
    count: int,
    *arguments: str | Path,
    restarts: int = 0,
    first: Callable[[int], object] = lambda rank: None,
) -> list[Ended]:
    """Run a command in so many processes.

    Args:
        count: how many.
        arguments: of the command.
        restarts: how often the launcher says that it has started them again.
        first: is called in each of them before anything else, with its number.
    """
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with TemporaryDirectory() as folder:
        files = [Path(folder) / str(rank) for rank in range(count)]
        pids = []
        for rank, file in enumerate(files):
            known: dict[str, object] = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}
            known |= {"RANK": rank, "LOCAL_RANK": rank, "WORLD_SIZE": count, "LOCAL_WORLD_SIZE": count}
            known |= {"TORCHELASTIC_RUN_ID": "test", "TORCHELASTIC_RESTART_COUNT": restarts}
            if not (pid := os.fork()):
                _run(known, file, first, rank, [str(argument) for argument in arguments])
            pids.append(pid)
        codes = _ended(pids)
        return [Ended(code, file.read_text()) for code, file in zip(codes, files, strict=True)]


def _ended(pids: list[int]) -> list[int]:
    """Wait for all; once one has failed the others get SIGTERM, as from the launcher."""
    codes, is_told = dict[int, int](), False
    while len(codes) < len(pids):
        pid, status = os.waitpid(-1, 0)
        codes[pid] = os.waitstatus_to_exitcode(status)
        if any(codes.values()) and not is_told:
            time.sleep(PATIENCE_SECONDS)
            is_told = True
            for other in set(pids) - codes.keys():
                os.kill(other, signal.SIGTERM)
    return [codes[pid] for pid in pids]


def _run(
    known: dict[str, object], file: Path, first: Callable[[int], object], rank: int, arguments: list[str]
) -> None:
    code = 99
    try:
        os.environ.update({name: str(value) for name, value in known.items()})
        for number in SIGNALS:
            signal.signal(number, signal.SIG_DFL)
        errors = os.open(file, os.O_WRONLY | os.O_CREAT)
        os.dup2(errors, 1)
        os.dup2(errors, 2)
        for name in ("stdout", "stderr"):
            setattr(sys, name, None)  # these were the test's
        open_streams()
        first(rank)
        code = run_command(arguments)
        sys.stderr.flush()
    finally:
        os._exit(code)
