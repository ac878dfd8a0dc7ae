"""Which precision is the fastest, by device and sizes. Knows nothing of torch, settings or texts."""

from charrnn.model.architecture import Architecture
from charrnn.model.cells import CELLS

HALF_FROM = 2**21
"""Multiplications of a step from which bfloat16 is faster, where the processor multiplies in it (LOG.md)."""

ON_CHIP_MULTIPLE, ON_CHIP_HIDDEN = 128, 1024
"""Units of a layer whose weights cuDNN keeps on the chip, in float16: multiples of one, up to the other."""


def precision_for(network: Architecture, batch_size: int, *, half: bool, device: str = "cpu") -> str:
    """The faster precision, on a device that multiplies in half precision or does not."""
    if device == "cuda" and half:
        is_kept = network.hidden % ON_CHIP_MULTIPLE == 0 and network.hidden <= ON_CHIP_HIDDEN
        return "fp16" if is_kept and batch_size <= CELLS[network.cell].on_chip_batch else "bf16"
    multiplications = batch_size * network.gates * network.hidden**2
    return "bf16" if half and multiplications >= HALF_FROM else "fp32"
