"""Bad and odd input through the commands: one line and the right exit code, or it simply works."""

import bz2
import gzip
import lzma
import os
import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from losses import LANGUAGE
from program import SMALL, TEXT, Result, charrnn

from charrnn.commands.corpora import make_vocabulary
from charrnn.model.layer import State
from charrnn.runs.checkpoint import load
from charrnn.tasks.batches import NextSymbols
from charrnn.tasks.language import LanguageTask
from charrnn.tasks.task import Loss
from charrnn.text import streams
from charrnn.text.corpus import CHUNK_BYTES

needs_pipes = pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")


pytestmark = pytest.mark.usefixtures("in_empty_folder")


def everything() -> dict[Path, int]:
    """All that stands below this folder, hidden or not, and how long it is."""
    return {path: path.lstat().st_size for path in Path().rglob("*")}


def said(result: Result, code: int, *expected: str) -> None:
    """The command ended so, with one line that says all this."""
    assert (result.code, result.out) == (code, ""), result.err
    assert result.err.startswith("charrnn: ")
    assert result.err.count("\n") == 1, result.err
    assert ";" in result.err, "what to do comes after what happened"
    for part in expected:
        assert part in result.err


def refused(
    *expected: str, corpus: str = "odd.txt", model: Path | None = None, standard_input: bytes = b""
) -> None:
    """Every command that reads this says so in one line and writes nothing, wherever it would have."""
    commands: list[tuple[str, ...]] = [
        ("train", corpus, *SMALL),
        ("train", corpus, "--mode", "lines", "--run", "deep/er/run", *SMALL),
        ("vocab", corpus, "--output", "vocabulary.json"),
    ]
    commands += [("evaluate", corpus, "--checkpoint", str(model))] if model else []
    before = everything()
    for command in commands:
        said(charrnn(*command, standard_input=standard_input), 3, *expected)
        assert everything() == before, "something was written"


def trained(*options: str, corpus: str = "odd.txt", steps: str = "3") -> Path:
    """The folder of a short run, which must work."""
    result = charrnn("train", corpus, "--run", "run", *SMALL, "--steps", steps, *options)
    assert result.code == 0, result.err
    return Path("run")


# Short


@pytest.mark.parametrize("data", [b"", b"\xef\xbb\xbf", b"\xff\xfe"], ids=["0 bytes", "mark", "UTF-16 mark"])
def test_nothing(data: bytes, run_folder: Path) -> None:
    Path("odd.txt").write_bytes(data)
    refused("odd.txt is empty", model=run_folder)


def test_nothing_on_standard_input(run_folder: Path) -> None:
    refused("standard input is empty", corpus="-", model=run_folder)


@pytest.mark.parametrize("text", ["a", "한", "\0"])
@pytest.mark.parametrize("mode", ["text", "lines"])
@pytest.mark.parametrize("level", ["char", "byte"])
def test_one_character(text: str, mode: str, level: str) -> None:
    Path("odd.txt").write_text(text, encoding="utf-8")
    before = everything()
    said(
        charrnn("train", "odd.txt", "--mode", mode, "--level", level, *SMALL), 3, "odd.txt has one character"
    )
    assert everything() == before
    assert charrnn("vocab", "odd.txt", "--json").json["characters"] == 1


@pytest.mark.parametrize("mode", ["text", "lines"])
def test_one_distinct_character(mode: str) -> None:
    Path("odd.txt").write_text("a" * 500)
    run = trained("--mode", mode, steps="20")
    written = charrnn("sample", "--checkpoint", run, "--length", "30", "--temperature", "5").out
    assert set(written) <= {"a", "\n"}
    assert written.count("a") == 30 if mode == "text" else written.count("a") < 30
    score = charrnn("evaluate", "odd.txt", "--checkpoint", run, "--json").json
    assert score["characters"] == (499 if mode == "text" else 501)
    bits = score["bits_per_character"]
    assert bits == pytest.approx(0, abs=1e-6) if mode == "text" else 0.001 < bits < 1


