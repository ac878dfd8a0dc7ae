"""`charrnn train --resume`: a run that was stopped ends as if nothing had happened, bit for bit."""

import itertools
import json
import os
import shutil
import tomllib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from interruptions import MOMENTS, at_call_do, fingerprints, stopped_at
from program import SMALL, TEXT, charrnn, lines_of

from charrnn.config.values import duration, seconds
from charrnn.evaluation.scores import LanguageScore
from charrnn.runs.checkpoint import load, save
from charrnn.runs.lock import locked
from charrnn.tasks.language import LanguageTask

OPTIONS = (*SMALL, "--layers", "2", "--dropout", "0.3", "--sample-every", "7")


@pytest.fixture(autouse=True)
def _in_folder_with_texts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("text.txt").write_text(TEXT, encoding="utf-8")


def begin(*options: str, run: str = "run") -> tuple[str, ...]:
    return ("train", "text.txt", "--run", run, *OPTIONS, *options)


def stopped_run(*options: str, call: int = 12) -> None:
    result = stopped_at("update", call, *begin("--save-every", "5", *options))
    assert result.code == 130, result.err


def resume(*options: str | Path, run: str = "run") -> str:
    result = charrnn("train", "--resume", "--run", run, *options)
    assert result.code == 0, result.err
    return result.err


def refused(*options: str, code: int) -> str:
    result = charrnn("train", "--resume", "--run", "run", *options)
    assert result.code == code, result.err
    assert len(result.err.splitlines()) == 1
    return result.err


CASES = [
    ("lstm", "text", "update", 7),
    ("lstm", "lines", "update", 11),
    ("gru", "text", "validation", 2),
    ("gru", "lines", "validation", 2),
    ("rnn", "text", "sample", 1),
    ("rnn", "lines", "save", 4),
    ("lstm", "text", "report", 1),
]


@pytest.mark.parametrize(("cell", "mode", "moment", "call"), CASES)
def test_a_run_that_was_stopped_ends_as_if_it_had_not_been(
    cell: str, mode: str, moment: str, call: int
) -> None:
    held_out = "100" if mode == "text" else "3"
    options = (
        "--cell",
        cell,
        "--mode",
        mode,
        "--patience",
        "9",
        "--validation",
        held_out,
        "--save-every",
        "4",
    )
    assert charrnn(*begin(*options, run="whole")).code == 0
    result = stopped_at(moment, call, *begin(*options))
    assert result.code == 130, result.err
    assert 0 < load(Path("run/last.safetensors")).progress.step <= 20
    resume()
    assert fingerprints(Path("run")) == fingerprints(Path("whole"))
    assert load(Path("run/last.safetensors")).progress.finished
    assert validations("run") == validations("whole") != []


def validations(run: str) -> list[tuple[int, float]]:
    """What a run's reports say of its validations, with their steps."""
    lines = lines_of(Path(run, "metrics.jsonl"))
    return [(line["step"], line["validation_nats"]) for line in lines if "validation_nats" in line]


def test_a_run_needs_nothing_repeated_not_even_its_text() -> None:
    stopped_run("--cell", "gru")
    Path("text.txt").unlink()
    Path("run/config.toml").unlink()
    resume()
    last = load(Path("run/last.safetensors"))
    assert (last.progress.step, last.architecture.cell) == (20, "gru")


def test_what_may_change_may() -> None:
    stopped_run()
    resume("--steps", "30", "--save-every", "3", "--sample-every", "50", "--prompt", "One")
    assert load(Path("run/last.safetensors")).progress.step == 30
    assert "steps = 30" in Path("run/config.toml").read_text()
    assert "text.txt" in Path("run/config.toml").read_text()


@pytest.mark.parametrize(
    ("options", "named"),
    [
        (("--hidden", "32"), "--hidden is 32, but the run was begun with 16"),
        (("--learning-rate", "0.5"), "--learning-rate is 0.5"),
        (("--seed", "7"), "--seed is 7, but the run was begun with 1"),
        (("--validation", "0.2"), "--validation is '0.2', but the run was begun with '0.1'"),
        (("--mode", "lines"), "--mode is 'lines'"),
        (("--min-count", "3"), "--min-count is 3, but the run was begun with 1"),
        (("--vocabulary", "x"), "--vocabulary is 'x', but the run was begun with nothing there"),
        (("--init-from", "x"), "--init-from is 'x'"),
    ],
)
def test_anything_else_is_an_error_that_names_it(options: tuple[str, ...], named: str) -> None:
    stopped_run()
    assert named in refused(*options, code=2)


