"""The encoded text of a run folder as somebody else might write it, the checkpoint's digest being that of it.

Whatever a command reads there, it ends with 0 or 3, in one line, soon.
"""

import contextlib
import json
import random
import shutil
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from forging import change
from forked import figures
from numpy.typing import NDArray
from program import SMALL, TEXT, charrnn
from test_hostile_entries import OTHERS, places, replacing

from charrnn.text.dataset import open_dataset

Spoil = Callable[[Path, random.Random], str]
"""Changes files of a run folder; what it did."""

NUMBERS = (-(2**63), -(2**31), -5, -1, 0, 1, 2, 3, 7, 200, 899, 900, 901, 2**31, 2**53, 2**62, 2**63 - 1)

DTYPES = (
    "u1",
    "u2",
    "u4",
    "u8",
    ">u2",
    ">u4",
    "i1",
    "i8",
    ">i8",
    "f4",
    "f8",
    "c16",
    "b",
    "S1",
    "U1",
    "M8[s]",
)

HEADERS = (
    *(
        "{}",
        "[]",
        "",
        "(" * 9000,
        "-" * 9000 + "1",
        "{'descr': '|u1', 'fortran_order': False, 'shape': (900L,), }",
    ),
    "{'descr': '|u1', 'fortran_order': False, 'shape': (99999999999999,), }",
    "{'descr': '|u1', 'fortran_order': False, 'shape': (-5,), }",
    "{'descr': '|u1', 'fortran_order': False, 'shape': (30, 30), }",
    "{'descr': '|u1', 'fortran_order': False, 'shape': (), }",
    "{'descr': '|u1', 'fortran_order': False, 'shape': (1e300,), }",
    "{'descr': '|V0', 'fortran_order': False, 'shape': (900,), }",
    "{'descr': '<U0', 'fortran_order': False, 'shape': (999999999999,), }",
    "{'descr': '|O', 'fortran_order': False, 'shape': (900,), }",
    "{'descr': [('a', '|O')], 'fortran_order': False, 'shape': (900,), }",
    "{'descr': [('a', 'u1')], 'fortran_order': False, 'shape': (900,), }",
    "{'descr': '|V2147483647', 'fortran_order': False, 'shape': (1,), }",
    "{'descr': '|u1', 'fortran_order': True, 'shape': (900,), }",
    "{'descr': '<q', 'fortran_order': 1, 'shape': (900,), }",
    "__import__('os')",
)


def an_entry(run: Path, choice: random.Random) -> str:
    """One entry of the description, or two."""
    path = run / "dataset.json"
    entry = json.loads(path.read_text(encoding="utf-8"))
    told = []
    for _ in range(choice.choice([1, 1, 2])):
        keys = choice.choice(list(places(entry)))
        other = choice.choice(
            [*OTHERS, *NUMBERS, *NUMBERS, "corpus", "validation", "../run/corpus", "all", "drawn"]
        )
        with contextlib.suppress(LookupError, TypeError):  # the second may stand in the first
            replacing(keys, other)(entry)
            told.append(f"{keys} {other!r:.40}")
    path.write_text(json.dumps(entry), encoding="utf-8")
    return f"dataset.json {' '.join(told)}"


def spans(run: Path, choice: random.Random) -> str:
    """Where stretches begin and end: anywhere."""
    path = run / "dataset.json"
    entry = json.loads(path.read_text(encoding="utf-8"))
    count = choice.choice([1, 2, 2, 3, 40])
    ends = [-3, 0, 1, 2, 3, 30, 100, 200, 500, 899, 900, 901, 2**40]
    some = [sorted(choice.choices(ends, k=2)) for _ in range(count)]
    entry[part := choice.choice(["training", "validation"])]["spans"] = some
    path.write_text(json.dumps(entry), encoding="utf-8")
    return f"spans of {part}: {some[:4]}"


def numbers_of(run: Path, name: str) -> NDArray[Any]:
    array: NDArray[Any] = np.load(run / name)
    return array


def an_array(run: Path, choice: random.Random) -> str:
    """Some numbers of an array, all of them, their type or their count."""
    name = choice.choice([file.name for file in sorted(run.glob("*.npy"))])
    array = numbers_of(run, name)
    what = choice.choice(["some", "some", "some", "type", "length", "all", "order"])
    if what == "some":
        array = array.copy()
        for _ in range(choice.choice([1, 1, 3])):
            bits = choice.choice([*NUMBERS, *range(40)])
            array[choice.randrange(len(array))] = np.array(bits, np.int64).astype(array.dtype)
    elif what == "type":
        with np.errstate(all="ignore"):
            array = array.astype(choice.choice(DTYPES))
    elif what == "length":
        array = np.resize(array, choice.choice([0, 1, 2, len(array) - 1, len(array) + 1, 3 * len(array)]))
    elif what == "all":
        array = np.full_like(array, choice.choice([0, 1, 5]))
    else:
        array = array[::-1].copy() if choice.random() < 0.5 else np.sort(array)
    np.save(run / name, array)
    return f"{name}: {what} {array.dtype} {array[:5]}"


