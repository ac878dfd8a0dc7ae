"""Reads prompts: text with escapes, files, standard input. Does not load torch."""

import sys
from pathlib import Path

from charrnn.config.character_sets import unescaped
from charrnn.config.settings import ReadingSettings
from charrnn.errors import InputError
from charrnn.text.encodings import unix_newlines
from charrnn.text.files import read_given

_MOST_BYTES = 2**24


def typed_prompt(typed: str, reading: ReadingSettings) -> str:
    """The text of `--prompt`: `-` is standard input, `@FILE` a file, `@@` begins a text with `@`.

    What is typed has backslash escapes. What stands in a file is taken as it is, but for a byte-order mark
    and, in lines mode, one final newline, since there it would end the line.

    Args:
        typed: what was given.
        reading: how text is read for the model.

    Raises:
        InputError: the file cannot be read.
    """
    if typed == "-" or (typed.startswith("@") and len(typed) > 1 and typed[1] != "@"):
        text = _content(typed)
        if reading.mode == "lines":
            text = text.removesuffix("\n").removesuffix("\r") if text.endswith("\n") else text
    else:
        text = unescaped(typed.removeprefix("@") if typed.startswith("@@") else typed)
    return as_read(text, reading)


def as_read(prompt: str, reading: ReadingSettings) -> str:
    """A prompt with its line ends as the model's text was read."""
    return "".join(unix_newlines([prompt])) if reading.newlines == "lf" else prompt


def _content(typed: str) -> str:
    """What a file or standard input holds, without its mark."""
    is_stream = typed == "-"
    name = "standard input" if is_stream else typed[1:]
    if is_stream and sys.stdin is None:
        raise InputError(f"the prompt is to come from {name}, which is closed; give a text")
    try:
        data = sys.stdin.buffer.read(_MOST_BYTES) if is_stream else read_given(Path(typed[1:]), _MOST_BYTES)
        if len(data) >= _MOST_BYTES:
            raise InputError(f"the prompt in {name} has {_MOST_BYTES:,} bytes or more; give a shorter one")
        return data.decode("utf-8-sig")
    except OSError as error:
        reason = error.strerror or error
        raise InputError(
            f"the prompt's file {name} cannot be read: {reason}; give a text file, or @@ to begin with @"
        ) from error
    except UnicodeDecodeError as error:
        raise InputError(f"the prompt in {name} is not UTF-8 text: {error}; save it as UTF-8") from error
