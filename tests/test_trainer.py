"""The loop of learning: exact to repeat, silent, bounded in its steps; and it does learn."""

import itertools
import math
from collections.abc import Callable
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
import torch
from losses import LANGUAGE, language_network, with_loss
from numpy.typing import NDArray
from program import DEVICE
from torch import Tensor
from torch.nn.utils.rnn import PackedSequence

from charrnn.evaluation.scores import score_text
from charrnn.model.architecture import Architecture
from charrnn.model.layer import State
from charrnn.model.network import CharRNN
from charrnn.model.trunk import detach
from charrnn.tasks.batches import Batches, NextSymbols
from charrnn.tasks.packed import Windows, pack, packed_records
from charrnn.tasks.passes import Passes
from charrnn.tasks.task import Loss, Task
from charrnn.tasks.windows import Streams
from charrnn.training.optimizers import Group, make_optimizers
from charrnn.training.schedule import Budget, rate
from charrnn.training.trainer import AVERAGING, Trainer, UpdateTotals

HELLO = np.array([1, 0, 2, 2, 3], np.uint8)  # h e l l o, with e, h, l, o as 0 to 3
PERIODIC = np.tile(np.array([0, 1, 0, 2, 0, 3, 1], np.uint8), 60)

every_cell = pytest.mark.parametrize("cell", ["rnn", "gru", "lstm"])


def trainer_of(
    cell: str = "lstm",
    *,
    ids: NDArray[np.uint8] = PERIODIC,
    batches: Batches | None = None,
    steps: int = 20,
    seed: int = 1,
    dropout: float = 0.1,
    optimizer: str = "muon",
    task: Task = LANGUAGE,
    gradient_clip: float = 1.0,
    precision: str = "fp32",
) -> Trainer:
    architecture = Architecture(cell, 1, 16, 4, int(ids.max()) + 1)
    model = CharRNN(architecture, dropout, torch.Generator().manual_seed(seed)).to(DEVICE)
    model.generator = torch.Generator(DEVICE).manual_seed(seed)
    return Trainer(
        model,
        task,
        batches or Streams(ids, 4, 10),
        make_optimizers(model, optimizer, 0.05, 0.01),
        Budget(steps, None),
        gradient_clip=gradient_clip,
        precision=precision,
    )


def trained(trainer: Trainer) -> dict[str, Tensor]:
    for _ in trainer:
        pass
    return trainer.model.state_dict()


def same(one: dict[str, Tensor], other: dict[str, Tensor]) -> bool:
    return all(torch.equal(one[name], other[name]) for name in one)


@every_cell
@pytest.mark.parametrize("optimizer", ["muon", "adamw"])
def test_the_same_seed_gives_the_same_weights_bit_for_bit(cell: str, optimizer: str) -> None:
    first = trained(trainer_of(cell, optimizer=optimizer))
    assert same(first, trained(trainer_of(cell, optimizer=optimizer)))
    assert not same(first, trained(trainer_of(cell, optimizer=optimizer, seed=2)))


def records_batches(seed: int = 1) -> Passes[Windows, NextSymbols]:
    ids = np.append(PERIODIC, PERIODIC[5])
    bounds = np.flatnonzero(ids == 3).astype(np.int64)
    chosen = np.arange(len(bounds) - 1)
    make = partial(pack, ids)
    return packed_records(bounds, chosen, make, batch_size=4, sequence_length=5, seed=seed)


def test_the_same_seed_gives_the_same_weights_on_records() -> None:
    first = trained(trainer_of(batches=records_batches()))
    assert same(first, trained(trainer_of(batches=records_batches())))


@pytest.mark.parametrize("batches", [None, records_batches()], ids=["text", "records"])
def test_it_says_nothing_and_touches_no_global_random_numbers(
    capfd: pytest.CaptureFixture[str], batches: Batches | None
) -> None:
    before, numpy_before = torch.get_rng_state(), np.random.get_state()[1].copy()  # type: ignore[index]
    trained(trainer_of(batches=batches, dropout=0.5))
    assert torch.equal(torch.get_rng_state(), before)
    assert np.array_equal(np.random.get_state()[1], numpy_before)  # type: ignore[index]
    assert capfd.readouterr() == ("", "")


