"""`charrnn.load`: a model as a Python program uses it. Loads torch only to score.

Nothing here prints, and all errors are `CharRNNError`s. Settings have the names, the defaults and the checks
of the command line's options.
"""

import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, overload

from charrnn.commands.info import info_of, names_a_run
from charrnn.commands.python_answers import Values, answers
from charrnn.commands.python_sampling import Writing
from charrnn.commands.python_scoring import Scorer, TextScore
from charrnn.errors import only_ours
from charrnn.runs.checkpoint import Checkpoint
from charrnn.runs.checkpoint import load as load_checkpoint
from charrnn.runs.folder import find_checkpoint

PathLike = str | os.PathLike[str]


def load(path: PathLike | None = None) -> "Model":
    """Load a model.

    Args:
        path: a run folder, the name of a run in `runs/`, or a checkpoint file; None for the newest run there.

    Raises:
        CheckpointError: there is none, or it is damaged.
    """
    with only_ours():
        meant = None if path is None else os.fspath(path)
        found = find_checkpoint(meant)
        return Model(found, load_checkpoint(found), is_run=names_a_run(meant))


class Model:
    """A trained model.

    Attributes:
        path: the checkpoint that it was loaded from.
    """

    def __init__(self, path: Path, checkpoint: Checkpoint, *, is_run: bool) -> None:
        self.path = path
        self._checkpoint, self._is_run = checkpoint, is_run
        self._writing, self._scorer = Writing(path, checkpoint), Scorer(path, checkpoint)

    def __repr__(self) -> str:
        return f"<charrnn.Model {self.path}>"

    @property
    def info(self) -> dict[str, Any]:
        """What it is and how it was trained: the values of `charrnn info --json`."""
        with only_ours():
            return info_of(self.path, self._checkpoint, is_run=self._is_run)

    def sample(
        self,
        prompt: str = "",
        *,
        length: int | None = None,
        temperature: float | str = 1.0,
        seed: int = 1,
        **settings: Any,  # noqa: ANN401 - of many types
    ) -> str:
        """Write one text, as `charrnn sample` does with the same settings.

        Args:
            prompt: how it begins, as it is: without escapes, and `@` and `-` are characters like others.
            length: characters to write after the prompt.
            temperature: below 1 safer, above 1 bolder.
            seed: every random choice follows from it.
            **settings: other options of `charrnn sample` by name, such as `top_p` or `stop`.

        Returns:
            The prompt and what follows. With a model of bytes, one that is no part of a character is a lone
            surrogate, as `surrogateescape` has it.

        Raises:
            UsageError: a setting is out of its limits, or the model does not know the prompt's characters.
        """
        named = {"length": length, "temperature": temperature, "seed": seed}
        with only_ours():
            return "".join(self._writing.pieces(prompt, named | settings, is_whole=True))

    def stream(
        self,
        prompt: str = "",
        *,
        length: int | None = None,
        temperature: float | str = 1.0,
        seed: int = 1,
        **settings: Any,  # noqa: ANN401
    ) -> Iterator[str]:
        """Write the text of `sample` piece by piece, the prompt first; with a length of 0 without end.

        Raises:
            UsageError: as `sample`, at once.
        """
        named = {"length": length, "temperature": temperature, "seed": seed}
        with only_ours():
            pieces = self._writing.pieces(prompt, named | settings, is_whole=False)
        return _ours_alone(pieces)

    def samples(
        self,
        count: int,
        prompt: str = "",
        *,
        length: int | None = None,
        temperature: float | str = 1.0,
        seed: int = 1,
        **settings: Any,  # noqa: ANN401
    ) -> Iterator[str]:
        """Write several texts side by side, which is faster, as `charrnn sample --count` does.

        Raises:
            UsageError: as `sample`, at once.
        """
        named = {"length": length, "temperature": temperature, "seed": seed}
        with only_ours():
            texts = self._writing.texts(count, prompt, named | settings)
        return _ours_alone(texts)

    def score(self, text: str, *, window: int = 0, label: str | None = None) -> TextScore:
        """Measure how well the model predicts a text, as `charrnn evaluate` does; loads torch.

        The text stands for itself: it is neither decoded nor looked for in a table's column.

        Args:
            text: two characters or more.
            window: blank the state after so many characters; 0 carries it.
            label: of the text, for a model that was trained to write by label.

        Raises:
            CorpusError: the text is too short.
            UsageError: it reads lines, and a window is given; it has other labels, or is not to write.
        """
        with only_ours():
            return self._scorer(text, window, label)

    @overload
    def classify(self, text: str, **settings: Any) -> Values: ...  # noqa: ANN401

    @overload
    def classify(self, text: Sequence[str], **settings: Any) -> list[Values]: ...  # noqa: ANN401

    def classify(self, text: str | Sequence[str], **settings: Any) -> Values | list[Values]:
        """Tell the label of a text, or of several: what `charrnn classify --json` prints of each.

        Args:
            text: one, or several, which are read side by side.
            **settings: options of the command by name, such as `top` or `explain`.

        Raises:
            UsageError: a setting is out of its limits, or the model was trained for another task.
        """
        return answers("classify", self.path, self._checkpoint, text, settings)

    @overload
    def translate(self, text: str, **settings: Any) -> Values: ...  # noqa: ANN401

    @overload
    def translate(self, text: Sequence[str], **settings: Any) -> list[Values]: ...  # noqa: ANN401

    def translate(self, text: str | Sequence[str], **settings: Any) -> Values | list[Values]:
        """Turn a text into another, or several: `charrnn translate --json`; otherwise as `classify`."""
        return answers("translate", self.path, self._checkpoint, text, settings)

    @overload
    def tag(self, text: str, **settings: Any) -> Values: ...  # noqa: ANN401

    @overload
    def tag(self, text: Sequence[str], **settings: Any) -> list[Values]: ...  # noqa: ANN401

    def tag(self, text: str | Sequence[str], **settings: Any) -> Values | list[Values]:
        """Tag each character of a text, or of several: `charrnn tag --json`; otherwise as `classify`."""
        return answers("tag", self.path, self._checkpoint, text, settings)


def _ours_alone(pieces: Iterable[str]) -> Iterator[str]:
    """The pieces, as they come; whatever goes wrong is a `CharRNNError`."""
    with only_ours():
        yield from pieces
