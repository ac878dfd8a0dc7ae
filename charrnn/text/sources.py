"""Which files the corpus arguments of a command mean. Knows nothing of their contents."""

import contextlib
import functools
import io
import os
import stat
import sys
import unicodedata
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path
from typing import IO

from charrnn.errors import CorpusError, UsageError
from charrnn.text.builtins import BUILTINS, REMARKS
from charrnn.text.streams import COMPRESSIONS, Source, Spool, readable

HEAD_BYTES = 2**16
"""How much of a file in a folder decides whether it is text."""

STANDARD_INPUT, _TYPED = "-", "standard input"

_LISTED = 3
_NAME_LENGTH = 60

WhyNoText = Callable[[bytes], str]


def find_sources(paths: Sequence[str], why_no_text: WhyNoText) -> tuple[list[Source], list[str]]:
    """The sources that paths mean, in order, and what there is to tell about them.

    Args:
        paths: files, folders, `-` for standard input, and built-in texts.
        why_no_text: why the first bytes of a file in a folder are no text, empty if they are; a file that is
            named is always read.

    Raises:
        CorpusError: a path is missing, cannot be read, or is a folder without text.
        UsageError: there is no path, or standard input twice.
    """
    _check_count(paths)
    sources: list[Source] = []
    notices: list[str] = []
    for path in paths:
        found, told = _found(path, why_no_text)
        sources += found
        notices += told
    return sources, notices


def check_paths(paths: Sequence[str]) -> None:
    """Check that what paths mean is there, and read nothing of it.

    Raises:
        CorpusError: a path is missing.
        UsageError: there is no path, or standard input twice.
    """
    _check_count(paths)
    for path in paths:
        if not path or path.startswith("builtin:"):
            _found(path, lambda _: "")
        elif path != STANDARD_INPUT:
            with readable(path):
                Path(path).stat()


def _check_count(paths: Sequence[str]) -> None:
    if not paths:
        raise UsageError("no text is given; give a file, a folder, - for standard input, or builtin:python")
    if list(paths).count(STANDARD_INPUT) > 1:
        raise UsageError("- is given twice; standard input can be given once")


def is_one_file(paths: Sequence[str]) -> bool:
    """Whether paths mean one file or standard input: neither a folder, nor several, nor a built-in text."""
    return len(paths) == 1 and not paths[0].startswith("builtin:") and not Path(paths[0]).is_dir()


def short_name(path: str) -> str:
    """A name for a folder, from a path: letters and digits of any script, and `-`, `_` and `.`."""
    if path == STANDARD_INPUT:
        return "stdin"
    name = path.removeprefix("builtin:") if path in BUILTINS else Path(os.path.abspath(path)).name  # noqa: PTH100
    for suffix in COMPRESSIONS:
        name = name.removesuffix(suffix)
    stem = unicodedata.normalize("NFC", Path(name.lstrip(".")).stem)
    safe = "".join(character if character.isalnum() or character in "-_." else "-" for character in stem)
    return safe[:_NAME_LENGTH].strip("-.") or "text"


def _found(path: str, why_no_text: WhyNoText) -> tuple[list[Source], list[str]]:
    if not path:
        raise CorpusError("a corpus has no name: ''; give a file, a folder, - or builtin:python")
    if path == STANDARD_INPUT:
        return [Source(_TYPED, Spool(_TYPED, _standard_input))], []
    if path.startswith("builtin:"):
        return [_builtin(path)], [f"{path}: {REMARKS[path]}"] if path in REMARKS else []
    with readable(path):
        mode = Path(path).stat().st_mode
    if stat.S_ISDIR(mode):
        return _folder(path, why_no_text)
    return [_file(path, mode)], []


def _standard_input() -> AbstractContextManager[IO[bytes]]:
    if sys.stdin is None:
        raise CorpusError(f"{_TYPED} is closed; give a file, or pipe a text in")
    with contextlib.suppress(OSError):  # it is no file at all
        if stat.S_ISCHR(os.fstat(sys.stdin.fileno()).st_mode) and not sys.stdin.isatty():
            raise CorpusError(f"{_TYPED} is a device; give a file, or pipe a text in")
    return contextlib.nullcontext(sys.stdin.buffer)


