"""`charrnn train`: from a corpus to a run folder."""

import shlex
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from rich.console import Console
from rich.text import Text

from charrnn import STARTED
from charrnn.commands.baselines import scale_line
from charrnn.commands.checks import checked
from charrnn.commands.corpora import counted, make_vocabulary
from charrnn.commands.prompts import typed_prompt
from charrnn.config.resolved import ResolvedSettings
from charrnn.config.settings import BudgetSettings, TrainSettings
from charrnn.config.values import seconds
from charrnn.decoding.prompt import read_prompt
from charrnn.display.live import make_display
from charrnn.display.progress import ReadingProgress
from charrnn.display.sanitizer import visible
from charrnn.display.tables import two_columns
from charrnn.display.units import both, clock
from charrnn.errors import CorpusError, UsageError
from charrnn.evaluation.baselines.likeness import likeness
from charrnn.runs.checkpoint import Checkpoint, load
from charrnn.runs.checkpoint_facts import CorpusFacts, Progress
from charrnn.runs.folder import Run, find_checkpoint, free_folder, new_run, publish, publish_named_after
from charrnn.runs.lock import locked
from charrnn.runs.report import Display
from charrnn.runs.signals import Stops
from charrnn.runs.summary import examine
from charrnn.tasks.batches import Batches
from charrnn.tasks.language import LanguageTask
from charrnn.tasks.task import Task
from charrnn.text.arrays import check_space
from charrnn.text.codes import END
from charrnn.text.corpus import Corpus
from charrnn.text.dataset import Dataset
from charrnn.text.dataset_encoding import encode_dataset
from charrnn.text.parts import Part
from charrnn.text.sources import listed
from charrnn.text.statistics import Statistics
from charrnn.text.text_parts import PartedText
from charrnn.text.vocabulary import Vocabulary
from charrnn.training.machine import denormals_flushed, multiplies_in_half, pick_device
from charrnn.training.memory import check_fits, fits, memory_explained
from charrnn.training.optimizers import make_optimizers
from charrnn.training.pace import updates_per_second
from charrnn.training.plan import PACE_SHARE, Facts, Pace, Plan, bounded, choose, cores
from charrnn.training.schedule import Budget, RunClock
from charrnn.training.session import Session
from charrnn.training.setup import Setup
from charrnn.training.threads import is_crowded, to_choose_from
from charrnn.training.trainer import Trainer
from charrnn.training.transfer import Transfer, transferred, with_sizes_of
from charrnn.training.trial import use_if_faster
from charrnn.training.validation_plan import measured_symbols

ANNOUNCED_SECONDS = 5.0
"""Reading a corpus for longer than this is added to `--max-time`, and said."""

LITTLE_BYTES = 10_000
"""A text of less is overfitted within seconds."""

LARGE_VOCABULARY, RARE = 2_000, 5
"""From so many symbols on the output layer takes most of an update; symbols seen fewer times are rare."""

STATE_BYTES, BEST_BYTES = 16, 4
"""Of disk for each parameter: weights, their average and what moves them; and of the best, its weights."""

SPACE_BYTES = 3 * STATE_BYTES + BEST_BYTES
"""Of disk for each parameter, while a third state is written beside the last and the one before."""


@dataclass(frozen=True)
class Caller:
    """Who asks for training: a person at the command line, or a program.

    Attributes:
        stops: say when it is to stop.
        display: is told how it goes; None for what fits standard error.
        started: since when the run's time counts, on the monotonic clock.
    """

    stops: Stops
    display: Display | None = None
    started: float = STARTED


def train(given: Mapping[str, Any], caller: Caller, prompt: str | None = None) -> Run:
    """Learn from the corpus that the settings name; the run folder holds everything that comes of it.

    Args:
        given: the settings that were set, by name.
        caller: who asks for it.
        prompt: as it was typed, instead of the settings' own, which is the text itself.
    """
    settings, source = prepared(given, prompt)
    with shown(caller, quiet=settings.output.quiet) as display:
        device = pick_device(settings.machine)
        began_reading = time.monotonic()
        corpus, vocabulary = read_corpus(settings, display)
        read_prompt(settings.output.prompt, vocabulary, settings.reading.normalize)
        folder = Path(settings.output.run) if settings.output.run else None
        with new_run(folder or free_folder(corpus.name)) as partial:
            dataset = encode(corpus, vocabulary, settings, partial, display)
            digest = dataset.digest()
            reading_seconds = time.monotonic() - began_reading
            material = Material(corpus, vocabulary, dataset, digest, reading_seconds, source)
            session = begin(material, settings, partial, device, display=display, caller=caller)
            run = publish(partial, folder) if folder else publish_named_after(partial, corpus.name)
        session.saver.run = run
        with locked(run.folder):
            progress = finish(session)
    tell(progress, run.folder, quiet=settings.output.quiet)
    return run


