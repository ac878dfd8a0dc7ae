"""Built-in texts, which come with Python. Knows nothing of other files."""

import importlib
import os
import platform
import sys
import sysconfig
import unicodedata
from collections.abc import Callable, Iterator
from pathlib import Path

from charrnn.errors import CorpusError

PYTHON_BYTES = 5_000_000

_INSTALLED = {"site-packages", "dist-packages", "__pycache__"}


def hello() -> bytes:
    """The one word."""
    return b"hello"


def unicode_names() -> bytes:
    """The names of all Unicode characters that this Python knows, one a line."""
    names = (unicodedata.name(chr(code), "") for code in range(sys.maxunicode + 1))
    return "".join(name + "\n" for name in names if name).encode()


def python() -> bytes:
    """The source of the running Python's standard library, its first 5 MB, cut at a line's end.

    Raises:
        CorpusError: this Python came without its source.
    """
    pieces = []
    length_bytes = 0
    for piece in _python_files(Path(sysconfig.get_path("stdlib"))):
        pieces.append(piece)
        length_bytes += len(piece)
        if length_bytes > PYTHON_BYTES:
            break
    text = b"".join(pieces)
    if not text:
        raise CorpusError(
            "builtin:python: this Python came without its source files; give a text of your own"
        )
    return text if len(text) <= PYTHON_BYTES else text[: text.rfind(b"\n", 0, PYTHON_BYTES) + 1]


def docs() -> bytes:
    """Python's language reference in English prose, as its own help has it: topic after topic, by name.

    Raises:
        CorpusError: this Python came without it.
    """
    try:
        topics: dict[str, str] = importlib.import_module("pydoc_data.topics").topics
    except ImportError as error:
        raise CorpusError(
            "builtin:docs: this Python came without its language reference (pydoc_data.topics); take "
            "builtin:python, or give a text of your own"
        ) from error
    return "\n\n".join(topics[name].strip("\n") + "\n" for name in sorted(topics)).encode()


def _python_files(folder: Path) -> Iterator[bytes]:
    """The files' bytes, in the order of their paths; what is not UTF-8 is there to test decoders."""
    paths = []
    for above, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if name not in _INSTALLED]
        paths += [Path(above, name) for name in names if name.endswith(".py")]
    for path in sorted(paths, key=Path.as_posix):
        data = path.read_bytes()
        if _is_utf8(data):
            yield data


def _is_utf8(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


BUILTINS: dict[str, Callable[[], bytes]] = {
    "builtin:python": python,
    "builtin:docs": docs,
    "builtin:unicode-names": unicode_names,
    "builtin:hello": hello,
}

REMARKS = {
    "builtin:python": "the first 5 MB of the source files of "
    f"Python {platform.python_version()}'s standard library",
    "builtin:docs": f"the language reference of Python {platform.python_version()}, from its help",
}
"""What there is to say when one of them is read."""
