"""What every kernel of architectures is."""

from __future__ import annotations

import abc
from collections.abc import Sequence
from typing import TYPE_CHECKING

from archwright.space import Arch, Space

if TYPE_CHECKING:
    from gpytorch.kernels import Kernel
    from torch import Tensor


class ArchKernel(abc.ABC):
    """A covariance of architectures, as features and a GPyTorch kernel on them.

    Gram matrices are computed on batches of features, never pair by pair.

    Args:
        space: where the architectures live.
    """

    def __init__(self, space: Space) -> None:
        self.space = space

    @abc.abstractmethod
    def features(self, archs: Sequence[Arch]) -> Tensor:
        """(n, d) float64 rows that `kernel()` is called on; the same architecture always has the same row within one
        instance."""

    @abc.abstractmethod
    def kernel(self) -> Kernel:
        """A fresh GPyTorch kernel on the features, with its constraints and its first hyper-parameters. The Gaussian
        process adds the output scale."""
