"""The sub-sequence string kernel by dynamic programming."""

from __future__ import annotations

import torch
from torch import Tensor


def subsequences(match: Tensor, gap: Tensor, decay: Tensor, order: int) -> Tensor:
    """Un-normalised k(s, t) = sum over sub-sequences u of up to `order` tokens of phi_u(s) phi_u(t).

    phi_u(s) = sum over the occurrences of u in s of decay^|u| gap^(tokens skipped within the occurrence): Lodhi,
    Saunders, Shawe-Taylor, Cristianini and Watkins (JMLR 2002) with the two decays of Beck and Cohn (2017). In
    O(order L^2) matrix entries a pair; differentiable.

    Args:
        match: (*b, p, L, M), 1 where the tokens of s and t at two positions are equal, else 0 (also for padding).
        gap, decay: shapes that broadcast with (*b, 1, 1, 1).
        order: longest sub-sequence, at least 1.

    Returns:
        Shape (*b, p).
    """
    match = match * decay**2
    left, right = (_gaps(length, gap) for length in match.shape[-2:])
    inner = match
    total = inner.sum((-2, -1))
    for _ in range(order - 1):
        inner = match * ((inner @ right).mT @ left).mT
        total = total + inner.sum((-2, -1))
    return total


def _gaps(length: int, gap: Tensor) -> Tensor:
    """(*b, 1, length, length): gap^(b - a - 1) at a < b, else 0; (length, length) without a batch, which is quicker."""
    gap = gap.reshape(()) if gap.numel() == 1 else gap
    place = torch.arange(length, device=gap.device)
    skipped = place[None, :] - place[:, None] - 1
    return torch.where(skipped >= 0, gap ** skipped.clamp(min=0), 0.0)
