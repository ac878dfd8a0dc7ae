"""`charrnn train --dry-run`: what a run would be. The text is encoded into a temporary folder."""

import errno
import math
import os
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import Any

import torch
from rich.filesize import decimal

from charrnn.commands.caller import Caller, shown
from charrnn.commands.hints import hints, unlike_lines
from charrnn.commands.learning_text import encode, read_answers, read_text
from charrnn.commands.new_run import planned, prepared
from charrnn.commands.plan_line import extent, in_words
from charrnn.commands.task import make_task
from charrnn.config.settings import ReadingSettings
from charrnn.display.tables import print_result, two_columns
from charrnn.runs.checkpoint import Checkpoint
from charrnn.runs.folder import Run, free_folder
from charrnn.runs.report import Display, Report
from charrnn.text.answers import Names
from charrnn.text.arrays import check_space, writable
from charrnn.text.corpus import Corpus
from charrnn.text.dataset import Dataset
from charrnn.text.parts import Part
from charrnn.text.shared_lines import duplicate_records
from charrnn.text.vocabulary import Vocabulary
from charrnn.text.vocabulary_entries import symbol_entries
from charrnn.training.memory import checkpoints_bytes, left_bytes, needed_bytes, space_bytes
from charrnn.training.plan import Plan
from charrnn.training.transfer import Transfer, transferred

MOST_ODDITIES = 10
"""Lines of characters that deserve a second look; `charrnn vocab` shows them all."""

Rows = Iterator[tuple[str, str]]


def dry_run(given: Mapping[str, Any], caller: Caller, prompt: str | None = None) -> None:
    """Print what `train` would do with these settings, or fail as it would; nothing is left behind.

    Args:
        given: the settings that were set, by name.
        caller: who asks for it.
        prompt: as it was typed, instead of the settings' own, which is the text itself.
    """
    settings, source = prepared(given, prompt)
    with shown(caller, quiet=settings.output.quiet) as on_terminal:
        display = NotesKept(on_terminal)
        corpus, vocabulary = read_text(settings, display)
        answers = read_answers(corpus)
        folder = Path(settings.output.run) if settings.output.run else free_folder(corpus.name)
        place = place_for(folder)
        with TemporaryDirectory(prefix="charrnn-") as scratch:
            dataset = encode(corpus, vocabulary, settings, Run(Path(scratch)), display, answers=answers)
            plan = planned(settings, dataset, vocabulary, answers, display)
            encoded_bytes = sum(file.stat().st_size for file in Path(scratch).iterdir())
            rows = [*rows_of_text(corpus, vocabulary, dataset), *[("notice", text) for text in display.notes]]
            advice = [] if dataset.validation is None else unlike_lines(dataset, vocabulary)
            del dataset  # some systems remove no file that is mapped
        advice += hints(corpus, settings.machine.threads)
        rows += [("hint", text) for text in advice]
        rows += rows_of_plan(plan)
        if source is not None:
            transfer = transfer_to(plan, source, vocabulary, answers)
            rows.append(("from", f"{settings.model.init_from}: {transfer}"))
        rows += rows_of_disk(plan, encoded_bytes, place)
        rows.append(("run", f"{folder}, which --dry-run does not make"))
    print_result(two_columns(rows))


def place_for(folder: Path) -> Path:
    """The folder that is there already in which the run would be made.

    Raises:
        CharRNNError: nothing can be made in it.
    """
    with writable(folder):
        place = next(parent for parent in folder.absolute().parents if parent.exists())
        if not place.is_dir():
            raise OSError(errno.ENOTDIR, os.strerror(errno.ENOTDIR))
        if not os.access(place, os.W_OK | os.X_OK):
            raise OSError(errno.EACCES, os.strerror(errno.EACCES))
    return place


