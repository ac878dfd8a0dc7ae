"""Write the table of how many GPUs help into `docs/processes.md`, from the arithmetic of one update.

    python docs/processes.py

An update takes t(N) = max(launch, steps + operations / (N · rate)) + sum(N) seconds on N GPUs: the T steps of
a window come one after the other on any number of them, and only the products of a step are shared out. The
sum of B bytes takes 2 (N - 1) / N · B / bandwidth (Patarasu & Yuan 2009) and a latency for each of log2 N
stages. How long a step takes, and how many operations a second are made, follows from two rows of
`docs/performance.md`; what NVIDIA says of its links stands below.
"""

import math
import re
from pathlib import Path

from written import write_part

from charrnn.model.architecture import Architecture

FOLDER = Path(__file__).parent
PAGE = FOLDER / "processes.md"
BEGIN, END = "<!-- GPUs: written by docs/processes.py -->\n", "<!-- end of GPUs -->"

SYMBOLS, EMBEDDING, STEPS = 65, 64, 64
NETWORKS = ((1, 512), (2, 1024), (4, 2048))
GPUS = (2, 8, 64)

IN_A_MACHINE, BETWEEN_MACHINES = 450e9, 50e9
"""Bytes a second: NVLink of an H100, one way; an adapter of 400 gigabits a second for each GPU."""

GPUS_IN_A_MACHINE, STAGE_SECONDS = 8, 10e-6
"""Of a DGX H100; and how long a stage of a small sum takes."""

LARGEST = 1 << 16
"""The largest `--batch-size`."""


def network(layers: int, hidden: int) -> Architecture:
    """The LSTM of that size."""
    return Architecture("lstm", layers, hidden, EMBEDDING, SYMBOLS)


def operations(layers: int, hidden: int, batch: int) -> float:
    """Of the products of one update: two for each weight and symbol, forward, and twice that back."""
    widths = [EMBEDDING] + [hidden] * (layers - 1)
    weights = sum(4 * hidden * (width + hidden) for width in widths) + hidden * SYMBOLS
    return 6.0 * weights * batch * STEPS


def measured(row: str) -> list[float]:
    """Seconds of an update for each size of `benchmarks/gpu.py`, as its page has them."""
    page = (FOLDER / "performance.md").read_text(encoding="utf-8")
    (line,) = re.findall(rf"^\| {re.escape(row)} \|(.*)\|$", page, re.MULTILINE)
    return [float(cell.split(";")[0]) / 1000 for cell in line.split("|")]


def _solved() -> tuple[float, float]:
    """Seconds of all steps, and operations a second, with which the smallest and the largest come out."""
    small, _, large = measured("charrnn, bfloat16, graph")
    more = operations(2, 1024, 128) - operations(1, 512, 32)
    rate = more / (large - small)
    return small - operations(1, 512, 32) / rate, rate


def launch_seconds(layers: int) -> float:
    """What the launches of an update's kernels take, one by one."""
    one, *two = measured("charrnn, bfloat16, kernel by kernel")
    return one + (layers - 1) * (min(two) - one)


def sum_seconds(layers: int, hidden: int, gpus: int) -> float:
    """What the sum of all gradients takes."""
    bandwidth = IN_A_MACHINE if gpus <= GPUS_IN_A_MACHINE else BETWEEN_MACHINES
    sent = 2 * (gpus - 1) / gpus * 4 * network(layers, hidden).parameters
    return sent / bandwidth + STAGE_SECONDS * math.log2(gpus)


def seconds(layers: int, hidden: int, batch: int, gpus: int) -> float:
    """What an update takes; on one GPU it is a graph, and nothing is summed."""
    steps, rate = _solved()
    on_device = steps + operations(layers, hidden, batch) / (gpus * rate)
    if gpus == 1:
        return on_device
    return max(launch_seconds(layers), on_device) + sum_seconds(layers, hidden, gpus)


def least_batch(layers: int, hidden: int, gpus: int, speedup: float) -> int | None:
    """The smallest power of two, as a batch, at which so many GPUs are so much faster; None if none is."""
    for batch in (1 << power for power in range(5, 17) if 1 << power >= gpus):
        alone, together = (seconds(layers, hidden, batch, count) for count in (1, gpus))
        if alone >= speedup * together:
            return batch
    return None


def table() -> str:
    """For each network the bytes and operations, and from which batch on GPUs help."""
    head = [f"{gpus} GPUs: faster from; half as good as {gpus} from; at most" for gpus in GPUS]
    rows = [f"| LSTM | parameters | one sum | {' | '.join(head)} |", "|---" * (3 + len(GPUS)) + "|"]
    for layers, hidden in NETWORKS:
        parameters = network(layers, hidden).parameters
        cells = [f"{layers}×{hidden}", f"{parameters / 1e6:.1f} million", f"{4 * parameters / 1e6:,.0f} MB"]
        for gpus in GPUS:
            batches = [least_batch(layers, hidden, gpus, speedup) for speedup in (1, gpus / 2)]
            named = ["never" if batch is None else f"{batch:,}" for batch in batches]
            most = seconds(layers, hidden, LARGEST, 1) / seconds(layers, hidden, LARGEST, gpus)
            cells.append("; ".join([*named, f"{most:.1f}×"]))
        rows.append("| " + " | ".join(cells) + " |")
    return "\n".join(rows) + "\n"


if __name__ == "__main__":
    write_part(PAGE, BEGIN, table(), END)
