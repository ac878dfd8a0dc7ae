"""One column of a table as lines: TSV, CSV, JSON Lines, through the commands."""

import gzip
import json
import tomllib
from pathlib import Path

import numpy as np
import pytest
from program import KOREAN, SMALL, TEXT, charrnn

from charrnn.config.settings import ReadingSettings
from charrnn.errors import CorpusError
from charrnn.text.codes import END
from charrnn.text.corpus import Corpus

CSV = 'text,label\r\n"one, ""two""",a\r\nthree,b\r\n\r\n"four\r\nfive",c\r\n,d'
TSV = 'text\tlabel\none, "two"\ta\nthree\tb\n'
JSONL = '{"text": "one, \\"two\\"", "n": 1}\n\n{"n": 2, "text": "dr\\u00e9i\\nfour"}\r\n'


pytestmark = pytest.mark.usefixtures("in_empty_folder")


def records(name: str, data: bytes, chunk_bytes: int, **reading: str | bool) -> list[str]:
    Path(name).write_bytes(data)
    corpus = Corpus([name], ReadingSettings(**reading), chunk_bytes=chunk_bytes)  # type: ignore[arg-type]
    codes = np.concatenate([*corpus.codes(), np.empty(0, np.uint32)]).tolist()
    if corpus.reading.level == "char":
        assert corpus.statistics().characters == len(codes)
    assert "".join(corpus.texts()) == "".join("\n" if code == END else chr(code) for code in codes)
    return "".join("\0" if code == END else chr(code) for code in codes).split("\0")[:-1]


@pytest.mark.parametrize("chunk_bytes", [1, 7, 4096])
@pytest.mark.parametrize(
    ("name", "data", "reading", "found"),
    [
        ("t.csv", CSV, {"columns": "text", "header": True}, ['one, "two"', "three", "four\r\nfive", ""]),
        ("t.csv", CSV, {"columns": "2", "header": True}, ["a", "b", "c", "d"]),
        ("t.csv", CSV, {"columns": "2"}, ["label", "a", "b", "c", "d"]),
        ("t.csv", CSV, {"columns": "1", "newlines": "lf"}, ["text", 'one, "two"', "three", "four\nfive", ""]),
        ("t.tsv", TSV, {"columns": "1", "header": True}, ['one, "two"', "three"]),
        ("t.txt", TSV, {"columns": "label", "header": True}, ["a", "b"]),
        ("t.txt", "one\n\ntwo", {"columns": "1"}, ["one", "two"]),
        ("t.jsonl", JSONL, {"columns": "text"}, ['one, "two"', "dréi\nfour"]),
        ("t.txt", JSONL, {"columns": "text", "format": "jsonl"}, ['one, "two"', "dréi\nfour"]),
        ("t.csv", 'e\u0301,b\n"\u0301",d\n', {"columns": "1", "normalize": "nfc"}, ["é", "\u0301"]),
        ("t.csv", "", {"columns": "1"}, []),
    ],
)
def test_a_column_is_read(
    name: str, data: str, reading: dict[str, str | bool], found: list[str], chunk_bytes: int
) -> None:
    if data and reading.get("normalize") is None:
        assert records(name, data.encode(), chunk_bytes, **reading) == found
    else:
        Path(name).write_text(data)
        corpus = Corpus([name], ReadingSettings(**reading), chunk_bytes=chunk_bytes)  # type: ignore[arg-type]
        ends = sum(int(np.count_nonzero(codes == END)) for codes in corpus.codes())
        assert ends == len(found)


@pytest.mark.parametrize("form", ["csv", "jsonl"])
def test_a_column_of_bytes_is_the_text_in_utf_8(form: str) -> None:
    data = "café,한\n".encode() if form == "csv" else b'{"caf\\u00e9": "\xed\x95\x9c"}\n'
    column = "2" if form == "csv" else "café"
    found = records(f"t.{form}", data, 4096, columns=column, level="byte")
    assert [record.encode("latin-1").decode() for record in found] == ["한"]


def answers(*paths: str, **reading: str | bool) -> list[str]:
    return [cell.text for _, cell in Corpus(paths, ReadingSettings(**reading)).answers()]  # type: ignore[arg-type]


