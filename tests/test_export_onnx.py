"""Models as graphs of ONNX: the checker reads them, and onnxruntime computes what the NumPy decoder does."""

import itertools
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from forging import change
from interruptions import at_call_do
from numpy.typing import NDArray
from program import SMALL, TEXT, charrnn

from charrnn.decoding.cells import Array
from charrnn.decoding.chain import Chain
from charrnn.decoding.classification import SavedClassifier
from charrnn.decoding.labels import with_label
from charrnn.decoding.network import Decoder
from charrnn.decoding.tagging import SavedTagger
from charrnn.decoding.translator import Translator
from charrnn.export import onnx_networks
from charrnn.export.weights import restored, store
from charrnn.model.architecture import (
    Architecture,
    ClassifierArchitecture,
    LabelledArchitecture,
    TaggerArchitecture,
    TranslationArchitecture,
)
from charrnn.text.tag_schemes import possible

SYMBOLS, HIDDEN, CLASSES = 9, 12, 4
GOLDEN = Path(__file__).parent / "golden"
CELLS, LAYERS = ("rnn", "gru", "lstm"), (1, 2, 3)
VARIANTS = ((0, "f32"), (5, "f16"), (5, "int8"))
"""Sizes of the embedding, 0 being one-hot vectors, and kinds of weights."""
TEXTS = [np.arange(length) * 5 % SYMBOLS for length in (3, 11, 1, 7)]
LENGTHS = np.array([len(text) for text in TEXTS])
PADDED = np.zeros((11, 4), np.int64)
for number, text in enumerate(TEXTS):
    PADDED[: len(text), number] = text

every_cell = pytest.mark.parametrize(("cell", "layers"), [*itertools.product(CELLS, LAYERS)])


def weights_of(architecture: Architecture) -> dict[str, Array]:
    random = np.random.default_rng(5)
    shapes = architecture.shapes().items()
    return {name: random.uniform(-0.45, 0.45, shape).astype(np.float32) for name, shape in shapes}


def run(graph: onnx_networks.Network, inputs: Mapping[str, NDArray[Any]]) -> dict[str, Array]:
    """All that onnxruntime makes of a graph that the checker has read."""
    model = graph.model({})
    onnx.checker.check_model(model, full_check=True)
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    return dict(
        zip([one.name for one in session.get_outputs()], session.run(None, dict(inputs)), strict=True)
    )


def blank(architecture: Architecture, texts: int) -> dict[str, Array]:
    shape = (architecture.layers, texts, HIDDEN)
    return {name: np.zeros(shape, np.float32) for name in ("h", "c")[: architecture.states]}


def stepped(decoder: Decoder, ids: NDArray[np.int64]) -> Array:
    return np.stack([decoder.step(row).copy() for row in ids])


@every_cell
@pytest.mark.parametrize("texts", [1, 7])
def test_one_graph_serves_sequences_and_steps(cell: str, layers: int, texts: int) -> None:
    ids = np.random.default_rng(1).integers(0, SYMBOLS, (200, texts))
    for embedding, kind in VARIANTS:
        architecture = Architecture(cell, layers, HIDDEN, embedding, SYMBOLS)
        stored = store(weights_of(architecture), kind)
        graph = onnx_networks.language(architecture, stored)
        expected = stepped(Decoder(architecture, restored(stored), texts), ids)
        state = blank(architecture, texts)
        found = run(graph, {"ids": ids} | state)
        np.testing.assert_allclose(found["logits"], expected, atol=1e-4)
        session = onnxruntime.InferenceSession(graph.model({}).SerializeToString())
        for row, logits in zip(ids[:60], expected, strict=False):
            values, *after = session.run(None, {"ids": row[None]} | state)
            state = dict(zip(state, after, strict=True))
            np.testing.assert_allclose(values[0], logits, atol=1e-4)


@every_cell
def test_a_label_is_given(cell: str, layers: int) -> None:
    ids, labels = np.random.default_rng(1).integers(0, SYMBOLS, (40, 3)), np.array([2, 0, 3])
    for embedding, kind in VARIANTS:
        architecture = LabelledArchitecture(cell, layers, HIDDEN, embedding, SYMBOLS, classes=CLASSES)
        stored = store(weights_of(architecture), kind)
        graph = onnx_networks.language(architecture, stored)
        found = run(graph, {"ids": ids, "label": labels} | blank(architecture, 3))["logits"]
        for text, label in enumerate(labels.tolist()):
            alone = Decoder(*with_label(architecture, restored(stored), label))
            np.testing.assert_allclose(found[:, [text]], stepped(alone, ids[:, [text]]), atol=1e-4)