def test_each_turn_is_one_update_and_tells_about_it() -> None:
    trainer, found = trainer_of(steps=10), list[tuple[int, float, float]]()
    for step in trainer:
        assert trainer.read_every == 1
        assert (trainer.read().count, trainer.step, trainer.symbols_seen) == (40, step, 40 * step)
        found.append((step, trainer.epoch, trainer.learning_rate))
    steps, epochs, rates = zip(*found, strict=True)
    assert steps == tuple(range(1, 11))
    assert epochs == pytest.approx(np.arange(1, 11) * 40 / (len(PERIODIC) - 1))
    assert rates == pytest.approx([0.05 * rate(step / 10) for step in range(10)])


def spoilt_at(*spoilt: int) -> Task:
    """The usual task, but for some updates, from 1, whose loss is not a number."""
    numbers = itertools.count(1)

    def task(model: CharRNN, batch: NextSymbols, state: State | None) -> Loss:
        loss = LANGUAGE.loss(model, batch, state)
        if next(numbers) in spoilt:
            loss.nats.data.fill_(math.nan)
        return loss

    return with_loss(task)


def test_one_reading_of_some_updates_tells_of_all_of_them() -> None:
    one_by_one = trainer_of(steps=6, task=spoilt_at(2, 4, 5))
    readings = [one_by_one.read() for _ in one_by_one]
    assert [totals.skipped for totals in readings] == [0, 1, 0, 1, 1, 0]
    assert [totals.in_a_row for totals in readings] == [0, 1, 0, 1, 2, 0]
    assert [totals.gradient_norm is None for totals in readings] == [False, True, False, True, True, False]
    at_once = trainer_of(steps=6, task=spoilt_at(2, 4, 5))
    trained(at_once)
    totals = at_once.read()
    assert (totals.updates, totals.skipped, totals.in_a_row, totals.most_in_a_row) == (6, 3, 0, 2)
    assert (totals.nats, totals.count) == (sum(t.nats for t in readings), 3 * 40)
    assert totals.gradient_norm == readings[-1].gradient_norm
    assert at_once.symbols_seen == one_by_one.symbols_seen == 120
    assert at_once.read() == UpdateTotals(), "a totals is read once"


def test_updates_skipped_in_a_row_are_counted_across_readings() -> None:
    trainer = trainer_of(steps=5, task=spoilt_at(2, 3, 4))
    for step in trainer:
        if step == 3:
            assert trainer.read().most_in_a_row == 2
    assert (trainer.read().in_a_row, trainer.read().most_in_a_row) == (0, 0)
    trainer = trainer_of(steps=4, task=spoilt_at(1, 2, 3, 4))
    for step in trainer:
        if step == 2:
            assert trainer.read().in_a_row == 2
    assert trainer.read().most_in_a_row == 4


def test_the_first_loss_is_that_of_knowing_nothing() -> None:
    trainer = trainer_of()
    next(iter(trainer))
    totals = trainer.read()
    assert totals.nats / totals.count == pytest.approx(math.log(4))


def test_nothing_happens_before_it_is_iterated_nor_after_the_budget() -> None:
    trainer = trainer_of(steps=3)
    start = {name: value.clone() for name, value in trainer.model.state_dict().items()}
    assert same(start, trainer.model.state_dict())
    end = {name: value.clone() for name, value in trained(trainer).items()}
    assert not same(start, end)
    assert list(trainer) == []
    assert same(end, trainer.model.state_dict())


def test_what_is_to_be_used_is_the_average_that_counts_the_latest_weights_most() -> None:
    trainer, seen = trainer_of(steps=30), list[dict[str, Tensor]]()
    assert same(trainer.averaged.state_dict(), trainer.model.state_dict())
    for _ in trainer:
        seen.append({name: value.double() for name, value in trainer.model.state_dict().items()})
    power = AVERAGING + 1
    shares = [((t + 1) / 30) ** power - (t / 30) ** power for t in range(30)]
    for name, found in trainer.averaged.state_dict().items():
        expected = sum(share * weights[name] for share, weights in zip(shares, seen, strict=True))
        torch.testing.assert_close(found.double(), expected, rtol=1e-5, atol=1e-6)
    assert not any(parameter.requires_grad for parameter in trainer.averaged.parameters())
    assert not trainer.averaged.training


