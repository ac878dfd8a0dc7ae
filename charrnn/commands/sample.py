"""`charrnn sample`: from a checkpoint to text. Loads no torch."""

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from charrnn.checkpoint import load
from charrnn.config import Request, SampleSettings, SeeingSettings
from charrnn.errors import InputError, UsageError
from charrnn.run import find_checkpoint
from charrnn.terminal import Sanitizer, write_text
from charrnn.writing.sampler import Author, write
from charrnn.writing.witness import Expected

if TYPE_CHECKING:
    from charrnn.commands.novelty import Reference

TOGETHER = 256
"""Texts that are written side by side."""


def sample(
    checkpoint: str | None,
    request: Request,
    settings: SampleSettings,
    seeing: SeeingSettings,
    *,
    raw: bool,
    json_wanted: bool,
) -> None:
    """Write what was asked for to standard output; what there is to say about it to standard error."""
    path = find_checkpoint(checkpoint)
    model = load(path)
    author = Author.of(model)
    request = replace(request, prompt=read_prompt_option(request.prompt))
    if seeing.interactive:
        _check_interactive(request, seeing, raw=raw, json_wanted=json_wanted)
        from charrnn.commands.interactive import write_together
        from charrnn.writing.conversation import Conversation

        write_together(Conversation(author, request, settings), request)
        return
    waiting = "--json" if json_wanted else "--novelty" if seeing.novelty else None
    _check_ends(request, has_end_mark=author.vocabulary.end is not None, waiting=waiting)
    prompt = author.read(request)
    reference = None
    if seeing.novelty:
        from charrnn.commands.novelty import open_reference

        reference = open_reference(seeing.novelty, path, model)
    if prompt.notice:
        sys.stderr.write(f"charrnn: {prompt.notice}\n")
    if json_wanted:
        head = {"checkpoint": str(path), "seed": request.seed}
        write_json(head, prompt.text, whole_texts(author, request, settings, watched=True), reference)
        return
    output = Output(raw=raw, color=seeing.color)
    ended = request.count > 1 or author.vocabulary.end is not None
    for pieces in all_texts(author, request, settings, watched=output.painted):
        output.write(prompt.text)
        for piece in kept(pieces, prompt.text, reference):
            output.show(piece)
        output.end(ended)
    if reference is not None:
        sys.stderr.write(reference.compare().report())


def _check_interactive(request: Request, seeing: SeeingSettings, *, raw: bool, json_wanted: bool) -> None:
    """Refuse what makes no sense in a conversation."""
    others = {
        "--raw": raw,
        "--json": json_wanted,
        "--count": request.count > 1,
        "--color": seeing.color != "none",
        "--novelty": seeing.novelty,
    }
    given = [name for name, is_given in others.items() if is_given]
    if given:
        raise UsageError(f"--interactive does not go with {' and '.join(given)}; leave one out")
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise UsageError(
            "--interactive needs a terminal, and standard input or output is none; give a --prompt instead"
        )


def _check_ends(request: Request, *, has_end_mark: bool, waiting: str | None) -> None:
    """Refuse to wait for the end of a text that has none."""
    endless = request.length == 0 and not request.stop and not has_end_mark
    if endless and request.count > 1:
        raise UsageError(
            "--length 0 never ends, so --count above 1 would never begin the second; give one of them, "
            "or --stop"
        )
    if endless and waiting:
        raise UsageError(
            f"--length 0 never ends, so {waiting} would never print; give one of them, or --stop"
        )


def read_prompt_option(prompt: str) -> str:
    """The prompt that is meant: `-` is standard input, `@FILE` a file, anything else itself.

    Raises:
        InputError: the file cannot be read.
    """
    try:
        if prompt == "-":
            return sys.stdin.buffer.read().decode("utf-8")
        if prompt.startswith("@") and len(prompt) > 1:
            return Path(prompt[1:]).read_bytes().decode("utf-8")
    except OSError as error:
        raise InputError(
            f"{prompt[1:]} cannot be read: {error.strerror or error}; give a text file"
        ) from error
    except UnicodeDecodeError as error:
        raise InputError(
            f"the prompt in {prompt[1:] or 'standard input'} is no UTF-8 text: {error}"
        ) from error
    return prompt


@dataclass(frozen=True)
class Written:
    """A text or a piece of it.

    Attributes:
        text: what was written.
        characters: what was expected at each of its characters, if anybody asked.
    """

    text: str
    characters: Sequence[Expected] = ()