@every_cell
@pytest.mark.parametrize("direction", ["forward", "both"])
def test_the_label_of_a_text_is_predicted(cell: str, layers: int, direction: str) -> None:
    for embedding, kind in VARIANTS:
        size = (cell, layers, HIDDEN, embedding, SYMBOLS, direction)
        architecture = ClassifierArchitecture(*size, classes=CLASSES)
        stored = store(weights_of(architecture), kind)
        found = run(onnx_networks.classifier(architecture, stored, 1.5), {"ids": PADDED, "lengths": LENGTHS})
        classifier = SavedClassifier(architecture, restored(stored), 1.5)
        np.testing.assert_allclose(found["logits"], classifier.logits(TEXTS), atol=1e-4)
        expected = np.exp(classifier.log_probabilities(TEXTS))
        np.testing.assert_allclose(found["probabilities"], expected, atol=1e-5)


@every_cell
@pytest.mark.parametrize("direction", ["forward", "both"])
def test_tags_are_scored(cell: str, layers: int, direction: str) -> None:
    tags = ("B", "I", "O")
    for embedding, kind in VARIANTS:
        sizes = (cell, layers, HIDDEN, embedding, SYMBOLS, direction)
        architecture = TaggerArchitecture(*sizes, tags=3, substring_rows=32 * (kind != "f16"))
        stored = store(weights_of(architecture), kind)
        inputs = {"ids": PADDED, "lengths": LENGTHS}
        found = run(onnx_networks.tagger(architecture, stored, possible(tags)), inputs)
        weights = restored(stored)
        scores, packing, which = SavedTagger(architecture, weights, tags).emissions(TEXTS)
        assert len(scores) == LENGTHS.sum() - len(LENGTHS)
        found_here = found["emissions"][packing.steps, which[packing.texts]]
        np.testing.assert_allclose(found_here, scores, atol=1e-4)
        chain = Chain(weights, possible(tags))
        assert np.array_equal(found["transition"], chain.follows)
        assert (found["first"][1], found["transition"][2, 1]) == (-np.inf, -np.inf)
        assert np.array_equal(found["first"], chain.first)
        assert np.array_equal(found["last"], chain.last)


@every_cell
@pytest.mark.parametrize("attention", [True, False])
def test_targets_are_written(cell: str, layers: int, attention: bool) -> None:
    ids = np.random.default_rng(1).integers(0, 6, (20, len(TEXTS)))
    for embedding, kind in VARIANTS:
        direction = "both" if embedding else "forward"
        size = (cell, layers, HIDDEN, embedding, SYMBOLS, direction)
        architecture = TranslationArchitecture(*size, target_symbols=6, attention=attention)
        stored = store(weights_of(architecture), kind)
        read = run(onnx_networks.encoder(architecture, stored), {"ids": PADDED, "lengths": LENGTHS})
        assert ("vectors" in read) is attention
        given = read | ({"lengths": LENGTHS} if attention else {})
        found = run(onnx_networks.decoder(architecture, stored), {"ids": ids} | given)
        translator = Translator(architecture, restored(stored))
        writer = translator.writer(translator.encode(TEXTS))
        for place, row in enumerate(ids):
            np.testing.assert_allclose(found["logits"][place], writer.step(row), atol=1e-4)
            if writer.shares is not None:
                np.testing.assert_allclose(found["attention"][place], writer.shares[:, 0], atol=1e-5)
        state = {name: found[f"{name}_next"] for name in blank(architecture, 1)}
        others = {name: given[name] for name in ("vectors", "lengths") if attention}
        again = run(onnx_networks.decoder(architecture, stored), {"ids": ids[:1]} | state | others)
        np.testing.assert_allclose(again["logits"][0], writer.step(ids[0]), atol=1e-4)


def exported(*options: str | Path) -> dict[str, Any]:
    result = charrnn("export", "model.onnx", *options, "--json")
    assert result.code == 0, result.err
    found: dict[str, Any] = result.json
    return found


