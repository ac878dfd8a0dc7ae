"""Examples under a model: those that are named, or what its run held out. Loads no torch by itself."""

import json
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from charrnn.commands.corpora import counted, reading_of
from charrnn.commands.scored_text import encoded_text
from charrnn.commands.scoring import Question, progress_display
from charrnn.display.new_files import put_new_file
from charrnn.display.progress import ReadingProgress
from charrnn.display.sanitizer import write_text
from charrnn.display.tables import print_result, two_columns
from charrnn.display.tables_page import Table, tables_page
from charrnn.errors import CheckpointError, UsageError
from charrnn.runs.checkpoint import Checkpoint
from charrnn.text.dataset import Dataset
from charrnn.text.dataset_encoding import encode_examples
from charrnn.text.parts import TaskPart
from charrnn.text.record_part import Records
from charrnn.text.shared_lines import are_repeated
from charrnn.text.sources import listed

Part = TypeVar("Part", bound=TaskPart)
Rows = Callable[[Mapping[str, Any]], list[tuple[str, str]]]
"""The rows of a table that show figures."""


Wrong = tuple[str, str, str]
"""A line that was wrong: what was read, what was right, what was found."""

MISTAKES = 500
"""Of the lines that were wrong, that a page shows."""


@contextmanager
def scored_examples(
    question: Question, path: Path, model: Checkpoint
) -> Iterator[tuple[TaskPart, Dataset | None]]:
    """The examples, and what the run keeps of the text that the model was trained on, if it does.

    Args:
        question: what a user asked for.
        path: the checkpoint.
        model: what it holds.

    Raises:
        CorpusError: they cannot be read.
        UsageError: the run held out nothing.
    """
    with TemporaryDirectory(prefix="charrnn-") as scratch:
        dataset = encoded_text(path, model) if question.settings.part else _kept_text(path, model)
        if question.settings.part and dataset is not None:
            part = dataset.examples[1]
            if part is None:
                raise UsageError("--part is validation, but the run held out nothing; give a text")
        else:
            with progress_display(streams=False) as display:
                corpus = counted(question.paths, reading_of(model, question.given), display)
                progress = ReadingProgress(display, "encoding")
                part = encode_examples(corpus, model.vocabulary, model.answers, Path(scratch), progress)
        yield part, dataset


def _kept_text(path: Path, model: Checkpoint) -> Dataset | None:
    try:
        return encoded_text(path, model)
    except (CheckpointError, UsageError):
        return None


def unseen(dataset: Dataset | None, texts: Records) -> NDArray[np.bool_] | None:
    """(R,) whether each text does not stand in what the model was trained on; None where that is gone."""
    return None if dataset is None else ~are_repeated(dataset.training, texts)


def lines_of(found: Mapping[str, Any]) -> str:
    """How many lines there are, and how many of them were not in training."""
    unseen_lines = found["unseen_lines"]
    not_seen = "" if unseen_lines is None else f", of which {unseen_lines:,} were not in training"
    return f"{found['lines']:,}{not_seen}"


def beside_unseen(found: Mapping[str, Any], name: str, what: str, digits: str = ".4f") -> str:
    """A figure, and beside it that of what was not in training, if that is some: `texts`, `lines`."""
    new, is_all = found["unseen"], found["unseen_lines"] == found["lines"]
    of_new = f"; {new[name]:{digits}} {what} that were not in training" if new and not is_all else ""
    return f"{found[name]:{digits}}{of_new}"


def training_examples(dataset: Dataset | None, kind: type[Part]) -> Part:
    """The examples that a model was trained on, for the baselines, which know no more.

    Raises:
        UsageError: they are not there.
    """
    if dataset is None or not isinstance(dataset.examples[0], kind):
        raise UsageError(
            "--baselines is given, but the run's text is not beside the checkpoint; leave it out"
        )
    return dataset.examples[0]


def report(
    question: Question,
    found: Mapping[str, Any],
    rows: Rows,
    wrong: Iterable[Wrong] = (),
    tables: Iterable[Table] = (),
) -> None:
    """Print the figures as one JSON object, or as a table; write the files that are wanted beside.

    Args:
        question: what a user asked for.
        found: the figures, by name.
        rows: makes those of the table.
        wrong: the lines that were wrong.
        tables: shown on a page, if one is wanted.
    """
    settings = question.settings
    lines = list(wrong) if settings.wrong is not None or settings.html is not None else []
    if settings.wrong is not None:
        put_new_file(
            settings.wrong, "--wrong", *(_line(each).encode("utf-8", "surrogatepass") for each in lines)
        )
    if settings.html is not None:
        title = listed(question.paths) if question.paths else "What was held out"
        mistakes = Table("The first lines that were wrong", _WRONG, lines[:MISTAKES])
        page = tables_page(title, rows(found), [*tables, mistakes])
        put_new_file(settings.html, "--html", page.encode("utf-8"))
    if question.json_wanted:
        write_text(sys.stdout, json.dumps(found) + "\n")
    else:
        print_result(two_columns(rows(found)))


def _line(wrong: Wrong) -> str:
    return "\t".join(cell.translate(_PARTING) for cell in wrong) + "\n"


_PARTING = str.maketrans("\t\r\n", "   ")
_WRONG = ("text", "its own", "the model's")
