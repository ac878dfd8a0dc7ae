"""Tagging: spans, the chain against all sequences there are, what is learnt, what comes out in NumPy."""

import itertools
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from charrnn.decoding import chain as in_numpy
from charrnn.decoding.tagging import SavedTagger
from charrnn.errors import CheckpointError
from charrnn.model.architecture import TaggerArchitecture
from charrnn.model.packing import Packing
from charrnn.model.substrings import REACH, substrings
from charrnn.model.tagger import Chain, Tagger
from charrnn.tasks.tagging import TaggingTask
from charrnn.tasks.task import Task
from charrnn.text.example_parts import Tagged
from charrnn.text.record_part import Records
from charrnn.text.tag_schemes import SCHEMES, SpanMarks, possible, scheme_of
from charrnn.text.vocabulary import Vocabulary
from charrnn.training.optimizers import make_optimizers
from charrnn.training.schedule import Budget
from charrnn.training.trainer import Trainer

BIO, BMES, PLAIN = ("B", "I", "O"), ("B", "E", "M", "S"), ("x", "y", "z")
TYPED = ("B-p", "B-q", "I-p", "I-q", "O")

LENGTHS = np.array([4, 3, 1])


@pytest.mark.parametrize(
    ("tags", "name"),
    [
        *((BIO, "BIO"), (("B", "I"), "BIO"), (TYPED, "BIO"), (BMES, "BMES"), (("B", "E", "S"), "BMES")),
        *((PLAIN, None), (("B", "O"), None), (("B", "I", "O", "X"), None), (("B", "I", "O-p"), None)),
        *((("B", "E", "M"), None), ((), None)),
    ],
)
def test_which_scheme_tags_are_in(tags: tuple[str, ...], name: str | None) -> None:
    assert scheme_of(tags) is (SCHEMES[name] if name else None)


@pytest.mark.parametrize(
    ("tags", "wanted", "wrong"),
    [
        (BIO, ["BIOB", "OOBI", "B"], ["IO", "OI"]),
        (BMES, ["BMME", "SBES", "S"], ["BB", "SM", "EB", "B", "BM", "SE", "M"]),
        (PLAIN, ["xyz", "zzx"], []),
    ],
)
def test_what_may_follow_what(tags: tuple[str, ...], wanted: list[str], wrong: list[str]) -> None:
    assert all(is_possible(tags, list(text)) for text in wanted)
    assert not any(is_possible(tags, list(text)) for text in wrong)


def is_possible(tags: tuple[str, ...], sequence: list[str]) -> bool:
    may, ids = possible(tags), [tags.index(tag) for tag in sequence]
    steps = all(may.follows[one, other] for one, other in itertools.pairwise(ids))
    return bool(may.first[ids[0]] and may.last[ids[-1]] and steps)


def test_a_span_goes_on_with_its_own_type() -> None:
    assert is_possible(TYPED, ["B-p", "I-p", "B-q", "I-q", "O"])
    assert not is_possible(TYPED, ["B-p", "I-q"])


@pytest.mark.parametrize(
    ("tags", "sequence", "spans"),
    [
        (BIO, "BIIOBB", {(0, 3), (4, 5), (5, 6)}),
        (BIO, "OIIOI", {(1, 3), (4, 5)}),
        (BMES, "SBMEBE", {(0, 1), (1, 4), (4, 6)}),
        (BMES, "BBMS", {(0, 1), (1, 3), (3, 4)}),
    ],
)
def test_spans_whatever_the_sequence(
    tags: tuple[str, ...], sequence: str, spans: set[tuple[int, int]]
) -> None:
    scheme = scheme_of(tags)
    assert scheme is not None
    ids, alone = np.array([tags.index(tag) for tag in sequence]), np.arange(len(sequence)) == 0
    found = SpanMarks.of(tags, scheme).spans(ids, alone)
    assert {(begin, end) for begin, end, _ in found.tolist()} == spans


def test_a_span_ends_with_its_text_and_with_its_type() -> None:
    ids = np.array([TYPED.index(tag) for tag in ("B-p", "I-p", "I-p", "I-q", "O")])
    found = SpanMarks.of(TYPED, SCHEMES["BIO"]).spans(ids, np.array([True, False, True, False, False]))
    kinds = found[:, 2]
    assert found[:, :2].tolist() == [[0, 2], [2, 3], [3, 4]]
    assert kinds[0] == kinds[1] != kinds[2]


