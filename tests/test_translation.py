"""The network of translation: in PyTorch against its equations, in NumPy against that, and what it writes."""

import itertools
from collections.abc import Sequence

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from pairs_by_hand import SYMBOLS, TARGETS, architecture_of, lively
from torch.nn.utils.rnn import pack_sequence

from charrnn.decoding.beam import Target, draw, highest, search
from charrnn.decoding.translator import Translator
from charrnn.errors import CheckpointError
from charrnn.model.architecture import TranslationArchitecture
from charrnn.model.translation import TranslationNetwork
from charrnn.text.target_vocabulary import END

MARK = SYMBOLS - 1
"""The end mark of sources: a text of none but this is empty."""

Ids = NDArray[np.int64]


def sources_of(lengths: Sequence[int]) -> list[Ids]:
    random = np.random.default_rng(2)
    return [np.append(random.integers(0, SYMBOLS - 1, length), MARK) for length in lengths]


def log_probability(network: TranslationNetwork, source: Ids, target: Sequence[int]) -> float:
    """Of a target and its end mark, by PyTorch."""
    with torch.no_grad():
        ids = torch.tensor([[END, *target]])
        logs = network(pack_sequence([torch.from_numpy(source)]), ids).log_softmax(-1)[0]
    return sum(float(row[symbol]) for row, symbol in zip(logs, [*target, END], strict=True))


EVERY = [
    architecture_of(cell, layers, embedding=embedding, direction=direction, attention=attention)
    for cell in ("rnn", "gru", "lstm")
    for layers in (1, 2, 3)
    for embedding, direction, attention in ((5, "both", True), (0, "forward", True), (5, "both", False))
]
every_architecture = pytest.mark.parametrize(
    "architecture", EVERY, ids=lambda a: f"{a.cell}-{a.layers}-{a.direction}-{a.attention}"
)


@every_architecture
def test_numpy_equals_torch(architecture: TranslationArchitecture) -> None:
    """Empty sources and those of one character too; several targets of each, step by step."""
    network = lively(architecture)
    sources = sources_of([0, 1, 9, 1, 4])
    ids = np.random.default_rng(3).integers(0, TARGETS, (len(sources), 2, 8))
    translator = Translator(architecture, network.weights())
    writer = translator.writer(translator.encode(sources), 2)
    found = np.stack([writer.step(ids[..., step].ravel()).copy() for step in range(8)], 1)
    for source, targets, rows in zip(sources, ids, found.reshape(5, 2, 8, TARGETS), strict=True):
        for target, row in zip(targets, rows, strict=True):
            with torch.no_grad():
                expected = network(pack_sequence([torch.from_numpy(source)]), torch.from_numpy(target[None]))
            assert np.abs(row - expected[0].numpy()).max() < 1e-4


@every_architecture
def test_packed_sources_are_read_as_if_each_were_alone(architecture: TranslationArchitecture) -> None:
    network = lively(architecture)
    sources = [torch.from_numpy(source) for source in sources_of([9, 4, 4, 1, 0])]
    ids = torch.from_numpy(np.random.default_rng(3).integers(0, TARGETS, (5, 6)))
    with torch.no_grad():
        together = network(pack_sequence(sources), ids)
        alone = [
            network(pack_sequence([source]), row[None])[0] for source, row in zip(sources, ids, strict=True)
        ]
    assert torch.allclose(together, torch.stack(alone), atol=1e-5)


def test_attention_is_the_mean_of_what_was_read_weighted_by_likeness() -> None:
    """By the equations, in ten lines of NumPy."""
    architecture = architecture_of("lstm")
    network = lively(architecture)
    w = network.weights()
    source = torch.from_numpy(sources_of([4])[0])
    with torch.no_grad():
        encoded, _ = network.encoder(source[None])
        ends = np.concatenate((encoded[0, -1, :10].numpy(), encoded[0, 0, 10:].numpy()))
        memory = torch.from_numpy(w["bridge_weight"] @ ends + w["bridge_bias"])[None]
        hidden, _ = network.decoder(torch.tensor([[END, 3]]), [(memory.tanh(), memory)])
        found = network(pack_sequence([source]), torch.tensor([[END, 3]]))[0]
    e = encoded[0].numpy()
    for h, logits in zip(hidden[0].numpy(), found.numpy(), strict=True):
        likeness = np.exp([row @ w["query_weight"] @ h for row in e])
        seen = sum(share * row for share, row in zip(likeness / likeness.sum(), e, strict=True))
        mixed = np.tanh(w["mixing_weight"] @ np.concatenate((h, seen)) + w["mixing_bias"])
        assert np.allclose(w["output.weight"] @ mixed + w["output.bias"], logits, atol=1e-5)


def exhaustive(network: TranslationNetwork, source: Ids, longest: int) -> list[tuple[float, tuple[int, ...]]]:
    """Every target of up to so many symbols, the likeliest first."""
    targets = [t for n in range(longest + 1) for t in itertools.product(range(1, TARGETS), repeat=n)]
    return sorted(((log_probability(network, source, target), target) for target in targets), reverse=True)