def test_stopping_and_iterating_again_goes_on() -> None:
    whole, halves = trainer_of(), trainer_of()
    for step in halves:
        if step == 7:
            break
    assert same(trained(whole), trained(halves))


class Descent:
    """Along the gradient, as far as it is long."""

    def __init__(self, model: CharRNN) -> None:
        self.groups = [Group(dict(model.named_parameters()), 1.0)]
        self.state: dict[str, dict[str, Tensor]] = {}

    def begin(self) -> None:
        """Nothing is remembered."""

    @torch.no_grad()
    def step(self, learnt: Tensor | None = None) -> None:
        assert learnt is None
        for group in self.groups:
            for parameter, gradient in group.moved().values():
                parameter.sub_(gradient, alpha=float(group.learning_rate))


def step_of_plain_descent(gradient_clip: float) -> tuple[float, UpdateTotals]:
    """How far one update at rate 1 moves the weights along the gradient alone."""
    model = language_network(trainer_of(dropout=0).model)
    with torch.no_grad():
        model.output.weight.fill_(0.5).add_(torch.arange(4.0, device=DEVICE)[:, None])
    descent = [Descent(model)]
    batches, budget = Streams(PERIODIC, 4, 10), Budget(1, None)
    trainer = Trainer(model, LANGUAGE, batches, descent, budget, gradient_clip=gradient_clip)
    before = [p.detach().clone() for p in model.parameters()]
    trainer.update(next(iter(batches)), progress=0.02)
    moves = [p.detach() - b for p, b in zip(model.parameters(), before, strict=True)]
    return float(torch.cat([move.flatten() for move in moves]).norm()), trainer.read()


def test_a_gradient_is_clipped_to_the_length_that_is_allowed() -> None:
    free, unclipped = step_of_plain_descent(0)
    clipped, totals = step_of_plain_descent(free / 10)
    longer, _ = step_of_plain_descent(free * 10)
    assert free == pytest.approx(unclipped.gradient_norm, rel=1e-4)
    assert clipped == pytest.approx(free / 10, rel=1e-4)
    assert longer == pytest.approx(free, rel=1e-6)
    assert totals.gradient_norm == pytest.approx(free, rel=1e-6)  # told as it was before clipping


def states_seen(batches: Batches, steps: int) -> list[tuple[NextSymbols, State | None, State]]:
    """For each batch the state it was read with and the state after it."""
    seen: list[tuple[NextSymbols, State | None, State]] = []

    def watch(model: CharRNN, batch: NextSymbols, state: State | None) -> Loss:
        loss = LANGUAGE.loss(model, batch, state)
        seen.append((batch, state, loss.state))
        return loss

    trained(trainer_of(batches=batches, steps=steps, task=with_loss(watch), dropout=0))
    return seen


def test_the_state_goes_on_from_batch_to_batch_and_is_blank_where_a_text_begins() -> None:
    transitions = 40
    seen = states_seen(Streams(PERIODIC[: transitions + 1], 4, 5), 9)
    assert seen[0][1] is None
    for (_, _, before), (batch, state, _) in itertools.pairwise(seen):
        assert state is not None
        fresh = torch.zeros(4, dtype=torch.bool, device=DEVICE) if batch.fresh is None else batch.fresh
        for part, last in zip(state[0], before[0], strict=True):
            assert not part.requires_grad
            assert torch.equal(part[~fresh], last[~fresh])
            assert not part[fresh].any()
    assert sum(int(batch.fresh.sum()) for batch, _, _ in seen if batch.fresh is not None) == 5


def test_records_start_blank_and_are_read_on_with_their_state() -> None:
    seen = states_seen(records_batches(), 30)
    assert any(batch.fresh is None for batch, _, _ in seen)
    for (_, _, before), (batch, state, _) in itertools.pairwise(seen):
        if batch.fresh is not None:
            assert state is None
        else:
            assert state is not None
            assert all(
                torch.equal(part, last[: len(part)]) for part, last in zip(state[0], before[0], strict=True)
            )