def chains(tags: tuple[str, ...]) -> tuple[Chain, in_numpy.Chain, torch.Tensor, Packing]:
    """The same chain twice, with scores for texts of `LENGTHS`."""
    generator, may, packing = torch.Generator().manual_seed(3), possible(tags), Packing.of(LENGTHS)
    chain = Chain(may).double()
    for parameter in chain.parameters():
        nn.init.normal_(parameter, generator=generator)
    weights = {f"chain.{name}": value.detach().numpy() for name, value in chain.named_parameters()}
    emissions = 2 * torch.randn(int(LENGTHS.sum()), len(tags), generator=generator, dtype=torch.float64)
    return chain, in_numpy.Chain(weights, may), emissions, packing


def sequences(chain: Chain, emissions: torch.Tensor, tags: tuple[str, ...]) -> dict[tuple[int, ...], float]:
    """The score of every possible sequence of tags of one text (T, K), one after the other."""
    found, (transition, first, last) = {}, (p.detach().numpy() for p in chain.parameters())
    for ids in itertools.product(range(len(tags)), repeat=len(emissions)):
        if is_possible(tags, [tags[i] for i in ids]):
            steps = sum(transition[one, other] for one, other in itertools.pairwise(ids))
            ends = first[ids[0]] + last[ids[-1]]
            found[ids] = ends + steps + sum(float(e[i]) for e, i in zip(emissions, ids, strict=True))
    return found


