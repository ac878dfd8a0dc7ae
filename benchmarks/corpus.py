"""How fast a text is counted and encoded, and how much memory that takes.

    python -m benchmarks.corpus --mebibytes 1024

Makes a text of mixed scripts (the same each time), counts and encodes it as `charrnn train` does.
"""

import argparse
import resource
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

SCRIPTS = (
    ("Latin", 0x61, 0x7B, 10),
    ("Latin with accents", 0xE0, 0xF7, 1),
    ("Greek", 0x3B1, 0x3CA, 1),
    ("Cyrillic", 0x430, 0x450, 3),
    ("Arabic", 0x627, 0x64B, 1),
    ("Devanagari", 0x905, 0x93A, 1),
    ("CJK", 0x4E00, 0x5E00, 1),
    ("Hangul", 0xAC00, 0xBBA4, 2),
    ("emoji", 0x1F600, 0x1F640, 1),
)
"""A script, its code points from and to, and its share of the words."""

_BLOCK_WORDS = 50_000
_PEAK_UNIT_BYTES = 1 if sys.platform == "darwin" else 1024


def write_text(path: Path, size_bytes: int, seed: int = 1) -> None:
    """Write a text of words in many scripts, in UTF-8, of about that size."""
    generator = np.random.default_rng(seed)
    written_bytes = 0
    with path.open("wb") as file:
        while written_bytes < size_bytes:
            written_bytes += file.write(_block(generator))


def _block(generator: np.random.Generator) -> bytes:
    weights = np.array([share for *_, share in SCRIPTS], float)
    scripts = generator.choice(len(SCRIPTS), _BLOCK_WORDS, p=weights / weights.sum())
    lengths = generator.integers(2, 10, _BLOCK_WORDS)
    low = np.repeat(np.array([low for _, low, _, _ in SCRIPTS])[scripts], lengths)
    high = np.repeat(np.array([high for _, _, high, _ in SCRIPTS])[scripts], lengths)
    codes = generator.integers(low, high)
    ends = np.cumsum(lengths) - 1
    codes[ends] = np.where(np.arange(_BLOCK_WORDS) % 12 == 11, 10, 32)
    return codes.astype("<u4").tobytes().decode("utf-32-le").encode()


def peak_mebibytes() -> float:
    """The most memory this process has had resident so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * _PEAK_UNIT_BYTES / 2**20


def main() -> None:
    """Measure, and print a line for each figure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mebibytes", type=int, default=64, help="size of the text")
    parser.add_argument("--normalize", default="none", help="normal form")
    parser.add_argument("--mode", default="text", help="text or lines")
    options = parser.parse_args()
    idle_mebibytes = peak_mebibytes()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "mixed.txt")
        write_text(path, options.mebibytes * 2**20)
        measure(path, idle_mebibytes, options.normalize, options.mode)


def measure(path: Path, idle_mebibytes: float, normalize: str, mode: str) -> None:
    """Count and encode one file."""
    from charrnn.config.settings import ReadingSettings
    from charrnn.text.corpus import Corpus
    from charrnn.text.dataset_encoding import encode_dataset
    from charrnn.text.vocabulary_counts import vocabulary_of

    reading = ReadingSettings(normalize=normalize, mode=mode)
    began_seconds = time.perf_counter()
    corpus = Corpus([str(path)], reading)
    statistics = corpus.statistics()
    vocabulary = vocabulary_of(statistics.counts, "char", end=mode == "lines")
    counted_seconds = time.perf_counter()
    encode_dataset(corpus, vocabulary, path.parent / "run", "0.1", 1)
    ended_seconds = time.perf_counter()
    megabytes = statistics.file_bytes / 1e6
    print(
        f"text          {megabytes:,.0f} MB, {statistics.characters:,} characters, {len(vocabulary)} symbols"
    )
    print(f"count         {megabytes / (counted_seconds - began_seconds):,.0f} MB/s")
    print(f"encode        {megabytes / (ended_seconds - counted_seconds):,.0f} MB/s")
    print(f"both          {megabytes / (ended_seconds - began_seconds):,.0f} MB/s")
    print(f"peak memory   {peak_mebibytes() - idle_mebibytes:,.0f} MiB above idle")


if __name__ == "__main__":
    main()
