"""Every entry of a checkpoint's JSON: dropped, of another type, or out of its limits, its digest being right.

Whatever a command is given, it ends with 0 or 3, in one line: no traceback, no other program's words.
"""

import copy
import json
import random
import shutil
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from forging import change, entry_of
from forked import figures
from program import SMALL, TEXT, charrnn
from task_rows import ALL_ARRAYS, ROWS, write_rows

from charrnn.commands.answering import COMMANDS

Keys = tuple[Any, ...]

DROPPED = object()

OTHERS: list[Any] = [
    *(
        DROPPED,
        None,
        True,
        False,
        0,
        1,
        2,
        -1,
        -5,
        255,
        2**31,
        2**53,
        2**62,
        2**63 - 1,
        2**63,
        2**70,
        -(2**63),
    ),
    *(0.0, -0.5, 0.5, 1e-320, 1e15, 1e308, float("nan"), float("inf"), float("-inf"), 10**400),
    *(
        "",
        "x",
        "0",
        "-1",
        "text",
        "lines",
        "byte",
        "60s",
        "\ud800",
        "\0",
        "\x1b[31m",
        "9" * 5000,
        "y" * 10**5,
    ),
    *([], {}, [[]], [None], {"": None}, ["x"] * 99, [0] * 30, {"step": {}}, list(range(999))),
]
"""What stands in an entry's place."""

ELEMENTS = 3
"""Of a long list so many are tried: the first, one in the midst, the last."""


def places(value: Any, keys: Keys = ()) -> Iterator[Keys]:  # noqa: ANN401 - any JSON
    """Where something stands in a value, itself left out."""
    inside = list(value.items()) if isinstance(value, dict) else []
    if isinstance(value, list) and value:
        few = sorted({0, len(value) // 2, len(value) - 1})[:ELEMENTS]
        inside = [(number, value[number]) for number in few]
    for key, part in inside:
        yield (*keys, key)
        yield from places(part, (*keys, key))


def replacing(keys: Keys, other: Any) -> Callable[[dict[str, Any]], None]:  # noqa: ANN401 - any JSON
    def alter(entry: Any) -> None:  # noqa: ANN401 - any JSON
        for key in keys[:-1]:
            entry = entry[key]
        if other is DROPPED:
            del entry[keys[-1]]
        else:
            entry[keys[-1]] = copy.deepcopy(other)

    return alter


def run_folder(folder: Path, task: str, *options: str) -> Path:
    corpus, run = corpus_of(folder, task), folder / "run"
    folder.mkdir()
    if task == "language":
        corpus.write_text(TEXT[:900], encoding="utf-8")
    else:
        write_rows(task, corpus)
    sizes = (*SMALL, "--hidden", "4", "--embedding", "2", "--steps", "3")
    assert charrnn("train", corpus, "--task", task, "--run", run, *sizes, *options).code == 0
    for kind in ("best", "previous"):
        (run / f"{kind}.safetensors").unlink()
    return run


def corpus_of(folder: Path, task: str) -> Path:
    return folder / ("text.txt" if task == "language" else "rows.tsv")


def commands(run: Path, task: str) -> dict[str, list[str | Path]]:
    text, last = corpus_of(run.parent, task), run / "last.safetensors"
    begin: list[str | Path] = ["--task", task, "--run", run.parent / "new", *SMALL[2:], "--steps", "2"]
    written: list[str | Path] = ["--length", "9"] if COMMANDS[task] == "sample" else ["--text", "ab"]
    written += ["--label", "*"] if task == "generate" else []
    found: dict[str, list[str | Path]] = {
        "info": ["info", "--checkpoint", last, "--json"],
        "info, a table": ["info", "--checkpoint", last],
        "use": [COMMANDS[task], "--checkpoint", last, *written, "--json"],
        "evaluate": ["evaluate", text, "--checkpoint", last, "--json"],
        "vocab": ["vocab", "--checkpoint", last, "--json"],
        "runs": ["runs", run, "--json"],
        "plot": ["plot", run],
        "init-from": ["train", text, "--init-from", last, *begin],
        "resume": ["train", "--resume", "--run", run, "--steps", "5", "--quiet"],
    }
    if task == "language":
        found["vocab of a text"] = ["vocab", text, "--checkpoint", last]
    return found


def check(name: str, arguments: list[str | Path], what: str) -> int:
    result = charrnn(*arguments)
    is_another_table = result.code == 2 and "--columns is" in result.err  # a name may be a key of JSON Lines
    assert result.code in {0, 3} or is_another_table, f"{what}, {name}: {result.code} {result.err}"
    assert "unexpected error" not in result.err, f"{what}, {name}: {result.err}"
    assert "Warning" not in result.err, f"{what}, {name}: {result.err}"
    if result.code:
        assert result.out == ""
        assert result.err.count("\n") == 1
        assert len(result.err) < 1000, f"{what}, {name}: {result.err}"
    if result.code == 0 and "--json" in arguments:
        json.loads(result.out, parse_constant=lambda constant: pytest.fail(f"{what}, {name}: {constant}"))
    return result.code


FOLDERS = {
    "text": ("language",),
    "lines": ("language", "--mode", "lines", "--cell", "gru", "--sequence-length", "8"),
    **{task: (task, *ALL_ARRAYS.get(task, ())) for task in ROWS},
}


def try_entries(folder: Path, share: float, names: Sequence[str]) -> None:
    """Try a share of all cases."""
    choice = random.Random(5)
    with figures(f"hostile entries, {', '.join(names)}") as found:
        found["cases"] = found["refused"] = 0
        for name in names:
            task, *options = FOLDERS[name]
            run = run_folder(folder / name, task, *options)
            whole = {file: file.read_bytes() for file in run.iterdir()}
            cases = [(k, o) for k in places(entry_of(run / "last.safetensors")) for o in OTHERS]
            calls = commands(run, task)
            for keys, other in cases:
                for call, arguments in calls.items():
                    if choice.random() >= share:
                        continue
                    change(run / "last.safetensors", replacing(keys, other))
                    shown = "dropped" if other is DROPPED else repr(other)[:40]
                    code = check(call, arguments, f"{name}: {'.'.join(map(str, keys))} {shown}")
                    found["cases"], found["refused"] = found["cases"] + 1, found["refused"] + (code == 3)
                    shutil.rmtree(run.parent / "new", ignore_errors=True)
                    for file in set(run.iterdir()) - whole.keys():
                        file.unlink()
                    for file, data in whole.items():
                        file.write_bytes(data)


def test_an_entry_that_somebody_changed_is_refused_in_one_line_or_harmless(tmp_path: Path) -> None:
    try_entries(tmp_path, 0.003, ("text", "lines"))


@pytest.mark.slow
@pytest.mark.parametrize("name", FOLDERS)
def test_thousands_of_entries_of_a_checkpoint_in_every_command(name: str, tmp_path: Path) -> None:
    try_entries(tmp_path, 0.05, (name,))
