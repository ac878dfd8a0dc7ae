"""Finds the task of a run; no other module depends on which task it is."""

from collections.abc import Callable

from charrnn.config.settings import TrainSettings
from charrnn.runs.checkpoint_facts import CorpusFacts
from charrnn.tasks.classification import ClassificationTask
from charrnn.tasks.generation import GenerationTask
from charrnn.tasks.language import LanguageTask
from charrnn.tasks.tagging import TaggingTask
from charrnn.tasks.task import Task
from charrnn.tasks.translation import TranslationTask
from charrnn.text.answers import Names
from charrnn.text.target_vocabulary import TargetVocabulary
from charrnn.text.vocabulary import Vocabulary

Maker = Callable[[TrainSettings, Vocabulary, CorpusFacts | None, Names], Task]


def make_task(
    settings: TrainSettings, vocabulary: Vocabulary, corpus: CorpusFacts | None = None, answers: Names = ()
) -> Task:
    """What the network is to learn.

    Args:
        settings: of the run.
        vocabulary: the symbols.
        corpus: facts of the text; without them it cannot show what the network does.
        answers: what there is to be found, as text.
    """
    return TASKS[settings.reading.task](settings, vocabulary, corpus, answers)


def _language(
    settings: TrainSettings,
    vocabulary: Vocabulary,
    corpus: CorpusFacts | None,
    answers: Names,  # noqa: ARG001 - what follows is to be found
) -> Task:
    return LanguageTask(
        vocabulary,
        settings.reading,
        prompt=settings.output.prompt,
        seed=settings.machine.seed,
        starts=corpus.starts if corpus else (),
        empty_records=corpus is not None and corpus.empty_records > 0,
        longest_record=corpus.longest_record if corpus else 0,
    )


def _classify(
    settings: TrainSettings,
    vocabulary: Vocabulary,
    corpus: CorpusFacts | None,  # noqa: ARG001 - it shows what is held out
    answers: Names,
) -> Task:
    examples = settings.examples
    is_balanced = examples.class_weights == "balanced"
    return ClassificationTask(
        vocabulary, answers, is_balanced=is_balanced, smoothing=examples.label_smoothing
    )


def _generation(
    settings: TrainSettings, vocabulary: Vocabulary, corpus: CorpusFacts | None, answers: Names
) -> Task:
    return GenerationTask(
        vocabulary,
        answers,
        settings.reading,
        counts=corpus.label_counts or () if corpus else (),
        prompt=settings.output.prompt,
        seed=settings.machine.seed,
        empty_records=corpus is not None and corpus.empty_records > 0,
        longest_record=corpus.longest_record if corpus else 0,
    )


def _translate(
    settings: TrainSettings,
    vocabulary: Vocabulary,
    corpus: CorpusFacts | None,  # noqa: ARG001 - it shows what is held out
    answers: Names,
) -> Task:
    targets = TargetVocabulary(answers, settings.reading.target_symbols or "chars")
    return TranslationTask(vocabulary, targets, settings.reading)


def _tag(
    settings: TrainSettings,  # noqa: ARG001 - none is of this task alone
    vocabulary: Vocabulary,
    corpus: CorpusFacts | None,  # noqa: ARG001 - it shows what is held out
    answers: Names,
) -> Task:
    return TaggingTask(vocabulary, answers)


TASKS: dict[str, Maker] = {
    "language": _language,
    "classify": _classify,
    "generate": _generation,
    "translate": _translate,
    "tag": _tag,
}
"""How each task is made, by the name that `--task` has for it."""
