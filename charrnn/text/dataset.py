"""Encoded text on disk: what to train on and what to measure on, mapped into memory.

Text mode: the ids of the text; held out is its end, or stretches spread over the whole where it comes from
several files, a folder or is built in. Each stretch between two cuts is then a text of its own. Lines mode:
the ids of

    END record END record END ... record END

with the places of all END marks as bounds; lines drawn by the seed are held out. A validation text of its own
may have characters that the vocabulary lacks; without an unknown symbol, their id is one past the last.
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

from charrnn.config.declaration import REQUIRED, Entry, setting, shortened
from charrnn.errors import CheckpointError, CorpusError, UnknownCharacterError, UsageError
from charrnn.text.arrays import mapped, writable
from charrnn.text.corpus import Corpus, Progress, changed
from charrnn.text.dataset_writer import (
    CORPUS,
    MOST_SYMBOLS,
    SHORTEST,
    VALIDATION,
    DatasetWriter,
    Stretch,
    Stretches,
    array_path,
    bounds_path,
    held_back_path,
)
from charrnn.text.files import read_regular
from charrnn.text.shared_lines import repeated_records, runs, unseen_notice
from charrnn.text.sources import listed
from charrnn.text.split import held_back, parse_validation, spread
from charrnn.text.vocabulary import Ids, Vocabulary, tally

_DESCRIPTION = "dataset.json"
_MOST_DESCRIPTION_BYTES = 2**22
_DAMAGE = (OSError, UsageError, ValueError, LookupError, TypeError, OverflowError, RecursionError)
_HASHED_TOGETHER = 2**24
_RECORDS_TOGETHER = 2**16


@dataclass(frozen=True)
class Part:
    """Text to train on, or to measure on.

    Attributes:
        ids: in text mode those of the part; where that is spread, or in lines mode, those of the whole text,
            whichever part they are in.
        characters: of the part's text as read, before normalising; in lines mode composed (NFC) where it
            was normalised, and without end marks, which are one more for each record.
        utf8_bytes: what these characters take in UTF-8.
        bounds: lines mode: the places of the end marks. Record i has the inputs
            `ids[bounds[i]:bounds[i + 1]]` and the targets `ids[bounds[i] + 1:bounds[i + 1] + 1]`.
        records: lines mode: which records the part has.
        spans: (S, 2), where the part is spread: where in `ids` each of its texts begins and ends.
    """

    ids: Ids
    characters: int
    utf8_bytes: int
    bounds: NDArray[np.int64] | None = None
    records: NDArray[np.int64] | None = None
    spans: NDArray[np.int64] | None = None

    @property
    def texts(self) -> NDArray[np.int64]:
        """Text mode: (S, 2) where in `ids` each text begins and ends that is read on its own."""
        return np.array([[0, len(self.ids)]], np.int64) if self.spans is None else self.spans

    @property
    def symbols(self) -> int:
        """How many symbols the part has, the end marks of its records included."""
        if self.records is None or self.bounds is None:
            return int((self.texts[:, 1] - self.texts[:, 0]).sum())
        return int((self.bounds[self.records + 1] - self.bounds[self.records]).sum())

    @property
    def scored_symbols(self) -> int:
        """How many symbols are predicted: all but the first of a text, every one of a record."""
        return self.symbols - (len(self.texts) if self.records is None else 0)

    @property
    def scored_characters(self) -> int:
        """What a score of the part is divided by: all but the first of a text, end marks of records too."""
        return self.characters + (-len(self.texts) if self.records is None else len(self.records))

    def is_scorable_with(self, vocabulary: Vocabulary, symbols: int) -> bool:
        """Whether a model with this vocabulary can score the part, ids being below so many symbols."""
        if (self.records is None) != (vocabulary.end is None):
            return False
        if min(self.scored_symbols, self.scored_characters) < 1:
            return False
        ends = 0
        for piece in _pieces(self.ids):
            if int(piece.max()) >= symbols:
                return False
            ends += 0 if vocabulary.end is None else int(np.count_nonzero(piece == vocabulary.end))
        if self.bounds is None:
            return True
        marks = (self.ids[places] == vocabulary.end for places in _pieces(self.bounds))
        return ends == len(self.bounds) and all(bool(mark.all()) for mark in marks)

    def blocks(self) -> Iterator[Ids]:
        """The symbols of the part, some at a time; of a record also the end mark after it."""
        if self.records is None or self.bounds is None:
            for begin, end in self.texts.tolist():
                yield from _pieces(self.ids[begin:end])
            return
        for first in range(0, len(self.records), _RECORDS_TOGETHER):
            some = self.records[first : first + _RECORDS_TOGETHER]
            for begin, end in runs(some):  # neighbours lie side by side
                yield from _pieces(self.ids[int(self.bounds[begin]) + 1 : int(self.bounds[end]) + 1])

    def beginning(self, symbols: int) -> "Part":
        """The first so many symbols, of each text in proportion, or about as many of the records.

        All if there are fewer.

        Its characters and bytes are those of the whole in proportion: exact where one symbol is one.
        """
        share = symbols / self.symbols
        if share >= 1:
            return self
        if self.records is not None:
            count = max(1, int(share * len(self.records)))
            some, share = replace(self, records=self.records[:count]), count / len(self.records)
        elif self.spans is None:
            some = replace(self, ids=self.ids[:symbols])
        else:
            begins, ends = self.spans.T
            lengths = np.maximum(SHORTEST, ((ends - begins) * share).astype(np.int64))
            some = replace(self, spans=np.stack((begins, begins + lengths), 1))
            share = some.symbols / self.symbols
        return replace(
            some, characters=round(self.characters * share), utf8_bytes=round(self.utf8_bytes * share)
        )


@dataclass(frozen=True)
class Dataset:
    """The two parts of an encoded text.

    Attributes:
        training: to learn from.
        validation: to measure on.
        fingerprint: SHA-256, as hex, of the text, the vocabulary and the split.
        notices: what there is to tell.
        repeated: lines mode: how many of the records held out also stand in the training part.
    """

    training: Part
    validation: Part | None
    fingerprint: str
    notices: tuple[str, ...] = ()
    repeated: int = 0

    def is_learnt_by(self, encoded: str, vocabulary: Vocabulary) -> bool:
        """Whether it is the text with that digest, and one that a model with this vocabulary reads."""
        held_out, unknown = self.validation, len(vocabulary.marking())
        return (
            self.training.is_scorable_with(vocabulary, len(vocabulary))
            and (held_out is None or held_out.is_scorable_with(vocabulary, unknown))
            and self.digest() == encoded
        )

    def digest(self) -> str:
        """SHA-256, as hex, of what is on disk: the ids and which of them are held out."""
        digest = hashlib.sha256()
        for part in filter(None, (self.training, self.validation)):
            spans = [] if part.spans is None else [part.spans]
            for array in (part.ids, part.bounds, part.records, *spans):
                digest.update(b"|")
                for piece in _pieces(array):
                    digest.update(np.ascontiguousarray(piece).data)
        return digest.hexdigest()


def _pieces(array: NDArray[Any] | None) -> Iterator[NDArray[Any]]:
    """An array bit by bit: it may be larger than memory, and a signal may come meanwhile."""
    for begin in range(0, 0 if array is None else len(array), _HASHED_TOGETHER):
        assert array is not None  # noqa: S101 - it has a length
        yield array[begin : begin + _HASHED_TOGETHER]


def _texts(values: list[Any]) -> None:
    if not all(isinstance(value, str) for value in values):
        raise ValueError("a list of texts")


@dataclass(frozen=True)
class _Description(Entry):
    """What `dataset.json` says; a part is a `Stretch`."""

    fingerprint: str = setting(REQUIRED, "SHA-256")
    training: dict[str, Any] = setting(REQUIRED, "to learn from")  # noqa: RUF009 - a declaration
    notices: list[str] = setting(REQUIRED, "to tell", check=_texts)  # noqa: RUF009 - a declaration
    validation: dict[str, Any] | None = setting(None, "to measure on")  # noqa: RUF009 - a declaration
    repeated: int = setting(0, "records in both parts", minimum=0, maximum=MOST_SYMBOLS)


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
        seed: draws the lines that are held out.
        progress: is told how far it has come.

    Raises:
        CorpusError: the text cannot be read, or was changed since it was counted.
        UnknownCharacterError: the vocabulary lacks characters of it.
        UsageError: more is held out than there is.
        ResourceError: the disk is full.
    """
    amount = parse_validation(validation)
    other = _other_text(corpus, amount) if isinstance(amount, str) else None
    vocabulary.check_known(corpus.statistics().counts, corpus.sources[0].name)
    held = _held_back(corpus, amount) if isinstance(amount, Fraction) else 0
    with writable(folder):
        folder.mkdir(parents=True, exist_ok=True)
    training, measured = _write(corpus, CORPUS, held, seed, DatasetWriter(folder, vocabulary, progress))
    notices = []
    if other:
        unknown = vocabulary.unknown_codes(other.statistics().counts)
        knowing = vocabulary.marking() if len(unknown) else vocabulary
        measured, _ = _write(other, VALIDATION, 0, seed, DatasetWriter(folder, knowing))
        notices = other.notices
        notices += [_unknown(validation, unknown, other.statistics().counts)] if len(unknown) else []
    notices += [_too_short(validation)] if amount != 0 and measured is None else []
    description: dict[str, Any] = {
        "fingerprint": _fingerprint(corpus, vocabulary, validation, seed, other),
        "training": asdict(training),
        "validation": asdict(measured) if measured else None,
        "notices": notices,
    }
    if measured:
        parts = _open_part(folder, asdict(training)), _open_part(folder, asdict(measured))
        notices += unseen_notice(*parts, vocabulary)
        description["repeated"] = repeated_records(*parts)
        notices += _repeated_notice(description["repeated"], parts[1])
    _describe(folder, description)
    return open_dataset(folder)


