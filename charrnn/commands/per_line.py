"""`charrnn evaluate --per-line`: a filter that prints each line after its score, in order."""

import json
import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from charrnn.commands.scoring import Question, progress_display
from charrnn.display.sanitizer import print_text
from charrnn.model.measures import Kept
from charrnn.text.passages import Passage


@dataclass(frozen=True)
class Line:
    """A line, or a record in lines mode.

    Attributes:
        text: as read, without its end; at byte level its bytes as text.
        nats: what its characters cost, its end included.
        characters: how many were scored.
    """

    text: str
    nats: float
    characters: int

    @property
    def bits_per_character(self) -> float:
        """The mean cost; 0 for a line of which nothing was scored."""
        return self.nats / math.log(2) / max(1, self.characters)


def per_line(question: Question) -> None:
    """Print for each line its bits per character, a tab, and the line; or a JSON line."""
    with progress_display(streams=True) as display:
        subject = question.subject(display)
        level = subject.text.reading.level
        one = json_line if question.json_wanted else plain_line
        for some in lines(subject.scored(adapting=question.settings.adapt)):
            print_text("".join(one(line, level) for line in some))


def plain_line(line: Line, level: str) -> str:
    """A line as the filter prints it; a line feed inside a record becomes a picture of one."""
    text = line.text.encode("latin-1").decode("utf-8", "surrogateescape") if level == "byte" else line.text
    return f"{line.bits_per_character:.4f}\t{text.replace(chr(10), '␊')}\n"


def json_line(line: Line, level: str) -> str:
    """A line as JSON; bytes that are no character become U+FFFD."""
    text = line.text.encode("latin-1").decode("utf-8", "replace") if level == "byte" else line.text
    found = {
        "bits_per_character": line.bits_per_character,
        "characters": line.characters,
        "line": text,
    }
    return json.dumps(found, ensure_ascii=False) + "\n"


def lines(found: Iterable[tuple[Passage, Kept]]) -> Iterator[list[Line]]:
    """The lines of a text, some at a time, each once all of it is scored."""
    text, nats, characters = "", 0.0, 0
    for piece, kept in found:
        costs = np.append(0.0, np.cumsum(kept[:, 0], dtype=np.float64))
        counts = np.append(0, np.cumsum(piece.begins, dtype=np.int64))
        ends = np.append(piece.line_ends, len(piece.ids))
        places = piece.places[ends].tolist()
        some, begin, before, counted = [], 0, -nats, -characters
        for place, cost, count in zip(places, costs[ends].tolist(), counts[ends].tolist(), strict=True):
            some.append(Line(text + piece.text[begin:place], cost - before, count - counted))
            text, begin, before, counted = "", place, cost, count
        rest = some.pop()
        text, nats, characters = rest.text, rest.nats, rest.characters
        yield [Line(line.text[:-1], line.nats, line.characters) for line in some]
    if text:
        yield [Line(text, nats, characters)]
