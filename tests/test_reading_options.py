"""How text is read, through the commands: each option by what `train`, `vocab` and `evaluate` make of it."""

import bz2
import codecs
import gzip
import json
import lzma
import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from program import KOREAN, SMALL, TEXT, Result, charrnn
from test_terminals import on_terminal

from charrnn.runs.checkpoint import Checkpoint, load
from charrnn.text.dataset import open_dataset
from charrnn.text.parts import Part

WILD = "Déjà vu, e\u0301te\u0301 ﬁn\r\n한국어 ㎏ ｱｶﾞ Å\rand more\n" * 20
"""Composed and decomposed, compatibility characters, all three line ends."""

GREAT = "Größe\n" * 40


pytestmark = pytest.mark.usefixtures("in_empty_folder")


def write(name: str, text: str, encoding: str = "utf-8") -> str:
    Path(name).write_bytes(text.encode(encoding))
    return name


def train(*arguments: str, run: str = "run", steps: str = "3") -> Result:
    """A short run on these texts and options, which must work; it tells what there is to tell."""
    result = charrnn("train", *arguments, "--run", run, *SMALL[:-1], "--steps", steps)
    assert result.code == 0, result.err
    return result


def best(run: str = "run") -> Checkpoint:
    return load(Path(run) / "best.safetensors")


def learnt(run: str = "run") -> str:
    """The text as it was encoded, both parts."""
    return best(run).vocabulary.decode(np.load(Path(run) / "corpus.npy"))


def parts(run: str = "run") -> tuple[list[str], list[str]]:
    """What was trained on and what was held out: one text each, or the records."""
    dataset, vocabulary = open_dataset(Path(run)), best(run).vocabulary

    def texts(part: Part | None) -> list[str]:
        if part is None:
            return []
        is_lines = part.records > 0
        return [vocabulary.decode(part.ids[begin + is_lines : end - is_lines]) for begin, end in part.texts]

    return texts(dataset.training), texts(dataset.validation)


def counts(*arguments: str) -> dict[str, int]:
    """Each character that `vocab` counts."""
    result = charrnn("vocab", *arguments, "--json")
    assert result.code == 0, result.err
    return {entry["character"]: entry["count"] for entry in result.json["entries"] if entry["count"]}


def score(*arguments: str, run: str = "run") -> Any:  # noqa: ANN401
    result = charrnn("evaluate", *arguments, "--checkpoint", run, "--json")
    assert result.code == 0, result.err
    return result.json


def sample(*options: str, run: str = "run") -> str:
    result = charrnn("sample", "--checkpoint", run, *options)
    assert result.code == 0, result.err
    return result.out_bytes.decode("utf-8", "surrogateescape")


# Bytes to characters to symbols


@dataclass(frozen=True)
class Reading:
    """A file, options, the text as read, and what symbols it becomes."""

    data: bytes
    options: Sequence[str]
    text: str
    symbols: str


