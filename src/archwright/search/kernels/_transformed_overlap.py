"""Transformed overlap kernel."""

from __future__ import annotations

from collections.abc import Sequence
from typing import final

from torch import Tensor

from archwright.errors import UserError
from archwright.search.kernels._exponential_agreement import ExponentialAgreement
from archwright.search.kernels._gpytorch import gpytorch
from archwright.search.kernels._kernel import ArchKernel
from archwright.search.kernels._layout import Layout
from archwright.space import Arch, Space


@final
class TransformedOverlap(ArchKernel):
    """k(h, h') = exp((1/d) sum_i w_i [h_i = h'_i]); an `Ordinal` is a category. The diagonal is exp(mean of w).

    Wan, Nguyen, Ha, Ru, Lu and Osborne (2021), "Think Global and Act Local: Bayesian Optimisation over High-Dimensional
    Categorical and Mixed Search Spaces", equation 2.

    Args:
        space: without `Real` variables.
        ard: one weight a variable.

    Raises:
        UserError: the space has a `Real` variable, or nothing to choose.
    """

    def __init__(self, space: Space, *, ard: bool = False) -> None:
        super().__init__(space)
        self.ard = ard
        self._layout = Layout(space)
        if self._layout.scalars or not self._layout.blocks:
            raise UserError("the transformed overlap kernel is for variables with options only; use 'mixed'")

    def features(self, archs: Sequence[Arch]) -> Tensor:
        return self._layout.rows(archs)

    def kernel(self) -> gpytorch.kernels.Kernel:
        return ExponentialAgreement(self._layout.block, ard=self.ard)
