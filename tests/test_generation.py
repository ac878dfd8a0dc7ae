"""Generation by label: the network, its task through the real trainer, its scores, what it writes."""

import json
import math
import os
import shutil
import signal
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from forging import change
from interruptions import at_call_do, fingerprints
from numpy.typing import NDArray
from program import SMALL, charrnn, lines_of

import charrnn as charrnn_package
from charrnn.config.settings import Request, SampleSettings
from charrnn.decoding.best_of import whole_texts
from charrnn.decoding.labels import with_label
from charrnn.decoding.language_model import SavedModel
from charrnn.decoding.network import Decoder
from charrnn.decoding.sampler import write
from charrnn.errors import UsageError
from charrnn.evaluation.by_label import costs, score_by_label
from charrnn.model.architecture import LabelledArchitecture
from charrnn.model.network import LabelledRNN
from charrnn.runs.checkpoint import load
from charrnn.tasks.generation import GenerationTask
from charrnn.tasks.task import Task
from charrnn.text.codes import UNKNOWN_NATS
from charrnn.text.example_parts import Labelled
from charrnn.text.record_part import Records
from charrnn.text.vocabulary import Vocabulary
from charrnn.training.optimizers import make_optimizers
from charrnn.training.schedule import Budget
from charrnn.training.trainer import Trainer

LABELS = ("letters", "digits")
CASES = [
    LabelledArchitecture(cell, layers, 12, embedding, 9, classes=3)
    for cell in ("rnn", "gru", "lstm")
    for layers in (1, 2, 3)
    for embedding in (0, 5)
]


def lines() -> list[tuple[str, int]]:
    """Words of letters or of digits, three times as many of the one kind as of the other."""
    random = np.random.default_rng(1)
    found = []
    for number in range(400):
        kind = int(number % 4 == 0)
        letters = random.choice(list("0123" if kind else "abcdef"), random.integers(1, 9))
        found.append(("".join(letters), kind))
    return found


def part_of(
    examples: list[tuple[str, int]], vocabulary: Vocabulary, encode: Callable[[str], NDArray[np.uint8]]
) -> Labelled:
    end = np.array([vocabulary.end], np.uint8)
    ids = np.concatenate([end, *(part for text, _ in examples for part in (encode(text), end))])
    bounds = np.flatnonzero(ids == vocabulary.end)
    characters = sum(len(text) for text, _ in examples)
    texts = Records(ids, characters, characters, bounds, np.arange(len(examples)))
    return Labelled(texts, np.array([label for _, label in examples], np.int32))


def vocabulary_and_part() -> tuple[Vocabulary, Labelled]:
    vocabulary = Vocabulary.from_text("".join(text for text, _ in lines()), end=True)
    return vocabulary, part_of(lines(), vocabulary, lambda text: vocabulary.encode(text).astype(np.uint8))


def random_network(architecture: LabelledArchitecture) -> LabelledRNN:
    network = LabelledRNN(architecture, 0.0, torch.Generator().manual_seed(1)).eval()
    random = np.random.default_rng(2)
    shapes = architecture.shapes().items()
    network.put({name: random.uniform(-0.6, 0.6, shape).astype(np.float32) for name, shape in shapes})
    return network


@pytest.mark.parametrize("architecture", CASES, ids=lambda a: f"{a.cell}-{a.layers}-{a.embedding}")
def test_numpy_writes_with_a_label_as_torch_reads_it(architecture: LabelledArchitecture) -> None:
    network = random_network(architecture)
    ids = np.random.default_rng(3).integers(0, 9, (40, 3))
    labels = torch.tensor([2, 0, 1])
    with torch.no_grad():
        expected, _ = network(torch.from_numpy(ids.T.copy()), None, labels)
    for row, label in enumerate(labels.tolist()):
        decoder = Decoder(*with_label(architecture, network.weights(), label))
        found = np.stack([decoder.step(step[row : row + 1])[0].copy() for step in ids])
        np.testing.assert_allclose(found, expected[row].numpy(), atol=1e-4)
    assert np.abs(expected[0].numpy() - expected[1].numpy()).max() > 0.01


