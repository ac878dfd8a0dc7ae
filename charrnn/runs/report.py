"""Reports of a run: the metrics shown and written to `metrics.jsonl`, and the displays that receive them.

Knows nothing of how they are computed or shown.
"""

from dataclasses import asdict, dataclass
from types import TracebackType
from typing import Any, Protocol

from charrnn.runs.checkpoint_facts import NATS, Figure


@dataclass(frozen=True)
class Report:
    """How the run goes, for a display and for `metrics.jsonl`.

    Attributes:
        step: updates so far.
        epoch: passes over the training text.
        characters: characters learnt from so far.
        seconds: since the program started.
        train_nats: per character, over the updates since the last report.
        validation_nats: per character, when it was just measured, and that is what is counted.
        learning_rate: the highest in use.
        gradient_norm: of the last update.
        characters_per_second: learnt from since the last report.
        progress: share of the run that is done.
        remaining_seconds: until the end, as far as can be told.
        processes: that train together.
        communication_seconds: that process 0 waited for the others, and for their sum, since the last report.
        figure: when it was just measured, and something else is counted.
        unit: what is counted.
    """

    step: int
    epoch: float
    characters: int
    seconds: float
    train_nats: float
    validation_nats: float | None
    learning_rate: float
    gradient_norm: float
    characters_per_second: float
    progress: float
    remaining_seconds: float
    processes: int = 1
    communication_seconds: float = 0.0
    figure: Figure | None = None
    unit: str = NATS

    def metrics(self) -> dict[str, Any]:
        """The line in `metrics.jsonl`."""
        values = asdict(self)
        for name in ("progress", "remaining_seconds", "figure", "unit"):
            del values[name]
        if self.validation_nats is None:
            del values["validation_nats"]
        if self.figure is not None:
            values[f"validation_{self.figure.name}"] = self.figure.value
        return values


class Display(Protocol):
    """What is told how a run goes; a context, so that a terminal is left as it was found."""

    def __enter__(self) -> "Display":
        """Begin."""
        ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Leave the terminal as it was."""

    def note(self, text: str) -> None:
        """Say something once."""

    def reading(self, line: str, share: float | None) -> None:
        """How far a corpus is read, and what share of it that is, where its length is known."""

    def stage(self, what: str) -> None:
        """What is being done now, in words, until there are figures again."""

    def report(self, report: Report) -> None:
        """How the run goes now."""

    def sample(self, title: str, text: str) -> None:
        """What the model writes at this point."""
