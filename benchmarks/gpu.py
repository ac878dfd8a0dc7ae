"""How fast a network learns on an NVIDIA GPU, beside a captured graph of a plain PyTorch LSTM.

    python -m benchmarks.gpu

For each size: updates a second of `torch.nn.LSTM` (embedding, linear output, cross-entropy, AdamW, bfloat16)
captured as a CUDA graph with its state and its batch in place; of our updates launched one kernel at a time;
and of ours as a graph, in each precision. Each is measured in turns with the others, and the median of the
rounds is printed with its share of the plain graph's rate. A dropout above zero is ours alone.
"""

import argparse
import statistics
import time
from collections.abc import Callable

import numpy as np
import torch
from torch import nn
from torch.nn.functional import cross_entropy, linear

from charrnn.model.architecture import Architecture
from charrnn.model.network import CharRNN
from charrnn.tasks.language import LanguageTask
from charrnn.tasks.windows import RESETS, Streams
from charrnn.text.vocabulary import Vocabulary
from charrnn.training.captured import Captured
from charrnn.training.optimizers import make_optimizers
from charrnn.training.schedule import Budget
from charrnn.training.trainer import Trainer
from charrnn.training.trial import is_better

SYMBOLS, EMBEDDING, TEXT = 65, 64, 1_000_000
SIZES = ((1, 512, 32, 64), (2, 384, 32, 64), (2, 1024, 128, 64))
"""Layers, hidden, batch, time."""

TASK = LanguageTask(Vocabulary.from_text("abc"))
"""Which symbols there are makes no difference to its losses."""

Size = tuple[int, int, int, int]
Updates = Callable[[int], None]
"""Makes so many updates, and returns when the device has."""


def plain_graph(size: Size) -> Updates:
    """What PyTorch brings, as one graph: no dropout, no clipping, one batch again and again."""
    layers, hidden, batch, steps = size
    half = torch.bfloat16
    embedding, output = nn.Embedding(SYMBOLS, EMBEDDING).cuda(), nn.Linear(hidden, SYMBOLS).cuda()
    cell = nn.LSTM(EMBEDDING, hidden, layers).cuda().to(half)
    cell.flatten_parameters()
    parameters = [*embedding.parameters(), *cell.parameters(), *output.parameters()]
    adamw = torch.optim.AdamW(parameters, lr=1e-3, fused=True, capturable=True)
    ids = torch.randint(SYMBOLS, (steps + 1, batch), device="cuda")
    state = [torch.zeros(layers, batch, hidden, dtype=half, device="cuda") for _ in range(2)]

    def update() -> None:
        values, after = cell(embedding(ids[:-1]).to(half), (state[0], state[1]))
        logits = linear(values, output.weight.to(half), output.bias.to(half)).float()
        loss = cross_entropy(logits.flatten(0, 1), ids[1:].flatten())
        loss.backward()  # type: ignore[no-untyped-call]
        adamw.step()
        adamw.zero_grad()
        for old, new in zip(state, after, strict=True):
            old.copy_(new.detach())

    side = torch.cuda.Stream()  # type: ignore[no-untyped-call]
    side.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(side):
        for _ in range(3):
            update()
    torch.cuda.current_stream().wait_stream(side)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        update()

    def updates(count: int) -> None:
        for _ in range(count):
            graph.replay()
        torch.cuda.synchronize()

    # A graph keeps no memory but its own: what it reads must stay.
    updates.reads = (parameters, adamw, ids, state)  # type: ignore[attr-defined]
    return updates


def ours(size: Size, precision: str, *, dropout: float, cell: str, graph: bool) -> Updates | None:
    """Our updates by the trainer; None where the graph is refused."""
    layers, hidden, batch, steps = size
    architecture = Architecture(cell, layers, hidden, EMBEDDING, SYMBOLS)
    model = CharRNN(architecture, dropout, torch.Generator().manual_seed(1)).cuda()
    model.generator = torch.Generator("cuda").manual_seed(1)
    ids = np.random.default_rng(1).integers(0, SYMBOLS, TEXT).astype(np.uint8)
    batches = Streams(ids, batch, steps, resets=RESETS)
    optimizers = make_optimizers(model, "muon", 0.01, 0.06)
    trainer = Trainer(
        model, TASK, batches, optimizers, Budget(None, None), gradient_clip=1.0, precision=precision
    )
    if graph:
        if not is_better(trainer, batches):
            return None
        trainer.make_fast = lambda: Captured(trainer, batches)
    advance = trainer.advance()

    def updates(count: int) -> None:
        for _ in range(count):
            advance(0.5)
        trainer.read()
        torch.cuda.synchronize()

    return updates


def milliseconds(updates: Updates, count: int) -> float:
    """Of one update."""
    began = time.perf_counter()
    updates(count)
    return (time.perf_counter() - began) / count * 1e3


def compare(size: Size, options: argparse.Namespace) -> None:
    """Measure one size in turns, and print it."""
    made: dict[str, Updates | None] = {"plain torch.nn.LSTM, graph": plain_graph(size)}
    for precision in options.precisions:
        for graph in (False, True):
            name = f"charrnn {precision}, {'graph' if graph else 'one kernel at a time'}"
            made[name] = ours(size, precision, dropout=options.dropout, cell=options.cell, graph=graph)
    taken: dict[str, list[float]] = {name: [] for name, updates in made.items() if updates is not None}
    for _ in range(options.rounds):
        for name, updates in made.items():
            if updates is not None:
                updates(3)
                taken[name].append(milliseconds(updates, 30))
    layers, hidden, batch, steps = size
    print(f"{layers}x{hidden}, {batch} x {steps} characters, dropout {options.dropout:g}")
    plain = statistics.median(taken["plain torch.nn.LSTM, graph"])
    for name in made:
        if name not in taken:
            print(f"  {name:<36} refused: it did not agree, or was slower")
            continue
        found = statistics.median(taken[name])
        rate = batch * steps / found * 1e3
        print(f"  {name:<36} {found:7.3f} ms  {rate:12,.0f} characters/s  {plain / found:5.2f} of plain")


def main() -> None:
    """Print a table for each size."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--size", nargs=4, type=int, action="append", metavar=("LAYERS", "HIDDEN", "B", "T"))
    parser.add_argument("--precisions", nargs="+", default=["fp32", "bf16", "fp16"])
    parser.add_argument("--dropout", type=float, default=0.0)
    parser.add_argument("--cell", default="lstm")
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    if not torch.cuda.is_available():
        parser.exit(0, "PyTorch finds no NVIDIA GPU here: there is nothing to measure\n")
    print(f"{torch.cuda.get_device_name()}, PyTorch {torch.__version__}")
    for size in options.size or SIZES:
        compare(tuple(size), options)


if __name__ == "__main__":
    main()
