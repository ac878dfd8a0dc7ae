"""Checkpoints: what is saved comes back bit for bit; what is damaged or foreign is refused in one line."""

import contextlib
import copy
import dataclasses
import os
import re
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.numpy
from forging import change, entry_of, parted, resealed, with_arrays
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import charrnn
from charrnn.config.declaration import build, flat
from charrnn.config.settings import IN_THE_CHECKPOINT, ReadingSettings, TrainSettings
from charrnn.errors import CharRNNError, CheckpointError, ResourceError
from charrnn.model.architecture import Architecture
from charrnn.runs.atomic import write_atomically
from charrnn.runs.checkpoint import Checkpoint, Weights, load, save
from charrnn.runs.checkpoint_facts import CorpusFacts, Progress
from charrnn.text.vocabulary import Vocabulary

TEXT = "안녕, <hello>\n\u202e[bold] \U0001f600"
SYMBOLS = 17


def weights_of(architecture: Architecture) -> Weights:
    random = np.random.default_rng(1)
    weights = {n: random.normal(size=s).astype(np.float32) for n, s in architecture.shapes().items()}
    weights["output.bias"][:4] = [-0.0, 1e-45, 3.4e38, 0.1]  # what a detour over text or float64 might lose
    return weights


def example(cell: str = "gru", embedding: int = 3) -> Checkpoint:
    vocabulary = Vocabulary.from_text(TEXT)
    architecture = Architecture(cell, 2, 4, embedding, len(vocabulary))
    given = {"cell": cell, "normalize": "nfc"}
    values = {n: v for n, v in flat(build(TrainSettings, given)).items() if n in IN_THE_CHECKPOINT}
    return Checkpoint(
        architecture=architecture,
        vocabulary=vocabulary,
        reading=ReadingSettings(normalize="nfc"),
        corpus=CorpusFacts("talk", "0" * 64, 17, 15, 2, list(range(len(vocabulary)))),
        progress=Progress(7, 1.5, 2**40, 3.25, 0.1, None, 1 / 3, 5, finished=True),
        settings=values,
        weights=weights_of(architecture),
    )


@pytest.fixture
def path(tmp_path: Path) -> Path:
    saved = tmp_path / "last.safetensors"
    save(saved, example())
    return saved


def refused(path: Path) -> str:
    with pytest.raises(CheckpointError) as caught:
        load(path)
    message = str(caught.value)
    assert "\n" not in message
    assert message.startswith(str(path))
    return message


@pytest.mark.parametrize("cell", ["rnn", "gru", "lstm"])
@pytest.mark.parametrize("embedding", [0, 3])
def test_what_is_saved_comes_back_bit_for_bit(tmp_path: Path, cell: str, embedding: int) -> None:
    saved, path = example(cell, embedding), tmp_path / "x.safetensors"
    save(path, saved)
    found = load(path)
    for field in dataclasses.fields(Checkpoint):
        if field.name != "weights":
            assert getattr(found, field.name) == getattr(saved, field.name), field.name
    assert list(found.weights) == list(saved.weights)
    for name, values in saved.weights.items():
        assert found.weights[name].tobytes() == values.tobytes()
    assert found.fingerprint() == saved.fingerprint()


def test_the_same_checkpoint_is_the_same_file(tmp_path: Path) -> None:
    for name in ("a", "b"):
        save(tmp_path / name, example())
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_the_fingerprint_tells_weights_apart() -> None:
    one, other = example(), example()
    other.weights["output.bias"][0] = 0.0  # was -0.0
    assert one.fingerprint() != other.fingerprint()


def test_the_file_is_plain_safetensors_with_one_entry(path: Path) -> None:
    arrays = safetensors.numpy.load_file(path)
    assert {name.removeprefix("model.") for name in arrays} == set(example().architecture.shapes())
    header, _ = parted(path.read_bytes())
    assert list(header["__metadata__"]) == ["charrnn"]
    assert entry_of(path)["format"] == 3


def test_rewriting_without_a_change_is_still_a_checkpoint(path: Path) -> None:
    """Else the tests below would prove nothing."""
    change(path, lambda entry: None)
    with_arrays(path, lambda arrays: None)
    assert load(path).fingerprint() == example().fingerprint()


