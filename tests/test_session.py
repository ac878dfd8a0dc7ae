"""A run from its first update to its last: nothing measured is lost, nothing is measured twice."""

import itertools
import json
import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from losses import language_network

from charrnn.config.declaration import build
from charrnn.config.settings import TrainSettings
from charrnn.display.plain import QuietDisplay
from charrnn.errors import DivergenceError, NothingLearntError, Stopped
from charrnn.evaluation.scores import LanguageScore
from charrnn.model.network import CharRNN
from charrnn.model.readers import relative_cost
from charrnn.runs.checkpoint import load
from charrnn.runs.checkpoint_facts import CorpusFacts
from charrnn.runs.folder import Run
from charrnn.runs.report import Report
from charrnn.runs.signals import Stops
from charrnn.tasks.language import LanguageTask
from charrnn.tasks.windows import Streams
from charrnn.text.parts import Part
from charrnn.text.text_parts import OneText
from charrnn.text.vocabulary import Vocabulary
from charrnn.training import reporting, sampling, saving, validating
from charrnn.training.optimizers import make_optimizers
from charrnn.training.plan import Facts, choose
from charrnn.training.schedule import Budget, Interval
from charrnn.training.session import Session
from charrnn.training.setup import Setup
from charrnn.training.threads import Threads
from charrnn.training.trainer import Trainer, UpdateTotals

TEXT = "hello there, hello you. " * 20
VOCABULARY = Vocabulary.from_text(TEXT)
TASK = LanguageTask(VOCABULARY, starts=[0] * len(VOCABULARY))
score_part = TASK.score
SMALL = {"hidden": 8, "embedding": 4, "batch_size": 2, "sequence_length": 8, "quiet": True}


class Watcher(QuietDisplay):
    """Keeps the reports, and calls something at each."""

    def __init__(self, then: Callable[[Report], None] = lambda _: None) -> None:
        self.reports: list[Report] = []
        self.then = then

    def report(self, report: Report) -> None:
        self.reports.append(report)
        self.then(report)


@pytest.fixture(autouse=True)
def always_due(monkeypatch: pytest.MonkeyPatch) -> None:
    """Report, validate, sample and save after every update."""
    set_intervals(monkeypatch, Interval(1, None))


def set_intervals(monkeypatch: pytest.MonkeyPatch, interval: Interval) -> None:
    """Let everything that a session begins from here on be due like this."""
    for part in (reporting, validating, sampling, saving):
        monkeypatch.setattr(part, "Interval", lambda *_: replace(interval))


def part_of(text: str) -> Part:
    return OneText(VOCABULARY.encode(text), len(text), len(text.encode()))


def session_of(
    folder: Path,
    display: Watcher,
    budget: Budget,
    *,
    validated: bool = True,
    **values: Any,  # noqa: ANN401
) -> Session:
    settings = build(TrainSettings, SMALL | {"steps": 1} | values)
    training = part_of(TEXT)
    plan = choose(settings, Facts(training.symbols, 0, len(VOCABULARY)))
    recipe = plan.settings.recipe
    model = CharRNN(plan.architecture, 0.0, torch.Generator().manual_seed(1))
    optimizers = make_optimizers(model, recipe.optimizer, recipe.learning_rate, 0.0)
    batches = Streams(training.ids, recipe.batch_size, recipe.sequence_length)
    setup = Setup(
        plan=plan,
        trainer=Trainer(model, TASK, batches, optimizers, budget, gradient_clip=1.0),
        threads=Threads([1]),
        vocabulary=VOCABULARY,
        corpus=CorpusFacts("text", "", len(TEXT), len(TEXT), 60, [0] * len(VOCABULARY)),
        training=training,
        validation=part_of(TEXT[:60]) if validated else None,
        measured_symbols=60,
    )
    return Session(setup, Run(folder), display, Stops())


def metrics(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]


def assert_last_validation_is_kept(run: Session, folder: Path) -> None:
    assert isinstance(run.validating.part, OneText)
    expected = score_part(language_network(run.trainer.averaged), run.validating.part).nats_per_character
    assert metrics(folder)[-1]["validation_nats"] == expected
    assert load(run.run.last).progress.validation_nats_per_character == expected
    assert math.isfinite(metrics(folder)[-1]["train_nats"])


def test_the_last_validation_is_reported_though_a_report_was_just_made(tmp_path: Path) -> None:
    display = Watcher()
    run = session_of(tmp_path, display, Budget(3, None), steps=3)
    progress = run.learn()
    assert (progress.step, progress.finished) == (3, True)
    assert_last_validation_is_kept(run, tmp_path)
    assert display.reports[-1].progress == 1


