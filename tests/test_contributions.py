"""What characters contribute to a label: their sum, planted evidence, long texts; painted, and as a page."""

import re
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest
from numpy.typing import NDArray
from pages import contrast, hostile_strings, tree_of

from charrnn.commands.answering import SymbolsOfLine, ids_of
from charrnn.config.settings import ReadingSettings
from charrnn.decoding.classification import SavedClassifier
from charrnn.decoding.contributions import PARTS, contributions, log_odds
from charrnn.display.explanation import (
    LEVELS,
    PAGE_CHARACTERS,
    Contribution,
    Explanation,
    ExplanationPage,
    legend,
    levels_of,
    painted,
)
from charrnn.model.architecture import ClassifierArchitecture
from charrnn.runs.checkpoint import Checkpoint
from charrnn.text.vocabulary import Vocabulary

Ids = NDArray[np.integer[Any]]


def network(seed: int = 1, classes: int = 4) -> SavedClassifier:
    """One whose weights are drawn, and say much."""
    architecture = ClassifierArchitecture(hidden=8, embedding=4, symbols=6, classes=classes)
    random = np.random.default_rng(seed)
    shapes = architecture.shapes().items()
    weights = {name: random.normal(0, 0.8, shape).astype(np.float32) for name, shape in shapes}
    return SavedClassifier(architecture, weights)


def found(classifier: SavedClassifier, ids: Sequence[int], label: int = 0) -> NDArray[np.float64]:
    """Of a text whose symbols are characters; 5 is the end mark."""
    return contributions(classifier, np.array([*ids, 5]), np.arange(len(ids)), len(ids), label)


@pytest.mark.parametrize("label", [0, 3])
@pytest.mark.parametrize("ids", [[], [1], [0, 1, 2, 3, 4, 3, 2], [2] * 40])
def test_the_sum_is_what_the_text_changes(ids: list[int], label: int) -> None:
    classifier = network()
    logs = classifier.log_probabilities([np.array([*ids, 5]), np.array([5])])
    whole, empty = log_odds(logs, label).tolist()
    assert found(classifier, ids, label).sum() == pytest.approx(whole - empty, abs=1e-4)


class Additive:
    """Each symbol adds to the log-odds of the first of two labels, whatever stands around it."""

    WORTH = np.array([0.0, 1.0, -2.0, 0.5, 0.25, 0.0])

    def log_probabilities(self, texts: Sequence[Ids]) -> NDArray[np.float64]:
        odds = np.array([self.WORTH[text].sum() for text in texts])
        found: NDArray[np.float64] = -np.logaddexp(0, np.stack((-odds, odds), 1))
        return found


def test_what_a_character_adds_by_itself_is_what_it_contributes() -> None:
    additive = cast("SavedClassifier", Additive())
    ids = [1, 0, 2, 4, 3, 1]
    assert found(additive, ids) == pytest.approx(Additive.WORTH[ids])
    assert found(additive, ids, 1) == pytest.approx(-Additive.WORTH[ids])


def test_symbols_of_one_character_are_added_together_and_one_that_has_none_adds_nothing() -> None:
    additive = cast("SavedClassifier", Additive())
    shares = contributions(additive, np.array([1, 2, 4, 5]), np.array([0, 0, 2]), 3, 0)
    assert shares == pytest.approx([-1, 0, 0.25])


def test_characters_of_a_long_text_share_what_their_part_contributes() -> None:
    additive = cast("SavedClassifier", Additive())
    count = 3 * PARTS + 7
    ids = [1 if place == 500 else 0 for place in range(count)]
    shares = found(additive, ids)
    assert shares.shape == (count,)
    assert shares.sum() == pytest.approx(1)
    assert np.flatnonzero(shares > 1e-9).tolist() == pytest.approx([499, 500, 501], abs=3)
    assert shares.argmax() in range(498, 503)


def test_one_label_alone_has_nothing_for_it_or_against_it() -> None:
    assert found(network(classes=1), [1, 2, 3]).tolist() == [0, 0, 0]


@pytest.mark.parametrize(
    ("line", "level", "form", "pieces", "places"),
    [
        ("한a", "char", "nfd", ["한", "a"], [0, 0, 0, 1]),
        ("e\u0301a", "char", "nfc", ["e\u0301", "a"], [0, 1]),
        ("éa", "byte", "none", ["é", "a"], [0, 0, 1]),
        ("b漢a", "char", "none", ["b", "漢", "a"], [0, 2]),
        ("", "char", "none", [], []),
    ],
)
def test_symbols_are_of_the_characters_that_were_read(
    line: str, level: str, form: str, pieces: list[str], places: list[int]
) -> None:
    vocabulary = Vocabulary.from_text("" if level == "byte" else "abé\u1112\u1161\u11ab", level, end=True)
    model = cast(
        "Checkpoint", SimpleNamespace(vocabulary=vocabulary, reading=ReadingSettings(normalize=form))
    )
    symbols = SymbolsOfLine.of(line, model)
    assert (symbols.pieces, symbols.places.tolist()) == (pieces, places)
    assert symbols.ids.tolist() == ids_of(line, model).tolist()
    assert len(symbols.ids) == len(places) + 1


# Painted, and as a page


EXPLAINED = Explanation(
    "Greek",
    0.75,
    [Contribution(*each) for each in (("a", 2.0), ("b", -1.5), ("c", 0.5), ("d", -0.5), ("e", 0.1))],
)


def test_the_largest_contribution_is_the_measure() -> None:
    assert levels_of(EXPLAINED.contributions) == [3, 0, 2, 1, None]
    assert levels_of([Contribution("a", 0.0)]) == [None]
    assert levels_of([]) == []


def test_marks_stand_under_the_characters_where_there_are_no_colours() -> None:
    assert [line.plain for line in painted(EXPLAINED, 100, coloured=False)] == ["abcde", "#=+-", ""]
    assert [line.plain for line in painted(EXPLAINED, 100, coloured=True)] == ["abcde", ""]
    assert [line.plain for line in painted(Explanation("x", 1.0, []), 100, coloured=False)] == [""]
    assert all(
        level.meaning in legend(coloured=coloured).plain for level in LEVELS for coloured in (True, False)
    )


def test_text_is_readable_on_every_colour() -> None:
    for level in LEVELS:
        assert contrast(level.light, "#1c1d21") > 4.5
        assert contrast(level.dark, "#e7e6e3") > 4.5


def document_of(text: str) -> str:
    page = ExplanationPage()
    page.add(
        [Explanation(text, 0.5, [Contribution(text, 1.0), Contribution(text, -0.3), Contribution(text, 0.0)])]
    )
    return page.document([(text, text)])


def test_hostile_strings_leave_the_element_tree_unchanged() -> None:
    harmless = tree_of(document_of("harmless")).elements
    for text in hostile_strings(300):
        assert tree_of(document_of(text)).elements == harmless, repr(text)


def test_the_page_runs_nothing_and_tells_what_each_character_contributes() -> None:
    document = document_of("<")
    assert re.search(r"default-src 'none'; style-src 'sha256-[\w+/=]+'", document)
    assert not re.search(r"<script|<link|<img|url\(|@import|https?:", document)
    assert tree_of(document).notes == ["<   +1.000 nats", "<   -0.300 nats"]
    assert "Texts shown: 1 of 1." in document


def test_a_page_shows_as_many_texts_as_fit() -> None:
    page = ExplanationPage()
    page.add([Explanation("x", 1.0, [Contribution("a", 0.0)] * (PAGE_CHARACTERS // 2 - 1))] * 3)
    assert "Texts shown: 2 of 3." in page.document([])