def _builtin(path: str) -> Source:
    if path not in BUILTINS:
        raise CorpusError(f"there is no {path}; there are {', '.join(BUILTINS)}")
    return Source(path, lambda: io.BytesIO(BUILTINS[path]()))


def _file(path: str, mode: int) -> Source:
    """A file that is named: whatever can be read, pipes too."""
    compression = Path(path).suffix.lower() if Path(path).suffix.lower() in COMPRESSIONS else ""
    opener = functools.partial(_open, path)
    if stat.S_ISFIFO(mode):
        return Source(path, Spool(path, opener), compression)
    if not stat.S_ISREG(mode):
        raise CorpusError(f"{path} is a device or a socket; give a file, a folder, or - for standard input")
    with readable(path), opener() as stream:
        size_bytes = os.fstat(stream.fileno()).st_size
    return Source(path, opener, compression, None if compression else size_bytes)


def _open(path: str) -> AbstractContextManager[IO[bytes]]:
    return Path(path).open("rb")


def _folder(folder: str, why_no_text: WhyNoText) -> tuple[list[Source], list[str]]:
    sources: list[Source] = []
    skipped: defaultdict[str, list[str]] = defaultdict(list)
    for path in sorted(_files_below(folder, skipped), key=lambda path: path.relative_to(folder).as_posix()):
        try:
            source = _file(str(path), path.stat().st_mode)
            head = next(source.chunks(HEAD_BYTES), b"")
        except (CorpusError, OSError):
            skipped["cannot be read"].append(path.name)
            continue
        if why := why_no_text(head):
            skipped[why].append(path.name)
        else:
            sources.append(replace(source, label=_label(path)))
    notices = [_skipped_notice(folder, reason, names) for reason, names in skipped.items() if names]
    if not sources:
        reasons = "; ".join(["", *notices])
        raise CorpusError(
            f"{folder} is a folder without text{reasons}; give one with text files, or name the file"
        )
    return sources, notices


def _label(path: Path) -> str:
    """What a file is called: `Dutch` of `Dutch.txt.gz`; composed, as one types it (some systems do not)."""
    stem = path.with_suffix("").stem if path.suffix.lower() in COMPRESSIONS else path.stem
    return unicodedata.normalize("NFC", stem)


def _is_run(folder: Path) -> bool:
    """Whether a folder is that of a run, whose files are no text to learn from."""
    return all(folder.joinpath(name).is_file() for name in ("config.toml", "last.safetensors"))


def _files_below(folder: str, skipped: defaultdict[str, list[str]]) -> Iterator[Path]:
    """Regular files that are not hidden; linked folders are left out, for they may lead back here."""

    def refused(error: OSError) -> None:
        skipped["cannot be read"].append(Path(error.filename).name)

    for above, folders, names in os.walk(folder, onerror=refused):
        skipped["hidden"] += sorted(name for name in [*folders, *names] if name.startswith("."))
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        runs = [name for name in folders if _is_run(Path(above, name))]
        skipped["a run of charrnn"] += runs
        folders[:] = [name for name in folders if name not in runs]
        skipped["link to a folder"] += [name for name in folders if Path(above, name).is_symlink()]
        for path in (Path(above, name) for name in names if not name.startswith(".")):
            if path.is_file():
                yield path
            else:
                skipped["no regular file"].append(path.name)


def _skipped_notice(folder: str, reason: str, names: list[str]) -> str:
    files = "1 file" if len(names) == 1 else f"{len(names):,} files"
    return f"{folder}: skipped {files} ({reason}): {listed(names)}"


def listed(names: Sequence[str]) -> str:
    """The first few names, and how many more there are."""
    more = f" and {len(names) - _LISTED:,} more" if len(names) > _LISTED else ""
    return ", ".join(names[:_LISTED]) + more
