"""`charrnn train`: what it writes, what each option does, and that the same command does the same."""

import itertools
import json
import os
import re
import signal
import subprocess
import sys
import time
import tomllib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from clocks import Readings
from interruptions import MOMENTS, at_call_do
from program import KOREAN, SMALL, TEXT, Result, charrnn, charrnn_process, lines_of

from charrnn import STARTED
from charrnn.runs.checkpoint import Checkpoint, Weights, load
from charrnn.tasks.language import LanguageTask
from charrnn.text.dataset import Dataset
from charrnn.text.dataset_encoding import encode_dataset
from charrnn.training import schedule


@pytest.fixture(autouse=True)
def _in_folder_with_texts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("text.txt").write_text(TEXT, encoding="utf-8")
    Path("korean.txt").write_text(KOREAN, encoding="utf-8")


def train(*options: str, corpus: str = "text.txt", run: str = "run") -> Result:
    """A small run; what the options say goes before."""
    result = charrnn("train", corpus, "--run", run, *SMALL, *options)
    assert result.code == 0, result.err
    return result


def best(run: str = "run") -> Checkpoint:
    return load(Path(run) / "best.safetensors")


def last(run: str = "run") -> Checkpoint:
    return load(Path(run) / "last.safetensors")


def config(run: str = "run") -> dict[str, Any]:
    return tomllib.loads((Path(run) / "config.toml").read_text(encoding="utf-8"))


@pytest.mark.parametrize("cell", ["lstm", "gru", "rnn"])
def test_learns_hello(cell: str) -> None:
    """The lecture's example: h is followed by e, e by l, l by l and then by o."""
    options = ("--validation", "0", "--steps", "300", "--run", "hello", "--cell", cell, "--quiet")
    assert charrnn("train", "builtin:hello", *options).code == 0
    assert [chr(code) for code in best("hello").vocabulary.codes] == ["e", "h", "l", "o"]
    sample = charrnn(
        "sample", "--checkpoint", "hello", "--prompt", "h", "--length", "4", "--temperature", "0"
    )
    assert sample.out_bytes == b"hello"
    scored = charrnn("evaluate", "builtin:hello", "--checkpoint", "hello", "--per-character").out.splitlines()
    steps = [json.loads(line) for line in scored]
    assert [step["character"] for step in steps] == ["e", "l", "l", "o"]
    for step in steps:
        assert set(step["probabilities"]) == {"h", "e", "l", "o"}
        assert sum(step["probabilities"].values()) == pytest.approx(1, abs=1e-5)
        assert step["nats"] == pytest.approx(-np.log(step["probabilities"][step["character"]]), abs=1e-4)


def test_the_run_folder_holds_what_it_should() -> None:
    train("--sample-every", "10")
    names = {path.name for path in Path("run").iterdir()}
    assert {"config.toml", "metrics.jsonl", "last.safetensors", "best.safetensors", "samples.txt"} <= names
    assert not [name for name in names if name.startswith(".")]
    report = lines_of(Path("run/metrics.jsonl"))[-1]
    assert set(report) == {
        "step", "epoch", "characters", "seconds", "train_nats", "validation_nats", "learning_rate",
        "gradient_norm", "characters_per_second", "processes", "communication_seconds",
    }  # fmt: skip
    assert report["step"] == 20
    assert report["characters"] == 20 * 4 * 16
    assert "step 10" in Path("run/samples.txt").read_text(encoding="utf-8")


def test_learning_lowers_the_loss() -> None:
    train("--steps", "120", "--hidden", "32")
    figures = [
        line["validation_nats"] for line in lines_of(Path("run/metrics.jsonl")) if "validation_nats" in line
    ]
    assert figures[-1] < 0.6 * np.log(len(best().vocabulary))
    assert best().progress.best_validation_nats_per_character == pytest.approx(min(figures))


@pytest.mark.parametrize("mode", ["text", "lines"])
def test_the_same_command_gives_the_same_weights_and_text(mode: str) -> None:
    options = ("--mode", mode, "--dropout", "0.2", "--layers", "2")
    for run in ("a", "b"):
        train(*options, run=run)
    train(*options, "--seed", "2", run="c")
    prints = [
        charrnn("info", "--checkpoint", run, "--json").json["weights_sha256"] for run in ("a", "b", "c")
    ]
    assert prints[0] == prints[1] != prints[2]
    texts = [charrnn("sample", "--checkpoint", run, "--seed", "5").out for run in ("a", "b")]
    assert texts[0] == texts[1]


