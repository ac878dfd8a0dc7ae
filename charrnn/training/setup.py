"""Builds the parts of a run from its settings."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from charrnn.config.resolved import ResolvedSettings
from charrnn.config.settings import TrainSettings
from charrnn.config.values import seconds
from charrnn.runs.checkpoint import Checkpoint
from charrnn.runs.checkpoint_facts import NATS, CorpusFacts
from charrnn.tasks.batches import Batches
from charrnn.tasks.task import Task
from charrnn.text.answers import ANSWERS, Names
from charrnn.text.dataset import Dataset
from charrnn.text.example_parts import longest_of
from charrnn.text.parts import Part, TaskPart
from charrnn.text.vocabulary import Vocabulary
from charrnn.training.machine import multiplies_in_half
from charrnn.training.optimizers import make_optimizers
from charrnn.training.orthogonal import orthogonalise_all
from charrnn.training.plan import Facts, Plan
from charrnn.training.schedule import Budget, RunClock
from charrnn.training.threads import Threads, to_choose_from
from charrnn.training.trainer import Trainer
from charrnn.training.transfer import Transfer, transferred
from charrnn.training.trial import use_if_faster

if TYPE_CHECKING:
    from charrnn.training.distributed import World


@dataclass(frozen=True)
class Setup:
    """What a run is made of.

    Attributes:
        plan: every setting, and the network.
        trainer: what learns.
        threads: of the processor, that it learns with.
        vocabulary: the symbols.
        corpus: facts for the checkpoint.
        training: what is learnt from.
        validation: what is held out, or None.
        measured_symbols: how much of that is measured on, at most.
        answers: what there is to be found, as text.
        symbols_per_character: by which losses are reported; 1 where they are of answers.
    """

    plan: Plan
    trainer: Trainer
    threads: Threads
    vocabulary: Vocabulary
    corpus: CorpusFacts
    training: TaskPart
    validation: TaskPart | None
    measured_symbols: int
    answers: Names = ()
    symbols_per_character: float = 1.0


def set_up(
    plan: Plan,
    task: Task,
    dataset: Dataset,
    vocabulary: Vocabulary,
    corpus: CorpusFacts,
    *,
    clock: RunClock,
    added_seconds: float,
    measured_symbols: int,
    answers: Names = (),
    world: "World | None" = None,
) -> Setup:
    """Make all that a run needs.

    Args:
        plan: every setting, and the network.
        task: what it is to learn.
        dataset: what is learnt from, and what is held out.
        vocabulary: the symbols.
        corpus: facts for the checkpoint.
        clock: tells how long the run has taken.
        added_seconds: added to its time.
        measured_symbols: how much of what is held out is measured on, at most.
        answers: what there is to be found, as text.
        world: the processes that train together; None for this one alone.
    """
    training, validation = dataset.examples
    settings = plan.settings
    threads = Threads(to_choose_from(settings.machine.threads))  # the network is built with the fewest
    batches = make_batches(task, training, settings)
    budget = make_budget(settings, batches, added_seconds, clock)
    trainer = make_trainer(task, plan, batches, budget, world)
    return Setup(
        plan=plan,
        trainer=trainer,
        threads=threads,
        vocabulary=vocabulary,
        corpus=corpus,
        training=training,
        validation=validation,
        measured_symbols=measured_symbols,
        answers=answers,
        symbols_per_character=symbols_per_character(dataset.training) if task.unit == NATS else 1.0,
    )


def symbols_per_character(part: Part) -> float:
    """How many symbols are predicted for each character."""
    return part.scored_symbols / max(1, part.scored_characters)


def make_batches(task: Task, part: TaskPart, settings: ResolvedSettings) -> Batches:
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


def make_trainer(
    task: Task, plan: Plan, batches: Batches, budget: Budget, world: "World | None" = None
) -> Trainer:
    """The network with all that moves it."""
    machine, recipe = plan.settings.machine, plan.settings.recipe
    device = torch.device(machine.device)
    generator = torch.Generator().manual_seed(machine.seed)
    model = task.network(plan.architecture, plan.settings.model.dropout, generator).to(device)
    model.set_weight_dropout(plan.settings.model.weight_dropout)
    model.generator = torch.Generator(device).manual_seed(machine.seed)
    optimizers = make_optimizers(
        model,
        recipe.optimizer,
        recipe.learning_rate,
        recipe.weight_decay,
        orthogonalise_all if world is None else world.orthogonalise,
    )
    trainer = Trainer(
        model,
        task,
        batches,
        optimizers,
        budget,
        gradient_clip=recipe.gradient_clip,
        precision=machine.precision,
        world=world,
    )
    use_if_faster(trainer)
    return trainer


def start_from(source: Checkpoint, setup: Setup) -> Transfer:
    """Give the network of a run that has not begun the weights of another model."""
    fresh, architecture = setup.trainer.model.weights(), setup.plan.architecture
    transfer = transferred(source, fresh, setup.vocabulary, architecture, setup.answers)
    for network in (setup.trainer.model, setup.trainer.averaged):
        network.put(transfer.weights)
    return transfer


def plan_facts(dataset: Dataset, vocabulary: Vocabulary, answers: Names, device: str) -> Facts:
    """What the plan depends on."""
    training, _ = dataset.examples
    kind = ANSWERS.get(dataset.task)
    longest, longest_pair = longest_of(training)
    return Facts(
        training_symbols=training.symbols,
        records=training.records,
        symbols=len(vocabulary),
        half=multiplies_in_half(torch.device(device)),
        longest_window=dataset.training.longest_window,
        longest=longest,
        longest_pair=longest_pair,
        head={kind.size: kind.count(answers)} if kind else {},
    )
