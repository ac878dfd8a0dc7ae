"""The formats: one entry each, found by how the name of the file ends. To add one, add an entry."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from charrnn.errors import UsageError
from charrnn.export.source import Export, Source


@dataclass(frozen=True)
class Format:
    """A format.

    Attributes:
        name: what `--json` calls it.
        ending: how the name of its files ends, as the help shows it.
        weights: the kinds of weights that it has, the default first.
        options: the settings that are for it, beside these.
        make: makes the export, and checks it.
    """

    name: str
    ending: str
    weights: tuple[str, ...]
    options: frozenset[str]
    make: Callable[[Source], Export]


def _page(source: Source) -> Export:
    from charrnn.export.html import page

    return page(source)


def _onnx(source: Source) -> Export:
    try:
        from charrnn.export.onnx import graphs
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != "onnx":
            raise
        raise UsageError(
            "FILE.onnx needs the package onnx, which is not installed; run pip install 'charrnn[onnx]'"
        ) from error

    return graphs(source)


def _hub(source: Source) -> Export:
    from charrnn.export.hub import folder

    return folder(source)


FORMATS: dict[str, Format] = {
    ".html": Format(
        name="html",
        ending="FILE.html",
        weights=("f16", "f32", "int8"),
        options=frozenset({"title", "prompt"}),
        make=_page,
    ),
    ".onnx": Format(
        name="onnx",
        ending="FILE.onnx",
        weights=("f32", "f16", "int8"),
        options=frozenset({"title", "license"}),
        make=_onnx,
    ),
    "/": Format(
        name="hub",
        ending="FOLDER/",
        weights=("f32",),
        options=frozenset({"title", "license"}),
        make=_hub,
    ),
}
"""By the suffix of the file; the name of a folder ends in a slash."""


def format_of(file: str) -> Format:
    """The format that a file's name asks for; a name that ends in / is a folder's, whatever else it has.

    Raises:
        UsageError: there is no such format.
    """
    suffix = "/" if file.endswith(("/", os.sep)) else Path(file).suffix.lower()
    found = FORMATS.get(suffix)
    if found is None:
        endings = " or ".join(known.ending for known in FORMATS.values())
        raise UsageError(f"{file!r} names no format that there is; expected {endings}")
    return found
