r"""A model as a web page that writes: template, style and scripts of `page/` around its weights.

The page makes no request, and its policy allows none: no script or style but its own, which it knows by their
hashes. What it is told of the model is data: two blocks that browsers do not run, of which nothing can break
out.

    facts      JSON, in ASCII, with < as \u003c
    weights    base64 of arrays one after the other, each from a multiple of 4 bytes on
"""

import base64
import hashlib
import html
import json
import re
from collections.abc import Mapping
from importlib.resources import files
from typing import Any

import numpy as np

from charrnn.decoding.cells import Array
from charrnn.decoding.prompt import read_prompt
from charrnn.export.html_check import checked
from charrnn.export.html_facts import facts
from charrnn.export.source import Export, Source
from charrnn.export.weights import Stored, restored, store
from charrnn.model.architecture import WRITING

SCRIPTS = (
    *("numbers.js", "decoder.js", "text.js", "sampler.js", "scorer.js", "tasks.js"),
    *("parts.js", "watching.js", "writing.js", "answering.js", "page.js"),
)
"""In the order in which they stand in the page."""

ALIGNMENT = 4
"""Of the arrays, in bytes: typed arrays of a browser begin nowhere else."""

_KINDS = {"f32": "<f4", "f16": "<f2", "int8": "i1"}


def page(source: Source) -> Export:
    """The page of a model, checked.

    Raises:
        UsageError: the prompt holds characters that the model does not know, or the weights do not fit.
        CharRNNError: the page does not compute what the model does.
    """
    model = source.model
    if model.task in WRITING:
        read_prompt(source.settings.prompt, model.vocabulary, model.reading.normalize)
    stored = store(model.weights, source.settings.weights or "f16")
    arrays, data = packed(stored)
    document = assembled(source.title, facts(source) | {"arrays": arrays}, data)
    check = checked(source, restored(stored), read_back(document))
    return Export(document, check, f"open {source.file} in a browser")


def packed(stored: Mapping[str, Stored]) -> tuple[list[dict[str, Any]], bytes]:
    """Arrays one after the other, and where each of them begins."""
    entries, data = [], bytearray()

    def add(array: np.ndarray[Any, Any], kind: str) -> int:
        data.extend(bytes(-len(data) % ALIGNMENT))
        begin = len(data)
        data.extend(array.astype(_KINDS[kind]).tobytes())
        return begin

    for name, array in stored.items():
        entry: dict[str, Any] = {"name": name, "kind": array.kind, "shape": list(array.values.shape)}
        entry["begin"] = add(array.values, array.kind)
        if array.scales is not None:
            entry["scales"] = add(array.scales, "f32")
        entries.append(entry)
    return entries, bytes(data)


def unpacked(entries: list[dict[str, Any]], data: bytes) -> dict[str, Array]:
    """The arrays that a page computes with, by name: the opposite of `packed`."""

    def take(kind: str, begin: int, size: int) -> np.ndarray[Any, Any]:
        return np.frombuffer(data, _KINDS[kind], size, begin)

    found = {}
    for entry in entries:
        kind, shape = entry["kind"], entry["shape"]
        values = take(kind, entry["begin"], int(np.prod(shape))).reshape(shape)
        scales = take("f32", entry["scales"], shape[0]) if "scales" in entry else None
        found[entry["name"]] = Stored(kind, values, scales).restored()
    return found


def assembled(title: str, told: Mapping[str, Any], data: bytes) -> bytes:
    """The whole page.

    Args:
        title: what it is called.
        told: the facts.
        data: the weights.
    """
    style = _template("style.css")
    script = "\n".join(map(_template, SCRIPTS))
    parts = {
        "policy": f"default-src 'none'; script-src '{_hash(script)}'; style-src '{_hash(style)}'; "
        "base-uri 'none'; form-action 'none'",
        "title": html.escape(_printable(title)),
        "style": style,
        "script": script,
        "facts": json.dumps(told).replace("<", "\\u003c"),
        "weights": base64.b64encode(data).decode("ascii"),
    }
    # In one pass: what stands in a part is never looked at again.
    document = re.sub(r"\{\{(\w+)\}\}", lambda found: parts[found[1]], _template("index.html"))
    return document.encode("utf-8")


def _template(name: str) -> str:
    return files("charrnn.export").joinpath("page", name).read_text(encoding="utf-8")


def _hash(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode("utf-8")).digest()).decode("ascii")


def _printable(text: str) -> str:
    """A text without what would steer: controls, bidirectional ones too, separators, lone surrogates."""
    return "".join(character if character.isprintable() else "\ufffd" for character in text)


def read_back(document: bytes) -> dict[str, Array]:
    """The weights that a page holds."""
    blocks = dict(
        re.findall(r'<script type="application/[\w-]+" id="(\w+)">(.*?)</script>', document.decode())
    )
    return unpacked(json.loads(blocks["facts"])["arrays"], base64.b64decode(blocks["weights"]))
