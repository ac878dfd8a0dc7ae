"""`charrnn sample`: from a checkpoint to text. Loads no torch."""

import json
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from charrnn.checkpoint import load
from charrnn.config import Request, SampleSettings
from charrnn.errors import InputError, UsageError
from charrnn.run import find_checkpoint
from charrnn.terminal import Sanitizer, write_text
from charrnn.writing.sampler import Author, write

TOGETHER = 256
"""Texts that are written side by side."""


def sample(
    checkpoint: str | None, request: Request, settings: SampleSettings, *, raw: bool, json_wanted: bool
) -> None:
    """Write what was asked for to standard output; what there is to say about it to standard error."""
    path = find_checkpoint(checkpoint)
    author = Author.of(load(path))
    request = replace(request, prompt=read_prompt_option(request.prompt))
    _check_ends(request, has_end_mark=author.vocabulary.end is not None, json_wanted=json_wanted)
    prompt = author.read(request)
    if prompt.notice:
        sys.stderr.write(f"charrnn: {prompt.notice}\n")
    if json_wanted:
        texts = [{"prompt": prompt.text, "text": text} for text in whole_texts(author, request, settings)]
        write_text(
            sys.stdout, json.dumps({"checkpoint": str(path), "seed": request.seed, "texts": texts}) + "\n"
        )
        return
    output = Output(raw=raw)
    ended = request.count > 1 or author.vocabulary.end is not None
    if request.count == 1:
        output.write(prompt.text)
        for (piece,) in write(author, request, settings):
            output.write(piece)
        output.end(ended)
        return
    for text in whole_texts(author, request, settings):
        output.write(prompt.text + text)
        output.end(ended)


def _check_ends(request: Request, *, has_end_mark: bool, json_wanted: bool) -> None:
    """Refuse to wait for the end of a text that has none."""
    endless = request.length == 0 and not request.stop and not has_end_mark
    if endless and request.count > 1:
        raise UsageError(
            "--length 0 never ends, so --count above 1 would never begin the second; give one of them, "
            "or --stop"
        )
    if endless and json_wanted:
        raise UsageError("--length 0 never ends, so --json would never print; give one of them, or --stop")


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


def whole_texts(author: Author, request: Request, settings: SampleSettings) -> Iterator[str]:
    """The texts that are asked for, in order, each complete; so many at once as fit side by side."""
    for first in range(0, request.count, TOGETHER):
        numbers = range(first, min(first + TOGETHER, request.count))
        texts: list[list[str]] = [[] for _ in numbers]
        for pieces in write(author, request, settings, numbers):
            for text, piece in zip(texts, pieces, strict=True):
                text.append(piece)
        yield from ("".join(text) for text in texts)


class Output:
    """Standard output: made fit to be shown on a terminal, exact in a pipe."""

    def __init__(self, *, raw: bool) -> None:
        self.terminal = sys.stdout.isatty()
        self.sanitizer = Sanitizer() if self.terminal and not raw else None

    def write(self, text: str) -> None:
        """Write a piece of a text at once."""
        if text:
            write_text(sys.stdout, self.sanitizer.feed(text) if self.sanitizer else text)

    def end(self, newline: bool) -> None:
        """End a text: with a newline where several follow one another, and on a terminal."""
        if newline or self.terminal:
            write_text(sys.stdout, "\n")
