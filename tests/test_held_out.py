"""What is held out of several texts, and what a validation file of its own costs, in whole runs."""

import math
import shutil
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import torch
from program import SMALL, TEXT, charrnn, lines_of

from charrnn.commands.scoring import network_of
from charrnn.errors import UsageError
from charrnn.runs.checkpoint import load
from charrnn.tasks.language import LanguageTask
from charrnn.text.dataset import open_dataset
from charrnn.text.split import count_held_out, cuts, parse_validation, spread
from charrnn.text.text_parts import PartedText


def letters(folder: Path, count: int = 6) -> Path:
    """A folder of short texts, each with a name of its own."""
    folder.mkdir()
    for number in range(count):
        text = TEXT[number * 500 : number * 500 + 1500]
        (folder / f"{number}.txt").write_text(f"Letter {number}. {text}")
    return folder


def train(*arguments: str | Path) -> str:
    result = charrnn("train", *arguments, *SMALL[:-1])
    assert result.code == 0, result.err
    return result.err


def best_nats(run: Path) -> float:
    nats = load(run / "best.safetensors").progress.best_validation_nats_per_character
    assert nats is not None
    return nats


def test_a_folder_is_trained_on_and_validated_in_stretches_each_from_a_blank_state(tmp_path: Path) -> None:
    run = tmp_path / "run"
    train(letters(tmp_path / "letters"), "--run", run)
    model, dataset = load(run / "best.safetensors"), open_dataset(run)
    part = dataset.validation
    assert isinstance(part, PartedText)
    assert len(part.texts) > 4
    network = network_of(model)
    nats = 0.0
    for begin, end in part.texts.tolist():
        ids = torch.from_numpy(part.ids[begin:end].astype(np.int64))[None]
        with torch.inference_mode():
            logits, _ = network(ids[:, :-1], network.blank_state(1))
        nats += float(torch.nn.functional.cross_entropy(logits[0], ids[0, 1:], reduction="sum"))
    assert best_nats(run) == pytest.approx(nats / (part.characters - len(part.texts)), abs=1e-5)


def test_a_run_on_a_folder_goes_on_exactly(tmp_path: Path) -> None:
    folder = letters(tmp_path / "letters")
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    options = ("--hidden", "16", "--batch-size", "4", "--sequence-length", "16", "--quiet")
    assert charrnn("train", folder, "--run", whole, "--steps", "24", *options).code == 0
    assert charrnn("train", folder, "--run", cut, "--steps", "24", *options, "--save-every", "7").code == 0
    shutil.copy(cut / "previous.safetensors", cut / "last.safetensors")
    assert load(cut / "last.safetensors").progress.step < 24
    assert charrnn("train", "--resume", "--run", cut, "--quiet").code == 0
    first, second = (load(run / "last.safetensors") for run in (whole, cut))
    assert first.progress.step == second.progress.step == 24
    assert all(np.array_equal(first.weights[name], second.weights[name]) for name in first.weights)


@pytest.mark.parametrize("mode", ["text", "lines"])
@pytest.mark.parametrize("held", ["One bird 漢字 sat.\nOne 漢\n", "漢 One bird sat.\n", "字"])
def test_unknown_characters_of_a_validation_file_cost_what_evaluate_charges(
    tmp_path: Path, mode: str, held: str
) -> None:
    corpus, other, run = tmp_path / "corpus.txt", tmp_path / "other.txt", tmp_path / "run"
    corpus.write_text(TEXT)
    other.write_text(held * (1 if len(held) > 1 else 3), encoding="utf-8")
    told = train(corpus, "--validation", other, "--mode", mode, "--run", run)
    unknown = sum(held.count(character) for character in "漢字") * (1 if len(held) > 1 else 3)
    assert f"{unknown} characters of it are unknown to the model" in told
    assert "never seen in training" not in told
    score = charrnn("evaluate", other, "--checkpoint", run, "--json").json
    assert best_nats(run) == pytest.approx(score["nats_per_character"], abs=1e-5)
    assert (
        score["nats_per_character"]
        > math.log(0x110000) * score["unknown_characters"] / score["characters"] / 2
    )


