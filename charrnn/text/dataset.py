"""Encoded text on disk, memory-mapped: the training and the validation part.

Text mode: the ids of the text. The validation part is its end or, for several files, a folder or a built-in,
stretches spread over the text. Each stretch between two cuts is then a separate text. Lines mode: the ids of

    END record END record END ... record END

with the places of all END marks as bounds; lines drawn by the seed are held out. A validation text of its own
may have characters that the vocabulary lacks; without an unknown symbol, their id is one past the last.
Knows nothing of models or torch.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from charrnn.config.declaration import REQUIRED, Entry, setting, shortened
from charrnn.errors import CheckpointError, UsageError
from charrnn.text.answers import ANSWERS
from charrnn.text.arrays import mapped, writable
from charrnn.text.dataset_writer import MOST_SYMBOLS, Stretch, array_path, bounds_path, held_out_path
from charrnn.text.files import read_regular
from charrnn.text.parts import PIECE, Part, TaskPart, pieces
from charrnn.text.record_part import Records
from charrnn.text.text_parts import OneText, PartedText
from charrnn.text.vocabulary import Ids, Vocabulary

_DESCRIPTION = "dataset.json"
_MOST_DESCRIPTION_BYTES = 2**22
_DAMAGE = (OSError, UsageError, ValueError, LookupError, TypeError, OverflowError, RecursionError)


@dataclass(frozen=True)
class Dataset:
    """The two parts of an encoded text.

    Attributes:
        training: to learn from; of examples what is read.
        validation: to measure on; of examples what is read.
        fingerprint: SHA-256, as hex, of the text, the vocabulary and the split.
        notices: what there is to tell.
        repeated: lines mode: how many of the records held out also stand in the training part.
        examples: both parts, each record of which has what is to be found for it; the parts themselves
            where what follows is to be found.
        task: whose answers these are.
    """

    training: Part
    validation: Part | None
    fingerprint: str
    notices: tuple[str, ...] = ()
    repeated: int = 0
    examples: tuple[TaskPart, TaskPart | None] = field(kw_only=True)
    task: str = "language"

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
        for part in filter(None, self.examples):
            for array in part.arrays:
                digest.update(b"|")
                for piece in pieces(array):
                    digest.update(np.ascontiguousarray(piece).data)
        return digest.hexdigest()


def _texts(values: list[Any]) -> None:
    if not all(isinstance(value, str) for value in values):
        raise ValueError("a list of texts")


@dataclass(frozen=True)
class Description(Entry):
    """What `dataset.json` says; a part is a `Stretch`."""

    fingerprint: str = setting(REQUIRED, "SHA-256")
    training: dict[str, Any] = setting(REQUIRED, "to learn from")  # noqa: RUF009 - a declaration
    notices: list[str] = setting(REQUIRED, "to tell", check=_texts)  # noqa: RUF009 - a declaration
    validation: dict[str, Any] | None = setting(None, "to measure on")  # noqa: RUF009 - a declaration
    repeated: int = setting(0, "records in both parts", minimum=0, maximum=MOST_SYMBOLS)
    task: str = setting("language", "whose answers lie beside it", choices=("language", *ANSWERS))


def describe(folder: Path, description: Description) -> None:
    """Say in a folder what was written there: last, and under its name only when whole."""
    partial = folder / f"{_DESCRIPTION}.partial"
    with writable(folder / _DESCRIPTION):
        partial.write_text(json.dumps(asdict(description), indent=1), encoding="utf-8")
        partial.replace(folder / _DESCRIPTION)


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
        entry = Description.of(json.loads(read_regular(folder / _DESCRIPTION, _MOST_DESCRIPTION_BYTES)))
        training, to_learn = _open_examples(folder, entry.task, entry.training)
        held_out = _open_examples(folder, entry.task, entry.validation) if entry.validation else (None, None)
        dataset = Dataset(
            training,
            held_out[0],
            entry.fingerprint,
            tuple(entry.notices),
            entry.repeated,
            examples=(to_learn, held_out[1]),
            task=entry.task,
        )
    except _DAMAGE as error:
        what = shortened(str(error).replace("\n", " "), 300)
        raise CheckpointError(
            f"the encoded text in {folder} is missing or damaged ({what}); encode it again"
        ) from error
    if fingerprint not in (None, dataset.fingerprint):
        raise CheckpointError(f"the encoded text in {folder} is of another text or split; encode it again")
    return dataset


def open_part(folder: Path, stretch: Stretch) -> Part:
    """A part as it lies in a folder.

    Raises:
        OSError: an array is missing.
        ValueError: the arrays do not hold it.
    """
    whole = mapped(array_path(folder, stretch.file))
    ids = whole[stretch.start : stretch.stop]
    if ids.dtype.kind != "u" or len(ids) != stretch.stop - stretch.start:
        raise ValueError(f"{stretch.file}.npy does not hold what was written")
    if stretch.records:
        return _open_records(folder, stretch, ids)
    if not stretch.spans:
        return OneText(ids, stretch.characters, stretch.utf8_bytes)
    if stretch.spans[-1][1] > len(whole):
        raise ValueError("its stretches do not fit the text")
    return PartedText(whole, stretch.characters, stretch.utf8_bytes, np.array(stretch.spans, np.int64))


def _open_examples(folder: Path, task: str, entry: Mapping[str, Any]) -> tuple[Part, TaskPart]:
    """A part, and the same with what is to be found for each of its records."""
    stretch = Stretch.of(entry)
    part = open_part(folder, stretch)
    if task not in ANSWERS:
        return part, part
    if not isinstance(part, Records):
        raise TypeError("it is one text where examples are expected")
    return part, ANSWERS[task].joined(part, folder / stretch.file)


def _open_records(folder: Path, stretch: Stretch, ids: Ids) -> Part:
    bounds = mapped(bounds_path(folder, stretch.file))
    total = len(bounds) - 1
    is_whole = bounds.dtype == np.int64 and total > 0 and bounds[0] == 0 and bounds[-1] == len(ids) - 1
    if not is_whole or not _ascend(bounds):
        raise ValueError(f"{stretch.file}-bounds.npy does not fit the text")
    return Records(ids, stretch.characters, stretch.utf8_bytes, bounds, _chosen(folder, stretch, total))


def _chosen(folder: Path, stretch: Stretch, total: int) -> NDArray[np.int64]:
    every = np.arange(total, dtype=np.int64)
    if stretch.records == "all":
        return every
    drawn: NDArray[np.int64] = mapped(held_out_path(folder, stretch.file))
    is_some = drawn.dtype == np.int64 and 0 < len(drawn) < total and drawn[0] >= 0 and drawn[-1] < total
    if not is_some or not _ascend(drawn):
        raise ValueError(f"{stretch.file}-held-back.npy does not fit the text")
    return drawn if stretch.records == "drawn" else np.delete(every, drawn)


def _ascend(numbers: NDArray[np.int64]) -> bool:
    """Whether each number is larger than the one before."""
    return all(
        (np.diff(numbers[begin : begin + PIECE + 1]) > 0).all() for begin in range(0, len(numbers), PIECE)
    )