def test_nothing_but_empty_lines() -> None:
    Path("odd.txt").write_text("\n\r\n\n")
    before = everything()
    said(charrnn("train", "odd.txt", "--mode", "lines", *SMALL), 3, "odd.txt", "empty lines")
    assert everything() == before
    trained("--mode", "text")


# One line that is long


@dataclass
class Watched:
    """What the updates of a run were given."""

    longest_batch_symbols: int = 0
    updates: int = 0


@pytest.fixture
def watched(monkeypatch: pytest.MonkeyPatch) -> Watched:
    """Looks on at each update: how many symbols it has, and that no gradient flows back beyond it."""
    seen, learn = Watched(), LanguageTask.loss

    def look(_: LanguageTask, model: Any, batch: NextSymbols, state: State | None) -> Loss:  # noqa: ANN401
        seen.updates += 1
        seen.longest_batch_symbols = max(seen.longest_batch_symbols, batch.count)
        assert state is None or not any(part.requires_grad for layer in state for part in layer)
        return learn(LANGUAGE, model, batch, state)

    monkeypatch.setattr("charrnn.tasks.language.LanguageTask.loss", look)
    return seen


@pytest.mark.parametrize("mode", ["text", "lines"])
def test_one_long_line(mode: str, watched: Watched) -> None:
    words = np.random.default_rng(1).choice(TEXT.split(), 500_000)
    Path("odd.txt").write_text(" ".join(words)[:2_000_000])
    run = trained("--mode", mode, "--validation", "1000" if mode == "text" else "0", steps="30")
    assert watched.updates == 30
    assert 0 < watched.longest_batch_symbols <= 4 * 16
    facts = load(run / "best.safetensors").corpus
    assert facts.characters == 2_000_000


def test_a_long_line_among_short_ones(watched: Watched) -> None:
    Path("odd.txt").write_text("short\n" * 50 + "long " * 20_000 + "\n" + "short\n" * 50)
    trained("--mode", "lines", steps="40")
    assert 0 < watched.longest_batch_symbols <= 4 * 16


# Texts that are not divided as they were meant to be


@pytest.mark.parametrize(
    ("data", "options", "said"),
    [
        (b"one\ntwo\nthree\n" * 9, ("--delimiter", "%%"), "the delimiter '%%' never occurs"),
        (b"one\ntwo\nthree\n" * 9, ("--delimiter", ""), "no line is blank"),
        (b"one\rtwo\r\rthree\r" * 9, ("--delimiter", ""), "give --newlines lf"),
        (b"one\rtwo\r\rthree\r" * 9, (), "give --newlines lf"),
    ],
)
def test_one_record_that_was_meant_to_be_more(data: bytes, options: tuple[str, ...], said: str) -> None:
    Path("odd.txt").write_bytes(data)
    result = charrnn("train", "odd.txt", "--mode", "lines", *options, "--run", "run", *SMALL)
    assert result.code == 3
    assert said in result.err
    assert "odd.txt" in result.err
    assert not Path("run").exists()


def test_files_may_be_the_records_that_a_delimiter_does_not_part() -> None:
    Path("poems").mkdir()
    for number in range(5):
        Path(f"poems/{number}.txt").write_text(f"line one of {number}\nline two of {number}")
    result = charrnn(
        "train", "poems", "--mode", "lines", "--delimiter", "", "--run", "run", *SMALL[:-1], "--steps", "3"
    )
    assert result.code == 0
    assert "in 5 lines" in result.err
    assert "never occurs" in result.err


# Bytes that are no text

