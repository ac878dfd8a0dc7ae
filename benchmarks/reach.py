"""How long our recipe takes to reach what a plain PyTorch loop reaches: LSTM 1×256, batch 32 × 64, AdamW.

    python -m benchmarks.reach TEXT

The plain loop (`benchmarks/train.py`) learns from the first 90 % of the text with each of three constant
rates, and its best loss on the last 10 %, state carried, is the mark. Then the whole program, `charrnn train`
with its defaults, gets budgets that grow until its own validation reaches the mark.
"""

import argparse
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from benchmarks.budgets import told, training_seconds
from benchmarks.train import Plain

BATCH, LENGTH, HIDDEN = 32, 64, 256
RATES = (1e-3, 2e-3, 4e-3)


def encoded(text: Path) -> tuple[Tensor, Tensor]:
    """The first 90 % and the last 10 % of a text as ids."""
    codes = np.frombuffer(text.read_text(encoding="utf-8").encode("utf-32-le"), np.uint32)
    ids = torch.from_numpy(np.unique(codes, return_inverse=True)[1].astype(np.int64))
    return ids[: len(ids) * 9 // 10], ids[len(ids) * 9 // 10 :]


def streams(ids: Tensor) -> Tensor:
    """A text cut into `BATCH` rows that are read side by side."""
    return ids[: len(ids) // BATCH * BATCH].view(BATCH, -1)


def plain_loss(training: Tensor, validation: Tensor, rate: float, seconds: float) -> tuple[float, int]:
    """Nats per character that the plain loop has after so many seconds, and its updates."""
    torch.manual_seed(1)
    model = Plain("lstm", 1, HIDDEN, symbols=int(torch.cat((training, validation)).max()) + 1)
    optimizer = torch.optim.AdamW(model.parameters(), lr=rate)
    rows, place, state, updates = streams(training), 0, None, 0
    began = time.monotonic()
    while time.monotonic() - began < seconds:
        if place + LENGTH >= rows.shape[1]:
            place, state = 0, None
        outputs, state = model.cell(model.embedding(rows[:, place : place + LENGTH]), state)
        targets = rows[:, place + 1 : place + LENGTH + 1]
        loss = cross_entropy(model.output(outputs).flatten(0, 1), targets.flatten())
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        state, place, updates = tuple(part.detach() for part in state), place + LENGTH, updates + 1
    with torch.no_grad():
        outputs, _ = model.cell(model.embedding(validation[None, :-1]))
        return float(cross_entropy(model.output(outputs)[0], validation[1:])), updates


def our_loss(text: Path, seconds: int) -> tuple[float, float]:
    """Nats per character that `charrnn train` has, and the seconds from its start to its end."""
    with tempfile.TemporaryDirectory() as folder:
        run = Path(folder) / "run"
        took = training_seconds(text, run, "--max-time", f"{seconds}s")
        return told("info", "--checkpoint", str(run))["best_validation_nats_per_character"], took


def main() -> None:
    """Set the mark, then reach it."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("text", type=Path)
    parser.add_argument("--seconds", type=float, default=120, help="of the plain loop (default 120)")
    parser.add_argument("--budgets", type=int, nargs="+", default=[20, 30, 40, 60, 120], help="of ours")
    options = parser.parse_args()
    torch.set_flush_denormal(True)
    training, validation = encoded(options.text)
    mark = float("inf")
    for rate in RATES:
        nats, updates = plain_loss(training, validation, rate, options.seconds)
        mark = min(mark, nats)
        print(f"plain loop, AdamW {rate:g}: {nats:.4f} nats after {options.seconds:g} s, {updates:,} updates")
    for budget in options.budgets:
        nats, took = our_loss(options.text, budget)
        print(f"charrnn train --max-time {budget}s: {nats:.4f} nats after {took:.1f} s", flush=True)
        if nats <= mark:
            print(f"the mark of {mark:.4f} is reached: {options.seconds / took:.1f} times as fast")
            return
    print(f"the mark of {mark:.4f} is not reached")


if __name__ == "__main__":
    main()
