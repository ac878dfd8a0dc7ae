"""How long our recipe takes to reach what a plain PyTorch loop reaches: an LSTM, batch 32 × 64, AdamW.

    python -m benchmarks.reach TEXT
    python -m benchmarks.reach TEXT --held-out 1000000 --hidden 512 --seconds 600 --budgets 600

The plain loop (`benchmarks/train.py`) learns from all but the end of the text with each of three constant
rates, and its best loss on the end, state carried, is the mark. Then the whole program, `charrnn train` with
its defaults, gets budgets that grow until what `evaluate` says of the same end reaches the mark.
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

BATCH, LENGTH = 32, 64
RATES = (1e-3, 2e-3, 4e-3)
AT_ONCE = 10_000
"""Characters of the end that are scored at once."""


def encoded(text: str) -> Tensor:
    """A text as ids, of one byte each where they fit."""
    codes = np.frombuffer(text.encode("utf-32-le"), np.uint32)
    symbols = np.flatnonzero(np.bincount(codes))
    places = np.zeros(int(symbols[-1]) + 1, np.uint8 if len(symbols) <= 256 else np.int32)
    places[symbols] = np.arange(len(symbols))
    return torch.from_numpy(places[codes])


def streams(ids: Tensor) -> Tensor:
    """A text cut into `BATCH` rows that are read side by side."""
    return ids[: len(ids) // BATCH * BATCH].view(BATCH, -1)


def plain_loss(
    training: Tensor, end: Tensor, rate: float, *, hidden: int, seconds: float
) -> tuple[float, int]:
    """Nats per character that the plain loop has after so many seconds, and its updates."""
    torch.manual_seed(1)
    model = Plain("lstm", 1, hidden, symbols=int(max(training.max(), end.max())) + 1)
    optimizer = torch.optim.AdamW(model.parameters(), lr=rate)
    rows, place, state, updates = streams(training), 0, None, 0
    began = time.monotonic()
    while time.monotonic() - began < seconds:
        if place + LENGTH >= rows.shape[1]:
            place, state = 0, None
        ids = rows[:, place : place + LENGTH + 1].long()
        outputs, state = model.cell(model.embedding(ids[:, :-1]), state)
        loss = cross_entropy(model.output(outputs).flatten(0, 1), ids[:, 1:].flatten())
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        state, place, updates = tuple(part.detach() for part in state), place + LENGTH, updates + 1
    return scored(model, end), updates


@torch.no_grad()
def scored(model: Plain, end: Tensor) -> float:
    """Nats per character of a text, state carried."""
    nats, state = 0.0, None
    for begin in range(0, len(end) - 1, AT_ONCE):
        ids = end[begin : begin + AT_ONCE + 1].long()
        outputs, state = model.cell(model.embedding(ids[None, :-1]), state)
        nats += float(cross_entropy(model.output(outputs)[0], ids[1:], reduction="sum"))
    return nats / (len(end) - 1)


def our_loss(text: Path, end: str, seconds: int) -> tuple[float, float]:
    """Nats per character that `charrnn train` has, and the seconds from its start to its end."""
    with tempfile.TemporaryDirectory() as folder:
        run, held_out = Path(folder) / "run", Path(folder) / "held-out.txt"
        held_out.write_text(end, encoding="utf-8")
        took = training_seconds(text, run, "--max-time", f"{seconds}s", "--validation", str(len(end)))
        return told("evaluate", str(held_out), "--checkpoint", str(run))["nats_per_character"], took


def main() -> None:
    """Set the mark, then reach it."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("text", type=Path)
    parser.add_argument("--held-out", type=int, help="characters at the end (default a tenth)")
    parser.add_argument("--hidden", type=int, default=256, help="units of the plain loop (default 256)")
    parser.add_argument("--seconds", type=float, default=120, help="of the plain loop (default 120)")
    parser.add_argument("--budgets", type=int, nargs="+", default=[20, 30, 40, 60, 120], help="of ours")
    options = parser.parse_args()
    torch.set_flush_denormal(True)
    text = options.text.read_text(encoding="utf-8")
    held_out = options.held_out or len(text) // 10
    ids, mark = encoded(text), float("inf")
    text = text[-held_out:]
    for rate in RATES:
        nats, updates = plain_loss(
            ids[:-held_out], ids[-held_out:], rate, hidden=options.hidden, seconds=options.seconds
        )
        mark = min(mark, nats)
        print(
            f"plain loop, AdamW {rate:g}: {nats:.4f} nats after {options.seconds:g} s, {updates:,} updates",
            flush=True,
        )
    for budget in options.budgets:
        nats, took = our_loss(options.text, text, budget)
        print(f"charrnn train --max-time {budget}s: {nats:.4f} nats after {took:.1f} s", flush=True)
        if nats <= mark:
            print(f"the mark of {mark:.4f} is reached: {options.seconds / took:.1f} times as fast")
            return
    print(f"the mark of {mark:.4f} is not reached")


if __name__ == "__main__":
    main()
