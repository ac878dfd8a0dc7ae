"""`charrnn evaluate --per-character`: the model's predictions for each character."""

import itertools
import json
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from charrnn.commands.scoring import Question, progress_display
from charrnn.display.sanitizer import print_text
from charrnn.model.measures import Kept, likeliest
from charrnn.text.codes import END
from charrnn.text.passages import Passage
from charrnn.text.vocabulary import Vocabulary

WHOLE_VOCABULARY = 32
LIKELIEST = 10
"""A vocabulary up to so many symbols is shown whole, of a larger one the likeliest."""

LINES = 256
"""How many are written at once."""


def per_character(question: Question) -> None:
    """Print a JSON line for each scored character."""
    with progress_display(streams=True) as display:
        subject = question.subject(display)
        symbols = len(subject.vocabulary)
        measure = likeliest(symbols if symbols <= WHOLE_VOCABULARY else min(LIKELIEST, symbols))
        found = subject.scored(measure, adapting=question.settings.adapt)
        lines = (json.dumps(line, ensure_ascii=False) for line in character_lines(found, subject.vocabulary))
        while some := list(itertools.islice(lines, LINES)):
            print_text("\n".join(some) + "\n")


def character_lines(
    found: Iterable[tuple[Passage, Kept]], vocabulary: Vocabulary
) -> Iterator[dict[str, Any]]:
    """For each scored character its cost, and what was expected in its place, the likeliest first.

    What was expected are symbols. Where a character is made of several, they are those that could have been
    its first; `symbols` then tells each one's own cost and what was expected after those before it. Nothing
    is expected in the place of a character that the network was not shown.

    Args:
        found: the text, scored by the measure `likeliest`.
        vocabulary: the model's.
    """
    names = vocabulary.symbols()
    for piece, kept in found:
        begins = np.flatnonzero(piece.begins[piece.given :]) + piece.given
        ends = np.append(begins, len(piece.ids))[1:]
        for begin, end in zip(begins.tolist(), ends.tolist(), strict=True):
            steps = [_expected(row, names) for row in kept[begin:end]]
            line = {"character": _character(piece, begin, end, vocabulary)} | steps[0]
            if len(steps) > 1:
                line["nats"] = _short(float(kept[begin:end, 0].sum()))
                spelt = (names[i] if i < len(names) else "<unknown>" for i in piece.ids[begin:end].tolist())
                line["symbols"] = [{"symbol": name} | step for name, step in zip(spelt, steps, strict=True)]
            yield line


def _expected(row: Kept, names: list[str]) -> dict[str, Any]:
    """One symbol's cost, and the likeliest in its place."""
    chances, ids = np.split(row[1:], 2)
    pairs = zip(ids.astype(int).tolist(), chances.tolist(), strict=True)
    return {
        "nats": _short(float(row[0])),
        "probabilities": {names[i]: _short(chance) for i, chance in pairs if chance > 0},
    }


def _character(piece: Passage, begin: int, end: int, vocabulary: Vocabulary) -> str:
    """The character that symbols stand for, as read."""
    if piece.codes[begin] == END:
        return vocabulary.symbols()[int(piece.ids[begin])]
    text = piece.text[piece.places[begin] : piece.places[end]]
    return text.encode("latin-1").decode("utf-8", "backslashreplace") if vocabulary.level == "byte" else text


def _short(number: float) -> float:
    """Six digits, which is all that float32 has; a cost of nothing has no sign."""
    return float(f"{number:.6g}") + 0.0
