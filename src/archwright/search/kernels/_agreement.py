"""The part that kernels of categories share."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from archwright.search.kernels._gpytorch import gpytorch


class Agreement(gpytorch.kernels.Kernel):
    """Weighted count of the blocks on which two rows of `Layout` agree: sum_i w_i [h_i = h'_i], as a matrix product.

    Subclasses give the covariance as a function of that count.

    Args:
        block: (columns,) which block each of the first columns belongs to.
        ard: one weight a block; else one weight for all.
        initial: first value of the weights.
        bounds: range of the weights; None: positive.
        prior: whether the weights have the prior LogNormal(log initial, 1).
    """

    def __init__(
        self,
        block: Tensor,
        *,
        ard: bool = False,
        initial: float = 1.0,
        bounds: tuple[float, float] | None = None,
        prior: bool = False,
    ) -> None:
        super().__init__()
        self.register_buffer("block", block)
        self.blocks = int(block.max()) + 1 if len(block) else 0
        constraint = gpytorch.constraints.Positive() if bounds is None else gpytorch.constraints.Interval(*bounds)
        size = max(self.blocks, 1) if ard else 1
        self.register_parameter("raw_weight", torch.nn.Parameter(torch.zeros(size, dtype=torch.float64)))
        self.register_constraint("raw_weight", constraint)
        self.weight = torch.full((size,), initial, dtype=torch.float64)
        if prior:
            location = torch.tensor(initial, dtype=torch.float64).log()
            self.register_prior(
                "weight_prior", gpytorch.priors.LogNormalPrior(location, torch.ones_like(location)), "weight"
            )

    @property
    def weight(self) -> Tensor:
        """(blocks,) with ARD, else (1,)."""
        return self.raw_weight_constraint.transform(self.raw_weight)

    @weight.setter
    def weight(self, value: Tensor) -> None:
        self.initialize(raw_weight=self.raw_weight_constraint.inverse_transform(value))

    @property
    def weights(self) -> Tensor:
        """(blocks,) weights, repeated if there is one for all."""
        return self.weight.expand(self.blocks) if self.weight.shape[0] == 1 else self.weight[: self.blocks]

    def agreement(self, x1: Tensor, x2: Tensor, diag: bool) -> Tensor:
        """(..., n, m), or (..., n) for the pairs of rows at the same position."""
        first, second = x1[..., : len(self.block)], x2[..., : len(self.block)]
        weighted = first * self.weights[self.block]
        return (weighted * second).sum(-1) if diag else weighted @ second.mT

    def forward(self, x1: Tensor, x2: Tensor, diag: bool = False, **params: Any) -> Tensor:
        return self.agreement(x1, x2, diag) / max(self.blocks, 1)
