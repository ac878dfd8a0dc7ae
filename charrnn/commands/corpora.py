"""Corpora as the commands meet them: counted with progress shown, what there is to tell told."""

from rich.console import Console

from charrnn.config import ReadingSettings, VocabularySettings
from charrnn.display import Display, ReadingProgress, make_display
from charrnn.errors import UsageError
from charrnn.reading.corpus import Corpus
from charrnn.reading.vocabulary import Vocabulary, read_vocabulary


def counted(paths: tuple[str, ...], reading: ReadingSettings, display: Display | None = None) -> Corpus:
    """A corpus after its first pass; what it has to tell goes to the display, or to standard error."""
    if display is None:
        with make_display(Console(stderr=True, highlight=False), quiet=False) as own:
            return counted(paths, reading, own)
    corpus = Corpus(paths, reading)
    corpus.census(ReadingProgress(display, "counting characters"))
    for notice in corpus.notices:
        display.note(notice)
    return corpus


def make_vocabulary(corpus: Corpus, symbols: VocabularySettings) -> Vocabulary:
    """The vocabulary that the settings ask for.

    Raises:
        CorpusError: the vocabulary's file cannot be read.
        UsageError: it is of the other level, or no character is frequent enough.
    """
    counts, reading = corpus.census().counts, corpus.reading
    lines = reading.mode == "lines"
    if symbols.vocabulary is None:
        return Vocabulary.from_counts(counts, reading.level, min_count=symbols.min_count, end=lines)
    vocabulary = read_vocabulary(symbols.vocabulary)
    if vocabulary.level != reading.level:
        raise UsageError(
            f"--vocabulary {symbols.vocabulary} is of level {vocabulary.level}, but --level is "
            f"{reading.level}; expected the same"
        )
    return vocabulary.recounted(counts, end=lines)
