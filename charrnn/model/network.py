"""Networks: one or more trunks, and the task's head on their hidden states. Here, the language model.

Dimensions as in `layer.py`. Knows nothing of text, files or optimizers.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence

from charrnn.model.architecture import Architecture, LabelledArchitecture
from charrnn.model.layer import State
from charrnn.model.packing import Packing
from charrnn.model.trunk import PartOfBatch, Trunk


class Network(nn.Module):
    """What every task's network has: trunks, and arrays with names.

    A trunk is an attribute. The arrays of one that is called `trunk` have the names of
    `Architecture.trunk_shapes`; those of any other, such as `encoder`, have its name before these.

    Args:
        architecture: cell and sizes.
    """

    def __init__(self, architecture: Architecture) -> None:
        super().__init__()
        self.architecture = architecture

    @property
    def trunks(self) -> list[Trunk]:
        """Its trunks, one at least."""
        return [module for module in self.children() if isinstance(module, Trunk)]

    @property
    def device(self) -> torch.device:
        """Where its arrays are."""
        return next(self.parameters()).device

    @property
    def generator(self) -> torch.Generator:
        """The random numbers of its trunks."""
        return self.trunks[0].generator

    @generator.setter
    def generator(self, generator: torch.Generator) -> None:
        for trunk in self.trunks:
            trunk.generator = generator

    def set_weight_dropout(self, share: float) -> None:
        """Let each update leave out so many of the recurrent weights."""
        for trunk in self.trunks:
            trunk.weight_dropout = share

    def set_part(self, part: PartOfBatch) -> None:
        """Let the next batch be read in part."""
        for trunk in self.trunks:
            trunk.part = part

    def draw(self) -> None:
        """Draw what is dropped in a batch of which nothing is read here."""
        for trunk in self.trunks:
            trunk.drop(0)

    def arrays(self) -> dict[str, nn.Parameter]:
        """Its parameters by the names that they have in files."""
        return {name.removeprefix(_OF_THE_TRUNK): value for name, value in self.named_parameters()}

    def weights(self) -> dict[str, NDArray[np.float32]]:
        """The same as float32 arrays; on the CPU they share the network's memory."""
        return {name: value.detach().float().cpu().numpy() for name, value in self.arrays().items()}

    def put(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        """Take values for all its parameters, by the names that they have in files.

        Raises:
            RuntimeError: other names or shapes than those of the network.
        """
        names = {name.removeprefix(_OF_THE_TRUNK): name for name, _ in self.named_parameters()}
        values = {names.get(name, name): torch.from_numpy(array) for name, array in arrays.items()}
        self.load_state_dict(values)


_OF_THE_TRUNK = "trunk."


class Unset(nn.Linear):
    """A linear layer whose parameters are not set yet; PyTorch draws them from the global random numbers.

    `torch.nn.utils.skip_init` leaves them unset too, but loads SymPy: 0.3 s of processor time in each run.
    """

    def reset_parameters(self) -> None:
        """Set nothing; who makes it does."""


class CharRNN(Network):
    """A language model: symbols in, the logits of each next symbol out.

    The output is zero at first, so that the first prediction is uniform over the vocabulary.

    Args:
        architecture: cell and sizes.
        dropout: dropout probability (between layers and before the output).
        generator: the random numbers of initialisation and dropout; the global ones are never touched.
    """

    def __init__(self, architecture: Architecture, dropout: float, generator: torch.Generator) -> None:
        super().__init__(architecture)
        self.trunk = Trunk(architecture, dropout, generator)
        self.output = Unset(architecture.hidden, architecture.symbols, dtype=torch.float32)
        nn.init.zeros_(self.output.weight)
        nn.init.zeros_(self.output.bias)

    def forward(self, ids: Tensor | PackedSequence, state: State | None = None) -> tuple[Tensor, State]:
        """The logits of the symbol after each one read, (B, T, V) or (N, V); otherwise as `Trunk.forward`."""
        if isinstance(ids, PackedSequence):
            parts, after = self.trunk.by_rectangles(ids, state)
            return torch.cat([self.output(part).flatten(0, 1) for part in parts]), after
        hidden, after = self.trunk(ids, state)
        return self.output(hidden.transpose(0, 1)).transpose(0, 1), after  # (T, B, H), as it lies

    def blank_state(self, batch: int) -> State:
        """The state before anything was read: zeros, (B, H) each."""
        return self.trunk.blank_state(batch)


class LabelledRNN(CharRNN):
    """A language model that is told of each text what label it has.

    A label adds a vector to every input of the first layer, zero at first. That is an input bias: with one
    label for all texts it is a language model like any other, see `decoding/labels.py`.

    Args:
        architecture: cell, sizes and how many labels.
        dropout: dropout probability (between layers and before the output).
        generator: the random numbers of initialisation and dropout; the global ones are never touched.
    """

    architecture: LabelledArchitecture

    def __init__(
        self, architecture: LabelledArchitecture, dropout: float, generator: torch.Generator
    ) -> None:
        super().__init__(architecture, dropout, generator)
        labels, inputs = architecture.classes, architecture.inputs(0)
        self.label = nn.Embedding(labels, inputs, _weight=torch.zeros(labels, inputs, dtype=torch.float32))

    def forward(
        self, ids: Tensor | PackedSequence, state: State | None = None, labels: Tensor | None = None
    ) -> tuple[Tensor, State]:
        """The logits of the symbol after each one read; otherwise as `Trunk.forward`.

        Args:
            ids: (B, T), or a packed batch.
            state: what an earlier call returned.
            labels: (B,) of each text; None adds nothing.
        """
        return super().forward(ids if labels is None else self._told(ids, labels), state)

    def _told(self, ids: Tensor | PackedSequence, labels: Tensor) -> Tensor | PackedSequence:
        """Vectors of the symbols with those of their texts' labels added."""
        vectors: Tensor = self.label(labels)
        if not isinstance(ids, PackedSequence):
            return self.trunk.embed(ids) + vectors[:, None]
        texts = torch.from_numpy(Packing(ids.batch_sizes.numpy()).texts).to(labels.device)
        return PackedSequence(self.trunk.embed(ids.data) + vectors[texts], ids.batch_sizes)


def flattened(logits: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
    """Logits (B, T, V) and targets (B, T) as (T·B, V) and (T·B,), as logits lie: nothing is copied."""
    return logits.transpose(0, 1).flatten(0, 1), targets.t().flatten()