def is_encoded(folder: Path) -> bool:
    """Whether there is a text that `encode_dataset` wrote into a folder."""
    return (folder / _DESCRIPTION).exists()


def open_dataset(folder: Path, fingerprint: str | None = None) -> Dataset:
    """The dataset that `encode_dataset` wrote into a folder.

    Args:
        folder: where it wrote.
        fingerprint: what the dataset's must be.

    Raises:
        CheckpointError: it is missing or damaged, or another one.
    """
    try:
        entry = _Description.of(json.loads(read_regular(folder / _DESCRIPTION, _MOST_DESCRIPTION_BYTES)))
        training = _open_part(folder, entry.training)
        measured = _open_part(folder, entry.validation) if entry.validation else None
        dataset = Dataset(training, measured, entry.fingerprint, tuple(entry.notices), entry.repeated)
    except _DAMAGE as error:
        what = shortened(str(error).replace("\n", " "), 300)
        raise CheckpointError(
            f"the encoded text in {folder} is missing or damaged ({what}); encode it again"
        ) from error
    if fingerprint not in (None, dataset.fingerprint):
        raise CheckpointError(f"the encoded text in {folder} is of another text or split; encode it again")
    return dataset


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


def _held_back(corpus: Corpus, amount: Fraction) -> int:
    statistics = corpus.statistics()
    if corpus.reading.mode == "lines":
        return held_back(amount, statistics.records, "lines")
    return held_back(amount, statistics.characters, "characters")


