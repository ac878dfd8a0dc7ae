"""The architecture of a network: its cell, its sizes, the name and shape of each of its arrays.

Everything that builds, checks or runs a network (`model/trunk.py` and `network.py` in PyTorch,
`decoding/network.py` in NumPy, `runs/checkpoint.py` on disk) takes names and shapes from here. Knows nothing
of torch or numpy.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import ClassVar

from charrnn.config.declaration import Checked, setting
from charrnn.model.cells import CELLS


@dataclass(frozen=True)
class Architecture(Checked):
    """The trunk, a stack of recurrent layers above an embedding; and a linear output above that.

    Attributes:
        cell: its name in `CELLS`; the equations stand in `model/layer.py`.
        layers: recurrent layers, each reading the one below.
        hidden: H, units of each layer.
        embedding: E, numbers that stand for one symbol; 0 for one-hot vectors.
        symbols: V, the size of the vocabulary.
        direction: in which a trunk reads: `forward`, each step from what came before it; where a task allows
            it, `both`, from what comes after it too.
    """

    reads_whole_texts: ClassVar[bool] = False
    """Whether texts are read whole, however long; else in windows."""

    cell: str = setting("lstm", "the recurrent cell", choices=tuple(CELLS))
    layers: int = setting(1, "recurrent layers", minimum=1, maximum=64)
    hidden: int = setting(256, "hidden units of each layer", minimum=1, maximum=16384)
    embedding: int = setting(64, "embedding size; 0 is one-hot", minimum=0, maximum=16384)
    symbols: int = setting(256, "size of the vocabulary", minimum=1, maximum=0x110002)
    direction: str = setting("forward", "in which it reads", choices=("forward",))

    @property
    def gates(self) -> int:
        """Blocks of H rows in each recurrent weight matrix."""
        return len(CELLS[self.cell].gates)

    @property
    def states(self) -> int:
        """Arrays in each layer's state."""
        return len(CELLS[self.cell].state)

    @property
    def width(self) -> int:
        """Numbers that the trunk gives for each step: H, or 2H where it reads both ways."""
        return self.hidden * len(self.directions)

    @property
    def directions(self) -> tuple[str, ...]:
        """What stands in the names of a layer's arrays, for each direction in which it is read."""
        return ("", "reverse.") if self.direction == "both" else ("",)

    def inputs(self, layer: int) -> int:
        """Numbers that a layer reads at each step: I."""
        return self.width if layer else self.embedding or self.symbols

    def trunk_shapes(self) -> dict[str, tuple[int, ...]]:
        """The name and shape of each array of the trunk.

        With G the cell's gates: `embedding.weight` (V, E), absent with one-hot; for each layer k
        `layers.k.input_weight` (G·H, I), `layers.k.recurrent_weight` (G·H, H), `layers.k.input_bias` and
        `layers.k.recurrent_bias` (G·H,); and `layers.k.reverse.input_weight` and so on where it reads both
        ways.
        """
        rows = self.gates * self.hidden
        shapes: dict[str, tuple[int, ...]] = {}
        if self.embedding:
            shapes["embedding.weight"] = (self.symbols, self.embedding)
        for layer in range(self.layers):
            for direction in self.directions:
                name = f"layers.{layer}.{direction}"
                shapes[f"{name}input_weight"] = (rows, self.inputs(layer))
                shapes[f"{name}recurrent_weight"] = (rows, self.hidden)
                shapes[f"{name}input_bias"] = (rows,)
                shapes[f"{name}recurrent_bias"] = (rows,)
        return shapes

    @classmethod
    def tables(cls, text_symbols: int, symbols: int, head: Mapping[str, int]) -> dict[str, int]:  # noqa: ARG003
        """The sizes of tables that a text fills, by name; here there are none.

        Args:
            text_symbols: how long it is.
            symbols: of its vocabulary.
            head: what else the architecture has beside cell and sizes.
        """
        return {}

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """The name and shape of each array: the trunk's, `output.weight` (V, H) and `output.bias` (V,)."""
        output = {"output.weight": (self.symbols, self.hidden), "output.bias": (self.symbols,)}
        return self.trunk_shapes() | output

    @property
    def parameters(self) -> int:
        """How many numbers the network has learnt."""
        total = 0
        for shape in self.shapes().values():
            size = 1
            for length in shape:
                size *= length
            total += size
        return total

    @property
    def parameters_of_a_step(self) -> int:
        """Those that every step computes with; of large tables it looks up a few rows."""
        return self.parameters


@dataclass(frozen=True)
class EncoderArchitecture(Architecture):
    """A trunk that reads whole texts, and so may read them from both ends."""

    reads_whole_texts: ClassVar[bool] = True

    direction: str = setting("both", "in which it reads", choices=("forward", "both"))