def trained(steps: int) -> tuple[GenerationTask, LabelledRNN, Labelled]:
    vocabulary, part = vocabulary_and_part()
    task = GenerationTask(vocabulary, LABELS, counts=(300, 100))
    as_task: Task = task
    architecture = LabelledArchitecture("gru", 1, 24, 8, len(vocabulary), classes=2)
    network = task.network(architecture, 0.0, torch.Generator().manual_seed(1))
    batches = as_task.batches(part, batch_size=20, sequence_length=5, seed=1)
    optimizers = make_optimizers(network, "muon", 0.02, 0.01)
    trainer = Trainer(network, task, batches, optimizers, Budget(steps, None), gradient_clip=1.0)
    for _ in trainer:
        pass
    averaged = trainer.averaged
    assert isinstance(averaged, LabelledRNN)
    return task, averaged, part


def test_labels_are_learnt_and_followed() -> None:
    """Texts longer than a batch's five steps go on in the next one, their labels too."""
    task, network, part = trained(400)
    found = score_by_label(network, part, np.array([300, 100]))
    assert found.found.tolist() == part.labels.tolist()
    # Where nobody tells the label, what tells it, the first character, costs as much more as naming it.
    naming = -(300 * math.log(0.75) + 100 * math.log(0.25))
    assert (found.untold - found.told).sum() == pytest.approx(naming, rel=0.01)
    assert task.score(network, part).nats == pytest.approx(found.told.sum())
    for label, allowed in enumerate(("abcdef", "0123")):
        model = SavedModel(
            *with_label(network.architecture, network.weights(), label),
            task.vocabulary,
            np.zeros(0, np.int64),
        )
        texts = list(whole_texts(write(model, Request(count=40), SampleSettings())))
        assert len(texts) == 40
        assert np.mean([set(text) <= set(allowed) for text in texts]) > 0.9
    first, second = task.examples(network, part).splitlines()
    assert first.startswith("letters: ")
    assert second.startswith("digits: ")
    assert set(second.removeprefix("digits: ")) <= set("0123")


def test_each_text_costs_what_it_costs_alone() -> None:
    """Texts of all lengths, one empty and one longer than is read at once; unknown ones are charged."""
    network = random_network(LabelledArchitecture("lstm", 1, 12, 5, 9, classes=3))
    vocabulary = Vocabulary.from_text("abcdefgh", end=True)
    random = np.random.default_rng(4)
    lengths = [5, 0, 1, 1500, 7, 30]
    examples = [("".join(random.choice(list("abcdefgh"), length)), i % 3) for i, length in enumerate(lengths)]
    part = part_of(examples, vocabulary, lambda text: vocabulary.encode(text).astype(np.uint8))
    labels = part.labels.astype(np.int32)
    found = costs(network, part.texts, labels)
    for number, (begin, end) in enumerate(part.texts.texts.tolist()):
        text = torch.from_numpy(part.texts.ids[begin:end].astype(np.int64))
        with torch.no_grad():
            logits, _ = network(text[None, :-1], None, torch.from_numpy(labels[number : number + 1]))
        alone = torch.nn.functional.cross_entropy(logits[0], text[1:], reduction="sum")
        assert found[number] == pytest.approx(float(alone), rel=1e-4)
    ids = part.texts.ids.copy()
    ids[2] = 9  # of the first text, a character that the network has no id for
    strange = Labelled(Records(ids, 1544, 1544, part.texts.bounds, part.texts.chosen), part.labels)
    task = GenerationTask(vocabulary, ("x", "y", "z"))
    without = np.delete(ids, 2)
    less = Records(without, 1543, 1543, np.flatnonzero(without == vocabulary.end), part.texts.chosen)
    expected = costs(network, less, labels).sum() + UNKNOWN_NATS
    assert task.score(network, strange).nats == pytest.approx(expected, rel=1e-6)