def _unknown(path: str, codes: NDArray[np.intp], counts: NDArray[np.int64]) -> str:
    total = int(counts[codes].sum())
    return (
        f"--validation {path}: {total:,} characters of it are unknown to the model, since the corpus lacks "
        f"them: {tally(codes, counts[codes])}; each is charged as naming any character at random"
    )


def _repeated_notice(repeated: int, validation: Part) -> list[str]:
    if not repeated or validation.records is None:
        return []
    return [
        f"{repeated:,} of {len(validation.records):,} held-out lines also stand in the training part: what "
        "validation says of those tells nothing of new ones"
    ]


def _too_short(validation: str) -> str:
    return f"the text is too short to hold out {validation} of it: trained without validation"


def _fingerprint(
    corpus: Corpus, vocabulary: Vocabulary, validation: str, seed: int, other: Corpus | None
) -> str:
    texts = [text.statistics().fingerprint for text in (corpus, other) if text]
    is_spread = [] if corpus.is_one_file or corpus.reading.mode == "lines" or other else ["spread"]
    description = json.dumps([texts, vocabulary.to_json(), None if other else validation, seed, *is_spread])
    return hashlib.sha256(description.encode()).hexdigest()


def _write(corpus: Corpus, name: str, held: int, seed: int, writer: DatasetWriter) -> Stretches:
    try:
        if corpus.reading.mode == "text":
            characters = corpus.statistics().characters
            stretches = 1 if corpus.is_one_file else spread(held, characters)
            return writer.write_text(corpus, name, held, stretches)
        return writer.write_records(corpus, name, _drawn(corpus.statistics().records, held, seed))
    except UnknownCharacterError as error:  # all that were counted are known
        raise changed(listed([source.name for source in corpus.sources])) from error


