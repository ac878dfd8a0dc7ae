"""`charrnn vocab`: the characters of a text or of a checkpoint. Does not load torch."""

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from rich import box
from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from charrnn.commands.corpora import counted, make_vocabulary, reading_of
from charrnn.config.declaration import build, option_name
from charrnn.config.settings import ReadingSettings, VocabularySettings
from charrnn.display.new_files import check_new_file, put_new_file
from charrnn.display.sanitizer import visible, write_text
from charrnn.display.tables import print_result
from charrnn.errors import UsageError
from charrnn.runs.checkpoint import Checkpoint, load
from charrnn.runs.folder import find_checkpoint
from charrnn.text.unknowns import Unknown, unknown_report
from charrnn.text.vocabulary import Vocabulary
from charrnn.text.vocabulary_entries import symbol_entries
from charrnn.text.vocabulary_file import vocabulary_to_json


def vocab(
    corpus: tuple[str, ...],
    checkpoint: str | None,
    output: str | None,
    given: Mapping[str, Any],
    *,
    json_wanted: bool,
) -> None:
    """Print a table of characters, or what of a text a model does not know.

    Args:
        corpus: paths; empty for the characters of the checkpoint.
        checkpoint: a model's path; None for the characters of the corpus.
        output: a file for the vocabulary as JSON.
        given: reading settings, and those of the vocabulary, that were set.
        json_wanted: one JSON object instead of a table.
    """
    _check(corpus, checkpoint, output, given)
    if output is not None:
        check_new_file(output, "--output", corpus)
    model = load(find_checkpoint(checkpoint)) if checkpoint is not None else None
    if corpus and model is not None:
        _show_unknown(corpus, model, given, json_wanted=json_wanted)
        return
    vocabulary, characters = (
        (model.vocabulary, model.corpus.characters)
        if model is not None
        else _count(corpus, build(ReadingSettings, given), build(VocabularySettings, given))
    )
    if output is not None:
        put_new_file(output, "--output", json.dumps(vocabulary_to_json(vocabulary)).encode())
    if json_wanted:
        _print_json(vocabulary, characters)
    else:
        print_result(table(vocabulary))


def _check(
    corpus: tuple[str, ...], checkpoint: str | None, output: str | None, given: Mapping[str, Any]
) -> None:
    """Refuse a call that asks for nothing, and options that would do nothing."""
    if not corpus and checkpoint is None:
        raise UsageError(
            "no corpus is given; name a text, or give --checkpoint for the characters of a model"
        )
    if checkpoint is not None and not corpus and given:
        options = ", ".join(map(option_name, given))
        raise UsageError(f"{options} says how a text is read, but none is given; name one, or leave it out")
    if checkpoint is not None and corpus and (output is not None or "min_count" in given):
        option = "--min-count" if output is None else "--output"
        raise UsageError(
            f"{option} is for the vocabulary of a text, but with --checkpoint the model's is compared; "
            "leave one of the two out"
        )


def _count(
    corpus: tuple[str, ...], reading: ReadingSettings, symbols: VocabularySettings
) -> tuple[Vocabulary, int]:
    """The vocabulary of a text, and how many characters it has."""
    text = counted(corpus, reading)
    return make_vocabulary(text, symbols), text.statistics().characters


def _print_json(vocabulary: Vocabulary, characters: int) -> None:
    names = ("character", "code_point", "name", "count", "share")
    entries = [{name: asdict(entry)[name] for name in names} for entry in symbol_entries(vocabulary)]
    found = {"characters": characters, "distinct": len(vocabulary), "entries": entries}
    write_text(sys.stdout, json.dumps(found) + "\n")


def table(vocabulary: Vocabulary) -> RenderableType:
    """The characters with their counts, most frequent first."""
    columns = Table(box=box.SIMPLE_HEAD, padding=(0, 1), header_style="bold")
    for name in ("character", "code point", "Unicode name"):
        columns.add_column(name, overflow="fold")
    columns.add_column("count", justify="right", overflow="fold")
    columns.add_column("share", justify="right", overflow="fold")
    columns.add_column("note", style="dark_orange3", overflow="fold")
    for entry in symbol_entries(vocabulary):
        shown = Text(visible(entry.character).replace("\n", "␊").replace("\t", "␉"))
        figures = (f"{entry.count:,}", f"{entry.share:.2%}")
        columns.add_row(shown, entry.code_point, entry.name, *figures, ", ".join(entry.flags))
    columns.caption = f"{len(vocabulary):,} symbols, {int(vocabulary.counts.sum()):,} in all"
    return columns


def _show_unknown(
    corpus: tuple[str, ...], model: Checkpoint, given: Mapping[str, Any], *, json_wanted: bool
) -> None:
    """Print what of a text a model does not know: each character, how often, and where it first stands."""
    text = counted(corpus, reading_of(model, given))
    report = unknown_report(text, model.vocabulary)
    if json_wanted:
        characters = text.statistics().characters
        write_text(
            sys.stdout, json.dumps({"characters": characters, "unknown": [asdict(u) for u in report]}) + "\n"
        )
    elif not report:
        write_text(sys.stdout, "the model knows every character of this text\n")
    else:
        print_result(unknown_table(report))


def unknown_table(report: Sequence[Unknown]) -> RenderableType:
    """Characters that a model does not know, the most frequent first."""
    columns = Table(box=box.SIMPLE_HEAD, padding=(0, 1), header_style="bold")
    for name in ("character", "code point", "Unicode name"):
        columns.add_column(name, overflow="fold")
    columns.add_column("count", justify="right", overflow="fold")
    columns.add_column("first in", overflow="fold")
    for unknown in report:
        place = f"{unknown.source}:{unknown.line}:{unknown.column}"
        shown = Text(visible(unknown.character))
        columns.add_row(shown, unknown.code_point, unknown.name, f"{unknown.count:,}", Text(visible(place)))
    return columns
