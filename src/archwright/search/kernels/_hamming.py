"""Exponential kernel of a weighted Hamming distance."""

from __future__ import annotations

from collections.abc import Sequence
from typing import final

from torch import Tensor

from archwright.search.kernels._exponential_distance import ExponentialDistance
from archwright.search.kernels._gpytorch import gpytorch
from archwright.search.kernels._kernel import ArchKernel
from archwright.search.kernels._layout import Layout
from archwright.space import Arch, Space

_DECAY = 2.0  # first exponent for architectures that differ everywhere


@final
class Hamming(ArchKernel):
    """k(a, b) = exp(-sum_i w_i [a_i != b_i] - sum_j v_j |x_j - x'_j|), with a prior on the weights.

    The distance is Hamming's over choices; an `Ordinal` counts by the difference of ranks and a `Real` by that of
    positions on its (log) range, both scaled to [0, 1] (Gower 1971, "A General Coefficient of Similarity"). A product
    of exponential kernels, so it is positive definite; the diagonal is 1.

    Args:
        space: any.
        ard: one weight a variable. Each has the prior LogNormal(log(2 / variables), 1).
        ranks: whether an `Ordinal` counts by ranks; else it is a choice.
    """

    def __init__(self, space: Space, *, ard: bool = True, ranks: bool = True) -> None:
        super().__init__(space)
        self.ard = ard
        self._layout = Layout(space, ranks=ranks)

    def features(self, archs: Sequence[Arch]) -> Tensor:
        return self._layout.rows(archs)

    def kernel(self) -> gpytorch.kernels.Kernel:
        start = _DECAY / max(self._layout.blocks + self._layout.scalars, 1)
        return ExponentialDistance(
            self._layout.block, self._layout.scalars, ard=self.ard, initial=start, slope=2 * start
        )
