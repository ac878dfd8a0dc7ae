"""`charrnn info`: what a checkpoint contains. Does not load torch."""

import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

from charrnn.display.sanitizer import write_text
from charrnn.display.tables import print_result, two_columns
from charrnn.display.units import bits_of, figure_json
from charrnn.runs.checkpoint import Checkpoint, load
from charrnn.runs.checkpoint_facts import NATS
from charrnn.runs.folder import Run, find_checkpoint, named
from charrnn.runs.summary import newest


def info(checkpoint: str | None, *, json_wanted: bool) -> None:
    """Print the facts of a checkpoint, as a table or as one JSON object."""
    path = find_checkpoint(checkpoint)
    facts = info_of(path, load(path), is_run=names_a_run(checkpoint))
    if json_wanted:
        write_text(sys.stdout, json.dumps(facts) + "\n")
        return
    rows = [(name.replace("_", " "), _shown(value)) for name, value in facts.items() if value is not None]
    print_result(two_columns(rows))


def names_a_run(checkpoint: str | None) -> bool:
    """Whether a whole run is meant, not one of its files."""
    return checkpoint is None or named(checkpoint).is_dir()


def info_of(path: Path, model: Checkpoint, *, is_run: bool) -> dict[str, Any]:
    """The facts of a checkpoint by name.

    Args:
        path: where it is.
        model: what it holds.
        is_run: whether the run is meant that it belongs to: the weights are these, but how far training has
            come, and with what settings, is told by its newest checkpoint.
    """
    run = newest(Run(path.parent)) if is_run else None
    if run is not None:
        progress = run.progress.with_best_of(model.progress)
        model = replace(model, progress=progress, settings=run.settings)
    return {"checkpoint": str(path)} | model_facts(model)


def model_facts(checkpoint: Checkpoint) -> dict[str, Any]:
    """A checkpoint's facts by name."""
    network, progress, corpus = checkpoint.architecture, checkpoint.progress, checkpoint.corpus
    figure = progress.figure
    nats = progress if progress.unit == NATS else None
    return {
        "task": checkpoint.task,
        "cell": network.cell,
        "layers": network.layers,
        "hidden": network.hidden,
        "embedding": network.embedding,
        "parameters": network.parameters,
        "vocabulary_size": network.symbols,
        "level": checkpoint.reading.level,
        "mode": checkpoint.reading.mode,
        "normalize": checkpoint.reading.normalize,
        "corpus": corpus.name,
        "corpus_characters": corpus.characters,
        "training_characters": corpus.training_characters,
        "validation_characters": corpus.validation_characters,
        "corpus_fingerprint": corpus.fingerprint,
        "step": progress.step,
        "epoch": progress.epoch,
        "characters_seen": progress.characters_seen,
        "seconds": progress.seconds,
        "processes": checkpoint.settings.get("processes", 1),
        "finished": progress.finished,
        "training_nats_per_character": nats and nats.training_nats_per_character,
        "best_validation_nats_per_character": nats and nats.best_validation_nats_per_character,
        "best_validation_bits_per_character": bits_of(figure),
        "best_validation": figure_json(figure),
        "best_step": progress.best_step,
        "weights_sha256": checkpoint.fingerprint(),
        "settings": checkpoint.settings,
        "versions": checkpoint.versions,
    }


def _shown(value: object) -> str:
    if isinstance(value, dict) and value.keys() == {"name", "value"}:
        return f"{value['name'].replace('_', ' ')} {_shown(value['value'])}"
    if isinstance(value, dict):
        return ", ".join(f"{name} {part}" for name, part in value.items() if part not in {None, ""})
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    return f"{value:.4f}" if isinstance(value, float) else str(value)
