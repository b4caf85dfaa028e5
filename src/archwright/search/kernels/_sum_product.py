"""Between the sum and the product of two kernels."""

from __future__ import annotations

from typing import Any, final

import torch
from torch import Tensor

from archwright.search.kernels._gpytorch import gpytorch


@final
class SumProduct(gpytorch.kernels.Kernel):
    """share x first x second + (1 - share) x (first + second).

    Args:
        first: a kernel.
        second: another one.
        share: weight of the product, from 0 to 1; None: learned from 0.5 on.
    """

    def __init__(self, first: gpytorch.kernels.Kernel, second: gpytorch.kernels.Kernel, share: float | None) -> None:
        super().__init__()
        self.first = first
        self.second = second
        self._fixed = share
        if share is None:
            self.register_parameter("raw_share", torch.nn.Parameter(torch.zeros((), dtype=torch.float64)))
            self.register_constraint("raw_share", gpytorch.constraints.Interval(0.0, 1.0))

    @property
    def share(self) -> float | Tensor:
        """Weight of the product."""
        return self.raw_share_constraint.transform(self.raw_share) if self._fixed is None else self._fixed

    def forward(self, x1: Tensor, x2: Tensor, diag: bool = False, **params: Any) -> Tensor:
        one, two = self.first(x1, x2, diag=diag, **params), self.second(x1, x2, diag=diag, **params)
        if not diag:
            one, two = one.to_dense(), two.to_dense()
        return self.share * one * two + (1 - self.share) * (one + two)