def test_saving_and_sampling_do_not_change_the_weights() -> None:
    train(run="a")
    train("--save-every", "3", "--sample-every", "2", "--prompt", "One", run="b")
    assert best("a").fingerprint() == best("b").fingerprint()
    assert "One" in Path("b/samples.txt").read_text(encoding="utf-8")


def test_the_config_does_the_run_again() -> None:
    train("--cell", "gru", "--normalize", "nfd", corpus="korean.txt", run="a")
    assert not {"run", "resume"} & set(config("a"))
    assert (config("a")["device"], config("a")["precision"]) == ("cpu", "fp32"), "nothing is left open"
    assert charrnn("train", "--config", "a/config.toml", "--run", "b").code == 0
    assert config("a") == config("b")
    assert best("a").fingerprint() == best("b").fingerprint()
    assert charrnn("train", "--config", "a/config.toml", "--run", "c", "--hidden", "8").code == 0
    assert best("c").architecture.hidden == 8


EFFECTS: dict[str, tuple[tuple[str, ...], Any]] = {
    "cell": (("--cell", "gru"), lambda c: c.architecture.cell == "gru"),
    "layers": (("--layers", "3"), lambda c: c.architecture.layers == 3),
    "hidden": (("--hidden", "24"), lambda c: c.architecture.hidden == 24),
    "embedding": (("--embedding", "5"), lambda c: c.weights["embedding.weight"].shape[1] == 5),
    "one-hot": (("--embedding", "0"), lambda c: "embedding.weight" not in c.weights),
    "steps": (("--steps", "7"), lambda c: c.progress.step == 7),
    "epochs": (("--steps", "999999", "--epochs", "0.5"), lambda c: abs(c.progress.epoch - 0.5) < 0.01),
    "batch size": (("--batch-size", "2"), lambda c: c.progress.characters_seen == 20 * 2 * 16),
    "sequence length": (("--sequence-length", "8"), lambda c: c.progress.characters_seen == 20 * 4 * 8),
    "no validation": (("--validation", "0"), lambda c: c.corpus.validation_characters == 0),
    "validation count": (("--validation", "500"), lambda c: c.corpus.validation_characters == 500),
    "validation share": (
        ("--validation", "0.25"),
        lambda c: c.corpus.validation_characters == len(TEXT) // 4,
    ),
    "validation file": (("--validation", "text.txt"), lambda c: c.corpus.training_characters == len(TEXT)),
    "lines": (("--mode", "lines"), lambda c: c.vocabulary.end is not None),
    "bytes": (("--level", "byte"), lambda c: len(c.vocabulary) == 256),
    "min count": (("--min-count", "60"), lambda c: c.vocabulary.unknown is not None),
}


@pytest.mark.parametrize("name", EFFECTS)
def test_an_option_has_its_effect(name: str) -> None:
    options, holds = EFFECTS[name]
    train(*options)
    assert holds(best()), best()


STILL = ("--learning-rate", "1e-9")
"""The weights stay as they are, but for what does not count."""


def first_update(*options: str, run: str) -> tuple[Weights, float]:
    """The weights after one update of AdamW, and the learning rate that it had."""
    train("--steps", "1", "--optimizer", "adamw", "--weight-decay", "0", *options, run=run)
    return best(run).weights, lines_of(Path(run) / "metrics.jsonl")[-1]["learning_rate"]


@pytest.mark.parametrize("peak", ["0.001", "0.004"])
def test_adamw_moves_a_weight_by_the_learning_rate_which_warms_up(peak: str) -> None:
    before, _ = first_update(*STILL, run="before")
    after, rate = first_update("--learning-rate", peak, run="after")
    assert 0 < rate < 0.1 * float(peak)
    assert np.abs(after["output.bias"] - before["output.bias"]) == pytest.approx(rate, rel=1e-3)


