"""From a corpus to a dataset in a folder: encoding, splitting, and notices about the split.

Knows nothing of models or torch.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict
from fractions import Fraction
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from charrnn.errors import CorpusError, UnknownCharacterError
from charrnn.text.answers import ANSWERS, Names
from charrnn.text.arrays import writable
from charrnn.text.character_names import tally
from charrnn.text.corpus import Corpus
from charrnn.text.dataset import Dataset, Description, describe, open_dataset, open_part
from charrnn.text.dataset_writer import CORPUS, VALIDATION, DatasetWriter, Split, Stretch
from charrnn.text.parts import SHORTEST, Part, TaskPart
from charrnn.text.record_part import Records
from charrnn.text.shared_lines import repeated_records, unseen_notice
from charrnn.text.source_texts import BytesDone, changed
from charrnn.text.sources import listed
from charrnn.text.split import count_held_out, drawn_by_kind, parse_validation, record_hashes, spread
from charrnn.text.unknowns import check_known, unknown_codes
from charrnn.text.vocabulary import Vocabulary
from charrnn.text.vocabulary_file import vocabulary_to_json

_NONE = np.empty(0, np.int64)


def encode_dataset(  # noqa: PLR0917 - in the order of the way of the data
    corpus: Corpus,
    vocabulary: Vocabulary,
    folder: Path,
    validation: str,
    seed: int,
    progress: BytesDone | None = None,
    answers: Names = (),
) -> Dataset:
    """Write a text as ids into a folder, parted into training and validation.

    Args:
        corpus: the text.
        vocabulary: its symbols.
        folder: where `corpus.npy` and the files beside it go; it is made where it is missing.
        validation: what `--validation` says: a share, a number, or a file.
        seed: draws the lines that are held out.
        progress: is told how far it has come.
        answers: what is to be found, where that is not what follows.

    Raises:
        CorpusError: the text cannot be read, or was changed since it was counted.
        UnknownCharacterError: the vocabulary lacks characters of it.
        UsageError: more is held out than there is.
        ResourceError: the disk is full.
    """
    amount = parse_validation(validation)
    other = _other_text(corpus, amount) if isinstance(amount, str) else None
    check_known(vocabulary, corpus.statistics().counts, corpus.sources[0].name)
    held = _held_out(corpus, amount) if isinstance(amount, Fraction) else 0
    with writable(folder):
        folder.mkdir(parents=True, exist_ok=True)
    drawn = _drawn(corpus, held, seed, answers)
    training, measured = _write(corpus, CORPUS, held, drawn, DatasetWriter(folder, vocabulary, progress))
    notices: list[str] = []
    if other:
        measured, notices = _write_other(other, validation, folder, vocabulary)
    task = corpus.reading.task
    if task in ANSWERS:
        for text, name in ((corpus, CORPUS), (other, VALIDATION)):
            if text is not None:
                ANSWERS[task].write(text, answers, folder / name)
    if amount != 0 and measured is None:
        notices += [f"the text is too short to hold out {validation} of it: trained without validation"]
    parts = [open_part(folder, stretch) for stretch in (training, measured) if stretch]
    repeated, told = _compared(parts, corpus, vocabulary, is_of_the_text=other is None)
    fingerprint = _fingerprint(corpus, vocabulary, validation, seed, other)
    held_out = asdict(measured) if measured else None
    describe(folder, Description(fingerprint, asdict(training), [*notices, *told], held_out, repeated, task))
    return open_dataset(folder)


def encode_examples(
    corpus: Corpus,
    vocabulary: Vocabulary,
    answers: Names,
    folder: Path,
    progress: BytesDone | None = None,
) -> TaskPart:
    """Write examples to measure on into a folder; the vocabulary may lack characters of them.

    Args:
        corpus: the examples.
        vocabulary: of the model.
        answers: all that may be found.
        folder: which is empty.
        progress: is told how far it has come.

    Raises:
        CorpusError: they cannot be read, or something else is to be found.
    """
    is_known = not len(unknown_codes(vocabulary, corpus.statistics().counts))
    writer = DatasetWriter(folder, vocabulary if is_known else vocabulary.marking(), progress)
    stretch, _ = _write(corpus, CORPUS, 0, _NONE, writer)
    records, kind = open_part(folder, stretch), ANSWERS[corpus.reading.task]
    if not isinstance(records, Records):
        raise TypeError("examples are read line by line")
    kind.write(corpus, answers, folder / CORPUS)
    return kind.joined(records, folder / CORPUS)


def _write_other(other: Corpus, path: str, folder: Path, vocabulary: Vocabulary) -> tuple[Stretch, list[str]]:
    """Write a text of its own to measure on; what there is to tell of it."""
    counts = other.statistics().counts
    unknown = unknown_codes(vocabulary, counts)
    knowing = vocabulary.marking() if len(unknown) else vocabulary
    measured, _ = _write(other, VALIDATION, 0, _NONE, DatasetWriter(folder, knowing))
    return measured, other.notices + ([_unknown(path, unknown, counts)] if len(unknown) else [])


def _compared(
    parts: Sequence[Part], corpus: Corpus, vocabulary: Vocabulary, *, is_of_the_text: bool
) -> tuple[int, list[str]]:
    """How many records stand in both parts, and what there is to tell of how the two differ."""
    if len(parts) < 2:
        return 0, []
    repeated, notices = repeated_records(*parts), list[str]()
    if repeated:
        notices.append(
            f"{repeated:,} of {parts[1].records:,} held-out lines also stand in the training part: their "
            "validation loss says nothing about new lines"
        )
    counts = corpus.statistics().counts
    return repeated, notices + unseen_notice(counts, parts[1], vocabulary, is_of_the_text=is_of_the_text)


def _other_text(corpus: Corpus, path: str) -> Corpus:
    """The text of its own to measure on, read the same way."""
    try:
        other = Corpus([path], corpus.reading)
    except CorpusError as error:
        raise CorpusError(f"--validation {path}: {error}") from error
    if other.statistics().symbols < SHORTEST:
        raise CorpusError(
            f"--validation {path} is too short to measure on; give at least {SHORTEST} characters"
        )
    return other


def _held_out(corpus: Corpus, amount: Fraction) -> int:
    statistics = corpus.statistics()
    if corpus.reading.mode == "lines":
        return count_held_out(amount, statistics.records, "lines")
    return count_held_out(amount, statistics.characters, "characters")


def _unknown(path: str, codes: NDArray[np.intp], counts: NDArray[np.int64]) -> str:
    total = int(counts[codes].sum())
    return (
        f"--validation {path}: {total:,} characters of it are unknown to the model, since the corpus lacks "
        f"them: {tally(codes, counts[codes])}; each costs as much as a random code point of Unicode"
    )


def _fingerprint(
    corpus: Corpus, vocabulary: Vocabulary, validation: str, seed: int, other: Corpus | None
) -> str:
    texts = [text.statistics().fingerprint for text in (corpus, other) if text]
    is_spread = [] if corpus.is_one_file or corpus.reading.mode == "lines" or other else ["spread"]
    description = json.dumps(
        [texts, vocabulary_to_json(vocabulary), None if other else validation, seed, *is_spread]
    )
    return hashlib.sha256(description.encode()).hexdigest()


def _write(corpus: Corpus, name: str, held: int, drawn: NDArray[np.int64], writer: DatasetWriter) -> Split:
    try:
        if corpus.reading.mode == "text":
            characters = corpus.statistics().characters
            stretches = 1 if corpus.is_one_file else spread(held, characters)
            return writer.write_text(corpus, name, held, stretches)
        return writer.write_records(corpus, name, drawn)
    except UnknownCharacterError as error:  # all that were counted are known
        raise changed(listed([source.name for source in corpus.sources])) from error


def _drawn(corpus: Corpus, held: int, seed: int, answers: Names) -> NDArray[np.int64]:
    """Which records are held out, in order; none where nothing would be left to learn from."""
    records, kind = corpus.statistics().records, ANSWERS.get(corpus.reading.task)
    if kind is not None:
        return drawn_by_kind(record_hashes(corpus.codes()), kind.strata(corpus, answers), held, seed)
    count = held if held < records else 0
    return np.sort(np.random.default_rng(seed).choice(records, count, replace=False)).astype(np.int64)
