"""Checkpoints that somebody damaged or made up: found out, with little memory and time, and no code run."""

import contextlib
import copy
import json
import random
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from forging import parted, resealed, with_digest
from forked import figures
from program import SMALL, TEXT, charrnn
from test_checkpoint import example

from charrnn.errors import CheckpointError
from charrnn.runs.checkpoint import load, save
from charrnn.runs.checkpoint_facts import Progress
from charrnn.runs.folder import Run
from charrnn.runs.recovery import recover


def run_of_two_saves(folder: Path) -> Run:
    run = Run(folder)
    for step in (1, 2):
        save(run.last, replace(example(), progress=Progress(step)), run.previous)
    return run


def damage(whole: bytes, choice: random.Random) -> bytes:
    """A single bit flipped, or the end cut off."""
    place = choice.randrange(len(whole))
    if choice.random() < 0.3:
        return whole[:place]
    return whole[:place] + bytes([whole[place] ^ (1 << choice.randrange(8))]) + whole[place + 1 :]


def soak_damage(folder: Path, count: int) -> None:
    run, choice = run_of_two_saves(folder), random.Random(1)
    whole = run.last.read_bytes()
    with figures("damaged files") as found:
        for _ in range(count):
            run.last.write_bytes(damage(whole, choice))
            recovered = recover(run)
            assert (recovered.path, recovered.checkpoint.progress.step) == (run.previous, 1)
            assert str(run.last) in recovered.notices[0]
            assert str(run.previous) in recovered.notices[-1]
        found["flips and truncations"], found["detected"] = count, count


def test_damage_is_found_and_the_file_before_used(tmp_path: Path) -> None:
    soak_damage(tmp_path, 300)


@pytest.mark.slow
def test_10_000_damaged_files(tmp_path: Path) -> None:
    soak_damage(tmp_path, 10_000)


ODD: list[Any] = [
    *(None, True, -1, 0, 1, 255, 2**31, 2**63, 2**70, 1e308, -0.5, "", "x", "os.system", "../../etc/passwd"),
    *(
        [],
        {},
        [[]],
        {"": None},
        [None] * 17,
        float("nan"),
        float("inf"),
        "\ud800",
        "9" * 5000,
        list(range(999)),
    ),
]


def an_odd_value(value: Any, choice: random.Random) -> None:  # noqa: ANN401 - any JSON
    """Put something else somewhere into a value."""
    here = value
    while True:
        key = choice.choice(list(here)) if isinstance(here, dict) else choice.randrange(len(here))
        deeper = isinstance(here[key], dict | list) and len(here[key]) > 0
        if not deeper or choice.random() < 0.25:
            break
        here = here[key]
    if isinstance(here, dict) and choice.random() < 0.2:
        del here[key]
    elif isinstance(here, dict) and choice.random() < 0.1:
        here[choice.choice(["extra", "__class__", "model.x"])] = copy.deepcopy(choice.choice(ODD))
    else:
        here[key] = copy.deepcopy(choice.choice(ODD))


def odd_entry(whole: bytes, choice: random.Random) -> bytes:
    header, data = parted(whole)
    entry = json.loads(header["__metadata__"]["charrnn"])
    for _ in range(choice.randrange(1, 3)):
        an_odd_value(entry, choice)
    header["__metadata__"]["charrnn"] = json.dumps(entry, separators=(",", ":"))
    return resealed(header, data)


def odd_header(whole: bytes, choice: random.Random) -> bytes:
    header, data = parted(whole)
    an_odd_value(header, choice)
    return resealed(header, data)


def odd_bytes(whole: bytes, choice: random.Random) -> bytes:
    """Bytes replaced, inserted or removed, mostly in the header; the digest is right again."""
    changed = bytearray(whole)
    end = 8 + int.from_bytes(whole[:8], "little")
    for _ in range(choice.randrange(1, 9)):
        place = choice.randrange(end if choice.random() < 0.8 else len(changed))
        piece = (
            choice.randbytes(choice.randrange(4)) if choice.random() < 0.5 else choice.choice(b'{}[]",:\\09')
        )
        changed[place : place + choice.randrange(3)] = piece if isinstance(piece, bytes) else bytes([piece])
    return with_digest(bytes(changed))


def odd_length(whole: bytes, choice: random.Random) -> bytes:
    length = choice.choice(
        [0, 1, 7, 99, len(whole), len(whole) - 8, 2**31, 2**63, 2**64 - 1, choice.getrandbits(64)]
    )
    return length.to_bytes(8, "little") + whole[8:]


def odd_numbers(whole: bytes, choice: random.Random) -> bytes:
    """Weights and states that are any bits at all; the digest is right."""
    header, data = parted(whole)
    place = choice.randrange(len(data) - 8)
    bits = choice.choice([b"\0\0\xc0\x7f", b"\0\0\x80\xff", choice.randbytes(8)])
    return resealed(header, data[:place] + bits + data[place + len(bits) :])


def nested(whole: bytes, choice: random.Random) -> bytes:
    """A header that is mostly brackets: small on disk, large as objects."""
    header, data = parted(whole)
    inside = choice.choice(["[],", "{},", "[", '{"a":', "0,", '"",']) * choice.randrange(1, 50_000)
    header["__metadata__"]["charrnn"] = '{"digest":"' + "0" * 64 + '","x":[' + inside
    return resealed(header, data)


