"""Classification: what is read, what is learnt, what comes out in NumPy, and a run that goes on exactly."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
import torch
from torch.nn.functional import cross_entropy
from torch.nn.utils.rnn import PackedSequence

from charrnn.decoding.classification import SavedClassifier
from charrnn.errors import CheckpointError
from charrnn.model.architecture import ClassifierArchitecture
from charrnn.model.classifier import Classifier, pooled
from charrnn.tasks.classification import ClassificationTask, LabelledTexts, balanced, logits_of
from charrnn.tasks.task import Task
from charrnn.text.example_parts import Labelled
from charrnn.text.record_part import Records
from charrnn.text.vocabulary import Vocabulary
from charrnn.training.optimizers import make_optimizers
from charrnn.training.schedule import Budget
from charrnn.training.trainer import Trainer

LABELS = ("early", "late", "none")


def texts_and_labels(count: int = 400) -> list[tuple[str, int]]:
    """Lines and which of three labels they have: where, if anywhere, there is a `y`."""
    random = np.random.default_rng(1)
    found = []
    for _ in range(count):
        text = list(random.choice(list("abcdefg"), random.integers(0, 12)))
        label = 2 if len(text) < 2 else int(random.integers(3))
        if label < 2:
            text[random.integers(len(text) // 2) + label * ((len(text) + 1) // 2)] = "y"
        found.append(("".join(text), label))
    return found


def vocabulary_and_part(count: int = 400) -> tuple[Vocabulary, Labelled]:
    vocabulary = Vocabulary.from_text("abcdefgy", end=True)
    texts, labels = zip(*texts_and_labels(count), strict=True)
    end = np.array([vocabulary.end], np.uint8)
    ids = np.concatenate([end, *(part for text in texts for part in (vocabulary.encode(text), end))])
    records = Records(ids, len(ids), len(ids), np.flatnonzero(ids == vocabulary.end), np.arange(count))
    return vocabulary, Labelled(records, np.array(labels, np.int32))


def network_of(cell: str, layers: int, direction: str = "both", embedding: int = 3) -> Classifier:
    architecture = ClassifierArchitecture(cell, layers, 6, embedding, 9, direction, 3)
    network = Classifier(architecture, 0.0, torch.Generator().manual_seed(1)).eval()
    for name, parameter in network.named_parameters():
        if name.endswith("bias") or name.startswith("output"):
            torch.nn.init.normal_(parameter, generator=network.generator)
    return network


@pytest.mark.parametrize("cell", ["rnn", "gru", "lstm"])
@pytest.mark.parametrize("layers", [1, 2, 3])
@pytest.mark.parametrize("direction", ["forward", "both"])
def test_numpy_gives_what_torch_gives(cell: str, layers: int, direction: str) -> None:
    vocabulary, part = vocabulary_and_part(40)
    assert {"", "a"} <= {text[:1] for text, _ in texts_and_labels(40)}
    network = network_of(cell, layers, direction)
    assert len(vocabulary) == network.architecture.symbols
    saved = SavedClassifier(network.trunk.architecture, network.weights())  # type: ignore[arg-type]
    bounds = part.texts.bounds
    texts = [part.texts.ids[a + 1 : b + 1] for a, b in pairwise(bounds)]
    assert {1, 2} <= set(map(len, texts))
    wanted = logits_of(network, part, vocabulary).numpy()
    np.testing.assert_allclose(saved.logits(texts), wanted, atol=1e-5)
    alone = np.concatenate([saved.logits([text]) for text in texts])
    np.testing.assert_allclose(alone, wanted, atol=1e-5)
    found = np.exp(saved.log_probabilities(texts))
    np.testing.assert_allclose(found, torch.from_numpy(wanted).softmax(1), atol=1e-5)


def test_logits_that_are_not_finite_are_an_error() -> None:
    network = network_of("rnn", 1)
    weights = network.weights() | {"output.bias": np.full(3, np.nan, np.float32)}
    saved = SavedClassifier(network.trunk.architecture, weights)  # type: ignore[arg-type]
    with pytest.raises(CheckpointError, match="not a finite number"):
        saved.logits([np.array([0])])


def test_pooling_is_over_the_length_of_each_text() -> None:
    rows = PackedSequence(torch.tensor([[-1.0, 4], [-6, 0], [-3, 2]]), torch.tensor([2, 1]))
    assert pooled(rows).tolist() == [[-2, 3, -1, 4], [-6, 0, -6, 0]]


def test_the_loss_is_weighted_and_smoothed_and_a_sum() -> None:
    vocabulary, part = vocabulary_and_part(40)
    network = network_of("gru", 1)
    task = ClassificationTask(vocabulary, LABELS)
    batch = next(iter(task.batches(part, batch_size=8, sequence_length=64, seed=1)))
    logits = network(batch.ids)
    each = -logits.log_softmax(1)
    plain = each[torch.arange(8), batch.labels]
    loss = task.loss(network, batch, None)
    assert (loss.count, loss.state) == (8, [])
    torch.testing.assert_close(loss.nats, plain.sum())
    asked = replace(task, is_balanced=True).batches(part, batch_size=8, sequence_length=64, seed=1)
    weighted = replace(task, is_balanced=True).loss(network, next(iter(asked)), None)
    weights = 40 / 3 / np.bincount(part.labels).astype(np.float32)
    torch.testing.assert_close(weighted.nats, (plain * torch.from_numpy(weights)[batch.labels]).sum())
    smoothed = replace(task, smoothing=0.3).loss(network, batch, None)
    torch.testing.assert_close(smoothed.nats, (0.7 * plain + 0.3 * each.mean(1)).sum())


def test_what_the_vocabulary_lacks_is_read_as_its_last_symbol() -> None:
    vocabulary, part = vocabulary_and_part(10)
    strange = replace(part, texts=replace(part.texts, ids=part.texts.ids.copy()))
    strange.texts.ids[part.texts.bounds[:-1] + 1] = len(vocabulary)
    network = network_of("gru", 1)
    assert np.isfinite(ClassificationTask(vocabulary, LABELS).score(network, strange).nats)


def test_balanced_weights_are_those_of_the_labels_that_there_are() -> None:
    _, part = vocabulary_and_part(6)
    labels = np.array([3, 0, 0, 3, 0, 1], np.int32)
    some = Labelled(replace(part.texts, chosen=np.arange(5)), labels)
    assert balanced(some).tolist() == pytest.approx([5 / 2 / 3, 0, 0, 5 / 2 / 2])


def test_every_text_comes_once_in_an_epoch_and_keeps_its_label() -> None:
    vocabulary, part = vocabulary_and_part(100)
    part = replace(part, texts=replace(part.texts, chosen=np.arange(0, 100, 2)))
    batches = ClassificationTask(vocabulary, LABELS).batches(part, batch_size=8, sequence_length=4, seed=1)
    wanted = sorted(texts_and_labels(100)[::2])
    stream, orders = iter(batches), []
    for epoch in (0, 1):
        found: list[tuple[str, int]] = []
        while len(found) < 50:
            batch = next(stream)
            found += unpacked(batch, vocabulary)
            assert epoch < batch.epoch <= epoch + 1
            longest = len(batch.ids.batch_sizes)
            assert len(batch.labels) == 1 or longest * len(batch.labels) <= 8 * 4
        assert sorted(found) == wanted
        orders.append(found)
    assert orders[0] != orders[1]
    again = ClassificationTask(vocabulary, LABELS).batches(part, batch_size=8, sequence_length=4, seed=1)
    again.restore(batches.numbers())
    after, wanted_after = next(iter(again)), next(stream)
    assert torch.equal(after.ids.data, wanted_after.ids.data)
    assert again.numbers() == batches.numbers()


def unpacked(batch: LabelledTexts, vocabulary: Vocabulary) -> list[tuple[str, int]]:
    padded, lengths = torch.nn.utils.rnn.pad_packed_sequence(batch.ids, batch_first=True)
    texts = [vocabulary.decode(row[: n - 1]) for row, n in zip(padded, lengths.tolist(), strict=True)]
    return list(zip(texts, batch.labels.tolist(), strict=True))


def test_it_learns_by_the_real_trainer_and_shows_what_it_finds() -> None:
    vocabulary, part = vocabulary_and_part()
    task = ClassificationTask(vocabulary, LABELS, smoothing=0.05)
    as_task: Task = task
    architecture = ClassifierArchitecture("gru", 1, 16, 8, len(vocabulary), "both", 3)
    network = task.network(architecture, 0.0, torch.Generator().manual_seed(1))
    batches = as_task.batches(part, batch_size=20, sequence_length=64, seed=1)
    trainer = Trainer(
        network,
        task,
        batches,
        make_optimizers(network, "muon", 0.04, 0.0),
        Budget(150, None),
        gradient_clip=1.0,
    )
    for _ in trainer:
        pass
    averaged = trainer.averaged
    assert isinstance(averaged, Classifier)
    score = task.score(averaged, part)
    assert score.value > 0.97
    assert score.unit == "accuracy"
    assert score.better_than(0.9)
    assert not score.better_than(score.value)
    labels = torch.from_numpy(part.labels.astype(np.int64))
    wanted = cross_entropy(logits_of(averaged, part, vocabulary), labels, reduction="sum")
    assert score.nats == pytest.approx(float(wanted), rel=1e-4)
    assert trainer.state == []
    shown = task.examples(averaged, replace(part, labels=np.zeros(400, np.int32))).splitlines()
    assert len(shown) == 8
    text, label = texts_and_labels()[0]
    assert shown[0] == f"{text} → {LABELS[label]}" + " (it is early)" * (label != 0)
