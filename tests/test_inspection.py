"""Cells and properties: every statistic against one written out, and a network whose truth is known."""

import itertools
from collections.abc import Callable
from unicodedata import normalize

import numpy as np
import pytest
from numpy.typing import NDArray
from reference import States, blank_states, cell_step, nats, network_step

from charrnn.config.settings import ReadingSettings
from charrnn.decoding.cells import Array
from charrnn.decoding.labels import with_label
from charrnn.decoding.network import Decoder
from charrnn.errors import CorpusError
from charrnn.inspection.ablation import Walk, costs, rise
from charrnn.inspection.activations import Trunk, place_of, record
from charrnn.inspection.attribution import attributions
from charrnn.inspection.excerpts import Excerpts, Symbols, spread, symbols_of
from charrnn.inspection.findings import Finding, findings
from charrnn.inspection.labels import paired
from charrnn.inspection.null import best_by_chance, levels_of, null_levels, pairings
from charrnn.inspection.properties import OF_SYMBOLS, PROPERTIES, Found, Property, found_in, varies
from charrnn.inspection.reading import Reading
from charrnn.inspection.readout import readout_scores, readouts
from charrnn.inspection.scores import Measured, centred_ranks, signed_scores, spreads
from charrnn.inspection.surface import contexts_of, predictions, surface_score
from charrnn.inspection.untrained import untrained
from charrnn.model.architecture import Architecture, EncoderArchitecture, LabelledArchitecture
from charrnn.text.codes import END
from charrnn.text.corpus import Corpus
from charrnn.text.passages import passages
from charrnn.text.vocabulary_counts import vocabulary_of

ALPHABET = "abcdefgh ()“”\n"
Floats = NDArray[np.float64]


def as_symbols(text: str, starts: tuple[int, ...] = (0,)) -> Symbols:
    codes = np.array([ord(character) for character in text], np.uint32)
    distinct = {character: number for number, character in enumerate(sorted(set(text) | set(ALPHABET)))}
    ids = np.array([distinct[character] for character in text], np.int64)
    begins = np.array(starts, np.int64)
    return Symbols(text, codes, ids, np.arange(len(text)), begins, begins)


def property_named(name: str) -> Property:
    (one,) = [one for one in PROPERTIES if one.name == name]
    return one


def values_of(name: str, text: str) -> list[int]:
    return [int(value) for value in np.asarray(property_named(name).find(Reading(text)))]


def auc(values: Floats, is_so: NDArray[np.bool_]) -> float:
    """The share of pairs in which the value where it is so is the higher one, ties counting half."""
    pairs = [
        (a > b) + 0.5 * (a == b)
        for a, b in itertools.product(values[is_so].tolist(), values[~is_so].tolist())
    ]
    return float(np.mean(pairs))


def rank(values: list[float], value: float) -> float:
    return sum(other < value for other in values) + (values.count(value) + 1) / 2


def spearman(one: Floats, other: Floats) -> float:
    """Pearson's correlation of ranks, ties having their mean."""
    ranks = [[rank(values, value) for value in values] for values in (one.tolist(), other.tolist())]
    a, b = (np.array(values) - np.mean(values) for values in ranks)
    return float((a * b).sum() / np.sqrt((a**2).sum() * (b**2).sum()))


@pytest.mark.parametrize("seed", range(5))
def test_scores_are_those_written_out(seed: int) -> None:
    random = np.random.default_rng(seed)
    values = np.column_stack(
        [random.standard_normal(60), random.integers(0, 4, 60), random.random(60) < 0.2, np.full(60, 3.0)]
    )
    is_so, number = random.random(60) < 0.3, random.integers(0, 5, 60).astype(float)
    ranks = centred_ranks(values)
    spread = spreads(ranks)
    of_flag = signed_scores(ranks, Measured.of(is_so.astype(float), is_number=False), spread)
    of_number = signed_scores(ranks, Measured.of(number, is_number=True), spread)
    for column in range(3):
        assert of_flag[column] == pytest.approx(2 * auc(values[:, column], is_so) - 1, abs=1e-5)
        assert of_number[column] == pytest.approx(spearman(values[:, column], number), abs=1e-5)
    assert of_flag[3] == of_number[3] == 0, "a constant cell follows nothing"