def test_muon_is_the_default_and_adamw_another_choice() -> None:
    for run, options in {"default": (), "adamw": ("--optimizer", "adamw")}.items():
        train(*options, run=run)
    name = "layers.0.recurrent_weight"
    assert f"optimizer.momentum.{name}" in last("default").training.arrays
    assert f"optimizer.exp_avg.{name}" in last("adamw").training.arrays
    assert not [name for name in last("adamw").training.arrays if "momentum" in name]


def test_weight_decay_shrinks_matrices_by_its_share_of_the_learning_rate() -> None:
    before, _ = first_update(*STILL, run="before")
    after, rate = first_update("--learning-rate", "0.1", "--weight-decay", "0.5", run="after")
    for name in ("layers.0.recurrent_weight", "embedding.weight"):  # which get no gradient yet
        assert after[name] == pytest.approx(before[name] * (1 - rate * 0.5), rel=1e-5)


def test_a_gradient_clipped_to_next_to_nothing_teaches_next_to_nothing() -> None:
    """AdamW divides a gradient g by |g| + 1e-8: one of at most 1e-9 moves a weight by 1/11 of the rate."""
    before, _ = first_update(*STILL, run="before")
    after, rate = first_update("--learning-rate", "0.001", "--gradient-clip", "1e-9", run="after")
    moved = np.abs(after["output.bias"] - before["output.bias"])
    assert 0 < moved.max() <= rate / 11 * 1.01


def losses_of(*options: str, model: str, run: str) -> tuple[float, float]:
    """Training and validation loss of a trained model that learns no more."""
    sizes = ("--batch-size", "4", "--sequence-length", "16", "--steps", "3", "--quiet")
    begun = charrnn("train", "text.txt", "--init-from", model, "--run", run, *sizes, *STILL, *options)
    assert begun.code == 0, begun.err
    report = lines_of(Path(run) / "metrics.jsonl")[-1]
    return report["train_nats"], report["validation_nats"]


def test_dropout_makes_training_harder_and_leaves_validation_alone() -> None:
    train("--steps", "60", run="model")
    training, validation = losses_of("--dropout", "0", model="model", run="without")
    harder, same = losses_of("--dropout", "0.5", model="model", run="with")
    assert harder > training + 0.2
    assert same == pytest.approx(validation, abs=1e-6)


def test_half_precision_rounds_what_is_learnt_from() -> None:
    train("--steps", "60", run="model")
    exact, validation = losses_of("--precision", "fp32", model="model", run="fp32")
    rounded, same = losses_of("--precision", "bf16", model="model", run="bf16")
    assert 1e-6 < abs(rounded - exact) < 2**-8 * exact
    assert same == pytest.approx(validation, abs=1e-6)


def test_the_seed_decides_the_first_weights_and_what_is_learnt_from() -> None:
    weights = {
        (seed, steps): first_update(*STILL, "--seed", seed, "--steps", steps, run=f"{seed}-{steps}")[0]
        for seed, steps in (("1", "1"), ("1", "3"), ("9", "1"))
    }
    first, again, other = (each["embedding.weight"].ravel() for each in weights.values())
    assert again == pytest.approx(first, abs=1e-6)
    assert abs(np.corrcoef(first, other)[0, 1]) < 0.3
    train("--steps", "60", run="model")
    one, another = (losses_of("--seed", seed, model="model", run=f"seed {seed}") for seed in ("1", "9"))
    assert one[0] != another[0], "other batches of the same text"
    assert one[1] == pytest.approx(another[1], abs=1e-6)


@pytest.mark.parametrize("threads", [1, 2])
def test_updates_have_the_threads_that_are_asked_for(threads: int) -> None:
    had = set[int]()
    with at_call_do(MOMENTS["update"], range(20), lambda *_: had.add(torch.get_num_threads())):
        train("--threads", str(threads))
    assert had == {threads}


def test_devices_that_are_not_there_are_wrong_use() -> None:
    result = charrnn("train", "text.txt", "--device", "mps", "--steps", "1")
    assert result.code == (0 if sys.platform == "darwin" else 2)


def test_patience_ends_a_run_that_no_longer_improves() -> None:
    options = ("--learning-rate", "1e-9", "--steps", "400", "--batch-size", "16", "--patience", "1")
    train(*options)
    assert load(Path("run/last.safetensors")).progress.step < 400


