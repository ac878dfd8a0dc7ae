"""How fast a network learns, beside a plain PyTorch loop of the same sizes, batch and optimizer.

    python -m benchmarks.train

Both run in turns, each in a process of its own as they would at home, so that a machine whose speed drifts
drifts for both. Printed are characters a second of the plain loop in float32, and of ours in float32 and in
the precision that `--precision auto` takes for that size on this machine; ours by the plain one's; ours as a
share of the rate of large matrix products in its precision, measured in between; and what Muon costs.
"""

import argparse
import multiprocessing
import statistics
import time
from collections.abc import Callable
from multiprocessing.connection import Connection

import numpy as np
import torch
from torch import nn

from charrnn.model.architecture import Architecture
from charrnn.model.cells import CELLS
from charrnn.model.network import CharRNN
from charrnn.tasks.language import LanguageTask
from charrnn.tasks.windows import Streams
from charrnn.text.vocabulary import Vocabulary
from charrnn.training.fast_precision import precision_for
from charrnn.training.machine import keep_freed_memory, multiplies_in_half
from charrnn.training.optimizers import make_optimizers
from charrnn.training.schedule import Budget
from charrnn.training.trainer import Trainer

SYMBOLS, EMBEDDING = 65, 64
SIZES = ((2, 128, 50, 50), (1, 256, 16, 64), (2, 256, 64, 128), (1, 512, 32, 128))
"""Layers, hidden, batch, time."""

MODULES: dict[str, Callable[..., nn.Module]] = {"rnn": nn.RNN, "gru": nn.GRU, "lstm": nn.LSTM}

TASK = LanguageTask(Vocabulary.from_text("abc"))
"""Its losses do not depend on which symbols there are."""

Step = Callable[[], None]
Size = tuple[int, int, int, int]


class Plain(nn.Module):
    """What most people write."""

    def __init__(self, cell: str, layers: int, hidden: int, symbols: int = SYMBOLS) -> None:
        super().__init__()
        self.embedding = nn.Embedding(symbols, EMBEDDING)
        self.cell = MODULES[cell](EMBEDDING, hidden, layers, batch_first=True)
        self.output = nn.Linear(hidden, symbols)


def plain_step(cell: str, layers: int, hidden: int, batch: int, steps: int) -> Step:
    """One update of the plain loop, state carried, gradients clipped, AdamW."""
    model = Plain(cell, layers, hidden)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
    ids = torch.randint(SYMBOLS, (batch, steps + 1))
    kept: dict[str, object] = {"state": None}

    def step() -> None:
        outputs, state = model.cell(model.embedding(ids[:, :-1]), kept["state"])
        loss = nn.functional.cross_entropy(model.output(outputs).flatten(0, 1), ids[:, 1:].flatten())
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        kept["state"] = tuple(part.detach() for part in state) if isinstance(state, tuple) else state.detach()

    return step


def our_step(network: Architecture, batch: int, steps: int, *, precision: str, optimizer: str) -> Step:
    """One update of ours."""
    model = CharRNN(network, 0.0, torch.Generator().manual_seed(1))
    ids = np.random.default_rng(1).integers(SYMBOLS, size=200_000).astype(np.uint8)
    optimizers = make_optimizers(model, optimizer, 1e-3, 0.01)
    budget = Budget(10**9, None)
    streams = Streams(ids, batch, steps)
    trainer = Trainer(model, TASK, streams, optimizers, budget, gradient_clip=1.0, precision=precision)
    updates = iter(trainer)
    return lambda: (next(updates), None)[1]


def matrix_product(precision: str, size: int = 2048) -> Step:
    """A large matrix product."""
    dtype = torch.bfloat16 if precision == "bf16" else torch.float32
    a, b, out = (torch.randn(size, size).to(dtype) for _ in range(3))
    return lambda: (torch.mm(a, b, out=out), None)[1]


