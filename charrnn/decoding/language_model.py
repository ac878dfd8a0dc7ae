"""What sampling needs of a model: a network to step through, its symbols, how its texts begin.

Knows nothing of sampling rules, files or terminals.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from charrnn.decoding.cells import Array, State
from charrnn.decoding.filters import Logits
from charrnn.decoding.network import Decoder, Held, Tell
from charrnn.model.architecture import Architecture
from charrnn.text.vocabulary import Vocabulary


class StepNetwork(Protocol):
    """One symbol of each text at a time; `Decoder` says what each method does."""

    def step(self, ids: NDArray[np.intp]) -> Logits:
        """Read one symbol of each text; the logits of the next, (texts, V)."""

    def read(self, ids: NDArray[np.intp], tell: Tell | None = None) -> Logits:
        """Read many symbols of the one text; the logits of the next, (1, V)."""

    @property
    def state(self) -> State:
        """A copy of what the texts read so far have left."""

    def put(self, rows: NDArray[np.intp], state: State) -> None:
        """Let these texts go on from a state, of as many texts or of one."""

    def select(self, rows: NDArray[np.intp]) -> None:
        """Go on with these texts only, in this order."""


class LanguageModel(Protocol):
    """Whoever can write: one model, or several that write together."""

    @property
    def vocabulary(self) -> Vocabulary:
        """The symbols; with an end mark, texts are records that end by themselves."""

    @property
    def starts(self) -> NDArray[Any]:
        """(V,) how often, or with what share, each symbol begins a line of the corpus."""

    @property
    def normal_form(self) -> str:
        """How the corpus was normalised."""

    @property
    def empty_records(self) -> bool:
        """Whether the corpus has records without a character."""

    @property
    def longest_record(self) -> int:
        """Symbols of the corpus's longest record; 0 where it is not known."""

    def network(self) -> StepNetwork:
        """The network with one blank text."""


@dataclass(frozen=True)
class SavedModel:
    """One model, as a model.

    Attributes:
        architecture: cell and sizes.
        weights: an array for each of its names.
        vocabulary: the symbols.
        starts: (V,) how often each symbol begins a line of the corpus.
        normal_form: how the corpus was normalised.
        empty_records: whether the corpus has records without a character.
        longest_record: symbols of the corpus's longest record; 0 where it is not known.
        held: cells that are held at values while it reads and writes.
    """

    architecture: Architecture
    weights: Mapping[str, Array]
    vocabulary: Vocabulary
    starts: NDArray[np.int64]
    normal_form: str = "none"
    empty_records: bool = False
    longest_record: int = 0
    held: tuple[Held, ...] = ()

    def network(self) -> Decoder:
        """The network with one blank text."""
        network = Decoder(self.architecture, self.weights)
        network.hold(self.held)
        return network
