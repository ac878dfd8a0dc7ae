"""`--init-from`: a new run from another model's weights, symbols matched by character."""

from pathlib import Path

import numpy as np
import pytest
from program import KOREAN, SMALL, TEXT, charrnn

from charrnn.runs.checkpoint import Checkpoint, load
from charrnn.training.transfer import axes

OTHER = "Eight little birds, ÄÖÜ, sat on a wall.\n" * 60


@pytest.fixture(autouse=True)
def _in_folder_with_texts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name, text in {"text": TEXT, "other": OTHER, "korean": KOREAN}.items():
        Path(f"{name}.txt").write_text(text, encoding="utf-8")


def begun(corpus: str, run: str, *options: str) -> tuple[Checkpoint, str]:
    """A run of one tiny step, and what it said."""
    sizes = ("--batch-size", "4", "--sequence-length", "16", "--steps", "1", "--learning-rate", "1e-9")
    result = charrnn("train", f"{corpus}.txt", "--run", run, *sizes, *options)
    assert result.code == 0, result.err
    return load(Path(run) / "last.safetensors"), result.err


def trained(*options: str) -> Checkpoint:
    assert charrnn("train", "text.txt", "--run", "first", *SMALL, *options).code == 0
    return load(Path("first/best.safetensors"))


@pytest.mark.parametrize(("cell", "embedding"), [("gru", "5"), ("lstm", "0")])
def test_rows_are_matched_by_character(cell: str, embedding: str) -> None:
    source = trained("--cell", cell, "--layers", "2", "--embedding", embedding)
    found, said = begun("other", "second", "--init-from", "first")
    both = [c for c in found.vocabulary.codes.tolist() if c in source.vocabulary.codes.tolist()]
    ours = np.searchsorted(found.vocabulary.codes, both)
    theirs = np.searchsorted(source.vocabulary.codes, both)
    of_symbols = {
        name: sizes.index("symbols") for name, sizes in axes(source.architecture).items() if any(sizes)
    }
    first = "embedding.weight" if int(embedding) else "layers.0.input_weight"
    assert of_symbols.keys() == {first, "output.weight", "output.bias"}
    for name, values in source.weights.items():
        there, here = found.weights[name], values
        if name in of_symbols:
            there, here = there.take(ours, of_symbols[name]), values.take(theirs, of_symbols[name])
        np.testing.assert_allclose(there, here, atol=1e-6, err_msg=name)
    assert f"{len(both)} symbols matched, {len(found.vocabulary) - len(both)} new" in said
    assert "Ä Ö Ü" in said


def test_new_symbols_begin_as_in_any_new_network() -> None:
    trained()
    transferred, _ = begun("korean", "second", "--init-from", "first")
    fresh, _ = begun("korean", "third", "--hidden", "16")
    new = [i for i, code in enumerate(fresh.vocabulary.codes) if chr(code) not in TEXT]
    for name in ("embedding.weight", "output.weight"):
        np.testing.assert_allclose(transferred.weights[name][new], fresh.weights[name][new], atol=1e-6)


def test_the_same_text_begins_where_the_model_was() -> None:
    source = trained("--steps", "150", "--learning-rate", "0.02")
    _, said = begun("text", "second", "--init-from", "first/best.safetensors", "--validation", "0.1")
    assert "0 new" in said
    again = charrnn("evaluate", "text.txt", "--checkpoint", "second/last.safetensors", "--json").json
    before = charrnn("evaluate", "text.txt", "--checkpoint", "first", "--json").json
    assert again["bits_per_character"] == pytest.approx(before["bits_per_character"], rel=1e-3)
    assert source.architecture == load(Path("second/last.safetensors")).architecture


@pytest.mark.parametrize(
    ("options", "code", "said"),
    [
        (("--hidden", "64"), 2, "--hidden is 64, but the model of --init-from has 16; leave it out"),
        (("--cell", "rnn"), 2, "--cell is rnn, but the model of --init-from has lstm; leave it out"),
        (("--level", "byte"), 2, "--level is byte, but the model of --init-from has level char"),
        (("--init-from", "nowhere"), 3, "nowhere does not exist"),
        (("--init-from", "text.txt"), 3, "text.txt is not a checkpoint: it is not a safetensors file"),
    ],
)
def test_what_does_not_fit_is_refused_and_nothing_is_written(
    options: tuple[str, ...], code: int, said: str
) -> None:
    trained()
    result = charrnn("train", "text.txt", "--run", "second", "--init-from", "first", "--steps", "1", *options)
    assert result.code == code
    assert said in result.err
    assert not Path("second").exists()


def test_the_settings_do_it_again() -> None:
    trained()
    first, _ = begun("other", "second", "--init-from", "first")
    assert charrnn("train", "--config", "second/config.toml", "--run", "third").code == 0
    assert load(Path("third/last.safetensors")).fingerprint() == first.fingerprint()
    assert "init_from" not in first.settings, "a path is nobody's business"


def test_a_language_model_starts_a_model_that_writes_by_label() -> None:
    """Labels start anew there, and are matched by name afterwards; a language model takes none of them."""
    Path("lines.txt").write_text("bird\nwall\nfour\n" * 30)
    Path("one.tsv").write_text("bird\tone\nwall\ttwo\n" * 30)
    Path("two.tsv").write_text("bird\tone\nwall\tthree\nfour\ttwo\n" * 30)
    sizes = ("--batch-size", "4", "--sequence-length", "16", "--validation", "0")

    def begun_from(source: str, run: str, *options: str) -> tuple[Checkpoint, str]:
        still = ("--steps", "1", "--learning-rate", "1e-9", "--init-from", source)
        result = charrnn("train", *options, "--run", run, *sizes, *still)
        assert result.code == 0, result.err
        return load(Path(run) / "last.safetensors"), result.err

    learning = ("--mode", "lines", "--hidden", "16", "--steps", "20", *sizes)
    assert charrnn("train", "lines.txt", "--run", "first", *learning).code == 0
    by_label = ("--task", "generate")
    dry = charrnn("train", "one.tsv", *by_label, "--init-from", "first", "--dry-run", *sizes).out
    assert "8 symbols matched, 0 new; what starts anew is label.weight" in " ".join(dry.split())
    found, said = begun_from("first", "second", "one.tsv", *by_label)
    assert "8 symbols matched, 0 new; what starts anew is label.weight" in said
    assert not np.abs(found.weights["label.weight"]).max() > 1e-6
    recurrent = load(Path("first/last.safetensors")).weights["layers.0.recurrent_weight"]
    np.testing.assert_allclose(found.weights["layers.0.recurrent_weight"], recurrent, atol=1e-6)

    options = ("--hidden", "16", "--steps", "20", *by_label, *sizes)
    assert charrnn("train", "one.tsv", "--run", "labels", *options).code == 0
    known = load(Path("labels/last.safetensors")).weights["label.weight"]
    found, said = begun_from("labels", "third", "two.tsv", *by_label)
    assert found.answers == ("one", "three", "two")
    np.testing.assert_allclose(found.weights["label.weight"][[0, 2]], known, atol=1e-6)
    assert not np.abs(found.weights["label.weight"][1]).max() > 1e-6
    assert "8 symbols matched, 3 new: f o u\n" in said
    found, _ = begun_from("labels", "fourth", "lines.txt", "--mode", "lines")
    assert "label.weight" not in found.weights
