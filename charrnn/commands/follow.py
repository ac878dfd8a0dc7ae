"""What a process does in a run that another one leads: the same updates. It writes and shows nothing."""

from pathlib import Path
from typing import Any

from charrnn.commands.task import make_task
from charrnn.config.declaration import build
from charrnn.config.resolved import ResolvedSettings
from charrnn.runs.checkpoint import Checkpoint, load
from charrnn.runs.signals import Stops, unhandled
from charrnn.text.dataset import open_dataset
from charrnn.training import snapshot
from charrnn.training.distributed import Lost, Order, World, joined
from charrnn.training.launcher import Place
from charrnn.training.machine import denormals_flushed
from charrnn.training.memory import memory_explained
from charrnn.training.plan import Plan
from charrnn.training.schedule import Budget
from charrnn.training.setup import make_batches, make_trainer
from charrnn.training.threads import Threads, to_choose_from
from charrnn.training.trainer import Trainer


def follow(here: Place) -> int:
    """Take part in a run until process 0 says that it ends; the exit code.

    Until the run begins a signal ends this process at once. Later it is process 0 that heeds one.
    """
    unhandled()
    stops = Stops()
    try:
        with joined(here, stops) as world:
            if world.hear().order is Order.BEGIN:
                facts = world.hear_facts()
                with stops, stops.shield():
                    _take_part(world, facts)
                    stops.heed()
    except Lost:  # process 0 says what there is to say
        return 1
    return 0


def _take_part(world: World, facts: dict[str, Any]) -> None:
    """Make the updates of a run.

    Args:
        world: all of its processes.
        facts: its folder, the checkpoint that it goes on from, its settings.
    """
    settings, checkpoint = build(ResolvedSettings, facts["settings"]), load(Path(facts["checkpoint"]))
    plan = Plan(settings, checkpoint.architecture)
    task = make_task(settings, checkpoint.vocabulary, checkpoint.corpus, checkpoint.answers)
    training, _ = open_dataset(Path(facts["folder"])).examples
    Threads(to_choose_from(settings.machine.threads))
    with denormals_flushed(), memory_explained(plan):
        trainer = make_trainer(task, plan, make_batches(task, training, settings), Budget(None, None), world)
        _restore(trainer, checkpoint, settings)
        _obey(trainer, world, settings)


def _obey(trainer: Trainer, world: World, settings: ResolvedSettings) -> None:
    """Do what process 0 tells, until it ends."""
    advance = trainer.advance()
    while True:
        match world.hear():
            case Order.UPDATE, progress, rate_factor:
                trainer.rate_factor = rate_factor
                advance(progress)
            case Order.GATHER, texts, _:
                world.gather(trainer, int(texts))
            case Order.GO_BACK, _, _:
                _restore(trainer, load(Path(world.hear_facts()["checkpoint"])), settings)
                advance = trainer.advance()
            case Order.END, _, _:
                return


def _restore(trainer: Trainer, checkpoint: Checkpoint, settings: ResolvedSettings) -> None:
    """Be where process 0 is, which went on from the same checkpoint."""
    is_moved = checkpoint.settings.get("device") != settings.machine.device
    snapshot.put_back(trainer, checkpoint.weights, checkpoint.training, is_moved=is_moved)
    trainer.begin_totals()
