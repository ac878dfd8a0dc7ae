"""Runs that learn to translate, through the program: read, held out, kept, gone on with."""

import json
import os
import signal
from pathlib import Path

import numpy as np
import pytest
from interruptions import at_call_do, fingerprints
from program import charrnn

from charrnn.runs.checkpoint import load
from charrnn.text.dataset import open_dataset
from charrnn.text.example_parts import Paired
from charrnn.text.target_vocabulary import TargetVocabulary

SOURCES = sorted({"".join(np.random.default_rng(seed).choice(list("abcd"), seed % 5)) for seed in range(200)})
TSV = "".join(f"{source}\t{' '.join(source.upper()[::-1])}\n" for source in SOURCES)
"""Each is turned round, its letters made capitals: `abc` becomes `C B A`."""

OPTIONS = ("--task", "translate", "--target-symbols", "spaces", "--threads", "1", "--quiet")
TRAIN = ("train", "pairs.tsv", *OPTIONS, "--hidden", "12", "--batch-size", "16", "--dropout", "0.1")


@pytest.fixture(autouse=True)
def _in_folder_with_pairs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("pairs.tsv").write_text(TSV)


def pairs_of(part: object, symbols: tuple[str, ...], sources: list[str]) -> list[tuple[str, str]]:
    assert isinstance(part, Paired)
    targets = TargetVocabulary(symbols, "spaces")
    return [
        (
            "".join(sources[i] for i in part.sources.ids[a + 1 : b - 1]),
            targets.decode(part.targets.ids[c + 1 : d - 1]),
        )
        for (a, b), (c, d) in zip(part.sources.texts, part.targets.texts, strict=True)
    ]


@pytest.mark.parametrize("cell", ["gru", "lstm"])
def test_a_run_is_kept_and_goes_on_exactly(cell: str) -> None:
    def stop(*_: object) -> None:
        os.kill(os.getpid(), signal.SIGINT)

    command = (*TRAIN, "--cell", cell, "--steps", "45", "--save-every", "7", "--run")
    result = charrnn(*command, "whole")
    assert result.code == 0, result.err
    with at_call_do("charrnn.tasks.translation.TranslationTask.loss", {23}, stop):
        assert charrnn(*command, "cut").code == 130
    assert charrnn("train", "--resume", "--run", "cut", "--quiet").code == 0
    assert fingerprints(Path("cut")) == fingerprints(Path("whole"))
    best = load(Path("whole/best.safetensors"))
    assert (best.task, best.answers, best.reading.target_symbols) == ("translate", tuple("ABCD"), "spaces")
    assert best.vocabulary.unknown is not None
    assert best.weights["output.weight"].shape == (5, 12)
    assert " → " in Path("whole/samples.txt").read_text()
    lines = [json.loads(line) for line in Path("whole/metrics.jsonl").read_text().splitlines()]
    figures = [line["validation_exact"] for line in lines if "validation_exact" in line]
    assert best.progress.best_validation_nats_per_character == max(figures)


def test_what_is_held_out_are_sources_that_training_has_not() -> None:
    assert charrnn(*TRAIN, "--steps", "2", "--run", "run").code == 0
    checkpoint, dataset = load(Path("run/last.safetensors")), open_dataset(Path("run"))
    names = checkpoint.vocabulary.symbols()
    training, held_out = (pairs_of(part, checkpoint.answers, names) for part in dataset.examples)
    lines = [tuple(line.split("\t")) for line in TSV.splitlines()]
    assert sorted(training + held_out) == sorted(lines)
    assert 0 < len(held_out) < len(training)
    assert not {source for source, _ in training} & {source for source, _ in held_out}


def test_it_learns(tmp_path: Path) -> None:
    Path("more.tsv").write_text(TSV + "ab\tB A x\n" + "zz\tA\n")
    validation = ("--validation", str(tmp_path / "more.tsv"))
    result = charrnn(*TRAIN, *validation, "--steps", "200", "--hidden", "24", "--run", "run")
    assert result.code == 0, result.err
    best = load(Path("run/best.safetensors")).progress.best_validation_nats_per_character
    assert best is not None
    assert best > 0.9  # of what is measured on, the two that were added cannot be right


@pytest.mark.parametrize(
    ("options", "code", "message"),
    [
        (("--target-symbols", "spaces"), 2, "--target-symbols is spaces, but --task is language"),
        (("--task", "translate", "--columns", "1"), 2, "--columns is '1'; expected two columns"),
        (("--task", "translate", "--columns", "1,3"), 3, "pairs.tsv, line 1: found 2 columns"),
        (("--task", "translate", "--mode", "text"), 2, "--mode is text, but --task translate"),
    ],
)
def test_wrong_use_is_one_line_and_writes_nothing(options: tuple[str, ...], code: int, message: str) -> None:
    result = charrnn("train", "pairs.tsv", *options, "--run", "run")
    assert result.code == code
    assert message in result.err
    assert not Path("run").exists()


def test_targets_without_a_symbol_are_no_targets() -> None:
    Path("pairs.tsv").write_text("a\t\nb\t\n")
    result = charrnn(*TRAIN, "--run", "run")
    assert result.code == 3
    assert "nothing but empty targets" in result.err


@pytest.mark.parametrize("file", ["corpus-targets.npy", "corpus-target-bounds.npy"])
def test_targets_that_do_not_fit_their_sources_are_refused(file: str) -> None:
    assert charrnn(*TRAIN, "--steps", "2", "--run", "run").code == 0
    array = np.load(Path("run", file))
    for wrong in (
        array[:-1],
        np.append(array[:-1], array[-1] + 1).astype(array.dtype),
        array.astype(np.int16),
    ):
        np.save(Path("run", file), wrong)
        result = charrnn("train", "--resume", "--run", "run", "--steps", "4", "--quiet")
        assert result.code == 3
        assert "corpus-targets.npy does not fit the text" in result.err
    result = charrnn("train", "pairs.tsv", "--resume", "--run", "run", "--steps", "4", "--quiet")
    assert result.code == 0, result.err
    assert (np.load(Path("run", file)) == array).all()


def test_without_attention_there_is_none() -> None:
    assert charrnn(*TRAIN, "--no-attention", "--no-bidirectional", "--steps", "4", "--run", "run").code == 0
    checkpoint = load(Path("run/last.safetensors"))
    assert not {"query_weight", "mixing_weight"} & checkpoint.weights.keys()
    assert checkpoint.weights["bridge_weight"].shape == (12, 12)
    assert charrnn("train", "--resume", "--run", "run", "--steps", "6", "--quiet").code == 0
    assert charrnn("translate", "--checkpoint", "run", "--text", "ab").code == 0
    for option in (("--attention",), ("--html", "page.html")):
        result = charrnn("translate", "--checkpoint", "run", "--text", "ab", *option)
        assert (result.code, result.out) == (2, "")
        assert f"{option[0]} shows what a model looks at, and this one has none" in result.err
    assert not Path("page.html").exists()
