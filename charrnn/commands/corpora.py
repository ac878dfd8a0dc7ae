"""Corpora for the commands: counted with a progress display, with notices about what is unusual."""

from collections.abc import Mapping
from typing import Any

from rich.console import Console

from charrnn.config.declaration import build, flat
from charrnn.config.settings import ReadingSettings, VocabularySettings
from charrnn.display.live import make_display
from charrnn.display.progress import ReadingProgress
from charrnn.errors import UsageError
from charrnn.runs.checkpoint import Checkpoint
from charrnn.runs.report import Display
from charrnn.text.corpus import Corpus
from charrnn.text.vocabulary import Vocabulary
from charrnn.text.vocabulary_counts import recounted, vocabulary_of
from charrnn.text.vocabulary_file import read_vocabulary


def counted(paths: tuple[str, ...], reading: ReadingSettings, display: Display | None = None) -> Corpus:
    """A corpus after its first pass; what it has to tell goes to the display, or to standard error."""
    if display is None:
        with make_display(Console(stderr=True, highlight=False), quiet=False) as own:
            return counted(paths, reading, own)
    corpus = Corpus(paths, reading)
    corpus.statistics(ReadingProgress(display, "counting characters"))
    for notice in corpus.notices:
        display.note(notice)
    return corpus


def make_vocabulary(corpus: Corpus, symbols: VocabularySettings) -> Vocabulary:
    """The vocabulary that the settings ask for.

    Raises:
        CorpusError: the vocabulary's file cannot be read.
        UsageError: it is of the other level, no character is frequent enough, or settings would do nothing.
    """
    counts, reading = corpus.statistics().counts, corpus.reading
    lines = reading.mode == "lines"
    _check_min_count(symbols, reading)
    if symbols.vocabulary is None:
        return vocabulary_of(counts, reading.level, min_count=symbols.min_count, end=lines)
    vocabulary = read_vocabulary(symbols.vocabulary)
    if vocabulary.level != reading.level:
        raise UsageError(
            f"--vocabulary {symbols.vocabulary} is of level {vocabulary.level}, but --level is "
            f"{reading.level}; expected the same"
        )
    return recounted(vocabulary, counts, end=lines)


def _check_min_count(symbols: VocabularySettings, reading: ReadingSettings) -> None:
    if symbols.min_count > 1 and symbols.vocabulary is not None:
        raise UsageError(
            f"--min-count is {symbols.min_count}, but --vocabulary {symbols.vocabulary} says already which "
            "characters are known; expected one of them; leave the other out"
        )
    if symbols.min_count > 1 and reading.level == "byte":
        raise UsageError(
            f"--min-count is {symbols.min_count}, but --level byte knows all 256 bytes; leave one out"
        )


def reading_of(model: Checkpoint, given: Mapping[str, Any]) -> ReadingSettings:
    """How a text is read for a model: as its own was, where nothing else is given.

    Raises:
        UsageError: symbols of that level are none of the model's.
    """
    reading = build(ReadingSettings, flat(model.reading) | dict(given))
    if reading.level != model.vocabulary.level:
        raise UsageError(
            f"--level is {reading.level}, but the model was trained with --level {model.vocabulary.level}; "
            "leave it out"
        )
    return reading
