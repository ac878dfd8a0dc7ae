"""What `charrnn inspect` looks at: a text, and what reads it. Loads no torch."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from rich.console import Console

from charrnn.commands.corpora import counted
from charrnn.commands.scored_text import NamedText, ScoredText, encoded_text, held_out
from charrnn.display.live import make_display
from charrnn.display.progress import ReadingProgress
from charrnn.errors import UsageError
from charrnn.inspection.activations import Trunk
from charrnn.inspection.excerpts import Symbols, symbols_of
from charrnn.inspection.labels import paired
from charrnn.inspection.untrained import untrained
from charrnn.model.architecture import LabelledArchitecture, TranslationArchitecture
from charrnn.model.names import part_of
from charrnn.runs.checkpoint import Checkpoint
from charrnn.runs.report import Display
from charrnn.text.dataset_encoding import encode_examples
from charrnn.text.example_parts import Labelled, Paired, Tagged
from charrnn.text.parts import TaskPart
from charrnn.text.passages import check_scorable, part_passages

NOT_GIVEN = "no text is given"


@dataclass(frozen=True)
class Inspected:
    """A text, and what reads it.

    Attributes:
        name: what the text is called.
        symbols: it.
        trunk: what reads it.
        untrained: such a trunk as training begins with.
        examples: what is to be found in it; None of a language model.
    """

    name: str
    symbols: Symbols
    trunk: Trunk
    untrained: Callable[[np.random.Generator], Trunk]
    examples: TaskPart | None


@contextmanager
def inspected(paths: tuple[str, ...], path: Path, model: Checkpoint) -> Iterator[Inspected]:
    """A text, as long as it is needed.

    Args:
        paths: where it is; none for what the run held out.
        path: the checkpoint.
        model: what it holds.

    Raises:
        CorpusError: it cannot be read.
        UsageError: the run held out nothing, or the text is of another kind.
    """
    with ExitStack() as stack:
        with make_display(Console(stderr=True, highlight=False), quiet=False) as display:
            if model.task == "language":
                found = _text(paths, path, model, display)
            elif paths:
                scratch = Path(stack.enter_context(TemporaryDirectory(prefix="charrnn-")))
                corpus = counted(paths, model.reading, display)
                progress = ReadingProgress(display, "encoding")
                part = encode_examples(corpus, model.vocabulary, model.answers, scratch, progress)
                found = _examples(part, corpus.sources[0].name, model)
            else:
                found = _held_out(path, model)
        yield found


def _held_out(path: Path, model: Checkpoint) -> Inspected:
    part = encoded_text(path, model, NOT_GIVEN).examples[1]
    if part is None:
        raise UsageError(f"{NOT_GIVEN}, but the run held out nothing; give a text")
    return _examples(part, f"what {path.parent} held out", model)


def _text(paths: tuple[str, ...], path: Path, model: Checkpoint, display: Display) -> Inspected:
    text: ScoredText
    if paths:
        corpus = counted(paths, model.reading, display)
        check_scorable(corpus, model.vocabulary)
        text = NamedText(corpus)
    else:
        text = held_out(path, model, NOT_GIVEN)
    symbols = symbols_of(text.texts(model.vocabulary, display), model.vocabulary)
    return _read_by(Trunk(model.architecture, model.weights), text.name, symbols)


def _read_by(trunk: Trunk, name: str, symbols: Symbols, examples: TaskPart | None = None) -> Inspected:
    return Inspected(name, symbols, trunk, partial(untrained, trunk.architecture), examples)


def _examples(part: TaskPart, name: str, model: Checkpoint) -> Inspected:
    """Lines for which something is to be found."""
    architecture, weights = model.architecture, model.weights
    if not isinstance(part, Labelled | Tagged | Paired):
        raise TypeError(f"there are no examples in {type(part).__name__}")
    lines = part.sources if isinstance(part, Paired) else part.texts
    texts = part_passages(lines, model.vocabulary, model.reading)
    is_written = isinstance(architecture, LabelledArchitecture)
    symbols = symbols_of(texts, model.vocabulary, ends_first=is_written)
    if isinstance(architecture, LabelledArchitecture) and isinstance(part, Labelled):
        symbols, pairs = paired(symbols, part.labels[lines.chosen], len(model.vocabulary))

        def blank(random: np.random.Generator) -> Trunk:
            return pairs.trunk(architecture, untrained(architecture, random).weights)

        return Inspected(name, symbols, pairs.trunk(architecture, weights), blank, part)
    if isinstance(architecture, TranslationArchitecture):
        return _read_by(Trunk(architecture.encoder, part_of(weights, "encoder.")), name, symbols, part)
    return _read_by(Trunk(architecture, weights), name, symbols, part)
