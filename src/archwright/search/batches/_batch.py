"""What every way of making batches is."""

from __future__ import annotations

import abc
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from archwright.search.acquisition import Acquisition
from archwright.space import Arch

if TYPE_CHECKING:
    from archwright.search._surrogate import Surrogate


class Batch(abc.ABC):  # noqa: B024  what to do is open, all of it has a default
    """Takes account of architectures that are being evaluated, one proposal after the other or several together."""

    def surrogate(self, surrogate: Surrogate, pending: Sequence[Arch]) -> Surrogate:
        """The surrogate that the next proposal is chosen by: with the pending ones hallucinated."""
        return surrogate.hallucinated(pending)

    def scores(
        self,
        acquisition: Acquisition,
        surrogate: Surrogate,
        archs: Sequence[Arch],
        pending: Sequence[Arch],
        rng: np.random.Generator,
    ) -> NDArray[np.float64]:
        """Acquisition of `archs` (n,), larger is more worth trying; `surrogate` is what the method above returned."""
        return acquisition(surrogate, archs, rng)

    def together(
        self, surrogate: Surrogate, pool: Sequence[Arch], n: int, rng: np.random.Generator
    ) -> list[Arch] | None:
        """`n` of `pool` chosen at once; None if proposals are chosen one after the other."""
        return None