def test_a_beam_as_wide_as_everything_finds_what_there_is() -> None:
    """Where nothing likely is long: the beam holds all that go on too."""
    network = lively(architecture_of("gru"))
    network.output.bias.data[END] += 3
    translator = Translator(network.architecture, network.weights())
    for source in sources_of([0, 1, 5]):
        expected = exhaustive(network, source, 3)[:12]
        found = search(translator, [source], beam=TARGETS**4, best=12, longest=4)[0]
        assert [tuple(target.ids.tolist()) for target in found] == [target for _, target in expected]
        assert np.allclose([t.log_probability for t in found], [log for log, _ in expected], atol=1e-4)
        assert not any(target.is_capped for target in found)


@every_architecture
def test_a_beam_of_one_takes_the_likeliest_symbol_each_time(architecture: TranslationArchitecture) -> None:
    network = lively(architecture)
    translator = Translator(architecture, network.weights())
    sources = sources_of([6, 0, 1, 12])
    for source, [found] in zip(sources, search(translator, sources, beam=1, longest=9), strict=True):
        target, packed = [END], pack_sequence([torch.from_numpy(source)])
        for _ in range(9):
            with torch.no_grad():
                symbol = int(network(packed, torch.tensor([target]))[0, -1].argmax())
            if symbol == END:
                break
            target.append(symbol)
        assert found.ids.tolist() == target[1:]
        assert found.is_capped == (len(target) == 10)
    cold = draw(translator, sources, temperature=0, random=[np.random.default_rng(1)] * 4, longest=9)
    assert texts(cold) == texts(search(translator, sources, beam=1, longest=9))


def texts(found: Sequence[Sequence[Target]]) -> list[list[list[int]]]:
    return [[target.ids.tolist() for target in best] for best in found]


def test_together_or_alone_each_source_gets_the_same() -> None:
    network = lively(architecture_of("lstm", 2))
    translator = Translator(network.architecture, network.weights())
    sources = sources_of([3, 0, 8, 1, 5, 5])
    together = search(translator, sources, beam=4, best=3, longest=12, attention=True)
    alone = [search(translator, [one], beam=4, best=3, longest=12, attention=True)[0] for one in sources]
    assert texts(together) == texts(alone)
    for source, several, single in zip(sources, together, alone, strict=True):
        for target, other in zip(several, single, strict=True):
            assert abs(target.log_probability - other.log_probability) < 1e-4
            assert target.attention is not None and other.attention is not None  # noqa: PT018
            assert target.attention.shape == (len(target.ids) + (not target.is_capped), len(source))
            assert np.allclose(target.attention.sum(1), 1, atol=1e-5)
            assert np.allclose(target.attention, other.attention, atol=1e-4)


def test_what_it_says_of_a_target_is_the_probability_that_torch_gives() -> None:
    network = lively(architecture_of("lstm", 2))
    translator = Translator(network.architecture, network.weights())
    source = sources_of([6])[0]
    found = search(translator, [source], beam=5, best=5, longest=30)[0]
    assert len({tuple(target.ids.tolist()) for target in found}) == 5
    logs = [target.log_probability for target in found]
    assert logs == sorted(logs, reverse=True)
    for target in (target for target in found if not target.is_capped):
        expected = log_probability(network, source, target.ids.tolist())
        assert abs(target.log_probability - expected) < 1e-4


def test_of_equally_likely_targets_the_first_symbol_decides() -> None:
    """All weights are zero, so that all symbols are; of what is kept, what comes first is continued first."""
    architecture = architecture_of("gru")
    translator = Translator(architecture, lively(architecture, 0.0).weights())
    found = search(translator, sources_of([2]), beam=5, best=5, longest=3)[0]
    assert texts([found]) == [[[], [1], [1, 1], [1, 1, 1], [1, 1, 2]]]
    assert [target.is_capped for target in found] == [False, False, False, True, True]


def test_the_highest_are_found_in_order_by_either_way() -> None:
    values = np.random.default_rng(1).integers(0, 6, (5, 60)).astype(np.float64)
    values[2:, 3:] = -np.inf
    expected = np.argsort(-values, axis=1, kind="stable")
    for count in (1, 5, 16, 17, 40):
        assert (highest(values, count) == expected[:, :count]).all()


def test_what_is_drawn_follows_the_probabilities_and_the_seed() -> None:
    network = lively(architecture_of("lstm"))
    translator = Translator(network.architecture, network.weights())
    source = sources_of([3])[0]

    def drawn(seeds: range, temperature: float = 1.0) -> list[int]:
        random = [np.random.default_rng(seed) for seed in seeds]
        some = draw(translator, [source] * len(seeds), temperature=temperature, random=random, longest=1)
        return [int(target.ids[0]) if len(target.ids) else END for [target] in some]

    counts = np.bincount(drawn(range(4000)), minlength=TARGETS) / 4000
    with torch.no_grad():
        logits = network(pack_sequence([torch.from_numpy(source)]), torch.tensor([[END]]))[0, 0]
    assert np.abs(counts - logits.softmax(0).numpy()).max() < 0.03
    warm = np.bincount(drawn(range(4000), 0.5), minlength=TARGETS) / 4000
    assert np.abs(warm - (logits / 0.5).softmax(0).numpy()).max() < 0.03
    assert drawn(range(7, 8)) == [drawn(range(20))[7]]


def test_what_is_not_finite_is_said() -> None:
    network = lively(architecture_of("lstm"))
    network.output.weight.data[2, 1] = float("nan")
    translator = Translator(network.architecture, network.weights())
    with pytest.raises(CheckpointError, match="not a finite number"):
        search(translator, sources_of([2]))
