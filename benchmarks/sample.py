"""How fast a model writes, beside a PyTorch loop of the same sizes, and beside what the machine could do.

    python -m benchmarks.sample

Everything runs in turns in this process, so that a machine whose speed drifts drifts for all. Printed are
characters a second, whole texts being written: the network's step, the choice of a character, the text.

    torch   a loop over torch.nn with softmax and multinomial, one text, with and without oneDNN
    ours    1, 16 and 256 texts side by side
    ratio   ours at one text to the better PyTorch loop
    bound   what reading every weight once a character allows at the memory bandwidth measured here,
            by the dot product of an array as large as the weights, and the share of it that we reach
    of product   ours at 256 texts to the network's matrix products alone, 256 texts a product

Then how long the program takes from its start to the first character.
"""

import argparse
import itertools
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

os.environ |= {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}  # read when NumPy is imported

import numpy as np
import torch
from torch import nn

from charrnn.config.settings import ReadingSettings, Request, SampleSettings
from charrnn.decoding.sampler import BLOCK, write
from charrnn.model.architecture import Architecture
from charrnn.runs.checkpoint import Checkpoint, save
from charrnn.runs.checkpoint_facts import CorpusFacts, Progress
from charrnn.runs.language_model import language_model_of
from charrnn.text.vocabulary import Vocabulary

ALPHABET = "".join(map(chr, range(33, 98)))
EMBEDDING = 64
CELLS = ("rnn", "gru", "lstm")
SIZES = ((1, 256), (2, 512))
SIDE_BY_SIDE = (1, 16, 256)
ENDLESS = 2**62

MODULES: dict[str, Callable[..., nn.Module]] = {"rnn": nn.RNN, "gru": nn.GRU, "lstm": nn.LSTM}

Step = Callable[[], object]


def random_checkpoint(architecture: Architecture) -> Checkpoint:
    """A model that has learnt nothing, with weights of the size that PyTorch begins with."""
    generator, bound = np.random.default_rng(1), architecture.hidden**-0.5
    weights = {
        name: generator.uniform(-bound, bound, shape).astype(np.float32)
        for name, shape in architecture.shapes().items()
    }
    vocabulary = Vocabulary.from_text(ALPHABET)
    facts = CorpusFacts("random", "", 1, 1, 0, [1] * len(vocabulary))
    return Checkpoint(architecture, vocabulary, ReadingSettings(), facts, Progress(), {}, weights)


def torch_step(architecture: Architecture, *, onednn: bool) -> Step:
    """One character of the loop that most people write."""
    embedding = nn.Embedding(architecture.symbols, architecture.embedding)
    cell = MODULES[architecture.cell](architecture.embedding, architecture.hidden, architecture.layers)
    output = nn.Linear(architecture.hidden, architecture.symbols)
    kept: dict[str, Any] = {"state": None, "id": torch.zeros(1, 1, dtype=torch.long)}

    def step() -> None:
        with torch.inference_mode(), torch.backends.mkldnn.flags(enabled=onednn):
            outputs, kept["state"] = cell(embedding(kept["id"]), kept["state"])
            chances = torch.softmax(output(outputs[0]), dim=-1)
            kept["id"] = torch.multinomial(chances, 1)
            ALPHABET[int(kept["id"])]

    return step


def our_step(architecture: Architecture, texts: int) -> Step:
    """One character of each text; of many, every so many steps spell what was written since."""
    model = language_model_of(random_checkpoint(architecture))
    pieces = write(model, Request(length=ENDLESS, count=texts), SampleSettings())
    return lambda: deque(itertools.islice(pieces, texts), maxlen=0)  # a block gives a piece of every text


def product_step(architecture: Architecture, texts: int) -> Step:
    """The matrix products of one character of each text, and nothing else."""
    generator, rows = np.random.default_rng(1), architecture.gates * architecture.hidden
    reads = [architecture.hidden] + [2 * architecture.hidden] * (architecture.layers - 1)
    sizes = [(width, rows) for width in reads] + [(architecture.hidden, architecture.symbols)]
    arrays = [
        (generator.random((texts, width), np.float32), generator.random((width, high), np.float32))
        for width, high in sizes
    ]
    outs = [np.empty((texts, weights.shape[1]), np.float32) for _, weights in arrays]

    def step() -> None:
        for (values, weights), out in zip(arrays, outs, strict=True):
            np.matmul(values, weights, out=out)

    return step


