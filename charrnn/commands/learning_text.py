"""The text of a run: read, encoded as ids, and written into the run folder."""

from dataclasses import replace

from charrnn.commands.corpora import counted, make_vocabulary
from charrnn.commands.hints import advice_on_rare
from charrnn.commands.prompts import typed_prompt
from charrnn.config.settings import TrainSettings
from charrnn.decoding.prompt import read_prompt
from charrnn.display.progress import ReadingProgress
from charrnn.errors import CorpusError
from charrnn.runs.checkpoint_facts import CorpusFacts
from charrnn.runs.folder import Run
from charrnn.runs.report import Display
from charrnn.text.answers import ANSWERS, Names
from charrnn.text.codes import END
from charrnn.text.corpus import Corpus
from charrnn.text.dataset import Dataset
from charrnn.text.dataset_encoding import encode_dataset
from charrnn.text.example_parts import Labelled
from charrnn.text.sources import listed
from charrnn.text.statistics import Statistics
from charrnn.text.vocabulary import Vocabulary


def with_prompt(settings: TrainSettings, typed: str | None) -> TrainSettings:
    """The settings with the prompt that was typed, if one was."""
    if typed is None:
        return settings
    text = typed_prompt(typed, settings.reading)
    return replace(settings, output=replace(settings.output, prompt=text))


def read_text(settings: TrainSettings, display: Display) -> tuple[Corpus, Vocabulary]:
    """Count the corpus, and give its characters ids.

    Raises:
        CorpusError: it cannot be read, or there is nothing to learn from it.
        UsageError: the prompt of the run's samples has other characters.
    """
    corpus = counted(settings.corpus, settings.reading, display)
    statistics = corpus.statistics()
    _check_something_to_learn(statistics, listed(settings.corpus))
    if statistics.records == 1 and corpus.undivided:
        raise CorpusError(f"{corpus.names} is one record: {corpus.undivided}")
    vocabulary = make_vocabulary(corpus, settings.symbols)
    kind = ANSWERS.get(corpus.reading.task)
    if kind is not None and kind.has_unknown and vocabulary.level == "char":
        vocabulary = vocabulary.marking()
    unknown = 0 if vocabulary.unknown is None else int(vocabulary.counts[vocabulary.unknown])
    if unknown:
        share = unknown / statistics.symbols
        display.note(f"{unknown:,} symbols of the text ({share:.2%}) become the one unknown symbol")
    advice = advice_on_rare(vocabulary)
    if advice:
        display.note(advice)
    read_prompt(settings.output.prompt, vocabulary, settings.reading.normalize)
    return corpus, vocabulary


def read_answers(corpus: Corpus) -> Names:
    """What there is to be found in a corpus, as text; nothing where that is what follows.

    Raises:
        CorpusError: an answer is none, or there is nothing to tell apart.
    """
    kind = ANSWERS.get(corpus.reading.task)
    return () if kind is None else kind.names(corpus)


def _check_something_to_learn(statistics: Statistics, names: str) -> None:
    if min(statistics.symbols, statistics.characters) < 2:
        raise CorpusError(f"{names} has one character; expected two or more; give a longer text")
    if not statistics.counts[:END].any():
        raise CorpusError(f"{names} has nothing but empty lines; expected characters; give another text")


def encode(
    corpus: Corpus,
    vocabulary: Vocabulary,
    settings: TrainSettings,
    run: Run,
    display: Display,
    *,
    answers: Names = (),
) -> Dataset:
    """Lay the corpus into the run folder as ids."""
    progress, seed = ReadingProgress(display, "encoding"), settings.machine.seed
    dataset = encode_dataset(corpus, vocabulary, run.folder, settings.validation, seed, progress, answers)
    for notice in dataset.notices:
        display.note(notice)
    return dataset


def corpus_facts(
    corpus: Corpus, vocabulary: Vocabulary, dataset: Dataset, answers: Names = ()
) -> CorpusFacts:
    """What a checkpoint keeps of the corpus."""
    statistics, learnt_from = corpus.statistics(), dataset.examples[0]
    return CorpusFacts(
        name=corpus.name,
        fingerprint=statistics.fingerprint,
        characters=statistics.characters,
        training_characters=dataset.training.characters,
        validation_characters=0 if dataset.validation is None else dataset.validation.characters,
        starts=statistics.starts[vocabulary.codes].tolist(),
        empty_records=statistics.empty_records,
        longest_record=statistics.longest_record,
        encoded=dataset.digest(),
        label_counts=learnt_from.counts(len(answers)).tolist() if isinstance(learnt_from, Labelled) else None,
    )
