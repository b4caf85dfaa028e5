"""`Regressor`: from architectures to values, learnt from examples."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from archwright.errors import UserError
from archwright.space import Arch, Space

Array = NDArray[np.float64]


class Regressor(ABC):
    """Learns a value of architectures, with its uncertainty. A subclass is final and does not see the raw values: they
    come with mean 0 and standard deviation 1.

    Args:
        space: of the architectures.
        seed: of everything random.
    """

    def __init__(self, space: Space, *, seed: int = 0) -> None:
        self.space, self.seed = space, seed
        self._mean, self._spread, self._count = 0.0, 1.0, 0

    def fit(self, archs: Sequence[Arch], values: ArrayLike) -> Self:
        """Learn from examples; what was learnt before is forgotten.

        Args:
            archs: at least two members of the space.
            values: finite numbers, shape (len(archs),).

        Raises:
            UserError: another number of values, values that are not finite, an architecture of another space.
        """
        y = np.asarray(values, dtype=np.float64)
        if y.shape != (len(archs),) or len(archs) < 2 or not np.isfinite(y).all():
            raise UserError(
                f"expected two or more architectures with a finite value each, got {len(archs)} and {y.shape}"
            )
        self._mean, self._spread = float(y.mean()), float(y.std()) or 1.0
        self._fit([member(self.space, arch) for arch in archs], (y - self._mean) / self._spread)
        self._count = len(archs)
        return self

    def predict(self, archs: Sequence[Arch]) -> tuple[Array, Array]:
        """Expected values and their standard deviations, each of shape (len(archs),).

        Raises:
            UserError: nothing has been learnt, or an architecture of another space.
        """
        if not self._count:
            raise UserError("the predictor has learnt nothing yet; call fit first")
        mean, std = self._predict([member(self.space, arch) for arch in archs])
        return self._mean + self._spread * mean, self._spread * std

    @abstractmethod
    def _fit(self, archs: list[Arch], y: Array) -> None:
        """Learn standardised values, shape (n,)."""

    @abstractmethod
    def _predict(self, archs: list[Arch]) -> tuple[Array, Array]:
        """Standardised means and standard deviations, each (n,)."""

    def _encoded(self, archs: list[Arch], kind: Any = "one_hot") -> Array:
        """Vectors of shape (n, F)."""
        return np.array([self.space.encode(arch, kind=kind) for arch in archs], dtype=np.float64)


def member(space: Space, arch: Arch) -> Arch:
    """`arch`, if it is of the space.

    Raises:
        UserError: it is not.
    """
    if arch not in space:
        raise UserError(f"{dict(arch)} is not of the space {space.name or list(space.names)!r} that is learnt")
    return arch