def test_a_file_that_the_library_has_written_again_is_the_same_checkpoint(path: Path) -> None:
    with safetensors.safe_open(path, framework="numpy") as file:
        metadata = file.metadata()
    arrays = dict(reversed(safetensors.numpy.load_file(path).items()))
    safetensors.numpy.save_file(arrays, path, {**metadata, "format": "np"})
    found = load(path)
    assert dataclasses.replace(found, weights={}) == dataclasses.replace(example(), weights={})
    assert found.fingerprint() == example().fingerprint()


@pytest.mark.parametrize("value", [0.25, 0.0])
def test_a_value_changed_by_the_library_is_found(path: Path, value: float) -> None:
    with safetensors.safe_open(path, framework="numpy") as file:
        metadata = file.metadata()
    arrays = safetensors.numpy.load_file(path)
    arrays["model.output.bias"][0] = value  # was -0.0
    safetensors.numpy.save_file(arrays, path, metadata)
    assert "its digest is not that of its content" in refused(path)


def test_an_entry_changed_without_its_digest_is_found(path: Path) -> None:
    header, _ = parted(path.read_bytes())
    entry = header["__metadata__"]["charrnn"].replace('"step":7', '"step":8')
    assert entry != header["__metadata__"]["charrnn"]
    arrays = safetensors.numpy.load(path.read_bytes())
    safetensors.numpy.save_file(arrays, path, {"charrnn": entry})
    assert "its digest is not that of its content" in refused(path)


def test_arrays_that_change_names_are_found(path: Path) -> None:
    """Two arrays of one shape, their names exchanged, are another model."""
    with safetensors.safe_open(path, framework="numpy") as file:
        metadata = file.metadata()
    arrays = safetensors.numpy.load_file(path)
    one, other = "model.layers.1.input_weight", "model.layers.1.recurrent_weight"
    arrays[one], arrays[other] = arrays[other], arrays[one]
    safetensors.numpy.save_file(arrays, path, metadata)
    assert "its digest is not that of its content" in refused(path)


def test_a_truncated_file_is_refused_wherever_it_ends(path: Path) -> None:
    whole = path.read_bytes()
    for end in np.linspace(0, len(whole) - 1, 200).astype(int):
        path.write_bytes(whole[:end])
        refused(path)


def test_a_file_with_something_behind_it_is_refused(path: Path) -> None:
    path.write_bytes(path.read_bytes() + b"\0")
    refused(path)


def test_flipped_header_bytes_are_refused_or_change_no_shape(path: Path) -> None:
    """A flipped letter in a name is no damage that can be seen; but nothing else than a refusal is raised."""
    whole, random, count = bytearray(path.read_bytes()), np.random.default_rng(1), 0
    length = 8 + int.from_bytes(whole[:8], "little")
    shapes = example().architecture.shapes()
    for place in random.integers(0, length, 400):
        damaged = whole.copy()
        damaged[place] ^= 1 << int(random.integers(8))
        path.write_bytes(damaged)
        try:
            found = load(path)
        except CheckpointError:
            count += 1
        else:
            assert {name: array.shape for name, array in found.weights.items()} == shapes
    assert count > 200


def drop(name: str) -> Callable[[dict[str, Any]], object]:
    return lambda values: values.pop(name)


def put(name: str, value: Any) -> Callable[[dict[str, Any]], object]:  # noqa: ANN401 - any value
    return lambda values: values.update({name: value})


@pytest.mark.parametrize(
    ("alter", "expected"),
    [
        (drop("model.output.bias"), "output.bias"),
        (put("extra", np.zeros(3, np.float32)), "extra"),
        (put("model.output.bias", np.zeros(3, np.float32)), r"model.output.bias is F32 \[3\]"),
        (put("model.output.bias", np.zeros((SYMBOLS, 1), np.float32)), "output.bias"),
        (put("model.output.bias", np.zeros(SYMBOLS)), "F64"),
        (put("model.output.bias", np.zeros(SYMBOLS, np.int32)), "I32"),
        (put("model.output.bias", np.full(SYMBOLS, np.nan, np.float32)), "not finite"),
        (put("model.output.bias", np.full(SYMBOLS, -np.inf, np.float32)), "not finite"),
    ],
)
def test_arrays_that_are_not_those_of_the_settings_are_refused(
    path: Path, alter: Callable[[dict[str, Any]], object], expected: str
) -> None:
    assert len(Vocabulary.from_text(TEXT)) == SYMBOLS
    with_arrays(path, alter)
    assert re.search(expected, refused(path))


