"""Confidence bound."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, final

import numpy as np
from numpy.typing import NDArray

from archwright.errors import UserError
from archwright.search.acquisition._acquisition import Acquisition
from archwright.space import Arch

if TYPE_CHECKING:
    from archwright.search._surrogate import Surrogate


@final
class ConfidenceBound(Acquisition):
    """-(mean - beta x deviation): the optimistic end of an interval (Srinivas et al. 2010).

    Args:
        beta: width of the interval in standard deviations, at least 0.

    Raises:
        UserError: beta below 0.
    """

    def __init__(self, *, beta: float = 2.0) -> None:
        if not beta >= 0:
            raise UserError(f"beta must be at least 0, got {beta}")
        self.beta = beta

    def __call__(self, surrogate: Surrogate, archs: Sequence[Arch], rng: np.random.Generator) -> NDArray[np.float64]:
        mean, deviation = surrogate.predict(archs)
        return self.beta * deviation - mean
