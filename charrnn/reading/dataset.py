"""Encoded text on disk: what to train on and what to measure on, mapped into memory.

Text mode: the ids of the text; the end of the text is held back. Lines mode: the ids of

    END record END record END ... record END

with the places of all END marks as bounds; lines drawn by the seed are held back.
Knows nothing of models or torch.
"""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from charrnn.errors import CheckpointError, CorpusError, UnknownCharacterError
from charrnn.reading.arrays import mapped, writable
from charrnn.reading.corpus import Corpus, Progress, changed
from charrnn.reading.dataset_writer import (
    SHORTEST,
    DatasetWriter,
    Stretch,
    Stretches,
    array_path,
    bounds_path,
    held_back_path,
)
from charrnn.reading.sources import listed
from charrnn.reading.split import held_back, parse_validation
from charrnn.reading.vocabulary import Ids, Vocabulary

_DESCRIPTION = "dataset.json"
_HASHED_TOGETHER = 2**24


@dataclass(frozen=True)
class Part:
    """Text to train on, or to measure on.

    Attributes:
        ids: in text mode those of the part; in lines mode those of every record, whichever part it is in.
        characters: of the part's text as read, before normalising; in lines mode composed (NFC) where it
            was normalised, and without end marks, which are one more for each record.
        utf8_bytes: what these characters take in UTF-8.
        bounds: lines mode: the places of the end marks. Record i has the inputs
            `ids[bounds[i]:bounds[i + 1]]` and the targets `ids[bounds[i] + 1:bounds[i + 1] + 1]`.
        records: lines mode: which records the part has.
    """

    ids: Ids
    characters: int
    utf8_bytes: int
    bounds: NDArray[np.int64] | None = None
    records: NDArray[np.int64] | None = None

    @property
    def symbols(self) -> int:
        """How many symbols the part has, the end marks of its records included."""
        if self.records is None or self.bounds is None:
            return len(self.ids)
        return int((self.bounds[self.records + 1] - self.bounds[self.records]).sum())

    @property
    def scored_symbols(self) -> int:
        """How many symbols are predicted: all but the first of a text, every one of a record."""
        return self.symbols - (self.records is None)

    @property
    def scored_characters(self) -> int:
        """What a score of the part is divided by: all but the first of a text, end marks of records too."""
        return self.characters - 1 if self.records is None else self.characters + len(self.records)

    def beginning(self, symbols: int) -> "Part":
        """The first so many symbols of a text, or about as many of the records; all if there are fewer.

        Its characters and bytes are those of the whole in proportion: exact where one symbol is one.
        """
        share = symbols / self.symbols
        if share >= 1:
            return self
        if self.records is None:
            return replace(
                self,
                ids=self.ids[:symbols],
                characters=round(self.characters * share),
                utf8_bytes=round(self.utf8_bytes * share),
            )
        count = max(1, int(share * len(self.records)))
        share = count / len(self.records)
        return replace(
            self,
            records=self.records[:count],
            characters=round(self.characters * share),
            utf8_bytes=round(self.utf8_bytes * share),
        )


@dataclass(frozen=True)
class Dataset:
    """The two parts of an encoded text.

    Attributes:
        training: to learn from.
        validation: to measure on.
        fingerprint: SHA-256, as hex, of the text, the vocabulary and the split.
        notices: what there is to tell.
    """

    training: Part
    validation: Part | None
    fingerprint: str
    notices: tuple[str, ...] = ()

    def digest(self) -> str:
        """SHA-256, as hex, of what is on disk: the ids and which of them are held back."""
        digest = hashlib.sha256()
        for part in filter(None, (self.training, self.validation)):
            for array in (part.ids, part.bounds, part.records):
                digest.update(b"|")
                for piece in _pieces(array):
                    digest.update(np.ascontiguousarray(piece).data)
        return digest.hexdigest()


def _pieces(array: NDArray[Any] | None) -> Iterator[NDArray[Any]]:
    """An array bit by bit: it may be larger than memory, and a signal may come meanwhile."""
    for begin in range(0, 0 if array is None else len(array), _HASHED_TOGETHER):
        assert array is not None  # noqa: S101 - it has a length
        yield array[begin : begin + _HASHED_TOGETHER]


def encode_dataset(  # noqa: PLR0917 - in the order of the way of the data
    corpus: Corpus,
    vocabulary: Vocabulary,
    folder: Path,
    validation: str,
    seed: int,
    progress: Progress | None = None,
) -> Dataset:
    """Write a text as ids into a folder, parted into training and validation.

    Args:
        corpus: the text.
        vocabulary: its symbols.
        folder: where `corpus.npy` and the files beside it go; it is made where it is missing.
        validation: what `--validation` says: a share, a number, or a file.
        seed: draws the lines that are held back.
        progress: is told how far it has come.

    Raises:
        CorpusError: the text cannot be read, or was changed since it was counted.
        UnknownCharacterError: the vocabulary lacks characters of it.
        UsageError: more is held back than there is.
        ResourceError: the disk is full.
    """
    amount = parse_validation(validation)
    other = _other_text(corpus, vocabulary, amount) if isinstance(amount, str) else None
    vocabulary.check_known(corpus.census().counts, corpus.sources[0].name)
    held = _held_back(corpus, amount) if isinstance(amount, Fraction) else 0
    with writable(folder):
        folder.mkdir(parents=True, exist_ok=True)
    training, measured = _write(corpus, "corpus", held, seed, DatasetWriter(folder, vocabulary, progress))
    if other:
        measured, _ = _write(other, "validation", 0, seed, DatasetWriter(folder, vocabulary))
    notices = [] if other is None else other.notices
    notices += [_too_short(validation)] if amount != 0 and measured is None else []
    description = {
        "fingerprint": _fingerprint(corpus, vocabulary, validation, seed, other),
        "training": asdict(training),
        "validation": asdict(measured) if measured else None,
        "notices": notices,
    }
    _describe(folder, description)
    return open_dataset(folder)


