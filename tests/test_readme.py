"""README and manual say what is true: commands run, the table is the settings', files and links exist."""

import gzip
import importlib.util
import re
import shlex
import shutil
from pathlib import Path

import pytest
from program import KOREAN, TEXT, charrnn

from charrnn.export.html import SCRIPTS

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
MANUAL = {page.name: page.read_text(encoding="utf-8") for page in sorted((ROOT / "docs").glob("*.md"))}
PAGES = {"README.md": README} | {f"docs/{name}": text for name, text in MANUAL.items()}
NAMES = "".join(f"{a}{b}\n" for a in ("an", "bo", "cy", "dee") for b in ("ra", "li", "mo", "s"))


def _commands(page: str) -> list[str]:
    """Every line of every block of commands."""
    blocks = re.findall(r"```sh\n(.*?)```", page, re.DOTALL)
    return [line for block in blocks for line in block.splitlines()]


def _ours(page: str) -> list[str]:
    return [line for line in _commands(page) if line.startswith("charrnn ")]


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


def _run_commands(page: str) -> None:
    """Run a page's commands of ours, in its order, where the texts that it names are."""
    for command in _ours(page):
        result = charrnn(*_cut(command))
        assert result.code == 0, f"{command}: {result.err}"
        assert "--help" in command or result.out or "train" in command or "--output" in command, command
        if "runs/hello" in command and "sample" in command and "--json" not in command:
            assert result.out == "hello"
        if "--per-character" in command:
            shown = re.findall(r'^\{"character".*$', page, re.MULTILINE)
            assert [line.split(",")[0] for line in shown] == [
                line.split(",")[0] for line in result.out.splitlines()
            ]


