"""Whether graphs compute what the model does: they run beside the NumPy decoder with the stored weights."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import ModelProto

from charrnn.decoding.cells import Array
from charrnn.decoding.classification import SavedClassifier
from charrnn.decoding.encoder import Encoder
from charrnn.decoding.filters import Logits
from charrnn.decoding.labels import with_label
from charrnn.decoding.network import Decoder
from charrnn.decoding.translator import Translator
from charrnn.export.held_out import Texts, held_out_texts
from charrnn.export.loss import lost
from charrnn.export.measure import (
    BLANK_EVERY,
    COMPARED,
    ROWS,
    Network,
    close,
    largest_difference,
)
from charrnn.export.source import Check, Source
from charrnn.export.weights import Stored, restored
from charrnn.model.architecture import (
    Architecture,
    ClassifierArchitecture,
    EncoderArchitecture,
    LabelledArchitecture,
    TranslationArchitecture,
)
from charrnn.model.cells import CELLS

Ids = NDArray[np.integer[Any]]

TEXTS, LONGEST = 40, 99
"""Of a task: how many texts are tried, of how many symbols at most."""

LABELS = 3
"""Labels that are tried."""


class Runtime:
    """What runs graphs: onnxruntime, or where that is not installed the reference of the `onnx` package.

    Attributes:
        minds_lengths: whether a text ends at its own length; the reference reads all of them to the end.
    """

    def __init__(self, model: ModelProto) -> None:
        self._names = [value.name for value in model.graph.output]
        try:
            import onnxruntime
        except ImportError:
            from onnx.reference import ReferenceEvaluator

            self._run, self.minds_lengths = ReferenceEvaluator(model).run, False
            return
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads, options.log_severity_level = 1, 3
        session = onnxruntime.InferenceSession(
            model.SerializeToString(), options, providers=["CPUExecutionProvider"]
        )
        self._run, self.minds_lengths = session.run, True

    def __call__(self, inputs: Mapping[str, NDArray[Any]]) -> dict[str, Array]:
        """All that the graph computes, by name."""
        return dict(zip(self._names, self._run(None, dict(inputs)), strict=True))


class Writing:
    """The graph of a model that writes, a symbol of each text at a time.

    Args:
        run: the graph.
        architecture: of the model.
        texts: how many are read side by side.
        others: what else the graph is given.
        label: of the texts, for a graph that is given one.
    """

    def __init__(
        self,
        run: Runtime,
        architecture: Architecture,
        texts: int,
        others: Mapping[str, NDArray[Any]] | None = None,
        label: int | None = None,
    ) -> None:
        self._run, self._others = run, dict(others or {})
        if label is not None:
            self._others["label"] = np.full(texts, label)
        shape = (architecture.layers, texts, architecture.hidden)
        self._blank = {name: np.zeros(shape, np.float32) for name in CELLS[architecture.cell].state}
        self.state = self._blank

    def reset(self) -> None:
        """Blank the state of every text."""
        self.state = self._blank

    def step(self, ids: Ids) -> Logits:
        """Read one symbol of each text; the logits of the next, (texts, V)."""
        logits: Logits = self.read(ids[None])[0]
        return logits

    def read(self, ids: Ids) -> Logits:
        """Read symbols of each text, (T, texts); the logits of each one's next, (T, texts, V)."""
        found = self._run({"ids": ids.astype(np.int64)} | self.state | self._others)
        self.state = {name: found[f"{name}_next"] for name in self.state}
        logits: Array = found["logits"]
        return logits


def checked(source: Source, stored: Mapping[str, Stored], graphs: Sequence[ModelProto]) -> Check:
    """Run graphs on some texts.

    Raises:
        CharRNNError: they compute something else than the model.
    """
    architecture, weights = source.model.architecture, restored(stored)
    runs = [Runtime(graph) for graph in graphs]
    if isinstance(architecture, EncoderArchitecture):
        texts = _random_texts(architecture.symbols, is_ragged=runs[0].minds_lengths)
        found = _of_whole_texts(architecture, weights, runs, texts)
        return Check(sum(map(len, texts)), close(found), lost(source, weights))
    some = held_out_texts(source, COMPARED)
    pairs = list(_writing(architecture, weights, runs[0]))
    found = max(max(largest_difference(*pair, some), _of_sequences(*pair, some)) for pair in pairs)
    return Check(some.symbols, close(found), lost(source, weights))


