"""The network of translation in NumPy: sources are encoded together, and targets written step by step.

The equations stand in `model/translation.py`. Knows nothing of text, search or files.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from charrnn.decoding.cells import Array
from charrnn.decoding.encoder import Encoder
from charrnn.decoding.network import NOT_FINITE, Decoder, Held
from charrnn.errors import CheckpointError
from charrnn.model.architecture import TranslationArchitecture
from charrnn.model.names import part_of

Ids = NDArray[np.integer[Any]]

SYMBOLS = 2**16
"""Of sources that are read side by side, at most, each as long as the longest: bounds memory."""


class Translator:
    """Encodes sources, and makes for each of them decoders of targets."""

    def __init__(
        self, architecture: TranslationArchitecture, weights: Mapping[str, Array], held: Sequence[Held] = ()
    ) -> None:
        """Prepare the weights.

        Args:
            architecture: cell and sizes.
            weights: an array for each name in `architecture.shapes()`.
            held: cells of the encoder that are overwritten, as `Encoder` has them.
        """
        self.architecture = architecture
        self._weights = weights
        hidden = architecture.hidden
        self._encoder = Encoder(architecture.encoder, part_of(weights, "encoder."), held)
        self._decoder = part_of(weights, "decoder.")
        if architecture.attention:
            # What a step gives is what attention asks for, W_q h, and below that h's own share of the mix.
            asks, mixes = weights["query_weight"], weights["mixing_weight"]
            nothing = np.zeros(len(asks), np.float32)
            self._decoder["output.weight"] = np.concatenate((asks, mixes[:, :hidden]))
            self._decoder["output.bias"] = np.concatenate((nothing, weights["mixing_bias"]))
            self.seen_weight = np.ascontiguousarray(mixes[:, hidden:].T)
            self.output_weight = np.ascontiguousarray(weights["output.weight"].T)
            self.output_bias = weights["output.bias"]
        else:
            self._decoder |= {name: weights[name] for name in ("output.weight", "output.bias")}

    def encode(self, sources: Sequence[Ids]) -> "Sources":
        """Read sources, each with its end mark."""
        lengths = np.array([len(source) for source in sources])
        return Sources(self._encoder.read(sources).padded(), lengths)

    def writer(self, encoded: "Sources", each: int = 1) -> "Writer":
        """So many targets of each source, none of which has a symbol yet."""
        architecture, vectors = self.architecture, encoded.vectors
        hidden, rows = architecture.hidden, np.arange(len(vectors))
        ends = np.concatenate((vectors[rows, encoded.lengths - 1, :hidden], vectors[:, 0, hidden:]), 1)
        memories = ends @ self._weights["bridge_weight"].T + self._weights["bridge_bias"]
        decoder = Decoder(architecture.decoder, self._decoder, len(vectors) * each)
        start = (np.tanh(memories), memories)[: architecture.states]
        decoder.state = tuple(part.repeat(each, 0) for part in start)
        return Writer(self, encoded, decoder, each)


class Sources:
    """Sources that were read.

    Attributes:
        vectors: (B, S, D), zero past the end of each source.
        lengths: (B,)
    """

    def __init__(self, vectors: Array, lengths: NDArray[np.intp]) -> None:
        self.vectors, self.lengths = vectors, lengths
        beyond = np.arange(vectors.shape[1]) >= lengths[:, None]
        self.ruled_out = np.where(beyond, np.float32(-np.inf), np.float32(0))

    def those(self, rows: NDArray[np.intp]) -> "Sources":
        """Some of them."""
        lengths = self.lengths[rows]
        return Sources(self.vectors[rows, : int(lengths.max())], lengths)


class Writer:
    """Targets being written, K of each of B sources: row b·K + k is the k-th of source b.

    Attributes:
        shares: (B, K, S) how much each symbol of the source was looked at in the last step; None without
            attention.
    """

    def __init__(self, translator: Translator, encoded: Sources, decoder: Decoder, each: int) -> None:
        self._translator, self._encoded, self._decoder, self._each = translator, encoded, decoder, each
        self.shares: Array | None = None

    def step(self, ids: NDArray[np.intp]) -> Array:
        """Read one more symbol of each target, (B·K,); the logits of what comes next, (B·K, W)."""
        given, of = self._decoder.step(ids), self._translator
        if not of.architecture.attention:
            return given
        width = of.architecture.width
        asked = given[:, :width].reshape(-1, self._each, width)
        with np.errstate(all="ignore"):
            scores = asked @ self._encoded.vectors.transpose(0, 2, 1) + self._encoded.ruled_out[:, None]
            scores -= scores.max(-1, keepdims=True)
            shares = np.exp(scores)
            shares /= shares.sum(-1, keepdims=True)
            self.shares = shares
            seen = (shares @ self._encoded.vectors).reshape(-1, width)
            mixed = np.tanh(given[:, width:] + seen @ of.seen_weight)
            logits: Array = mixed @ of.output_weight + of.output_bias
        if not math.isfinite(float(logits.sum())) and not np.isfinite(logits).all():
            raise CheckpointError(NOT_FINITE)
        return logits

    def go_on_from(self, rows: NDArray[np.intp]) -> None:
        """Row r goes on from where row `rows[r]` is, of the same source."""
        self._decoder.state = tuple(part[rows] for part in self._decoder.state)

    def keep(self, sources: NDArray[np.intp]) -> None:
        """Go on with the targets of these sources only."""
        each = self._each
        self._encoded = self._encoded.those(sources)
        self._decoder.select((sources[:, None] * each + np.arange(each)).ravel())


def bytes_of(architecture: TranslationArchitecture, symbols: int, looked_at: int = 0) -> int:
    """What it takes, roughly, to answer a source.

    Args:
        architecture: of the network.
        symbols: of the source.
        looked_at: by how many symbols of targets it is looked at, where that is to be told.
    """
    copies = 4  # as each direction and then both leave it, padded, and of those sources that go on
    return 4 * symbols * (copies * architecture.width + 3 * looked_at)


def by_length(lengths: Sequence[int], together: int) -> Iterator[list[int]]:
    """The places of sources to be read side by side: so many of similar lengths, the shortest first.

    They are fewer where they are long, since all take the room of the longest.

    Args:
        lengths: of the sources.
        together: how many at most.
    """
    order = sorted(range(len(lengths)), key=lambda place: lengths[place])
    some: list[int] = []
    for place in order:
        if some and (len(some) == together or (len(some) + 1) * lengths[place] > SYMBOLS):
            yield some
            some = []
        some.append(place)
    if some:
        yield some