def _drawn(records: int, held: int, seed: int) -> NDArray[np.int64]:
    """Which records are held out, in order; none where nothing would be left to learn from."""
    count = held if held < records else 0
    return np.sort(np.random.default_rng(seed).choice(records, count, replace=False)).astype(np.int64)


def _describe(folder: Path, description: dict[str, Any]) -> None:
    """Written last, under its name only when whole: what it describes is there."""
    partial = folder / f"{_DESCRIPTION}.partial"
    with writable(folder / _DESCRIPTION):
        partial.write_text(json.dumps(description, indent=1), encoding="utf-8")
        partial.replace(folder / _DESCRIPTION)


def _open_part(folder: Path, entry: Any) -> Part:  # noqa: ANN401 - what a file holds
    stretch = Stretch.of(entry)
    whole = mapped(array_path(folder, stretch.file))
    ids = whole[stretch.start : stretch.stop]
    if ids.dtype.kind != "u" or len(ids) != stretch.stop - stretch.start:
        raise ValueError(f"{stretch.file}.npy does not hold what was written")
    if stretch.records:
        return _open_records(folder, stretch, ids)
    part = Part(ids, stretch.characters, stretch.utf8_bytes)
    if stretch.spans:
        part = replace(part, ids=whole, spans=np.array(stretch.spans, np.int64))
    if int(part.texts.max()) > len(part.ids):
        raise ValueError("its stretches do not fit the text")
    return part


def _open_records(folder: Path, stretch: Stretch, ids: Ids) -> Part:
    bounds = mapped(bounds_path(folder, stretch.file))
    total = len(bounds) - 1
    is_whole = bounds.dtype == np.int64 and total > 0 and bounds[0] == 0 and bounds[-1] == len(ids) - 1
    if not is_whole or not _ascend(bounds):
        raise ValueError(f"{stretch.file}-bounds.npy does not fit the text")
    return Part(ids, stretch.characters, stretch.utf8_bytes, bounds, _records(folder, stretch, total))


def _records(folder: Path, stretch: Stretch, total: int) -> NDArray[np.int64]:
    every = np.arange(total, dtype=np.int64)
    if stretch.records == "all":
        return every
    drawn: NDArray[np.int64] = mapped(held_back_path(folder, stretch.file))
    is_some = drawn.dtype == np.int64 and 0 < len(drawn) < total and drawn[0] >= 0 and drawn[-1] < total
    if not is_some or not _ascend(drawn):
        raise ValueError(f"{stretch.file}-held-back.npy does not fit the text")
    return drawn if stretch.records == "drawn" else np.delete(every, drawn)


def _ascend(numbers: NDArray[np.int64]) -> bool:
    """Whether each number is larger than the one before."""
    return all(
        (np.diff(numbers[begin : begin + _HASHED_TOGETHER + 1]) > 0).all()
        for begin in range(0, len(numbers), _HASHED_TOGETHER)
    )
