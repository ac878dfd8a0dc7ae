"""Models as graphs of ONNX, with all that a program needs to use them: weights, vocabulary, how text is read.

Knows nothing of files.
"""

import json
from collections.abc import Mapping

from onnx.checker import check_model

from charrnn.display.sanitizer import visible
from charrnn.errors import CharRNNError
from charrnn.export import onnx_check, onnx_networks
from charrnn.export.source import Export, Source
from charrnn.export.weights import Stored, store
from charrnn.model.architecture import (
    WRITING,
    ClassifierArchitecture,
    TaggerArchitecture,
    TranslationArchitecture,
)
from charrnn.runs.checkpoint import Checkpoint
from charrnn.text.answers import ANSWERS
from charrnn.text.tag_schemes import possible

DECODER = "-decoder"
"""What the file of a translator's second graph is called, after the stem of the first one's name."""

_MOST_BYTES = 2**31 - 2**20
"""Of a file in the format of protocol buffers, with room for what is not weights."""


def graphs(source: Source) -> Export:
    """A model as a graph; a translator as two, its encoder and a step of its decoder.

    Raises:
        CharRNNError: the model is too large for the format, or the graph does not compute what it does.
    """
    model, settings = source.model, source.settings
    stored = store(model.weights, settings.weights or "f32")
    size = sum(one.values.nbytes for one in stored.values())
    if size > _MOST_BYTES:
        raise CharRNNError(
            f"the weights take {size / 1e9:.1f} GB as {settings.weights}, and a file of ONNX has at most "
            "2.1 GB; give --weights f16 or int8"
        )
    made = {name: network.model(_metadata(source)) for name, network in networks(model, stored).items()}
    for graph in made.values():
        check_model(graph, full_check=True)
    files = {name: graph.SerializeToString(deterministic=True) for name, graph in made.items()}
    return Export(
        content=files.pop(""),
        beside=files,
        check=onnx_check.checked(source, stored, [*made.values()]),
        next_step="docs/export-onnx.md of charrnn has programs that use it, in Python, JavaScript and C++",
    )


def networks(model: Checkpoint, stored: Mapping[str, Stored]) -> dict[str, onnx_networks.Network]:
    """The graphs of a model, by what the names of their files have after the stem."""
    architecture = model.architecture
    if isinstance(architecture, ClassifierArchitecture):
        return {"": onnx_networks.classifier(architecture, stored, model.temperature)}
    if isinstance(architecture, TaggerArchitecture):
        return {"": onnx_networks.tagger(architecture, stored, possible(model.answers))}
    if isinstance(architecture, TranslationArchitecture):
        reads = onnx_networks.encoder(architecture, stored)
        return {"": reads, DECODER: onnx_networks.decoder(architecture, stored)}
    return {"": onnx_networks.language(architecture, stored)}


def _metadata(source: Source) -> dict[str, str]:
    """What a program has to know beside the graph: lists of numbers parted by blanks, of texts as JSON."""
    model, settings = source.model, source.settings
    vocabulary, reading = model.vocabulary, model.reading
    found = {
        "title": source.title,
        "license": settings.license,
        "command": source.command,
        "task": model.task,
        "cell": model.architecture.cell,
        "layers": model.architecture.layers,
        "hidden": model.architecture.hidden,
        "level": reading.level,
        "mode": reading.mode,
        "normalize": reading.normalize,
        "newlines": reading.newlines,
        "restore": reading.restore,
        "codes": " ".join(map(str, vocabulary.codes.tolist())),
        "end": vocabulary.end,
        "unknown": vocabulary.unknown,
    }
    if model.task in WRITING:
        found["starts"] = " ".join(map(str, model.corpus.starts))
    if kind := ANSWERS.get(model.task):
        found[kind.name] = json.dumps(model.answers)
    return {name: visible(str(value)) for name, value in found.items() if value is not None}