@pytest.mark.usefixtures("in_empty_folder")
@pytest.mark.parametrize("task", ["", "-generate", "-classify", "-tag"])
@pytest.mark.parametrize("kind", ["f32", "int8"])
def test_every_task_is_exported_and_checked(task: str, kind: str) -> None:
    found = exported("--checkpoint", GOLDEN / f"format-3{task}.safetensors", "--weights", kind)
    assert (found["format"], found["file"], found["beside"]) == ("onnx", "model.onnx", [])
    assert found["bytes"] == Path("model.onnx").stat().st_size
    assert found["checked_characters"] > 500
    assert 0 < found["largest_logit_difference"] < 1e-4
    assert found["bits_lost_per_character"] == (0 if kind == "f32" else None)
    onnx.checker.check_model("model.onnx", full_check=True)


@pytest.mark.usefixtures("in_empty_folder")
def test_the_metadata_are_all_that_a_program_needs(run_folder: Path) -> None:
    found = exported("--checkpoint", run_folder, "--weights", "f16", "--title", "Birds", "--license", "MIT")
    assert abs(found["bits_lost_per_character"]) < 0.0005
    told = onnxruntime.InferenceSession("model.onnx").get_modelmeta().custom_metadata_map
    entries = charrnn("vocab", "--checkpoint", run_folder, "--json").json["entries"]
    assert sorted(map(int, told["codes"].split())) == sorted(ord(one["character"]) for one in entries)
    assert len(told["starts"].split()) == len(told["codes"].split())
    wanted = {"task": "language", "level": "char", "mode": "text", "normalize": "none", "newlines": "keep"}
    wanted |= {"title": "Birds", "license": "MIT"}
    assert {name: told[name] for name in wanted} == wanted
    assert told["command"].startswith("charrnn train corpus ")
    assert "end" not in told
    assert "unknown" not in told


@pytest.mark.usefixtures("in_empty_folder")
def test_a_hostile_name_is_text_that_can_be_shown() -> None:
    model = shutil.copyfile(GOLDEN / "format-3.safetensors", Path("model.safetensors"))
    name = "\ud800\x1b[31m\u202e\x00"
    change(model, lambda entry: entry["corpus"].update(name=name))
    exported("--checkpoint", model)
    told = onnxruntime.InferenceSession("model.onnx").get_modelmeta().custom_metadata_map
    assert told["title"] == "⟨U+D800⟩␛[31m⟨U+202E⟩␀"
    assert told["title"] in told["command"]


@pytest.mark.usefixtures("in_empty_folder")
def test_labels_and_marks_are_in_the_metadata() -> None:
    exported("--checkpoint", GOLDEN / "format-3-generate.safetensors")
    told = onnxruntime.InferenceSession("model.onnx").get_modelmeta().custom_metadata_map
    codes = [int(code) for code in told["codes"].split()]
    assert codes[int(told["end"])] == 0x110000
    assert len(json.loads(told["labels"])) > 1


@pytest.mark.usefixtures("in_empty_folder")
def test_a_translator_is_two_files_or_none(tmp_path: Path) -> None:
    Path("words.tsv").write_text("ab\tA B\nba\tB A\n" * 20)
    options = ("--task", "translate", "--target-symbols", "spaces", "--run", "run")
    assert charrnn("train", "words.tsv", *options, *SMALL).code == 0
    found = exported("--checkpoint", "run")
    files = [Path("model.onnx"), Path("model-decoder.onnx")]
    assert (found["file"], found["beside"]) == ("model.onnx", ["model-decoder.onnx"])
    assert found["bytes"] == sum(path.stat().st_size for path in files)
    told = onnxruntime.InferenceSession("model-decoder.onnx").get_modelmeta().custom_metadata_map
    assert json.loads(told["target_vocabulary"]) == ["A", "B"]
    files[0].unlink()
    result = charrnn("export", "model.onnx", "--checkpoint", "run")
    assert (result.code, result.out) == (2, "")
    assert "model-decoder.onnx exists" in result.err
    assert not files[0].exists()

    def appear(path: Path, *_: object) -> None:
        Path("other.onnx").write_text("theirs")

    with at_call_do("charrnn.runs.atomic._take_free_place", {1}, appear):
        result = charrnn("export", "other.onnx", "--checkpoint", "run")
    assert result.code == 2
    assert Path("other.onnx").read_text() == "theirs"
    assert not Path("other-decoder.onnx").exists()


