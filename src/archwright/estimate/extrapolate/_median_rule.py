"""`MedianRule`: stop what is worse than half of the others were at this epoch."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from archwright.errors import UserError


@dataclasses.dataclass(frozen=True, kw_only=True)
class MedianRule:
    """The median stopping rule (Golovin, Solnik, Moitra, Kochanski, Karro, Sculley, KDD 2017, section 3.2.2).

    A trial stops when its best value so far is below the median of the others' mean values up to the same epoch.

    Args:
        warm_up: epochs that are never stopped, at least 0.
        least: other curves that must have come this far, at least 1.

    Raises:
        UserError: a number out of range.
    """

    warm_up: int = 0
    least: int = 3

    def __post_init__(self) -> None:
        if self.warm_up < 0 or self.least < 1:
            raise UserError(f"warm_up must be at least 0 and least at least 1, got {self.warm_up} and {self.least}")

    def stops(self, curve: ArrayLike, others: Sequence[ArrayLike]) -> bool:
        """Whether to stop after the values of `curve`, higher is better, given those of the other trials."""
        y = np.asarray(curve, dtype=np.float64)
        rivals = [np.asarray(other, dtype=np.float64)[: len(y)] for other in others]
        averages = [rival.mean() for rival in rivals if len(rival) == len(y)]
        return len(y) > self.warm_up and len(averages) >= self.least and bool(y.max() < np.median(averages))
