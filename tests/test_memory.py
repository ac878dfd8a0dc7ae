"""Running out of memory names what to lower; other errors stay what they are."""

from typing import Any

import numpy as np
import pytest
import torch
from pairs_by_hand import records
from program import python

from charrnn.config.declaration import build
from charrnn.config.settings import TrainSettings
from charrnn.errors import ResourceError
from charrnn.text.example_parts import Labelled, Paired, longest_of
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


@pytest.mark.parametrize(("given", "kept"), [({}, "128"), ({"ONEDNN_PRIMITIVE_CACHE_CAPACITY": "9"}, "9")])
def test_the_program_keeps_few_functions_of_batches_that_never_come_again(
    given: dict[str, str], kept: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("ONEDNN_PRIMITIVE_CACHE_CAPACITY", raising=False)
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    code = (
        "import os; from charrnn import cli; from charrnn.__main__ import main; "
        "cli.run_command = lambda: print(os.environ['ONEDNN_PRIMITIVE_CACHE_CAPACITY']) or 0; main()"
    )
    assert python(code).strip() == kept


def test_other_errors_are_left_alone() -> None:
    with pytest.raises(RuntimeError, match="shapes"), memory_explained(plan()):
        raise RuntimeError("shapes do not fit")


def test_what_no_machine_has_is_refused_before_memory_is_taken() -> None:
    check_fits(plan())
    with pytest.raises(ResourceError, match="lower --batch-size, now 65,536"):
        check_fits(plan(batch_size=65536, sequence_length=65536))


@pytest.mark.parametrize(
    ("task", "head", "facts"),
    [
        ("classify", {"classes": 3}, {"longest": 10**9}),
        ("translate", {"target_symbols": 9}, {"longest": 10**7, "longest_pair": 10**13}),
    ],
)
def test_a_text_that_is_read_whole_may_be_too_long(
    task: str, head: dict[str, int], facts: dict[str, Any]
) -> None:
    settings = build(TrainSettings, {"task": task, "mode": "lines", "hidden": 64, "steps": 1})
    check_fits(choose(settings, Facts(10**6, 1000, 60, head=head, longest=100, longest_pair=9)))
    with pytest.raises(ResourceError, match="shorten the longest line, which is read whole and has"):
        check_fits(choose(settings, Facts(10**6, 1000, 60, head=head, **facts)))


def test_one_that_is_read_in_windows_may_be_long() -> None:
    settings = build(TrainSettings, {"mode": "lines", "hidden": 64, "steps": 1})
    check_fits(choose(settings, Facts(10**6, 1000, 60, longest=10**12)))


def test_the_longest_example() -> None:
    texts = records([[1, 2], [], [1]], 0)
    assert longest_of(Labelled(texts, np.zeros(3, np.int32))) == (3, 0)
    assert longest_of(Paired(texts, records([[], [1, 1, 1], [1]], 0))) == (5, 4)
    assert longest_of(texts) == (0, 0)
