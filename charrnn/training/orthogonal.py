"""Orthogonalises matrices, as Muon does with its momentum.

Knows nothing of networks.
"""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from charrnn.training.machine import multiplies_in_half

BLOCK_ROWS = 128
"""Rows that are orthogonalised together, at most, of a matrix of more columns."""

SHARED_FROM = 2**22
"""Numbers of all matrices from which several processes share them out: with fewer, to gather takes as long as
that saves (LOG.md)."""

_OPTIMAL = (
    (8.0934, -23.6204, 17.4462),
    (3.6366, -2.7219, 0.5365),
    (2.6613, -1.9772, 0.4526),
)
"""a, b and c of each step's a x + b x^3 + c x^5: each is the one nearest to 1, in its largest error, over
where the one before leaves singular values that began between 0.01 and 1 (Amsel et al. 2025, "The Polar
Express", arXiv 2505.16932)."""

_ROOM = (1.01, 1.01, 1.0)
"""Each step but the last is applied to x / 1.01: beyond the end of its range a quintic rises so steeply that
what rounding adds to a value of 1 would be 5 after three steps."""

QUINTICS = tuple((a / r, b / r**3, c / r**5) for (a, b, c), r in zip(_OPTIMAL, _ROOM, strict=True))
"""The steps' coefficients. After all three, singular values lie within 0.29 of 1."""


def orthogonalise(matrices: Tensor) -> Tensor:
    """The nearest (semi-)orthogonal matrix to each, roughly: U V^T of its singular value decomposition.

    Args:
        matrices: (G, R, C), G matrices at once.
    """
    return iterated(matrices).to(matrices.dtype)


def iterated(matrices: Tensor) -> Tensor:
    """The matrices orthogonalised, in the precision in which that is done.

    A Newton-Schulz iteration, as in Jordan et al. 2024 ("Muon"), in bfloat16 where that is faster, as many
    processors only emulate it. Singular values are first brought below 1 by the square root of the
    norm of the first product, which is needed anyway and a closer bound than the norm of the matrix.
    """
    tall = matrices.shape[-2] > matrices.shape[-1]
    half = matrices.dtype is torch.float32 and multiplies_in_half(matrices.device)
    precision = torch.bfloat16 if half else matrices.dtype
    values = matrices.mT if tall else matrices
    if matrices.is_cuda:  # where the first product in float32 would take as long as the other eight
        values = values.to(precision)
    gram = values @ values.mT
    bound = gram.norm(dim=(-2, -1), keepdim=True).clamp_min(1e-14)
    values, gram = (values / bound.sqrt()).to(precision), (gram / bound).to(precision)
    for step, (a, b, c) in enumerate(QUINTICS):
        if step:
            gram = values @ values.mT
        values = torch.baddbmm(values, torch.baddbmm(gram, gram, gram, beta=b, alpha=c), values, beta=a)
    return values.mT if tall else values


Orthogonalise = Callable[[Sequence[Tensor]], Sequence[Tensor]]
"""Orthogonalises several stacks of matrices, each of one shape."""


def orthogonalise_all(stacks: Sequence[Tensor]) -> Sequence[Tensor]:
    """Stack by stack."""
    return [orthogonalise(matrices) for matrices in stacks]


def orthogonalise_share(
    stacks: Sequence[Tensor], rank: int, size: int, gather: Callable[[Tensor], Tensor]
) -> Sequence[Tensor]:
    """Orthogonalise stacks of matrices: all, or where they are large a share of each, others the rest.

    Args:
        stacks: (G, R, C) each.
        rank: which share is made here.
        size: how many shares there are.
        gather: of one share as numbers in a row, (M,), makes those of all, (N, M).
    """
    if sum(stack.numel() for stack in stacks) < SHARED_FROM:
        return orthogonalise_all(stacks)
    counts = [-(-len(stack) // size) for stack in stacks]
    rows = [count * stack[0].numel() for stack, count in zip(stacks, counts, strict=True)]
    own = [iterated(stack[rank * n : (rank + 1) * n]) for stack, n in zip(stacks, counts, strict=True)]
    share = own[0].new_zeros(sum(rows))  # the last ones may have fewer matrices
    for place, matrices in zip(torch.split(share, rows), own, strict=True):
        place[: matrices.numel()] = matrices.flatten()
    found = zip(torch.split(gather(share), rows, 1), stacks, strict=True)
    return [part.to(stack.dtype).reshape(-1, *stack.shape[1:])[: len(stack)] for part, stack in found]


def block_rows(rows: int, columns: int) -> int:
    """The height of the blocks of a gate's matrix that are orthogonalised each by itself.

    Of a wide matrix equal parts of 64 to `BLOCK_ROWS` rows, where it has such, do as well as the whole, and
    cost a fraction (LOG.md).
    """
    if columns <= BLOCK_ROWS:
        return rows
    return next((height for height in range(BLOCK_ROWS, BLOCK_ROWS // 2 - 1, -1) if rows % height == 0), rows)
