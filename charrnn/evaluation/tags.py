"""How good the tags are that characters are given: tags, lines, spans, segments. Knows nothing of files."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from charrnn.text.tag_schemes import SpanMarks, scheme_of

Tags = NDArray[np.int64]


@dataclass(frozen=True)
class GivenTags:
    """The tags that a line was given, and its own.

    Attributes:
        characters: of the line, in pieces that have a tag each.
        found: (M,) the tags that these were given.
        own: (M,) their own.
    """

    characters: Sequence[str]
    found: Tags
    own: Tags


def figures(lines: Iterable[GivenTags], names: Sequence[str]) -> dict[str, float | None]:
    """What tags are compared by, by name; of spans none where tags mark none.

    A span is right where begin, end and type are. A segment is a span's text: how many of a line's segments
    are right is told by how often each stands in both, wherever that is (Batsuren et al. 2022).

    Args:
        lines: one at least.
        names: of the tags.
    """
    scheme = scheme_of(names)
    marks = None if scheme is None else SpanMarks.of(names, scheme)
    counted: Counter[str] = Counter()
    for line in lines:
        counted["lines"] += 1
        counted["exact"] += bool((line.found == line.own).all())
        counted["tags"] += len(line.own)
        counted["right"] += int((line.found == line.own).sum())
        if marks is not None:
            _count_spans(line, marks, counted)
    spans, segments = (
        None if marks is None else 2 * counted[f"right {kind}"] / max(1, counted["found"] + counted["wanted"])
        for kind in ("spans", "segments")
    )
    return {
        "accuracy": counted["right"] / max(1, counted["tags"]),
        "exact_lines": counted["exact"] / counted["lines"],
        "span_f1": spans,
        "segment_f1": segments,
    }


def _count_spans(line: GivenTags, marks: SpanMarks, counted: Counter[str]) -> None:
    """Count the spans of a line in, and their texts."""
    found, own = ([tuple(span) for span in _spans(tags, marks)] for tags in (line.found, line.own))
    texts = [Counter("".join(line.characters[a:b]) for a, b, _ in spans) for spans in (found, own)]
    counted["found"] += len(found)
    counted["wanted"] += len(own)
    counted["right spans"] += len(set(found) & set(own))
    counted["right segments"] += (texts[0] & texts[1]).total()


def _spans(tags: Tags, marks: SpanMarks) -> list[list[int]]:
    firsts = np.arange(len(tags)) == 0
    spans: list[list[int]] = marks.spans(tags, firsts).tolist() if len(tags) else []
    return spans
