"""Diagonals of the curvature of a loss."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from archwright.gradient._hypergradient import gradient, leaves, product

Logits = Callable[[Sequence[Tensor]], Tensor]
"""From tensors to (N, classes) logits."""


def hutchinson_diagonal(
    loss: Callable[[Sequence[Tensor]], Tensor], at: Sequence[Tensor], *, probes: int, generator: torch.Generator
) -> list[Tensor]:
    """Diagonal of the Hessian, as the mean over `probes` random signs s of s * (H s) (Hutchinson 1990); exact for a
    diagonal Hessian. It may be negative.

    Args:
        loss: scalar function of the tensors.
        at: where.
        probes: products with the Hessian, at least 1.
        generator: of the signs.
    """
    a = leaves(at)
    slope = gradient(loss(a), a, create=True)
    total = [torch.zeros_like(t) for t in a]
    for _ in range(probes):
        signs = [_signs(t, generator) for t in a]
        curved = gradient(product(slope, signs), a, retain=True)
        total = [t + s * c for t, s, c in zip(total, signs, curved)]
    return [t / probes for t in total]


def gauss_newton_diagonal(
    logits: Logits, at: Sequence[Tensor], *, probes: int, generator: torch.Generator
) -> list[Tensor]:
    """Diagonal of the Gauss-Newton matrix of the mean cross-entropy, never negative: for every sample and class the
    square of J^T (e_c - p) weighted by p_c / N, estimated with random signs, one backward pass a probe.

    Args:
        logits: of the samples, a function of the tensors.
        at: where.
        probes: passes, at least 1.
        generator: of the signs.
    """
    a = leaves(at)
    found = logits(a).float() if at[0].dtype != torch.float64 else logits(a)
    p = found.detach().softmax(-1)
    total = [torch.zeros_like(t) for t in a]
    for _ in range(probes):
        weighted = _signs(p, generator) * p.sqrt()
        factor = weighted - p * weighted.sum(-1, keepdim=True)  # E factor factor^T = diag(p) - p p^T
        slope = gradient((found * factor).sum(), a, retain=True)
        total = [t + g.square() for t, g in zip(total, slope)]
    return [t / (probes * len(p)) for t in total]


def _signs(like: Tensor, generator: torch.Generator) -> Tensor:
    return (torch.randint(2, like.shape, generator=generator) * 2 - 1).to(like)
