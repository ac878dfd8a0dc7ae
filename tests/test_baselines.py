"""What a score is compared with: the same text, one rule for unknown characters, said where it is gone."""

import bz2
import gzip
import json
import lzma
import math
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from program import KOREAN, SMALL, TEXT, charrnn

from charrnn.errors import CheckpointError
from charrnn.evaluation.baselines.compressors import compressed_bytes
from charrnn.evaluation.baselines.counting import LONGEST, ngrams_of
from charrnn.runs.checkpoint import load
from charrnn.text.dataset import open_dataset
from charrnn.text.record_part import Records
from charrnn.text.text_parts import OneText
from charrnn.text.vocabulary import Vocabulary


def compared(text: str, run: Path, tmp_path: Path, *options: str) -> tuple[dict[str, float], Any]:
    """Bits per character by name, and the whole answer."""
    path = tmp_path / "compared.txt"
    path.write_bytes(text.encode())
    result = charrnn("evaluate", path, "--checkpoint", run, "--baselines", "--json", *options)
    assert result.code == 0, result.err
    return {found["name"]: found["bits_per_character"] for found in result.json["baselines"]}, result.json


def test_every_baseline_is_there(run_folder: Path, tmp_path: Path) -> None:
    text = TEXT[-1500:]
    found, answer = compared(text, run_folder, tmp_path)
    assert [name for name in found if not name.endswith("-gram")] == [
        "uniform",
        "unigram",
        "gzip",
        "bz2",
        "xz",
    ]
    best = next(bits for name, bits in found.items() if name.endswith("-gram"))
    assert found["uniform"] == pytest.approx(math.log2(len(set(TEXT))))
    assert best < found["unigram"] < found["uniform"]
    assert answer["bits_per_character"] < found["unigram"]


def test_compressors_are_those_of_python(run_folder: Path, tmp_path: Path) -> None:
    data = TEXT[-1500:].encode()
    found, _ = compared(TEXT[-1500:], run_folder, tmp_path)
    assert found["gzip"] == pytest.approx(8 * len(gzip.compress(data)) / 1500)
    assert found["bz2"] == pytest.approx(8 * len(bz2.compress(data)) / 1500)
    assert found["xz"] == pytest.approx(8 * len(lzma.compress(data)) / 1500)


def test_compressed_in_pieces_is_compressed_whole() -> None:
    data = KOREAN.encode()
    assert compressed_bytes(data[i : i + 7] for i in range(0, len(data), 7)) == compressed_bytes([data])


def test_bits_of_korean_are_per_character(korean_run: Path, tmp_path: Path) -> None:
    text = KOREAN[:700]
    found, _ = compared(text, korean_run, tmp_path)
    assert found["bz2"] == pytest.approx(8 * len(bz2.compress(text.encode())) / len(text))


def test_unigrams_are_of_the_training_text_alone(run_folder: Path, tmp_path: Path) -> None:
    training = TEXT[: load(run_folder / "best.safetensors").corpus.training_characters]
    counts = {character: training.count(character) for character in set(TEXT)}
    text = TEXT[:400]
    found, _ = compared(text, run_folder, tmp_path)
    by_hand = -sum(math.log2(counts[character] / len(training)) for character in text[1:]) / (len(text) - 1)
    assert found["unigram"] == pytest.approx(by_hand, abs=0.01)


def test_unknown_characters_cost_every_model_the_same(run_folder: Path, tmp_path: Path) -> None:
    text = TEXT[:400]
    clean, clean_answer = compared(text, run_folder, tmp_path)
    dirty, dirty_answer = compared(text + "漢字", run_folder, tmp_path)
    charge = clean_answer["bits_per_character"] * 399 - dirty_answer["bits_per_character"] * 401
    assert charge == pytest.approx(-2 * math.log2(0x110000), rel=1e-5)
    for name in ("uniform", "unigram"):
        assert clean[name] * 399 - dirty[name] * 401 == pytest.approx(charge, rel=1e-5)


def test_an_unknown_symbol_is_charged_beside_naming_it(tmp_path: Path) -> None:
    corpus, run = tmp_path / "corpus.txt", tmp_path / "run"
    corpus.write_text(TEXT)
    assert charrnn("train", corpus, "--min-count", "100", "--run", run, *SMALL).code == 0
    symbols = len(load(run / "best.safetensors").vocabulary)
    found, answer = compared(TEXT, run, tmp_path)
    assert answer["unknown_characters"] > 10
    charged = answer["unknown_characters"] * math.log2(0x110000) / answer["characters"]
    assert found["uniform"] == pytest.approx(math.log2(symbols) + charged)


def test_lines_count_their_ends(lines_run: Path, tmp_path: Path) -> None:
    found, answer = compared("anna\nbel\n", lines_run, tmp_path)
    swapped, _ = compared("bel\nanna\n", lines_run, tmp_path)
    assert answer["characters"] == len("anna\nbel\n")
    assert {name: found[name] for name in ("uniform", "unigram")} == pytest.approx(
        {name: swapped[name] for name in ("uniform", "unigram")}
    )
    assert found["gzip"] == pytest.approx(8 * len(gzip.compress(b"anna\nbel\n")) / 9)


