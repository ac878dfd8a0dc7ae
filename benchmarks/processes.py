"""How fast two processes of one thread each learn together, beside one process of two threads.

    python -m benchmarks.processes
    python -m benchmarks.processes --batch 256 --length 64

LSTM 1×512, 32 texts of 128 symbols, in the precision that `--precision auto` takes here. All processes are
there from the beginning, and those of one kind rest while another kind works; they take turns, so that a
machine whose speed drifts drifts for all. Printed are updates a second of each; their ratio; what it would be
if nobody waited, by what one of the two does alone; and what that and a sum foretell of the two.
"""

import argparse
import multiprocessing
import os
import socket
import statistics
import time
from multiprocessing.connection import Connection
from typing import NamedTuple

import numpy as np
import torch
import torch.distributed as dist

from charrnn.model.architecture import Architecture
from charrnn.model.network import CharRNN
from charrnn.runs.signals import Stops
from charrnn.tasks.language import LanguageTask
from charrnn.tasks.windows import Streams
from charrnn.text.vocabulary import Vocabulary
from charrnn.training.distributed import World, rehearsal
from charrnn.training.fast_precision import precision_for
from charrnn.training.machine import keep_freed_memory, multiplies_in_half
from charrnn.training.optimizers import make_optimizers
from charrnn.training.orthogonal import orthogonalise_all
from charrnn.training.schedule import Budget
from charrnn.training.trainer import Trainer

SYMBOLS, EMBEDDING = 65, 64

TASK = LanguageTask(Vocabulary.from_text("abc"))
"""Its losses do not depend on which symbols there are."""


class Size(NamedTuple):
    """Of what is learnt, and from what.

    Attributes:
        layers: of the LSTM.
        hidden: units of each.
        batch: texts.
        length: symbols of each.
        precision: of the products, or `auto`.
    """

    layers: int
    hidden: int
    batch: int
    length: int
    precision: str


class Seat(NamedTuple):
    """Of a process among others.

    Attributes:
        rank: its number.
        processes: how many there are.
        port: where they meet; None where the others are only imagined.
    """

    rank: int
    processes: int
    port: int | None


class Turn(NamedTuple):
    """What some updates took.

    Attributes:
        seconds: of one update.
        moving: of these, optimizers, with what these wait for others, and the average of the weights.
        summing: of these, the sum, where nobody waits for another.
        waiting: of these, the sum and waiting for one another.
    """

    seconds: float
    moving: float
    summing: float
    waiting: float


def make_trainer(size: Size, world: World | None) -> Trainer:
    """What learns, with its part of the batch."""
    network = Architecture("lstm", size.layers, size.hidden, EMBEDDING, SYMBOLS)
    precision = size.precision
    if precision == "auto":
        precision = precision_for(network, size.batch, half=multiplies_in_half(torch.device("cpu")))
    model = CharRNN(network, 0.0, torch.Generator().manual_seed(1))
    ids = np.random.default_rng(1).integers(SYMBOLS, size=200_000).astype(np.uint8)
    together = orthogonalise_all if world is None else world.orthogonalise
    optimizers = make_optimizers(model, "muon", 0.01, 0.01, together)
    return Trainer(
        model,
        TASK,
        Streams(ids, size.batch, size.length),
        optimizers,
        Budget(10**9, None),
        gradient_clip=1.0,
        precision=precision,
        world=world,
    )


def work(orders: Connection, size: Size, threads: int, seat: Seat) -> None:
    """Make as many updates as is asked for, again and again, until none are."""
    torch.set_num_threads(threads)
    keep_freed_memory()
    (rank, processes, port), world = seat, None
    if processes > 1 and port is None:
        world = rehearsal(processes)
    elif processes > 1:
        os.environ.update(MASTER_ADDR="127.0.0.1", MASTER_PORT=str(port))
        dist.init_process_group("gloo", rank=rank, world_size=processes)
        world = World(rank, processes, Stops())
    trainer = make_trainer(size, world)
    moved = timed(trainer)
    advance = trainer.advance()
    while updates := orders.recv():
        moved.clear()
        began = time.perf_counter()
        for _ in range(updates):
            if world is not None and rank == 0:
                world.tell_update(0.5, 1.0)
            elif world is not None:
                world.hear()
            advance(0.5)
        seconds = (time.perf_counter() - began) / updates
        waiting = 0.0 if world is None else world.seconds_waited() / updates
        orders.send(Turn(seconds, sum(moved) / updates, summing_seconds(trainer, updates), waiting))