def test_the_level_of_chance_is_the_one_written_out() -> None:
    random = np.random.default_rng(4)
    passages, length = 7, 9
    values = random.integers(0, 12, (passages * length, 3)).astype(float)
    flag = (random.random(passages * length) < 0.3).astype(float)
    number = random.integers(0, 4, passages * length).astype(float)
    ranks, orders = centred_ranks(values), pairings(passages, random, 40)
    assert not (orders == np.arange(passages)).any()
    measured = [Measured.of(flag, is_number=False), Measured.of(number, is_number=True)]
    best = best_by_chance(ranks, measured, spreads(ranks), orders)
    for order, found in zip(orders, best, strict=True):
        other_flag, other_number = (v.reshape(passages, length)[order].reshape(-1) for v in (flag, number))
        expected = [
            max(abs(2 * auc(column, other_flag > 0) - 1) for column in values.T),
            max(abs(spearman(column, other_number)) for column in values.T),
        ]
        assert found.tolist() == pytest.approx(expected, abs=1e-5)
    # The level: as ranks within each property, the highest of the properties, and of these 95 of 100.
    ranked = [[sum(o <= v for o in best[:, p]) for v in best[:, p]] for p in range(2)]
    highest = sorted(max(pair) for pair in zip(*ranked, strict=True))[37]  # of 40
    expected = [sorted(best[:, p])[highest - 1] for p in range(2)]
    assert null_levels(ranks, measured, spreads(ranks), orders).tolist() == pytest.approx(expected)


def test_the_level_is_of_the_maximum_over_properties() -> None:
    """Of properties that have nothing to do with one another one exceeds its level in five of 100 cases."""
    random = np.random.default_rng(0)
    levels = levels_of(random.random((2000, 20)))
    exceeded = (random.random((2000, 20)) > levels).any(axis=1).mean()
    assert 0.02 < exceeded < 0.09


