"""What is exported, and what an export is. Knows nothing of any format."""

import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from charrnn.config.declaration import flat, option_name
from charrnn.config.settings import ExportSettings, TrainSettings
from charrnn.runs.checkpoint import Checkpoint

Content = bytes | Mapping[str, bytes]
"""Of a file; or of the files of a folder, by name."""


@dataclass(frozen=True)
class Source:
    """A model that is exported.

    Attributes:
        file: where to, as it was asked for.
        path: of the checkpoint.
        model: what it holds.
        settings: how it is exported, the kind of weights resolved.
    """

    file: str
    path: Path
    model: Checkpoint
    settings: ExportSettings

    @property
    def title(self) -> str:
        """What people are told that it is."""
        return self.settings.title or self.model.corpus.name

    @property
    def command(self) -> str:
        """What trained it: the settings that are not the defaults, as they were resolved."""
        defaults, given = flat(TrainSettings()), self.model.settings
        words = ["charrnn", "train", self.model.corpus.name]
        for name, value in given.items():
            if value is None or value == defaults[name]:
                continue
            if isinstance(value, bool):
                words.append(option_name(name if value else f"no-{name}"))
            else:
                words += [option_name(name), str(value)]
        return shlex.join(words)


@dataclass(frozen=True)
class Check:
    """What an export was found to be worth.

    Attributes:
        characters: on how many it was tried.
        largest_logit_difference: between what the export computes and the NumPy decoder with the stored
            weights.
        bits_lost_per_character: what the stored weights cost more than the model's own, on what its run held
            out; None where there is no such text.
    """

    characters: int
    largest_logit_difference: float
    bits_lost_per_character: float | None


@dataclass(frozen=True)
class Export:
    """A model as others take it, complete and checked.

    Attributes:
        content: what is written.
        check: what it is worth.
        next_step: what to do with it, one line for people.
        beside: other files that go beside a file, by what their names have after its stem.
    """

    content: Content
    check: Check
    next_step: str
    beside: Mapping[str, bytes] = field(default_factory=dict)
