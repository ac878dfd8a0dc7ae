"""What other programs on the cores cost `charrnn train`, and whether `--max-time` holds beside them.

    python -m benchmarks.busy TEXT --max-time 30s --loops 0 1 2 4
    OMP_WAIT_POLICY=PASSIVE python -m benchmarks.busy TEXT --threads auto 2

Beside so many busy loops the whole program is run with each number of threads, one after the other, and all
of it again in each round, so that what else the machine does meets all of them alike. Printed are updates,
and the seconds from the program's start to its end.
"""

import argparse
import itertools
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from charrnn.runs.checkpoint import load


@contextmanager
def busy_loop() -> Iterator[None]:
    """Another program that takes all that it gets of a core."""
    with subprocess.Popen([sys.executable, "-c", "while True: pass"]) as process:
        try:
            yield
        finally:
            process.kill()


def measured(text: Path, max_time: str, threads: str) -> tuple[int, float]:
    """Updates of one run, and how long it took; none where its start alone took too long."""
    with tempfile.TemporaryDirectory() as folder:
        run = Path(folder) / "run"
        command = [sys.executable, "-m", "charrnn", "train", str(text), "--quiet", "--run", str(run)]
        command += ["--max-time", max_time, *(() if threads == "auto" else ("--threads", threads))]
        began = time.monotonic()
        subprocess.run(command, check=False, stderr=subprocess.DEVNULL)  # noqa: S603
        return load(run / "last.safetensors").progress.step, time.monotonic() - began


def main() -> None:
    """Print a row for each number of busy loops and of threads, in every round."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("text", type=Path)
    parser.add_argument("--max-time", default="30s")
    parser.add_argument("--loops", nargs="+", type=int, default=[0, 1, 2, 4])
    parser.add_argument("--threads", nargs="+", default=["auto", "1"])
    parser.add_argument("--rounds", type=int, default=1)
    given = parser.parse_args()
    print(f"| busy loops | threads | updates in {given.max_time} | took |")
    print("|---|---|---|---|")
    for _, loops, threads in itertools.product(range(given.rounds), given.loops, given.threads):
        with ExitStack() as others:
            for _ in range(loops):
                others.enter_context(busy_loop())
            updates, seconds = measured(given.text, given.max_time, threads)
        print(f"| {loops} | {threads} | {updates:,} | {seconds:.1f} s |", flush=True)


if __name__ == "__main__":
    main()