@pytest.mark.parametrize("tags", [BIO, BMES, PLAIN, TYPED])
def test_the_chain_counts_all_sequences_that_there_are(tags: tuple[str, ...]) -> None:
    chain, saved, emissions, packing = chains(tags)
    best = saved.best(emissions.numpy(), packing)
    chances = saved.probabilities(emissions.numpy(), packing)
    nats, chosen = 0.0, np.empty(len(emissions), np.int64)
    for text in range(len(LENGTHS)):
        rows = np.flatnonzero(packing.texts == text)
        scores = sequences(chain, emissions[rows], tags)
        assert tuple(best[rows]) == max(scores, key=scores.__getitem__)
        total = np.logaddexp.reduce(list(scores.values()))
        for place, row in enumerate(rows):
            for tag in range(len(tags)):
                share = sum(np.exp(s - total) for ids, s in scores.items() if ids[place] == tag)
                assert chances[row, tag] == pytest.approx(share, abs=1e-9)
        some = sorted(scores)[len(scores) // 2]
        chosen[rows] = some
        nats += total - scores[some]
    found = chain.nats(emissions, torch.from_numpy(chosen), packing)
    assert found.item() == pytest.approx(nats, rel=1e-9)


def test_equal_sequences_are_told_apart_by_the_lower_tags() -> None:
    nothing = np.zeros((3, 3), np.float32)
    weights = {"chain.first": nothing[0], "chain.transition": nothing, "chain.last": nothing[0]}
    saved = in_numpy.Chain(weights, possible(PLAIN))
    assert saved.best(np.zeros((8, 3)), Packing.of(LENGTHS)).tolist() == [0] * 8


def tagged_texts(count: int = 300) -> list[tuple[str, str]]:
    """Texts of `a` to `g`, cut before each `a` and after each `g`: BMES."""
    random, found = np.random.default_rng(1), []
    for _ in range(count):
        text = "".join(random.choice(list("abcdefg"), random.integers(0, 12)))
        cut = text.replace("a", "|a").replace("g", "g|")
        parts = [part for part in cut.split("|") if part]
        found.append((text, "".join("S" if len(p) == 1 else f"B{'M' * (len(p) - 2)}E" for p in parts)))
    return found


def vocabulary_and_part(tags: tuple[str, ...] = BMES, count: int = 300) -> tuple[Vocabulary, Tagged]:
    vocabulary = Vocabulary.from_text("abcdefg", end=True)
    end, none = np.array([vocabulary.end], np.uint8), np.zeros(1, np.int32)
    texts = tagged_texts(count)
    ids = np.concatenate([end, *(part for text, _ in texts for part in (vocabulary.encode(text), end))])
    own = (np.array([BMES.index(tag) % len(tags) for tag in marks], np.int32) for _, marks in texts)
    all_tags = np.concatenate([none, *(part for some in own for part in (some, none))])
    records = Records(ids, len(ids), len(ids), np.flatnonzero(ids == vocabulary.end), np.arange(count))
    return vocabulary, Tagged(records, all_tags)


def network_of(
    cell: str, layers: int, tags: tuple[str, ...] = BMES, direction: str = "both", substring_rows: int = 64
) -> Tagger:
    architecture = TaggerArchitecture(cell, layers, 6, 3, 8, direction, len(tags), substring_rows)
    network = Tagger(architecture, 0.0, torch.Generator().manual_seed(1), possible(tags)).eval()
    for name, parameter in network.named_parameters():
        if name.endswith("bias") or name.startswith(("output", "chain", "substrings")):
            nn.init.normal_(parameter, generator=network.generator)
    return network


def saved_of(network: Tagger, tags: tuple[str, ...] = BMES) -> SavedTagger:
    architecture = network.trunk.architecture
    assert isinstance(architecture, TaggerArchitecture)
    return SavedTagger(architecture, network.weights(), tags)


def test_the_substrings_around_a_character_are_those_that_touch_the_place_before_it() -> None:
    texts = ["abcdabcd", "bcd"]
    ids = np.array([ord(text[step]) for step in range(8) for text in texts if step < len(text)])
    rows = 2**40
    found = np.stack(list(substrings(ids, Packing.of(np.array([8, 3])), rows)), 1)
    assert found.shape == (11, (REACH + 1) * (REACH + 2) - 1)
    places = [(text, step) for step in range(8) for text in texts if step < len(text)]
    padded = {text: " " * REACH + text + " " * REACH for text in texts}
    for (row, (one, at)), (other, (two, there)) in itertools.product(enumerate(places), repeat=2):
        windows = [padded[text][step : step + 2 * REACH + 1] for text, step in ((one, at), (two, there))]
        alike = [
            windows[0][start : end + 1] == windows[1][start : end + 1]
            for start in range(REACH + 1)
            for end in range(max(start, REACH - 1), 2 * REACH + 1)
        ]
        assert (found[row] == found[other]).tolist() == alike
    assert len(np.unique(found[0])) == found.shape[1]


def test_substrings_have_the_rows_that_tables_in_files_have_for_them() -> None:
    found = np.stack(list(substrings(np.arange(3), Packing.of(np.array([3])), 2**19)), 1)
    assert found[1].tolist()[:6] == [372770, 291388, 448141, 271294, 87988, 414902]
    assert found.sum() == 22630966


def test_the_table_is_left_out_for_half_of_the_texts_in_training() -> None:
    vocabulary, part = vocabulary_and_part()
    network = network_of("rnn", 1)
    for name, parameter in network.named_parameters():
        nn.init.constant_(parameter, float(name.startswith("substrings")))
    batch = next(
        iter(TaggingTask(vocabulary, BMES).batches(part, batch_size=300, sequence_length=64, seed=1))
    )
    around = (REACH + 1) * (REACH + 2) - 1
    with torch.no_grad():
        assert network(batch.ids, batch.rows).unique().tolist() == [around]
        learnt = network.train()(batch.ids, batch.rows)[:, 0].numpy()
    texts = Packing(batch.ids.batch_sizes.numpy()).texts[batch.rows.numpy()]
    has_table = np.bincount(texts, learnt) > 0
    assert 0.3 < has_table.mean() < 0.7
    assert ((learnt > 0) == has_table[texts]).all()
    assert set(learnt.tolist()) == {0, around}


@pytest.mark.parametrize("cell", ["rnn", "gru", "lstm"])
@pytest.mark.parametrize("layers", [1, 2, 3])
@pytest.mark.parametrize(("direction", "substring_rows"), [("forward", 64), ("both", 64), ("both", 0)])
def test_numpy_gives_what_torch_gives(cell: str, layers: int, direction: str, substring_rows: int) -> None:
    vocabulary, part = vocabulary_and_part(count=30)
    network = network_of(cell, layers, direction=direction, substring_rows=substring_rows)
    saved, bounds = saved_of(network), part.texts.bounds
    texts = [part.texts.ids[a + 1 : b + 1] for a, b in itertools.pairwise(bounds)]
    assert {1, 2} <= set(map(len, texts))
    long = [text for text in texts if len(text) > 1]
    batch = next(iter(TaggingTask(vocabulary, BMES).batches(part, batch_size=30, sequence_length=64, seed=1)))
    with torch.no_grad():
        wanted = network(batch.ids, batch.rows).numpy()
    emissions, packing, which = saved.emissions([long[i] for i in batch.examples])
    np.testing.assert_allclose(emissions, wanted, atol=1e-5)
    assert packing.sizes.tolist() == batch.packing.sizes.tolist()
    assert which.tolist() == list(range(len(which)))
    together = saved.tags(texts)
    for text, tags in zip(texts, together, strict=True):
        (alone,) = saved.tags([text])
        assert alone.ids.tolist() == tags.ids.tolist()
        np.testing.assert_allclose(alone.probabilities, tags.probabilities, atol=1e-5)
        assert len(tags.ids) == len(text) - 1
        assert not len(tags.ids) or is_possible(BMES, [BMES[tag] for tag in tags.ids])


def test_only_what_begins_a_character_gets_a_tag() -> None:
    vocabulary, part = vocabulary_and_part(count=30)
    part.tags[:] = np.where(np.arange(len(part.tags)) % 3 == 0, -1, part.tags)
    network = network_of("gru", 1)
    batches = TaggingTask(vocabulary, BMES).batches(part, batch_size=300, sequence_length=64, seed=1)
    batch, bounds = next(iter(batches)), part.texts.bounds
    is_tagged = (part.tags >= 0) & (part.texts.ids != vocabulary.end)
    assert len(batch.tags) == is_tagged.sum()
    assert batch.tags.min() >= 0
    begins = [is_tagged[a + 1 : b + 1] for a, b in itertools.pairwise(bounds)]
    texts = [part.texts.ids[a + 1 : b + 1] for a, b in itertools.pairwise(bounds)]
    found = saved_of(network).tags(texts, begins)
    assert [len(tags.ids) for tags in found] == [int(flags.sum()) for flags in begins]
    loss = TaggingTask(vocabulary, BMES).loss(network, batch, None)
    assert loss.count == len(batch.tags)


def test_scores_that_are_not_finite_are_an_error_and_no_score() -> None:
    vocabulary, part = vocabulary_and_part(count=30)
    network = network_of("rnn", 1)
    nn.init.constant_(network.output.bias, torch.nan)
    with pytest.raises(CheckpointError, match="not a finite number"):
        saved_of(network).tags([np.array([0, 1])])
    task = TaggingTask(vocabulary, BMES)
    assert np.isnan(task.score(network, part).value)
    with pytest.raises(CheckpointError, match="not a finite number"):
        task.examples(network, part)


@pytest.mark.parametrize(("tags", "unit"), [(BMES, "span_f1"), (PLAIN, "accuracy")])
def test_it_learns_by_the_real_trainer_and_shows_what_it_finds(tags: tuple[str, ...], unit: str) -> None:
    vocabulary, part = vocabulary_and_part(tags)
    task = TaggingTask(vocabulary, tags)
    as_task: Task = task
    architecture = TaggerArchitecture("gru", 1, 16, 8, len(vocabulary), "both", len(tags))
    network = task.network(architecture, 0.0, torch.Generator().manual_seed(1))
    batches = as_task.batches(part, batch_size=20, sequence_length=64, seed=1)
    optimizers = make_optimizers(network, "muon", 0.04, 0.0)
    trainer = Trainer(network, task, batches, optimizers, Budget(150, None), gradient_clip=1.0)
    before = task.score(network, part)
    for _ in trainer:
        pass
    averaged = trainer.averaged
    assert isinstance(averaged, Tagger)
    score = task.score(averaged, part)
    assert score.unit == unit
    assert score.value > 0.97 > before.value
    assert score.better_than(0.9)
    assert not score.better_than(score.value)
    shown = task.examples(averaged, part).splitlines()
    assert len(shown) == 6
    cut = next(text for text, marks in tagged_texts() if marks).replace("a", "|a").replace("g", "g|")
    assert unit == "accuracy" or shown[0] == cut.strip("|").replace("||", "|")
    wrong = replace(part, tags=np.zeros_like(part.tags))
    assert "(it is " in task.examples(averaged, wrong)
    assert task.score(averaged, wrong).value < 0.7
