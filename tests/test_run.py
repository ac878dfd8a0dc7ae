"""Run folders: they appear whole or not at all, are never overwritten, and are found again."""

import errno
import fcntl
import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest
from forked import start
from program import SMALL, TEXT

from charrnn.config.declaration import build, flat
from charrnn.config.settings import IN_THE_RUN_FOLDER, TrainSettings
from charrnn.errors import CharRNNError, CheckpointError, InputError, UsageError
from charrnn.runs.folder import (
    Run,
    find_checkpoint,
    free_folder,
    new_run,
    publish,
    publish_named_after,
    read_config,
    refuse_to_overwrite,
)


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working folder."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def everything(place: Path) -> list[str]:
    return sorted(str(path.relative_to(place)) for path in place.rglob("*"))


@pytest.mark.parametrize("folder", ["r", "runs/r", "a/b/c/r"])
def test_a_run_that_fails_to_start_leaves_nothing_behind(place: Path, folder: str) -> None:

    def fail() -> None:
        with new_run(Path(folder)) as partial:
            partial.last.write_bytes(b"x")
            (partial.folder / "deep").mkdir()
            assert not Path(folder).exists()
            raise CharRNNError("no text")

    with pytest.raises(CharRNNError, match="no text"):
        fail()
    assert everything(place) == []


def test_what_stood_there_before_stays(place: Path) -> None:
    (place / "runs" / "other").mkdir(parents=True)
    with pytest.raises(KeyboardInterrupt), new_run(Path("runs/r")):
        raise KeyboardInterrupt
    assert everything(place) == ["runs", "runs/other"]


@pytest.mark.parametrize("empty_folder_there", [True, False])
def test_a_published_run_stands_whole_in_its_place(place: Path, empty_folder_there: bool) -> None:
    folder = Path("runs/r")
    if empty_folder_there:
        folder.mkdir(parents=True)
    with new_run(folder) as partial:
        partial.last.write_bytes(b"x")
        run = publish(partial, folder)
    assert run.last.read_bytes() == b"x"
    assert everything(place) == ["runs", "runs/r", "runs/r/last.safetensors"]


def test_an_error_after_publishing_leaves_the_run(place: Path) -> None:
    def fail() -> None:
        with new_run(Path("r")) as partial:
            partial.last.write_bytes(b"x")
            publish(partial, Path("r"))
            raise CharRNNError("later")

    with pytest.raises(CharRNNError, match="later"):
        fail()
    assert everything(place) == ["r", "r/last.safetensors"]


def test_a_run_that_another_program_made_meanwhile_is_not_overwritten(place: Path) -> None:
    with new_run(Path("r")) as partial:
        partial.last.write_bytes(b"mine")
        Path("r").mkdir()
        Run(Path("r")).last.write_bytes(b"theirs")
        with pytest.raises(UsageError, match="holds a run already"):
            publish(partial, Path("r"))
    assert everything(place) == ["r", "r/last.safetensors"]
    assert Path("r/last.safetensors").read_bytes() == b"theirs"


@pytest.mark.parametrize("name", ["config.toml", "last.safetensors"])
def test_a_run_is_never_overwritten(name: str) -> None:
    Path("r").mkdir()
    Path("r", name).touch()
    with pytest.raises(UsageError, match="r holds a run already; choose another --run"):
        refuse_to_overwrite(Path("r"))
    with pytest.raises(UsageError), new_run(Path("r")) as partial:
        publish(partial, Path("r"))


def test_a_file_or_a_full_folder_is_no_place_for_a_run() -> None:
    Path("file").touch()
    Path("full").mkdir()
    Path("full/letter.txt").touch()
    with pytest.raises(UsageError, match="file is a file"):
        refuse_to_overwrite(Path("file"))
    with pytest.raises(UsageError, match="full is not empty"):
        refuse_to_overwrite(Path("full"))


def test_an_empty_folder_or_none_is_a_place_for_a_run() -> None:
    Path("empty").mkdir()
    refuse_to_overwrite(Path("empty"))
    refuse_to_overwrite(Path("none"))


def test_a_folder_that_cannot_be_made_is_said(place: Path) -> None:
    Path("file").touch()
    with pytest.raises(CharRNNError, match="file/r cannot be written"), new_run(Path("file/r")):
        pytest.fail("the run was begun")
    assert everything(place) == ["file"]


def taken_at_the_move(patch: pytest.MonkeyPatch, *folders: str) -> None:
    """Let another program be faster, each time by the blink of an eye."""
    rename = Path.rename

    def slower(path: Path, target: Path) -> Path:
        if str(target) in folders and not target.exists():
            target.mkdir()
            (target / "last.safetensors").write_bytes(b"theirs")
        return rename(path, target)

    patch.setattr(Path, "rename", slower)