def alter_part(part: str, **values: Any) -> Callable[[dict[str, Any]], object]:  # noqa: ANN401
    return lambda entry: entry[part].update(values)


@pytest.mark.parametrize(
    ("alter", "expected"),
    [
        (put("format", 4), "format 4, which charrnn 0.4 or newer reads; this is charrnn 0.3"),
        (put("format", 1), "format 1, which no released version"),
        (put("format", "2"), "its format is '2'; expected one of format 2 and format 3"),
        (put("format", True), "its format is True"),
        (put("task", "chess"), "the task 'chess', which charrnn 0.3"),
        (put("task", None), "the task None"),
        (drop("task"), "it lacks 'task'"),
        (drop("vocabulary"), "it lacks 'vocabulary'"),
        (drop("progress"), "it lacks 'progress'"),
        (alter_part("architecture", symbols=16), "17 symbols in the vocabulary, 16 in the network"),
        (lambda entry: entry["vocabulary"]["entries"].pop(), "16 symbols in the vocabulary"),
        (alter_part("architecture", cell="lstm"), "its cell is 'lstm', but 'gru' in its settings"),
        (alter_part("architecture", cell="os.system"), "--cell is 'os.system'"),
        (alter_part("architecture", cell=None), "--cell is None"),
        (alter_part("architecture", layers=3), "its arrays are not those of its settings: model.layers.2"),
        (alter_part("architecture", hidden=16384), "where its settings say"),
        (alter_part("architecture", hidden=10**9), "--hidden is 1000000000"),
        (alter_part("architecture", hidden=4.5), "--hidden is 4.5"),
        (alter_part("architecture", embedding=-1), "--embedding is -1"),
        (alter_part("reading", mode="sideways"), "--mode is 'sideways'"),
        (alter_part("reading", mode=3), "--mode is 3"),
        (alter_part("corpus", starts=[1]), "1 counts of how lines begin, 17 symbols"),
        (alter_part("corpus", starts=[-1] * SYMBOLS), "expected counts of how lines begin"),
        (alter_part("progress", seconds=float("nan")), "seconds is nan; expected a finite number"),
        (alter_part("progress", step=float("inf")), "step is inf; expected a whole number"),
        (alter_part("progress", best_step=None), "of its best validation"),
        (put("versions", ["1"]), "no attribute"),
        (put("versions", {"torch": []}), "at most 1000 characters"),
        (put("settings", 3), "not iterable"),
        (alter_part("settings", batch_size=0), "--batch-size is 0"),
    ],
)
def test_an_entry_that_does_not_fit_is_refused(
    path: Path, alter: Callable[[dict[str, Any]], object], expected: str
) -> None:
    change(path, alter)
    assert expected in refused(path)


odd_values: st.SearchStrategy[Any] = st.sampled_from(
    [
        None,
        True,
        -1,
        0,
        2**70,
        1e308,
        float("nan"),
        float("inf"),
        "",
        "x",
        [],
        [[]],
        {},
        {"": None},
        [None] * SYMBOLS,
    ]
)


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(choice=st.randoms(use_true_random=False), odd=odd_values)
def test_an_odd_value_anywhere_is_refused_or_harmless(path: Path, choice: Any, odd: Any) -> None:  # noqa: ANN401
    save(path, example())

    def alter(entry: dict[str, Any]) -> None:
        here: Any = entry
        while True:
            key = choice.choice(list(here) if isinstance(here, dict) else range(len(here)))
            deeper = isinstance(here[key], dict | list) and here[key]
            if not deeper or choice.random() < 0.3:
                here[key] = copy.deepcopy(odd)
                return
            here = here[key]

    change(path, alter)
    with contextlib.suppress(CheckpointError):  # whatever else is raised fails the test
        found = load(path)
        save(path, found)
        assert dataclasses.replace(load(path), weights={}) == dataclasses.replace(found, weights={})


def test_huge_settings_over_a_small_file_take_no_memory(path: Path) -> None:
    huge = {"hidden": 16384, "layers": 64, "embedding": 16384}
    change(path, alter_part("architecture", **huge))
    tracemalloc.start()
    refused(path)
    _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak_bytes < 5_000_000