@pytest.mark.usefixtures("in_empty_folder")
def test_a_graph_that_computes_something_else_is_no_export(
    run_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wrong = onnx_networks.Operator("LSTM", ("input", "forget", "candidate", "output"), {})
    monkeypatch.setitem(onnx_networks.OPERATORS, "lstm", wrong)
    result = charrnn("export", "model.onnx", "--checkpoint", run_folder)
    assert (result.code, result.out) == (1, "")
    assert "computes other logits than the model" in result.err
    assert not Path("model.onnx").exists()


@pytest.mark.usefixtures("in_empty_folder")
def test_without_a_runtime_the_reference_checks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    for task in ("", "-classify"):
        result = charrnn("export", f"m{task}.onnx", "--checkpoint", GOLDEN / f"format-3{task}.safetensors")
        assert result.code == 0, result.err


@pytest.mark.usefixtures("in_empty_folder")
def test_without_the_package_it_is_named(run_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.startswith(("onnx.", "charrnn.export.onnx"))]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "onnx", None)
    result = charrnn("export", "model.onnx", "--checkpoint", run_folder)
    assert (result.code, result.out, result.err.count("\n")) == (2, "", 1)
    assert "pip install 'charrnn[onnx]'" in result.err
    assert not Path("model.onnx").exists()


def blocks(language: str) -> list[str]:
    page = (Path(__file__).parents[1] / "docs" / "export-onnx.md").read_text("utf-8")
    return re.findall(rf"```{language}\n(.*?)```", page, re.DOTALL)


@pytest.mark.usefixtures("in_empty_folder")
def test_the_manuals_python_samples_and_classifies(
    run_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    samples, classifies = blocks("python")
    exported("--checkpoint", run_folder)
    exec(samples.replace("It was ", "6 little "), {})  # noqa: S102 - the text of this model
    text = capsys.readouterr().out
    assert text.startswith("6 little ")
    assert len(text) == len("6 little ") + 300 + 1
    assert set(text) <= set(TEXT)
    model = GOLDEN / "format-3-classify.safetensors"
    assert charrnn("export", "origin.onnx", "--checkpoint", model).code == 0
    exec(classifies, {})  # noqa: S102
    label, probability = capsys.readouterr().out.split()
    told = charrnn("classify", "--checkpoint", model, "--text", "Nakamura", "--json").json
    assert label == told["label"]
    assert float(probability) == pytest.approx(told["probability"], abs=1e-5)


@pytest.mark.skipif(shutil.which("node") is None, reason="there is no Node here")
def test_the_manuals_javascript_is_javascript(tmp_path: Path) -> None:
    (program,) = blocks("js")
    (tmp_path / "sample.mjs").write_text(program, encoding="utf-8")
    subprocess.run(["node", "--check", "sample.mjs"], cwd=tmp_path, check=True, timeout=60)


@pytest.mark.skipif(shutil.which("node") is None, reason="there is no Node here")
def test_the_manuals_javascript_reads_the_metadata(tmp_path: Path, run_folder: Path) -> None:
    (program,) = blocks("js")
    model = tmp_path / "model.onnx"
    assert charrnn("export", model, "--checkpoint", run_folder, "--title", "Grün").code == 0
    functions = program[program.index("/** The metadata") :]
    reads = 'import { readFile } from "node:fs/promises";\nconst read = await readFile(process.argv[2]);\n'
    shows = "\nconsole.log(JSON.stringify(metadata(new Uint8Array(read))));"
    (tmp_path / "read.mjs").write_text(reads + functions + shows, encoding="utf-8")
    found = subprocess.run(
        ["node", "read.mjs", str(model)], cwd=tmp_path, check=True, timeout=60, capture_output=True
    )
    told = onnxruntime.InferenceSession(model).get_modelmeta().custom_metadata_map
    assert json.loads(found.stdout) == told
    assert told["title"] == "Grün"


def test_the_manuals_programs_name_what_the_graph_has() -> None:
    named = ("ids", "h", "c", "logits", "h_next", "c_next", "codes", "cell", "layers", "hidden")
    (program,) = blocks("cpp")
    assert set(named) <= set(re.findall(r'"(\w+)"', program))