class NotesKept:
    """A display that keeps its notes, which are part of the result.

    Args:
        display: shows everything else.
    """

    def __init__(self, display: Display) -> None:
        self.display = display
        self.notes: list[str] = []

    def __enter__(self) -> "NotesKept":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        pass

    def note(self, text: str) -> None:
        """Keep it."""
        self.notes.append(text)

    def reading(self, line: str, share: float | None) -> None:
        """Show it."""
        self.display.reading(line, share)

    def stage(self, what: str) -> None:
        """Show it."""
        self.display.stage(what)

    def report(self, report: Report) -> None:
        """Show it."""
        self.display.report(report)

    def sample(self, title: str, text: str) -> None:
        """Show it."""
        self.display.sample(title, text)


def rows_of_text(corpus: Corpus, vocabulary: Vocabulary, dataset: Dataset) -> Rows:
    """What the text is like."""
    statistics, parts = corpus.statistics(), [part for part in (dataset.training, dataset.validation) if part]
    yield "text", corpus.names
    yield "encoding", encoding_of(corpus.reading)
    yield "characters", f"{extent(statistics)}, {decimal(statistics.file_bytes)} as read"
    yield "symbols", f"{len(vocabulary):,}"
    yield "to learn from", size_of(dataset.training)
    yield "held out", "nothing" if dataset.validation is None else size_of(dataset.validation)
    odd = [entry for entry in symbol_entries(vocabulary) if entry.flags and entry.count]
    for entry in odd[:MOST_ODDITIES]:
        called = f"{entry.code_point} {entry.name}".strip()
        yield "oddity", f"{called}, {entry.count:,}×: {', '.join(entry.flags)}"
    if len(odd) > MOST_ODDITIES:
        yield "oddity", f"and {len(odd) - MOST_ODDITIES:,} more, which charrnn vocab shows"
    if statistics.records:
        yield "duplicates", f"{duplicate_records(parts):,} of {statistics.records:,} lines repeat another one"


def encoding_of(reading: ReadingSettings) -> str:
    """What bytes are read as."""
    if reading.level == "byte":
        return "none: bytes are learnt"
    is_default = reading.encoding == "utf-8"
    errors = "" if reading.errors == "strict" else f", errors: {reading.errors}"
    return f"{reading.encoding}{', or as a byte-order mark says' if is_default else ''}{errors}"


def size_of(part: Part) -> str:
    """How long a part of the text is."""
    return f"{part.characters:,} characters{part.divided}"


def rows_of_plan(plan: Plan) -> Rows:
    """What would be trained, how long, and in how much memory."""
    yield "plan", in_words(plan)
    if plan.settings.budget.max_time and plan.updates is not None:
        yield "", "timed just now, since --max-time bounds the run: a busier machine gets another plan"
    free = left_bytes(plan)
    known = "" if math.isinf(free) else f", of {decimal(int(max(0.0, free)))} free"
    yield "memory", f"about {decimal(needed_bytes(plan))}{known}"


def rows_of_disk(plan: Plan, encoded_bytes: int, place: Path) -> Rows:
    """What the run folder would take in a place.

    Raises:
        ResourceError: there is no room for it.
    """
    of_checkpoints = checkpoints_bytes(plan)
    check_space(place, encoded_bytes + space_bytes(plan))
    yield (
        "disk",
        f"about {decimal(encoded_bytes + of_checkpoints)}: the encoded text {decimal(encoded_bytes)}, "
        f"checkpoints (last, previous, best) {decimal(of_checkpoints)}; of "
        f"{decimal(shutil.disk_usage(place).free)} free",
    )


def transfer_to(plan: Plan, source: Checkpoint, vocabulary: Vocabulary, answers: Names) -> Transfer:
    """What of a model's weights the new network would take."""
    task = make_task(plan.settings, vocabulary, answers=answers)
    fresh = task.network(plan.architecture, plan.settings.model.dropout, torch.Generator())
    return transferred(source, fresh.weights(), vocabulary, plan.architecture, answers)