@dataclass(frozen=True)
class LabelledArchitecture(Architecture):
    """A language model that is told of each text what label it has.

    Attributes:
        classes: C, how many labels there are.
    """

    classes: int = setting(1, "labels", minimum=1, maximum=2**24)

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Those of a language model, and `label.weight` (C, I): what a label adds to every input."""
        return super().shapes() | {"label.weight": (self.classes, self.inputs(0))}

    def without_labels(self) -> Architecture:
        """That of the language model that it is where the label is known."""
        return Architecture(**{field.name: getattr(self, field.name) for field in fields(Architecture)})


@dataclass(frozen=True)
class ClassifierArchitecture(EncoderArchitecture):
    """A trunk, and a linear output above the mean and the maximum of its hidden states over time.

    Attributes:
        classes: C, how many labels there are.
    """

    classes: int = setting(1, "labels", minimum=1, maximum=2**24)

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """The trunk's, `output.weight` (C, mean and maximum) and `output.bias` (C,)."""
        output = {"output.weight": (self.classes, 2 * self.width), "output.bias": (self.classes,)}
        return self.trunk_shapes() | output


SYMBOLS_FOR_EACH = 1000
"""How often each symbol of the vocabulary stands in a text, on average, where a table of substrings helps."""


@dataclass(frozen=True)
class TaggerArchitecture(EncoderArchitecture):
    """A trunk, a linear output for each step, and what the tags of neighbours say of each other.

    Attributes:
        tags: K, how many there are.
        substring_rows: R, of the table that says what the substrings around a character mean for its tag; 0
            for none. See `model/substrings.py`.
    """

    tags: int = setting(1, "tags", minimum=1, maximum=2**12)
    substring_rows: int = setting(0, "rows of the table of substrings", minimum=0, maximum=2**24)

    @classmethod
    def tables(cls, text_symbols: int, symbols: int, head: Mapping[str, int]) -> dict[str, int]:
        """Up to twice as many rows as the text has symbols: a power of two, with all tags 2^20 numbers.

        None where most substrings of the text are so rare that what is remembered of them misleads (LOG.md).
        """
        if text_symbols < SYMBOLS_FOR_EACH * symbols:
            return {"substring_rows": 0}
        most = 2**20 // head["tags"]
        return {"substring_rows": 2 ** (min(2 * text_symbols, most).bit_length() - 1)}

    @property
    def parameters_of_a_step(self) -> int:
        """All but the table of substrings."""
        return self.parameters - self.substring_rows * self.tags

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """The trunk's, `output.weight` (K, H or 2H) and `output.bias` (K,); those of table and chain.

        That is `substrings.weight` (R, K); `chain.transition` (K, K), from a tag to the next one,
        `chain.first` and `chain.last` (K,).
        """
        tags = self.tags
        output = {"output.weight": (tags, self.width), "output.bias": (tags,)}
        table = {"substrings.weight": (self.substring_rows, tags)} if self.substring_rows else {}
        chain = {"chain.transition": (tags, tags), "chain.first": (tags,), "chain.last": (tags,)}
        return self.trunk_shapes() | output | table | chain


@dataclass(frozen=True)
class TranslationArchitecture(EncoderArchitecture):
    """Two trunks: one reads the source, the other writes the target; what is between them.

    Cell and sizes are those of both trunks, direction and symbols those of the encoder.

    Attributes:
        target_symbols: W, symbols of targets, their end mark included.
        attention: whether each step of the decoder looks at all of the source.
    """

    target_symbols: int = setting(256, "symbols of targets", minimum=1, maximum=0x110002)
    attention: bool = setting(True, "whether the decoder looks at all of the source")

    @property
    def encoder(self) -> Architecture:
        """The trunk that reads the source."""
        return EncoderArchitecture(
            self.cell, self.layers, self.hidden, self.embedding, self.symbols, self.direction
        )

    @property
    def decoder(self) -> Architecture:
        """The trunk that writes the target."""
        return Architecture(self.cell, self.layers, self.hidden, self.embedding, self.target_symbols)

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """The name and shape of each array.

        Those of the trunks, `encoder.*` and `decoder.*`; `bridge_weight` (L·H, D) and `bridge_bias` (L·H,),
        from which the decoder's state begins; with attention `query_weight` (D, H), `mixing_weight`
        (H, H + D) and `mixing_bias` (H,); `output.weight` (W, H) and `output.bias` (W,).
        """
        hidden, width, states = self.hidden, self.width, self.layers * self.hidden
        shapes = {f"encoder.{name}": shape for name, shape in self.encoder.trunk_shapes().items()}
        shapes |= {f"decoder.{name}": shape for name, shape in self.decoder.trunk_shapes().items()}
        shapes |= {"bridge_weight": (states, width), "bridge_bias": (states,)}
        if self.attention:
            shapes |= {"query_weight": (width, hidden), "mixing_weight": (hidden, hidden + width)}
            shapes |= {"mixing_bias": (hidden,)}
        return shapes | {
            "output.weight": (self.target_symbols, hidden),
            "output.bias": (self.target_symbols,),
        }


ARCHITECTURES: dict[str, type[Architecture]] = {
    "language": Architecture,
    "generate": LabelledArchitecture,
    "classify": ClassifierArchitecture,
    "tag": TaggerArchitecture,
    "translate": TranslationArchitecture,
}
"""What the network of each task is made of, by the name that a checkpoint has for the task."""

WRITING = frozenset({"language", "generate"})
"""The tasks whose models predict characters, after a prompt; the others answer lines, in which anything may
stand: with a label, tags, symbols of a target."""
