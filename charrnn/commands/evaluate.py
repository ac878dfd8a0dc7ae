"""`charrnn evaluate`: chooses the report about a text and a model; the default is the score."""

import json
import math
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from charrnn.commands.baselines import baselines, comparison
from charrnn.commands.doubts import doubts
from charrnn.commands.evaluate_classes import score_classes
from charrnn.commands.evaluate_labels import score_labels
from charrnn.commands.evaluate_pairs import score_pairs
from charrnn.commands.evaluate_tags import score_tags
from charrnn.commands.gradients import gradients
from charrnn.commands.per_character import per_character
from charrnn.commands.per_line import per_line
from charrnn.commands.scored_text import ScoredText
from charrnn.commands.scoring import Question, Subject, progress_display
from charrnn.commands.show import met, show, write_page
from charrnn.config.declaration import flat, option_name
from charrnn.config.settings import EvaluateSettings
from charrnn.display.new_files import check_new_file
from charrnn.display.sanitizer import write_text
from charrnn.display.tables import print_result, two_columns
from charrnn.errors import CheckpointError, DivergenceError, UsageError
from charrnn.evaluation.scores import LanguageScore
from charrnn.model.architecture import WRITING
from charrnn.model.measures import Kept
from charrnn.runs.checkpoint import Checkpoint, describe, load
from charrnn.runs.folder import find_checkpoint
from charrnn.text.passages import Passage
from charrnn.text.sources import listed
from charrnn.training.machine import whole_float32

REPORTS: dict[str, Callable[[Question], None]] = {
    "show": show,
    "per_line": per_line,
    "per_character": per_character,
    "gradients": gradients,
}
"""What is printed instead of the score, by the setting that asks for it."""


TASKS: dict[str, Callable[[Question, Path, Checkpoint], None]] = {
    "generate": score_labels,
    "classify": score_classes,
    "translate": score_pairs,
    "tag": score_tags,
}
"""How a model is scored that was trained for another task than that of language."""

OF_TASKS = {
    "generate": {"part", "html", "device"},
    "classify": {"part", "html", "device", "baselines", "min_probability", "wrong"},
    "translate": {"part", "html", "device", "baselines", "beam", "n_best", "wrong"},
    "tag": {"part", "html", "device", "baselines", "wrong"},
}
"""The settings that say something to each of these."""

NOT_OF_LANGUAGE = {"beam", "n_best", "min_probability", "wrong"}
"""Those that say nothing to a language model."""


def evaluate(question: Question) -> None:
    """Print how well a model predicts a text, or the report that is asked for.

    Raises:
        UsageError: what is asked for does not go together, or a page cannot be written.
    """
    settings = question.settings
    alone = [name for name in REPORTS if getattr(settings, name)]
    beside = [name for name in ("baselines", "html") if getattr(settings, name)]
    beside += ["json"] if settings.show and question.json_wanted else []
    if alone and len(alone + beside) > 1:
        first, second, *_ = map(option_name, alone + beside)
        raise UsageError(f"{first} and {second} are given, but {first} is printed alone; leave one out")
    for option, file in (("--html", settings.html), ("--wrong", settings.wrong)):
        if file is not None:
            check_new_file(file, option, question.paths)
    if len(question.checkpoints) > 1 and not settings.gradients:
        raise UsageError(
            f"--checkpoint is given {len(question.checkpoints)} times; only --gradients compares models; "
            "give one"
        )
    question.check_text()
    path = find_checkpoint(next(iter(question.checkpoints), None))
    task = describe(path).task
    _check_settings(question, task, path)
    with whole_float32():
        if (of_task := TASKS.get(task)) is None:
            report = REPORTS[alone[0]] if alone else score
            report(question)
        else:
            of_task(question, path, load(path))


def _check_settings(question: Question, task: str, path: Path) -> None:
    """Check that what is asked for says something to a model of this task.

    Raises:
        UsageError: it does not.
    """
    every = set(flat(EvaluateSettings()))
    known = OF_TASKS.get(task, every - NOT_OF_LANGUAGE)
    strange = [name for name in question.given if name in every - known]
    if strange:
        fit = [] if strange[0] in NOT_OF_LANGUAGE else ["language"]
        fit += [other for other, names in OF_TASKS.items() if strange[0] in names]
        name = "--wrong (or --errors FILE)" if strange[0] == "wrong" else option_name(strange[0])
        raise UsageError(
            f"{name} is for a model of --task {' or '.join(fit)}, and {path} is one of "
            f"--task {task}; leave it out"
        )
    # Those that answer are scored by NumPy; only those that write by PyTorch, on any device.
    if task not in WRITING and question.settings.device not in {"auto", "cpu"}:
        raise UsageError(
            f"--device is {question.settings.device}, and {path} is of --task {task}, which computes on the "
            "CPU; leave it out"
        )