def a_header(run: Path, choice: random.Random) -> str:
    """The first bytes of an array's file."""
    name = choice.choice([file.name for file in sorted(run.glob("*.npy"))])
    array, header = numbers_of(run, name), choice.choice(HEADERS)
    data = header.encode() + b"\n"
    version, length = choice.choice([((1, 0), "<H"), ((1, 0), "<H"), ((2, 0), "<I"), ((9, 9), "<H")])
    count = choice.choice([len(data), len(data), len(data), 0, 65535])
    (run / name).write_bytes(
        b"\x93NUMPY"
        + bytes(version)
        + struct.pack(length, count)
        + data
        + array.tobytes()[: choice.choice([0, 900, 10**6])]
    )
    return f"{name}: a header {header[:80]}"


def a_config(run: Path, choice: random.Random) -> str:
    """What the run says that its text was read from."""
    path = run / "config.toml"
    lines = [line for line in path.read_text(encoding="utf-8").splitlines() if not line.startswith("corpus")]
    others = [
        "3",
        "[3]",
        "[[]]",
        '""',
        '[""]',
        '["-"]',
        '["/dev/zero"]',
        '["/"]',
        "{ a = 1 }",
        '["\\u0000"]',
        "1979-05-27",
        "true",
    ]
    path.write_text("\n".join([f"corpus = {(other := choice.choice(others))}", *lines]), encoding="utf-8")
    return f"config.toml: corpus = {other}"


SPOILS: list[tuple[int, Spoil]] = [(8, an_entry), (3, spans), (8, an_array), (3, a_header), (1, a_config)]


def begun(folder: Path) -> dict[str, Path]:
    """A run on one file, one on several, so that stretches are held out, and one on lines."""
    folder.mkdir()
    (folder / "text.txt").write_text(TEXT[:900], encoding="utf-8")
    (folder / "rest.txt").write_text(TEXT[900:1500], encoding="utf-8")
    sizes = (*SMALL, "--hidden", "4", "--embedding", "2", "--steps", "3", "--sequence-length", "8")
    texts = {"text": ["text.txt"], "spread": ["text.txt", "rest.txt"], "lines": ["text.txt"]}
    for name, files in texts.items():
        options = ("--mode", "lines") if name == "lines" else ()
        paths = [folder / file for file in files]
        assert charrnn("train", *paths, "--run", folder / name, *sizes, *options).code == 0
    return {name: folder / name for name in texts}


def calls_of(run: Path) -> list[list[str | Path]]:
    text = run.parent / "text.txt"
    return [
        ["train", "--resume", "--run", run, "--steps", "5", "--quiet"],
        ["evaluate", "--part", "validation", "--checkpoint", run, "--json"],
        ["evaluate", "--part", "validation", "--checkpoint", run, "--baselines"],
        ["evaluate", text, "--checkpoint", run, "--baselines", "--json"],
        ["sample", "--checkpoint", run, "--length", "30", "--novelty", "auto"],
        ["runs", run, "--json"],
    ]


def reseal(run: Path) -> None:
    """Give the checkpoints the digest of the text as it is now, where it has one."""
    with contextlib.suppress(Exception):
        digest = open_dataset(run).digest()
        for path in run.glob("*.safetensors"):
            change(path, lambda entry: entry["corpus"].update(encoded=digest))


def try_texts(folder: Path, count: int) -> None:
    choice, runs = random.Random(8), begun(folder / "begun")
    weights, kinds = zip(*SPOILS, strict=True)
    with figures("texts that somebody else wrote") as found:
        found["files"], found["refused"] = count, 0
        for number in range(count):
            name = choice.choice(list(runs))
            run = folder / "run"
            shutil.copytree(runs[name], run)
            shutil.copy(runs[name].parent / "text.txt", folder)
            (spoil,) = choice.choices(kinds, weights)
            what = f"{number}: {name}, {spoil(run, choice)}"
            if choice.random() < 0.9:
                reseal(run)
            call = choice.choice(calls_of(run))
            result = charrnn(*call)
            told = f"{what}; {call}: {result.code} {result.err}"
            is_nothing = result.code == 2 and "held out nothing" in result.err
            assert result.code in {0, 3} or is_nothing, told
            assert "unexpected" not in result.err, told
            assert "Warning" not in result.err, told
            if result.code:
                assert (result.out, result.err.count("\n")) == ("", 1) or call[0] == "sample", told
                assert len(result.err) < 1500, told
            elif "--json" in call:
                json.loads(result.out, parse_constant=pytest.fail)
            found["refused"] += result.code == 3
            shutil.rmtree(run)


def test_a_text_that_somebody_else_wrote_is_refused_in_one_line_or_harmless(tmp_path: Path) -> None:
    try_texts(tmp_path, 150)


@pytest.mark.slow
def test_5_000_texts_that_somebody_else_wrote(tmp_path: Path) -> None:
    try_texts(tmp_path, 5000)