def unix(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n")


READINGS = {
    "nothing set": Reading(WILD.encode(), (), WILD, WILD),
    "latin-1": Reading(GREAT.encode("latin-1"), ("--encoding", "latin-1"), GREAT, GREAT),
    "euc-kr": Reading(KOREAN.encode("euc-kr"), ("--encoding", "euc-kr"), KOREAN, KOREAN),
    "replace": Reading(b"ab\xff\n" * 50, ("--errors", "replace"), "ab\ufffd\n" * 50, "ab\ufffd\n" * 50),
    "ignore": Reading(b"ab\xff\n" * 50, ("--errors", "ignore"), "ab\n" * 50, "ab\n" * 50),
    "mark": Reading(codecs.BOM_UTF8 + WILD.encode(), (), WILD, WILD),
    "utf-16 mark": Reading(WILD.encode("utf-16"), (), WILD, WILD),
    "utf-16 unmarked": Reading(WILD.encode("utf-16-be"), ("--encoding", "utf-16-be"), WILD, WILD),
    "lf": Reading(WILD.encode(), ("--newlines", "lf"), unix(WILD), unix(WILD)),
} | {
    form: Reading(WILD.encode(), ("--normalize", form), WILD, unicodedata.normalize(form.upper(), WILD))  # type: ignore[arg-type]
    for form in ("nfc", "nfd", "nfkc", "nfkd")
}  # fmt: skip


@pytest.mark.parametrize("name", READINGS)
def test_train_and_vocab_read_the_same(name: str) -> None:
    reading = READINGS[name]
    Path("text.txt").write_bytes(reading.data)
    train("text.txt", *reading.options)
    assert learnt() == reading.symbols
    assert best().corpus.characters == len(reading.text)
    assert counts("text.txt", *reading.options) == Counter(reading.symbols)
    assert charrnn("vocab", "text.txt", *reading.options, "--json").json["characters"] == len(reading.text)


@pytest.mark.parametrize("name", READINGS)
def test_evaluate_reads_as_the_model_was_trained(name: str) -> None:
    reading = READINGS[name]
    Path("text.txt").write_bytes(reading.data)
    train("text.txt", *reading.options)
    found = score("text.txt")
    assert (found["characters"], found["unknown_characters"]) == (len(reading.text) - 1, 0)
    write("symbols.txt", reading.symbols)
    plain = score("symbols.txt", "--encoding", "utf-8", "--errors", "strict", "--newlines", "keep")
    nats, expected = (figure["nats_per_character"] * figure["characters"] for figure in (found, plain))
    assert nats == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("name", READINGS)
def test_evaluate_takes_the_options_itself(name: str) -> None:
    reading = READINGS[name]
    train(write("symbols.txt", reading.symbols))
    Path("text.txt").write_bytes(reading.data)
    found, plain = score("text.txt", *reading.options), score("symbols.txt")
    assert found["unknown_characters"] == 0
    nats, expected = (figure["nats_per_character"] * figure["characters"] for figure in (found, plain))
    assert nats == pytest.approx(expected, rel=1e-6)


def test_marks_are_reported() -> None:
    Path("text.txt").write_bytes(codecs.BOM_UTF8 + TEXT.encode())
    told = (
        train("text.txt"),
        charrnn("vocab", "text.txt"),
        charrnn("evaluate", "text.txt", "--checkpoint", "run"),
    )
    for command in told:
        assert "text.txt: byte-order mark removed" in command.err
    assert "\ufeff" not in counts("text.txt")
    write("wide.txt", TEXT, "utf-16")
    assert "wide.txt: read as UTF-16" in charrnn("vocab", "wide.txt").err


# Where text comes from


def test_several_paths_join_with_nothing_between() -> None:
    train(write("b.txt", "second " * 20), write("a.txt", "first\r" * 20), write("c.txt", "\nthird" * 20))
    assert learnt() == "second " * 20 + "first\r" * 20 + "\nthird" * 20
    assert counts("b.txt", "a.txt") == Counter("second " * 20 + "first\r" * 20)
    assert score("b.txt", "a.txt")["characters"] == 7 * 20 + 6 * 20 - 1


def test_a_folder_is_read_sorted_and_what_is_skipped_is_said() -> None:
    Path("folder/inner").mkdir(parents=True)
    write("folder/inner/b.txt", "inner " * 20)
    write("folder/z.txt", "last " * 20)
    write("folder/a.txt", "first " * 20)
    write("folder/.hidden", "never " * 20)
    Path("folder/picture.png").write_bytes(b"\x89PNG\r\n\x1a\n\0\0")
    Path("folder/latin.txt").write_bytes(b"caf\xe9")
    told = train("folder").err
    assert learnt() == "first " * 20 + "inner " * 20 + "last " * 20
    for command in (
        told,
        charrnn("vocab", "folder").err,
        charrnn("evaluate", "folder", "--checkpoint", "run").err,
    ):
        assert "folder: skipped 1 file (not text): picture.png" in command
        assert "folder: skipped 1 file (not utf-8; give --encoding cp1252): latin.txt" in command
        assert "folder: skipped 1 file (hidden): .hidden" in command


@pytest.mark.parametrize(
    ("name", "compress"), [("t.gz", gzip.compress), ("t.bz2", bz2.compress), ("T.XZ", lzma.compress)]
)
def test_compressed_files(name: str, compress: Callable[[bytes], bytes]) -> None:
    Path(name).write_bytes(compress(WILD.encode()))
    train(name)
    assert learnt() == WILD
    assert counts(name) == Counter(WILD)
    assert score(name)["characters"] == len(WILD) - 1


def test_standard_input() -> None:
    data = WILD.encode("utf-16")
    options = ("--run", "run", *SMALL, "--steps", "3")
    assert charrnn("train", "-", *options, standard_input=data).code == 0
    assert learnt() == WILD
    for command in (("vocab", "-"), ("evaluate", "-", "--checkpoint", "run")):
        assert charrnn(*command, "--json", standard_input=data).json["characters"] in {
            len(WILD),
            len(WILD) - 1,
        }


# Which characters have an id


def test_min_count_makes_rare_characters_one_unknown_symbol() -> None:
    write("text.txt", TEXT + "漢字éé")
    told = train("text.txt", "--min-count", "3").err
    assert "4 symbols of the text" in told
    assert learnt() == TEXT + "\ufffd" * 4
    found = counts("text.txt", "--min-count", "3")
    assert found == dict(Counter(TEXT)) | {"<unknown>": 4}
    assert score("text.txt")["unknown_characters"] == 4


@pytest.mark.parametrize("options", [(), ("--min-count", "3")], ids=["left out", "a symbol of its own"])
def test_the_first_character_is_given_and_not_charged_though_it_is_unknown(options: Sequence[str]) -> None:
    train(write("text.txt", TEXT), *options)
    found = score(write("other.txt", "漢" + TEXT[:200] + "字"))
    assert (found["characters"], found["unknown_characters"]) == (201, 1)


def test_a_vocabulary_from_a_file_decides_what_is_known() -> None:
    write("letters.txt", "abc def ghi")
    assert charrnn("vocab", "letters.txt", "--output", "letters.json").code == 0
    train(write("text.txt", TEXT), "--vocabulary", "letters.json")
    known = set("abc def ghi")
    assert learnt() == "".join(character if character in known else "\ufffd" for character in TEXT)
    assert set(sample("--length", "500")) <= known


def test_the_unknown_symbol_is_never_written() -> None:
    """Nine of ten characters are unknown, so that it is by far the likeliest symbol."""
    text = "".join(chr(0x4E00 + i) * 9 + "ab"[i % 2] for i in range(300))
    train(write("text.txt", text), "--min-count", "20", steps="30")
    for options in (("--temperature", "50"), ("--temperature", "1"), ("--temperature", "0")):
        assert set(sample("--length", "5000", *options)) <= {"a", "b"}
    lines = "".join(chr(0x4E00 + i) * 9 + "ab"[i % 2] + "\n" for i in range(300))
    train(write("lines.txt", lines), "--min-count", "20", "--mode", "lines", run="lines", steps="30")
    assert set(sample("--count", "300", "--temperature", "3", run="lines")) <= {"a", "b", "\n"}


CONTRADICTIONS = {
    "min count and vocabulary": ("--min-count", "3", "--vocabulary", "v.json"),
    "min count of bytes": ("--level", "byte", "--min-count", "3"),
    "normal form of bytes": ("--level", "byte", "--normalize", "nfc"),
    "vocabulary of the other level": ("--level", "byte", "--vocabulary", "v.json"),
    "delimiter without lines": ("--delimiter", "%%"),
    "delimiter of two lines": ("--mode", "lines", "--delimiter", "a\nb"),
    "no encoding": ("--encoding", "klingon"),
    "no share": ("--validation", "1.5"),
}


@pytest.mark.parametrize("options", CONTRADICTIONS.values(), ids=CONTRADICTIONS)
def test_what_contradicts_itself_is_refused(options: Sequence[str]) -> None:
    write("text.txt", TEXT)
    assert charrnn("vocab", "text.txt", "--output", "v.json").code == 0
    result = charrnn("train", "text.txt", *options, *SMALL)
    assert (result.code, result.out, result.err.count("\n")) == (2, "", 1)
    assert options[-2] in result.err
    assert sorted(path.name for path in Path().rglob("*")) == ["text.txt", "v.json"]


def test_a_vocabulary_of_bytes_is_for_bytes() -> None:
    write("text.txt", KOREAN)
    assert charrnn("vocab", "text.txt", "--level", "byte", "--output", "bytes.json").code == 0
    assert len(json.loads(Path("bytes.json").read_text())["entries"]) == 256
    train("text.txt", "--level", "byte", "--vocabulary", "bytes.json")
    assert learnt() == KOREAN
    assert best().vocabulary.unknown is None


@pytest.mark.parametrize("command", ["evaluate", "vocab"])
def test_a_model_is_asked_about_text_of_its_own_level(command: str, run_folder: Path) -> None:
    write("text.txt", TEXT)
    result = charrnn(command, "text.txt", "--checkpoint", run_folder, "--level", "byte")
    assert result.code == 2
    assert "--level is byte, but the model was trained with --level char" in result.err


# Normal forms: Korean as letters


@pytest.fixture(scope="module")
def jamo_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run on Korean syllables taken apart."""
    folder = tmp_path_factory.mktemp("jamo")
    (folder / "korean.txt").write_text(KOREAN, encoding="utf-8")
    sizes = ("--hidden", "32", "--batch-size", "8", "--sequence-length", "32", "--steps", "250", "--quiet")
    assert (
        charrnn("train", folder / "korean.txt", "--normalize", "nfd", "--run", folder / "run", *sizes).code
        == 0
    )
    return folder / "run"


def test_jamo_are_far_fewer(jamo_run: Path) -> None:
    symbols = {chr(code) for code in best(str(jamo_run)).vocabulary.codes}
    assert symbols == set(unicodedata.normalize("NFD", KOREAN))
    assert not [symbol for symbol in symbols if "가" <= symbol <= "힣"]


@pytest.mark.parametrize("length", [1, 2, 7, 500])
def test_samples_are_composed_and_as_long_as_asked(jamo_run: Path, length: int) -> None:
    written = sample("--length", str(length), "--temperature", "0.5", run=str(jamo_run))
    assert len(written) == length
    assert unicodedata.normalize("NFC", written) == written
    if length == 500:
        syllables, jamo = (len(re.findall(kind, written)) for kind in ("[가-힣]", "[\u1100-\u11ff]"))
        assert syllables > 100
        assert jamo < syllables / 20


@pytest.mark.parametrize("form", ["none", "nfc", "nfd", "nfkc", "nfkd"])
@pytest.mark.parametrize("mode", ["text", "lines"])
def test_scores_are_per_character_as_read(form: str, mode: str) -> None:
    text = "é, " + KOREAN
    train(write("korean.txt", text), "--normalize", form, "--mode", mode)
    found = score("korean.txt")
    assert found["characters"] == len(text) - (mode == "text")
    expected = found["bits_per_character"] * found["characters"] / len(text[mode == "text" :].encode())
    assert found["bits_per_byte"] == pytest.approx(expected)


def test_what_a_jamo_model_does_not_know_is_placed_in_the_file(jamo_run: Path) -> None:
    write("other.txt", "네\n네 네 쀍 漢\n")
    found = charrnn("vocab", "other.txt", "--checkpoint", jamo_run, "--json").json["unknown"]
    places = {unknown["character"]: (unknown["line"], unknown["column"]) for unknown in found}
    assert places["漢"] == (2, 7)
    assert {place for character, place in places.items() if character != "漢"} == {(2, 5)}


# Bytes

NOISE = np.random.default_rng(3).bytes(4000)


def train_bytes(data: bytes, steps: str = "60") -> None:
    Path("data.bin").write_bytes(data)
    train("data.bin", "--level", "byte", steps=steps)


def test_bytes_of_any_file_are_learnt_and_written() -> None:
    train_bytes(NOISE)
    assert np.load("run/corpus.npy").tobytes() == NOISE
    assert len(best().vocabulary) == 256
    piped = charrnn("sample", "--checkpoint", "run", "--length", "500").out_bytes
    with pytest.raises(UnicodeDecodeError):
        piped.decode()
    kept = charrnn("sample", "--checkpoint", "run", "--length", "500", "--json").json["texts"][0]["text"]
    assert kept.encode("utf-8", "surrogateescape") == piped, "exactly those bytes"
    assert len(kept) == 500


@pytest.mark.parametrize("options", [("--min-count", "9"), ("--normalize", "nfkd"), ("--mode", "lines")])
def test_what_was_held_out_scores_as_the_same_file_does(options: tuple[str, ...]) -> None:
    """Its bytes are those that were read, not those of what stands for unknown characters."""
    write("held.txt", " é, ① 안녕 жук\n" * 20)
    train(write("korean.txt", KOREAN), "--validation", "held.txt", *options)
    named = score("held.txt")
    kept = charrnn("evaluate", "--checkpoint", "run", "--part", "validation", "--json").json
    for name in ("characters", "bits_per_character", "bits_per_byte"):
        assert kept[name] == pytest.approx(named[name]), name


@pytest.mark.parametrize("data", [NOISE, KOREAN.encode()], ids=["noise", "Korean"])
def test_a_terminal_gets_valid_utf_8_of_bytes(data: bytes) -> None:
    train_bytes(data, steps="20")
    code, shown = on_terminal("sample", "--checkpoint", "run", "--length", "300", "--temperature", "1.5")
    assert code == 0
    assert "\ufffd" in shown
    assert not re.findall("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]", shown)


def test_bytes_are_scored_by_character_and_by_byte() -> None:
    train_bytes(KOREAN.encode())
    found = score("data.bin")
    assert (found["characters"], found["unknown_characters"]) == (len(KOREAN) - 1, 0)
    scored_bytes = len(KOREAN[1:].encode())
    assert found["bits_per_byte"] * scored_bytes == pytest.approx(
        found["bits_per_character"] * (len(KOREAN) - 1)
    )
    lines = charrnn("evaluate", "data.bin", "--checkpoint", "run", "--per-character").out.splitlines()
    assert "".join(json.loads(line)["character"] for line in lines) == KOREAN[1:]
    nats = sum(json.loads(line)["nats"] for line in lines)
    assert nats == pytest.approx(found["nats_per_character"] * (len(KOREAN) - 1), rel=1e-4)


def test_bytes_that_are_no_text_are_scored() -> None:
    train_bytes(NOISE)
    found = score("data.bin")
    assert found["characters"] == sum(byte & 0xC0 != 0x80 for byte in NOISE) - 1
    assert 7 < found["bits_per_byte"] < 9


# Lines

NAMES = [
    f"{first}{last}" for first in ("an", "be", "cor", "dele") for last in ("na", "l", "ta", "mirka")
] * 10


def test_lines_are_written_whole() -> None:
    train(write("names.txt", "\n".join(NAMES)), "--mode", "lines", steps="40")
    written = sample("--count", "20")
    assert written.endswith("\n")
    assert len(written.removesuffix("\n").split("\n")) == 20
    assert all(written.removesuffix("\n").split("\n"))
    assert counts("names.txt", "--mode", "lines") == dict(Counter("".join(NAMES))) | {"<end>": len(NAMES)}


def test_empty_lines_are_written_where_the_corpus_has_them() -> None:
    train(write("names.txt", "a\n\n" * 100), "--mode", "lines", steps="60")
    written = sample("--count", "100").removesuffix("\n").split("\n")
    assert len(written) == 100
    assert 10 < written.count("") < 90


def test_carriage_returns_at_the_end_of_a_line_are_no_part_of_it() -> None:
    train(write("names.txt", "\r\n".join(NAMES) + "\r\n"), "--mode", "lines", steps="40")
    assert "\r" not in counts("names.txt", "--mode", "lines")
    assert "\r" in counts("names.txt")
    training, held_back = parts()
    assert sorted(training + held_back) == sorted(NAMES)
    written = sample("--count", "20")
    assert "\r" not in written
    assert written.count("\n") == 20


def test_lines_longer_than_the_window_are_learnt_whole() -> None:
    train(write("long.txt", "".join("ab" * length + "\n" for length in range(1, 60))), "--mode", "lines")
    assert max(map(len, [*parts()[0], *parts()[1]])) == 118
    assert score("long.txt")["characters"] == sum(2 * length + 1 for length in range(1, 60))


TUNES = [f"X:{number}\nT:Tune {number}\nK:C\nCDEF GABc|{'c' * (number % 3)}|" for number in range(1, 31)]
DELIMITED = {
    "blank line": ("\n\n".join(TUNES), ""),
    "blank lines": ("\n" + "\n\n\n".join(TUNES) + "\n", ""),
    "own line": ("\n%%\n".join(TUNES) + "\n%%\n", "%%"),
    "not within a line": ("\n%%\n".join(tune.replace("Tune", "Tune %%") for tune in TUNES), "%%"),
}


@pytest.mark.parametrize("name", DELIMITED)
def test_a_delimiter_makes_records_of_several_lines(name: str) -> None:
    text, delimiter = DELIMITED[name]
    options = ("--mode", "lines", "--delimiter", delimiter)
    train(write("tunes.abc", text), *options, steps="30")
    training, held_back = parts()
    assert (len(training), len(held_back)) == (27, 3)
    tunes = sorted(tune.replace("Tune", "Tune %%") if "within" in name else tune for tune in TUNES)
    assert sorted(training + held_back) == tunes
    assert counts("tunes.abc", *options)["<end>"] == 30
    assert score("tunes.abc")["characters"] == sum(len(tune) + 1 for tune in tunes)
    texts = charrnn("sample", "--checkpoint", "run", "--count", "5", "--json").json["texts"]
    assert any("\n" in text["text"] for text in texts)


# What is held out


@pytest.mark.parametrize(
    ("validation", "held"), [("0.25", 300), ("0.1", 120), ("77", 77), ("1e2", 100), ("0", 0), ("0.0", 0)]
)
def test_the_end_of_a_text_is_held_back(validation: str, held: int) -> None:
    text = TEXT[:1200]
    train(write("text.txt", text), "--validation", validation)
    training, held_back = parts()
    assert training == [text[: len(text) - held]]
    assert held_back == ([text[-held:]] if held else [])
    measured = best().progress.best_validation_nats_per_character
    assert (measured is None) == (held == 0)


@pytest.mark.parametrize(("validation", "held"), [("0.25", 40), ("12", 12), ("0", 0)])
def test_lines_are_drawn_by_seed(validation: str, held: int) -> None:
    lines = [f"line {number}" for number in range(160)]
    write("lines.txt", "\n".join(lines))
    drawn = []
    for run, seed in (("a", "1"), ("b", "1"), ("c", "2")):
        train("lines.txt", "--mode", "lines", "--validation", validation, "--seed", seed, run=run)
        training, held_back = parts(run)
        assert len(held_back) == held
        assert sorted(training + held_back) == sorted(lines), "every line in one of the two"
        drawn.append(held_back)
    assert drawn[0] == drawn[1]
    assert held == 0 or drawn[1] != drawn[2]
    assert held == 0 or drawn[0] != lines[-held:], "not the end: lists are often sorted"


@pytest.mark.parametrize("mode", ["text", "lines"])
def test_a_file_of_its_own_is_measured_on(mode: str) -> None:
    Path("held").mkdir()
    Path("held/held.txt").write_bytes(codecs.BOM_UTF8 + b"One bird sat.\r\nOne flew.\r\n")
    Path("held/.hidden").touch()
    told = train(write("text.txt", TEXT), "--validation", "held", "--newlines", "lf", "--mode", mode).err
    training, held_back = parts()
    if mode == "text":
        assert (training, held_back) == ([TEXT], ["One bird sat.\nOne flew.\n"])
    else:
        assert held_back == ["One bird sat.", "One flew."]
        assert training == TEXT.splitlines()
    assert "byte-order mark removed" in told
    assert "held: skipped 1 file (hidden)" in told
    assert best().corpus.validation_characters == (24 if mode == "text" else 22)


def test_what_is_no_amount_is_a_file_that_is_not_there() -> None:
    result = charrnn("train", write("text.txt", TEXT), "--validation", "0,1", *SMALL)
    assert result.code == 3
    assert "--validation 0,1: 0,1 does not exist" in result.err


# What vocab shows


def test_the_table_flags_what_deserves_a_second_look() -> None:
    write("odd.txt", "a\u00a0A\u0410 e\u0301\u00e9\r\n\u200b x\ufeff\x1b")
    rows = charrnn("vocab", "odd.txt").out.splitlines()
    notes = {row.split("U+")[1][:4]: row for row in rows if "U+" in row}
    for code, note in {
        "00A0": "no-break space",
        "0041": "looks like U+0410",
        "0410": "looks like U+0041",
        "00E9": "mixed normal forms",
        "000D": "carriage return",
        "200B": "zero width",
        "FEFF": "byte-order mark",
        "001B": "control",
    }.items():
        assert notes[code].endswith(note)
    assert notes["0061"].endswith("%"), "nothing to note"


@pytest.mark.parametrize("command", [("vocab", "text.txt"), ("evaluate", "text.txt", "--checkpoint", "RUN")])
def test_reading_for_long_shows_how_far_it_is(
    command: Sequence[str], run_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write("text.txt", TEXT)
    command = [str(run_folder) if word == "RUN" else word for word in command]
    assert "counting" not in charrnn(*command).err
    monkeypatch.setattr("charrnn.display.progress.QUIET_SECONDS", -1.0)
    result = charrnn(*command)
    assert re.search(r"counting characters: .* MB, .* MB/s, .* to go", result.err)
    assert "MB/s" not in result.out


USELESS = {
    "--encoding says how": ("--checkpoint", "RUN", "--encoding", "utf-8"),
    "--min-count says how": ("--checkpoint", "RUN", "--min-count", "2"),
    "--output is for": ("text.txt", "--checkpoint", "RUN", "--output", "v.json"),
    "--min-count is for": ("text.txt", "--checkpoint", "RUN", "--min-count", "2"),
}


@pytest.mark.parametrize("said", USELESS)
def test_options_that_would_do_nothing_are_refused(said: str, run_folder: Path) -> None:
    write("text.txt", TEXT)
    result = charrnn("vocab", *(run_folder if word == "RUN" else word for word in USELESS[said]))
    assert (result.code, result.out) == (2, "")
    assert said in result.err


def test_a_vocabulary_that_cannot_be_written() -> None:
    result = charrnn("vocab", write("text.txt", TEXT), "--output", "missing/v.json")
    assert (result.code, result.out) == (2, "")
    assert "--output is missing/v.json, but there is no folder missing; make it first" in result.err