def prepared(given: Mapping[str, Any], prompt: str | None = None) -> tuple[TrainSettings, Checkpoint | None]:
    """The settings of a new run as far as they are known without its text, and the model to start from."""
    settings = with_prompt(checked(given), prompt)
    settings = replace(settings, budget=bounded(settings.budget))
    if settings.model.init_from is None:
        return settings, None
    source = load(find_checkpoint(settings.model.init_from))
    return starting_from(source, settings, given), source


def with_prompt(settings: TrainSettings, typed: str | None) -> TrainSettings:
    """The settings with the prompt that was typed, if one was."""
    if typed is None:
        return settings
    text = typed_prompt(typed, settings.reading)
    return replace(settings, output=replace(settings.output, prompt=text))


@contextmanager
def shown(caller: Caller, *, quiet: bool) -> Iterator[Display]:
    """A display; a terminal is left as it was, whenever a signal comes."""
    display = caller.display or make_display(Console(stderr=True, highlight=False), quiet=quiet)
    try:
        with caller.stops.shield():
            display.__enter__()
        yield display
    finally:
        with caller.stops.shield():
            display.__exit__(None, None, None)


def finish(session: Session) -> Progress:
    """Train to the end."""
    with denormals_flushed(), memory_explained(session.setup.plan):
        return session.learn()


def starting_from(source: Checkpoint, settings: TrainSettings, given: Mapping[str, Any]) -> TrainSettings:
    """The settings of a network that can take a model's weights.

    Raises:
        UsageError: they ask for another one.
    """
    if source.vocabulary.level != settings.reading.level:
        raise UsageError(
            f"--level is {settings.reading.level}, but the model of --init-from has level "
            f"{source.vocabulary.level}; give the same"
        )
    return replace(settings, model=with_sizes_of(source, settings.model, given))


def read_corpus(settings: TrainSettings, display: Display) -> tuple[Corpus, Vocabulary]:
    """Count the corpus, and give its characters ids.

    Raises:
        CorpusError: it cannot be read, or there is nothing to learn from it.
    """
    corpus = counted(settings.corpus, settings.reading, display)
    statistics = corpus.statistics()
    _check_something_to_learn(statistics, listed(settings.corpus))
    if statistics.records == 1 and corpus.undivided:
        raise CorpusError(f"{corpus.names} is one record: {corpus.undivided}")
    vocabulary = make_vocabulary(corpus, settings.symbols)
    unknown = 0 if vocabulary.unknown is None else int(vocabulary.counts[vocabulary.unknown])
    if unknown:
        share = unknown / statistics.symbols
        display.note(f"{unknown:,} symbols of the text ({share:.2%}) become the one unknown symbol")
    advice = advice_on_rare(vocabulary)
    if advice:
        display.note(advice)
    return corpus, vocabulary


def hints(corpus: Corpus, threads: int | None) -> list[str]:
    """What would help, before anything is learnt from a text."""
    statistics, reading, found = corpus.statistics(), corpus.reading, []
    syllables = statistics.counts[_HANGUL]
    if reading.level == "char" and int(syllables.sum()) > _MOSTLY * statistics.symbols:
        found.append(
            f"the text has {np.count_nonzero(syllables):,} different Hangul syllables; --normalize nfd makes "
            "them letters (jamo), of which there are far fewer"
        )
    if statistics.utf8_bytes < LITTLE_BYTES and not corpus.is_built_in:
        is_tiny, kilobytes = statistics.utf8_bytes < 1000, statistics.utf8_bytes / 1000
        size = f"{statistics.characters:,} characters" if is_tiny else f"{kilobytes:.1f} KB"
        found.append(
            f"the text has {size}, which is little: it will soon overfit; "
            "100 KB or more make a model that writes something new"
        )
    if (threads or 0) > cores():
        found.append(
            f"--threads {threads:,} are more than processor cores here ({cores():,}): "
            "each update waits for all of them, so fewer are faster"
        )
    return found


_HANGUL = slice(0xAC00, 0xD7A4)
_MOSTLY = 0.25