def test_what_is_given_of_each_stretch_is_its_first_character(tmp_path: Path) -> None:
    folder, run = tmp_path / "korean", tmp_path / "run"
    folder.mkdir()
    for number in range(4):
        text = "".join(f"한{n}글{n * n}문장 " for n in range(300))
        (folder / f"{number}.txt").write_text(text[number:], encoding="utf-8")
    train(folder, "--normalize", "nfd", "--run", run)
    model, part = load(run / "best.safetensors"), open_dataset(run).validation
    assert part is not None
    task = LanguageTask(model.vocabulary, model.reading)
    given = part.given(model.vocabulary, model.reading)
    assert set(given.tolist()) <= {1, 2, 3}
    assert len(set(given.tolist())) > 1
    whole = task.score(network_of(model), part)
    assert whole.symbols == part.symbols - given.sum()
    assert best_nats(run) == pytest.approx(whole.nats_per_character, abs=1e-5)


def test_lines_in_both_parts_are_said(tmp_path: Path) -> None:
    names = tmp_path / "names.txt"
    names.write_text("".join(f"name {number}\n" for number in range(150)) * 20)
    told = train(names, "--mode", "lines", "--run", tmp_path / "run")
    assert "300 of 300 held-out lines also stand in the training part" in told


def test_a_long_window_is_cut_to_the_shortest_stretch(tmp_path: Path) -> None:
    run = tmp_path / "run"
    options = ("--steps", "3", "--hidden", "8", "--sequence-length", "5000", "--batch-size", "2", "--quiet")
    assert charrnn("train", letters(tmp_path / "letters"), "--run", run, *options).code == 0
    training = open_dataset(run).training
    assert isinstance(training, PartedText)
    settings = load(run / "last.safetensors").settings
    assert settings["sequence_length"] == int(np.diff(training.texts).min()) - 1
    assert lines_of(run / "metrics.jsonl")[-1]["step"] == 3


def test_a_held_out_part_of_another_kind_is_said(tmp_path: Path) -> None:
    novel = "".join(
        f"The {n}th day went by and {n % 7} ships came home to the old harbour.\n" for n in range(400)
    )
    licence = "".join(
        f"SECTION {n}: NO WARRANTY; LIABILITY IS LIMITED (SEE {n % 9}.{n}).\n" for n in range(50)
    )
    one, other = tmp_path / "one.txt", tmp_path / "other.txt"
    one.write_text(novel + licence)
    other.write_text(novel)
    assert "the held-out part is unlike the rest" in train(one, "--run", tmp_path / "a")
    assert "unlike" not in train(other, "--run", tmp_path / "b")
    folder = tmp_path / "folder"
    folder.mkdir()
    one.rename(folder / "one.txt")
    assert "unlike" not in train(folder, "--run", tmp_path / "c")


def test_the_verdict_does_not_speak_of_overfitting_where_lines_are_repeated(tmp_path: Path) -> None:
    names = tmp_path / "names.txt"
    names.write_text("".join(f"name {number % 10}{number * 7 % 13}\n" for number in range(150)) * 20)
    options = ("--mode", "lines", "--hidden", "16", "--steps", "200", "--batch-size", "64")
    result = charrnn("train", names, *options, "--run", tmp_path / "run")
    assert result.code == 0
    assert "100% of the held-out lines also stand in the training part" in result.err
    assert "does not overfit" not in result.err


@pytest.mark.parametrize(
    ("held", "total", "stretches"),
    [
        (0, 1000, 1),
        (99, 1000, 1),
        (100, 1000, 2),  # the root of 100 / 25
        (224, 10_000, 2),
        (225, 10_000, 3),
        (25 * 20**2, 10**6, 20),
        (10**5, 10**6, 20),
        (900, 1000, 2),  # as many as of what is learnt from
        (1000, 1000, 1),
    ],
)
def test_the_number_of_stretches_grows_with_the_root_of_what_is_held_out(
    held: int, total: int, stretches: int
) -> None:
    assert spread(held, total) == stretches


def test_the_end_of_each_part_is_held_out() -> None:
    assert cuts(13, 40, 3) == [9, 13, 22, 26, 35]
    assert cuts(1, 40, 1) == [39]
    assert cuts(0, 40, 3) == []


@pytest.mark.parametrize(
    ("given", "held"), [("0", 0), ("0.1", 1), ("0.999", 10), ("1", 1), ("2", 2), ("9", 9), ("1.0", 1)]
)
def test_below_one_a_share_is_held_out_and_from_one_on_a_number(given: str, held: int) -> None:
    amount = parse_validation(given)
    assert isinstance(amount, Fraction)
    assert count_held_out(amount, 10, "lines") == held


def test_all_that_there_is_cannot_be_held_out() -> None:
    with pytest.raises(UsageError, match="--validation is 10, but the text has 10 lines"):
        count_held_out(Fraction(10), 10, "lines")
