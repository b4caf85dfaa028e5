"""`TransportKernel`: exponentials of transport distances, made positive semi-definite."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, final

import torch
from torch import Tensor

from archwright.search.kernels._gpytorch import gpytorch
from archwright.search.kernels._indexed import IndexedMatrixKernel
from archwright.search.kernels._otmann_distance import OtmannDistance


@final
class TransportKernel(IndexedMatrixKernel):
    """k = s exp(-sum_i d_i / l_i) + (1 - s) exp(-sum_i dbar_i^2 / m_i), projected where both sides are the same.

    The matrix of some architectures with themselves has its negative eigenvalues replaced by 0 (Kandasamy et al. 2018)
    and is then scaled to 1 on the diagonal; that between two sets stays as it is. Gradients are those of the matrix
    before.

    Args:
        distance: of the networks.
        offset: number of the network at position 0.
        lengthscale: first l_1, ..., m_1, ...
        batch_shape: of the length scales, (*batch_shape, 1, 2 i), and of the share s, (*batch_shape, 1), first 0.5.
    """

    has_lengthscale = True

    def __init__(
        self,
        distance: OtmannDistance,
        offset: int,
        *,
        lengthscale: Sequence[float],
        batch_shape: torch.Size | None = None,
    ) -> None:
        super().__init__(batch_shape=batch_shape)
        self.distance, self.offset = distance, offset
        first = torch.tensor(lengthscale)
        self.register_parameter("raw_lengthscale", torch.nn.Parameter(torch.zeros(*self.batch_shape, 1, len(first))))
        self.register_constraint(
            "raw_lengthscale", gpytorch.constraints.Positive(transform=torch.exp, inv_transform=torch.log)
        )
        prior = gpytorch.priors.LogNormalPrior(first.log(), torch.ones_like(first))
        self.register_prior("lengthscale_prior", prior, self._lengthscale_param, self._lengthscale_closure)
        self.lengthscale = first
        self.register_parameter("raw_share", torch.nn.Parameter(torch.zeros(*self.batch_shape, 1)))
        self.register_constraint("raw_share", gpytorch.constraints.Interval(0.0, 1.0))

    @property
    def share(self) -> Tensor:
        """(*batch_shape, 1): s."""
        return self.raw_share_constraint.transform(self.raw_share)

    def forward(self, x1: Tensor, x2: Tensor, diag: bool = False, **params: Any) -> Tensor:
        found = super().forward(x1, x2, diag, **params)
        if diag or not torch.equal(x1, x2):
            return found
        return found + (positive(found.detach()) - found.detach())

    def between(self, rows: Tensor, columns: Tensor) -> Tensor:
        """(2 i, r, c): d and dbar^2."""
        pairs = torch.cartesian_prod(rows, columns)
        return self.along(pairs[:, 0], pairs[:, 1]).reshape(-1, len(rows), len(columns))

    def along(self, rows: Tensor, columns: Tensor) -> Tensor:
        first, second = ([n + self.offset for n in side.tolist()] for side in (rows, columns))
        found = torch.from_numpy(self.distance.pairs(list(zip(first, second))).T)
        total = torch.tensor([self.distance.total(i) + self.distance.total(j) for i, j in zip(first, second)])
        return torch.cat([found, (found / total) ** 2])

    def combined(self, matrices: Tensor) -> Tensor:
        exponents = matrices / self.lengthscale.squeeze(-2)[..., None, None]
        plain, normalised = ((-part.sum(-3)).exp() for part in exponents.tensor_split(2, -3))
        share = self.share[..., None]
        return share * plain + (1 - share) * normalised


def positive(matrix: Tensor) -> Tensor:
    """A symmetric matrix (*b, n, n) without its negative eigenvalues, scaled to 1 on the diagonal."""
    values, vectors = torch.linalg.eigh(matrix)
    clipped = (vectors * values.clamp(min=0.0).unsqueeze(-2)) @ vectors.mT
    size = clipped.diagonal(dim1=-2, dim2=-1).sqrt()
    return clipped / (size.unsqueeze(-1) * size.unsqueeze(-2))
