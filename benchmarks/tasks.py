"""How fast a model answers lines: from the program's start to its first answer, and lines a second in a pipe.

    python -m benchmarks.tasks runs/languages --lines people.txt
    python -m benchmarks.tasks runs/phonemes runs/morphemes --lines words.txt --count 2000

Each is the whole program, one thread. Alone, a line is written when the answer to the one before has come;
together, all lines are there at once, and are answered 256 side by side. The start is the best of a few.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from itertools import cycle, islice
from pathlib import Path

from charrnn.commands.answering import COMMANDS
from charrnn.commands.input_lines import TOGETHER

CHARRNN = [sys.executable, "-m", "charrnn"]
ONE_THREAD = os.environ | {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
STARTS = 5


def task_of(checkpoint: str) -> str:
    """What a model was trained for."""
    command = [*CHARRNN, "info", "--checkpoint", checkpoint, "--json"]
    return str(json.loads(subprocess.run(command, check=True, capture_output=True).stdout)["task"])  # noqa: S603


def start_seconds(command: list[str], line: str) -> float:
    """From the program's start to its end, with one line."""
    began = time.perf_counter()
    subprocess.run([*command, "--text", line], check=True, capture_output=True, env=ONE_THREAD)  # noqa: S603
    return time.perf_counter() - began


def started(command: list[str]) -> "subprocess.Popen[str]":
    """The program with pipes."""
    pipe = subprocess.PIPE
    return subprocess.Popen(command, stdin=pipe, stdout=pipe, env=ONE_THREAD, text=True, encoding="utf-8")  # noqa: S603


def alone(command: list[str], lines: list[str]) -> float:
    """Lines a second, each written when the one before is answered; the first one aside."""
    with started(command) as process:
        asked, answers = process.stdin, process.stdout
        if asked is None or answers is None:
            raise OSError("it has no pipes")
        began = 0.0
        for number, line in enumerate(lines):
            if number == 1:
                began = time.perf_counter()
            asked.write(f"{line}\n")
            asked.flush()
            answers.readline()
        seconds = time.perf_counter() - began
    return (len(lines) - 1) / seconds


def together(command: list[str], lines: list[str]) -> float:
    """Lines a second of a file; those that are answered with the first one aside."""
    with tempfile.NamedTemporaryFile("w", suffix=".txt", encoding="utf-8") as file:
        file.write("".join(f"{line}\n" for line in lines))
        file.flush()
        with started([*command, file.name]) as process:
            answers = iter(process.stdout or ())
            next(answers)
            began = time.perf_counter()
            count = sum(1 for _ in answers)
            seconds = time.perf_counter() - began
    return (count + 1 - TOGETHER) / seconds


def main() -> None:
    """Print a row for each model."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("checkpoints", nargs="+")
    parser.add_argument("--lines", type=Path, required=True)
    parser.add_argument("--count", type=int, default=2000)
    given = parser.parse_args()
    some = given.lines.read_text(encoding="utf-8").splitlines()
    lines = list(islice(cycle(some), given.count))
    print("| model | task | first answer | lines/s alone | lines/s together |")
    print("|---|---|---|---|---|")
    for checkpoint in given.checkpoints:
        task = task_of(checkpoint)
        command = [*CHARRNN, COMMANDS[task], "--checkpoint", checkpoint]
        start = min(start_seconds(command, lines[0]) for _ in range(STARTS))
        cells = (f"{start:.2f} s", f"{alone(command, lines):,.0f}", f"{together(command, lines):,.0f}")
        print(f"| {checkpoint} | {task} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