def score(question: Question) -> None:
    """Print bits per character and what belongs to them, compared with others or a learning copy if asked."""
    settings = question.settings
    with progress_display(streams=False) as display:
        subject = question.subject(display)
        found: dict[str, Any] = {"checkpoint": str(subject.path), "window": settings.window}
        found |= figures(subject.scored(adapting=False), subject.text)
        for note in doubts(subject, found):
            display.note(note)
        if settings.adapt:
            found["adapted"] = _adapted(subject)
        rows = _rows(found, subject.text.reading.mode)
        if settings.html is not None:
            title = listed(question.paths) if question.paths else subject.text.name
            write_page(settings.html, title, rows, met(subject))
        compared = baselines(subject, found["characters"]) if settings.baselines else []
    if question.json_wanted:
        more = {"baselines": [baseline.json() for baseline in compared]} if settings.baselines else {}
        write_text(sys.stdout, json.dumps(found | more) + "\n")
        return
    print_result(two_columns(rows))
    if compared:
        write_text(sys.stdout, "\n")
        print_result(comparison(compared, found["bits_per_character"]))


def _adapted(subject: Subject) -> dict[str, Any]:
    """The figures of a copy that learns, and how it does."""
    how = {name: value for name, value in asdict(subject.settings).items() if name.startswith("adapt_")}
    try:
        return figures(subject.scored(adapting=True), subject.text) | how
    except CheckpointError as error:  # the model itself was scored before
        rate = subject.settings.adapt_rate
        raise DivergenceError(
            f"--adapt-rate is {rate:g}, and the copy that learns diverged; give a lower one"
        ) from error


def figures(found: Iterable[tuple[Passage, Kept]], text: ScoredText | None = None) -> dict[str, Any]:
    """The score of a text by name.

    Args:
        found: the text, scored.
        text: knows how long it is, where the pieces cannot tell.
    """
    nats, characters, utf8_bytes, given_bytes, unknown, symbols = 0.0, 0, 0, 0, 0, 0
    for piece, kept in found:
        nats += float(kept[:, 0].sum(dtype="float64"))
        characters += int(piece.begins.sum())
        symbols += len(piece.ids) - piece.given
        utf8_bytes += piece.utf8_bytes
        given_bytes += piece.given_bytes
        unknown += piece.unknown
    if text is not None and text.characters is not None:
        characters = text.characters
    if text is not None and text.utf8_bytes is not None:
        utf8_bytes = max(1, text.utf8_bytes - given_bytes)
    score = LanguageScore(nats, symbols, characters)
    return {
        "characters": characters,
        "unknown_characters": unknown,
        "nats_per_character": score.nats_per_character,
        "bits_per_character": score.bits_per_character,
        "bits_per_byte": nats / math.log(2) / utf8_bytes,
        "perplexity": score.perplexity if math.isfinite(score.perplexity) else None,
    }


def _rows(score: Mapping[str, Any], mode: str | None) -> list[tuple[str, str]]:
    perplexity = score["perplexity"]
    carried = "carried through" if mode == "text" else "blank at the start of each line"
    state = f"blank every {score['window']:,} characters" if score["window"] else carried
    adapted = score.get("adapted")
    unknown = score["unknown_characters"]
    return [
        ("bits per character", f"{score['bits_per_character']:.4f}"),
        *([("… while it learns", f"{adapted['bits_per_character']:.4f}")] if adapted else []),
        ("nats per character", f"{score['nats_per_character']:.4f}"),
        ("bits per byte", f"{score['bits_per_byte']:.4f}"),
        ("perplexity", "infinite" if perplexity is None else f"{perplexity:.3f} per character"),
        ("characters", f"{score['characters']:,}, of which {unknown:,} unknown to the model"),
        ("state", state),
        ("model", str(score["checkpoint"])),
    ]