def timed(trainer: Trainer) -> list[float]:
    """The seconds that each of a trainer's moves takes from now on."""
    move, found = trainer.move, list[float]()

    def moving(rate: float, share: float) -> None:
        began = time.perf_counter()
        move(rate, share)
        found.append(time.perf_counter() - began)

    trainer.move = moving  # type: ignore[method-assign, assignment]
    return found


def summing_seconds(trainer: Trainer, times: int) -> float:
    """What a sum of as many numbers as there are gradients takes; nothing where one is alone."""
    if trainer.world is None or trainer.world.is_alone:
        return 0.0
    numbers = torch.zeros(sum(parameter.numel() for parameter in trainer.model.parameters()))
    dist.barrier()
    began = time.perf_counter()
    for _ in range(times):
        dist.all_reduce(numbers)
    return (time.perf_counter() - began) / times


class Team:
    """Processes that learn together, at rest until they are asked for updates.

    Args:
        size: of what they learn.
        processes: how many.
        threads: of each.
        is_whole: whether all of them are there, not the first alone.
    """

    def __init__(self, size: Size, processes: int, threads: int, *, is_whole: bool = True) -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1] if is_whole else None
        spawn = multiprocessing.get_context("spawn")
        self.ends = []
        for rank in range(processes if is_whole else 1):
            here, there = spawn.Pipe()
            given = (there, size, threads, Seat(rank, processes, port))
            spawn.Process(target=work, args=given, daemon=True).start()
            self.ends.append(here)

    def turn(self, updates: int) -> Turn:
        """Make updates; what they took in process 0."""
        for end in self.ends:
            end.send(updates)
        turn, *_ = [end.recv() for end in self.ends]
        return Turn(*turn)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--updates", type=int, default=12, help="of each turn")
    for name, default in (("layers", 1), ("hidden", 512), ("batch", 32), ("length", 128)):
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--precision", choices=("auto", "fp32", "bf16"), default="auto")
    options = vars(parser.parse_args())
    size = Size(**{name: options[name] for name in Size._fields})
    teams = {
        "1 × 2 threads": Team(size, 1, 2),
        "2 × 1 thread": Team(size, 2, 1),
        "one of these": Team(size, 2, 1, is_whole=False),
        "1 × 1 thread": Team(size, 1, 1),
    }
    for team in teams.values():
        team.turn(3)
    turns: dict[str, list[Turn]] = {name: [] for name in teams}
    for _ in range(options["rounds"]):
        for name, team in teams.items():
            turns[name].append(team.turn(options["updates"]))
    for end in (end for team in teams.values() for end in team.ends):
        end.send(0)
    found = {name: Turn(*map(statistics.median, zip(*of, strict=True))) for name, of in turns.items()}
    print(f"LSTM {size.layers}×{size.hidden}, {size.batch} × {size.length}, updates a second")
    for name, (seconds, moving, *_) in found.items():
        print(f"{name:14}{1 / seconds:8.2f}   {seconds * 1e3:.1f} ms, {moving * 1e3:.1f} of them moving")
    one, two, part, _ = found.values()
    print(f"two processes by one of two threads: {one.seconds / two.seconds:.2f}", end="")
    print(f"; if nobody waited {one.seconds / part.seconds:.2f}")
    print(
        f"waiting for the sum and one another: {two.waiting / two.seconds:.1%} of the time of two processes"
    )
    foretold = part.seconds + two.summing
    print(
        f"foretold from one of the two: {1 / foretold:.2f}, measured by foretold {foretold / two.seconds:.2f}"
    )


if __name__ == "__main__":
    main()