def test_what_the_last_characters_tell_is_the_table_written_out() -> None:
    excerpts = Excerpts(as_symbols("abcabdabcabd" * 3), np.array([0, 12, 24]), 12)
    random = np.random.default_rng(1)
    values = random.integers(0, 3, 36).astype(float)
    text = excerpts.symbols.text
    for order, told in enumerate(predictions(values, contexts_of(excerpts), 3), 1):
        for place in range(36):
            others = [at for at in range(36) if at // 12 != place // 12]
            expected = np.mean([values[at] for at in others])
            for size in range(1, order + 1):
                same = [
                    at
                    for at in others
                    if text[max(0, at + 1 - size) : at + 1] == text[max(0, place + 1 - size) : place + 1]
                ]
                if place + 1 >= size:
                    same = [at for at in same if at + 1 >= size]
                expected = (sum(values[at] for at in same) + expected) / (len(same) + 1)
            assert told[place] == pytest.approx(expected)


def test_what_the_last_characters_tell_is_told() -> None:
    """A capital is told by the character itself; a bracket that was opened long ago is not."""
    random = np.random.default_rng(3)
    text = "".join(
        "("
        + "".join(random.choice(list("abcdefgh"), 40))
        + ")"
        + "".join(random.choice(list("abcdefgh"), 40))
        for _ in range(40)
    )
    excerpts = spread(as_symbols(text), 3_000, "it")
    half = np.repeat(np.arange(excerpts.count) % 2 == 1, excerpts.length)

    def told(found: Found) -> float:
        halves = [
            (rows, Measured.of(found.values[rows], is_number=found.is_number)) for rows in (~half, half)
        ]
        return surface_score(found, halves[0], halves[1], contexts_of(excerpts), excerpts.count)

    for name, high in (("depth of ()", 0.3), ("place in the word", 0.4)):
        values = np.asarray(property_named(name).find(Reading(text)), np.float32)
        assert 0 <= told(Found(name, True, values[excerpts.rows])) < high
    letters = Found("b", False, np.array([text[at] == "b" for at in excerpts.rows], np.float32))
    assert told(letters) > 0.99


def test_what_is_spread_over_cells_is_told_by_all_of_them_together() -> None:
    """A sum of cells is; what has nothing to do with them is not, however many there are."""
    random = np.random.default_rng(21)
    cells = random.standard_normal((2000, 40)).astype(np.float32)
    cells[:, 7] = 3
    total = cells[:, :6].sum(axis=1)
    fitted = np.repeat(np.arange(40) % 2 == 0, 50)
    found = [
        Found("sum", True, total),
        Found("above", False, (total > 1).astype(np.float32)),
        Found("of nothing", True, random.standard_normal(2000).astype(np.float32)),
    ]
    spread_out, above, nothing = readout_scores(cells, found, fitted)
    assert spread_out > 0.99
    assert above > 0.95
    assert nothing < 0.15
    ranks = centred_ranks(cells[~fitted])
    alone = signed_scores(ranks, Measured.of(total[~fitted], is_number=True), spreads(ranks))
    assert np.abs(alone).max() < 0.6


def test_a_readout_is_the_ridge_regression_written_out() -> None:
    """As least squares with a row more for each weight, which wants it to be 0."""
    random = np.random.default_rng(22)
    cells = (3 + 2 * random.standard_normal((90, 5))).astype(np.float32)
    wanted = random.standard_normal((60, 2))
    wanted -= wanted.mean(axis=0)
    fitted = np.arange(90) % 3 > 0
    mean, deviation = cells[fitted].mean(axis=0), cells[fitted].std(axis=0)
    inputs = (cells[fitted] - mean) / deviation
    rows = np.concatenate([inputs, np.sqrt(0.01 * 60) * np.eye(5)])
    weights, *_ = np.linalg.lstsq(rows, np.concatenate([wanted, np.zeros((5, 2))]), rcond=None)
    expected = (cells[~fitted] - mean) / deviation @ weights
    assert readouts(cells, wanted, fitted) == pytest.approx(expected, abs=1e-4)


@pytest.mark.parametrize(
    ("name", "text", "values"),
    [
        ('in "…"', 'a "b" c', "0011000"),
        ("in '…'", "don't b'x'", "0000000110"),
        ('in """…"""', '"""a"""', "0011110"),
        ("in “…”", "a“b”c", "01100"),
        ("in «…»", "«a»b", "1100"),
        ("depth of ()", "(a(b)c)d", "11221100"),
        ("depth of ()", ":( (a) )", "01122110"),
        ("depth of []", "a] [b", "00000"),
        ("place in the line", "ab\nc", "1201"),
        ("length of the line before", "abc\nd\n\ne", "00033100"[:8]),
        ("indentation", "a\n  b c", "0012222"[:7]),
        ("place in the word", "ab c_d", "120123"),
        ("place in the sentence", "A. Bc", "1201 "),
        ("a capital", "aBc", "010"),
        ("in a comment", "a #b\nc", "001100"),
        ("in a comment", "http://a", "00000000"),
        ("in a URL", "a http://b c", "001111111000"),
        ("next: a line end", "a\nb\n", "1010"),
        ("next: a mark", "a.b", "100"),
    ],
)
def test_properties_are_those_after_each_character(name: str, text: str, values: str) -> None:
    found = values_of(name, text)
    if name == "place in the sentence":
        assert found == [1, 2, 0, 1, 2]
    elif name == "length of the line before":
        assert found == [0, 0, 0, 3, 3, 1, 0, 0]
    else:
        assert "".join(map(str, found)) == values


def test_the_places_of_jamo_and_in_records() -> None:
    codes = np.array([ord(character) for character in normalize("NFD", "안a녕")] + [END, 97], np.uint32)
    assert OF_SYMBOLS["place of the jamo"](codes).tolist() == [1, 2, 3, 0, 1, 2, 3, 0, 0]
    assert OF_SYMBOLS["place in the record"](codes)[-3:].tolist() == [7, 0, 1]


def test_a_property_that_a_text_hardly_has_is_left_out() -> None:
    text = "some words, and no more\n" * 100
    found, left_out = found_in(spread(as_symbols(text), 2_000, "it"), PROPERTIES)
    assert {"in a string", "depth of ()", "a capital", "a digit", "indentation"} <= set(left_out)
    assert {"place in the line", "place in the word"} <= {one.name for one in found}
    assert not {one.name for one in found} & set(left_out)
    assert not varies(Found("one place", False, np.eye(1, 2000, 7, np.float32)[0]), 40)
    assert not varies(Found("never", False, np.zeros(2000, np.float32)), 40)
    assert not varies(Found("always", True, np.full(2000, 5.0, np.float32)), 40)


def test_a_text_that_is_too_short_is_refused() -> None:
    with pytest.raises(CorpusError, match="expected 800 or more"):
        spread(as_symbols("abc" * 200), 20_000, "it")
    assert spread(as_symbols("abcd" * 200), 20_000, "it").count == 16
    long = spread(as_symbols("abcd" * 20_000), 20_000, "it")
    assert (long.count, long.length) == (80, 250)
    assert (np.diff(long.begins) >= 250).all()


@pytest.mark.parametrize("cell", ["lstm", "gru", "rnn"])
@pytest.mark.parametrize("direction", ["forward", "both"])
def test_values_are_those_of_the_network_step_by_step(cell: str, direction: str) -> None:
    """In both directions, across starts of lines, whatever is read side by side."""
    random = np.random.default_rng(5)
    text = "".join(random.choice(list(ALPHABET), 900))
    architecture = EncoderArchitecture(cell, 1, 6, 3, len(ALPHABET), direction)
    trunk = untrained(architecture, random)
    starts = (0, 130, 131, 500, 720)
    excerpts = Excerpts(as_symbols(text, starts), np.array([0, 100, 480, 700, 850]), 50)
    activity = record(trunk, excerpts)
    alone = Architecture(cell, 1, 6, 3, len(ALPHABET))
    outputs = {"output.weight": np.zeros((1, 6)), "output.bias": np.zeros(1)}
    own = {name: array.astype(float) for name, array in trunk.weights.items()} | outputs
    turned = {name.replace("reverse.", ""): array for name, array in own.items() if "reverse" in name}

    def run(ids: NDArray[np.int64], weights: dict[str, Floats]) -> Floats:
        states, values = [(np.zeros(6),) * alone.states], []
        for symbol in ids.tolist():
            _, states = network_step(alone, weights, symbol, states)
            values.append(states[0][-1])
        return np.array(values)

    bounds = [*starts, len(text)]
    expected = np.concatenate([run(excerpts.symbols.ids[a:b], own) for a, b in itertools.pairwise(bounds)])
    assert activity.values[:, :6] == pytest.approx(expected[excerpts.rows], abs=1e-4)
    if direction == "both":
        back = [
            run(excerpts.symbols.ids[a:b][::-1], own | turned)[::-1] for a, b in itertools.pairwise(bounds)
        ]
        assert activity.values[:, 6:] == pytest.approx(np.concatenate(back)[excerpts.rows], abs=1e-4)
        assert place_of(7, architecture).is_reversed
    assert str(place_of(5, architecture)) == "1:6"


@pytest.mark.parametrize("embedding", [0, 3])
def test_a_network_that_is_told_labels_is_shown_pairs(embedding: int) -> None:
    """Each line as by the language model that it is with the line's label."""
    random = np.random.default_rng(15)
    architecture = LabelledArchitecture("lstm", 2, 5, embedding, len(ALPHABET), classes=3)
    weights = {
        name: random.standard_normal(shape).astype(np.float32)
        for name, shape in architecture.shapes().items()
    }
    starts, labels = (0, 130, 131, 450, 720), np.array([2, 0, 1, 1, 0], np.int32)
    text = as_symbols("".join(random.choice(list(ALPHABET), 900)), starts)
    symbols, pairs = paired(text, labels, len(ALPHABET))
    trunk = pairs.trunk(architecture, weights)
    excerpts = Excerpts(symbols, np.array([0, 100, 480, 700, 850]), 50)
    values, walk = record(trunk, excerpts).values, Walk.of(excerpts)
    expected, nats_of_each = [], []
    for (begin, end), label in zip(itertools.pairwise([*starts, 900]), labels.tolist(), strict=True):
        decoder = Decoder(*with_label(architecture, weights, label))
        for place in range(begin, end):
            logits = decoder.step(text.ids[place : place + 1])
            expected.append(decoder.state[-1][0])
            following = int(text.ids[min(place + 1, 899)])
            nats_of_each.append(nats(logits[0].astype(float), following))
    assert values == pytest.approx(np.array(expected)[excerpts.rows], abs=1e-4)
    (found,) = costs(trunk, walk, values.mean(axis=0), [])
    wanted = np.array(nats_of_each)[excerpts.rows].reshape(found.shape) * walk.is_scored
    assert found == pytest.approx(wanted, abs=1e-3)
    blank = untrained(architecture, np.random.default_rng(3))
    assert "label.weight" not in blank.weights
    assert pairs.trunk(architecture, blank.weights).architecture == trunk.architecture


def gate_bias(weights: dict[str, Array], gate: int, hidden: int) -> Array:
    """The input biases of an LSTM's gate: input, forget, candidate, output."""
    return weights["layers.0.input_bias"][gate * hidden : (gate + 1) * hidden]


HIDDEN, COUNTER, FLAG = 12, 4, 9


def planted(random: np.random.Generator, text: Symbols) -> Trunk:
    """An LSTM whose cell 5 counts brackets and whose cell 10 is on inside “…”; others are constant or noise.

    The noise of a cell goes with the single letters, of which no property knows.
    """
    ids = {character: int(text.ids[text.text.index(character)]) for character in "()“”abcdefgh"}
    architecture = Architecture("lstm", 1, HIDDEN, 0, len(set(ALPHABET)))
    weights = {name: np.zeros(shape, np.float32) for name, shape in architecture.trunk_shapes().items()}
    inputs = weights["layers.0.input_weight"].reshape(4, HIDDEN, -1)
    gate_bias(weights, 0, HIDDEN)[:] = 10  # takes in what comes
    gate_bias(weights, 1, HIDDEN)[:] = 10  # and keeps it
    inputs[2, COUNTER, ids["("]], inputs[2, COUNTER, ids[")"]] = 1, -1
    inputs[2, FLAG, ids["“"]] = 3
    inputs[1, FLAG, ids["”"]] = -30
    for unit in (0, 1, 2):
        gate_bias(weights, 1, HIDDEN)[unit] = 0
        for letter in "abcdefgh":
            inputs[2, unit, ids[letter]] = random.standard_normal()
    return Trunk(architecture, weights)


def planted_text(random: np.random.Generator) -> Symbols:
    letters, pieces, is_open, quoted = list("abcdefgh"), [], 0, False
    for _ in range(3000):
        draw = random.random()
        if draw < 0.06:
            pieces.append("”" if quoted else "“")
            quoted = not quoted
        elif draw < 0.12 and is_open < 3:
            pieces.append("(")
            is_open += 1
        elif draw < 0.18 and is_open:
            pieces.append(")")
            is_open -= 1
        pieces.append(str(random.choice(letters)))
    return as_symbols("".join([*pieces, "”" * quoted, ")" * is_open]))


def find(values: Array, excerpts: Excerpts, blank: Array, seed: int = 1) -> list[Finding]:
    found, _ = found_in(excerpts, tuple(one for one in PROPERTIES if not one.name.startswith("next")))
    return findings(values, blank, found, excerpts, np.random.default_rng(seed))


@pytest.fixture(scope="module")
def planted_truth() -> tuple[Excerpts, Array, Array]:
    random = np.random.default_rng(2)
    text = planted_text(random)
    trunk, excerpts = planted(random, text), spread(text, 20_000, "it")
    blank = record(untrained(trunk.architecture, random), excerpts).values
    return excerpts, record(trunk, excerpts).values, blank


def test_what_was_planted_is_found_and_nothing_else(planted_truth: tuple[Excerpts, Array, Array]) -> None:
    excerpts, values, blank = planted_truth
    named = [one for one in find(values, excerpts, blank) if one.is_named and one.lead > 0]
    assert {(one.found.name, one.column) for one in named} == {("depth of ()", COUNTER), ("in “…”", FLAG)}
    for one in named:
        assert one.score > 0.8
        assert one.lead > 0.3


def test_a_cell_that_counts_columns_follows_the_place_in_the_line_exactly() -> None:
    """In the first line of a passage too, which begins before it; a count that lags by one does not."""
    random = np.random.default_rng(8)
    lines = ["".join(random.choice(list(ALPHABET[:11]), random.integers(0, 90))) for _ in range(400)]
    text = as_symbols("\n".join(lines))
    architecture = Architecture("lstm", 1, 3, 0, len(ALPHABET))
    weights = {name: np.zeros(shape, np.float32) for name, shape in architecture.trunk_shapes().items()}
    inputs = weights["layers.0.input_weight"].reshape(4, 3, -1)
    feed = int(text.ids[text.text.index("\n")])
    gate_bias(weights, 0, 3)[:] = gate_bias(weights, 1, 3)[:] = 200  # takes in what comes, and keeps it
    gate_bias(weights, 2, 3)[1] = 1
    inputs[:2, 1, feed] = -400  # but for a line feed, at which it forgets all
    excerpts = spread(text, 5_000, "it")
    assert (text.codes[excerpts.begins] != ord("\n")).any()
    values = record(Trunk(architecture, weights), excerpts).values
    place = property_named("place in the line")
    found, _ = found_in(excerpts, (place,))
    (one,) = findings(values, np.zeros_like(values), found, excerpts, random)
    assert one.column == 1
    assert one.score == pytest.approx(1, abs=1e-6)
    lagging = np.roll(values, 1, axis=0)
    (late,) = findings(lagging, np.zeros_like(values), found, excerpts, random)
    assert late.score < 0.99


def test_shuffled_passages_name_a_cell_in_three_of_twenty_runs_at_most(
    planted_truth: tuple[Excerpts, Array, Array],
) -> None:
    """The cells keep their values, but of another passage than the text is."""
    excerpts, values, blank = planted_truth
    random, naming = np.random.default_rng(6), 0
    passages = values.reshape(excerpts.count, excerpts.length, -1)
    for run in range(20):
        shuffled = passages[random.permutation(excerpts.count)].reshape(values.shape)
        naming += any(one.is_named for one in find(shuffled, excerpts, blank, run))
    assert naming <= 3


@pytest.mark.parametrize("cell", ["lstm", "gru", "rnn"])
def test_what_losing_a_cell_costs_is_what_it_costs(cell: str) -> None:
    """Against the equations step by step with the cell overwritten."""
    random = np.random.default_rng(11)
    text = "".join(random.choice(list(ALPHABET), 900))
    architecture = Architecture(cell, 2, 5, 3, len(ALPHABET))
    weights = {
        name: (0.5 * random.standard_normal(shape)).astype(np.float32)
        for name, shape in architecture.shapes().items()
    }
    trunk = Trunk(architecture, weights)
    excerpts = Excerpts(as_symbols(text, (0, 410)), np.array([0, 300, 395]), 50)
    activity, walk = record(trunk, excerpts), Walk.of(excerpts)
    means = activity.values.mean(axis=0)
    columns = [2, 8]
    found = list(costs(trunk, walk, means, columns))
    double = {name: array.astype(float) for name, array in weights.items()}
    ids = excerpts.symbols.ids

    def written_out(begin: int, held: tuple[int, float] | None) -> list[float]:
        """What the symbols after `begin` cost, read from the start of their text, held from there on."""
        states, spent = blank_states(architecture), []
        for place in range(begin + 50):
            if place in (0, 410):
                states = blank_states(architecture)
            logits, states = stepped(
                architecture, double, int(ids[place]), states, held if place >= begin else None
            )
            is_last = place + 1 in (410, len(ids))
            spent.append(0.0 if is_last else nats(logits, int(ids[place + 1])))
        return spent[begin:]

    for number, begin in enumerate((0, 300, 395)):
        assert found[0][number] == pytest.approx(written_out(begin, None), abs=1e-3)
        for column, without in zip(columns, found[1:], strict=True):
            expected = written_out(begin, (column, float(means[column])))
            assert without[number] == pytest.approx(expected, abs=1e-3)
    assert not walk.is_scored[2, 14], "nothing follows the end of a text"
    assert not np.allclose(found[0], found[1])


def stepped(
    architecture: Architecture,
    weights: dict[str, Floats],
    symbol: int,
    states: States,
    held: tuple[int, float] | None,
) -> tuple[Floats, States]:
    """A step of the reference, layer by layer, with a cell overwritten before the layer above reads it."""
    values, after = weights["embedding.weight"][symbol], []
    for k, state in enumerate(states):
        from_input = weights[f"layers.{k}.input_weight"] @ values + weights[f"layers.{k}.input_bias"]
        from_state = (
            weights[f"layers.{k}.recurrent_weight"] @ state[0] + weights[f"layers.{k}.recurrent_bias"]
        )
        parts = [part.copy() for part in cell_step(architecture.cell, from_input, from_state, state)]
        if held is not None and held[0] // architecture.hidden == k:
            unit = held[0] % architecture.hidden
            shown = parts[0][unit] / np.tanh(parts[-1][unit]) if len(parts) > 1 else 1.0
            parts[-1][unit] = held[1]
            parts[0][unit] = shown * np.tanh(held[1]) if len(parts) > 1 else held[1]
        after.append(tuple(parts))
        values = parts[0]
    return weights["output.weight"] @ values + weights["output.bias"], after


@pytest.mark.parametrize("cell", ["lstm", "gru", "rnn"])
def test_gradients_are_the_slopes_of_the_loss(cell: str) -> None:
    """By finite differences: one passage, one cell that is moved at one step."""
    random = np.random.default_rng(12)
    architecture = Architecture(cell, 2, 4, 3, len(ALPHABET))
    weights = {
        name: (0.7 * random.standard_normal(shape)).astype(np.float32)
        for name, shape in architecture.shapes().items()
    }
    trunk = Trunk(architecture, weights)
    excerpts = Excerpts(as_symbols("".join(random.choice(list(ALPHABET), 100))), np.array([0]), 12)
    walk, values = Walk.of(excerpts), record(trunk, excerpts).values
    double = {name: array.astype(float) for name, array in weights.items()}
    ids = excerpts.symbols.ids

    def loss(at: int, column: int, change: float) -> float:
        states, total = blank_states(architecture), 0.0
        for place in range(12):
            _, plain = stepped(architecture, double, int(ids[place]), states, None)
            now = float(plain[column // 4][-1][column % 4])
            held = (column, now + change) if place == at else None
            logits, states = stepped(architecture, double, int(ids[place]), states, held)
            total += nats(logits, int(ids[place + 1]))
        return total

    for column in (1, 6):
        for at in (0, 5, 11):
            away = np.zeros_like(values)
            away[at, column] = 1  # the way to the mean, 0 elsewhere
            slope = (loss(at, column, 1e-4) - loss(at, column, -1e-4)) / 2e-4
            found = attributions(trunk, walk, -away, np.zeros(8, np.float32))
            assert found[column] == pytest.approx(abs(slope), rel=0.02, abs=1e-4)


def test_intervals_are_of_passages_drawn_again() -> None:
    random = np.random.default_rng(13)
    more = random.standard_normal((12, 20)).astype(np.float32)
    counts = random.integers(0, 2, (12, 20))
    found = rise(more, counts, np.random.default_rng(5))
    assert found is not None
    assert found.bits == pytest.approx(more.sum() / np.log(2) / counts.sum(), rel=1e-4)
    times, drawn = np.random.default_rng(5).multinomial(12, np.full(12, 1 / 12), 1000), []
    for row in times:
        chosen = np.repeat(np.arange(12), row)
        drawn.append(more[chosen].sum() / np.log(2) / counts[chosen].sum())
    drawn.sort()
    assert found.low == pytest.approx(drawn[25], abs=0.02)
    assert found.high == pytest.approx(drawn[974], abs=0.02)
    assert found.low < found.bits < found.high
    assert rise(more, np.zeros((12, 20), np.int64), random) is None, "where there is no character"


@pytest.mark.parametrize(
    ("reading", "spelt"),
    [
        (ReadingSettings(mode="text"), lambda one: [ord(one)]),
        (ReadingSettings(mode="text", level="byte"), lambda one: list(one.encode())),
        (ReadingSettings(mode="text", normalize="nfd"), lambda one: [*map(ord, normalize("NFD", one))]),
    ],
)
def test_symbols_know_their_characters(reading: ReadingSettings, spelt: Callable[[str], list[int]]) -> None:
    text = "Käse, 안녕 €5\n다음 줄 (끝)\n" * 3
    corpus = Corpus.of(text.encode(), reading)
    vocabulary = vocabulary_of(corpus.statistics().counts, reading.level, min_count=1, end=False)
    symbols = symbols_of([passages(corpus, vocabulary)], vocabulary)
    assert symbols.text == text
    for place, character in enumerate(text):
        assert symbols.codes[symbols.places == place].tolist() == spelt(character)
    assert symbols.starts.tolist() == [0]


@pytest.mark.parametrize("ends_first", [True, False])
def test_lines_begin_at_their_marks(ends_first: bool) -> None:
    reading = ReadingSettings(mode="lines")
    corpus = Corpus.of(b"ab\nc\n\nde\n", reading)
    vocabulary = vocabulary_of(corpus.statistics().counts, "char", min_count=1, end=True)
    symbols = symbols_of([passages(corpus, vocabulary)], vocabulary, ends_first=ends_first)
    spelt = "".join("|" if code == END else chr(code) for code in symbols.codes.tolist())
    assert spelt == ("|ab|c||de" if ends_first else "ab|c||de|")
    assert symbols.starts.tolist() == [0, 3, 5, 6]
    characters = [symbols.text[place] for place in symbols.places.tolist()]
    assert "".join(characters) == spelt.replace("|", "\n")
