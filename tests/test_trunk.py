"""The trunk, by itself and in networks of one or two: what comes out, and what its arrays are called."""

import numpy as np
import pytest
import torch
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence, pad_packed_sequence

from charrnn.errors import UsageError
from charrnn.model.architecture import Architecture, EncoderArchitecture
from charrnn.model.dropout import drop_weights
from charrnn.model.layer import Layer
from charrnn.model.network import CharRNN, Network
from charrnn.model.optimizer_facts import optimizer_of
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
    of_texts, _ = pad_packed_sequence(PackedSequence(hidden, packed.batch_sizes), batch_first=True)
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


def reader_of(cell: str, layers: int) -> Trunk:
    architecture = EncoderArchitecture(cell, layers, HIDDEN, 3, SYMBOLS)
    return Trunk(architecture, 0.0, torch.Generator().manual_seed(1)).double()


def one_way(reader: Trunk, layer: int, direction: str, values: torch.Tensor) -> torch.Tensor:
    """The hidden states (T, H) of one layer over the inputs (T, I) of one text."""
    found = reader.layers[layer].get_submodule(direction)
    assert isinstance(found, Layer)
    hidden, _ = found(values[:, None], found.blank_state(1))
    return torch.as_tensor(hidden[:, 0])


@every_cell
@pytest.mark.parametrize("layers", [1, 2, 3])
@pytest.mark.parametrize("lengths", [[5, 3, 2], [4, 4, 4], [1], [3, 1, 1]])
def test_both_ways_is_forward_beside_forward_on_the_text_reversed(
    cell: str, layers: int, lengths: list[int]
) -> None:
    reader, ids = reader_of(cell, layers), IDS[: len(lengths)]
    packed = pack_padded_sequence(ids, torch.tensor(lengths), batch_first=True)
    hidden, state = reader(packed)
    assert hidden.shape == (sum(lengths), 2 * HIDDEN)
    of_texts, _ = pad_packed_sequence(PackedSequence(hidden, packed.batch_sizes), batch_first=True)
    for row, length in enumerate(lengths):
        values = reader.embed(ids[row, :length])
        for layer in range(layers):
            forward = one_way(reader, layer, "", values)
            backward = one_way(reader, layer, "reverse", values.flip(0)).flip(0)
            values = torch.cat((forward, backward), 1)
            torch.testing.assert_close(state[2 * layer][0][row], forward[-1])
            torch.testing.assert_close(state[2 * layer + 1][0][row], backward[0])
        torch.testing.assert_close(of_texts[row, :length], values)
        alone, after = reader(ids[row : row + 1, :length])
        torch.testing.assert_close(alone[0], values)
        assert len(after) == 2 * layers


@every_cell
@pytest.mark.parametrize("embedding", [0, 3])
def test_both_ways_has_names_of_its_own_and_learns_all(cell: str, embedding: int) -> None:
    architecture = EncoderArchitecture(cell, 2, HIDDEN, embedding, SYMBOLS)
    trunk = Trunk(architecture, 0.5, torch.Generator().manual_seed(1))
    found = {name: tuple(parameter.shape) for name, parameter in trunk.named_parameters()}
    assert found == architecture.trunk_shapes()
    assert found["layers.1.reverse.input_weight"] == (architecture.gates * HIDDEN, 2 * HIDDEN)
    forward = Architecture(cell, 2, HIDDEN, embedding, SYMBOLS).trunk_shapes()
    assert {name for name in found if "reverse" not in name} == set(forward)
    packed = pack_padded_sequence(IDS, torch.tensor([5, 3, 2]), batch_first=True)
    hidden, _ = trunk.train()(packed)
    hidden.square().sum().backward()
    assert all(parameter.grad is not None for parameter in trunk.parameters())
    assert all(parameter.grad.any() for parameter in trunk.parameters() if parameter.grad is not None)
    matrices = [name for name in found if optimizer_of(name, "muon") == "muon"]
    assert matrices == [name for name in found if name.endswith("_weight")]


def test_both_ways_takes_whole_texts() -> None:
    reader = reader_of("gru", 1)
    _, state = reader(IDS)
    with pytest.raises(ValueError, match="from a blank state"):
        reader(IDS, state)


def test_of_a_thinned_weight_a_share_is_left_out_and_its_mean_stays() -> None:
    weight = torch.full((300, 401), 2.0)
    found = drop_weights(weight, 0.25, torch.Generator().manual_seed(1))
    assert sorted(set(found.flatten().tolist())) == pytest.approx([0, 2 / 0.75])
    assert float(found.mean()) == pytest.approx(2, abs=0.02)
    assert float((found == 0).double().mean(0).std()) < 0.04  # no column is favoured
    assert torch.equal(found, drop_weights(weight, 0.25, torch.Generator().manual_seed(1)))


@every_cell
def test_weight_dropout_is_that_of_the_weights_drawn_once_for_all_steps_and_texts(cell: str) -> None:
    trunk, plain = trunk_of(cell), trunk_of(cell)
    trunk.weight_dropout = 0.5
    packed = pack_padded_sequence(IDS, torch.tensor([6, 6, 2]), batch_first=True)
    with torch.no_grad():
        for layer in plain.layers:
            assert isinstance(layer, Layer)
            layer.recurrent_weight.copy_(drop_weights(layer.recurrent_weight, 0.5, plain.generator))
    torch.testing.assert_close(trunk(packed)[0], plain(packed)[0])
    again = trunk(packed)[0]
    assert not torch.equal(again, plain(packed)[0])
    trunk.eval()
    torch.testing.assert_close(trunk(IDS)[0], trunk_of(cell).eval()(IDS)[0])


@every_cell
def test_what_is_left_out_of_an_update_has_no_gradient_in_it(cell: str) -> None:
    trunk = trunk_of(cell)
    trunk.weight_dropout = 0.5
    drawn = torch.Generator()
    drawn.set_state(trunk.generator.get_state())
    trunk(IDS)[0].sum().backward()
    for layer in trunk.layers:
        assert isinstance(layer, Layer)
        kept = drop_weights(torch.ones_like(layer.recurrent_weight), 0.5, drawn) > 0
        gradient = layer.recurrent_weight.grad
        assert gradient is not None
        assert gradient[kept].any()
        assert not gradient[~kept].any()
