"""The rooms of the house: which part of the package may import which."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import charrnn

ROOT = Path(charrnn.__file__).parent

LAYERS = (
    *("commands", "export", "display", "training", "runs", "tasks", "inspection"),
    *("evaluation", "decoding", "model", "text", "config", "errors"),
)
"""Each may import those after it, never one before it."""


def modules() -> list[Path]:
    found = sorted(path.relative_to(ROOT) for path in ROOT.rglob("*.py"))
    assert len(found) > 100
    return found


def imported(path: Path) -> Iterator[str]:
    """The parts of the package that a module imports, anywhere in it."""
    for node in ast.walk(ast.parse((ROOT / path).read_text("utf-8"))):
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            names = [f"{node.module}.{name.name}" for name in node.names]
        elif isinstance(node, ast.Import):
            names = [name.name for name in node.names]
        else:
            continue
        yield from (name.split(".")[1] for name in names if name.startswith("charrnn."))


def test_imports_go_one_way() -> None:
    back = [
        f"{path} imports {part}"
        for path in modules()
        if path.parts[0] in LAYERS
        for part in imported(path)
        if part in LAYERS and LAYERS.index(part) < LAYERS.index(path.parts[0])
    ]
    assert back == []


def test_none_but_the_commands_know_which_task_it_is() -> None:
    knowing = {
        path.parts[0]
        for path in modules()
        for node in ast.walk(ast.parse((ROOT / path).read_text("utf-8")))
        if isinstance(node, ast.ImportFrom) and node.module == "charrnn.tasks.language"
    }
    assert knowing == {"commands"}


def test_no_command_needs_another_one() -> None:
    runs = {f"charrnn.commands.{name}" for name in ("train", "resume", "dry_run")}
    found = {
        (path.name, node.module)
        for path in modules()
        for node in ast.walk(ast.parse((ROOT / path).read_text("utf-8")))
        if isinstance(node, ast.ImportFrom) and node.module in runs
    }
    assert {name for name, _ in found} == {"cli.py", "python_train.py"}


def test_the_number_of_threads_is_set_in_one_place() -> None:
    assert [path.name for path in modules() if "set_num_threads" in (ROOT / path).read_text("utf-8")] == [
        "threads.py"
    ]


def test_every_module_has_a_room() -> None:
    assert {path.name for path in modules() if len(path.parts) == 1} == {
        *("__init__.py", "__main__.py", "cli.py", "errors.py")
    }
    assert {path.parts[0] for path in modules() if len(path.parts) > 1} == set(LAYERS) - {"errors"}


def test_every_module_says_what_it_holds() -> None:
    silent = [
        path for path in modules() if not ast.get_docstring(ast.parse((ROOT / path).read_text("utf-8")))
    ]
    assert silent == []


LONGEST = {"module": 300, "class": 150, "function": 50}
"""Lines, with docstrings and comments."""

LONGER = {
    "cli.py": "the commands, each with its arguments and its help",
    "config/settings.py": "the declarations of settings, each with its help and its limits",
    "config/declaration.py setting": "the flags of a declaration, each with its type and its meaning",
}
"""What is longer than that, and why."""


def lengths(path: Path) -> Iterator[tuple[str, str, int]]:
    """The module, its classes and its functions, as (kind, name, lines)."""
    text = (ROOT / path).read_text("utf-8")
    yield "module", path.as_posix(), len(text.splitlines())
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            kind = "class" if isinstance(node, ast.ClassDef) else "function"
            yield kind, f"{path.as_posix()} {node.name}", (node.end_lineno or 0) - node.lineno + 1


def test_what_is_long_has_a_reason() -> None:
    longer = {name for path in modules() for kind, name, lines in lengths(path) if lines > LONGEST[kind]}
    assert longer == LONGER.keys()


def test_the_files_that_are_named_are_there() -> None:
    """From the package or the repository, or beside the one that names them."""
    root = ROOT.parent
    files = [file for folder in ("charrnn", "tests", "benchmarks") for file in (root / folder).rglob("*.py")]
    wrong = [
        f"{file.relative_to(root)} names {name}"
        for file in sorted(files)
        for name in re.findall(r"`([\w/]+\.(?:py|md))`", file.read_text("utf-8"))
        if not any((place / name).is_file() for place in (root, ROOT, file.parent))
    ]
    assert wrong == []
