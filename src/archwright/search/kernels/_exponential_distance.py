"""Exponential of minus a weighted distance of mixed rows."""

from __future__ import annotations

from typing import Any, final

import torch
from torch import Tensor

from archwright.search.kernels._agreement import Agreement
from archwright.search.kernels._gpytorch import gpytorch


@final
class ExponentialDistance(Agreement):
    """exp(-sum_i w_i [h_i != h'_i] - sum_j v_j |x_j - x'_j|) on rows of `Layout`.

    Args:
        block: (columns,) which block each of the first columns belongs to.
        scalars: number of scalars behind them.
        ard: one weight a variable; else one for all blocks and one for all scalars.
        initial: first value of w.
        slope: first value of v.
    """

    def __init__(
        self, block: Tensor, scalars: int, *, ard: bool = True, initial: float = 1.0, slope: float = 1.0
    ) -> None:
        super().__init__(block, ard=ard, initial=initial, prior=True)
        self.scalars = scalars
        if scalars:
            size = scalars if ard else 1
            self.register_parameter("raw_slope", torch.nn.Parameter(torch.zeros(size, dtype=torch.float64)))
            self.register_constraint("raw_slope", gpytorch.constraints.Positive())
            self.slope = torch.full((size,), slope, dtype=torch.float64)
            location = torch.tensor(slope, dtype=torch.float64).log()
            self.register_prior(
                "slope_prior", gpytorch.priors.LogNormalPrior(location, torch.ones_like(location)), "slope"
            )

    @property
    def slope(self) -> Tensor:
        """(scalars,) with ARD, else (1,)."""
        return self.raw_slope_constraint.transform(self.raw_slope)

    @slope.setter
    def slope(self, value: Tensor) -> None:
        self.initialize(raw_slope=self.raw_slope_constraint.inverse_transform(value))

    def forward(self, x1: Tensor, x2: Tensor, diag: bool = False, **params: Any) -> Tensor:
        distance = self.weights.sum() - self.agreement(x1, x2, diag)
        if self.scalars:
            first, second = (x[..., len(self.block) :] * self.slope for x in (x1, x2))
            apart = (first - second).abs().sum(-1) if diag else torch.cdist(first, second, p=1.0)
            distance = distance + apart
        return (-distance).exp()
