"""What `charrnn train` has learnt after so much time: the table of docs/evaluation.md.

    python -m benchmarks.budgets TEXT --budgets 30s 2m 10m --seeds 1 2 3
    python -m benchmarks.budgets TEXT --budgets 2m --cell gru

Each run is the whole program with its defaults and nothing but `--max-time` and `--seed`, and what other
options of it follow the text. Printed are nats per character of what is held out, the last tenth: with the
state carried, as training says it, and blank every 256 characters; and the seconds from the program's start
to its end.
"""

import argparse
import itertools
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

CHARRNN = [sys.executable, "-m", "charrnn"]


def told(*arguments: str) -> Any:  # noqa: ANN401 - what the program says
    """What a command prints with `--json`."""
    command = [*CHARRNN, *arguments, "--json"]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)  # noqa: S603


def training_seconds(text: Path, run: Path, *options: str) -> float:
    """Train once, the whole program; the seconds from its start to its end."""
    began = time.monotonic()
    subprocess.run([*CHARRNN, "train", str(text), "--quiet", "--run", str(run), *options], check=True)  # noqa: S603
    return time.monotonic() - began


def row(text: Path, budget: str, seed: str, others: list[str]) -> str:
    """Train once, and score."""
    with tempfile.TemporaryDirectory() as folder:
        run, held_back = Path(folder) / "run", Path(folder) / "held-back.txt"
        took = training_seconds(text, run, "--max-time", budget, "--seed", seed, *others)
        facts, characters = told("info", "--checkpoint", str(run)), text.read_text(encoding="utf-8")
        held_back.write_text(characters[-facts["validation_characters"] :], encoding="utf-8")
        carried, blank = (
            told("evaluate", str(held_back), "--checkpoint", str(run), *window)["nats_per_character"]
            for window in ((), ("--window", "256"))
        )
    network = f"{facts['cell'].upper()} {facts['layers']}×{facts['hidden']}"
    cells = (budget, seed, network, f"{facts['step']:,}", f"{carried:.3f}", f"{blank:.3f}", f"{took:.1f} s")
    return f"| {' | '.join(cells)} |"


def main() -> None:
    """Print a row for every budget and seed."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("text", type=Path)
    parser.add_argument("--budgets", nargs="+", default=["30s", "2m"])
    parser.add_argument("--seeds", nargs="+", default=["1"])
    options, others = parser.parse_known_args()
    print("| `--max-time` | seed | network | updates of the best | carried | blank every 256 | took |")
    print("|---|---|---|---|---|---|---|")
    for budget, seed in itertools.product(options.budgets, options.seeds):
        print(row(options.text, budget, seed, others), flush=True)


if __name__ == "__main__":
    main()
