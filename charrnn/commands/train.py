"""`charrnn train`: from a corpus to a run folder."""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from rich.console import Console

from charrnn import STARTED
from charrnn.architecture import Architecture
from charrnn.checkpoint import CorpusFacts, Progress
from charrnn.commands.baselines import scale_line
from charrnn.commands.corpora import counted, make_vocabulary
from charrnn.config import MachineSettings, TrainSettings, seconds
from charrnn.display import Display, ReadingProgress, both, clock, make_display
from charrnn.errors import CorpusError, ResourceError, UsageError
from charrnn.learning.allocation import keep_freed_memory
from charrnn.learning.batches import Batches, Records, Streams
from charrnn.learning.model import CharRNN
from charrnn.learning.optimizers import make_optimizers
from charrnn.learning.plan import Facts, Plan, bounded, choose, measured_symbols
from charrnn.learning.schedule import Budget
from charrnn.learning.session import Session
from charrnn.learning.tasks import language_model
from charrnn.learning.trainer import Trainer
from charrnn.reading.census import Census
from charrnn.reading.codes import END
from charrnn.reading.corpus import Corpus
from charrnn.reading.dataset import Dataset, Part, encode_dataset
from charrnn.reading.sources import listed
from charrnn.reading.split import parse_validation
from charrnn.reading.vocabulary import Vocabulary
from charrnn.run import Run, free_folder, new_run, publish, refuse_to_overwrite
from charrnn.run_facts import examine
from charrnn.stops import Stops
from charrnn.writing.prompt import read_prompt

ANNOUNCED_SECONDS = 5.0
"""Reading a corpus for longer than this is added to `--max-time`, and said."""


def train(settings: TrainSettings) -> None:
    """Learn from the corpus that the settings name; the run folder holds everything that comes of it."""
    if not settings.corpus:
        raise UsageError("no corpus is given; name a file, a folder or builtin:python: charrnn train CORPUS")
    parse_validation(settings.validation)
    settings = replace(settings, budget=bounded(settings.budget))
    if settings.output.run is not None:
        refuse_to_overwrite(Path(settings.output.run))
    console = Console(stderr=True, highlight=False)
    with Stops() as stops, make_display(console, quiet=settings.output.quiet) as display:
        device = pick_device(settings.machine)
        began_reading = time.monotonic()
        corpus, vocabulary = read_corpus(settings, display)
        read_prompt(settings.output.prompt, vocabulary, settings.reading.normalize)
        folder = Path(settings.output.run) if settings.output.run else free_folder(corpus.name)
        with new_run(folder) as partial:
            dataset = encode(corpus, vocabulary, settings, partial, display)
            reading_seconds = time.monotonic() - began_reading
            material = Material(corpus, vocabulary, dataset, reading_seconds)
            session = begin(material, settings, partial, device, display=display, stops=stops)
            # Another run may have taken the name since; nobody asked for this very one.
            run = publish(partial, folder if settings.output.run else free_folder(corpus.name))
        session.run = run
        with denormals_flushed():
            progress = session.learn()
    if not settings.output.quiet:
        console.print(summary(progress, run.folder), markup=False, soft_wrap=True)
        console.print(f"curves {examine(run.folder).verdict.text}", markup=False, soft_wrap=True)


@contextmanager
def denormals_flushed() -> Iterator[None]:
    """Numbers below 1e-38 count as zero meanwhile: processors take a hundred times as long for them."""
    keep_freed_memory()
    torch.set_flush_denormal(True)
    try:
        yield
    finally:
        torch.set_flush_denormal(False)


def pick_device(machine: MachineSettings) -> torch.device:
    """The device that is meant.

    Raises:
        UsageError: this machine does not have it.
    """
    available = {
        "cpu": True,
        "cuda": torch.cuda.is_available(),
        "mps": torch.backends.mps.is_available(),
    }
    if machine.device == "auto":
        return torch.device("cuda" if available["cuda"] else "cpu")
    if not available[machine.device]:
        here = ", ".join(name for name, found in available.items() if found)
        raise UsageError(f"--device is {machine.device}, which PyTorch does not find here; expected {here}")
    return torch.device(machine.device)


