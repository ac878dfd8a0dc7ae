"""`charrnn export`: a model in a file for others. Loads no torch."""

import json
import sys
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

from charrnn.config.declaration import flat, option_name
from charrnn.config.settings import ExportSettings
from charrnn.display.new_files import check_new_file, put_new_file, put_new_folder
from charrnn.display.sanitizer import visible, write_text
from charrnn.display.tables import print_result, two_columns
from charrnn.errors import UsageError
from charrnn.export.formats import FORMATS, Format, format_of
from charrnn.export.source import Export, Source
from charrnn.model.architecture import WRITING
from charrnn.runs.checkpoint import load
from charrnn.runs.folder import find_checkpoint

FILE = "FILE"
"""What the argument is called."""


def export(file: str, checkpoint: str | None, settings: ExportSettings, *, json_wanted: bool) -> None:
    """Write a model in the format that the file's name asks for, and say what it is worth.

    Args:
        file: where to, something new.
        checkpoint: the model's path, or None for the newest run.
        settings: how.
        json_wanted: whether to print one JSON object.

    Raises:
        UsageError: something stands there already, or the settings are not for this format.
        CheckpointError: there is no such model.
    """
    form = format_of(file)
    settings = _settings_for(form, settings)
    check_new_file(file, FILE)
    path = find_checkpoint(checkpoint)
    source = Source(file, path, load(path), settings)
    made = form.make(source)
    _put(file, made)
    found = _facts(file, form, source, made)
    if json_wanted:
        write_text(sys.stdout, json.dumps(found) + "\n")
    else:
        print_result(two_columns(_rows(found, source)))
        sys.stderr.write(f"charrnn: {visible(made.next_step)}\n")


def _settings_for(form: Format, settings: ExportSettings) -> ExportSettings:
    """The settings, resolved for a format.

    Raises:
        UsageError: it does not have them.
    """
    chosen = settings.weights or form.weights[0]
    if chosen not in form.weights:
        raise UsageError(
            f"--weights is {chosen}, but {form.ending} has {' or '.join(form.weights)}; give one of these"
        )
    for name, value in flat(settings).items():
        if name != "weights" and value and name not in form.options:
            others = [other.ending for other in FORMATS.values() if name in other.options]
            fit = f"is for {' and '.join(others)}" if others else "is for no format here"
            raise UsageError(f"{option_name(name)} {fit}, not for {form.ending}; leave it out")
    return replace(settings, weights=chosen)


def _put(file: str, made: Export) -> None:
    """Write what is complete, all of it or nothing."""
    if isinstance(made.content, Mapping):
        put_new_folder(file, FILE, made.content)
        return
    others = {str(_beside(file, ending)): content for ending, content in made.beside.items()}
    for other in others:
        check_new_file(other, FILE)
    with ExitStack() as undo:
        for path, content in {**others, file: made.content}.items():
            put_new_file(path, FILE, content)
            undo.callback(Path(path).unlink, missing_ok=True)
        undo.pop_all()


def _beside(file: str, ending: str) -> Path:
    path = Path(file)
    return path.with_name(f"{path.stem}{ending}{path.suffix}")


def _facts(file: str, form: Format, source: Source, made: Export) -> dict[str, Any]:
    """What there is to say, by name."""
    content = made.content
    size = sum(map(len, content.values())) if isinstance(content, Mapping) else len(content)
    return {
        "format": form.name,
        "file": str(Path(file)),
        "beside": [str(_beside(file, ending)) for ending in made.beside],
        "bytes": size + sum(map(len, made.beside.values())),
        "weights": source.settings.weights,
        "parameters": source.model.architecture.parameters,
        "checked_characters": made.check.characters,
        "largest_logit_difference": made.check.largest_logit_difference,
        "bits_lost_per_character": made.check.bits_lost_per_character,
    }


def _rows(found: Mapping[str, Any], source: Source) -> list[tuple[str, str]]:
    lost, of = found["bits_lost_per_character"], "character" if source.model.task in WRITING else "answer"
    return [
        ("written", f"{' and '.join([found['file'], *found['beside']])}, {found['bytes'] / 1e6:,.2f} MB"),
        ("model", f"{source.path}, {found['parameters']:,} parameters as {found['weights']}"),
        ("checked", _checked(found, source)),
        (
            f"bits lost per {of}",
            "not measured: there is no held-out text" if lost is None else f"{lost:.5f}",
        ),
    ]


def _checked(found: Mapping[str, Any], source: Source) -> str:
    if not found["checked_characters"]:
        return f"the model is {source.path}, byte for byte"
    return (
        f"logits differ by at most {found['largest_logit_difference']:.1e} over "
        f"{found['checked_characters']:,} characters"
    )
