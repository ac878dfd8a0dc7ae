"""Running out of memory names what to lower; other errors stay what they are."""

import pytest
import torch

from charrnn.config.declaration import build
from charrnn.config.settings import TrainSettings
from charrnn.errors import ResourceError
from charrnn.training.memory import check_fits, memory_explained
from charrnn.training.plan import Facts, Plan, choose

SAID = (
    "[enforce fail at alloc_cpu.cpp:127] err == 0. DefaultCPUAllocator: can't allocate memory: you tried ..."
)


def plan(hidden: int = 64, batch_size: int = 32, sequence_length: int = 64) -> Plan:
    sizes = {"hidden": hidden, "batch_size": batch_size, "sequence_length": sequence_length}
    return choose(build(TrainSettings, sizes | {"steps": 1, "embedding": 16}), Facts(10**6, 0, 60))


@pytest.mark.parametrize(
    "error", [MemoryError(), RuntimeError(SAID), torch.OutOfMemoryError("CUDA out of memory. Tried ...")]
)
@pytest.mark.parametrize(
    ("sizes", "advice"),
    [
        ({"hidden": 4096, "batch_size": 1}, "lower --hidden, now 4,096"),
        ({"batch_size": 4096}, "lower --batch-size, now 4,096, or --sequence-length"),
    ],
)
def test_the_setting_that_takes_most_is_named(error: Exception, sizes: dict[str, int], advice: str) -> None:
    with pytest.raises(ResourceError, match=advice) as caught, memory_explained(plan(**sizes)):
        raise error
    assert caught.value.exit_code == 5


def test_other_errors_are_left_alone() -> None:
    with pytest.raises(RuntimeError, match="shapes"), memory_explained(plan()):
        raise RuntimeError("shapes do not fit")


def test_what_no_machine_has_is_refused_before_memory_is_taken() -> None:
    check_fits(plan())
    with pytest.raises(ResourceError, match="lower --batch-size, now 65,536"):
        check_fits(plan(batch_size=65536, sequence_length=65536))