INVALID = {
    "start": (b"\xffabc", "byte 0 in line 1 is FF"),
    "middle": ("é\n\nab".encode() + b"\xe4\xb8x and more\n", "byte 6 in line 3 is E4 B8"),
    "end": (b"line\nthe end \xf0\x9f\x98", "byte 13 in line 2 is F0 9F 98"),
    "chunk border": (
        b"a\n" * (CHUNK_BYTES // 2 - 1) + b"a\xe4\xff and more",
        f"byte {CHUNK_BYTES - 1:,} in line {CHUNK_BYTES // 2:,} is E4",
    ),
    "after a border": (
        b"a" * (CHUNK_BYTES - 2) + "한\n".encode() + b"\x80",
        f"byte {CHUNK_BYTES + 2:,} in line 2 is 80",
    ),
}


@pytest.mark.parametrize("name", INVALID)
def test_invalid_utf_8(name: str, run_folder: Path) -> None:
    data, place = INVALID[name]
    Path("odd.txt").write_bytes(data)
    refused(
        "odd.txt is not valid utf-8", place, "--encoding NAME", "--errors replace", "--errors ignore",
        model=run_folder,
    )  # fmt: skip


@pytest.mark.parametrize("name", INVALID)
def test_what_the_message_offers_works(name: str) -> None:
    Path("odd.txt").write_bytes(INVALID[name][0])
    data = INVALID[name][0]
    read = {
        ("--errors", "replace"): data.decode("utf-8", "replace"),
        ("--errors", "ignore"): data.decode("utf-8", "ignore"),
        ("--encoding", "latin-1"): data.decode("latin-1"),
    }
    for options, text in read.items():
        found = charrnn("vocab", "odd.txt", *options, "--json").json
        assert {symbol["character"]: symbol["count"] for symbol in found["entries"]} == Counter(text)


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_utf_16_without_a_mark_is_remarked_upon(encoding: str) -> None:
    """Latin letters in UTF-16 are valid UTF-8 with NULs between them, and a named file is read."""
    Path("odd.txt").write_bytes(TEXT.encode(encoding))
    result = charrnn("train", "odd.txt", "--run", "run", *SMALL[:-1])
    assert result.code == 0
    assert f"--encoding {encoding}" in result.err
    assert charrnn("vocab", "odd.txt", "--encoding", encoding, "--json").json["characters"] == len(TEXT)


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_utf_16_without_a_mark_that_is_no_utf_8(encoding: str, run_folder: Path) -> None:
    Path("odd.txt").write_bytes("a bird, une fête, à la carte\n".encode(encoding) * 10)
    refused("odd.txt is not valid utf-8", f"--encoding NAME (the likeliest is {encoding})", model=run_folder)


# What cannot be read


def test_what_is_not_there(run_folder: Path) -> None:
    refused("odd.txt does not exist", model=run_folder)
    Path("file.txt").write_text(TEXT)
    refused("cannot be read: not a directory", corpus="file.txt/odd.txt", model=run_folder)


def test_a_folder_without_text(run_folder: Path) -> None:
    Path("folder/inner").mkdir(parents=True)
    refused("folder is a folder without text", corpus="folder", model=run_folder)
    Path("folder/inner/picture.bin").write_bytes(b"\x89PNG\0\0")
    Path("folder/.hidden").write_text(TEXT)
    refused("folder is a folder without text", "picture.bin", ".hidden", corpus="folder", model=run_folder)


def test_links_in_a_circle(run_folder: Path) -> None:
    Path("odd.txt").symlink_to("odd.txt")
    refused("odd.txt cannot be read", "symbolic links", model=run_folder)
    Path("folder").mkdir()
    Path("folder/round").symlink_to(Path.cwd() / "folder", target_is_directory=True)
    refused("folder is a folder without text", "round", corpus="folder", model=run_folder)
    Path("folder/text.txt").write_text(TEXT)
    run = trained(corpus="folder")
    assert load(run / "best.safetensors").corpus.characters == len(TEXT)


def test_no_permission(run_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Path("odd.txt").write_text(TEXT)
    opened = Path.open

    def guarded(path: Path, *arguments: Any, **options: Any) -> Any:  # noqa: ANN401
        if path.name == "odd.txt":  # chmod would not keep the superuser out
            raise PermissionError(13, "Permission denied", str(path))
        return opened(path, *arguments, **options)

    monkeypatch.setattr(Path, "open", guarded)
    refused("odd.txt cannot be read: permission denied", model=run_folder)


@pytest.mark.skipif(not Path("/dev/null").exists(), reason="this system has no device files")
def test_a_device(run_folder: Path) -> None:
    refused("/dev/null is a device", corpus="/dev/null", model=run_folder)


@needs_pipes
@pytest.mark.parametrize("data", [TEXT.encode(), b"", b"caf\xe9 noir"], ids=["text", "empty", "invalid"])
def test_a_named_pipe(data: bytes) -> None:
    os.mkfifo("odd.txt")
    writer = threading.Thread(target=Path("odd.txt").write_bytes, args=(data,))
    writer.start()
    if data == TEXT.encode():
        assert load(trained() / "best.safetensors").corpus.characters == len(TEXT)
    else:
        said(charrnn("train", "odd.txt", *SMALL), 3, "odd.txt is ")
        assert [path.name for path in everything()] == ["odd.txt"]
    writer.join()


# Compressed

COMPRESS: dict[str, Callable[[bytes], bytes]] = {
    "odd.gz": gzip.compress,
    "odd.bz2": bz2.compress,
    "odd.xz": lzma.compress,
}


@pytest.mark.parametrize("name", COMPRESS)
def test_a_bomb(name: str, run_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "EXPANSION_FREE_BYTES", 200_000)
    Path(name).write_bytes(COMPRESS[name](b" " * 3_000_000))
    refused(f"{name} grows to over ", "decompress it first", corpus=name, model=run_folder)


@pytest.mark.parametrize("name", COMPRESS)
def test_cut_short_or_not_compressed_at_all(name: str, run_folder: Path) -> None:
    data = np.random.default_rng(1).bytes(3000).hex().encode()
    Path(name).write_bytes(COMPRESS[name](data)[:-30])
    refused(f"{name} is damaged or cut short", corpus=name, model=run_folder)
    Path(name).write_bytes(data)
    refused(f"{name} is damaged", corpus=name, model=run_folder)


# What changes meanwhile


def between_passes(monkeypatch: pytest.MonkeyPatch, happens: Callable[[], object]) -> None:
    """Let something happen when the text was counted and is not encoded yet."""

    def make(*arguments: Any) -> Any:  # noqa: ANN401
        happens()
        return make_vocabulary(*arguments)

    monkeypatch.setattr("charrnn.commands.learning_text.make_vocabulary", make)


CHANGED = [TEXT.upper(), TEXT[:-1], "", TEXT.replace(" ", "\n"), "\n" * len(TEXT), TEXT.replace("\n", " ")]


@pytest.mark.parametrize("text", CHANGED, ids=["unknown", "shorter", "nothing", "lines", "blank", "one line"])
@pytest.mark.parametrize("mode", ["text", "lines"])
def test_a_file_that_changes(text: str, mode: str, monkeypatch: pytest.MonkeyPatch) -> None:
    between_passes(monkeypatch, lambda: Path("odd.txt").write_text(text))
    for place in (("--mode", mode), ("--mode", mode, "--run", "deep/er/run")):
        Path("odd.txt").write_text(TEXT)
        said(charrnn("train", "odd.txt", *place, *SMALL), 3, "odd.txt was changed while it was being read")
        assert [path.name for path in everything()] == ["odd.txt"]


def test_a_file_that_goes_away(monkeypatch: pytest.MonkeyPatch) -> None:
    Path("odd.txt").write_text(TEXT)
    between_passes(monkeypatch, Path("odd.txt").unlink)
    said(charrnn("train", "odd.txt", *SMALL), 3, "odd.txt does not exist")
    assert not everything()


def test_a_file_that_grows_is_trained_as_far_as_it_was_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    Path("odd.txt").write_text(TEXT)
    between_passes(monkeypatch, lambda: Path("odd.txt").write_text(TEXT + "漢字 and more"))
    assert load(trained() / "best.safetensors").corpus.characters == len(TEXT)
