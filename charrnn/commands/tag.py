"""`charrnn tag`: a tag for each character of each line, or the line cut by them. Loads no torch."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from charrnn.commands.answering import check_lines, model_for
from charrnn.commands.input_lines import asked
from charrnn.config.settings import TagSettings
from charrnn.decoding.tagging import SavedTagger, Tags
from charrnn.display.sanitizer import print_text
from charrnn.errors import CheckpointError
from charrnn.model.architecture import TaggerArchitecture
from charrnn.runs.checkpoint import Checkpoint
from charrnn.text.alignment import begins
from charrnn.text.codes import to_codes
from charrnn.text.normalization import normalized
from charrnn.text.restoring import RESTORINGS
from charrnn.text.tag_schemes import SpanMarks, scheme_of


def tag(
    texts: Sequence[str],
    typed: Sequence[str],
    checkpoint: str | None,
    settings: TagSettings,
    *,
    json_wanted: bool,
) -> None:
    """Print each line with what its characters are, in order, as the lines come.

    Args:
        texts: files, folders, built-in texts or `-`; none mean standard input, unless a text is typed.
        typed: texts from the command line.
        checkpoint: the model's path, or None for the newest run.
        settings: what is printed.
        json_wanted: a JSON object for each line instead.
    """
    _, model = model_for("tag", checkpoint)
    tagger, writer = tagger_of(model), Writer(model, settings)
    for lines in asked(texts, typed, model.reading):
        found = tagged(lines, tagger, model)
        shown = "".join(writer.json(line) if json_wanted else writer.plain(line) for line in found)
        print_text(shown)


def tagger_of(model: Checkpoint) -> SavedTagger:
    """The tagger that a checkpoint holds."""
    if not isinstance(model.architecture, TaggerArchitecture):
        raise CheckpointError(f"a network of --task {model.task} has no tags")
    return SavedTagger(model.architecture, model.weights, model.answers)


@dataclass(frozen=True)
class TaggedLine:
    """A line, and what was found for each of its characters.

    Attributes:
        text: the line.
        tagged: what of it gets tags: all; or where something is to be restored, what stays without that.
        tags: the id of each character's tag.
        probabilities: of each of these.
    """

    text: str
    tagged: str
    tags: NDArray[np.intp]
    probabilities: NDArray[np.float64]


def tagged(lines: Sequence[str], tagger: SavedTagger, model: Checkpoint) -> list[TaggedLine]:
    """The tags of lines, side by side."""
    restore = model.reading.restore
    texts = lines if restore is None else [RESTORINGS[restore].take(line)[0] for line in lines]
    ids, starts = zip(*(_symbols(text, model) for text in texts), strict=True)
    check_lines(ids, model.architecture)
    found = tagger.tags(ids, [counts > 0 for counts in starts])
    return [_by_character(*each) for each in zip(lines, texts, found, starts, strict=True)]


def _symbols(line: str, model: Checkpoint) -> tuple[NDArray[np.integer[Any]], NDArray[np.int64]]:
    """The symbols of a line and its end mark, and how many of its characters begin with each.

    What has no id is read as the last symbol: the unknown one, or else the end mark.
    """
    vocabulary, reading = model.vocabulary, model.reading
    normal = "".join(normalized([line], reading.normalize))
    if vocabulary.level == "byte":
        codes = np.frombuffer(normal.encode("utf-8", "surrogatepass"), np.uint8).astype(np.uint32)
    else:
        codes = to_codes(normal)
    ids = np.minimum(vocabulary.marking().encode_codes(codes), len(vocabulary) - 1)
    starts = begins(line, codes, vocabulary.level, reading.normalize).astype(np.int64)
    return np.append(ids, vocabulary.end_marks), np.append(starts, 0)


def _by_character(line: str, text: str, tags: Tags, starts: NDArray[np.int64]) -> TaggedLine:
    """What was found for symbols, for characters: those that were composed to one have its tag."""
    counts = starts[starts > 0]
    return TaggedLine(line, text, tags.ids.repeat(counts), tags.probabilities.repeat(counts))


class Writer:
    """Writes tagged lines as the settings say.

    Args:
        model: whose tags they are.
        settings: what is printed.
    """

    def __init__(self, model: Checkpoint, settings: TagSettings) -> None:
        self.names, self.separator = model.answers, settings.separator
        scheme, restore = scheme_of(self.names), model.reading.restore
        self.marks = None if scheme is None else SpanMarks.of(self.names, scheme)
        self.restoring = None if restore is None else RESTORINGS[restore]
        is_text = self.marks is not None or self.restoring is not None
        self.output = settings.output or ("text" if is_text else "tags")

    def plain(self, line: TaggedLine) -> str:
        """A line, with its end."""
        names = [self.names[tag] for tag in line.tags]
        if self.output == "conll":
            pairs = zip(line.tagged, names, strict=True)
            return "".join(f"{character}\t{name}\n" for character, name in pairs) + "\n"
        return (" ".join(names) if self.output == "tags" else self.text(line)) + "\n"

    def text(self, line: TaggedLine) -> str:
        """The text restored; or with the separator where a span begins or ends, or a tag is another."""
        if self.restoring is not None:
            return self.restoring.put(line.tagged, [self.names[tag] for tag in line.tags])
        if self.marks is None:
            places = np.flatnonzero(np.diff(line.tags)) + 1
        else:
            spans = self.marks.spans(line.tags, np.arange(len(line.tags)) == 0)
            places = np.setdiff1d(spans[:, :2], [0, len(line.tagged)])
        ends = [0, *places.tolist(), len(line.tagged)]
        return self.separator.join(line.tagged[a:b] for a, b in pairwise(ends))

    def json(self, line: TaggedLine) -> str:
        """As one JSON object, with its end."""
        return json.dumps(self.values(line), ensure_ascii=False) + "\n"

    def values(self, line: TaggedLine) -> dict[str, Any]:
        """What `--json` prints of a line."""
        each = zip(line.tagged, line.tags, line.probabilities.tolist(), strict=True)
        characters = [
            {"character": character, "tag": self.names[tag], "probability": probability}
            for character, tag, probability in each
        ]
        return {"text": line.text, "output": self.text(line), "characters": characters}