def test_max_time_is_spent_on_updates_and_not_passed(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Readings(STARTED)
    monkeypatch.setattr(schedule, "time", clock)
    result = charrnn("train", "text.txt", "--run", "run", "--hidden", "16", "--max-time", "6s")
    assert result.code == 0, result.err
    progress = load(Path("run/last.safetensors")).progress
    assert progress.finished
    assert config()["max_time"] == "6s"
    assert 5 < lines_of(Path("run/metrics.jsonl"))[-1]["seconds"] <= 6
    assert clock.seconds - STARTED <= 6
    assert progress.step > 30, "of 600 readings, several for each update"


def test_a_run_with_a_time_ends_finished_or_says_that_nothing_was_learnt() -> None:
    """In a process of its own, where the start may take all of the time."""
    options = ("--run", "run", "--hidden", "16", "--max-time", "6s", "--quiet")
    done = charrnn_process("train", "text.txt", *options)
    last = load(Path("run/last.safetensors")).progress
    if last.step:
        assert (done.returncode, done.stderr, last.finished) == (0, b"", True)
    else:
        assert (done.returncode, last.finished) == (1, False)
        assert done.stderr.startswith(b"charrnn: no update was made: ")


def test_without_a_bound_the_time_is_five_minutes() -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "charrnn", "train", "text.txt", "--run", "run", "--hidden", "8"],
        stderr=subprocess.PIPE,
    ) as process:
        _wait_for(Path("run/config.toml"))
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=60)
    assert config()["max_time"] == "5m"


def _wait_for(path: Path) -> None:
    until = time.monotonic() + 60
    while not path.exists():
        assert time.monotonic() < until, f"{path} did not come"
        time.sleep(0.05)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_saves_and_ends_the_run(number: signal.Signals, code: int) -> None:
    command = [sys.executable, "-m", "charrnn", "train", "text.txt", "--run", "run", "--steps", "1000000"]
    with subprocess.Popen([*command, "--hidden", "16"], stderr=subprocess.PIPE) as process:
        _wait_for(Path("run/metrics.jsonl"))
        process.send_signal(number)
        _, err = process.communicate(timeout=60)
    assert process.returncode == code
    assert b"saved at step" in err
    last = load(Path("run/last.safetensors"))
    assert last.progress.step > 0
    assert not last.progress.finished
    assert charrnn("sample", "--checkpoint", "run", "--length", "10").code == 0


def test_runs_are_named_after_their_corpus() -> None:
    for expected in ("text", "text-2"):
        assert charrnn("train", "text.txt", *SMALL).code == 0
        assert (Path("runs") / expected / "best.safetensors").exists()
    os.utime("runs/text/last.safetensors", (2e9, 2e9))
    assert charrnn("info", "--json").json["checkpoint"] == str(Path("runs/text/best.safetensors"))


def test_a_name_that_another_run_took_meanwhile_is_left_to_it(monkeypatch: pytest.MonkeyPatch) -> None:
    def encode_slowly(*given: Any, **named: Any) -> Dataset:  # noqa: ANN401
        Path("runs/text").mkdir()
        Path("runs/text/config.toml").write_text("another's")
        return encode_dataset(*given, **named)

    monkeypatch.setattr("charrnn.commands.learning_text.encode_dataset", encode_slowly)
    result = charrnn("train", "text.txt", *SMALL[:-1])
    assert result.code == 0, result.err
    assert f"--checkpoint {Path('runs/text-2')}" in result.err
    assert Path("runs/text-2/best.safetensors").exists()
    assert [path.name for path in Path("runs/text").iterdir()] == ["config.toml"]


def test_several_corpora_standard_input_and_built_ins() -> None:
    assert charrnn("train", "text.txt", "korean.txt", "--run", "both", *SMALL).code == 0
    assert best("both").corpus.characters == len(TEXT) + len(KOREAN)
    piped = charrnn("train", "-", "--run", "piped", *SMALL, standard_input=TEXT.encode())
    assert piped.code == 0, piped.err
    assert best("piped").corpus.characters == len(TEXT)


