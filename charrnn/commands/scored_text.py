"""The text that a report is about: one that the user names, or what a run held out. Loads no torch."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from charrnn.config.settings import ReadingSettings
from charrnn.display.progress import ReadingProgress
from charrnn.errors import CheckpointError, UsageError
from charrnn.runs.checkpoint import Checkpoint
from charrnn.runs.report import Display
from charrnn.text.corpus import Corpus
from charrnn.text.dataset import Dataset, is_encoded, open_dataset
from charrnn.text.parts import Part
from charrnn.text.passages import Passage, part_passages, passages
from charrnn.text.vocabulary import Vocabulary


class ScoredText(Protocol):
    """What is scored."""

    @property
    def name(self) -> str:
        """What it is called."""
        ...

    @property
    def reading(self) -> ReadingSettings:
        """How it was read."""
        ...

    @property
    def characters(self) -> int | None:
        """How many are scored, where that is known beforehand."""
        ...

    @property
    def utf8_bytes(self) -> int | None:
        """What it takes as read, end marks included, where its passages cannot tell."""
        ...

    def texts(self, vocabulary: Vocabulary, display: Display) -> Iterator[Iterator[Passage]]:
        """As a model reads it."""
        ...

    def utf8(self) -> Iterator[bytes]:
        """As read, in UTF-8; at byte level its bytes."""
        ...


@dataclass(frozen=True)
class NamedText:
    """A text that the user names."""

    corpus: Corpus
    characters: None = None
    utf8_bytes: None = None

    @property
    def name(self) -> str:
        """Of its first source."""
        return self.corpus.sources[0].name

    @property
    def reading(self) -> ReadingSettings:
        """How it is read."""
        return self.corpus.reading

    def texts(self, vocabulary: Vocabulary, display: Display) -> Iterator[Iterator[Passage]]:
        """One text."""
        yield passages(self.corpus, vocabulary, ReadingProgress(display, "scoring"))

    def utf8(self) -> Iterator[bytes]:
        """As read, in UTF-8; at byte level its bytes."""
        return self.corpus.utf8()


@dataclass(frozen=True)
class HeldOut:
    """What a run held out, as its folder keeps it."""

    name: str
    part: Part
    vocabulary: Vocabulary
    reading: ReadingSettings

    @property
    def characters(self) -> int:
        """Those that training divides by, too."""
        return self.part.scored_characters

    @property
    def utf8_bytes(self) -> int:
        """What its characters took as read, those that are now unknown too, and an end mark for each line."""
        return self.part.utf8_bytes + self.part.records

    def texts(self, vocabulary: Vocabulary, display: Display) -> Iterator[Iterator[Passage]]:  # noqa: ARG002 - no file is read
        """Each stretch of it; lines together."""
        return part_passages(self.part, vocabulary, self.reading)

    def utf8(self) -> Iterator[bytes]:
        """As far as the symbols tell, in UTF-8; at byte level its bytes."""
        encoding = "latin-1" if self.reading.level == "byte" else "utf-8"
        for pieces in part_passages(self.part, self.vocabulary, self.reading):
            yield from (piece.text.encode(encoding, "surrogatepass") for piece in pieces)


ASKED = "--part is validation"


def held_out(path: Path, model: Checkpoint, asked: str = ASKED) -> HeldOut:
    """What the run of a checkpoint held out.

    Args:
        path: the checkpoint.
        model: what it holds.
        asked: how messages say that it is wanted.

    Raises:
        CheckpointError: the folder's text is damaged, or another one.
        UsageError: the checkpoint is not in its run folder, or nothing was held out.
    """
    dataset = encoded_text(path, model, asked)
    if dataset.validation is None:
        raise UsageError(f"{asked}, but the run held out nothing; give a text")
    return HeldOut(f"what {path.parent} held out", dataset.validation, model.vocabulary, model.reading)


def encoded_text(path: Path, model: Checkpoint, asked: str = ASKED) -> Dataset:
    """What a run keeps of the text that its checkpoint was trained on, and of what it held out.

    Args:
        path: the checkpoint.
        model: what it holds.
        asked: how messages say that it is wanted.

    Raises:
        CheckpointError: the folder's text is damaged, or another one.
        UsageError: the checkpoint is not in its run folder.
    """
    if not is_encoded(path.parent):
        raise UsageError(
            f"{asked}, but {path} is not in its run folder, which keeps the text; give the run "
            "folder, or a text"
        )
    dataset = open_dataset(path.parent)
    if not dataset.is_learnt_by(model.corpus.encoded, model.vocabulary):
        raise CheckpointError(
            f"the encoded text in {path.parent} is not the one that {path.name} was trained on; give a text"
        )
    return dataset
