"""How fast a text is scored, beside the training forward pass of the same network, and in how much memory.

    python -m benchmarks.evaluate --mebibytes 100

The text is that of `benchmarks/corpus.py`, of which the 99 most frequent characters are known, and the
network is not trained: what it costs to score does not depend on what was learnt. Measured is the whole path
from the file to the figure: reading, decoding, encoding, warming up, scoring. The forward pass is that of an
update of 32 × 64 characters, the loss and the graph for the backward pass included, before and after.
"""

import argparse
import tempfile
import time
from pathlib import Path

import numpy as np
import torch

from benchmarks.corpus import peak_mebibytes, write_text
from benchmarks.train import rate
from charrnn.commands.evaluate import figures
from charrnn.config.settings import ReadingSettings
from charrnn.evaluation.scores import scored
from charrnn.model.architecture import Architecture
from charrnn.model.network import CharRNN
from charrnn.model.readers import Carried
from charrnn.tasks.batches import NextSymbols
from charrnn.tasks.language import LanguageTask
from charrnn.text.corpus import Corpus
from charrnn.text.passages import passages
from charrnn.text.vocabulary import Vocabulary
from charrnn.text.vocabulary_counts import vocabulary_of

BATCH, LENGTH, EMBEDDING = 32, 64, 64


def forward_characters_per_second(model: CharRNN, task: LanguageTask, seconds: float) -> float:
    """Of the forward pass of training, a graph being recorded for the backward pass."""
    ids = torch.randint(model.architecture.symbols, (BATCH, LENGTH + 1))
    batch = NextSymbols(ids[:, :-1], ids[:, 1:], None, 0.0)
    model.train()
    return rate(lambda: (task.loss(model, batch, None), None)[1], seconds) * BATCH * LENGTH


def scored_characters_per_second(model: CharRNN, corpus: Corpus, vocabulary: Vocabulary) -> float:
    """Of the whole path from the file to the figure."""
    began = time.perf_counter()
    found = figures(scored(passages(corpus, vocabulary), Carried(model)))
    return int(found["characters"]) / (time.perf_counter() - began)


def main() -> None:
    """Measure one network, and print a line for each figure."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--mebibytes", type=int, default=4, help="size of the text")
    parser.add_argument("--cell", default="lstm", choices=("lstm", "gru", "rnn"))
    parser.add_argument("--hidden", type=int, default=256)
    parser.add_argument("--seconds", type=float, default=3.0, help="for each forward measurement")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "text.txt")
        write_text(path, options.mebibytes * 2**20)
        corpus = Corpus([str(path)], ReadingSettings())
        counts = corpus.statistics().counts
        frequent = np.sort(counts)[-100]  # the others are unknown, and become one symbol that is shown
        vocabulary = vocabulary_of(counts, "char", min_count=int(frequent))
        network = Architecture(options.cell, 1, options.hidden, EMBEDDING, len(vocabulary))
        model = CharRNN(network, 0.0, torch.Generator().manual_seed(1))
        before = forward_characters_per_second(model, LanguageTask(vocabulary), options.seconds)
        idle_mebibytes = peak_mebibytes()
        scoring = scored_characters_per_second(model, corpus, vocabulary)
        after = forward_characters_per_second(model, LanguageTask(vocabulary), options.seconds)
    forward = (before + after) / 2
    print(f"text          {corpus.statistics().characters:,} characters, {len(vocabulary)} symbols")
    print(f"forward pass  {before:,.0f} characters/s before, {after:,.0f} after")
    print(f"scoring       {scoring:,.0f} characters/s, {scoring / forward:.2f} of it")
    print(f"peak memory   {peak_mebibytes() - idle_mebibytes:,.0f} MiB more while scoring")


if __name__ == "__main__":
    main()