def test_plain_lines_tell_the_story_where_there_is_no_terminal() -> None:
    result = charrnn("train", "text.txt", "--run", "run", *SMALL[:-1])
    assert result.out == ""
    assert f"{len(TEXT):,} characters" in result.err
    assert "LSTM 1×16" in result.err
    assert "validation" in result.err
    assert "charrnn sample --checkpoint run" in result.err
    assert "\x1b" not in result.err


def test_the_lines_of_both_parts_are_all_lines() -> None:
    told = charrnn("train", "text.txt", "--mode", "lines", "--run", "run", *SMALL[:-1]).err
    found = re.search(r"in ([\d,]+) lines, .* ([\d,]+) lines to learn from, ([\d,]+) held out", told)
    assert found is not None, told
    total, learnt, held_out = (int(number.replace(",", "")) for number in found.groups())
    assert total == learnt + held_out > held_out > 0


def test_what_a_long_text_takes_is_said_before_it_is_encoded(monkeypatch: pytest.MonkeyPatch) -> None:
    size, told = len(TEXT), []
    for run, announced_bytes in (("short", size + 1), ("long", size)):
        monkeypatch.setattr("charrnn.commands.train.ANNOUNCED_BYTES", announced_bytes)
        told.append(charrnn("train", "text.txt", "--run", run, *SMALL[:-1]).err)
    assert "disk " not in told[0]
    said = f"disk   the encoded text takes {size / 1000:.1f} kB in the run folder"
    assert 0 <= told[1].find(said) < told[1].find("text  ")


def test_quiet_says_nothing() -> None:
    result = train()
    assert (result.out, result.err) == ("", "")


def spoil(monkeypatch: pytest.MonkeyPatch, calls_spoilt: Callable[[int], bool]) -> None:
    """Let the loss be no number at some of the calls."""
    learn, calls = LanguageTask.loss, itertools.count()

    def diverge(*given: Any) -> Any:  # noqa: ANN401
        loss = learn(*given)
        return replace(loss, nats=loss.nats * np.nan) if calls_spoilt(next(calls)) else loss

    monkeypatch.setattr("charrnn.tasks.language.LanguageTask.loss", diverge)


def test_divergence_ends_with_4_and_keeps_the_last_good_model(monkeypatch: pytest.MonkeyPatch) -> None:
    spoil(monkeypatch, lambda call: call >= 12)
    result = charrnn("train", "text.txt", "--run", "run", *SMALL, "--save-every", "5")
    assert result.code == 4
    assert len(result.err.splitlines()) == 1
    last = load(Path("run/last.safetensors"))
    assert 0 < last.progress.step <= 12
    assert last.is_finite()


@pytest.mark.parametrize("in_a_row", [1, 2, 3, 7])
def test_a_loss_that_is_no_number_for_a_while_is_survived(
    in_a_row: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    spoil(monkeypatch, lambda call: 12 <= call < 12 + in_a_row)
    result = charrnn("train", "text.txt", "--run", "run", *SMALL[:-1], "--save-every", "5")
    assert result.code == 0, result.err
    last = load(Path("run/last.safetensors"))
    assert (last.progress.step, last.is_finite()) == (20, True)
    assert last.training.numbers["divergence"]["skipped"] == in_a_row
    assert result.err.count("back to step 10") == in_a_row // 3
    assert last.training.numbers["trainer"]["rate_factor"] == 0.5 ** (in_a_row // 3)


def test_a_text_too_short_to_split_is_trained_without_validation() -> None:
    Path("short.txt").write_text("hello")
    result = charrnn("train", "short.txt", "--steps", "3", "--run", "run", "--hidden", "8")
    assert result.code == 0, result.err
    assert "too short to hold out" in result.err
    assert best().progress.best_validation_nats_per_character is None


def test_a_part_of_one_character_is_not_measured_on_though_it_is_several_bytes() -> None:
    Path("two.txt").write_text("가나", encoding="utf-8")
    result = charrnn("train", "two.txt", "--level", "byte", "--validation", "1", "--run", "run", *SMALL)
    assert result.code == 0, result.err
    assert best().corpus.validation_characters == 0
    Path("one.txt").write_text("가", encoding="utf-8")
    assert charrnn("train", "one.txt", "--level", "byte", "--run", "one", *SMALL).code == 3
    assert charrnn("evaluate", "one.txt", "--checkpoint", "run").code == 3