def _writing(
    architecture: Architecture, weights: Mapping[str, Array], run: Runtime
) -> Iterator[tuple[Network, Callable[[int], Writing]]]:
    """The decoder and the graph; with labels, of some of these."""
    if not isinstance(architecture, LabelledArchitecture):
        yield partial(Decoder, architecture, weights), partial(Writing, run, architecture)
        return
    for label in range(min(architecture.classes, LABELS)):
        alone = with_label(architecture, weights, label)
        yield partial(Decoder, *alone), partial(Writing, run, architecture, label=label)


def _of_sequences(decoder: Network, graph: Callable[[int], Writing], texts: Texts) -> float:
    """The largest difference where the graph reads whole texts at once."""
    rows = min(len(texts.texts), ROWS)
    ids, is_there = next(texts.side_by_side(rows))
    ids, is_there = ids[:, :BLANK_EVERY], is_there[:, :BLANK_EVERY]
    steps = decoder(rows)
    expected = np.stack([steps.step(row).copy() for row in ids.T])
    return float(np.abs(graph(rows).read(ids.T) - expected)[is_there.T].max())


def _of_whole_texts(
    architecture: EncoderArchitecture,
    weights: Mapping[str, Array],
    runs: Sequence[Runtime],
    texts: Sequence[Ids],
) -> float:
    """The largest difference of what is made of whole texts."""
    lengths = np.array([len(text) for text in texts])
    ids = np.zeros((int(lengths.max()), len(texts)), np.int64)
    for row, text in enumerate(texts):
        ids[: len(text), row] = text
    found = runs[0]({"ids": ids, "lengths": lengths})
    if isinstance(architecture, ClassifierArchitecture):
        return _largest(found["logits"], SavedClassifier(architecture, weights).logits(texts))
    if isinstance(architecture, TranslationArchitecture):
        return _of_targets(architecture, weights, runs[1], found | {"lengths": lengths}, texts)
    hidden = Encoder(architecture, weights).read(texts).padded()
    emissions = (hidden @ weights["output.weight"].T + weights["output.bias"]).swapaxes(0, 1)
    is_there = np.arange(len(ids))[:, None] < lengths
    return _largest(found["emissions"][is_there], emissions[is_there])


def _of_targets(
    architecture: TranslationArchitecture,
    weights: Mapping[str, Array],
    run: Runtime,
    read: Mapping[str, NDArray[Any]],
    texts: Sequence[Ids],
) -> float:
    """The largest difference of what the second graph writes, a symbol at a time and many at once."""
    translator = Translator(architecture, weights)
    writer = translator.writer(translator.encode(texts))
    ids = np.random.default_rng(2).integers(0, architecture.target_symbols, (LONGEST, len(texts)))
    expected = np.stack([writer.step(row).copy() for row in ids])
    others = {name: read[name] for name in ("vectors", "lengths") if architecture.attention}
    graph = Writing(run, architecture.decoder, len(texts), others)
    start = {name: read[name] for name in graph.state}
    graph.state = start
    at_once = graph.read(ids)
    graph.state = start
    return max(_largest(at_once, expected), _largest(np.stack([graph.step(row) for row in ids]), expected))


def _largest(found: Array, expected: Array) -> float:
    return float(np.abs(found - expected).max())


def _random_texts(symbols: int, *, is_ragged: bool) -> list[Ids]:
    """Texts of a task, the same ones each time."""
    random = np.random.default_rng(1)
    lengths = random.integers(1, LONGEST + 1, TEXTS).tolist() if is_ragged else [LONGEST] * TEXTS
    return [random.integers(0, symbols, length) for length in lengths]
