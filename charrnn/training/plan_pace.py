"""How fast each candidate plan trains on this machine, measured on a few updates."""

import gc
import time

from charrnn.config.settings import BudgetSettings
from charrnn.config.values import seconds
from charrnn.errors import ResourceError
from charrnn.tasks.task import Task
from charrnn.text.parts import TaskPart
from charrnn.training.machine import denormals_flushed, give_freed_memory_back
from charrnn.training.memory import fits, memory_explained
from charrnn.training.pace import updates_per_second
from charrnn.training.plan import PACE_SHARE, Pace, Plan
from charrnn.training.schedule import Budget
from charrnn.training.setup import make_batches, make_trainer
from charrnn.training.threads import is_crowded, to_choose_from, use


def pace_of(task: Task, budget: BudgetSettings, part: TaskPart) -> Pace:
    """Measures how many updates a second a plan makes here: none if it cannot fit, or time is short."""
    allowed = PACE_SHARE * (seconds(budget.max_time) if budget.max_time else 0.0)
    spent = 0.0

    def pace(plan: Plan) -> float:
        nonlocal spent
        if not fits(plan) or spent > allowed:
            return 0.0
        began = time.monotonic()
        try:
            fastest = _fastest(task, part, plan, allowed)
        except ResourceError:
            if plan.settings.machine.device == "cpu":  # where `fits` says what there is
                raise
            fastest = 0.0
        if plan.settings.machine.device == "cuda":
            gc.collect()  # a captured update and its trainer know each other
        give_freed_memory_back()
        spent += time.monotonic() - began
        return fastest

    return pace


def _fastest(task: Task, part: TaskPart, plan: Plan, allowed: float) -> float:
    """Updates a second with the best number of threads; others are tried for so many seconds."""
    began, counts = time.monotonic(), to_choose_from(plan.settings.machine.threads)
    batches = make_batches(task, part, plan.settings)
    use(counts[0])
    world = None
    if plan.settings.machine.processes > 1:
        from charrnn.training.distributed import rehearsal

        world = rehearsal(plan.settings.machine.processes)
    fastest = 0.0
    with denormals_flushed(), memory_explained(plan):
        trainer = make_trainer(task, plan, batches, Budget(None, None), world)
        for count in counts:
            use(count)
            started, worked = time.monotonic(), time.process_time()
            found = updates_per_second(trainer)
            now, processor_seconds = time.monotonic(), time.process_time() - worked
            is_slower, fastest = found < fastest, max(found, fastest)
            if is_slower or is_crowded(now - started, processor_seconds) or now - began > allowed:
                break
    return fastest
