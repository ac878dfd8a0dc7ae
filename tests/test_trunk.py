"""The trunk, by itself and in networks of one or two: what comes out, and what its arrays are called."""

import numpy as np
import pytest
import torch
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence

from charrnn.errors import UsageError
from charrnn.model.architecture import Architecture
from charrnn.model.network import CharRNN, Network
from charrnn.model.optimizers import optimizer_of
from charrnn.model.trunk import Trunk

SYMBOLS, HIDDEN, TEXTS, STEPS = 7, 4, 3, 6
IDS = torch.randint(SYMBOLS, (TEXTS, STEPS), generator=torch.Generator().manual_seed(1))

every_cell = pytest.mark.parametrize("cell", ["rnn", "gru", "lstm"])


def architecture_of(cell: str, layers: int = 2) -> Architecture:
    return Architecture(cell, layers, HIDDEN, 3, SYMBOLS)


def trunk_of(cell: str) -> Trunk:
    return Trunk(architecture_of(cell), 0.0, torch.Generator().manual_seed(1)).double()


@every_cell
def test_the_hidden_state_of_every_step_comes_out_and_the_last_is_the_state(cell: str) -> None:
    trunk = trunk_of(cell)
    hidden, state = trunk(IDS)
    assert hidden.shape == (TEXTS, STEPS, HIDDEN)
    assert len(state) == 2
    assert torch.equal(hidden[:, -1], state[-1][0])
    first, between = trunk(IDS[:, :2])
    rest, after = trunk(IDS[:, 2:], between)
    torch.testing.assert_close(torch.cat((first, rest), 1), hidden)
    torch.testing.assert_close(after, state)


@every_cell
def test_a_packed_batch_is_read_as_its_texts_one_at_a_time(cell: str) -> None:
    trunk, lengths = trunk_of(cell), [6, 6, 2]
    packed = pack_padded_sequence(IDS, torch.tensor(lengths), batch_first=True)
    hidden, state = trunk(packed)
    assert hidden.shape == (sum(lengths), HIDDEN)
    of_texts, _ = torch.nn.utils.rnn.pad_packed_sequence(
        PackedSequence(hidden, packed.batch_sizes), batch_first=True
    )
    for row, length in enumerate(lengths):
        alone, after = trunk(IDS[row : row + 1, :length])
        torch.testing.assert_close(of_texts[row, :length], alone[0])
        for layer, layer_alone in zip(state, after, strict=True):
            for part, part_alone in zip(layer, layer_alone, strict=True):
                torch.testing.assert_close(part[row : row + 1], part_alone)


@every_cell
def test_a_language_model_is_a_linear_output_of_it(cell: str) -> None:
    model = CharRNN(architecture_of(cell), 0.0, torch.Generator().manual_seed(1))
    torch.nn.init.normal_(model.output.weight, generator=torch.Generator().manual_seed(2))
    packed = pack_padded_sequence(IDS, torch.tensor([6, 3, 2]), batch_first=True)
    for ids in (IDS, packed):
        hidden, state = model.trunk(ids)
        logits, after = model(ids)
        torch.testing.assert_close(logits, model.output(hidden))
        torch.testing.assert_close(after, state)


@pytest.mark.parametrize("embedding", [0, 3])
def test_its_arrays_have_the_names_and_shapes_of_its_architecture(embedding: int) -> None:
    architecture = Architecture("gru", 2, HIDDEN, embedding, SYMBOLS)
    trunk = Trunk(architecture, 0.0, torch.Generator())
    found = {name: tuple(parameter.shape) for name, parameter in trunk.named_parameters()}
    assert found == architecture.trunk_shapes()
    assert architecture.shapes().keys() - found.keys() == {"output.weight", "output.bias"}


def test_only_forward_is_a_direction() -> None:
    assert Architecture().direction == "forward"
    with pytest.raises(UsageError, match="'both'; expected one of forward"):
        Architecture(direction="both")


class Pair(Network):
    """Two trunks, as one that reads and one that writes would be."""

    def __init__(self, architecture: Architecture, generator: torch.Generator) -> None:
        super().__init__(architecture)
        self.encoder = Trunk(architecture, 0.5, generator)
        self.decoder = Trunk(architecture, 0.5, generator)


def test_two_trunks_have_their_names_before_their_arrays_and_one_generator() -> None:
    architecture = architecture_of("lstm")
    pair, other = (Pair(architecture, torch.Generator().manual_seed(seed)) for seed in (1, 2))
    shapes = architecture.trunk_shapes()
    assert list(pair.arrays()) == [*(f"encoder.{n}" for n in shapes), *(f"decoder.{n}" for n in shapes)]
    matrices = [name for name in pair.arrays() if optimizer_of(name, "muon") == "muon"]
    assert matrices == [name for name in pair.arrays() if ".layers." in name and name.endswith("_weight")]
    assert len(matrices) == 8
    pair.generator = torch.Generator().manual_seed(9)
    assert pair.encoder.generator is pair.decoder.generator is pair.generator
    other.put(pair.weights())
    assert all(np.array_equal(values, other.weights()[name]) for name, values in pair.weights().items())


def test_arrays_of_another_network_are_refused() -> None:
    model = CharRNN(architecture_of("gru"), 0.0, torch.Generator())
    weights = model.weights()
    with pytest.raises(RuntimeError, match=r"layers\.2\.input_weight"):
        CharRNN(architecture_of("gru", layers=3), 0.0, torch.Generator()).put(weights)
    with pytest.raises(RuntimeError, match=r"strange"):
        model.put(weights | {"strange": np.zeros(1, np.float32)})
