"""`--init-from`: a new run from another model's weights, symbols matched by character."""

from pathlib import Path

import numpy as np
import pytest
from program import KOREAN, SMALL, TEXT, charrnn

from charrnn.runs.checkpoint import Checkpoint, load
from charrnn.training.transfer import symbol_axes

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
    axes = symbol_axes(source.architecture)
    for name, values in source.weights.items():
        there, here = found.weights[name], values
        if name in axes:
            there, here = there.take(ours, axes[name]), values.take(theirs, axes[name])
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
        (("--init-from", "text.txt"), 3, "text.txt is not a usable checkpoint"),
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