def test_repeating_what_was_said_is_no_error() -> None:
    stopped_run()
    resume("--hidden", "16", "--dropout", "0.3", "--validation", "0.1", "--device", "auto", "text.txt")


def test_another_corpus_is_refused() -> None:
    stopped_run()
    Path("other.txt").write_text(TEXT + "more")
    assert "other.txt is not the text that the run learns from" in refused("other.txt", code=3)


def test_an_encoded_text_that_was_changed_is_refused() -> None:
    stopped_run()
    ids = np.load("run/corpus.npy")
    ids[0] += 1
    np.save("run/corpus.npy", ids)
    assert "is not what the run learns from" in refused(code=3)
    Path("run/corpus.npy").unlink()
    message = refused(code=3)
    assert "missing or damaged" in message
    assert "name the text again: charrnn train --resume --run run CORPUS" in message


def test_a_run_that_has_ended_stays_as_it_is() -> None:
    assert charrnn(*begin()).code == 0
    before = Path("run/last.safetensors").read_bytes()
    assert charrnn("train", "--resume", "--run", "run").code == 0
    assert charrnn("train", "--resume", "--run", "run", "--steps", "20").code == 0
    assert Path("run/last.safetensors").read_bytes() == before


def test_a_run_that_has_ended_can_be_extended_and_says_how() -> None:
    assert charrnn("train", "text.txt", "--run", "run", *SMALL[:-1], "--epochs", "9").code == 0
    said = resume("--steps", "40")
    assert "at step 20, until 40 steps: 50% of its schedule is done" in said
    assert "learning rate goes on at 51% of the highest" in said
    progress = load(Path("run/last.safetensors")).progress
    assert (progress.step, progress.finished) == (40, True)
    said = resume("--epochs", "1.5")
    assert load(Path("run/last.safetensors")).progress.epoch == pytest.approx(1.5, abs=0.02)


def test_without_a_name_the_newest_unfinished_run_goes_on() -> None:
    for run in ("runs/a", "runs/b", "runs/c"):
        stopped_at("update", 3, *begin(run=run))
    assert charrnn(*begin(run="runs/d")).code == 0
    for run, written in (("a", 1e9), ("b", 3e9), ("c", 2e9)):
        for file in Path("runs", run).glob("*.safetensors"):
            os.utime(file, (written, written))
    for expected in ("b", "c", "a"):
        assert charrnn("train", "--resume").code == 0
        assert load(Path("runs", expected, "last.safetensors")).progress.finished
    result = charrnn("train", "--resume")
    assert result.code == 3
    assert "there is no unfinished run in runs/ here" in result.err


def damage(name: str) -> None:
    path = Path("run") / f"{name}.safetensors"
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def test_a_damaged_last_gives_way_to_the_one_before_and_both_are_named() -> None:
    assert charrnn(*begin(run="whole")).code == 0
    result = stopped_at("update", 12, *begin("--save-every", "5")[:-2], "--sample-every", "7")
    damage("last")
    assert charrnn("train", "--resume", "--run", "run", "--save-every", "7", "--quiet").err == ""
    assert fingerprints(Path("run")) == fingerprints(Path("whole"))
    assert result.code == 130


def test_what_was_used_and_why_is_said() -> None:
    loud = tuple(option for option in begin("--save-every", "5") if option != "--quiet")
    assert stopped_at("update", 12, *loud).code == 130
    damage("last")
    err = resume()
    assert (
        "run/last.safetensors is not a usable checkpoint: its digest is not that of its content"
        in err.replace("\\", "/")
    )
    assert "going on from run/previous.safetensors, step 10" in err.replace("\\", "/")


def test_the_best_weights_are_the_last_resort() -> None:
    loud = begin("--save-every", "5", "--validation", "100")
    assert stopped_at("update", 12, *(option for option in loud if option != "--quiet")).code == 130
    Path("run/last.safetensors").unlink()
    damage("previous")
    assert "the weights alone: the optimizer starts anew" in resume()
    assert load(Path("run/last.safetensors")).progress.step == 20


def test_where_nothing_is_left_it_is_said() -> None:
    stopped_run()
    for name in ("last", "previous", "best"):
        Path("run", f"{name}.safetensors").write_bytes(b"\0" * 100)
    message = refused(code=3)
    assert all(
        f"{name}.safetensors is not a usable checkpoint" in message for name in ("last", "previous", "best")
    )
    shutil.rmtree("run")
    assert "run does not exist" in refused(code=3)


def test_a_second_writer_is_refused() -> None:
    stopped_run()
    with locked(Path("run")):
        assert "run is being written by another charrnn train" in refused(code=2)
    resume()


