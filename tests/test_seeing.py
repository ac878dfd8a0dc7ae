"""What was expected at each written character, in colours and as JSON, and what of it all is new."""

import json
import math
import os
import re
from pathlib import Path
from unicodedata import normalize

import numpy as np
import pytest
from program import SMALL, TEXT, charrnn, python
from test_terminals import on_terminal

from charrnn.config.settings import Request, SampleSettings
from charrnn.decoding.filters import probabilities
from charrnn.decoding.language_model import SavedModel
from charrnn.decoding.network import Decoder
from charrnn.decoding.sampler import write
from charrnn.decoding.text_stream import spell
from charrnn.decoding.trace import Expected, Trace
from charrnn.display.surprise.inline import painted, painted_legend
from charrnn.display.surprise.scale import FROM_BITS, LEVELS
from charrnn.runs.checkpoint import load
from charrnn.runs.folder import find_checkpoint
from charrnn.runs.language_model import language_model_of
from charrnn.text.vocabulary import Vocabulary

COLOR = re.compile(r"\x1b\[[0-9;]*m")


def author_of(run: Path) -> SavedModel:
    return language_model_of(load(find_checkpoint(str(run))))


def told(model: SavedModel, request: Request, settings: SampleSettings | None = None) -> list[Expected]:
    trace = Trace(model.vocabulary, model.normal_form)
    found: list[Expected] = []
    for piece in write(model, request, settings or SampleSettings(), watch=trace):
        found += trace.characters(0, piece.text)
    return found


def read_back(model: SavedModel, prompt: str, text: str) -> list[list[tuple[float, dict[str, float]]]]:
    """For each character of a text, read from a blank state, its symbols: chance, and the others' chances."""
    decoder, vocabulary = Decoder(model.architecture, model.weights), model.vocabulary
    form = normalize("NFD", prompt) if model.normal_form == "nfd" else prompt
    for row in vocabulary.encode_codes(spell(form, vocabulary.level)).astype(np.intp).reshape(-1, 1):
        logits = decoder.step(row)
    found = []
    for character in text:
        form = normalize("NFD", character) if model.normal_form == "nfd" else character
        parts = []
        for code in vocabulary.encode_codes(spell(form, vocabulary.level)).tolist():
            chances = probabilities(logits)[0]
            others = {
                name: c
                for i, (name, c) in enumerate(zip(vocabulary.symbols(), chances, strict=True))
                if i != code
            }
            parts.append((float(chances[code]), others))
            logits = decoder.step(np.array([code]))
        found.append(parts)
    return found


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory, run_folder: Path) -> dict[str, Path]:
    """A run of each kind of symbol."""
    folder = tmp_path_factory.mktemp("runs")
    (folder / "text.txt").write_text("한글 각 é. " * 60, encoding="utf-8")
    found = {"char": run_folder}
    for name, options in {"nfd": ("--normalize", "nfd"), "byte": ("--level", "byte")}.items():
        assert charrnn("train", folder / "text.txt", "--run", folder / name, *options, *SMALL).code == 0
        found[name] = folder / name
    return found


@pytest.mark.parametrize("kind", ["char", "nfd", "byte"])
def test_the_account_is_that_of_reading_what_was_written(kind: str, runs: dict[str, Path]) -> None:
    model = author_of(runs[kind])
    prompt = "One " if kind == "char" else "한글 "
    settings = SampleSettings(top_k=3, temperature=0.8)
    found = told(model, Request(prompt=prompt, length=40), settings)
    text = "".join(expected.character for expected in found)
    if kind == "byte":  # bytes that are no character have no spelling of their own to be read back by
        text = text[: next((i for i, c in enumerate(text) if "\udc80" <= c <= "\udcff"), len(text))]
    for expected, parts in zip(found, read_back(model, prompt, text), strict=False):
        assert expected.probability == pytest.approx(math.prod(chance for chance, _ in parts), rel=1e-3)
        likeliest = sorted(parts[0][1].items(), key=lambda pair: -pair[1])[:5]
        assert list(expected.alternatives.values()) == pytest.approx([c for _, c in likeliest], rel=1e-3)
        assert dict(likeliest) == pytest.approx(expected.alternatives, rel=1e-3)