def test_a_name_that_is_taken_at_the_very_move_is_left_to_the_other(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken_at_the_move(monkeypatch, "runs/r", "runs/r-2", "runs/mine")
    with new_run(free_folder("r")) as partial:
        partial.last.write_bytes(b"ours")
        assert publish_named_after(partial, "r").folder == Path("runs/r-3")
    with (
        new_run(Path("runs/mine")) as partial,
        pytest.raises(UsageError, match="runs/mine holds a run already"),
    ):
        publish(partial, Path("runs/mine"))
    found = {str(path): path.read_bytes() for path in Path("runs").rglob("*.safetensors")}
    theirs = dict.fromkeys((f"runs/{name}/last.safetensors" for name in ("r", "r-2", "mine")), b"theirs")
    assert found == theirs | {"runs/r-3/last.safetensors": b"ours"}
    assert not list(place.rglob("*.partial"))


def test_two_programs_with_the_same_process_id_do_not_meet(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "getpid", lambda: 1)
    with new_run(Path("runs/r")) as one, new_run(Path("runs/r")) as other:
        one.last.write_bytes(b"one")
        other.last.write_bytes(b"other")
        runs = [publish_named_after(partial, "r") for partial in (one, other)]
    assert [run.last.read_bytes() for run in runs] == [b"one", b"other"]
    assert {run.folder for run in runs} == {Path("runs/r"), Path("runs/r-2")}


@pytest.mark.skipif(sys.platform == "win32", reason="no fork there")
@pytest.mark.parametrize("options", [(), ("--run", "runs/text")], ids=["no name", "one name"])
def test_two_programs_that_begin_together(options: tuple[str, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    Path("text.txt").write_text(TEXT)
    monkeypatch.setattr(os, "getpid", lambda: 1)
    forks = [start(["train", "text.txt", *SMALL, *options], {"encoding": 0.2}) for _ in range(2)]
    ended = [fork.end() for fork in forks]
    assert sorted(code for code, _ in ended) == ([0, 2] if options else [0, 0]), ended
    assert {path.name for path in Path("runs").iterdir()} == ({"text"} if options else {"text", "text-2"})
    assert all(b"holds a run already" in shown for code, shown in ended if code == 2)


def test_where_there_are_no_locks_nothing_of_another_program_is_swept(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def none(*_: object) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    locks, theirs = fcntl.flock, Path(f".r.{'0' * 16}.partial")
    theirs.mkdir()
    os.utime(theirs, (1e9, 1e9))
    monkeypatch.setattr("fcntl.flock", none)
    with new_run(Path("r")):
        assert theirs.exists()
    monkeypatch.setattr("fcntl.flock", locks)
    with new_run(Path("r")):
        assert not theirs.exists()


def test_folders_without_a_name_are_numbered() -> None:
    made = []
    for _ in range(3):
        made.append(free_folder("novel"))
        made[-1].mkdir(parents=True)
    assert [str(folder) for folder in made] == ["runs/novel", "runs/novel-2", "runs/novel-3"]
    made[1].rmdir()
    assert free_folder("novel") == made[1]


def run_with(folder: str, *names: str, modified: float = 0) -> Run:
    run = Run(Path(folder))
    run.folder.mkdir(parents=True)
    for name in names:
        path = run.folder / f"{name}.safetensors"
        path.touch()
        os.utime(path, (modified, modified))
    return run


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (("best", "last", "previous"), "best"),
        (("last", "previous"), "last"),
        (("previous",), "previous"),
    ],
)
def test_a_folder_means_its_best_else_its_last(names: tuple[str, ...], expected: str) -> None:
    run = run_with("r", *names)
    assert find_checkpoint("r") == run.folder / f"{expected}.safetensors"


def test_a_file_means_itself() -> None:
    run = run_with("r", "best", "previous")
    assert find_checkpoint(str(run.previous)) == run.previous


def test_without_a_path_the_newest_run_is_meant() -> None:
    run_with("runs/b", "last", "best", modified=100)
    newest = run_with("runs/a", "last", "best", modified=300)
    run_with("runs/c", "last", modified=200)
    run_with("runs/.d.1.partial", "last", modified=400)
    assert find_checkpoint(None) == newest.best


def test_where_there_is_no_checkpoint_it_is_said() -> None:
    Path("empty").mkdir()
    with pytest.raises(CheckpointError, match="empty holds no checkpoint"):
        find_checkpoint("empty")
    with pytest.raises(CheckpointError, match="none does not exist; give a run folder"):
        find_checkpoint("none")
    with pytest.raises(CheckpointError, match="no run in runs/ here; train one"):
        find_checkpoint(None)


def settings(**values: Any) -> TrainSettings:  # noqa: ANN401 - any value
    return build(TrainSettings, values)


AWKWARD = [
    'quotes " and \\ and \n and \t',
    "안녕.txt",
    "\x00\x1b\x7f\x85\u2028",
    "''' \"\"\" # = [x]",
    "  ",
    "\U0001f600",
]


def test_config_holds_every_setting_and_does_the_run_again() -> None:
    made = settings(
        corpus=tuple(AWKWARD),
        hidden=96,
        dropout=0.1,
        epochs=2.5,
        seed=2**63 - 1,
        prompt=AWKWARD[0],
    )
    run = run_with("r")
    run.write_config(made)
    assert build(TrainSettings, read_config(str(run.config))) == made


def test_config_leaves_out_where_the_run_is() -> None:
    run = run_with("r")
    run.write_config(settings(corpus=("x",), run="r"))
    assert set(read_config(str(run.config))) == {
        name for name, value in flat(settings()).items() if value is not None and name in IN_THE_RUN_FOLDER
    }


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has file names of any bytes")
def test_config_keeps_file_names_that_are_no_utf8() -> None:
    name = os.fsdecode(b"na\xefve.txt")
    run = run_with("r")
    run.write_config(settings(corpus=(name,)))
    assert read_config(str(run.config))["corpus"] == (name,)


def test_config_without_a_corpus_has_none() -> None:
    Path("c.toml").write_text("hidden = 64\n")
    assert read_config("c.toml") == {"hidden": 64, "corpus": ()}


@pytest.mark.parametrize(
    ("text", "kind", "expected"),
    [
        ("hiden = 64", UsageError, "c.toml sets hiden, which charrnn train does not have"),
        ("[model]\nhidden = 64", UsageError, "c.toml sets model"),
        ("hidden = 0", UsageError, "--hidden is 0; expected a number of at least 1"),
        ("hidden = '64'", UsageError, "--hidden is '64'; expected a whole number"),
        ("hidden = 64.0", UsageError, "--hidden is 64.0; expected a whole number"),
        ("hidden = [64]", UsageError, "--hidden is [64]; expected a whole number"),
        ("hidden = 2026-01-01", UsageError, "--hidden is datetime.date"),
        ("quiet = 1", UsageError, "--quiet is 1; expected true or false"),
        ("dropout = nan", UsageError, "--dropout is nan; expected a finite number"),
        ("corpus = 'novel.txt'", UsageError, "sets corpus to 'novel.txt'; expected a list of texts"),
        ("corpus = 3", UsageError, "sets corpus to 3; expected a list of texts"),
        ("corpus = [1, 2]", UsageError, "sets corpus to [1, 2]; expected a list of texts"),
        ("hidden = ", InputError, "c.toml is not TOML"),
        ("hidden = 1\nhidden = 2", InputError, "c.toml is not TOML"),
    ],
)
def test_a_config_that_does_not_fit_is_refused(text: str, kind: type[CharRNNError], expected: str) -> None:
    Path("c.toml").write_text(text)
    with pytest.raises(kind) as caught:
        read_config("c.toml")
    assert expected in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_config_may_give_plain_numbers_where_options_are_texts() -> None:
    Path("c.toml").write_text("validation = 0.2\nsave_every = 500\nsample_every = '20s'")
    assert read_config("c.toml") == {
        "validation": "0.2",
        "save_every": "500",
        "sample_every": "20s",
        "corpus": (),
    }


@pytest.mark.parametrize("path", ["none.toml", "."])
def test_a_config_that_cannot_be_read_is_refused(path: str) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        read_config(path)


def test_a_config_of_bytes_is_no_toml() -> None:
    Path("c.toml").write_bytes(bytes(range(256)))
    with pytest.raises(InputError, match="is not TOML"):
        read_config("c.toml")


def test_metrics_are_a_json_line_each_and_samples_keep_their_characters() -> None:
    run = run_with("r")
    run.add_metrics({"step": 1})
    run.add_metrics({"step": 2})
    run.add_sample("step 1", "안녕\r\n\ud800")
    assert [json.loads(line) for line in run.metrics.read_text().splitlines()] == [{"step": 1}, {"step": 2}]
    expected = b"--- step 1\n" + "안녕\r\n\ud800".encode("utf-8", "surrogatepass") + b"\n\n"
    assert run.samples.read_bytes() == expected


def test_what_cannot_be_written_is_said() -> None:
    run = Run(Path("none"))
    with pytest.raises(CharRNNError, match=r"metrics\.jsonl cannot be written"):
        run.add_metrics({})
    with pytest.raises(CharRNNError, match=r"samples\.txt cannot be written"):
        run.add_sample("", "")
    with pytest.raises(CharRNNError, match=r"config\.toml cannot be written"):
        run.write_config(settings())
