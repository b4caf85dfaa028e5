"""Continuous kernels on one-hot codes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, final

import torch
from torch import Tensor

from archwright.errors import UserError
from archwright.search.kernels._gpytorch import gpytorch
from archwright.search.kernels._kernel import ArchKernel
from archwright.search.kernels._layout import Layout
from archwright.space import Arch, Space


@final
class OneHot(ArchKernel):
    """Matern-5/2 or squared-exponential kernel of the distance of one-hot codes: what one gets without an
    architecture kernel, the control experiment of the others.

    Every option is a coordinate; a `Real` is its position on the (log) range. A changed choice is a distance of sqrt 2.

    Args:
        space: any.
        family: `"matern"` (nu = 5/2) or `"rbf"`.
        ard: one length scale a coordinate.

    Raises:
        UserError: unknown family.
    """

    def __init__(self, space: Space, *, family: Literal["matern", "rbf"] = "matern", ard: bool = False) -> None:
        super().__init__(space)
        if family not in ("matern", "rbf"):
            raise UserError(f"family must be 'matern' or 'rbf', got {family!r}")
        self.family = family
        self.ard = ard
        self._layout = Layout(space)

    def features(self, archs: Sequence[Arch]) -> Tensor:
        return self._layout.rows(archs)

    def kernel(self) -> gpytorch.kernels.Kernel:
        dimensions = self._layout.width if self.ard else None
        made = (
            gpytorch.kernels.MaternKernel(nu=2.5, ard_num_dims=dimensions)
            if self.family == "matern"
            else gpytorch.kernels.RBFKernel(ard_num_dims=dimensions)
        )
        made = made.to(torch.float64)
        made.lengthscale = max(self._layout.blocks, 1) ** 0.5
        return made
