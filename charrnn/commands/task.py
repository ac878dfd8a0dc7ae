"""Which task a run has: here alone it is known."""

from dataclasses import replace

from charrnn.config.settings import TrainSettings
from charrnn.runs.checkpoint_facts import CorpusFacts
from charrnn.tasks.language import LanguageTask
from charrnn.tasks.task import Task
from charrnn.text.vocabulary import Vocabulary


def make_task(settings: TrainSettings, vocabulary: Vocabulary, corpus: CorpusFacts | None = None) -> Task:
    """What the network is to learn; what it can do is shown only where the text's facts are known."""
    task = LanguageTask(
        vocabulary, settings.reading, prompt=settings.output.prompt, seed=settings.machine.seed
    )
    if corpus is None:
        return task
    return replace(
        task,
        starts=corpus.starts,
        empty_records=corpus.empty_records > 0,
        longest_record=corpus.longest_record,
    )