def all_texts(
    author: Author, request: Request, settings: SampleSettings, *, watched: bool
) -> Iterator[Iterator[Written]]:
    """The texts that are asked for in order: the only one as it comes, several each in one piece."""
    if request.count == 1:
        yield one_text(author, request, settings, watched=watched)
        return
    for text in whole_texts(author, request, settings, watched=watched):
        yield iter((text,))


def one_text(
    author: Author, request: Request, settings: SampleSettings, *, watched: bool
) -> Iterator[Written]:
    """The first text, piece by piece."""
    witness = author.witness() if watched else None
    for (piece,) in write(author, request, settings, range(1), witness):
        yield Written(piece, witness.characters(0, piece) if witness else ())


def whole_texts(
    author: Author, request: Request, settings: SampleSettings, *, watched: bool
) -> Iterator[Written]:
    """The texts that are asked for, in order, each complete; so many at once as fit side by side."""
    for first in range(0, request.count, TOGETHER):
        numbers = range(first, min(first + TOGETHER, request.count))
        witness = author.witness() if watched else None
        pieces_of: list[list[str]] = [[] for _ in numbers]
        for turn in write(author, request, settings, numbers, witness):
            for pieces, piece in zip(pieces_of, turn, strict=True):
                pieces.append(piece)
        for number, text in enumerate(map("".join, pieces_of)):
            yield Written(text, witness.characters(number, text) if witness else ())


def kept(pieces: Iterator[Written], prompt: str, reference: "Reference | None") -> Iterator[Written]:
    """The pieces of a text as they come; the whole text is told to the reference at its end."""
    text = ""
    for piece in pieces:
        text += piece.text if reference else ""
        yield piece
    if reference:
        reference.add(text, line=prompt + text)


def write_json(
    head: Mapping[str, Any], prompt: str, texts: Iterator[Written], reference: "Reference | None"
) -> None:
    """Write one JSON object, text by text, so that any number of them takes no memory."""
    write_text(sys.stdout, json.dumps(head).removesuffix("}") + ', "texts": [')
    between = ""
    for text in texts:
        entry = {"prompt": prompt, "text": text.text, "characters": [*map(_as_json, text.characters)]}
        write_text(sys.stdout, between + json.dumps(entry))
        between = ", "
        if reference:
            reference.add(text.text, line=prompt + text.text)
    novelty = f', "novelty": {json.dumps(reference.compare().as_json())}' if reference else ""
    write_text(sys.stdout, f"]{novelty}}}\n")


def _as_json(expected: Expected) -> dict[str, Any]:
    return {
        "character": expected.character,
        "probability": _short(expected.probability),
        "alternatives": {symbol: _short(chance) for symbol, chance in expected.alternatives.items()},
    }


def _short(number: float) -> float:
    """Six digits, which is all that float32 has."""
    return float(f"{number:.6g}")


class Output:
    """Standard output: made fit to be shown on a terminal, exact in a pipe.

    Attributes:
        painted: whether each character is painted by its surprise.
    """

    def __init__(self, *, raw: bool, color: str) -> None:
        self.terminal = sys.stdout.isatty()
        self.sanitizer = Sanitizer() if self.terminal and not raw else None
        self.painted = color == "surprise" and _can_paint()

    def show(self, piece: Written) -> None:
        """Write a piece of a text at once, painted if that is wanted."""
        if not self.painted:
            self.write(piece.text)
            return
        from charrnn.showing.inline import painted

        shown = [painted(self._safe(one.character), one.bits) for one in piece.characters]
        write_text(sys.stdout, "".join(shown))

    def write(self, text: str) -> None:
        """Write text at once, as it is or as a terminal may show it."""
        if text:
            write_text(sys.stdout, self._safe(text))

    def _safe(self, text: str) -> str:
        return self.sanitizer.feed(text) if self.sanitizer else text

    def end(self, newline: bool) -> None:
        """End a text: with a newline where several follow one another, and on a terminal."""
        if newline or self.terminal:
            write_text(sys.stdout, "\n")


def _can_paint() -> bool:
    """Whether standard output can be painted; says what the colours mean, or that there are none."""
    from charrnn.showing.inline import can_be_painted, painted_legend

    if not can_be_painted(sys.stdout):
        sys.stderr.write(
            "charrnn: --color surprise paints a terminal that has colours, and standard output is none: "
            "plain text; --json has the figures\n"
        )
        return False
    if can_be_painted(sys.stderr):
        sys.stderr.write(painted_legend() + "\n")
    return True
