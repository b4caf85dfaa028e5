"""The scaled connections of DSO-NAS and the switches of BayesNAS."""

from __future__ import annotations

import dataclasses
from typing import ClassVar, final

import torch
from torch import Tensor

from archwright.gradient._relaxation import Relaxation


@final
@dataclasses.dataclass(frozen=True, kw_only=True)
class ScalingFactors(Relaxation):
    """Every option runs, multiplied by its own factor; the factors compete with nothing and start at one (Zhang, Huang,
    Wang 2018, DSO-NAS, equation 2). An option that adds nothing has none."""

    competing: ClassVar[bool] = False

    def initial(self, count: int, generator: torch.Generator) -> Tensor:
        return torch.ones(count)

    def __call__(self, alpha: Tensor, *, progress: float, generator: torch.Generator) -> Tensor:
        return alpha * 1.0  # a copy that carries the gradient

    def probabilities(self, alpha: Tensor, *, progress: float) -> Tensor:
        size = alpha.abs()
        total = size.sum()
        return size / total if total > 0 else torch.full_like(alpha, 1 / len(alpha))

    def mean(self, alpha: Tensor, *, progress: float) -> Tensor:
        return alpha
