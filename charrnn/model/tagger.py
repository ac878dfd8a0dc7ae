"""The network that tells a tag for each symbol: many to many, in step.

    symbols ──► trunk ──► hidden states ──► e, a score for each tag at each step ──► linear chain
       └───► substrings around each ──► a row of a table each, added to e

The table remembers what training had. It is left out for half of the texts of an update, so that the trunk
learns to do without. The chain is a conditional random field; what it computes stands in
`decoding/chain.py`. Dimensions as in `layer.py`; K tags. Knows nothing of text, files or optimizers.
"""

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import embedding_bag
from torch.nn.utils.rnn import PackedSequence

from charrnn.model.architecture import TaggerArchitecture
from charrnn.model.network import Network, Unset
from charrnn.model.packing import Packing
from charrnn.model.substrings import substrings
from charrnn.model.trunk import Trunk, own_rows
from charrnn.text.tag_schemes import Possible

WITHOUT_TABLE = 0.5
"""The share of texts that get nothing from the table in training (LOG.md)."""

IMPOSSIBLE = -1e4
"""The score of a step that is impossible: finite, so that what should not be there has a gradient, too."""


class Chain(nn.Module):
    """Scores sequences of tags.

    Args:
        possible: what may come out.
    """

    def __init__(self, possible: Possible) -> None:
        super().__init__()
        tags = len(possible.first)
        self.transition = nn.Parameter(torch.zeros(tags, tags, dtype=torch.float32))
        self.first = nn.Parameter(torch.zeros(tags, dtype=torch.float32))
        self.last = nn.Parameter(torch.zeros(tags, dtype=torch.float32))
        for name in ("first", "follows", "last"):
            self.register_buffer(f"no_{name}", torch.from_numpy(~getattr(possible, name)), persistent=False)

    def nats(self, emissions: Tensor, tags: Tensor, packing: Packing) -> Tensor:
        """-ln p of the tags, summed over all texts.

        Args:
            emissions: (N, K).
            tags: (N,)
            packing: where the steps of each text lie.
        """
        first, follows, last = (
            values.masked_fill(self.get_buffer(f"no_{name}"), IMPOSSIBLE)
            for name, values in (("first", self.first), ("follows", self.transition), ("last", self.last))
        )
        ends = torch.from_numpy(packing.last_rows).to(tags.device)
        before, after = (torch.from_numpy(rows).to(tags.device) for rows in packing.neighbours)
        score = emissions.gather(1, tags[:, None]).sum() + follows[tags[before], tags[after]].sum()
        score = score + first[tags[: len(ends)]].sum() + last[tags[ends]].sum()
        return self._normalizers(emissions, packing, first, follows, last).sum() - score

    def _normalizers(
        self, emissions: Tensor, packing: Packing, first: Tensor, follows: Tensor, last: Tensor
    ) -> Tensor:
        """Ln Σ exp s over all sequences, of each text: the forward algorithm."""
        ended, alpha = [], None
        for step in torch.split(emissions, packing.sizes.tolist()):
            if alpha is None:
                alpha = first + step
                continue
            if len(step) < len(alpha):
                ended.append(alpha[len(step) :])
            alpha = (alpha[: len(step), :, None] + follows).logsumexp(1) + step
        assert alpha is not None  # noqa: S101 - there is a step
        return (torch.cat([*ended, alpha]) + last).logsumexp(1)


class Tagger(Network):
    """Packed texts in, e of each symbol out.

    The output and the chain are zero at first, so that all possible sequences are alike.

    Args:
        architecture: cell, sizes and direction, and how many tags.
        dropout: dropout probability (between layers and before the output).
        generator: the random numbers of initialisation and dropout; the global ones are never touched.
        possible: which sequences of tags may come out.
    """

    def __init__(
        self, architecture: TaggerArchitecture, dropout: float, generator: torch.Generator, possible: Possible
    ) -> None:
        super().__init__(architecture)
        self.trunk = Trunk(architecture, dropout, generator)
        self.output = Unset(architecture.width, architecture.tags, dtype=torch.float32)
        nn.init.zeros_(self.output.weight)
        nn.init.zeros_(self.output.bias)
        self.substrings: nn.Embedding | None = None
        if rows := architecture.substring_rows:
            zeros = torch.zeros(rows, architecture.tags, dtype=torch.float32)
            self.substrings = nn.Embedding(rows, architecture.tags, _weight=zeros)
        self.chain, self.possible = Chain(possible), possible

    def forward(self, ids: PackedSequence, rows: Tensor) -> Tensor:
        """The scores e of the tags of some of the symbols, (M, K), given by their rows."""
        hidden, _ = self.trunk(ids)
        scores: Tensor = self.output(hidden[rows])
        return scores if self.substrings is None else scores + self._remembered(self.substrings, ids, rows)

    def _remembered(self, table: nn.Embedding, ids: PackedSequence, rows: Tensor) -> Tensor:
        """What the table has for the substrings around these symbols, (M, K)."""
        packing = Packing(ids.batch_sizes.numpy())
        found = np.stack(list(substrings(ids.data.cpu().numpy(), packing, table.num_embeddings)), 1)
        values = embedding_bag(torch.from_numpy(found).to(rows.device)[rows], table.weight, mode="sum")
        if not self.training:
            return values
        has_table = self._has_table(table, len(packing.lengths))
        return values * has_table[torch.from_numpy(packing.texts).to(rows.device)[rows], None]

    def _has_table(self, table: nn.Embedding, texts: int) -> Tensor:
        """Draw which texts get something from the table, 1, and which do not, 0."""
        part = self.trunk.part
        drawn = table.weight.new_empty(texts if part is None else part.texts)
        return own_rows(drawn.bernoulli_(1 - WITHOUT_TABLE, generator=self.generator), part)

    def draw(self) -> None:
        """Draw what is dropped, and which texts have a table, in a batch of which nothing is read here."""
        super().draw()
        if self.substrings is not None:
            self._has_table(self.substrings, 0)