def open_dataset(folder: Path, fingerprint: str | None = None) -> Dataset:
    """The dataset that `encode_dataset` wrote into a folder.

    Args:
        folder: where it wrote.
        fingerprint: what the dataset's must be.

    Raises:
        CheckpointError: it is missing or damaged, or another one.
    """
    try:
        entry = json.loads((folder / _DESCRIPTION).read_text(encoding="utf-8"))
        training = _open_part(folder, entry["training"])
        measured = _open_part(folder, entry["validation"]) if entry["validation"] else None
        dataset = Dataset(training, measured, str(entry["fingerprint"]), tuple(entry["notices"]))
    except (OSError, ValueError, LookupError, TypeError) as error:
        raise CheckpointError(
            f"the encoded text in {folder} is missing or damaged ({error}); encode it again"
        ) from error
    if fingerprint not in (None, dataset.fingerprint):
        raise CheckpointError(f"the encoded text in {folder} is of another text or split; encode it again")
    return dataset


def _other_text(corpus: Corpus, vocabulary: Vocabulary, path: str) -> Corpus:
    """The text of its own to measure on, read the same way."""
    try:
        other = Corpus([path], corpus.reading)
    except CorpusError as error:
        raise CorpusError(f"--validation {path}: {error}") from error
    vocabulary.check_known(other.census().counts, path)
    if other.census().symbols < SHORTEST:
        raise CorpusError(
            f"--validation {path} is too short to measure on; give at least {SHORTEST} characters"
        )
    return other


def _held_back(corpus: Corpus, amount: Fraction) -> int:
    census = corpus.census()
    if corpus.reading.mode == "lines":
        return held_back(amount, census.records, "lines")
    return held_back(amount, census.characters, "characters")


def _too_short(validation: str) -> str:
    return f"the text is too short to hold back {validation} of it: trained without validation"


def _fingerprint(
    corpus: Corpus, vocabulary: Vocabulary, validation: str, seed: int, other: Corpus | None
) -> str:
    texts = [text.census().fingerprint for text in (corpus, other) if text]
    description = json.dumps([texts, vocabulary.to_json(), None if other else validation, seed])
    return hashlib.sha256(description.encode()).hexdigest()


def _write(corpus: Corpus, name: str, held: int, seed: int, writer: DatasetWriter) -> Stretches:
    try:
        if corpus.reading.mode == "text":
            return writer.write_text(corpus, name, held)
        return writer.write_records(corpus, name, _drawn(corpus.census().records, held, seed))
    except UnknownCharacterError as error:  # all that were counted are known
        raise changed(listed([source.name for source in corpus.sources])) from error


def _drawn(records: int, held: int, seed: int) -> NDArray[np.int64]:
    """Which records are held back, in order; none where nothing would be left to learn from."""
    count = held if held < records else 0
    return np.sort(np.random.default_rng(seed).choice(records, count, replace=False)).astype(np.int64)


def _describe(folder: Path, description: dict[str, Any]) -> None:
    """Written last, under its name only when whole: what it describes is there."""
    partial = folder / f"{_DESCRIPTION}.partial"
    with writable(folder / _DESCRIPTION):
        partial.write_text(json.dumps(description, indent=1), encoding="utf-8")
        partial.replace(folder / _DESCRIPTION)


def _open_part(folder: Path, entry: Any) -> Part:  # noqa: ANN401 - what a file holds
    stretch = Stretch(**entry)
    ids = mapped(array_path(folder, stretch.file))[stretch.start : stretch.stop]
    if ids.dtype.kind != "u" or len(ids) != stretch.stop - stretch.start:
        raise ValueError(f"{stretch.file}.npy does not hold what was written")
    if not stretch.records:
        return Part(ids, stretch.characters, stretch.utf8_bytes)
    bounds = mapped(bounds_path(folder, stretch.file))
    if int(bounds[-1]) != len(ids) - 1:
        raise ValueError(f"{stretch.file}-bounds.npy does not fit the text")
    records = _records(folder, stretch, len(bounds) - 1)
    return Part(ids, stretch.characters, stretch.utf8_bytes, bounds, records)


def _records(folder: Path, stretch: Stretch, total: int) -> NDArray[np.int64]:
    if stretch.records == "all":
        return np.arange(total, dtype=np.int64)
    drawn: NDArray[np.int64] = np.load(held_back_path(folder, stretch.file), allow_pickle=False)
    return drawn if stretch.records == "drawn" else np.delete(np.arange(total, dtype=np.int64), drawn)