def operations(layers: int, hidden: int, gates: int) -> int:
    """Floating-point operations of the matrix products for one character, forward and backward."""
    widths = [EMBEDDING] + [hidden] * (layers - 1)
    weights = sum(gates * hidden * (width + hidden) for width in widths) + hidden * SYMBOLS
    return 6 * weights


def rate(step: Step, seconds: float) -> float:
    """Calls a second."""
    step()
    began, calls = time.perf_counter(), 0
    while time.perf_counter() - began < seconds:
        step()
        calls += 1
    return calls / (time.perf_counter() - began)


def plain_process(orders: Connection, threads: int) -> None:
    """Measure the plain loop whenever asked: a cell and a size, and for how long; ends at None."""
    torch.set_num_threads(threads)
    made: dict[object, Step] = {}
    while (order := orders.recv()) is not None:
        cell, size, seconds = order
        if (cell, size) not in made:
            made = {(cell, size): plain_step(cell, *size)}
        orders.send(rate(made[cell, size], seconds))


def compare(cell: str, size: Size, plain: Connection, seconds: float, rounds: int) -> str:
    """A line of the table: the medians over the turns, for ratios those of each turn."""
    layers, hidden, batch, length = size
    network = Architecture(cell, layers, hidden, EMBEDDING, SYMBOLS)
    chosen = precision_for(network, batch, half=multiplies_in_half(torch.device("cpu")))
    ours = [
        our_step(network, batch, length, precision="fp32", optimizer="adamw"),
        our_step(network, batch, length, precision=chosen, optimizer="adamw"),
        our_step(network, batch, length, precision=chosen, optimizer="muon"),
        matrix_product(chosen),
    ]
    found: list[list[float]] = []
    for _ in range(rounds):
        plain.send((cell, size, seconds))
        found.append([plain.recv(), *(rate(step, seconds) for step in ours)])
    theirs, full, auto, muon, product = (statistics.median(of_one) for of_one in zip(*found, strict=True))
    full_ratio, auto_ratio = (statistics.median(turn[k] / turn[0] for turn in found) for k in (1, 2))
    cost = statistics.median(1 - turn[3] / turn[2] for turn in found)
    characters = batch * length
    share = auto * characters * operations(layers, hidden, network.gates) / (product * 2 * 2048**3)
    name = f"{cell:5} {layers}x{hidden:<4}{batch:3} x {length:<4}"
    in_full = f"{theirs * characters:9,.0f}  {full * characters:9,.0f}  {full_ratio:5.2f}"
    in_auto = f"{chosen}  {auto * characters:9,.0f}  {auto_ratio:5.2f}"
    return f"{name}{in_full}   {in_auto}  {share:17.0%}  {muon * characters:9,.0f}  {cost:17.0%}"


def main() -> None:
    """Measure every cell at every size."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seconds", type=float, default=0.5, help="for each measurement (default 0.5)")
    parser.add_argument("--rounds", type=int, default=9, help="turns, of which the median counts (default 9)")
    parser.add_argument("--cells", nargs="+", choices=list(CELLS), default=list(CELLS))
    parser.add_argument(
        "--size",
        nargs=4,
        type=int,
        metavar=("LAYERS", "HIDDEN", "BATCH", "STEPS"),
        help="measure this one instead of the usual four",
    )
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.set_flush_denormal(True)
    keep_freed_memory()
    spawn = multiprocessing.get_context("spawn")
    plain, its_end = spawn.Pipe()
    process = spawn.Process(target=plain_process, args=(its_end, options.threads))
    process.start()
    print(
        "cell  size           plain    in fp32  ratio   auto       ours  ratio  of matrix product  "
        "with Muon  optimizer's share"
    )
    for cell in options.cells:
        for size in [tuple(options.size)] if options.size else SIZES:
            print(compare(cell, size, plain, options.seconds, options.rounds), flush=True)
    plain.send(None)
    process.join()


if __name__ == "__main__":
    main()
