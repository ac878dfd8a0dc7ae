"""Dropout of layer outputs and of recurrent weights, with one mask for all steps of a call.

Knows nothing of networks.
"""

import torch
from torch import Tensor


def unit_mask(
    like: Tensor, shape: tuple[int, int], share: float, generator: torch.Generator
) -> Tensor | None:
    """What the outputs of a layer are multiplied by at every step; None where nothing is dropped.

    A unit is dropped for all steps of a text (Srivastava et al. 2014; Gal & Ghahramani 2016, arXiv
    1512.05287), which learns as well as drawing anew for each step and needs a T-th of the random numbers.

    Args:
        like: whose type and device the mask has.
        shape: (B, H).
        share: probability that a unit is dropped; the others are enlarged.
        generator: the random numbers.
    """
    if not share:
        return None
    return like.new_empty(shape).bernoulli_(1 - share, generator=generator).div_(1 - share)


def dropped(values: Tensor, mask: Tensor | None) -> Tensor:
    """Outputs (T, B, H) times a mask of these texts and maybe more after them."""
    return values if mask is None else values * mask[: values.shape[1]].to(values.dtype)


def drop_weights(weight: Tensor, share: float, generator: torch.Generator) -> Tensor:
    """A weight without a share of its numbers, the others enlarged (DropConnect, Wan et al. 2013).

    Args:
        weight: of any shape.
        share: probability that a number is left out, to 1/256: a byte is drawn for each.
        generator: the random numbers.
    """
    levels, numbers = round(256 * share), weight.numel()
    words = torch.empty(-(-numbers // 8), dtype=torch.int64, device=weight.device)
    drawn = words.random_(-(2**63), None, generator=generator).view(torch.uint8)[:numbers].view(weight.shape)
    return weight * (drawn >= levels).to(weight.dtype).div_(1 - levels / 256)
