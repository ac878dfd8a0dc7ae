"""Parts of the manual's pages that a script writes, each between two comments."""

from pathlib import Path


def with_part(page: str, begin: str, part: str, end: str) -> str:
    """The page with what stands between two comments as it should be."""
    before, rest = page.split(begin)
    return before + begin + part + end + rest.split(end)[1]


def write_part(path: Path, begin: str, part: str, end: str) -> None:
    """Write it so."""
    path.write_text(with_part(path.read_text(encoding="utf-8"), begin, part, end), encoding="utf-8")