@pytest.fixture(scope="module")
def by_label(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the lines as a table, and a run that has learnt them."""
    folder = tmp_path_factory.mktemp("generation")
    rows = [f"{text}\t{LABELS[label]}\n" for text, label in lines()]
    (folder / "lines.tsv").write_text("".join(rows))
    result = charrnn(*command(folder / "lines.tsv", folder / "run", 300))
    assert result.code == 0, result.err
    return folder


def command(corpus: Path, run: Path, steps: int) -> tuple[str, ...]:
    sizes = ("--cell", "gru", "--hidden", "24", "--batch-size", "20", "--dropout", "0.1", "--threads", "1")
    how = ("--task", "generate", "--run", str(run), "--steps", str(steps), "--quiet")
    return ("train", str(corpus), *how, *sizes)


def sampled(folder: Path, *options: str) -> list[tuple[str, str]]:
    result = charrnn("sample", "--checkpoint", str(folder / "run"), "--json", *options)
    assert result.code == 0, result.err
    return [(text["label"], text["text"]) for text in json.loads(result.out)["texts"]]


def test_a_label_says_what_is_written(by_label: Path) -> None:
    options = ("sample", "--checkpoint", by_label / "run", "--count", "30", "--label", "digits")
    written = charrnn(*options).out.splitlines()
    assert len(written) == 30
    assert np.mean([set(text) <= set("0123") for text in written]) > 0.9
    assert sampled(by_label, "--count", "30", "--label", "digits") == [("digits", text) for text in written]
    model = charrnn_package.load(by_label / "run")
    assert list(model.samples(30, label="digits")) == written
    assert model.sample(label="digits") == written[0]
    assert "".join(model.stream(label="digits", prompt="3")).startswith("3")
    nats = [model.score("0123", label=label).nats_per_character for label in LABELS]
    assert nats[0] > 2 * nats[1]
    with pytest.raises(UsageError, match="--label is 'words'; expected one of digits, letters"):
        model.score("0123", label="words")
    with pytest.raises(UsageError, match="no --label is given"):
        model.score("0123")


def test_labels_are_drawn_as_often_as_they_were_trained_on(by_label: Path) -> None:
    """Each text is what its label alone would have been at its place, however many are written with it."""
    written = sampled(by_label, "--count", "300", "--label", "*")
    counts = Counter(label for label, _ in written)
    assert 0.15 < counts["digits"] / 300 < 0.35
    assert sampled(by_label, "--count", "7", "--label", "*") == written[:7]
    assert sampled(by_label, "--label", "*") == written[:1]
    for label in LABELS:
        alone = sampled(by_label, "--count", "300", "--label", label)
        assert [text for text in written if text[0] == label] == [
            text for text, drawn in zip(alone, written, strict=True) if drawn[0] == label
        ]
    of_several = sampled(by_label, "--count", "20", "--label", "*", "--best-of", "3")
    assert [label for label, _ in of_several] == [label for label, _ in written[:20]]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ((), "the model writes by label, and no --label is given; expected one of digits, letters, or '*'"),
        (
            ("--label", "digit"),
            "--label is 'digit'; perhaps 'digits'; expected one of digits, letters",
        ),
        (("--label", "LETTERS"), "--label is 'LETTERS'; perhaps 'letters'; expected"),
        (("--label", "Ω"), "--label is 'Ω'; expected one of digits, letters"),
    ],
)
def test_a_label_that_is_missing_or_unknown(by_label: Path, options: tuple[str, ...], said: str) -> None:
    result = charrnn("sample", "--checkpoint", by_label / "run", *options)
    assert (result.code, result.out) == (2, "")
    assert result.err.startswith(f"charrnn: {said}")
    assert result.err.count("\n") == 1


def test_a_label_for_a_model_without(run_folder: Path) -> None:
    result = charrnn("sample", "--checkpoint", run_folder, "--label", "digits")
    assert result.code == 2
    assert "--label is 'digits', but the model was trained without labels; leave it out" in result.err


def test_it_is_evaluated_with_the_label_and_without(by_label: Path, tmp_path: Path) -> None:
    """Lines of digits say what they are: all that is not known without the label is the label."""
    run, text = by_label / "run", tmp_path / "new.tsv"
    told = charrnn("evaluate", "--checkpoint", run, "--part", "validation", "--json").json
    assert {"task": "generate", "accuracy_by_bayes": 1.0}.items() <= told.items()
    lost = told["bits_per_character_without_label"] - told["bits_per_character"]
    assert lost == pytest.approx(0.81 * told["lines"] / told["characters"], rel=0.1)
    best = load(run / "best.safetensors").progress.best_validation_nats_per_character
    assert told["nats_per_character"] == pytest.approx(best)
    seen = next(text for text, label in lines() if label)
    text.write_text(f"{seen}\tdigits\nabcdefabcdefabc\tletters\nabx\tletters\n")
    found = charrnn("evaluate", text, "--checkpoint", run, "--json").json
    assert (found["lines"], found["unseen_lines"], found["unknown_characters"]) == (3, 2, 1)
    assert found["characters"] == len(seen) + 15 + 3 + 3
    assert found["unseen"]["bits_per_character"] > found["bits_per_character"]
    shown = charrnn("evaluate", text, "--checkpoint", run).out
    assert "label by Bayes' rule  right 100.0%; 100.0% on lines that were not in training" in shown


@pytest.mark.parametrize(
    ("row", "option", "code", "said"),
    [
        ("ab\tletters\n", "--show", 2, "--show is for a model of --task language, and "),
        (
            "ab\twords\n",
            "--json",
            3,
            "new.tsv, line 1: found the label 'words', which is not in the training part",
        ),
        ("ab\n", "--json", 3, "line 1"),
    ],
)
def test_what_cannot_be_evaluated(row: str, option: str, code: int, said: str, by_label: Path) -> None:
    text = by_label / "new.tsv"
    text.write_text(row)
    result = charrnn("evaluate", text, "--checkpoint", by_label / "run", option)
    assert (result.code, result.out) == (code, "")
    assert said in result.err
    assert result.err.count("\n") == 1


def test_a_run_by_label_goes_on_exactly(by_label: Path, tmp_path: Path) -> None:
    def stop(*_: object) -> None:
        os.kill(os.getpid(), signal.SIGINT)

    corpus = by_label / "lines.tsv"
    assert charrnn(*command(corpus, tmp_path / "whole", 60)).code == 0
    with at_call_do("charrnn.tasks.generation.GenerationTask.loss", {31}, stop):
        assert charrnn(*command(corpus, tmp_path / "cut", 60)).code == 130
    assert charrnn("train", "--resume", "--run", tmp_path / "cut", "--quiet").code == 0
    assert fingerprints(tmp_path / "cut") == fingerprints(tmp_path / "whole")


@pytest.mark.parametrize(
    ("alter", "said"),
    [
        (
            lambda entry: entry["corpus"].update(label_counts=[1]),
            "1 counts of labels, 2 labels in the network",
        ),
        (lambda entry: entry["corpus"].update(label_counts=[0, 0]), "counts of labels that are all zero"),
        (lambda entry: entry["corpus"].update(label_counts=[-1, 5]), "expected counts of labels"),
        (lambda entry: entry["corpus"].update(label_counts=None), "it lacks 'label_counts'"),
        (lambda entry: entry.pop("labels"), "it lacks 'labels'"),
        (lambda entry: entry.update(labels=["a", "b", "c"]), "3 labels in its list, 2 in the network"),
        (lambda entry: entry.update(labels=["b", "a"]), "labels in ascending order"),
        (
            lambda entry: entry["architecture"].update(classes=3),
            "2 counts of labels, 3 labels in the network",
        ),
        (lambda entry: entry.update(task="language"), "2 counts of labels, 0 labels in the network"),
    ],
)
def test_labels_that_do_not_fit_are_refused(
    by_label: Path, tmp_path: Path, alter: Callable[[dict[str, Any]], object], said: str
) -> None:
    path = tmp_path / "forged.safetensors"
    shutil.copy(by_label / "run" / "best.safetensors", path)
    change(path, alter)
    result = charrnn("sample", "--checkpoint", path, "--label", "*")
    assert (result.code, result.out) == (3, "")
    assert said in result.err


def test_losses_while_it_trains_are_of_characters_too(tmp_path: Path) -> None:
    """Of three letters and an end mark, whose ten symbols are expected alike at the first update."""
    corpus, run = tmp_path / "lines.tsv", tmp_path / "run"
    corpus.write_text("한국말\tkorean\n우리말\tours\n" * 40, encoding="utf-8")
    options = ("--task", "generate", "--level", "byte", "--validation", "0", *SMALL, "--steps", "1")
    assert charrnn("train", corpus, "--run", run, *options).code == 0
    symbols = charrnn("info", "--checkpoint", run, "--json").json["vocabulary_size"]
    assert lines_of(run / "metrics.jsonl")[-1]["train_nats"] == pytest.approx(
        2.5 * math.log(symbols), rel=1e-4
    )


def test_a_table_without_labels_is_refused(tmp_path: Path) -> None:
    (tmp_path / "one.tsv").write_text("ab\n" * 9)
    result = charrnn(*command(tmp_path / "one.tsv", tmp_path / "run", 1))
    assert result.code == 3
    assert "one.tsv, line 1" in result.err
    assert not (tmp_path / "run").exists()
