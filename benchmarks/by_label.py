"""Whether a model of --task generate writes texts that are as easily recognised as those of people.

    python -m benchmarks.by_label TRAIN.csv TEST.csv --checkpoint RUN

Naive Bayes on n-grams learns the labels of TRAIN. Printed is how often it is right on TEST, and on texts that
the model writes: so many of each label, each label counting as much as it has texts in TRAIN.
"""

import argparse
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

import charrnn
from charrnn.commands.corpora import counted, reading_of
from charrnn.display.plain import QuietDisplay
from charrnn.display.progress import ReadingProgress
from charrnn.evaluation.baselines.labels import naive_bayes
from charrnn.runs.checkpoint import Checkpoint, load
from charrnn.runs.folder import find_checkpoint
from charrnn.text.dataset_encoding import encode_examples
from charrnn.text.example_parts import Labelled

WRITTEN: Mapping[str, Any] = {"format": "tsv", "columns": "1,2", "header": False, "separator": None}


def examples(table: Path, model: Checkpoint, folder: Path, reading: Mapping[str, Any]) -> Labelled:
    """The texts of a table and their labels, as a model reads them."""
    corpus = counted((str(table),), reading_of(model, reading), QuietDisplay())
    progress = ReadingProgress(QuietDisplay(), "encoding")
    place = Path(tempfile.mkdtemp(dir=folder))
    part = encode_examples(corpus, model.vocabulary.marking(), model.answers, place, progress)
    if not isinstance(part, Labelled):
        raise TypeError(f"{table} has no labels")
    return part


def recognised(training: Labelled, part: Labelled) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Whether naive Bayes finds the label of each text, and the labels."""
    found, own = naive_bayes(training, part.texts), part.labels[part.texts.chosen]
    if found is None:
        raise ValueError("the table of n-grams would be too large")
    return found == own, own


def write(model: charrnn.Model, labels: tuple[str, ...], table: Path, count: int, seed: int) -> None:
    """Let a model write so many texts of each label."""
    with table.open("w", encoding="utf-8") as file:
        for label in labels:
            texts = model.samples(count, label=label, seed=seed)
            file.writelines(f"{text.replace(chr(9), ' ')}\t{label}\n" for text in texts)


def main() -> None:
    """Read the arguments, print the two shares."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("train", type=Path, metavar="TRAIN")
    parser.add_argument("test", type=Path, metavar="TEST")
    parser.add_argument("--checkpoint", metavar="RUN")
    parser.add_argument("--count", type=int, default=200, help="texts of each label")
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    model = load(find_checkpoint(asked.checkpoint))
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        write(charrnn.load(asked.checkpoint), model.answers, folder / "written.tsv", asked.count, asked.seed)
        training = examples(asked.train, model, folder, {})
        by_people, _ = recognised(training, examples(asked.test, model, folder, {}))
        by_model, own = recognised(training, examples(folder / "written.tsv", model, folder, WRITTEN))
    weights = np.bincount(training.labels[training.texts.chosen], minlength=len(model.answers))
    shares = [by_model[own == label].mean() for label in range(len(model.answers))]
    written = float(np.average(shares, weights=weights))
    share = by_people.mean()
    print(f"naive Bayes is right on {share:.1%} of {len(by_people):,} texts of {asked.test}")
    print(f"and on {written:.1%} of {len(own):,} texts that were written, or {written / share:.2f} of that")


if __name__ == "__main__":
    main()