def test_reports_go_on_where_the_state_does() -> None:
    stopped_run()
    last = load(Path("run/last.safetensors")).progress
    with Path("run/metrics.jsonl").open("a") as file:
        file.write(json.dumps({"step": last.step + 1, "seconds": 1.0}) + "\n" + '{"step": 3, "sec')
    resume()
    lines = lines_of(Path("run/metrics.jsonl"))
    steps = [line["step"] for line in lines]
    assert steps == sorted(steps)
    assert steps[-1] == 20
    seconds = [line["seconds"] for line in lines]
    assert seconds == sorted(seconds)
    assert load(Path("run/last.safetensors")).progress.seconds >= last.seconds


def test_what_a_killed_program_left_is_swept_and_nothing_else() -> None:
    stopped_run()
    ours = [Path(f"run/.{name}.safetensors.writing") for name in ("last", "best")]
    theirs = [Path("run/notes.txt"), Path("run/.hidden.writing"), Path("run/last.safetensors.bak")]
    for path in (*ours, *theirs):
        path.write_text("x")
    resume()
    assert not any(path.exists() for path in ours)
    assert all(path.read_text() == "x" for path in theirs)


def test_what_a_killed_beginning_left_beside_is_swept() -> None:
    old, young, other = Path(".run.1.partial"), Path(".run.2.partial"), Path(".run.x.partial")
    for folder in (old, young, other):
        folder.mkdir()
    for folder in (old, other):
        os.utime(folder, (1e9, 1e9))
    assert charrnn(*begin()).code == 0
    assert [folder.exists() for folder in (old, young, other)] == [False, True, True]


def test_the_time_of_a_run_is_that_of_all_its_processes() -> None:
    stopped_run("--max-time", "1h")
    path = Path("run/last.safetensors")
    assert load(path).progress.seconds < 3000
    resume("--max-time", "1s")
    assert load(path).progress.finished
    assert load(path).progress.step < 20


def crash(call: int, *command: str) -> None:
    """Run a command that is killed at an update: nothing more is saved."""

    def fail(*_: object) -> None:
        raise RuntimeError("killed")

    with at_call_do(MOMENTS["update"], {call}, fail):
        assert charrnn(*command).code == 1


def best() -> tuple[str, float]:
    found = load(Path("run/best.safetensors"))
    nats = found.progress.validation_nats_per_character
    assert nats is not None
    return found.fingerprint(), nats


def test_a_best_gives_way_to_a_better_one_only_whatever_is_done_again() -> None:
    options = ("--validation", "100", "--patience", "15")
    assert charrnn(*begin(*options, run="whole")).code == 0
    crash(17, *begin(*options))
    assert load(Path("run/last.safetensors")).progress.step == 0
    kept = best()
    for call in (3, 9):
        crash(call, "train", "--resume", "--run", "run")
        assert best() == kept
    resume()
    assert fingerprints(Path("run")) == fingerprints(Path("whole"))


def test_a_best_that_is_damaged_or_of_another_text_gives_way() -> None:
    stopped_run("--validation", "100")
    for spoil in (lambda: damage("best"), lambda: shutil.copy("other/best.safetensors", "run")):
        assert charrnn(*begin("--validation", "90", run="other")).code == 0
        spoil()
        resume("--steps", "40")
        assert load(Path("run/best.safetensors")).progress.step > 12
        shutil.rmtree("other")
        shutil.rmtree("run")
        stopped_run("--validation", "100")


def test_what_info_tells_of_a_run_is_how_far_it_came(monkeypatch: pytest.MonkeyPatch) -> None:
    """The best weights may be those of an earlier update, before the run had ended."""
    worse = itertools.count(1)
    monkeypatch.setattr(LanguageTask, "score", lambda *_: LanguageScore(float(next(worse)), 1, 1))
    assert charrnn(*begin("--validation", "100")).code == 0
    kept = load(Path("run/best.safetensors"))
    assert kept.progress.step < 20
    info = charrnn("info", "--checkpoint", "run", "--json").json
    assert (info["finished"], info["step"], info["best_step"]) == (True, 20, kept.progress.step)
    assert info["weights_sha256"] == kept.fingerprint()
    assert info["best_validation_nats_per_character"] == kept.progress.validation_nats_per_character
    alone = charrnn("info", "--checkpoint", "run/best.safetensors", "--json").json
    assert (alone["finished"], alone["step"]) == (False, kept.progress.step)


