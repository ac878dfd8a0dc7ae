"""What a checkpoint says about its training text, and about the progress of its training."""

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from charrnn.config.declaration import REQUIRED, Entry, setting, shortened
from charrnn.model.architecture import Architecture, LabelledArchitecture
from charrnn.runs.training_state import LONGEST_SECONDS, MOST, MOST_EPOCHS


def _counts(what: str) -> Callable[[list[Any] | None], None]:
    """Checks that a list holds counts; all together can be counted too."""

    def check(values: list[Any] | None) -> None:
        counts = values or []
        if not all(type(count) is int and 0 <= count <= MOST for count in counts) or sum(counts) > MOST:
            raise ValueError(f"counts of {what}")

    return check


def check_name(text: object) -> None:
    """Check that a value is a text, and no long one."""
    if not isinstance(text, str) or len(text) > _LONGEST_NAME:
        raise ValueError(f"a text of at most {_LONGEST_NAME} characters")


_LONGEST_NAME = 1000

NATS = "nats_per_character"
"""What the score of a language model counts."""


class Figure(NamedTuple):
    """How good a model is.

    Attributes:
        name: what is counted: `nats_per_character`, or such as `accuracy`, of which more is better.
        value: the figure.
    """

    name: str
    value: float

    @property
    def rank(self) -> float:
        """The lower the better."""
        return self.value if self.name == NATS else -self.value


MOST_NATS = 1e300
"""Of a character: what costs more is not a finite number."""


@dataclass(frozen=True)
class CorpusFacts(Entry):
    """What a checkpoint keeps of the text it was trained on.

    Attributes:
        name: short name of the corpus.
        fingerprint: SHA-256 of its bytes and of how they were read.
        characters: of the whole text, as read.
        training_characters: what was learnt from.
        validation_characters: what was held out.
        starts: for each id, how often it begins a line (text) or a record (lines).
        empty_records: records without a character, in lines mode.
        longest_record: symbols of the longest record, in lines mode; 0 where it is not known.
        encoded: SHA-256 of the ids on disk, by which a run that goes on knows its text.
        label_counts: of each label, how many texts of what was learnt from have it; None without labels.
    """

    name: str = setting(REQUIRED, "of the corpus", check=check_name)
    fingerprint: str = setting(REQUIRED, "SHA-256", check=check_name)
    characters: int = setting(REQUIRED, "in all", minimum=0, maximum=MOST)
    training_characters: int = setting(REQUIRED, "to learn from", minimum=0, maximum=MOST)
    validation_characters: int = setting(REQUIRED, "held out", minimum=0, maximum=MOST)
    starts: list[int] = setting(REQUIRED, "of each id", check=_counts("how lines begin"))  # noqa: RUF009 - a declaration
    empty_records: int = setting(0, "in lines mode", minimum=0, maximum=MOST)
    longest_record: int = setting(0, "symbols, in lines mode", minimum=0, maximum=MOST)
    encoded: str = setting("", "SHA-256", check=check_name)
    label_counts: list[int] | None = setting(None, "of each label", check=_counts("labels"))  # noqa: RUF009 - a declaration

    def check_labels(self, network: Architecture) -> None:
        """Check that labels are counted, where a network draws them, and that there are as many as it has.

        Raises:
            KeyError, ValueError: they are not.
        """
        counts, labels = self.label_counts, getattr(network, "classes", 0)
        if counts is None:
            if isinstance(network, LabelledArchitecture):
                raise KeyError("label_counts")
            return
        if len(counts) != labels:
            raise ValueError(f"{len(counts)} counts of labels, {labels} labels in the network")
        if not sum(counts):
            raise ValueError("counts of labels that are all zero")


@dataclass(frozen=True)
class Progress(Entry):
    """How far training had come.

    Attributes:
        step: updates done.
        epoch: passes over the training text.
        characters_seen: characters learnt from, every pass counted.
        seconds: that the run has taken, in all its processes together.
        training_nats_per_character: over the last stretch of updates; None before the first.
        validation_nats_per_character: of these weights, when it was measured.
        best_validation_nats_per_character: the lowest so far.
        best_step: after which update that was.
        finished: whether the run reached the end of its budget.
        unit: what a validation counts; all figures of it are of this unit, whatever they are called here.
    """

    step: int = setting(0, "updates", minimum=0, maximum=MOST)
    epoch: float = setting(0.0, "passes", minimum=0, maximum=MOST_EPOCHS)
    characters_seen: int = setting(0, "every pass counted", minimum=0, maximum=MOST)
    seconds: float = setting(0.0, "in all", minimum=0, maximum=LONGEST_SECONDS)
    training_nats_per_character: float | None = setting(None, "lately", minimum=0, maximum=MOST_NATS)
    validation_nats_per_character: float | None = setting(None, "now", minimum=0, maximum=MOST_NATS)
    best_validation_nats_per_character: float | None = setting(None, "so far", minimum=0, maximum=MOST_NATS)
    best_step: int | None = setting(None, "of the best validation", minimum=0, maximum=MOST)
    finished: bool = setting(False, "whether the run ended")
    unit: str = setting(NATS, "what a validation counts", check=check_name)

    @property
    def figure(self) -> Figure | None:
        """The best validation, with what it counts; None where nothing was measured."""
        value = self.best_validation_nats_per_character
        return None if value is None else Figure(self.unit, value)

    def with_best_of(self, best: "Progress") -> "Progress":
        """The same, with the best validation that another one tells of."""
        return dataclasses.replace(
            self,
            best_validation_nats_per_character=best.best_validation_nats_per_character,
            best_step=best.best_step,
        )


MOST_FITTED = 16
"""Numbers that are fitted to a model's weights."""


def checked_fitted(entry: Mapping[str, Any]) -> dict[str, float]:
    """What was fitted to a model's weights, by name.

    Raises:
        ValueError: these are not a few numbers above zero.
    """
    if len(entry) > MOST_FITTED:
        raise ValueError(f"{len(entry)} numbers that were fitted; expected at most {MOST_FITTED}")
    for name, value in entry.items():
        check_name(name)
        if type(value) is not float or not 1e-6 <= value <= 1e6:
            raise ValueError(f"its {name} is {shortened(repr(value))}; expected a number above zero")
    return dict(entry)
