"""The state of a trainer between two updates, as plain arrays and numbers, and back: for exact resume.

`charrnn/runs/training_state.py` says what each array is. Knows nothing of files.
"""

from collections.abc import Mapping
from typing import Any

import torch
from numpy.typing import NDArray
from torch import Tensor

from charrnn.model.layer import State
from charrnn.model.names import part_of
from charrnn.runs.training_state import Extent, Numbers, TrainingState
from charrnn.training.optimizers import load_state_dict, state_dict
from charrnn.training.trainer import Trainer

Arrays = Mapping[str, NDArray[Any]]

_MOVING, _OPTIMIZER = "moving.", "optimizer."


def take(trainer: Trainer) -> TrainingState:
    """All that training needs to go on, beside the averaged weights; on the CPU arrays share its memory."""
    state = trainer.state if trainer.world is None else trainer.world.gathered(trainer)
    kept, carried = state_dict(trainer.optimizers), _carried_tensors(state)
    optimizer = {_OPTIMIZER + name: value for name, value in kept.items()}
    moving = {f"{_MOVING}{name}": value for name, value in trainer.model.arrays().items()}
    tensors = optimizer | carried | moving | {"generator": trainer.model.generator.get_state()}
    extent = Extent(
        moved=bool(optimizer),
        averaged=True,
        texts=len(state[0][0]) if state else 0,
        generator_bytes=len(tensors["generator"]),
    )
    return TrainingState(numbers(trainer), extent, {name: _array(tensor) for name, tensor in tensors.items()})


def numbers(trainer: Trainer) -> dict[str, Numbers]:
    """Where it is."""
    return {
        "trainer": {
            "step": trainer.step,
            "symbols_seen": trainer.symbols_seen,
            "epoch": trainer.epoch,
            "rate_factor": trainer.rate_factor,
        },
        "batches": trainer.batches.numbers(),
        "budget": trainer.budget.numbers(),
    }


def put_back(trainer: Trainer, weights: Arrays, training: TrainingState, *, is_moved: bool = False) -> None:
    """Bring a trainer to where `take` found one; it is to be iterated anew after that.

    Without arrays only the place in the text and the averaged weights are those of then, and these move on.
    A trainer that has moved to another kind of device, whose random numbers are others, draws new ones.

    Raises:
        KeyError, ValueError, RuntimeError: the state is one of another trainer.
    """
    place = training.numbers["trainer"]
    trainer.step, trainer.symbols_seen = int(place["step"]), int(place["symbols_seen"])
    trainer.epoch, trainer.rate_factor = float(place["epoch"]), float(place["rate_factor"])
    trainer.batches.restore(training.numbers["batches"])
    texts, going_on = training.extent.texts, trainer.batches.texts_going_on()
    if 0 < texts < going_on:
        raise ValueError(f"a state of {texts} texts where {going_on} go on")
    trainer.budget.restore(training.numbers["budget"])
    moving = part_of(training.arrays, _MOVING)
    for network, arrays in ((trainer.averaged, weights), (trainer.model, moving or weights)):
        network.put(arrays)
    remembered = part_of(training.arrays, _OPTIMIZER)
    load_state_dict(trainer.optimizers, {name: torch.from_numpy(v) for name, v in remembered.items()})
    _put_back_carried(trainer, training)
    generator = trainer.model.generator
    if is_moved:
        generator.manual_seed(generator.initial_seed() + trainer.step)
    elif training.extent.generator_bytes:
        generator.set_state(torch.from_numpy(training.arrays["generator"]))


def _array(tensor: Tensor) -> NDArray[Any]:
    array: NDArray[Any] = tensor.detach().cpu().numpy()
    return array


def _carried_tensors(state: State | None) -> dict[str, Tensor]:
    return {
        f"carried.{layer}.{part}": value
        for layer, parts in enumerate(state or [])
        for part, value in enumerate(parts)
    }


def _put_back_carried(trainer: Trainer, training: TrainingState) -> None:
    network, device = trainer.model.architecture, trainer.model.device

    def tensor(layer: int, part: int) -> Tensor:
        return torch.tensor(training.arrays[f"carried.{layer}.{part}"], device=device)

    parts, layers = range(network.states), range(network.layers if training.extent.texts else 0)
    state = [tuple(tensor(layer, part) for part in parts) for layer in layers] or None
    trainer.state = state if trainer.world is None else trainer.world.own(state)
