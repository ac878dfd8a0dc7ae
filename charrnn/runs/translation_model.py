"""The model of translation that a checkpoint holds, to answer with. Knows nothing of torch."""

from collections import Counter
from pathlib import Path

from charrnn.decoding.answers import Memory, TranslationModel, key
from charrnn.errors import CheckpointError, UsageError
from charrnn.model.architecture import TranslationArchitecture
from charrnn.runs.checkpoint import Checkpoint
from charrnn.text.dataset import open_dataset
from charrnn.text.example_parts import Paired
from charrnn.text.target_vocabulary import TargetVocabulary


def translation_model_of(checkpoint: Checkpoint) -> TranslationModel:
    """The model that a checkpoint of this task holds.

    Raises:
        CheckpointError: it is of another task.
    """
    if not isinstance(checkpoint.architecture, TranslationArchitecture):
        raise CheckpointError(f"a network of --task {checkpoint.task} does not translate")
    return TranslationModel(
        architecture=checkpoint.architecture,
        weights=checkpoint.weights,
        target_vocabulary=TargetVocabulary(checkpoint.answers, checkpoint.reading.target_symbols or "chars"),
        level=checkpoint.reading.level,
        normal_form=checkpoint.reading.normalize,
    )


def remembered(folder: Path, model: TranslationModel) -> Memory:
    """For each source that training had the target that it had most often there, of those the first.

    Args:
        folder: of the run, which keeps its text.
        model: that it trained.

    Raises:
        UsageError: there is no text of a run there.
    """
    try:
        part = open_dataset(folder).examples[0]
    except CheckpointError:
        part = None
    if not isinstance(part, Paired):
        raise UsageError(
            f"--memory needs the pairs of the run, and {folder} does not have them; give a run folder as "
            "--checkpoint, or leave it out"
        )
    found: dict[bytes, Counter[str]] = {}
    for (begin, end), (start, stop) in zip(part.sources.texts, part.targets.texts, strict=True):
        source, target = part.sources.ids[begin + 1 : end], part.targets.ids[start + 1 : stop - 1]
        found.setdefault(key(source), Counter())[model.text(target)] += 1
    return {source: targets.most_common(1)[0][0] for source, targets in found.items()}
