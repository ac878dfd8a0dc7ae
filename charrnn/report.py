"""How a run goes: the figures that are shown and kept in `metrics.jsonl`. Knows nothing of anything else."""

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Report:
    """How the run goes, for a display and for `metrics.jsonl`.

    Attributes:
        step: updates so far.
        epoch: passes over the training text.
        characters: characters learnt from so far.
        seconds: since the program started.
        train_nats: per character, over the updates since the last report.
        validation_nats: per character, when it was just measured.
        learning_rate: the highest in use.
        gradient_norm: of the last update.
        characters_per_second: learnt from since the last report.
        progress: share of the run that is done.
        remaining_seconds: until the end, as far as can be told.
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

    def metrics(self) -> dict[str, Any]:
        """The line in `metrics.jsonl`."""
        values = asdict(self)
        del values["progress"], values["remaining_seconds"]
        if self.validation_nats is None:
            del values["validation_nats"]
        return values
