"""Examples: records with what is to be found for each; a part of them is spread over all."""

import numpy as np

from charrnn.text.example_parts import Labelled, Paired, Tagged, spread
from charrnn.text.record_part import Records
from charrnn.text.vocabulary import Ids, Vocabulary


def records(lines: list[str]) -> Records:
    vocabulary = Vocabulary.from_text("".join(lines), end=True)
    end: Ids = np.array([vocabulary.end], np.uint8)
    ids = np.concatenate([end, *(part for line in lines for part in (vocabulary.encode(line), end))])
    characters = sum(map(len, lines))
    bounds = np.flatnonzero(ids == vocabulary.end)
    return Records(ids, characters, characters, bounds, np.arange(len(lines)))


def test_a_part_of_sorted_examples_has_every_label() -> None:
    texts = records(["ab"] * 50 + ["cd"] * 50)
    part = Labelled(texts, np.repeat([0, 1], 50).astype(np.int32))
    some = part.beginning(30)
    assert np.bincount(some.labels[some.texts.chosen]).tolist() == [5, 5]
    assert (some.symbols, some.characters, some.records) == (30, 20, 10)
    assert part.beginning(300).texts is texts
    assert [len(array) for array in part.arrays] == [301, 101, 100, 100]


def test_of_five_records_two_are_the_first_and_the_third() -> None:
    texts = records(list("abcde"))
    assert spread(texts, 4).chosen.tolist() == [0, 2]
    assert spread(texts, 1).chosen.tolist() == [0]


def test_pairs_stay_pairs() -> None:
    sources = records(["a", "bb", "ccc", "dddd"])
    targets = records(["xxxx", "yyy", "zz", "w"])
    part = Paired(sources, targets)
    assert part.symbols == sources.symbols + targets.symbols
    some = part.beginning(part.symbols // 2)
    assert some.sources.chosen.tolist() == some.targets.chosen.tolist() == [0, 2]
    assert len(part.arrays) == 6


def test_tags_are_part_of_what_a_digest_is_of() -> None:
    texts = records(["ab", "b"])
    part = Tagged(texts, np.array([0, 1, 2, 0, 1, 0], np.int32))
    assert part.arrays[-1] is part.tags
    assert part.beginning(3).tags is part.tags
