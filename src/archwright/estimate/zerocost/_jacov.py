"""Jacobian covariance."""

from __future__ import annotations

import dataclasses
import math
from typing import final

import torch
from torch import Tensor, nn

from archwright.estimate.zerocost._jacobian import correlation, jacobians
from archwright.estimate.zerocost._score import Score


@final
@dataclasses.dataclass(frozen=True, kw_only=True)
class Jacov(Score):
    """- sum_i [log(v_i + k) + 1 / (v_i + k)] over the eigenvalues of the correlation of input Jacobians; one backward.

    Mellor, Turner, Storkey and Crowley, "Neural Architecture Search without Training", first version (2020,
    arXiv 2006.04647v1). At most -N, reached by uncorrelated images.

    Args:
        k: keeps the logarithm finite; positive.
    """

    k: float = 1e-5

    def value(self, module: nn.Module, x: Tensor, y: Tensor | None) -> float:
        return spread(correlation(jacobians(module, x)), self.k)


def spread(matrix: Tensor, k: float) -> float:
    """The score of a correlation matrix (N, N); NaN if an entry is."""
    if not bool(torch.isfinite(matrix).all()):
        return math.nan
    v = torch.linalg.eigvalsh(matrix).clamp(min=0) + k  # rounding may leave eigenvalues just below zero
    return -(v.log() + 1 / v).sum().item()
