"""charrnn: character-level recurrent networks, trained on your own text.

    import charrnn
    run = charrnn.train("novel.txt", max_time="2m")
    run.model().sample("Once", length=200)

Importing the package is cheap: it loads neither torch nor numpy. The docstring of each module says what it
holds and what it is independent of; the README has a map.
"""

import time
from typing import TYPE_CHECKING

from charrnn.errors import (
    CharRNNError,
    CheckpointError,
    CorpusError,
    DivergenceError,
    InputError,
    NothingLearntError,
    ResourceError,
    UnknownCharacterError,
    UsageError,
)

__all__ = [
    "CharRNNError",
    "CheckpointError",
    "CorpusError",
    "DivergenceError",
    "InputError",
    "Model",
    "NothingLearntError",
    "ResourceError",
    "TextScore",
    "TrainedRun",
    "UnknownCharacterError",
    "UsageError",
    "load",
    "train",
]

__version__ = "0.3.0"

STARTED = time.monotonic()
"""Seconds on the monotonic clock when the program began: what `--max-time` counts from."""


if TYPE_CHECKING:
    from charrnn.commands.python_model import Model, load
    from charrnn.commands.python_scoring import TextScore
    from charrnn.commands.python_train import TrainedRun, train
else:

    def __getattr__(name: str) -> object:
        """What a Python program can call, loaded when it is."""
        if name not in __all__:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        from charrnn.commands import python_model, python_train

        return getattr(python_train if name in {"TrainedRun", "train"} else python_model, name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