@pytest.mark.parametrize("mode", ["text", "lines"])
def test_an_encoded_text_that_is_lost_is_made_anew_from_the_text(mode: str) -> None:
    options = ("--mode", mode, "--validation", "0.2")
    assert charrnn(*begin(*options, run="whole")).code == 0
    stopped_run(*options)
    Path("other.txt").write_text(TEXT + "more")
    for spoil in (Path("run/corpus.npy").unlink, lambda: Path("run/dataset.json").write_text("{}")):
        spoil()
        before = {file.name: file.read_bytes() for file in Path("run").iterdir()}
        refused("other.txt", code=3)
        assert {file.name: file.read_bytes() for file in Path("run").iterdir()} == before
        stopped_at("update", 2, "train", "--resume", "--run", "run", "text.txt")
    assert "resume run at step" in resume()
    assert fingerprints(Path("run")) == fingerprints(Path("whole"))
    assert not Path("run/.encoding").exists()


def test_a_text_that_is_encoded_otherwise_is_not_put_in_the_place_of_a_lost_one() -> None:
    stopped_run()
    Path("run/corpus.npy").unlink()
    Path("run/config.toml").write_text('validation = "0.3"\n')
    assert "is not what the run learns from" in refused("text.txt", "--quiet", code=3)
    assert not Path("run/corpus.npy").exists()
    assert not Path("run/.encoding").exists()


def test_more_time_is_added_to_what_was_done() -> None:
    assert charrnn(*begin()).code == 0
    done = load(Path("run/last.safetensors")).progress.seconds
    said = resume("--max-time", "+1h", "--steps", "25")
    total = seconds(tomllib.loads(Path("run/config.toml").read_text())["max_time"])
    assert 3600 + done <= total <= 3601 + done
    assert f"until {duration(total)} or 25 steps" in said
    assert load(Path("run/last.safetensors")).progress.step == 25
    assert "--max-time +5m" in resume()
    assert "expected a duration" in refused("--max-time", "+5", code=2)
    result = charrnn("train", "text.txt", "--max-time", "+5m")
    assert result.code == 2
    assert "--max-time is '+5m'; expected a duration such as 5m; +5m is for --resume" in result.err


def test_a_quiet_run_goes_on_aloud() -> None:
    stopped_run()
    assert "quiet" not in Path("run/config.toml").read_text()
    assert "quiet" not in load(Path("run/last.safetensors")).settings
    assert "resume run at step" in resume("--steps", "22")
    last = load(Path("run/last.safetensors"))
    save(Path("run/last.safetensors"), replace(last, settings=last.settings | {"quiet": True}))  # as of old
    assert "resume run at step 22" in resume("--steps", "24")
    assert charrnn("train", "--resume", "--run", "run", "--steps", "26", "--quiet").err == ""


def test_patience_and_the_machine_may_change_and_what_is_no_longer_exact_is_said() -> None:
    stopped_run("--validation", "100", "--threads", "1")
    said = resume("--patience", "50", "--threads", "2", "--precision", "bf16")
    assert (
        "continuing with --precision bf16 (was fp32), --threads 2 (was 1): from here on, the weights are not"
        in said
    )
    assert {"patience = 50", "threads = 2"} <= set(Path("run/config.toml").read_text().splitlines())
    assert "no longer" not in resume(
        "--patience", "40", "--steps", "22", "--device", "auto", "--threads", "2"
    )


def as_if_on_a_gpu(path: Path) -> None:
    """A checkpoint as a run on CUDA leaves it, whose random numbers have a short state."""
    kept = load(path)
    training = kept.training
    arrays = training.arrays | {"generator": np.zeros(16, np.uint8)}
    extent = replace(training.extent, generator_bytes=16)
    settings = kept.settings | {"device": "cuda", "threads": 999}
    save(path, replace(kept, settings=settings, training=replace(training, extent=extent, arrays=arrays)))


@pytest.mark.skipif(
    torch.cuda.is_available(), reason="there is a CUDA device here, which it would go on with"
)
def test_a_run_that_was_begun_on_a_gpu_goes_on_without_one() -> None:
    stopped_run("--save-every", "5")
    as_if_on_a_gpu(Path("run/last.safetensors"))
    assert "--device is cuda, which PyTorch does not find here" in refused("--device", "cuda", code=2)
    said = resume()
    assert (
        "continuing with --device cpu (was cuda), --threads 1 (was 999): from here on, the weights are not"
        in said
    )
    last = load(Path("run/last.safetensors"))
    assert (last.progress.step, last.settings["device"], last.settings["threads"]) == (20, "cpu", 1)
    as_if_on_a_gpu(Path("run/last.safetensors"))
    assert "--device cpu (was cuda)" in resume("--device", "cpu", "--steps", "24")