def test_the_last_validation_is_reported_when_the_time_is_over_between_two_updates(tmp_path: Path) -> None:
    ticks = itertools.count()
    clock = [0.0]

    def late(_: Report) -> None:
        clock[0] = 0.0 if next(ticks) < 2 else 1e6

    run = session_of(tmp_path, Watcher(late), Budget(None, 1e5, lambda: clock[0]), steps=None, max_time="1d")
    run.learn()
    assert_last_validation_is_kept(run, tmp_path)


def test_figures_of_every_update_stand_in_the_reports(tmp_path: Path) -> None:
    display = Watcher()
    session_of(tmp_path, display, Budget(4, None), steps=4).learn()
    assert [report.step for report in display.reports] == [1, 2, 3, 4, 4]
    assert [line["characters"] for line in metrics(tmp_path)] == [16, 32, 48, 64, 64]
    assert display.reports[0].train_nats == pytest.approx(math.log(len(VOCABULARY)))


def test_the_best_checkpoint_has_the_lowest_validation(tmp_path: Path) -> None:
    run = session_of(tmp_path, Watcher(), Budget(30, None), steps=30)
    progress = run.learn()
    figures = [line["validation_nats"] for line in metrics(tmp_path) if "validation_nats" in line]
    assert progress.best_validation_nats_per_character == min(figures)
    best = load(run.run.best)
    assert best.progress.step == progress.best_step
    assert not best.training.arrays, "only what one needs to share it"
    run.trainer.averaged.put(best.weights)
    assert isinstance(run.validating.part, OneText)
    assert score_part(language_network(run.trainer.averaged), run.validating.part).nats_per_character == min(
        figures
    )


def test_patience_ends_a_run_without_measuring_twice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scored = []

    def worse(*_: object) -> LanguageScore:
        scored.append(1)
        return LanguageScore(float(len(scored)), 1, 1)

    display = Watcher()
    run = session_of(tmp_path, display, Budget(100, None), steps=100, patience=3)
    monkeypatch.setattr(LanguageTask, "score", worse)
    progress = run.learn()
    assert (progress.step, progress.best_step, progress.finished) == (4, 1, True)
    assert len(scored) == 4
    assert [report.step for report in display.reports] == [1, 2, 3, 4]


def test_without_validation_every_save_is_the_best_too(tmp_path: Path) -> None:
    run = session_of(tmp_path, Watcher(), Budget(3, None), validated=False, steps=3)
    run.learn()
    assert load(run.run.best).fingerprint() == load(run.run.last).fingerprint()
    assert load(run.run.previous).progress.step == 3
    assert not any("validation_nats" in line for line in metrics(tmp_path))


def test_a_run_without_an_update_is_an_error_and_leaves_no_best(tmp_path: Path) -> None:
    run = session_of(tmp_path, Watcher(), Budget(None, 1.0, lambda: 5.0), steps=None, max_time="1s")
    run.save()
    with pytest.raises(NothingLearntError, match=r"no update was made: 5\.0 s .* --max-time is 1s") as caught:
        run.learn()
    assert f"charrnn train --resume --run {tmp_path} --max-time 2m" in str(caught.value)
    assert caught.value.exit_code == 1
    assert not run.run.best.exists()
    assert not load(run.run.last).progress.finished, "it can be resumed"


@dataclass
class BusyMachine:
    """A clock that every validation moves on, as it moves on with every update."""

    monkeypatch: pytest.MonkeyPatch
    seconds_a_symbol: float
    seconds: float = 0.0

    def __post_init__(self) -> None:
        self.monkeypatch.setattr(LanguageTask, "score", self._score)
        self.monkeypatch.setattr("charrnn.training.validating.time.monotonic", lambda: self.seconds)
        self.scored: list[int] = []

    def __call__(self) -> float:
        return self.seconds

    def updated(self, _: Report) -> None:
        self.seconds += 0.1

    def _score(self, model: CharRNN, part: Part) -> LanguageScore:
        for _ in range(part.symbols):
            self.seconds += self.seconds_a_symbol
            model(torch.zeros(1, 1, dtype=torch.long))
        self.scored.append(part.symbols)
        return score_part(model, part)


def run_on(machine: BusyMachine, folder: Path, deadline: float, every: float = 1e9) -> Session:
    """A run on its clock, whose parts are due after so many seconds."""
    set_intervals(machine.monkeypatch, Interval(None, every, machine))
    display = Watcher(machine.updated)
    budget = Budget(None, deadline, machine)
    return session_of(folder, display, budget, steps=None, max_time=f"{deadline:g}s", threads=1)


