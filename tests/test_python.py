"""What a Python program can call: the results of the command line, and nothing is printed or changed."""

import inspect
import json
import os
import random
import re
import shutil
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, assert_type

import numpy as np
import pytest
import torch
from clocks import Readings
from interruptions import at_call_do, fingerprints
from program import TEXT, lines_of, python
from program import charrnn as command

import charrnn
from charrnn.commands import python_train
from charrnn.runs.folder import Run
from charrnn.runs.recovery import recover
from charrnn.training import schedule

ROOT = Path(__file__).parents[1]
SMALL: dict[str, Any] = {"hidden": 16, "batch_size": 4, "sequence_length": 16, "threads": 1}
OPTIONS = ("--hidden", "16", "--batch-size", "4", "--sequence-length", "16", "--threads", "1", "--quiet")


@pytest.fixture
def text(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "text.txt"
    path.write_text(TEXT, encoding="utf-8")
    return path


GOLDEN = ROOT / "tests" / "golden"


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A checkpoint of each task that answers lines."""
    folder = tmp_path_factory.mktemp("answers")
    rows = [f"{'ab'[n % 2] * (1 + n % 3)}\t{'xy'[n % 2] * (1 + n % 3)}\n" for n in range(20)]
    (folder / "rows.tsv").write_text("".join(rows))
    options = ("--task", "translate", *OPTIONS, "--steps", "2", "--run", folder / "run")
    assert command("train", folder / "rows.tsv", *options).code == 0
    others = {task: GOLDEN / f"format-3-{task}.safetensors" for task in ("classify", "tag")}
    return others | {"translate": folder / "run" / "best.safetensors"}


def test_importing_loads_neither_torch_nor_numpy() -> None:
    found = python(
        "import sys, charrnn; print(*sorted({'torch', 'numpy', 'rich', 'typer'} & {*sys.modules}))"
    )
    assert found == "\n"


def test_loading_and_sampling_load_no_torch(run_folder: Path) -> None:
    code = (
        "import sys, charrnn; m = charrnn.load(sys.argv[1]); m.sample('One', length=9); m.info;"
        "print('torch' in sys.modules)"
    )
    assert python(code, arguments=[str(run_folder)]) == "False\n"


def test_everything_that_is_exported_is_there() -> None:
    for name in charrnn.__all__:
        assert getattr(charrnn, name).__module__.startswith("charrnn."), name
    assert {*charrnn.__all__} <= {*dir(charrnn)}
    with pytest.raises(AttributeError, match="sing"):
        _ = charrnn.sing  # type: ignore[attr-defined]


@pytest.mark.parametrize("fixture", ["run_folder", "korean_run", "lines_run"])
@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"length": 90, "temperature": 0.7, "seed": 5, "top_k": 9, "min_p": 0.01, "repetition_penalty": 1.05},
        {"length": 60, "temperature": "0.5:1.2", "best_of": 3, "top_p": 0.9, "typical": 0.9},
        {"until_line": 1, "length": 200},
        {"stop": ("n", "요"), "deny": "a"},
    ],
)
def test_a_sample_is_that_of_the_command_line(
    fixture: str, settings: dict[str, Any], request: pytest.FixtureRequest
) -> None:
    folder = request.getfixturevalue(fixture)
    options: list[str] = []
    for name, value in settings.items():
        for one in value if isinstance(value, tuple) else (value,):
            options += [f"--{name.replace('_', '-')}", str(one)]
    known = {"run_folder": "One ", "korean_run": "안녕", "lines_run": "an"}[fixture]
    result = command("sample", "--checkpoint", folder, "--prompt", known, "--json", *options)
    model = charrnn.load(folder)
    if result.code:
        assert fixture == "lines_run"
        with pytest.raises(charrnn.UsageError) as caught:
            model.sample(known, **settings)
        assert result.err == f"charrnn: {caught.value}\n"
        return
    expected = result.json["texts"][0]
    assert model.sample(known, **settings) == expected["prompt"] + expected["text"]
    assert "".join(model.stream(known, **settings)) == expected["prompt"] + expected["text"]


def test_what_is_printed_is_what_is_returned(run_folder: Path) -> None:
    printed = command("sample", "--checkpoint", run_folder, "--prompt", "One", "--length", "80").out
    assert charrnn.load(run_folder).sample("One", length=80) == printed


def test_samples_are_those_of_count(lines_run: Path) -> None:
    printed = command("sample", "--checkpoint", lines_run, "--count", "7", "--seed", "3").out
    assert [*charrnn.load(lines_run).samples(7, seed=3)] == printed.splitlines()


def test_a_stream_comes_piece_by_piece_and_may_be_endless(run_folder: Path) -> None:
    stream = charrnn.load(run_folder).stream("One", length=0)
    begun = [next(stream) for _ in range(2000)]
    assert begun[0] == "One"
    assert max(map(len, begun[1:])) < 10


def test_a_prompt_stands_for_itself(run_folder: Path, tmp_path: Path) -> None:
    (tmp_path / "prompt").write_text("One")
    model = charrnn.load(run_folder)
    with pytest.raises(charrnn.UsageError, match="@"):
        model.sample(f"@{tmp_path / 'prompt'}")
    with pytest.raises(charrnn.UsageError, match="REVERSE SOLIDUS"):
        model.sample(r"One\n")
    assert model.sample("One€", length=3, on_unknown="skip").startswith("One")


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"temperature": -1}, "--temperature is -1; expected a number from 0 to 100"),
        ({"top_k": 2.5}, "--top-k is 2.5; expected a whole number"),
        ({"length": True}, "--length is True"),
        ({"topp": 0.9}, "sample has no setting topp; expected top_p, which may be meant"),
        ({"count": 3}, "sample has no setting count"),
        ({"stop": [1]}, r"stop is \[1\]; expected a text"),
        ({"stop": 1}, "stop is 1; expected a text"),
        ({"deny": "z-a"}, "--deny"),
        ({"length": 0}, "length is 0, and nothing else ends the text"),
        ({"prompt": 5}, "--prompt is 5; expected a text"),
        ({"prompt": "€"}, "EURO SIGN"),
    ],
)
def test_settings_are_checked_as_options_are(run_folder: Path, settings: dict[str, Any], said: str) -> None:
    model = charrnn.load(run_folder)
    with pytest.raises(charrnn.UsageError, match=said):
        model.sample(**settings)
    if settings != {"length": 0}:
        with pytest.raises(charrnn.UsageError, match=said):
            model.stream(**settings)  # at once, not with the first piece


@pytest.mark.parametrize("fixture", ["run_folder", "korean_run", "lines_run"])
@pytest.mark.parametrize("window", [0, 16])
def test_a_score_is_that_of_the_command_line(
    fixture: str, window: int, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    folder = request.getfixturevalue(fixture)
    scored = "One flew off, 안녕하세요 an€na\r\ncorta\n" * 9
    (tmp_path / "scored.txt").write_bytes(scored.encode())
    options = ("--window", str(window), "--json")
    result = command("evaluate", tmp_path / "scored.txt", "--checkpoint", folder, *options)
    model = charrnn.load(folder)
    if result.code == 2:
        assert fixture == "lines_run"
        with pytest.raises(charrnn.UsageError, match="--window is for one long text"):
            model.score(scored, window=window)
        return
    found = result.json
    score = model.score(scored, window=window)
    assert vars(score) == {name: found[name] for name in vars(score)}
    assert score.unknown_characters > 0
    assert vars(model.score(scored, window=window)) == vars(score)


def test_a_score_needs_two_characters_and_a_text(run_folder: Path) -> None:
    model = charrnn.load(run_folder)
    for empty in ("", "O"):
        with pytest.raises(charrnn.CorpusError):
            model.score(empty)
    with pytest.raises(charrnn.UsageError, match="expected str"):
        model.score(b"One")  # type: ignore[arg-type]
    assert model.score("One flew off").bits_per_character > 0


def test_a_text_that_was_decoded_is_scored_as_it_is(text: Path) -> None:
    """The model's corpus was a table in another encoding; what is scored is text."""
    text.write_bytes("Größe\t1\nklein\t2\n".encode("latin-1") * 30)
    run = charrnn.train(text, columns="1", encoding="latin-1", steps=3, **SMALL)
    assert run.model().score("Größe\nklein\n").unknown_characters == 0


@pytest.mark.parametrize("fixture", ["run_folder", "lines_run"])
def test_the_information_is_that_of_the_command_line(fixture: str, request: pytest.FixtureRequest) -> None:
    folder = request.getfixturevalue(fixture)
    for path in (folder, folder / "last.safetensors"):
        assert charrnn.load(path).info == command("info", "--checkpoint", path, "--json").json


def test_the_newest_run_is_loaded_and_a_name_is_enough(text: Path) -> None:
    with pytest.raises(charrnn.CheckpointError, match="no run in runs/"):
        charrnn.load()
    run = charrnn.train("text.txt", steps=3, **SMALL)
    assert run.path == Path("runs/text")
    assert charrnn.load().path == charrnn.load("text").path == run.path / "best.safetensors"
    assert charrnn.load("text").info == charrnn.load(run.path).info
    with pytest.raises(charrnn.CheckpointError, match="does not exist"):
        charrnn.load("nothing")
    (run.path / "best.safetensors").write_bytes(b"nothing")
    with pytest.raises(charrnn.CheckpointError):
        charrnn.load(run.path)


SETTINGS: list[dict[str, Any]] = [
    {"cell": "lstm", "layers": 2, "dropout": 0.2, "seed": 3},
    {"cell": "gru", "mode": "lines", "validation": 0.2},
    {"cell": "rnn", "validation": 0, "optimizer": "adamw"},
]


@pytest.mark.parametrize("settings", SETTINGS)
def test_training_is_that_of_the_command_line(settings: dict[str, Any], text: Path) -> None:
    options = [f"--{name}={value}" for name, value in settings.items()]
    assert command("train", "text.txt", "--run", "c", "--steps", "40", *OPTIONS, *options).code == 0
    records: list[dict[str, Any]] = []
    run = charrnn.train("text.txt", run=Path("p"), steps=40, progress=records.append, **SMALL, **settings)
    assert fingerprints(run.path) == fingerprints(Path("c"))
    assert run.path == Path("p")
    assert run.step == 40
    info = command("info", "--checkpoint", "p", "--json").json
    assert run.best_validation == info["best_validation_bits_per_character"]
    assert (run.best_validation is None) == (settings.get("validation") == 0)
    assert records == [*map(json.loads, (run.path / "metrics.jsonl").read_text().splitlines())]
    assert records[-1]["step"] == 40
    config, other = ((Path(name) / "config.toml").read_text() for name in "pc")
    assert config == other


def _interrupt(*_: object, **__: object) -> None:
    os.kill(os.getpid(), signal.SIGINT)


@pytest.mark.parametrize(
    ("moment", "call"),
    [
        ("charrnn.tasks.language.LanguageTask.loss", 25),
        ("charrnn.training.optimizers.Muon.step", 25),
        ("charrnn.runs.checkpoint.write_atomically", 3),
        ("charrnn.tasks.language.LanguageTask.score", 0),
    ],
)
@pytest.mark.skipif(sys.platform == "win32", reason="no such signals there")
def test_an_interruption_saves_and_is_raised_and_the_run_goes_on_exactly(
    moment: str, call: int, text: Path
) -> None:
    budget: dict[str, Any] = {"steps": 60, "save_every": 7, "dropout": 0.1, "seed": 5}
    whole = charrnn.train("text.txt", run="whole", **budget, **SMALL)
    with at_call_do(moment, {call}, _interrupt), pytest.raises(KeyboardInterrupt) as caught:
        charrnn.train("text.txt", run="cut", **budget, **SMALL)
    step = recover(Run(Path("cut"))).checkpoint.progress.step
    assert 0 < step < 60
    assert any(f"saved at step {step}" in note for note in caught.value.__notes__)
    again = charrnn.train(resume=True, run="cut")
    assert again.step == 60
    assert fingerprints(again.path) == fingerprints(whole.path)


@pytest.mark.skipif(sys.platform == "win32", reason="no such signals there")
def test_an_interruption_cuts_a_validation_short(text: Path) -> None:
    heard = threading.Event()

    def interrupt(*_: object, **__: object) -> None:
        _interrupt()
        assert heard.wait(60), "by the thread that waits"

    with (
        at_call_do("charrnn.runs.signals.Stops.ask", {0}, lambda *_: heard.set()),
        at_call_do("charrnn.tasks.language.LanguageTask.score", {0}, interrupt),
        pytest.raises(KeyboardInterrupt),
    ):
        charrnn.train("text.txt", run="cut", steps=60, **SMALL)
    assert recover(Run(Path("cut"))).checkpoint.training.numbers["session"]["validated_step"] == -1


@pytest.mark.skipif(sys.platform == "win32", reason="no such signals there")
def test_an_interruption_before_there_is_a_run_leaves_nothing(text: Path) -> None:
    with (
        at_call_do("charrnn.commands.learning_text.encode_dataset", {0}, _interrupt),
        pytest.raises(KeyboardInterrupt),
    ):
        charrnn.train("text.txt", run="cut", steps=10**9, **SMALL)
    assert not Path("cut").exists()
    assert not [*Path().glob(".cut*")]


def test_an_error_of_the_listener_saves_and_is_raised(text: Path) -> None:
    class EnoughError(Exception):
        pass

    def listen(record: dict[str, Any]) -> None:
        assert threading.current_thread() is threading.main_thread()
        raise EnoughError(record["step"])

    with pytest.raises(EnoughError) as caught:
        charrnn.train("text.txt", run="cut", steps=10**6, progress=listen, **SMALL)
    step = recover(Run(Path("cut"))).checkpoint.progress.step
    assert step == caught.value.args[0]
    assert caught.value.__cause__ is None
    assert charrnn.train(resume=True, run="cut", steps=step + 3).step == step + 3


def test_a_run_that_has_ended_is_returned_as_it_is_or_goes_on(text: Path) -> None:
    first = charrnn.train("text.txt", run="a", steps=5, **SMALL)
    assert charrnn.train(resume=True, run="a") == first
    assert charrnn.train(resume=True, run="a", steps=9).step == 9
    with pytest.raises(charrnn.UsageError, match="--hidden is 17, but the run was begun with 16"):
        charrnn.train(resume=True, run="a", hidden=17)


def test_time_counts_from_the_call(text: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """However long the program has run before: here for a quarter of an hour."""
    clock = Readings(charrnn.STARTED + 900)
    for module in (schedule, python_train):
        monkeypatch.setattr(module, "time", clock)
    run = charrnn.train("text.txt", run="a", max_time="4s", **SMALL)
    more = charrnn.train(resume=True, run="a", max_time="+2s")
    assert 0 < run.step < more.step
    assert 5 < lines_of(more.path / "metrics.jsonl")[-1]["seconds"] <= 6


ERRORS: list[tuple[type[charrnn.CharRNNError], str, Callable[[], object]]] = [
    (charrnn.UsageError, "no corpus is given", lambda: charrnn.train(steps=3)),
    (charrnn.CorpusError, "nothing.txt", lambda: charrnn.train("nothing.txt", steps=3)),
    (charrnn.UsageError, "expected hidden", lambda: charrnn.train("text.txt", hiden=3)),
    (charrnn.UsageError, "train has no setting quiet", lambda: charrnn.train("text.txt", quiet=True)),
    (charrnn.UsageError, "--hidden is '8'", lambda: charrnn.train("text.txt", hidden="8")),
    (charrnn.UsageError, "--max-time is 60; expected a text", lambda: charrnn.train("text.txt", max_time=60)),
    (charrnn.UsageError, "--max-time is '60'", lambda: charrnn.train(resume=True, run="a", max_time=60)),
    (charrnn.CheckpointError, "b does not exist", lambda: charrnn.train(resume=True, run="b")),
    (charrnn.ResourceError, "memory", lambda: charrnn.train("text.txt", hidden=16384, layers=64, steps=1)),
    (charrnn.CorpusError, "one character", lambda: charrnn.train("short.txt", steps=1)),
    (charrnn.CharRNNError, "unexpected error: TypeError", lambda: charrnn.train(5, steps=1)),  # type: ignore[arg-type]
    (charrnn.CharRNNError, "unexpected error: TypeError", lambda: charrnn.load(5)),  # type: ignore[arg-type]
]


@pytest.mark.parametrize(("kind", "said", "call"), ERRORS)
def test_whatever_is_raised_is_ours(
    kind: type[charrnn.CharRNNError], said: str, call: Callable[[], object], text: Path
) -> None:
    Path("short.txt").write_text("a")
    with pytest.raises(charrnn.CharRNNError, match=said) as caught:
        call()
    assert type(caught.value) is kind
    assert not Path("runs").exists()


def test_a_run_is_never_overwritten_and_diverging_is_said(
    text: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    charrnn.train("text.txt", run="a", steps=2, **SMALL)
    with pytest.raises(charrnn.UsageError, match="a holds a run already"):
        charrnn.train("text.txt", run="a", steps=2, **SMALL)

    def diverge(*_: object) -> None:
        raise MemoryError

    monkeypatch.setattr("charrnn.tasks.language.LanguageTask.loss", diverge)
    with pytest.raises(charrnn.ResourceError, match="memory is full"):
        charrnn.train("text.txt", run="b", steps=2, **SMALL)


def _state() -> dict[str, object]:
    """What a program may have set, and a library must leave."""
    return {
        "threads": torch.get_num_threads(),
        "type": torch.get_default_dtype(),
        "torch": torch.get_rng_state().tolist(),
        "numpy": np.random.get_state()[1].tolist(),  # type: ignore[index]
        "random": random.getstate(),
        "denormals": float(torch.tensor(1e-38) * 1e-2),
        "gradients": torch.is_grad_enabled(),
        "handlers": [signal.getsignal(number) for number in signal.valid_signals()],
        "environment": dict(os.environ),
        "hook": sys.unraisablehook,
        "streams": (sys.stdout, sys.stderr),
    }


def test_nothing_is_printed_and_nothing_else_changes(
    text: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not even while others are set than usual; and two runs in one program are alike."""
    runs = []
    before = _state()
    assert before["denormals"] != 0
    for name in ("a", "b"):
        run = charrnn.train("text.txt", run=name, steps=20, threads=2, hidden=16, batch_size=4, seed=4)
        runs.append(fingerprints(run.path))
        run.model().sample("One", length=20)
        score = run.model().score("One flew off")
        assert _state() == before
    assert runs[0] == runs[1]
    torch.set_default_dtype(torch.float64)
    try:
        with torch.no_grad():
            inside = _state()
            run = charrnn.train("text.txt", run="c", steps=20, threads=2, hidden=16, batch_size=4, seed=4)
            assert run.model().score("One flew off") == score
            assert _state() == inside
    finally:
        torch.set_default_dtype(torch.float32)
    assert fingerprints(run.path) == runs[0]
    assert capfd.readouterr() == ("", "")


def test_it_trains_from_a_thread_and_in_several_at_once(text: Path) -> None:
    found: dict[str, charrnn.TrainedRun] = {}

    def work(name: str) -> None:
        found[name] = charrnn.train("text.txt", run=name, steps=30, seed=2, **SMALL)

    threads = [threading.Thread(target=work, args=(name,)) for name in ("a", "b")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert fingerprints(found["a"].path) == fingerprints(found["b"].path)


@pytest.mark.skipif(sys.platform == "win32", reason="no such signals there")
def test_ctrl_c_ends_a_program_once_it_has_saved(text: Path) -> None:
    """Python's own handling, which nobody has changed."""
    code = (
        "import charrnn, os, signal\n"
        "try:\n"
        "    charrnn.train('text.txt', run='cut', steps=10**9, hidden=16, batch_size=4,\n"
        "                  progress=lambda record: os.kill(os.getpid(), signal.SIGINT))\n"
        "except KeyboardInterrupt as error:\n"
        "    print(*error.__notes__)\n"
    )
    shown = python(code)
    step = recover(Run(Path("cut"))).checkpoint.progress.step
    assert shown == (f"saved at step {step:,} in cut; go on with: charrnn train --resume --run cut\n")


def _cut(block: str) -> str:
    """Code that takes a moment."""
    small = "hidden=16, batch_size=4, sequence_length=16"
    return block.replace('max_time="2m"', f"steps=30, {small}").replace("hidden=64", small)


def test_the_blocks_of_the_manual_run(
    text: Path, models: dict[str, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    page = (ROOT / "docs" / "python.md").read_text(encoding="utf-8")
    for task, name in (("classify", "languages"), ("translate", "phonemes"), ("tag", "morphemes")):
        Path("runs", name).mkdir(parents=True)
        shutil.copy(models[task], Path("runs", name, "best.safetensors"))
    Path("novel.txt").write_text("It was a day. " + TEXT)
    blocks = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    assert len(blocks) > 5
    names: dict[str, Any] = {}
    for block in blocks:
        exec(compile(_cut(block), "docs/python.md", "exec"), names)  # noqa: S102
    assert names["run"].step == 300
    assert charrnn.load("runs/early").info["finished"] is False
    shown = capsys.readouterr().out
    assert "It was " in shown
    assert shown.splitlines()[-1].startswith("--temperature is -1; expected")


def test_it_is_typed(run_folder: Path) -> None:
    """What mypy reads here as the types, without a plugin; names that do not exist are errors above."""
    model = assert_type(charrnn.load(run_folder), charrnn.Model)
    assert_type(model.sample(length=1), str)
    assert_type(model.stream(length=1), Iterator[str])
    assert_type(model.score("One").bits_per_character, float)
    assert inspect.signature(charrnn.train).return_annotation is charrnn.TrainedRun
    assert (Path(charrnn.__file__).parent / "py.typed").exists()


# Models of other tasks

ANSWERED = [
    ("classify", {"top": 2, "explain": True}, ("--top", "2", "--explain")),
    ("classify", {"min_probability": 0.99}, ("--min-probability", "0.99")),
    ("translate", {"n_best": 2, "attention": True}, ("--n-best", "2", "--attention")),
    ("tag", {"separator": "-"}, ("--separator", "-")),
]


@pytest.mark.parametrize(("task", "settings", "options"), ANSWERED)
def test_answers_are_what_json_prints(
    task: str, settings: dict[str, Any], options: tuple[str, ...], models: dict[str, Path]
) -> None:
    checkpoint, texts = models[task], ["abc", ""]
    given = [option for text in texts for option in ("--text", text)]
    result = command(task, "--checkpoint", checkpoint, *given, *options, "--json")
    printed = [json.loads(line) for line in result.out.splitlines()]
    answer = getattr(charrnn.load(checkpoint), task)
    assert answer(texts, **settings) == printed
    assert answer("abc", **settings) == answer(["abc"], **settings)[0]
    assert answer([]) == []


def test_answers_load_no_torch_and_have_types(models: dict[str, Path]) -> None:
    code = "import sys, charrnn; charrnn.load(sys.argv[1]).classify('a'); print('torch' in sys.modules)"
    assert python(code, arguments=[str(models["classify"])]) == "False\n"
    model = charrnn.load(models["classify"])
    assert_type(model.classify("a"), dict[str, Any])
    assert_type(model.classify(["a"]), list[dict[str, Any]])


@pytest.mark.parametrize(
    ("task", "call", "message"),
    [
        (
            "tag",
            lambda model: model.classify("a"),
            "was trained with --task tag, which charrnn classify is not",
        ),
        ("classify", lambda model: model.sample("a"), "which charrnn sample is not for"),
        ("classify", lambda model: model.classify("a", tops=1), "classify has no setting tops; expected top"),
        ("classify", lambda model: model.classify("a", html="x"), "classify has no setting html"),
        ("classify", lambda model: model.classify("a", top=0), "--top is 0"),
        ("classify", lambda model: model.classify(["a", 3]), "3 is to be read; expected a text"),
        ("classify", lambda model: model.classify(3), "3 is to be read; expected a text"),
        ("translate", lambda model: model.translate("a", n_best=2, temperature=1), "leave one out"),
    ],
)
def test_what_cannot_be_answered(
    task: str, call: Callable[[Any], object], message: str, models: dict[str, Path]
) -> None:
    with pytest.raises(charrnn.UsageError, match=re.escape(message)):
        call(charrnn.load(models[task]))
