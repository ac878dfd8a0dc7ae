"""The README says what is true: its commands run, its table is the settings', its files exist."""

import importlib.util
import re
import shlex
from pathlib import Path

import pytest
from program import KOREAN, TEXT, charrnn

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```sh\n(.*?)```", README, re.DOTALL)
COMMANDS = [line for block in BLOCKS for line in block.splitlines()]
OURS = [line for line in COMMANDS if line.startswith("charrnn ")]
NAMES = "".join(f"{a}{b}\n" for a in ("an", "bo", "cy", "dee") for b in ("ra", "li", "mo", "s"))


def _cut(command: str) -> list[str]:
    """The command's arguments, its budget cut to about a second."""
    words = shlex.split(command)[1:]
    if words[0] == "train" and "builtin:hello" not in words:
        for option in ("--max-time", "--epochs", "--hidden"):
            if option in words:
                place = words.index(option)
                del words[place : place + 2]
        words += ["--steps", "30", "--hidden", "16", "--batch-size", "4", "--sequence-length", "16"]
    return words


def test_every_command_of_ours_works(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In the README's order, in a folder with the texts that it names."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "novel.txt").write_text("It was a day. " + TEXT)
    (tmp_path / "korean.txt").write_text(KOREAN, encoding="utf-8")
    (tmp_path / "names.txt").write_text(NAMES)
    (tmp_path / "letters").mkdir()
    (tmp_path / "letters" / "first.txt").write_text(TEXT)
    _write_gzip(tmp_path / "more.txt.gz", TEXT)
    (tmp_path / "old.txt").write_bytes("Größe, früher\r\n".encode("latin-1") * 50)
    (tmp_path / "reviews.csv").write_text('text,stars\n"Good, ""very""",5\nBad,1\n' + "fair,3\n" * 40)
    (tmp_path / "tunes.abc").write_text("X:1\nK:C\nCDEF|\n\n" * 30)
    (tmp_path / "data.bin").write_bytes(bytes(range(256)) * 8)
    assert len(OURS) > 10
    for command in OURS:
        result = charrnn(*_cut(command))
        assert result.code == 0, f"{command}: {result.err}"
        assert "--help" in command or result.out or "train" in command or "--output" in command, command
        if "runs/hello" in command and "sample" in command and "--json" not in command:
            assert result.out == "hello"
        if "--per-character" in command:
            shown = re.findall(r'^\{"character".*$', README, re.MULTILINE)
            assert [line.split(",")[0] for line in shown] == [
                line.split(",")[0] for line in result.out.splitlines()
            ]


def _write_gzip(path: Path, text: str) -> None:
    import gzip

    path.write_bytes(gzip.compress(text.encode()))


def test_no_other_command_slips_in() -> None:
    """What is not run here is the set-up: make, venv, pip and activation."""
    others = [line for line in COMMANDS if line not in OURS]
    assert others
    assert all(re.match(r"make |python3? -m venv|py -m venv|(\. )?\.venv[\\/]", line) for line in others)


def test_the_table_of_options_is_the_settings() -> None:
    spec = importlib.util.spec_from_file_location("options_table", ROOT / "docs" / "options.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert module.with_table(README) == README, "run python docs/options.py"


def test_files_that_are_named_exist() -> None:
    map_rows = README.split("## Where things are")[1].split("##")[0]
    named = re.findall(r"`([\w/.]+(?:\.py|\.md|/))`", map_rows)
    assert len(named) > 10
    folder = Path()
    for name in named:
        if "/" in name:
            folder = Path(name) if name.endswith("/") else Path(name).parent
        assert (ROOT / name).exists() or (ROOT / folder / name).exists(), name


def test_linked_files_exist() -> None:
    links = [link for link in re.findall(r"\]\(([^)]+)\)", README) if "://" not in link]
    assert links
    assert all((ROOT / link).exists() for link in links)


def test_nothing_is_left_to_fill_in() -> None:
    assert not re.findall(r"[A-Z]+_OUTPUT|MAP_ROWS", README)


def test_it_says_where_it_runs_and_how_to_get_it() -> None:
    """What is tested, what is expected, activation, and an installation without a clone."""
    for said in ("Tested on Linux", "macOS and Windows", "bin/activate", "pip install git+", "make dist"):
        assert said in README