def test_where_the_training_text_is_gone_the_rows_say_so(run_folder: Path, tmp_path: Path) -> None:
    alone = tmp_path / "alone.safetensors"
    shutil.copy(run_folder / "best.safetensors", alone)
    found, answer = compared(TEXT[:300], alone, tmp_path)
    assert found["unigram"] is None
    assert found["n-gram"] is None
    assert found["gzip"] > 0
    assert "not in" in next(entry["note"] for entry in answer["baselines"] if entry["name"] == "unigram")
    table = charrnn("evaluate", tmp_path / "compared.txt", "--checkpoint", alone, "--baselines").out
    assert "the text the model learnt from is not in" in table


def test_another_runs_text_does_not_count(run_folder: Path, korean_run: Path, tmp_path: Path) -> None:
    mixed = tmp_path / "mixed"
    shutil.copytree(korean_run, mixed)
    shutil.copy(run_folder / "best.safetensors", mixed / "best.safetensors")
    assert compared(TEXT[:300], mixed, tmp_path)[0]["unigram"] is None


def test_the_table_has_the_gain(run_folder: Path, tmp_path: Path) -> None:
    path = tmp_path / "text.txt"
    path.write_text(TEXT[-1500:])
    lines = charrnn("evaluate", path, "--checkpoint", run_folder, "--baselines").out.splitlines()
    answer = compared(TEXT[-1500:], run_folder, tmp_path)[1]
    uniform = next(line for line in lines if line.startswith("uniform"))
    gain = answer["baselines"][0]["bits_per_character"] - answer["bits_per_character"]
    assert f"{gain:+.4f}" in uniform
    assert lines[-1].split() == ["this", "model", f"{answer['bits_per_character']:.4f}"]


def test_baselines_are_for_the_score_alone(run_folder: Path, tmp_path: Path) -> None:
    for option in ("--per-character", "--show"):
        result = charrnn("evaluate", "builtin:hello", "--checkpoint", run_folder, "--baselines", option)
        assert result.code == 2
        assert f"{option} and --baselines are given" in result.err


def test_training_begins_with_a_scale(tmp_path: Path) -> None:
    corpus = tmp_path / "corpus.txt"
    corpus.write_text(TEXT)
    shown, again, quiet = (
        charrnn("train", corpus, "--run", tmp_path / name, *options)
        for name, options in (("a", SMALL[:-1]), ("b", SMALL[:-1]), ("c", SMALL))
    )
    scale = next(line for line in shown.err.splitlines() if line.startswith("scale"))
    assert scale in again.err
    assert quiet.err == ""
    assert shown.err.index(scale) < shown.err.index("step 20")
    held_back = load(tmp_path / "a" / "best.safetensors").corpus.validation_characters
    found, _ = compared(TEXT[-held_back:], tmp_path / "a", tmp_path)
    for name in ("uniform", "unigram"):
        assert f"{name} {found[name]:.3f}" in scale


@pytest.mark.parametrize("name", ["run_folder", "lines_run"])
def test_the_end_of_a_training_text(name: str, request: pytest.FixtureRequest) -> None:
    run: Path = request.getfixturevalue(name)
    vocabulary, part = load(run / "best.safetensors").vocabulary, open_dataset(run).training
    whole = part.last_symbols(LONGEST)
    assert len(whole) == part.symbols + (vocabulary.end is not None)
    shorter = part.last_symbols(50)
    assert 0 < len(shorter) <= 51
    if vocabulary.end is None:
        assert shorter.tolist() == whole[-50:].tolist()
    else:
        assert shorter[1:].tolist() == whole[1 - len(shorter) :].tolist()
        assert shorter[0] == shorter[-1] == vocabulary.end


def test_records_that_are_held_back_are_not_learnt_from() -> None:
    vocabulary = Vocabulary.from_text("abc", end=True)
    ids = np.array([3, 0, 3, 1, 1, 3, 2, 2, 2, 3], np.uint8)
    part = Records(ids, 4, 4, np.array([0, 2, 5, 9]), np.array([0, 2]))
    assert part.last_symbols(LONGEST).tolist() == [3, 0, 3, 2, 2, 2, 3]
    assert part.last_symbols(5).tolist() == [3, 2, 2, 2, 3]
    assert part.last_symbols(1).tolist() == [3, 2, 2, 2, 3]
    assert np.isfinite(ngrams_of(part, vocabulary).nats(np.array([3, 1, 3]))).all()


def test_a_symbol_that_the_model_does_not_have_is_refused() -> None:
    part = OneText(np.array([0, 7, 0], np.uint8), 3, 3)
    with pytest.raises(CheckpointError, match="symbol 7"):
        ngrams_of(part, Vocabulary.from_text("abc"))


def test_json_is_one_object(run_folder: Path, tmp_path: Path) -> None:
    path = tmp_path / "text.txt"
    path.write_text(TEXT[:300])
    out = charrnn("evaluate", path, "--checkpoint", run_folder, "--baselines", "--json").out
    assert out.count("\n") == 1
    assert {"name", "bits_per_character"} <= json.loads(out)["baselines"][0].keys()
