"""What a declaration says of its setting, for each one of training: where it is kept, what may change."""

import dataclasses
import tomllib
from pathlib import Path
from typing import Any

import pytest

from charrnn.commands.resume import continued
from charrnn.config.declaration import build, flat, names_where, option_name, settings_of
from charrnn.config.options import with_settings
from charrnn.config.settings import TrainSettings
from charrnn.errors import UsageError
from charrnn.model.architecture import Architecture
from charrnn.runs.checkpoint import _settings as settings_in_a_checkpoint
from charrnn.runs.folder import Run, read_config
from charrnn.training.transfer import with_sizes_of

OTHER: dict[str, Any] = {
    "corpus": ("other.txt",),
    "validation": "other.txt",
    "encoding": "latin-1",
    "delimiter": "%",
    "columns": "2",
    "separator": ";",
    "vocabulary": "other.json",
    "init_from": "other",
    "max_time": "7h",
    "run": "other",
    "save_every": "700",
    "sample_every": "7m",
    "prompt": "Once",
}
"""Of settings that are texts."""

SETTINGS = {item.name: item for _, item, _ in settings_of(TrainSettings)}

every_setting = pytest.mark.parametrize("name", SETTINGS)


def other(name: str) -> Any:  # noqa: ANN401 - a value of any type
    """A value that is not the default of a setting."""
    item = SETTINGS[name]
    usual = {"auto", flat(TrainSettings())[name]}
    if item.metadata["choices"]:
        return next(choice for choice in item.metadata["choices"] if choice not in usual)
    if isinstance(item.default, bool):
        return not item.default
    if item.metadata["maximum"] is not None:
        return item.metadata["maximum"]
    return OTHER[name]


ALL = {name: other(name) for name in SETTINGS}


def test_every_setting_of_training_is_declared() -> None:
    assert all(item.metadata for item in SETTINGS.values())
    build(TrainSettings, ALL)
    assert all(flat(build(TrainSettings, ALL))[name] != flat(TrainSettings())[name] for name in SETTINGS)


def test_the_corpus_alone_is_no_option() -> None:
    def command(**given: object) -> None: ...

    options = with_settings(TrainSettings)(command).__annotations__
    assert set(SETTINGS) - set(options) == {"corpus"} == set(names_where(TrainSettings, is_option=False))


def test_what_is_of_one_call_is_not_saved(tmp_path: Path) -> None:
    Run(tmp_path).write_config(build(TrainSettings, ALL))
    saved = tomllib.loads((tmp_path / "config.toml").read_text("utf-8"))
    assert set(SETTINGS) - set(saved) == {"run", "resume", "quiet", "dry_run"}
    assert build(TrainSettings, saved | {"corpus": tuple(saved["corpus"])}) == build(
        TrainSettings, {name: value for name, value in ALL.items() if name in saved}
    )


def test_no_file_is_named_in_a_checkpoint() -> None:
    left_out = set(SETTINGS) - set(settings_in_a_checkpoint(ALL))
    of_the_call = {"run", "resume", "quiet", "dry_run"}
    assert left_out == {"corpus", "validation", "vocabulary", "init_from"} | of_the_call
    values = names_where(TrainSettings, is_file=True)
    metavars = {name: item.metadata["metavar"] or "" for name, item in SETTINGS.items()}
    named = {name for name, metavar in metavars.items() if {"FILE", "DIR", "PATH"} & set(metavar.split("|"))}
    assert set(values) == named | {"corpus"}


@every_setting
def test_what_may_change_on_resume(name: str) -> None:
    """What is given is refused, or taken, or is of the call that says which run goes on."""
    bounds, machine = {"max_time", "epochs", "steps"}, {"device", "precision", "threads", "processes"}
    taken = {*bounds, *machine, "patience", "save_every", "sample_every", "prompt", "quiet"}
    begun = flat(build(TrainSettings, {"hidden": 7, "steps": 2, "device": "mps"}))
    begun = {name: value for name, value in begun.items() if value is not None}
    if name in taken:
        assert flat(continued(begun, {name: ALL[name]}, finished=False))[name] == ALL[name]
    elif name in {"corpus", "run", "resume"}:
        unchanged = flat(continued(begun, {name: ALL[name]}, finished=False))[name]
        assert unchanged == begun.get(name)
    else:
        with pytest.raises(UsageError, match=f"^{option_name(name)} is .* which cannot change; leave it out"):
            continued(begun, {name: ALL[name]}, finished=False)


@pytest.mark.parametrize("name", ["max_time", "epochs", "steps"])
def test_a_new_bound_takes_the_place_of_all_that_a_run_has_ended_by(name: str) -> None:
    bounds = {"max_time": "5m", "epochs": 3.0, "steps": 5}
    rest = {"patience": 4}
    begun = bounds | rest | {"device": "cpu"}
    ended = continued(begun, {name: ALL[name]}, finished=True).budget
    assert dataclasses.asdict(ended) == dict.fromkeys(bounds) | rest | {name: ALL[name]}
    running = continued(begun, {name: ALL[name]}, finished=False).budget
    assert dataclasses.asdict(running) == bounds | rest | {name: ALL[name]}


def test_a_model_that_is_started_from_decides_its_sizes() -> None:
    decided = names_where(TrainSettings, of_the_model=True)
    assert set(decided) == {item.name for item in dataclasses.fields(Architecture)} - {"symbols", "direction"}

    class Source:
        architecture = Architecture("rnn", 3, 5, 7, 11)

    model = build(TrainSettings, {"dropout": 0.5}).model
    sizes = {name: getattr(Source.architecture, name) for name in decided}
    found = flat(with_sizes_of(Source, model, sizes))  # type: ignore[arg-type]
    assert found == flat(model) | sizes
    for name in decided:
        given = {name: ALL[name]}
        with pytest.raises(UsageError, match=f"^{option_name(name)} is .* the model of --init-from has"):
            with_sizes_of(Source, model, given)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", [name for name, value in ALL.items() if isinstance(value, str)])
def test_which_texts_may_be_plain_numbers_in_a_file(name: str, tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text(f"{name} = 50", encoding="utf-8")
    if name in {"validation", "save_every", "sample_every"}:
        assert read_config(str(path))[name] == "50"
    else:
        with pytest.raises(UsageError, match=f"^{option_name(name)} is 50; expected a?"):
            read_config(str(path))