def advice_on_rare(vocabulary: Vocabulary) -> str:
    """What to do about a large vocabulary of which much is rare; nothing where there is none.

    Each update computes a chance for every symbol, so that it takes as much longer as there are more.
    """
    counts = vocabulary.counts[vocabulary.codes < END]
    rare = counts[(counts > 0) & (counts < RARE)]
    if len(counts) < LARGE_VOCABULARY or len(rare) < len(counts) / 4:
        return ""
    share = rare.sum() / counts.sum()
    return (
        f"{len(rare):,} of {len(counts):,} symbols occur fewer than {RARE} times, {share:.1%} of the text: "
        f"--min-count {RARE} makes them one unknown symbol, and learning faster"
    )


def _check_something_to_learn(statistics: Statistics, names: str) -> None:
    if min(statistics.symbols, statistics.characters) < 2:
        raise CorpusError(f"{names} has one character; expected two or more; give a longer text")
    if not statistics.counts[:END].any():
        raise CorpusError(f"{names} has nothing but empty lines; expected characters; give another text")


def encode(
    corpus: Corpus, vocabulary: Vocabulary, settings: TrainSettings, run: Run, display: Display
) -> Dataset:
    """Lay the corpus into the run folder as ids."""
    progress, seed = ReadingProgress(display, "encoding"), settings.machine.seed
    dataset = encode_dataset(
        corpus, vocabulary, run.folder, settings.validation, seed=seed, progress=progress
    )
    for notice in dataset.notices:
        display.note(notice)
    return dataset


@dataclass(frozen=True)
class Material:
    """What there is to learn from.

    Attributes:
        corpus: the text.
        vocabulary: its symbols.
        dataset: the same as ids.
        digest: of these.
        reading_seconds: how long all that took.
        source: a model to start from.
    """

    corpus: Corpus
    vocabulary: Vocabulary
    dataset: Dataset
    digest: str
    reading_seconds: float
    source: Checkpoint | None = None


def begin(
    material: Material,
    settings: TrainSettings,
    run: Run,
    device: torch.device,
    *,
    display: Display,
    caller: Caller,
) -> Session:
    """Choose what nobody set, build the network, and save it before its first step."""
    dataset, vocabulary, facts = material.dataset, material.vocabulary, corpus_facts(material)
    task = make_task(settings, vocabulary, facts)
    plan = planned(settings, dataset, vocabulary, device, display)
    settings = plan.settings
    check_space(run.folder, SPACE_BYTES * plan.architecture.parameters)
    batches = make_batches(task, dataset.training, settings)
    added = announced_seconds(material.reading_seconds, display) if settings.budget.max_time else 0.0
    budget = make_budget(settings, batches, added, RunClock(started=caller.started))
    session = make_session(
        plan,
        dataset,
        trainer=make_trainer(task, plan, batches, budget, device),
        measured_symbols=measured_symbols(settings.budget),
        vocabulary=vocabulary,
        corpus=facts,
        run=run,
        display=display,
        stops=caller.stops,
    )
    display.stage("timing a validation")
    session.validating.fit()
    for hint in hints(material.corpus, settings.machine.threads):
        display.note(hint)
    for line in plan_lines(plan, material, session.validating.part):
        display.note(line)
    if session.validating.part is not None and not settings.output.quiet:
        display.stage("counting what simpler models reach")
        display.note(scale_line(dataset, session.validating.part, vocabulary, settings.budget))
        for line in unlike_lines(dataset, vocabulary):
            display.note(line)
    if material.source is not None:
        display.note(f"from   {settings.model.init_from}: {start_from(material.source, session)}")
    run.write_config(settings)
    session.save()
    session.saver.finish()
    display.stage("learning")
    return session


def planned(
    settings: TrainSettings, dataset: Dataset, vocabulary: Vocabulary, device: torch.device, display: Display
) -> Plan:
    """What is set, and the rest chosen.

    Raises:
        ResourceError: such a network would not fit into memory.
    """
    settings = replace(settings, machine=replace(settings.machine, device=device.type))
    display.stage("choosing a network")
    facts = plan_facts(dataset, vocabulary, device)
    pace = pace_of(make_task(settings, vocabulary), settings, dataset.training, device)
    plan = choose(settings, facts, pace)
    check_fits(plan)
    return plan


def make_session(
    plan: Plan,
    dataset: Dataset,
    *,
    trainer: Trainer,
    measured_symbols: int,
    vocabulary: Vocabulary,
    corpus: CorpusFacts,
    run: Run,
    display: Display,
    stops: Stops,
) -> Session:
    """A run that can begin, or go on."""
    setup = Setup(
        plan=plan,
        trainer=trainer,
        vocabulary=vocabulary,
        corpus=corpus,
        training=dataset.training,
        validation=dataset.validation,
        measured_symbols=measured_symbols,
    )
    return Session(setup, run, display, stops)