@pytest.fixture(scope="module")
def after_readme(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the texts that the pages name, in which the README's commands have run."""
    folder = tmp_path_factory.mktemp("readme")
    (folder / "novel.txt").write_text("It was a day. " + TEXT)
    (folder / "korean.txt").write_text(KOREAN, encoding="utf-8")
    (folder / "names.txt").write_text(NAMES)
    (folder / "letters").mkdir()
    (folder / "letters" / "first.txt").write_text(TEXT)
    (folder / "more.txt.gz").write_bytes(gzip.compress(TEXT.encode()))
    (folder / "old.txt").write_bytes("Größe, früher\r\n".encode("latin-1") * 50)
    (folder / "reviews.csv").write_text('text,stars\n"Good, ""very""",5\nBad,1\n' + "fair,3\n" * 40)
    rows = [(name, "Japanese" if name.endswith("o") else "Irish") for name in NAMES.split()]
    (folder / "surnames.csv").write_text("".join(f'"{name}","{label}"\n' for name, label in rows))
    (folder / "people.txt").write_text("Nakamura\nMcKenzie\n")
    (folder / "words.tsv").write_text("".join(f"{name}\t{' '.join(name)}\n" for name in NAMES.split()))
    (folder / "chat.tsv").write_text("안녕\t네\n배고파\t밥 먹어요\n하나\t둘\n" * 20, encoding="utf-8")
    tags = {name: " ".join("BI"[place > 1] for place in range(len(name))) for name in NAMES.split()}
    (folder / "morphemes.tsv").write_text("".join(f"{name}\t{its}\n" for name, its in tags.items()))
    (folder / "tunes.abc").write_text("X:1\nK:C\nCDEF|\n\n" * 30)
    (folder / "data.bin").write_bytes(bytes(range(256)) * 8)
    assert len(_ours(README)) > 10
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        _run_commands(README)
    return folder


@pytest.mark.parametrize("name", [name for name, page in MANUAL.items() if _ours(page)])
def test_every_command_of_ours_works(
    name: str, after_readme: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those of each page of the manual after those of the README."""
    folder = shutil.copytree(after_readme, tmp_path / "page")
    monkeypatch.chdir(folder)
    _run_commands(MANUAL[name])


def test_no_other_command_slips_in() -> None:
    """What is not run here is the set-up, make, venv, pip and activation; and torchrun, in test_processes."""
    others = [line for page in PAGES.values() for line in _commands(page) if not line.startswith("charrnn ")]
    assert others
    run_elsewhere = r"make |torchrun |python3? -m venv|py -m venv|(\. )?\.venv[\\/]"
    assert all(re.match(run_elsewhere, line) for line in others)


@pytest.mark.parametrize("name", ["options", "processes"])
def test_a_table_that_a_script_writes_is_what_it_would_write(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(ROOT / "docs")
    spec = importlib.util.spec_from_file_location(f"{name}_table", ROOT / "docs" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    page = MANUAL[f"{name}.md"]
    written = importlib.import_module("written").with_part(page, module.BEGIN, module.table(), module.END)
    assert written == page, f"run python docs/{name}.py"


def test_the_exported_page_of_the_manual_has_the_scripts_and_the_style_of_today() -> None:
    page = (ROOT / "docs" / "page.html").read_text(encoding="utf-8")
    for name in ("style.css", *SCRIPTS):
        assert _page_part(name) in page, f"{name} is another one: export it again, as docs/export.md says"
    for part in re.split(r"\{\{\w+\}\}", _page_part("index.html")):
        assert part in page, "index.html is another one: export it again, as docs/export.md says"


def _page_part(name: str) -> str:
    return (ROOT / "charrnn" / "export" / "page" / name).read_text(encoding="utf-8")


def test_files_that_are_named_exist() -> None:
    map_rows = README.split("## Where things are")[1].split("##")[0]
    named = re.findall(r"`([\w/.]+(?:\.py|\.md|/))`", map_rows)
    assert len(named) > 10
    folder = Path()
    for name in named:
        if "/" in name:
            folder = Path(name) if name.endswith("/") else Path(name).parent
        assert (ROOT / name).exists() or (ROOT / folder / name).exists(), name


QUESTIONS = [
    ("every option with its default", "config/settings.py", "top_p: float = setting("),
    ("how it becomes one of the command line", "config/options.py", "def with_settings("),
    ("what is held out", "text/split.py", "def cuts("),
    ("where a fourth would go", "model/cells.py", "CELLS"),
    ("in NumPy", "decoding/cells.py", "STEPS"),
    ("where dropout is applied", "model/dropout.py", ".bernoulli_(1 - share"),
    ("their digest", "runs/checkpoint_file.py", "def digest("),
    ("atomic writes", "runs/atomic.py", "def write_atomically("),
    ("Ctrl-C", "runs/signals.py", "SIGINT"),
    (
        "a prompt and its unknown characters",
        "decoding/prompt.py",
        "on_unknown ==",
    ),
    ("filters such as `--top-p`", "decoding/filters.py", "def top_p("),
    ("the best of several", "decoding/best_of.py", "request.best_of"),
    ("batch size", "training/plan.py", "def _batch_size("),
    ("the schedule of the learning rate", "training/schedule.py", "def rate("),
    ("the time left", "training/reporting.py", "remaining_seconds="),
    ("control characters made harmless", "display/sanitizer.py", "def visible("),
    ("text painted by its surprise", "display/surprise/painting.py", "def painted("),
]
"""What somebody looks for, in the words of the map; the file that its row names; what stands there."""


@pytest.mark.parametrize(("question", "file", "answer"), QUESTIONS)
def test_the_map_leads_there(question: str, file: str, answer: str) -> None:
    (row,) = [line for line in README.splitlines() if line.startswith("|") and question in line]
    names = {file.rpartition("/")[2], f"charrnn/{file}", f"charrnn/{file.rpartition('/')[0]}/"}
    assert [name for name in names if f"`{name}`" in row], f"{file} is not in: {row}"
    assert answer in (ROOT / "charrnn" / file).read_text(encoding="utf-8")


@pytest.mark.parametrize("name", PAGES)
def test_links_lead_somewhere(name: str) -> None:
    """To files that exist, and to headings that stand in them."""
    prose = re.sub(r"```.*?```", "", PAGES[name], flags=re.DOTALL)
    links = [link for link in re.findall(r"\]\(([^)]+)\)", prose) if "://" not in link]
    links += re.findall(r'src(?:set)?="([^"]+)"', PAGES[name])
    assert links
    for link in links:
        file, _, heading = link.partition("#")
        target = (ROOT / name).parent / file if file else ROOT / name
        assert target.exists(), link
        if heading:
            titles = re.findall(r"^#+ (.*)$", target.read_text(encoding="utf-8"), re.MULTILINE)
            assert heading in {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles}


def test_the_readme_is_short_and_leads_to_every_page_which_leads_back() -> None:
    assert len(README.splitlines()) < 200
    for name, page in MANUAL.items():
        assert f"](docs/{name})" in README, name
        assert "](../README.md" in page, name


def _left_to_fill_in(page: str) -> list[str]:
    """Placeholders, blocks and sections without content, figures that a table lacks."""
    prose = re.sub(r"```.*?```", "", page, flags=re.DOTALL)
    rows = [re.split(r"(?<!\\)\|", line.strip("|")) for line in prose.splitlines() if line.startswith("|")]
    figures = [row for row in rows if re.fullmatch(r"[\d.,]+", row[-1].strip())]
    return [
        *re.findall(r"\b(?:TODO|TBD|FIXME|XXX|[A-Z]+_(?:OUTPUT|ROWS))\b", page),
        *re.findall(r"```\w*\n\s*```", page),
        *re.findall(r"^(#+) [^\n]*\n+(?=#{1,2} |\Z)", prose, re.MULTILINE),
        *["|".join(row) for row in figures if not all(cell.strip() for cell in row)],
    ]


@pytest.mark.parametrize("name", PAGES)
def test_nothing_is_left_to_fill_in(name: str) -> None:
    assert _left_to_fill_in(PAGES[name]) == []


@pytest.mark.parametrize(
    ("filled", "left"),
    [
        ("## Licence\n\nMIT.", "## Licence\n"),
        ("| LSTM 1×512 | 1.371 |", "| | 1.371 |"),
        (README.split("```text\n")[1].split("```")[0], ""),
        ("MIT.", "TODO"),
        ("MIT.", "DEMO_OUTPUT"),
    ],
)
def test_what_is_left_to_fill_in_is_found(filled: str, left: str) -> None:
    assert README.count(filled) == 1
    assert len(_left_to_fill_in(README.replace(filled, left))) == 1


def test_it_says_where_it_runs_and_how_to_get_it() -> None:
    """What is tested, what is expected, activation, and an installation without a clone."""
    for said in ("Tested on Linux", "macOS and Windows", "bin/activate", "pip install git+", "make dist"):
        assert said in README