def test_files_of_a_folder_name_labels_only_where_no_column_is_asked_for() -> None:
    Path("pairs").mkdir()
    Path("pairs/a.txt").write_text("one\tx\ntwo\ty\n")
    assert answers("pairs", task="translate") == ["x", "y"]
    assert answers("pairs", task="classify", columns="1,2") == ["x", "y"]
    assert answers("pairs", task="classify") == ["a", "a"]
    assert records("pairs/a.txt", b"one\tx\n", 4096, columns="2") == ["x"]


@pytest.mark.parametrize("task", ["classify", "generate", "tag"])
def test_answers_of_bytes_are_names_all_the_same(task: str) -> None:
    Path("t.tsv").write_text("ab\t한 국\n")
    assert answers("t.tsv", task=task, level="byte") == ["한 국"]
    assert answers("t.tsv", task="translate", level="byte") == ["한 국".encode().decode("latin-1")]


def test_examples_of_a_pipe_are_read_however_many(monkeypatch: pytest.MonkeyPatch) -> None:
    Path("t.tsv").write_text("some text that is not short\tits answer\n" * 40_000)
    with Path("t.tsv").open() as typed:
        monkeypatch.setattr("sys.stdin", typed)
        corpus = Corpus(["-"], ReadingSettings(task="translate"))
        for _ in range(2):
            assert sum(answer.text == "its answer" for _, _, answer in corpus.examples()) == 40_000