def test_updates_get_most_of_the_time_however_long_a_validation_takes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine = BusyMachine(monkeypatch, seconds_a_symbol=1.0)
    monkeypatch.setattr(validating, "LEAST_MEASURED", 5)
    monkeypatch.setattr(validating, "WARM_UP_SYMBOLS", 2)
    monkeypatch.setattr(validating, "PROBES", (3,))
    run = run_on(machine, tmp_path, 200)
    monkeypatch.setattr(run.reporting, "report", lambda *_, **__: None)
    monkeypatch.setattr(run, "_after", machine.updated)
    run.validating.fit()
    assert isinstance(run.validating.part, OneText)
    assert run.validating.part.symbols == run.validating.measured_symbols == 7, (
        "60 halved until they take a twentieth"
    )
    progress = run.learn()
    assert progress.step * 0.1 > 0.75 * 200
    assert machine.seconds < 205
    assert machine.scored[-1] == 7
    assert progress.best_validation_nats_per_character is not None


def test_a_long_text_is_not_cut_since_a_short_one_takes_as_long(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ten thousand symbols are read at two places, and take half as long as ten times as many at 24."""
    machine = BusyMachine(monkeypatch, seconds_a_symbol=0.0)

    def score(_: LanguageTask, network: CharRNN, part: Part) -> None:
        machine.seconds += relative_cost(part.symbols) / 5000

    monkeypatch.setattr(LanguageTask, "score", score)
    run = run_on(machine, tmp_path, 150)
    run.validating.part = part_of((TEXT * 500)[:100_000])
    run.validating.fit()
    assert run.validating.part.symbols == 100_000
    assert machine.seconds < 0.05 * 150
    run = run_on(machine, tmp_path, machine.seconds + 60)
    run.validating.part = part_of((TEXT * 500)[:100_000])
    run.validating.fit()
    assert run.validating.part.symbols == 50_000, "all of it takes more than a twentieth of a minute"


def test_the_last_updates_are_not_given_up_for_a_validation_before_the_last(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One of 0.6 s every 12 s: the updates end at 36.5 s, so that the third would be too late."""
    machine = BusyMachine(monkeypatch, seconds_a_symbol=0.01)
    run = run_on(machine, tmp_path, 38.0)
    validated: list[float] = []

    def updated(_: object) -> None:
        machine.seconds += 0.1
        if run.validating.is_due:
            validated.append(machine.seconds)
            run._validate()

    monkeypatch.setattr(run, "_after", updated)
    run.learn()
    assert len(validated) == 2
    assert 36 < machine.seconds < 38
    assert run.validating.step == run.trainer.step


def test_a_last_validation_that_takes_too_long_is_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine = BusyMachine(monkeypatch, seconds_a_symbol=0.01)
    run = run_on(machine, tmp_path, 20)
    notes: list[str] = []
    monkeypatch.setattr(run.display, "note", notes.append)

    def updated(_: object) -> None:
        machine.seconds += 0.1
        machine.seconds_a_symbol = 100.0

    monkeypatch.setattr(run, "_after", updated)
    progress = run.learn()
    assert notes == ["the last validation is skipped: there was no time left for it"]
    assert progress.finished
    assert progress.best_validation_nats_per_character is None
    assert machine.seconds < 20 + 101, "broken off at the first call of the network after the end"
    assert load(run.run.last).progress.step == progress.step > 100


def test_a_stop_saves_what_was_learnt(tmp_path: Path) -> None:
    def stop(report: Report) -> None:
        if report.step == 2:
            raise Stopped("stopped by SIGINT", 2)

    run = session_of(tmp_path, Watcher(stop), Budget(100, None), steps=100)
    with pytest.raises(Stopped, match="saved at step 2") as caught:
        run.learn()
    assert caught.value.exit_code == 130
    assert (load(run.run.last).progress.step, load(run.run.last).progress.finished) == (2, False)


@pytest.mark.parametrize("validated", [True, False])
def test_weights_that_are_no_numbers_end_the_run_and_spare_the_last_good_ones(
    tmp_path: Path, validated: bool
) -> None:
    def break_it(report: Report) -> None:
        if report.step >= 3:
            with torch.no_grad():
                language_network(run.trainer.model).output.bias.fill_(math.nan)

    run = session_of(tmp_path, Watcher(break_it), Budget(100, None), validated=validated, steps=100)
    with pytest.raises(DivergenceError) as caught:
        run.learn()
    assert caught.value.exit_code == 4
    assert load(run.run.last).progress.step == 2
    assert all(np.isfinite(values).all() for values in load(run.run.last).weights.values())


def test_a_validation_that_is_no_number_ends_the_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = session_of(tmp_path, Watcher(), Budget(100, None), steps=100)
    run.save()
    monkeypatch.setattr(LanguageTask, "score", lambda *_: LanguageScore(math.inf, 1, 1))
    with pytest.raises(DivergenceError, match="became inf, after 3 returns"):
        run.learn()


def test_what_is_not_good_to_come_back_to_is_not_saved(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The weights are finite, and lost: a save between two skipped updates would return to them for ever."""

    def break_it(report: Report) -> None:
        if report.step == 3 and not run.divergence.roll_backs:
            with torch.no_grad():
                language_network(run.trainer.model).output.bias.copy_(
                    torch.linspace(-3e38, 3e38, len(VOCABULARY))
                )

    run = session_of(tmp_path, Watcher(break_it), Budget(9, None), validated=False, steps=9)
    monkeypatch.setattr(run, "save", lambda kept=run.save: run.trainer.step == 3 or kept())
    assert run.learn().finished
    assert (run.divergence.skipped, run.divergence.roll_backs) == (3, 1)


def test_a_stop_after_a_skipped_update_keeps_the_last_good_checkpoint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def break_and_stop(report: Report) -> None:
        if report.step == 2:
            with torch.no_grad():
                language_network(run.trainer.model).output.bias.copy_(
                    torch.linspace(-3e38, 3e38, len(VOCABULARY))
                )
        if report.step == 3:
            raise Stopped("stopped by SIGINT", 2)

    run = session_of(tmp_path, Watcher(break_and_stop), Budget(9, None), validated=False, steps=9)
    monkeypatch.setattr(run, "save", lambda kept=run.save: run.trainer.step == 2 or kept())
    with pytest.raises(Stopped, match="saved at step 1"):
        run.learn()
    assert run.divergence.in_a_row == 1
    assert load(run.run.last).progress.step == 1


def test_samples_of_a_slow_network_come_less_often_and_the_last_has_its_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tmp_path.joinpath("metrics.jsonl").touch()
    for took, expected in ((1.0, 60.0), (9.0, 180.0)):
        machine = BusyMachine(monkeypatch, seconds_a_symbol=0.0)
        run = run_on(machine, tmp_path, 1000, every=60.0)
        monkeypatch.setattr(run.display, "sample", lambda *_, m=machine, s=took: setattr(m, "seconds", s))
        run.sampling.sample()
        assert (run.sampling.seconds, run.sampling.interval.seconds) == (took, expected)
        next(iter(run.updates))
        run._validate()
        assert took <= run.trainer.budget.reserve_seconds < took + 3


def test_the_trainer_is_read_every_so_many_updates_and_before_whatever_needs_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_intervals(monkeypatch, Interval(None, 1e9))
    found = []
    for read_every in (1, 4):
        run = session_of(tmp_path / str(read_every), Watcher(), Budget(10, None), steps=10)
        run.run.folder.mkdir()
        run.trainer.read_every, read, readings = read_every, run.trainer.read, list[int]()

        def noted(read: Callable[[], UpdateTotals] = read, readings: list[int] = readings) -> UpdateTotals:
            totals = read()
            readings.append(totals.updates)
            return totals

        monkeypatch.setattr(run.trainer, "read", noted)
        progress = run.learn()
        found.append((replace(progress, seconds=0), load(run.run.last).fingerprint()))
        assert readings == ([1] * 10 if read_every == 1 else [4, 4, 2])
    assert found[0] == found[1]
    assert found[0][0].characters_seen == 160


def test_to_look_at_a_run_changes_nothing(tmp_path: Path) -> None:
    def state(run: Session) -> dict[str, Any]:
        return {
            name: vars(value).copy() if isinstance(value, Interval) else value
            for part in (run, run.state, run.reporting, run.validating, run.sampling, run.saver)
            for name, value in vars(part).items()
            if isinstance(value, int | float | tuple | Interval | None)
        }

    found = list[dict[str, Any]]()

    def look(report: Report) -> None:
        before = state(run)
        first, again = run.state.checkpoint(), run.state.checkpoint()
        assert first.fingerprint() == again.fingerprint()
        assert first.training.numbers == again.training.numbers == run.state.model().training.numbers
        assert not run.state.model().training.arrays
        assert run.state.progress.step == report.step
        assert state(run) == before
        found.append(before)

    run = session_of(tmp_path, Watcher(look), Budget(3, None), steps=3)
    run.learn()
    assert len(found) == 4
    assert found[0] != found[1]
