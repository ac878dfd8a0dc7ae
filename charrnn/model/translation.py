"""The network that turns one text into another: an encoder, attention and a decoder.

The encoder reads the whole source, in both directions if it is to, and gives a vector e_s for each symbol of
it. The decoder begins where the encoder ended, reads the target's symbols as far as they are known, and at
each step looks at all of the source (Luong, Pham & Manning 2015, arXiv 1508.04025, "general"):

    c_0 = W_b [e_last forward; e_first backward] + b_b,  h_0 = tanh(c_0)    bridge, for each layer
    a_ts = softmax_s(e_s · W_q h_t)                                         attention
    m_t = tanh(W_m [h_t; Σ_s a_ts e_s] + b_m)                               mixing
    p_t = softmax(W_o m_t + b_o)                                            the symbol after the t-th

No step of the decoder waits for what was looked at in the one before, so that all steps are read in one go.
Dimensions as in `layer.py`; S is the length of sources, D the width of e, W the number of target symbols.
Knows nothing of text, files or optimizers.
"""

import math

import torch
from torch import Tensor, nn
from torch.nn.functional import linear
from torch.nn.utils.rnn import PackedSequence, pad_packed_sequence

from charrnn.model.architecture import TranslationArchitecture
from charrnn.model.layer import State
from charrnn.model.network import Network, Unset
from charrnn.model.trunk import Trunk


class TranslationNetwork(Network):
    """Sources and the beginnings of targets in, the logits of each next target symbol out.

    Args:
        architecture: cell and sizes.
        dropout: dropout probability of each recurrent layer's outputs.
        generator: the random numbers of initialisation and dropout; the global ones are never touched.
    """

    architecture: TranslationArchitecture

    def __init__(
        self, architecture: TranslationArchitecture, dropout: float, generator: torch.Generator
    ) -> None:
        super().__init__(architecture)
        self.encoder = Trunk(architecture.encoder, dropout, generator)
        self.decoder = Trunk(architecture.decoder, dropout, generator)
        self.bridge_weight, self.bridge_bias = (
            self._parameter("bridge_weight"),
            self._parameter("bridge_bias"),
        )
        if architecture.attention:
            self.query_weight = self._parameter("query_weight")
            self.mixing_weight, self.mixing_bias = map(self._parameter, ("mixing_weight", "mixing_bias"))
        self.output = Unset(architecture.hidden, architecture.target_symbols, dtype=torch.float32)
        self._initialise(generator)

    def _parameter(self, name: str) -> nn.Parameter:
        """Zeros."""
        return nn.Parameter(torch.zeros(self.architecture.shapes()[name], dtype=torch.float32))

    @torch.no_grad()
    def _initialise(self, generator: torch.Generator) -> None:
        """The output is zero at first, as a language model's; and attention looks at all symbols alike."""
        nn.init.zeros_(self.output.weight)
        nn.init.zeros_(self.output.bias)
        for weight in (self.bridge_weight, *([self.mixing_weight] if self.architecture.attention else [])):
            weight.normal_(std=1 / math.sqrt(weight.shape[1]), generator=generator)

    def forward(self, sources: PackedSequence, ids: Tensor) -> Tensor:
        """Read sources, and targets as far as they are known.

        Args:
            sources: B texts, each with its end mark, packed, longest first.
            ids: (B, T), for each source the end mark and the beginning of its target.

        Returns:
            The logits of the symbol after each one read, (B, T, W).
        """
        encoded, lengths = self.encode(sources)
        hidden, _ = self.decoder(ids, self.begin(encoded, lengths))
        logits: Tensor = self.output(self.look(hidden, encoded, lengths))
        return logits

    def encode(self, sources: PackedSequence) -> tuple[Tensor, Tensor]:
        """The encoder's vectors, (B, S, D), zero past the end of each source; and its lengths, (B,)."""
        values, _ = self.encoder(sources)
        packed = PackedSequence(values, sources.batch_sizes)
        encoded, lengths = pad_packed_sequence(packed, batch_first=True)
        return encoded, lengths.to(encoded.device)

    def begin(self, encoded: Tensor, lengths: Tensor) -> State:
        """The decoder's state before its first step, from where each direction of the encoder ended."""
        hidden = self.architecture.hidden
        rows = torch.arange(len(encoded), device=encoded.device)
        ends = torch.cat((encoded[rows, lengths - 1, :hidden], encoded[:, 0, hidden:]), 1)
        memories = (
            linear(ends, self.bridge_weight, self.bridge_bias).float().chunk(self.architecture.layers, 1)
        )
        # The LSTM's state is h and c; the others have h alone.
        return [(memory.tanh(), memory)[: self.architecture.states] for memory in memories]

    def look(self, hidden: Tensor, encoded: Tensor, lengths: Tensor) -> Tensor:
        """What the output sees: at each step the hidden state, (B, T, H), mixed with what attention finds."""
        if not self.architecture.attention:
            return hidden
        scores = linear(hidden, self.query_weight) @ encoded.mT
        beyond = torch.arange(encoded.shape[1], device=encoded.device) >= lengths[:, None]
        shares = scores.float().masked_fill(beyond[:, None], -math.inf).softmax(-1)
        seen = shares.to(encoded.dtype) @ encoded
        return linear(torch.cat((hidden, seen), -1), self.mixing_weight, self.mixing_bias).tanh()
