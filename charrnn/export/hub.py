"""A folder that a model hub takes: the checkpoint as it is, its configuration, and a model card."""

import json
import shlex
from dataclasses import asdict
from pathlib import Path
from typing import Any

from charrnn import __version__
from charrnn.errors import UsageError
from charrnn.export.hub_card import card
from charrnn.export.source import Check, Export, Source
from charrnn.runs.checkpoint import Checkpoint
from charrnn.runs.folder import EXPORTED
from charrnn.text.answers import ANSWERS
from charrnn.text.vocabulary_file import vocabulary_to_json


def folder(source: Source) -> Export:
    """The folder of a model.

    Raises:
        UsageError: no licence is named.
    """
    if source.settings.license is None:
        raise UsageError(
            "a model that others may load needs a licence, and no --license is given; give its SPDX "
            "identifier, such as mit or cc-by-4.0; or other"
        )
    content = {
        EXPORTED: source.path.read_bytes(),
        "config.json": json.dumps(configuration(source.model), indent=2).encode(),
        "README.md": card(source).encode(),
    }
    place = Path(source.file)
    upload = shlex.join(["hf", "upload", f"USER/{place.name}", str(place)])
    return Export(content, Check(0, 0.0, 0.0), f"upload it with {upload}")


def configuration(model: Checkpoint) -> dict[str, Any]:
    """What the model is made of, for programs."""
    found: dict[str, Any] = {
        "model_type": "charrnn",
        "charrnn_version": __version__,
        "task": model.task,
        **asdict(model.architecture),
        "parameters": model.architecture.parameters,
        "reading": asdict(model.reading),
        "vocabulary": vocabulary_to_json(model.vocabulary),
    }
    if kind := ANSWERS.get(model.task):
        found[kind.name] = list(model.answers)
    return found