def resolved(machine: MachineSettings, device: torch.device) -> MachineSettings:
    """The machine with nothing left open, so that a run done again does not depend on where."""
    precision = "fp32" if machine.precision == "auto" else machine.precision
    return replace(machine, device=device.type, precision=precision)


def read_corpus(settings: TrainSettings, display: Display) -> tuple[Corpus, Vocabulary]:
    """Count the corpus, and give its characters ids.

    Raises:
        CorpusError: it cannot be read, or there is nothing to learn from it.
    """
    corpus = counted(settings.corpus, settings.reading, display)
    census = corpus.census()
    _check_something_to_learn(census, listed(settings.corpus))
    vocabulary = make_vocabulary(corpus, settings.symbols)
    unknown = 0 if vocabulary.unknown is None else int(vocabulary.counts[vocabulary.unknown])
    if unknown:
        share = unknown / census.symbols
        display.note(f"{unknown:,} symbols of the text ({share:.2%}) become the one unknown symbol")
    return corpus, vocabulary


def _check_something_to_learn(census: Census, names: str) -> None:
    if min(census.symbols, census.characters) < 2:
        raise CorpusError(f"{names} has one character; expected two or more; give a longer text")
    if not census.counts[:END].any():
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
    """What there is to learn from, and how long it took to read."""

    corpus: Corpus
    vocabulary: Vocabulary
    dataset: Dataset
    reading_seconds: float


def begin(
    material: Material,
    settings: TrainSettings,
    run: Run,
    device: torch.device,
    *,
    display: Display,
    stops: Stops,
) -> Session:
    """Choose what nobody set, build the network, and save it before its first step."""
    dataset, vocabulary = material.dataset, material.vocabulary
    measured = dataset.validation and dataset.validation.beginning(measured_symbols(settings.budget))
    plan = choose(settings, facts_of(dataset, vocabulary))
    check_fits(plan.architecture)
    settings = plan.fill(replace(settings, machine=resolved(settings.machine, device)))
    for line in plan_lines(settings, plan, material, measured, device):
        display.note(line)
    if measured is not None and not settings.output.quiet:
        display.note(scale_line(dataset, measured, vocabulary, settings.budget))
    batches = make_batches(dataset.training, plan, settings.machine.seed)
    budget = make_budget(settings, batches, material.reading_seconds, display)
    session = Session(
        trainer=make_trainer(settings, plan, batches, budget, device),
        run=run,
        training=dataset.training,
        validation=measured,
        settings=settings,
        plan=plan,
        vocabulary=vocabulary,
        corpus=corpus_facts(material),
        display=display,
        stops=stops,
    )
    run.write_config(settings)
    session.save()
    return session


def facts_of(dataset: Dataset, vocabulary: Vocabulary) -> Facts:
    """What the plan depends on."""
    training = dataset.training
    records = 0 if training.records is None else len(training.records)
    return Facts(training_symbols=training.symbols, records=records, symbols=len(vocabulary))


def check_fits(network: Architecture) -> None:
    """Refuse a network that this machine could not train, before memory is taken.

    Raises:
        ResourceError: weights, gradients and momentum alone, 4 bytes each, are more than its memory.
    """
    if not hasattr(os, "sysconf"):  # Windows: there the allocation itself fails
        return
    needed_gb = 12 * network.parameters / 1e9
    memory_gb = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 1e9
    if needed_gb > memory_gb:
        raise ResourceError(
            f"a network of {network.parameters:,} parameters needs {needed_gb:,.0f} GB or more to train, but "
            f"this machine has {memory_gb:,.0f} GB; lower --hidden or --layers"
        )


