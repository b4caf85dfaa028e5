"""The sparse mixture of TangleNAS."""

from __future__ import annotations

import dataclasses
from typing import final

import torch
from torch import Tensor

from archwright.gradient._relaxation import Relaxation


@final
@dataclasses.dataclass(frozen=True, kw_only=True)
class Sparsemax(Relaxation):
    """The point of the simplex nearest to alpha, with exact zeros (Martins, Astudillo 2016, equation 2), as in the
    entangled layers of TangleNAS (Sukthanker et al. 2023)."""

    def __call__(self, alpha: Tensor, *, progress: float, generator: torch.Generator) -> Tensor:
        return sparsemax(alpha)

    def probabilities(self, alpha: Tensor, *, progress: float) -> Tensor:
        return sparsemax(alpha)


def sparsemax(z: Tensor) -> Tensor:
    """(n,) projection of `z` (n,) onto the simplex: max(z - t, 0), t such that the sum is one."""
    ordered = z.sort(descending=True).values
    sums = ordered.cumsum(-1)
    places = torch.arange(1, len(z) + 1, device=z.device, dtype=z.dtype)
    size = int((1.0 + places * ordered > sums).sum())
    return (z - (sums[size - 1] - 1.0) / size).clamp_min(0.0)
