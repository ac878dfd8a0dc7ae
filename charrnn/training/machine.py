"""Training and the hardware: the device, its precisions, memory, flushing of denormals.

Knows nothing of networks.
"""

import ctypes
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import torch

from charrnn.config.settings import MachineSettings
from charrnn.errors import UsageError
from charrnn.training.launcher import place

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3
"""The names of `mallopt`'s parameters in glibc's malloc.h."""

_DEFAULT_THRESHOLD = 2**17
"""What glibc begins with for both."""


def pick_device(machine: MachineSettings) -> torch.device:
    """The device that is meant.

    Raises:
        UsageError: this machine does not have it, or it does not multiply in that precision.
    """
    found = find_device(machine.device)
    _check_processes(machine, found.type)
    if machine.precision == "fp16" and found.type != "cuda":
        raise UsageError(
            f"--precision is fp16 on device {found.type}; expected bf16 or fp32; fp16 is for cuda"
        )
    return found


def find_device(name: str) -> torch.device:
    """The device of a name; `auto` is CUDA where there is some, else the CPU.

    Raises:
        UsageError: this machine does not have it.
    """
    found = ("cuda" if is_available("cuda") else "cpu") if name == "auto" else name
    if not is_available(found):
        here = ", ".join(name for name in ("cpu", "cuda", "mps") if is_available(name))
        raise UsageError(f"--device is {found}, which PyTorch does not find here; expected {here}")
    return torch.device(found)


def _check_processes(machine: MachineSettings, device: str) -> None:
    """Check that several processes can train on a device."""
    here = place()
    processes = machine.processes if here is None else here.local_size
    if processes > 1 and device == "mps":
        raise UsageError(f"--processes is {processes:,} on device mps; expected 1; more are for cuda and cpu")
    if device == "cuda" and processes > torch.cuda.device_count():
        raise UsageError(
            f"{processes:,} processes are to train on {torch.cuda.device_count():,} GPUs; expected no more "
            "processes than GPUs; lower --processes, or give --device cpu"
        )


def is_available(device: str) -> bool:
    """Whether this machine has a device of that kind."""
    if device == "cuda":
        return torch.cuda.is_available()
    return device == "cpu" or (device == "mps" and torch.backends.mps.is_available())


def multiplies_in_half(device: torch.device) -> bool:
    """Whether products in bfloat16 are known to be faster: CUDA from Ampere on, AVX-512 with BF16."""
    if device.type == "cuda":
        return torch.cuda.get_device_capability(device) >= (8, 0)
    has_instructions = getattr(torch.cpu, "_is_avx512_bf16_supported", lambda: False)
    has_onednn = torch.backends.mkldnn.is_available()  # type: ignore[no-untyped-call]
    return device.type == "cpu" and has_onednn and has_instructions()


@contextmanager
def whole_float32() -> Iterator[None]:
    """Products of float32 are whole meanwhile; otherwise cuDNN rounds to TF32, which has 10 bits."""
    before = torch.backends.cudnn.allow_tf32
    torch.backends.cudnn.allow_tf32 = False
    try:
        yield
    finally:
        torch.backends.cudnn.allow_tf32 = before


@contextmanager
def denormals_flushed() -> Iterator[None]:
    """Numbers below 1e-38 count as zero meanwhile: processors take a hundred times as long for them."""
    keep_freed_memory()
    torch.set_flush_denormal(True)
    try:
        yield
    finally:
        torch.set_flush_denormal(False)


def keep_freed_memory() -> bool:
    """Let the C library keep what is freed, for the next update; whether it does.

    An update needs the same large arrays as the one before. By default glibc gives them back to the system
    and asks for them anew, and each of their pages is then cleared and mapped again.
    """
    return _set_thresholds(mmap=2**30, trim=2**31 - 1)


def give_freed_memory_back() -> bool:
    """Let the C library give what is freed back to the system, as it does by default; whether it does."""
    if not _set_thresholds(mmap=_DEFAULT_THRESHOLD, trim=_DEFAULT_THRESHOLD):
        return False
    return bool(ctypes.CDLL(None).malloc_trim(0))


def _set_thresholds(*, mmap: int, trim: int) -> bool:
    """Set from what size on an array is mapped by itself, and how much free memory is kept."""
    if not sys.platform.startswith("linux"):
        return False
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)  # musl has none
    return mallopt is not None and bool(mallopt(_MMAP_THRESHOLD, mmap) and mallopt(_TRIM_THRESHOLD, trim))