def test_characters_of_several_symbols_take_their_symbols_whatever_comes_at_once() -> None:
    """Text that was held back and comes late, in any pieces, is told the same; nothing is lost."""
    text = normalize("NFD", "한é\u0327글")
    vocabulary = Vocabulary.from_text(text)
    chances = np.linspace(0.1, 0.9, len(text))
    logits = np.log(
        np.stack(
            [
                np.where(vocabulary.codes == ord(c), p, (1 - p) / (len(vocabulary) - 1))
                for c, p in zip(text, chances, strict=True)
            ]
        )
    )
    ids = vocabulary.encode(text).astype(np.intp)
    accounts = []
    for cuts in ((), (1,), (1, 2, 3)):
        trace = Trace(vocabulary, "nfd")
        for row, one in zip(logits, ids, strict=True):
            trace(np.array([0]), row[None], np.array([one]))
        composed = normalize("NFC", text)
        pieces = [composed[i:j] for i, j in zip((0, *cuts), (*cuts, None), strict=True)]
        accounts.append([one for piece in pieces for one in trace.characters(0, piece)])
    assert accounts[0] == accounts[1] == accounts[2]
    assert accounts[0][0].probability == pytest.approx(math.prod(chances[:3]))
    assert sum(one.nats for one in accounts[0]) == pytest.approx(-np.log(chances).sum())


def test_a_symbol_that_is_a_composed_character_is_all_of_it() -> None:
    """A vocabulary made of another text may hold what the model's normal form would take apart."""
    vocabulary = Vocabulary.from_text("éa")
    trace = Trace(vocabulary, "nfd")
    for code, chance in ((0xE9, 0.25), (ord("a"), 0.75)):
        chances = np.where(vocabulary.codes == code, chance, 1 - chance)
        trace(np.array([0]), np.log(chances)[None], vocabulary.encode(chr(code)).astype(np.intp))
    assert [one.probability for one in trace.characters(0, "éa")] == pytest.approx([0.25, 0.75])


def test_json_tells_of_every_character(run_folder: Path) -> None:
    options = ("--json", "--count", "3", "--length", "30", "--prompt", "One ", "--temperature", "0")
    found = charrnn("sample", "--checkpoint", run_folder, *options).json
    plain = charrnn("sample", "--checkpoint", run_folder, *options[1:]).out
    assert plain.startswith("One " + found["texts"][0]["text"])
    for text in found["texts"]:
        assert "".join(one["character"] for one in text["characters"]) == text["text"]
        for one in text["characters"]:
            assert len(one["alternatives"]) == 5
            assert one["character"] not in one["alternatives"]
            assert max(one["alternatives"].values()) <= one["probability"], "the likeliest was written"
            assert list(one["alternatives"].values()) == sorted(one["alternatives"].values(), reverse=True)
            assert one["probability"] + sum(one["alternatives"].values()) <= 1.00001


def test_filters_change_what_is_written_not_what_was_expected(run_folder: Path) -> None:
    first = [
        charrnn(
            "sample", "--checkpoint", run_folder, "--json", "--length", "1", "--prompt", "One", *options
        ).json
        for options in (("--top-k", "1"), ("--temperature", "0.1"))
    ]
    one, other = (found["texts"][0]["characters"][0] for found in first)
    assert one == other
    assert one["probability"] < 1


def test_the_schema_as_the_manual_has_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The manual's example is what its commands print, but for the figures."""
    page = (Path(__file__).parents[1] / "docs" / "sampling.md").read_text(encoding="utf-8")
    block = re.search(r"```json\n(\{\"checkpoint\".*?)```", page, re.DOTALL)
    assert block is not None
    shown = json.loads(block[1])
    monkeypatch.chdir(tmp_path)
    assert (
        charrnn(
            "train", "builtin:hello", "--validation", "0", "--steps", "300", "--run", "runs/hello", "--quiet"
        ).code
        == 0
    )
    options = ("--prompt", "h", "--length", "4", "--temperature", "0", "--json", "--novelty", "auto")
    found = charrnn("sample", "--checkpoint", "runs/hello", *options).json
    assert _shape(found) == _shape(shown)
    assert found["texts"][0]["text"] == shown["texts"][0]["text"] == "ello"
    assert found["novelty"] == shown["novelty"]


def _shape(value: object) -> object:
    """Names and kinds, whatever the figures."""
    if isinstance(value, dict):
        is_chances = all(isinstance(chance, float) for chance in value.values())
        return sorted(value) if is_chances else {name: _shape(one) for name, one in value.items()}
    return [_shape(one) for one in value] if isinstance(value, list) else type(value).__name__


def test_surprise_is_painted_on_a_terminal(run_folder: Path) -> None:
    options = ("sample", "--checkpoint", run_folder, "--length", "300", "--temperature", "1.5")
    code, shown = on_terminal(*options, "--color", "surprise")
    _, plain = on_terminal(*options)
    assert code == 0
    (legend, said, text), (said_again, plain) = shown.split("\r\n", 2), plain.split("\r\n", 1)
    assert said == said_again
    assert "temperature 1.5" in said
    assert all(level.meaning in legend for level in LEVELS)
    assert COLOR.sub("", text) == plain
    found = charrnn(*options, "--json").json["texts"][0]["characters"]
    surprising = [one["character"] for one in found if -math.log2(one["probability"]) >= 10]
    assert text.count("48;5;160") == len([c for c in surprising if c != "\n"])


