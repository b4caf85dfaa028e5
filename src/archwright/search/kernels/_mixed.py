"""Kernel of mixed categorical and continuous architectures."""

from __future__ import annotations

from collections.abc import Sequence
from typing import final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from archwright.errors import UserError
from archwright.search.kernels._exponential_agreement import ExponentialAgreement
from archwright.search.kernels._gpytorch import gpytorch
from archwright.search.kernels._kernel import ArchKernel
from archwright.search.kernels._layout import Layout
from archwright.search.kernels._sum_product import SumProduct
from archwright.space import Arch, Space


@final
class Mixed(ArchKernel):
    """lambda k_h k_x + (1 - lambda) (k_h + k_x): transformed overlap on choices, Matern-5/2 on `Real` positions.

    Ru et al. (2020), equation 4, as used by Wan et al. (2021), "Think Global and Act Local". An `Ordinal` is a
    category. In a space of one kind only, that kind's kernel alone.

    Args:
        space: any with something to choose.
        share: lambda, from 0 (sum) to 1 (product); None: learned.
        ard: one weight a choice and one length scale a `Real`.

    Raises:
        UserError: `share` out of range, or nothing to choose.
    """

    def __init__(self, space: Space, *, share: float | None = 0.5, ard: bool = False) -> None:
        super().__init__(space)
        if share is not None and not 0 <= share <= 1:
            raise UserError(f"share must be from 0 to 1, got {share}")
        self.share = share
        self.ard = ard
        self._layout = Layout(space)
        if not self._layout.width:
            raise UserError("the mixed kernel needs a space with something to choose")

    def features(self, archs: Sequence[Arch]) -> Tensor:
        return self._layout.rows(archs)

    def kernel(self) -> gpytorch.kernels.Kernel:
        layout = self._layout
        longest = 0.5 if self.ard else 2.5  # bounds of the reference code
        choices = ExponentialAgreement(layout.block, ard=self.ard, bounds=(0.01, 2.5), initial=1.0)
        if not layout.scalars:
            return choices
        numbers = gpytorch.kernels.MaternKernel(
            nu=2.5,
            ard_num_dims=layout.scalars if self.ard else None,
            active_dims=tuple(range(len(layout.block), layout.width)),
            lengthscale_constraint=gpytorch.constraints.Interval(0.01, longest),
        ).to(torch.float64)
        numbers.lengthscale = 0.8 * longest
        return SumProduct(choices, numbers, self.share) if layout.blocks else numbers

    def scales(self, kernel: gpytorch.kernels.Kernel) -> NDArray[np.float64]:
        """(reals,) length scales of a fitted `kernel()`, their geometric mean 1; all 1 without ARD."""
        numbers = kernel.second if isinstance(kernel, SumProduct) else kernel
        if not self.ard or not self._layout.scalars:
            return np.ones(self._layout.scalars)
        lengths = numbers.lengthscale.detach().numpy().reshape(-1)
        return np.asarray(lengths / np.exp(np.log(lengths).mean()), dtype=np.float64)

    def differences(self, rows: Tensor, row: Tensor) -> NDArray[np.int64]:
        """(n,) numbers of choices in which `rows` (n, d) of features differ from `row` (1, d)."""
        columns = len(self._layout.block)
        agreeing = (rows[:, :columns] @ row[0, :columns]).round().numpy().astype(np.int64)
        return np.asarray(self._layout.blocks - agreeing)