def elsewhere(whole: bytes, choice: random.Random) -> bytes:
    return choice.choice([b"", b"\x80\x04\x95pickle", b"PK\x03\x04" * 9, choice.randbytes(200), whole * 2])


MUTATIONS: list[tuple[int, Callable[[bytes, random.Random], bytes]]] = [
    *((30, odd_entry), (15, odd_header), (25, odd_bytes), (10, damage), (5, odd_length), (12, odd_numbers)),
    *((1, nested), (2, elsewhere)),
]

WATCHED = (
    "exec",
    "compile",
    "import",
    "subprocess",
    "socket",
    "os.",
    "shutil",
    "pickle",
    "ctypes",
    "marshal",
)


class Alarm:
    """Notes what a loader has no business doing; an audit hook stays for ever, so it is switched."""

    def __init__(self) -> None:
        self.is_on = False
        self.heard: list[str] = []
        sys.addaudithook(self._listen)

    def _listen(self, event: str, given: tuple[Any, ...]) -> None:
        if not self.is_on:
            return
        mode, flags = given[1:3] if event == "open" else ("", 0)
        writes = bool(set(mode or "") & set("wax+")) or (mode is None and flags & 3 != 0)
        if writes or (event.startswith(WATCHED)):
            self.heard.append(f"{event} {given}"[:200])

    @contextmanager
    def on(self) -> Iterator[None]:
        self.is_on = True
        try:
            yield
        finally:
            self.is_on = False


ALARM = Alarm()


def memory_bytes() -> int:
    """The most that this process had in memory so far."""
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def soak_mutations(folder: Path, wholes: list[bytes], count: int) -> None:
    choice, path = random.Random(3), folder / "last.safetensors"
    weights, kinds = zip(*MUTATIONS, strict=True)
    loaded, slowest, largest, before = 0, 0.0, 0, memory_bytes()
    with figures("mutated files") as found:
        for _ in range(count):
            (kind,) = choice.choices(kinds, weights)
            data = kind(choice.choice(wholes), choice)
            path.write_bytes(data)
            largest, began = max(largest, len(data)), time.process_time()
            with ALARM.on(), contextlib.suppress(CheckpointError):
                loaded += load(path).is_finite()
            slowest = max(slowest, time.process_time() - began)
        grown = memory_bytes() - before
        found["files"], found["refused"], found["harmless"] = count, count - loaded, loaded
        found["slowest"] = f"{slowest:.3f} s"
        found["memory"] = f"{grown / 1e6:.0f} MB over a largest file of {largest / 1e6:.1f} MB"
    assert ALARM.heard == []
    assert slowest < 2
    assert grown < 256e6 + largest


GOLDEN = Path(__file__).parent / "golden"


def whole_files(folder: Path) -> list[bytes]:
    """A model that is shared, and the states of runs of every task."""
    corpus = folder / "text.txt"
    corpus.write_text(TEXT[:500], encoding="utf-8")
    paths = []
    for name, options in {"a": (), "b": ("--mode", "lines", "--cell", "gru", "--optimizer", "adamw")}.items():
        sizes = (*SMALL, "--hidden", "4", "--embedding", "2", "--steps", "3")
        assert charrnn("train", corpus, "--run", folder / name, *sizes, *options).code == 0
        paths += [folder / name / f"{kind}.safetensors" for kind in ("last", "best")]
    paths += sorted(GOLDEN.glob("format-3-*.safetensors"))
    return [path.read_bytes() for path in paths]


@pytest.mark.skipif(sys.platform == "win32", reason="no way to tell the memory that was used")
def test_files_that_were_made_up_do_no_harm(tmp_path: Path) -> None:
    soak_mutations(tmp_path, whole_files(tmp_path), 1500)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="no way to tell the memory that was used")
def test_100_000_mutated_files(tmp_path: Path) -> None:
    soak_mutations(tmp_path, whole_files(tmp_path), 100_000)


def test_the_alarm_works(tmp_path: Path) -> None:
    with ALARM.on():
        (tmp_path / "x").write_text("x")
        exec("1")  # noqa: S102 - it is what must be heard
    assert {event.split()[0] for event in ALARM.heard} >= {"open", "exec"}
    ALARM.heard.clear()


def test_a_header_of_many_small_things_takes_no_memory(tmp_path: Path) -> None:
    """Ten million empty lists would be most of a gigabyte."""
    path = tmp_path / "x.safetensors"
    save(path, example())
    header, data = parted(path.read_bytes())
    header["__metadata__"]["charrnn"] = '{"digest":"' + "0" * 64 + '","x":[' + "[]," * 3_000_000 + "[]]}"
    path.write_bytes(resealed(header, data))
    with pytest.raises(CheckpointError, match="more entries than any model's"):
        load(path)
    path.write_bytes((40_000_000).to_bytes(8, "little") + b" " * 40_000_000)
    with pytest.raises(CheckpointError, match="longer than any model's"):
        load(path)


@pytest.mark.skipif(sys.platform == "win32", reason="no named pipes there")
def test_a_pipe_is_refused_without_waiting(tmp_path: Path) -> None:
    import os

    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(CheckpointError, match="not a regular file"):
        load(tmp_path / "pipe")