def test_a_line_that_never_ends_is_no_row(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("charrnn.text.rows.LONGEST_ROW", 1000)
    Path("t.tsv").write_text("a\tb\n" * 500 + "c" * 2000)
    with pytest.raises(
        CorpusError, match=r"t\.tsv, line 501: found over 1,000 characters without a line end"
    ):
        list(Corpus(["t.tsv"], ReadingSettings(columns="1"), chunk_bytes=64).codes())


@pytest.mark.parametrize(
    ("task", "options"), [("translate", {"target_symbols": "spaces"}), ("tag", {})], ids=["translate", "tag"]
)
def test_a_symbol_or_tag_that_is_too_long_is_said_with_its_line(task: str, options: dict[str, str]) -> None:
    Path("t.tsv").write_text("a\tb\na\t" + "b" * 1001 + "\n")
    result = charrnn(
        "train",
        "t.tsv",
        "--task",
        task,
        "--run",
        "run",
        *SMALL,
        *(part for name, value in options.items() for part in (f"--{name.replace('_', '-')}", value)),
    )
    assert (result.code, result.err.count("\n")) == (3, 1)
    assert "t.tsv, line 2: found a" in result.err
    assert "1,001 characters" in result.err


def rows(count: int) -> str:
    return "".join(f'"bird {i % 7}, sat\non a wall",{i},x\n' for i in range(count))


def test_train_keeps_the_column_and_evaluate_reads_so() -> None:
    Path("birds.csv.gz").write_bytes(gzip.compress(("what,n,rest\n" + rows(60)).encode()))
    result = charrnn("train", "birds.csv.gz", "--columns", "what", "--header", "--run", "run", *SMALL[:-1])
    assert result.code == 0, result.err
    assert "in 60 lines" in result.err
    assert "markup" not in result.err
    config = tomllib.loads(Path("run/config.toml").read_text())
    assert (config["mode"], config["columns"], config["header"]) == ("lines", "what", True)
    score = charrnn("evaluate", "birds.csv.gz", "--checkpoint", "run", "--json").json
    assert score["characters"] == 60 * len("bird 1, sat\non a wall\n")
    assert charrnn("train", "--config", "run/config.toml", "--run", "again", "--quiet").code == 0
    Path("other.csv").write_text("what,n\n" + '"bird\nq",1\nz,2\n')
    unknown = charrnn("vocab", "other.csv", "--checkpoint", "run", "--json").json["unknown"]
    places = {entry["character"]: (entry["line"], entry["column"]) for entry in unknown}
    assert places == {"q": (3, 1), "z": (4, 1)}


BAD = {
    "too few": ("t.csv", "a,b\nc,d\ne\n", ("--columns", "1"), "t.csv, line 3: found 1 column ('e')"),
    "too many": ("t.tsv", "a\tb\nc\td\te\n", ("--columns", "2"), "t.tsv, line 2: found 3 columns"),
    "after a cell of lines": ("t.csv", '"a\nb",c\nd\n', ("--columns", "1"), "t.csv, line 3: found 1 column"),
    "an open quote": ("t.csv", 'a,b\n"c,d\ne,f\n', ("--columns", "1"), "t.csv, line 2: not a row of CSV"),
    "a quote within": ("t.csv", 'a,b\n"c"d,e\n', ("--columns", "1"), "t.csv, line 2: not a row of CSV"),
    "no such number": ("t.csv", "a,b\n", ("--columns", "3"), "found 2 columns ('a | b'), none of them '3'"),
    "no such name": ("t.csv", "a,b\n", ("--columns", "c", "--header"), "none of them 'c'"),
    "no JSON": ("t.jsonl", '{"a": "b"}\nwords\n', ("--columns", "a"), "line 2: found 'words', which is"),
    "no object": ("t.jsonl", '["a"]\n', ("--columns", "a"), "t.jsonl, line 1: found 'list'"),
    "no such key": ("t.jsonl", '{"b": "c"}\n', ("--columns", "a"), "line 1: found 'b'; expected an object"),
    "no text": ("t.jsonl", '{"a": 3}\n', ("--columns", "a"), "line 1: found 'a'; expected an object"),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_a_bad_row_is_said_with_file_line_and_what_was_found(name: str) -> None:
    file, text, options, said = BAD[name]
    Path(file).write_text(text)
    result = charrnn("train", file, *options, "--run", "run", *SMALL)
    assert (result.code, said in result.err) == (3, True), result.err
    assert not Path("run").exists()


@pytest.mark.parametrize(
    "options",
    [
        ("--columns", "1", "--mode", "text"),
        ("--columns", "1,2"),
        ("--columns", "0"),
        ("--columns", "a"),
        ("--columns", "1", "--delimiter", ""),
        ("--format", "csv"),
        ("--header",),
        ("--columns", "1", "--format", "xls"),
    ],
)
def test_options_that_contradict_one_another(options: tuple[str, ...]) -> None:
    Path("t.csv").write_text("a,b\n" * 9)
    result = charrnn("vocab", "t.csv", *options)
    assert result.code == 2
    assert result.err.count("\n") == 1


@pytest.mark.parametrize("name", ["t.csv", "t.tsv.gz", "t.jsonl", "t.json"])
def test_markup_is_remarked_upon_once(name: str) -> None:
    data = json.dumps({"text": TEXT}).encode()
    Path(name).write_bytes(gzip.compress(data) if name.endswith(".gz") else data)
    Path("plain.txt").write_text(TEXT)
    assert charrnn("vocab", name, "plain.txt").err.count("learnt with its markup") == 1
    assert charrnn("vocab", "plain.txt").err == ""


def test_a_little_text_and_hangul_are_remarked_upon_before_training() -> None:
    Path("text.txt").write_text(TEXT[:5000])
    Path("korean.txt").write_text(KOREAN, encoding="utf-8")
    told = charrnn("train", "text.txt", "--run", "a", *SMALL[:-1]).err
    assert told.index("the text has 5.0 KB, which is little") < told.index("plan ")
    assert "Hangul" not in told
    told = charrnn("train", "korean.txt", "--run", "b", *SMALL[:-1]).err
    assert "--normalize nfd" in told
    assert "which is little" not in told
    assert "Hangul" not in charrnn("train", "korean.txt", "--normalize", "nfd", "--run", "c", *SMALL[:-1]).err


def test_a_tiny_text_is_little_by_its_characters_and_a_built_in_one_is_meant_so() -> None:
    Path("tiny.txt").write_text("ünder 1 KB\n" * 3, encoding="utf-8")
    assert "the text has 33 characters, which is little" in charrnn("train", "tiny.txt", *SMALL[:-1]).err
    told = charrnn("train", "builtin:hello", "--validation", "0", *SMALL[:-1])
    assert told.code == 0
    assert "which is little" not in told.err
