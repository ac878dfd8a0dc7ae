"""One text, a text in stretches and records answer the same questions, each in its own way."""

from dataclasses import replace

import numpy as np
import pytest

from charrnn.config.settings import ReadingSettings
from charrnn.tasks.language import LanguageTask
from charrnn.tasks.passes import Passes
from charrnn.tasks.windows import PartedStreams, Streams
from charrnn.text.parts import Part
from charrnn.text.record_part import Records
from charrnn.text.text_parts import OneText, PartedText
from charrnn.text.vocabulary import Vocabulary

TEXT = Vocabulary.from_text("abcdefgh")
LINES = Vocabulary.from_text("abcdefgh", end=True)
IDS = TEXT.encode("abcdefghabcdefgh")

ONE = OneText(IDS, 16, 16)
PARTED = PartedText(IDS, 12, 12, np.array([[0, 4], [8, 16]]))
# lines: ab, cde, an empty one, f; all but the first are part of it
RECORDS = Records(
    np.array([8, 0, 1, 8, 2, 3, 4, 8, 8, 5, 8], np.uint8), 4, 4, *map(np.array, ([0, 3, 7, 8, 10], [1, 2, 3]))
)

KINDS: list[Part] = [ONE, PARTED, RECORDS]


@pytest.mark.parametrize(
    ("part", "symbols", "scored", "characters", "texts"),
    [
        (ONE, 16, 15, 15, [[0, 16]]),
        (PARTED, 12, 10, 10, [[0, 4], [8, 16]]),
        (RECORDS, 7, 7, 7, [[3, 8], [7, 9], [8, 11]]),
    ],
)
def test_how_much_there_is(
    part: Part, symbols: int, scored: int, characters: int, texts: list[list[int]]
) -> None:
    assert (part.symbols, part.scored_symbols, part.scored_characters) == (symbols, scored, characters)
    assert part.texts.tolist() == texts
    assert sum(map(len, part.blocks())) == symbols
    assert sum(len(stream) - 1 for stream in part.streams()) == scored


@pytest.mark.parametrize(
    ("part", "blocks", "last"),
    [
        (ONE, "abcdefghabcdefgh", "defgh"),
        (PARTED, "abcdabcdefgh", "defgh"),
        (RECORDS, "cde\n\nf\n", "\n\nf\n"),
    ],
)
def test_what_there_is(part: Part, blocks: str, last: str) -> None:
    assert LINES.decode(np.concatenate(list(part.blocks()))) == blocks
    assert LINES.decode(part.last_symbols(5)) == last


@pytest.mark.parametrize(
    ("part", "texts", "characters"),
    [(ONE, [[0, 6]], 6), (PARTED, [[0, 2], [8, 12]], 6), (RECORDS, [[3, 8], [7, 9]], 3)],
)
def test_a_beginning_is_of_the_same_kind(part: Part, texts: list[list[int]], characters: int) -> None:
    some = part.beginning(6)
    assert type(some) is type(part)
    assert some.texts.tolist() == texts
    assert (some.characters, some.utf8_bytes) == (characters, characters)
    assert part.beginning(part.symbols) is part


@pytest.mark.parametrize("part", KINDS)
def test_a_model_of_the_other_mode_cannot_score_it(part: Part) -> None:
    fitting, other = (LINES, TEXT) if part is RECORDS else (TEXT, LINES)
    assert part.is_scorable_with(fitting, len(fitting))
    assert not part.is_scorable_with(other, 100)
    assert not part.is_scorable_with(fitting, int(part.ids.max()))


def test_records_have_end_marks_at_their_bounds_and_nowhere_else() -> None:
    for bounds in ([0, 3, 7, 10], [0, 3, 6, 8, 10]):
        damaged = replace(RECORDS, bounds=np.array(bounds), chosen=np.array([1, 2]))
        assert not damaged.is_scorable_with(LINES, len(LINES))


def test_given_is_the_first_character_or_the_mark_before() -> None:
    bytes_of = Vocabulary.from_text("", "byte")
    parted = PartedText(bytes_of.encode("é한a"), 3, 6, np.array([[0, 2], [2, 6]]))
    assert parted.given(bytes_of, ReadingSettings(level="byte")).tolist() == [2, 3]
    assert RECORDS.given(LINES, ReadingSettings(mode="lines")).tolist() == [1]


def test_each_kind_has_its_batches() -> None:
    task = LanguageTask(TEXT)
    found = [type(task.batches(part, batch_size=2, sequence_length=3, seed=1)) for part in KINDS]
    assert found == [Streams, PartedStreams, Passes]
