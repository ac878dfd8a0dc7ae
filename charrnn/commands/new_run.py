"""The settings and the plan of a new run, for `train` and `--dry-run`."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from charrnn.commands.checks import checked
from charrnn.commands.learning_text import with_prompt
from charrnn.commands.task import make_task
from charrnn.config.settings import TrainSettings
from charrnn.errors import UsageError
from charrnn.runs.checkpoint import Checkpoint, load
from charrnn.runs.folder import find_checkpoint
from charrnn.runs.report import Display
from charrnn.text.answers import Names
from charrnn.text.dataset import Dataset
from charrnn.text.vocabulary import Vocabulary
from charrnn.training.machine import pick_device
from charrnn.training.memory import check_fits
from charrnn.training.plan import Plan, bounded, choose
from charrnn.training.plan_pace import pace_of
from charrnn.training.setup import plan_facts
from charrnn.training.transfer import with_sizes_of


def prepared(given: Mapping[str, Any], prompt: str | None = None) -> tuple[TrainSettings, Checkpoint | None]:
    """The settings of a new run as far as they are known without its text, and the model to start from."""
    settings = with_prompt(checked(given), prompt)
    machine = replace(settings.machine, device=pick_device(settings.machine).type)
    settings = replace(settings, budget=bounded(settings.budget), machine=machine)
    if settings.model.init_from is None:
        return settings, None
    source = load(find_checkpoint(settings.model.init_from))
    return starting_from(source, settings, given), source


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


def planned(
    settings: TrainSettings, dataset: Dataset, vocabulary: Vocabulary, answers: Names, display: Display
) -> Plan:
    """What is set, and the rest chosen.

    Raises:
        ResourceError: such a network would not fit into memory.
    """
    display.stage("choosing a network")
    task = make_task(settings, vocabulary, answers=answers)
    pace = pace_of(task, settings.budget, dataset.examples[0])
    plan = choose(settings, plan_facts(dataset, vocabulary, answers, settings.machine.device), pace)
    check_fits(plan)
    return plan