def test_a_header_that_promises_more_than_the_file_holds_takes_no_memory(path: Path) -> None:
    architecture = Architecture("gru", 2, 16384, 3, SYMBOLS)
    header, place = {"__metadata__": parted(path.read_bytes())[0]["__metadata__"]}, 0
    for name, shape in architecture.shapes().items():
        size = 4 * int(np.prod(shape))
        header[f"model.{name}"] = {"dtype": "F32", "shape": shape, "data_offsets": [place, place + size]}
        place += size
    path.write_bytes(resealed(header, b"\0" * 1000))
    change(path, alter_part("architecture", hidden=16384))
    tracemalloc.start()
    refused(path)
    _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak_bytes < 5_000_000


@pytest.mark.parametrize("content", [b"", b"hello", b"\xff" * 100, b"\0" * 100, b"\x80\x04\x95pickle" * 10])
def test_what_is_no_safetensors_file_is_refused(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    refused(path)


def test_arrays_of_another_program_are_refused(path: Path) -> None:
    safetensors.numpy.save_file({"x": np.zeros(99)}, path, {"a": "b" * 99})
    assert "it is not a file that charrnn writes" in refused(path)


def test_an_entry_nested_too_deeply_is_refused(path: Path) -> None:
    header, data = parted(path.read_bytes())
    header["__metadata__"]["charrnn"] = '{"digest":"' + "0" * 64 + '","x":' + "[" * 100_000
    path.write_bytes(resealed(header, data))
    assert "recursion" in refused(path)


def test_a_path_that_is_not_there_or_a_folder_is_refused(tmp_path: Path) -> None:
    assert "does not exist" in refused(tmp_path / "none.safetensors")
    refused(tmp_path)


def test_no_number_that_json_does_not_know_is_written(tmp_path: Path) -> None:
    checkpoint = dataclasses.replace(example(), settings={"dropout": float("nan")})
    with pytest.raises(ValueError, match="JSON"):
        save(tmp_path / "x", checkpoint)
    assert not list(tmp_path.iterdir())


def fails(number: int) -> Callable[..., None]:
    def fail(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    return fail


@pytest.mark.parametrize(
    ("owner", "name"), [(os, "fsync"), (Path, "replace")], ids=["bringing to disk", "renaming"]
)
@pytest.mark.parametrize(
    ("number", "kind"), [(28, ResourceError), (13, CharRNNError)], ids=["full", "denied"]
)
def test_a_write_that_fails_leaves_the_old_file_and_nothing_else(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    *,
    owner: Any,  # noqa: ANN401 - a module or a class
    name: str,
    number: int,
    kind: type[CharRNNError],
) -> None:
    path = tmp_path / "last"
    write_atomically(path, b"old")
    monkeypatch.setattr(owner, name, fails(number))
    with pytest.raises(CharRNNError) as caught:
        write_atomically(path, b"new", previous=tmp_path / "previous")
    monkeypatch.undo()
    assert type(caught.value) is kind
    assert str(path) in str(caught.value)
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_stop_in_the_middle_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def stop(_: int) -> None:
        raise KeyboardInterrupt

    path = tmp_path / "last"
    write_atomically(path, b"old")
    monkeypatch.setattr(os, "fsync", stop)
    with pytest.raises(KeyboardInterrupt):
        write_atomically(path, b"new")
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_the_file_before_is_kept_where_asked(tmp_path: Path) -> None:
    last, previous = tmp_path / "last", tmp_path / "previous"
    write_atomically(last, b"1", previous=previous)
    assert not previous.exists()
    for content in (b"2", b"3"):
        write_atomically(last, content, previous=previous)
    assert (last.read_bytes(), previous.read_bytes()) == (b"3", b"2")


def test_a_folder_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(CharRNNError, match="cannot be written"):
        write_atomically(tmp_path / "none" / "x", b"")


def test_there_is_no_pickle_anywhere() -> None:
    forbidden = re.compile(
        r"import (pickle|marshal|shelve|dill|joblib)|torch\.(load|save)\b|allow_pickle=True"
        r"|(?<![\w.])(eval|exec)\("
    )
    sources = list(Path(charrnn.__file__).parent.rglob("*.py"))
    assert len(sources) > 20
    assert [source.name for source in sources if forbidden.search(source.read_text("utf-8"))] == []
