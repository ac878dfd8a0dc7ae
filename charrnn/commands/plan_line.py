"""A plan in words: the text, the network, and the length of the training."""

from charrnn.config.settings import BudgetSettings
from charrnn.text.dataset import Dataset
from charrnn.text.parts import TaskPart
from charrnn.text.statistics import Statistics
from charrnn.text.text_parts import PartedText
from charrnn.training.plan import Plan
from charrnn.training.threads import to_choose_from


def plan_lines(
    plan: Plan, statistics: Statistics, dataset: Dataset, measured: TaskPart | None, *, is_graph: bool = False
) -> list[str]:
    """The run in two lines, before it begins; one more for what it leaves out of the time or the text."""
    training, validation = dataset.training, dataset.validation
    held_out = 0 if validation is None else validation.characters
    measured_characters = held_out if measured is None else measured.characters
    parted = measured if isinstance(measured, PartedText) else None
    stretches = parted.divided if parted else ""
    of_each = "the beginning of each stretch:" if parted else "the first"
    note = f"       validation is measured on {of_each} {measured_characters:,} held-out characters"
    learnt, kept = f"{training.characters:,}", f"{held_out:,}"
    if statistics.records:  # their ends are counted above, but in neither part
        learnt, kept = f"{training.records:,} lines", f"{validation.records if validation else 0:,}"
    enough = (
        "       more updates would not make a model of this text better; --steps N makes more all the same"
    )
    return [
        f"text   {extent(statistics)}, {plan.architecture.symbols:,} symbols; "
        f"{learnt} to learn from, {kept} held out{stretches}",
        f"plan   {in_words(plan)}{how_updates_run(plan, is_graph=is_graph)}",
        *([enough] if plan.is_bounded else []),
        *([note] if measured_characters < held_out else []),
    ]


def how_updates_run(plan: Plan, *, is_graph: bool) -> str:
    """How a GPU makes each update, in words that follow the plan."""
    if is_graph:
        return ", each update one graph"
    return ", each update kernel by kernel" if plan.settings.machine.device == "cuda" else ""


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
    share = settings.model.weight_dropout
    of_weights = f" and {share:g} of the recurrent weights" if share else ""
    return (
        f"{network.cell.upper()} {network.layers}×{network.hidden}, {embedding}, "
        f"{network.parameters:,} parameters; {recipe.optimizer} at {recipe.learning_rate:g}, "
        f"dropout {settings.model.dropout:g}{of_weights}; "
        f"{expected(plan)}{recipe.batch_size} × {recipe.sequence_length} characters; "
        f"until {until(settings.budget)}; {machine.device}, {machine.precision}, {threads}"
    )


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