def test_there_are_no_colours_without_a_terminal_or_against_the_users_wish(
    run_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = ("sample", "--checkpoint", run_folder, "--length", "100")
    result = charrnn(*options, "--color", "surprise")
    assert (result.code, result.out) == (0, charrnn(*options).out)
    assert "plain text; --json has the figures" in result.err
    for name, value in {"NO_COLOR": "1", "TERM": "dumb"}.items():
        with monkeypatch.context() as patch:
            patch.setenv(name, value)
            program = f"""
import os, sys
os.environ[{name!r}] = {value!r}
from charrnn.display.surprise.inline import can_be_painted
terminal = type("Terminal", (), {{"isatty": lambda self: True}})()
print(can_be_painted(terminal))
"""
            assert python(program) == "False\n"


def test_painted_text_steers_nothing(tmp_path: Path) -> None:
    wild = tmp_path / "wild.txt"
    wild.write_text("\x1b[31m\u202e\x9b2J" * 300, encoding="utf-8")
    assert charrnn("train", wild, "--run", tmp_path / "run", *SMALL).code == 0
    _, shown = on_terminal(
        "sample", "--checkpoint", tmp_path / "run", "--length", "200", "--color", "surprise"
    )
    assert not {"\x1b", "\u202e", "\x9b"} & set(COLOR.sub("", shown))
    assert "␛" in shown


def test_each_level_has_its_colour_and_a_line_end_none() -> None:
    assert painted("a", 0.5) == "a"
    assert painted("a", 4) == "\x1b[38;5;16;48;5;222ma\x1b[0m"
    assert painted("\n", 4) == "\n"
    assert len({painted("a", bits) for bits in FROM_BITS}) == len(LEVELS)
    assert COLOR.sub("", painted_legend()).startswith("chance: ")


@pytest.mark.parametrize(
    ("options", "code", "said"),
    [
        (("--color", "rainbow"), 2, "expected one of none, surprise"),
        (("--novelty", ""), 2, "files, folders, built-in texts or auto"),
        (("--novelty", "auto", "--novelty", "builtin:hello"), 2, "either auto or corpora"),
        (("--novelty", "missing.txt"), 3, "missing.txt"),
        (("--novelty", "builtin:none"), 3, "builtin:none"),
        (("--novelty", "builtin:hello", "--length", "0"), 2, "--novelty would never print"),
    ],
)
def test_bad_values(options: tuple[str, ...], code: int, said: str, run_folder: Path) -> None:
    result = charrnn("sample", "--checkpoint", run_folder, *options)
    assert (result.code, result.out) == (code, "")
    assert said in result.err
    assert result.err.count("\n") == 1


def novelty(run: Path, *options: str | Path) -> dict[str, object]:
    found: dict[str, object] = charrnn("sample", "--checkpoint", run, "--json", *options).json
    return found


@pytest.fixture(scope="module")
def memorised(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A run that has memorised a short text, and the text."""
    folder = tmp_path_factory.mktemp("memorised")
    text = "It was 7 o'clock; nobody spoke.\nA fox jumped quickly over the lazy brown dog, by the way!\n"
    (folder / "text.txt").write_text(text)
    options = (
        "--validation",
        "0",
        "--steps",
        "400",
        "--hidden",
        "64",
        "--batch-size",
        "1",
        "--sequence-length",
        "32",
    )
    assert charrnn("train", folder / "text.txt", "--run", folder / "run", *options, "--quiet").code == 0
    return folder / "run", text


def test_a_text_known_by_heart_is_reported_with_its_length(memorised: tuple[Path, str]) -> None:
    run, text = memorised
    for length in (25, 60, 80):
        options = ("--prompt", text[:8], "--length", str(length), "--temperature", "0", "--json", "--novelty")
        for corpus in (run.parent / "text.txt", "auto"):
            found = charrnn("sample", "--checkpoint", run, *options, corpus).json
            assert found["texts"][0]["text"] == text[8 : 8 + length]
            longest = found["novelty"]["longest"]
            assert (longest["length"], longest["start"], longest["position"]) == (length, 0, 8)
            assert longest["copied"] == text[8 : 8 + length]
            assert found["novelty"]["copied"] == [{"text": 0, "start": 0, "stop": length}]


def test_the_report_marks_what_was_copied(memorised: tuple[Path, str]) -> None:
    run, text = memorised
    options = ("--prompt", text[:8], "--length", "60", "--temperature", "0", "--novelty", "auto")
    result = charrnn("sample", "--checkpoint", run, *options)
    assert result.out == text[:68]
    assert "60 characters; it stands in" in result.err
    assert "text.txt, line 1" in result.err
    assert (
        "100.0% of 10-character spans, 100.0% of 20-character spans, 100.0% of 40-character spans"
        in result.err
    )
    assert "⟦" + text[8:68].replace("\n", "␊") + "⟧" in result.err


def test_the_source_of_a_copy_is_named(memorised: tuple[Path, str], tmp_path: Path) -> None:
    run, text = memorised
    (tmp_path / "a.txt").write_text("nothing\n" * 5)
    (tmp_path / "b.txt").write_text("first\n\n" + text)
    options = ("--prompt", text[:40], "--length", "20", "--temperature", "0", "--json", "--novelty", tmp_path)
    longest = charrnn("sample", "--checkpoint", run, *options).json["novelty"]["longest"]
    assert (longest["source"], longest["line"]) == (str(tmp_path / "b.txt"), 4)


def test_the_training_corpus_must_still_be_the_same(tmp_path: Path) -> None:
    text, run = tmp_path / "text.txt", tmp_path / "run"
    text.write_text(TEXT)
    assert charrnn("train", text, "--run", run, *SMALL).code == 0
    options = ("sample", "--checkpoint", run, "--length", "20", "--novelty", "auto")
    assert charrnn(*options).code == 0
    text.write_text(TEXT + "!")
    changed = charrnn(*options)
    assert (changed.code, changed.out) == (3, "")
    assert "no longer what the model was trained on; give the text itself" in changed.err
    text.unlink()
    assert "finds no training corpus" in charrnn(*options).err
    lone = tmp_path / "lone.safetensors"
    os.link(run / "last.safetensors", lone)
    assert charrnn("sample", "--checkpoint", lone, "--novelty", "auto").code == 3
    piped = charrnn("train", "-", "--run", tmp_path / "piped", *SMALL, standard_input=TEXT.encode())
    assert piped.code == 0
    assert "names no file" in charrnn("sample", "--checkpoint", tmp_path / "piped", "--novelty", "auto").err


def test_lines_are_compared_whole(lines_run: Path) -> None:
    options = ("--count", "50", "--json", "--novelty", "auto")
    found = charrnn("sample", "--checkpoint", lines_run, *options).json
    corpus = (lines_run.parent / "corpus.txt").read_text().splitlines()
    copied = sum(text["text"] in corpus for text in found["texts"])
    assert copied > 0
    assert found["novelty"]["lines"] == {"copied": copied, "total": 50, "share": copied / 50}
    told_so = charrnn("sample", "--checkpoint", lines_run, "--count", "50", "--novelty", "auto").err
    assert f"{copied} of 50 whole" in told_so
    prompted = charrnn("sample", "--checkpoint", lines_run, "--prompt", "an", *options).json
    whole = sum("an" + text["text"] in corpus for text in prompted["texts"])
    assert prompted["novelty"]["lines"]["copied"] == whole


@pytest.mark.parametrize("kind", ["nfd", "byte"])
def test_both_sides_are_in_the_models_form(kind: str, runs: dict[str, Path]) -> None:
    found = charrnn(
        "sample", "--checkpoint", runs[kind], "--length", "200", "--json", "--novelty", "auto"
    ).json
    text, corpus = found["texts"][0]["text"], "한글 각 é. " * 60
    ours, theirs = (
        (text, corpus) if kind == "nfd" else (text.encode("utf-8", "surrogateescape"), corpus.encode())
    )
    spans = [ours[i : i + 10] for i in range(len(ours) - 9)]
    assert found["novelty"]["unit"] == ("character" if kind == "nfd" else "byte")
    assert found["novelty"]["spans"]["10"]["copied"] == sum(span in theirs for span in spans)


def test_spans_of_python_equal_brute_force(tmp_path: Path) -> None:
    """A model of a little of Python's source, against all of it."""
    from charrnn.text.builtins import python as source

    corpus = source().decode()
    (tmp_path / "text.txt").write_text(corpus[1_000_000:1_010_000])
    options = ("--validation", "0", "--steps", "150", "--hidden", "64", "--batch-size", "8", "--quiet")
    assert charrnn("train", tmp_path / "text.txt", "--run", tmp_path / "run", *options).code == 0
    sampled = ("--temperature", "0.7", "--length", "150", "--json", "--novelty", "builtin:python")
    found = charrnn("sample", "--checkpoint", tmp_path / "run", *sampled).json
    text = found["texts"][0]["text"]
    for length in (10, 20, 40):
        spans = [text[i : i + length] for i in range(len(text) - length + 1)]
        copied = sum(span in corpus for span in spans)
        assert found["novelty"]["spans"][str(length)] == {
            "copied": copied,
            "total": len(spans),
            "share": copied / len(spans),
        }
    longest = found["novelty"]["longest"]
    copied_text, one_more = longest["copied"], longest["length"] + 1
    assert corpus[longest["position"] :].startswith(copied_text)
    assert text[longest["start"] :].startswith(copied_text)
    assert not any(text[i : i + one_more] in corpus for i in range(len(text) - one_more + 1))