def reading_step(architecture: Architecture) -> Step:
    """Read as many bytes as the weights that a character needs, once."""
    table = architecture.symbols * architecture.embedding
    first = architecture.gates * architecture.hidden * architecture.embedding
    numbers = (architecture.parameters - table - first) // 2
    ones, others = np.ones((2, numbers), np.float32)
    return lambda: np.dot(ones, others)


def seconds_a_call(steps: list[Step], seconds: float, rounds: int) -> list[float]:
    """The seconds that a call of each takes: the median over rounds in which they take turns."""
    found: list[list[float]] = [[] for _ in steps]
    for _ in range(rounds):
        for place, step in enumerate(steps):
            step()
            began, calls = time.perf_counter(), 0
            while (gone := time.perf_counter() - began) < seconds:
                step()
                calls += 1
            found[place].append(gone / calls)
    return [statistics.median(of_one) for of_one in found]


def compare(architecture: Architecture, seconds: float, rounds: int) -> str:
    """The row of one network."""
    steps = [torch_step(architecture, onednn=onednn) for onednn in (True, False)]
    steps += [our_step(architecture, texts) for texts in SIDE_BY_SIDE]
    steps += [reading_step(architecture), product_step(architecture, SIDE_BY_SIDE[-1])]
    *torches, one, some, many, reading, product = seconds_a_call(steps, seconds, rounds)
    per_call = BLOCK * np.array(SIDE_BY_SIDE[1:])
    rates = [1 / found for found in (*torches, one)] + [*(per_call / np.array([some, many]))]
    return (
        f"{architecture.cell:5}{architecture.layers}x{architecture.hidden:<4}"
        + "".join(f"{rate:11,.0f}" for rate in rates)
        + f"{min(torches) / one:7.1f}{1 / reading:11,.0f}{reading / one:6.0%}{product / (many / BLOCK):12.0%}"
    )


def first_character_seconds(path: Path) -> float:
    """From the start of the program to the first character it prints."""
    command = [sys.executable, "-m", "charrnn", "sample", "--checkpoint", str(path), "--length", "20"]
    began = time.perf_counter()
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:  # noqa: S603 - our own program
        assert process.stdout is not None  # noqa: S101
        process.stdout.read(1)
        gone = time.perf_counter() - began
        process.stdout.read()
    return gone


def cold_starts(rounds: int) -> Iterator[str]:
    """A line for each size."""
    with tempfile.TemporaryDirectory() as folder:
        for layers, hidden in SIZES:
            path = Path(folder) / f"{layers}x{hidden}.safetensors"
            save(path, random_checkpoint(Architecture("lstm", layers, hidden, EMBEDDING, len(ALPHABET))))
            found = [first_character_seconds(path) for _ in range(2 * rounds)]
            yield (
                f"lstm {layers}x{hidden}: first character after {statistics.median(found):.2f} s "
                f"(median of {len(found)}, worst {max(found):.2f} s)"
            )


def main() -> None:
    """Measure every cell at every size, then the start."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seconds", type=float, default=0.3, help="for each measurement (default 0.3)")
    parser.add_argument("--rounds", type=int, default=5, help="turns, of which the median counts (default 5)")
    options = parser.parse_args()
    torch.set_num_threads(1)
    print("              torch  no oneDNN     ours 1         16        256  ratio      bound      of product")
    for cell, (layers, hidden) in itertools.product(CELLS, SIZES):
        network = Architecture(cell, layers, hidden, EMBEDDING, len(ALPHABET))
        print(compare(network, options.seconds, options.rounds), flush=True)
    for line in cold_starts(options.rounds):
        print(line, flush=True)


if __name__ == "__main__":
    main()