def start_from(source: Checkpoint, session: Session) -> Transfer:
    """Give the network of a run that has not begun the weights of another model."""
    transfer = transferred(source, session.trainer.model.weights(), session.setup.vocabulary)
    for network in (session.trainer.model, session.trainer.averaged):
        network.put(transfer.weights)
    return transfer


def plan_facts(dataset: Dataset, vocabulary: Vocabulary, device: torch.device) -> Facts:
    """What the plan depends on."""
    training = dataset.training
    return Facts(
        training_symbols=training.symbols,
        records=training.records,
        symbols=len(vocabulary),
        half=device.type == "cpu" and multiplies_in_half(device),
        longest_window=training.longest_window,
    )


def make_trainer(task: Task, plan: Plan, batches: Batches, budget: Budget, device: torch.device) -> Trainer:
    """The network with all that moves it; where threads are still to be timed, built with the fewest."""
    machine, recipe = plan.settings.machine, plan.settings.recipe
    torch.set_num_threads(to_choose_from(machine.threads)[0])
    generator = torch.Generator().manual_seed(machine.seed)
    model = task.network(plan.architecture, plan.settings.model.dropout, generator).to(device)
    model.generator = torch.Generator(device).manual_seed(machine.seed)
    optimizers = make_optimizers(model, recipe.optimizer, recipe.learning_rate, recipe.weight_decay)
    trainer = Trainer(
        model,
        task,
        batches,
        optimizers,
        budget,
        gradient_clip=recipe.gradient_clip,
        precision=machine.precision,
    )
    use_if_faster(trainer)
    return trainer


def pace_of(task: Task, settings: TrainSettings, part: Part, device: torch.device) -> Pace:
    """Measures how many updates a second a plan makes here: none if it cannot fit, or time is short."""
    allowed = PACE_SHARE * (seconds(settings.budget.max_time) if settings.budget.max_time else 0.0)
    spent = 0.0

    def pace(plan: Plan) -> float:
        nonlocal spent
        if not fits(plan) or spent > allowed:
            return 0.0
        began = time.monotonic()
        batches = make_batches(task, part, plan.settings)
        with denormals_flushed(), memory_explained(plan):
            trainer = make_trainer(task, plan, batches, Budget(None, None), device)
            fastest = 0.0
            for count in to_choose_from(plan.settings.machine.threads):
                torch.set_num_threads(count)
                started, worked = time.monotonic(), time.process_time()
                found = updates_per_second(trainer)
                now, processor_seconds = time.monotonic(), time.process_time() - worked
                is_slower, fastest = found < fastest, max(found, fastest)
                if is_slower or is_crowded(now - started, processor_seconds) or now - began > allowed:
                    break
        spent += time.monotonic() - began
        return fastest

    return pace


def make_task(
    settings: TrainSettings | ResolvedSettings, vocabulary: Vocabulary, corpus: CorpusFacts | None = None
) -> Task:
    """What the network is to learn; what it can do is shown only where the text's facts are known."""
    task = LanguageTask(
        vocabulary, settings.reading, prompt=settings.output.prompt, seed=settings.machine.seed
    )
    if corpus is None:
        return task
    return replace(
        task,
        starts=corpus.starts,
        empty_records=corpus.empty_records > 0,
        longest_record=corpus.longest_record,
    )


def make_batches(task: Task, part: Part, settings: ResolvedSettings) -> Batches:
    """What is learnt from."""
    recipe = settings.recipe
    return task.batches(
        part,
        batch_size=recipe.batch_size,
        sequence_length=recipe.sequence_length,
        seed=settings.machine.seed,
    )


def make_budget(settings: TrainSettings, batches: Batches, added_seconds: float, clock: RunClock) -> Budget:
    """What bounds the run.

    Args:
        settings: its settings.
        batches: what it learns from.
        added_seconds: added to its time.
        clock: tells how long it has taken.
    """
    budget = settings.budget
    steps = [batches.steps(budget.epochs)] if budget.epochs else []
    steps += [budget.steps] if budget.steps else []
    deadline = seconds(budget.max_time) + added_seconds if budget.max_time else None
    return Budget(min(steps, default=None), deadline, clock, added_seconds=added_seconds)


def announced_seconds(reading_seconds: float, display: Display) -> float:
    """What is added to the run's time: a long first encoding of the corpus does not count against it."""
    if reading_seconds <= ANNOUNCED_SECONDS:
        return 0.0
    display.note(f"the corpus took {clock(reading_seconds)} to read, which is added to the time")
    return reading_seconds


