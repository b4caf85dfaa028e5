"""`Exponential`: a product of Laplace kernels, each on its own columns."""

from __future__ import annotations

from collections.abc import Sequence
from typing import final

import torch
from torch import Tensor

from archwright.search.kernels._gpytorch import gpytorch
from archwright.search.kernels._matrix_kernel import MatrixKernel


@final
class Exponential(MatrixKernel):
    """k(x, x') = exp(-sum_g |x_g - x'_g|_1 / l_g) over groups of columns: positive definite, 1 on the diagonal.

    Args:
        splits: where a group ends and the next begins, ascending; k - 1 numbers make k groups.
        lengthscale: first l, one for each group.
        bounds: (lowest, highest) l of each group; None: any positive number, with the prior LogNormal(log first l, 1).
        batch_shape: of l, which has the shape (*batch_shape, 1, k).
        active_dims: columns to look at; None: all.
    """

    has_lengthscale = True

    def __init__(
        self,
        splits: Sequence[int] = (),
        *,
        lengthscale: Sequence[float] | None = None,
        bounds: Sequence[tuple[float, float]] | None = None,
        batch_shape: torch.Size | None = None,
        active_dims: tuple[int, ...] | None = None,
    ) -> None:
        super().__init__(batch_shape=batch_shape, active_dims=active_dims)
        self.splits = tuple(splits)
        groups = len(self.splits) + 1
        self.register_parameter("raw_lengthscale", torch.nn.Parameter(torch.zeros(*self.batch_shape, 1, groups)))
        first = torch.ones(groups) if lengthscale is None else torch.tensor(lengthscale)
        if bounds is None:
            self.register_constraint("raw_lengthscale", gpytorch.constraints.Positive())
            if lengthscale is not None:
                prior = gpytorch.priors.LogNormalPrior(first.log(), torch.ones(groups))
                self.register_prior("lengthscale_prior", prior, self._lengthscale_param, self._lengthscale_closure)
        else:
            low, high = (torch.tensor(ends) for ends in zip(*bounds))
            self.register_constraint("raw_lengthscale", gpytorch.constraints.Interval(low, high))
            first = first.clamp(low + 0.01 * (high - low), high - 0.01 * (high - low))
        if lengthscale is not None or bounds is not None:
            self.lengthscale = first

    def matrices(self, x1: Tensor, x2: Tensor) -> Tensor:
        """Distances (*b, k, n, m)."""
        parts = zip(torch.tensor_split(x1, self.splits, -1), torch.tensor_split(x2, self.splits, -1))
        return torch.stack([torch.cdist(a, b, p=1.0) for a, b in parts], -3)

    def pairs(self, x1: Tensor, x2: Tensor) -> Tensor:
        parts = torch.tensor_split((x1 - x2).abs(), self.splits, -1)
        return torch.stack([part.sum(-1, keepdim=True) for part in parts], -3)

    def combined(self, matrices: Tensor) -> Tensor:
        length = self.lengthscale.squeeze(-2)[..., None, None]
        return (-(matrices / length).sum(-3)).exp()
