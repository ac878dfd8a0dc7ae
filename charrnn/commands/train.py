"""`charrnn train`: from a corpus to a run folder."""

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rich.filesize import decimal

from charrnn.commands.caller import Caller, shown
from charrnn.commands.hints import hints
from charrnn.commands.learning_text import corpus_facts, encode, read_answers, read_text
from charrnn.commands.new_run import planned, prepared
from charrnn.commands.outcome import finish, tell
from charrnn.commands.plan_line import plan_lines
from charrnn.commands.scales import scale
from charrnn.commands.task import make_task
from charrnn.display.units import clock
from charrnn.runs.folder import Run, free_folder, new_run, publish, publish_named_after
from charrnn.runs.lock import locked
from charrnn.runs.report import Display
from charrnn.text.arrays import check_space
from charrnn.text.corpus import Corpus
from charrnn.text.dataset import Dataset
from charrnn.text.vocabulary import Vocabulary
from charrnn.training.memory import space_bytes
from charrnn.training.schedule import RunClock
from charrnn.training.session import Session
from charrnn.training.setup import set_up, start_from
from charrnn.training.validation_plan import measured_symbols

ANNOUNCED_SECONDS = 5.0
"""Reading a corpus for longer than this is added to `--max-time`, and said."""

ANNOUNCED_BYTES = 10**8
"""An encoded text of so much is announced before it is written."""


def train(given: Mapping[str, Any], caller: Caller, prompt: str | None = None) -> Run:
    """Learn from the corpus that the settings name; the run folder holds everything that comes of it.

    Args:
        given: the settings that were set, by name.
        caller: who asks for it.
        prompt: as it was typed, instead of the settings' own, which is the text itself.
    """
    settings, source = prepared(given, prompt)
    with shown(caller, quiet=settings.output.quiet) as display:
        began = time.monotonic()
        corpus, vocabulary = read_text(settings, display)
        answers = read_answers(corpus)
        _tell_size(corpus, vocabulary, display)
        folder = Path(settings.output.run) if settings.output.run else None
        with new_run(folder or free_folder(corpus.name)) as partial:
            dataset = encode(corpus, vocabulary, settings, partial, display, answers=answers)
            facts = corpus_facts(corpus, vocabulary, dataset, answers)
            reading_seconds = time.monotonic() - began
            plan = planned(settings, dataset, vocabulary, answers, display)
            check_space(partial.folder, space_bytes(plan))
            timed = settings.budget.max_time is not None
            setup = set_up(
                plan,
                make_task(plan.settings, vocabulary, facts, answers),
                dataset,
                vocabulary,
                facts,
                clock=RunClock(started=caller.started),
                added_seconds=announced_seconds(reading_seconds, display) if timed else 0.0,
                measured_symbols=measured_symbols(settings.budget),
                answers=answers,
                world=caller.world,
            )
            session = Session(setup, partial, display, caller.stops)
            introduce(session, corpus, dataset)
            if source is not None:
                display.note(f"from   {settings.model.init_from}: {start_from(source, setup)}")
            partial.write_config(plan.settings)
            session.save()
            session.saver.finish()
            display.stage("learning")
            run = publish(partial, folder) if folder else publish_named_after(partial, corpus.name)
        session.saver.run = run
        with locked(run.folder):
            progress = finish(session, run.last)
    tell(progress, run.folder, quiet=settings.output.quiet)
    return run


def _tell_size(corpus: Corpus, vocabulary: Vocabulary, display: Display) -> None:
    """Say what a long text will take, before it is encoded."""
    encoded_bytes = corpus.statistics().symbols * vocabulary.dtype.itemsize
    if encoded_bytes >= ANNOUNCED_BYTES:
        size = decimal(encoded_bytes)
        display.note(f"disk   the encoded text takes {size} in the run folder; training reads it from there")


def announced_seconds(reading_seconds: float, display: Display) -> float:
    """What is added to the run's time: a long first encoding of the corpus does not count against it."""
    if reading_seconds <= ANNOUNCED_SECONDS:
        return 0.0
    display.note(f"the corpus took {clock(reading_seconds)} to read; this is not counted in the time")
    return reading_seconds


def introduce(session: Session, corpus: Corpus, dataset: Dataset) -> None:
    """Say what will be learnt, once it is known how much of what is held out can be measured on.

    Args:
        session: the run.
        corpus: its text.
        dataset: the same as ids.
    """
    plan, vocabulary, display = session.setup.plan, session.setup.vocabulary, session.display
    display.stage("timing a validation")
    session.validating.fit()
    measured = session.validating.part
    for hint in hints(corpus, plan.settings.machine.threads):
        display.note(hint)
    is_graph = session.setup.trainer.make_fast is not None
    for line in plan_lines(plan, corpus.statistics(), dataset, measured, is_graph=is_graph):
        display.note(line)
    if measured is not None and not plan.settings.output.quiet:
        display.stage("counting what simpler models reach")
        for line in scale(dataset, measured, vocabulary, plan.settings.budget):
            display.note(line)
