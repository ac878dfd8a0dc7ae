"""The precision of matrix products in training; weights and optimizer states stay in float32.

Knows nothing of networks.
"""

from collections.abc import Iterable

import torch
from torch import Tensor

HALF = {"bf16": torch.bfloat16, "fp16": torch.float16}
"""The half precisions."""

LOSS_SCALE = {"fp16": 256.0}
"""What the mean loss is multiplied by, and its gradients divided by: float16 knows no numbers below 6e-8, and
those of single symbols in a batch of thousands would be among them (Micikevicius et al. 2018)."""


def autocast(device: torch.device, precision: str) -> torch.autocast:
    """Within it products are made in a precision."""
    half = HALF.get(precision)
    return torch.autocast(device.type, half or torch.bfloat16, enabled=half is not None)


def back(loss: Tensor, parameters: Iterable[Tensor], precision: str) -> None:
    """Let gradients flow back from the mean loss to parameters."""
    scale = LOSS_SCALE.get(precision)
    if scale is None:
        loss.backward()  # type: ignore[no-untyped-call]
        return
    (loss * scale).backward()  # type: ignore[no-untyped-call]
    torch._foreach_mul_([p.grad for p in parameters if p.grad is not None], 1 / scale)
