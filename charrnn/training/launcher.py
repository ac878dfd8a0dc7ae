"""Where this process stands among those that train together, and how to start them: PyTorch's own launcher.

`torchrun` and `--processes` both set the environment that is read here, and nowhere else. Loads torch only to
start processes.
"""

import os
import signal
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from threading import Thread

from charrnn import STARTED
from charrnn.runs.signals import SIGNALS, stopped_by

_OURS = "charrnn-"
"""How the id of a job begins that `--processes` has started."""

_STARTED = "CHARRNN_STARTED"
"""When `--processes` was asked for, on the monotonic clock: the time of a run counts from there."""

PARENT_SECONDS = 1.0
"""So often a process looks whether its launcher is still there."""


@dataclass(frozen=True)
class Place:
    """A process among others.

    Attributes:
        rank: its number; 0 leads, reads, writes and shows.
        size: how many there are, on all machines.
        local_rank: its number on this machine, and that of its GPU.
        local_size: how many there are on this machine.
        restarts: how often the launcher has started all of them again.
        is_ours: whether `--processes` has started them, not `torchrun`.
        started: since when the run's time counts, on the monotonic clock.
    """

    rank: int
    size: int
    local_rank: int
    local_size: int
    restarts: int
    is_ours: bool
    started: float


def place() -> Place | None:
    """Where this process stands, if PyTorch's launcher has started it."""
    known = os.environ
    if "TORCHELASTIC_RUN_ID" not in known:
        return None
    rank, size, local_rank, local_size, restarts = (
        int(known[name])
        for name in ("RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE", "TORCHELASTIC_RESTART_COUNT")
    )
    is_ours = known["TORCHELASTIC_RUN_ID"].startswith(_OURS)
    started = float(known.get(_STARTED, STARTED)) if is_ours else STARTED
    return Place(rank, size, local_rank, local_size, restarts, is_ours, started)


def follows() -> bool:
    """Whether another process leads; that one says what there is to say."""
    here = place()
    return here is not None and here.rank > 0


def launch(processes: int, arguments: Sequence[str]) -> int:
    """Run the program in several processes on this machine; the exit code of the first of them.

    The first one to fail ends all. A signal is handed on to them, and they are waited for.

    Args:
        processes: how many.
        arguments: of the program.
    """
    import logging
    from uuid import uuid4

    from torch.distributed.elastic.multiprocessing.api import SignalException
    from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
    from torch.distributed.launcher.api import LaunchConfig, elastic_launch

    os.environ[_STARTED] = repr(STARTED)
    heard = [number.name for number in SIGNALS if signal.getsignal(number) is not signal.SIG_IGN]
    config = LaunchConfig(
        min_nodes=1,
        max_nodes=1,
        nproc_per_node=processes,
        run_id=f"{_OURS}{uuid4()}",
        rdzv_backend="c10d",
        rdzv_endpoint="localhost:0",
        max_restarts=0,
        signals_to_handle=",".join(heard),
    )
    logging.disable()  # what there is to say the processes say
    try:
        elastic_launch(config, sys.executable)("-m", "charrnn", *arguments)
    except SignalException as stopped:
        return 128 + stopped.sigval
    except ChildFailedError as error:
        codes = {rank: failure.exitcode for rank, failure in error.failures.items()}
        rank = min(codes)
        if codes[rank] >= 0:
            return codes[rank]
        sys.stderr.write(f"charrnn: process {rank} of {processes} was {stopped_by(-codes[rank])}; ")
        sys.stderr.write("what was saved last is kept; go on with: charrnn train --resume\n")
        return 1
    finally:
        logging.disable(logging.NOTSET)
    return 0


def end_with_launcher() -> None:
    """From now on, stop when the launcher is gone, as if it had asked for that."""

    def watch(launcher: int) -> None:
        while os.getppid() == launcher:
            time.sleep(PARENT_SECONDS)
        os.kill(os.getpid(), signal.SIGTERM)

    Thread(target=watch, args=(os.getppid(),), name="charrnn.launcher", daemon=True).start()