def corpus_facts(material: Material) -> CorpusFacts:
    """What a checkpoint keeps of the corpus."""
    statistics, dataset = material.corpus.statistics(), material.dataset
    return CorpusFacts(
        name=material.corpus.name,
        fingerprint=statistics.fingerprint,
        characters=statistics.characters,
        training_characters=dataset.training.characters,
        validation_characters=0 if dataset.validation is None else dataset.validation.characters,
        starts=statistics.starts[material.vocabulary.codes].tolist(),
        empty_records=statistics.empty_records,
        longest_record=statistics.longest_record,
        encoded=material.digest,
    )


def plan_lines(plan: Plan, material: Material, measured: Part | None) -> list[str]:
    """The run in two lines, before it begins; a third where not all that is held out is measured on."""
    statistics, dataset = material.corpus.statistics(), material.dataset
    held_back = 0 if dataset.validation is None else dataset.validation.characters
    measured_characters = held_back if measured is None else measured.characters
    parted = measured if isinstance(measured, PartedText) else None
    stretches = parted.divided if parted else ""
    of_each = "the beginning of each stretch:" if parted else "the first"
    note = f"       validation is measured on {of_each} {measured_characters:,} held-out characters"
    return [
        f"text   {extent(statistics)}, {plan.architecture.symbols:,} symbols; "
        f"{dataset.training.characters:,} to learn from, {held_back:,} held out{stretches}",
        f"plan   {in_words(plan)}",
        *([note] if measured_characters < held_back else []),
    ]


def extent(statistics: Statistics) -> str:
    """How long a text is."""
    records = statistics.records
    lines = f" in {records:,} line{'s' if records != 1 else ''}" if records else ""
    return f"{statistics.characters:,} characters{lines}"


def in_words(plan: Plan) -> str:
    """A plan in one line."""
    network, settings = plan.architecture, plan.settings
    recipe, machine = settings.recipe, settings.machine
    embedding = f"embedding {network.embedding}" if network.embedding else "one-hot"
    count = to_choose_from(machine.threads)[-1]
    threads = f"{'up to ' if machine.threads is None else ''}{count} thread{'s' if count != 1 else ''}"
    return (
        f"{network.cell.upper()} {network.layers}×{network.hidden}, {embedding}, "
        f"{network.parameters:,} parameters; {recipe.optimizer} at {recipe.learning_rate:g}, "
        f"dropout {settings.model.dropout:g}; "
        f"{expected(plan)}{recipe.batch_size} × {recipe.sequence_length} characters; "
        f"until {until(settings.budget)}; {machine.device}, {machine.precision}, {threads}"
    )


def unlike_lines(dataset: Dataset, vocabulary: Vocabulary) -> list[str]:
    """A warning where what is held out is of another kind than the rest."""
    assert dataset.validation is not None  # noqa: S101 - who calls has looked
    found = likeness(dataset.training, dataset.validation, len(vocabulary))
    if found is None or not found.is_unlike:
        return []
    return [
        f"what is held out is unlike the rest: {found.held_out:.2f} bits/char by pairs of characters, where "
        f"parts of the rest have {found.mean:.2f}; it may be a licence or an index at the end: remove that, "
        "or give --validation FILE"
    ]


def expected(plan: Plan) -> str:
    """How many updates there will be, to two digits, where that is known."""
    return "" if plan.updates is None else f"about {float(f'{plan.updates:.2g}'):,.0f} updates of "


def until(budget: BudgetSettings) -> str:
    """The bounds of a run in words."""
    bounds = [
        budget.max_time,
        f"{budget.epochs:g} epochs" if budget.epochs else None,
        f"{budget.steps:,} steps" if budget.steps else None,
    ]
    return " or ".join(bound for bound in bounds if bound)


def tell(progress: Progress, folder: Path, *, quiet: bool) -> None:
    """Say what came of the run, and what to do with it."""
    if quiet:
        return
    best = progress.best_validation_nats_per_character
    figure = "" if best is None else f"; best validation {both(best)} at step {progress.best_step:,}"
    done = f"{progress.step:,} updates, {progress.epoch:.2f} epochs in {clock(progress.seconds)}"
    say(
        {
            "done": f"{done}{figure}",
            "saved": str(folder),
            "write": f"charrnn sample --checkpoint {shlex.quote(str(folder))}",
            "curves": examine(folder).diagnosis.text,
        }
    )


def say(lines: Mapping[str, str]) -> None:
    """Say something on standard error: in two columns, their words whole, on a terminal; else a line each."""
    console = Console(stderr=True, highlight=False)
    if console.is_terminal:
        console.print(two_columns([*lines.items()]))
    else:
        for name, text in lines.items():
            console.print(Text(f"{name:<7}{visible(text)}"), soft_wrap=True)