def make_trainer(
    settings: TrainSettings, plan: Plan, batches: Batches, budget: Budget, device: torch.device
) -> Trainer:
    """The network with all that moves it."""
    torch.set_num_threads(plan.threads)
    generator = torch.Generator().manual_seed(settings.machine.seed)
    model = CharRNN(plan.architecture, plan.dropout, generator).to(device)
    model.generator = torch.Generator(device).manual_seed(settings.machine.seed)
    optimizers = make_optimizers(model, plan.optimizer, plan.learning_rate, plan.weight_decay)
    return Trainer(
        model,
        language_model,
        batches,
        optimizers,
        budget,
        gradient_clip=plan.gradient_clip,
        precision=settings.machine.precision,
    )


def make_batches(part: Part, plan: Plan, seed: int) -> Batches:
    """Contiguous streams of one text, or packed batches of independent records."""
    size, length = plan.batch_size, plan.sequence_length
    if part.records is None or part.bounds is None:
        return Streams(part.ids, size, length)
    return Records(part.ids, part.bounds, part.records, batch_size=size, sequence_length=length, seed=seed)


def make_budget(
    settings: TrainSettings, batches: Batches, reading_seconds: float, display: Display
) -> Budget:
    """What bounds the run; a long first encoding of the corpus does not count against its time."""
    budget = settings.budget
    steps = [batches.steps(budget.epochs)] if budget.epochs else []
    steps += [budget.steps] if budget.steps else []
    deadline = STARTED + seconds(budget.max_time) if budget.max_time else None
    if deadline is not None and reading_seconds > ANNOUNCED_SECONDS:
        deadline += reading_seconds
        display.note(f"the corpus took {clock(reading_seconds)} to read, which is added to the time")
    return Budget(min(steps, default=None), deadline)


def corpus_facts(material: Material) -> CorpusFacts:
    """What a checkpoint keeps of the corpus."""
    census, dataset = material.corpus.census(), material.dataset
    return CorpusFacts(
        name=material.corpus.name,
        fingerprint=census.fingerprint,
        characters=census.characters,
        training_characters=dataset.training.characters,
        validation_characters=0 if dataset.validation is None else dataset.validation.characters,
        starts=census.starts[material.vocabulary.codes].tolist(),
        empty_records=census.empty_records,
    )


def plan_lines(
    settings: TrainSettings, plan: Plan, material: Material, measured: Part | None, device: torch.device
) -> list[str]:
    """The run in two lines, before it begins; a third where not all that is held back is measured on."""
    network, budget = plan.architecture, settings.budget
    census, dataset = material.corpus.census(), material.dataset
    lines = "" if not census.records else f" in {census.records:,} line{'s' if census.records != 1 else ''}"
    held_back = 0 if dataset.validation is None else dataset.validation.characters
    bounds = [
        budget.max_time,
        f"{budget.epochs:g} epochs" if budget.epochs else None,
        f"{budget.steps:,} steps" if budget.steps else None,
    ]
    until = " or ".join(bound for bound in bounds if bound)
    embedding = f"embedding {network.embedding}" if network.embedding else "one-hot"
    threads = f"{plan.threads} thread{'s' if plan.threads != 1 else ''}"
    measured_characters = held_back if measured is None else measured.characters
    note = f"       figures of validation are of the first {measured_characters:,} held back characters"
    return [
        f"text   {census.characters:,} characters{lines}, {network.symbols:,} symbols; "
        f"{dataset.training.characters:,} to learn from, {held_back:,} held back",
        f"plan   {network.cell.upper()} {network.layers}×{network.hidden}, {embedding}, "
        f"{network.parameters:,} parameters; {plan.optimizer} at {plan.learning_rate:g}, "
        f"{plan.batch_size} × {plan.sequence_length} characters an update; "
        f"until {until}; {device.type}, {threads}",
        *([note] if measured_characters < held_back else []),
    ]


def summary(progress: Progress, folder: Path) -> str:
    """What came of the run, and what to do with it."""
    best = progress.best_validation_nats_per_character
    figure = "" if best is None else f"; best validation {both(best)} at step {progress.best_step:,}"
    done = f"{progress.step:,} updates, {progress.epoch:.2f} epochs in {clock(progress.seconds)}"
    return f"done   {done}{figure}\nsaved  {folder}; write from it with: charrnn sample --checkpoint {folder}"