@every_cell
@pytest.mark.parametrize("lost", [False, True], ids=["state kept", "state lost"])
def test_after_a_skipped_update_the_next_batch_goes_on_with_its_own_texts(cell: str, lost: bool) -> None:
    """Records longer than a window, fewer of them in every other batch: a state of before fits nothing."""
    seen: list[tuple[NextSymbols, State | None, State]] = []

    def spoilt(model: CharRNN, batch: NextSymbols, state: State | None) -> Loss:
        loss = LANGUAGE.loss(model, batch, state)
        if len(seen) % 3 == 0:
            loss.nats.data.fill_(math.nan)
            for part in (part for layer in loss.state for part in layer if lost):
                part.data[-1] = math.nan
        seen.append((batch, state, detach(loss.state)))
        return loss

    trainer = trainer_of(cell, batches=records_batches(), steps=24, task=with_loss(spoilt), dropout=0)
    assert [trainer.read().skipped for _ in trainer] == [number % 3 == 0 for number in range(24)]
    read_on = [pair for pair in itertools.pairwise(seen) if pair[1][0].fresh is None]
    assert any(not bool(before[0][0].isfinite().all()) for (_, _, before), _ in read_on) is lost
    for (_, _, before), (batch, state, _) in read_on:
        assert isinstance(batch.ids, PackedSequence)
        assert state is not None
        for part, last in zip(state[0], before[0], strict=True):
            assert len(part) >= int(batch.ids.batch_sizes[0])
            assert torch.equal(part, last.nan_to_num(0) * last.isfinite().all(1, keepdim=True))


def test_the_mean_is_taken_over_the_symbols_not_over_texts_or_batches() -> None:
    """Twice the loss over twice the count is the same update."""

    def doubled(model: CharRNN, batch: NextSymbols, state: State | None) -> Loss:
        loss = LANGUAGE.loss(model, batch, state)
        return replace(loss, nats=2 * loss.nats, count=2 * loss.count)

    assert same(trained(trainer_of(steps=5)), trained(trainer_of(steps=5, task=with_loss(doubled))))


@every_cell
def test_it_learns_hello(cell: str) -> None:
    """After h the likeliest, again and again: e l l o."""
    trainer = trainer_of(cell, ids=HELLO, batches=Streams(HELLO, 1, 4), steps=100, dropout=0)
    trained(trainer)
    written, state = [1], None
    with torch.no_grad():
        while len(written) < len(HELLO):
            logits, state = trainer.model(torch.tensor([[written[-1]]], device=DEVICE), state)
            written.append(int(logits.argmax()))
    assert written == HELLO.tolist()


@every_cell
@pytest.mark.parametrize("optimizer", ["muon", "adamw"])
def test_the_loss_falls_on_a_periodic_text(cell: str, optimizer: str) -> None:
    """The next symbol follows from the last few: next to nothing is left to guess."""
    trainer = trainer_of(cell, steps=200, dropout=0, optimizer=optimizer)
    before = score_text(language_network(trainer.model), PERIODIC).nats_per_character
    trained(trainer)
    after = score_text(language_network(trainer.model), PERIODIC).nats_per_character
    assert before == pytest.approx(math.log(4))
    assert after < 0.1


@every_cell
def test_half_precision_learns_too_and_keeps_full_weights(cell: str) -> None:
    trainer = trainer_of(cell, steps=60, dropout=0, precision="bf16")
    trained(trainer)
    assert all(value.dtype == torch.float32 for value in trainer.model.state_dict().values())
    assert score_text(language_network(trainer.model), PERIODIC).nats_per_character < 0.8


@pytest.mark.parametrize("watch", [True, False])
def test_scoring_in_between_changes_nothing(watch: bool) -> None:
    def score(trainer: Trainer) -> None:
        score_text(language_network(trainer.model), PERIODIC[:50])

    between: Callable[[Trainer], None] = score if watch else lambda _: None
    trainer, reference = trainer_of(dropout=0.5), trainer_of(dropout=0.5)
    for _ in trainer:
        between(trainer)
    assert same(trainer.model.state_dict(), trained(reference))
