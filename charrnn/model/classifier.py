"""The network that tells what label a text has: many to one.

    symbols ──► trunk ──► hidden states ──► mean and maximum over the text's own length ──► logits

Dimensions as in `layer.py`; C labels. Knows nothing of text, files or optimizers.
"""

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence, pad_packed_sequence

from charrnn.model.architecture import ClassifierArchitecture
from charrnn.model.network import Network, Unset
from charrnn.model.trunk import Trunk


class Classifier(Network):
    """Packed texts in, the logits of each one's label out.

    The output is zero at first, so that the first prediction is uniform over the labels.

    Args:
        architecture: cell, sizes and direction, and how many labels.
        dropout: dropout probability (between layers and before the output).
        generator: the random numbers of initialisation and dropout; the global ones are never touched.
    """

    def __init__(
        self, architecture: ClassifierArchitecture, dropout: float, generator: torch.Generator
    ) -> None:
        super().__init__(architecture)
        self.trunk = Trunk(architecture, dropout, generator)
        self.output = Unset(2 * architecture.width, architecture.classes, dtype=torch.float32)
        nn.init.zeros_(self.output.weight)
        nn.init.zeros_(self.output.bias)

    def forward(self, ids: PackedSequence) -> Tensor:
        """The logits of each text's label, (B, C)."""
        hidden, _ = self.trunk(ids)
        logits: Tensor = self.output(pooled(PackedSequence(hidden, ids.batch_sizes)))
        return logits


def pooled(hidden: PackedSequence) -> Tensor:
    """The mean and the maximum of each text's hidden states, (B, mean and maximum); its own length counts."""
    padded, lengths = pad_packed_sequence(hidden)
    steps = torch.arange(len(padded), device=padded.device)[:, None, None]
    mean = padded.sum(0) / lengths.to(padded)[:, None]
    highest = padded.masked_fill(steps >= lengths.to(padded.device)[:, None], -torch.inf).amax(0)
    return torch.cat((mean, highest), 1)
