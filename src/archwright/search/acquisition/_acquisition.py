"""What every acquisition function is."""

from __future__ import annotations

import abc
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from archwright.space import Arch

if TYPE_CHECKING:
    from archwright.search._surrogate import Surrogate


class Acquisition(abc.ABC):
    """Scores architectures by a surrogate of their loss; larger is more worth trying."""

    @abc.abstractmethod
    def __call__(self, surrogate: Surrogate, archs: Sequence[Arch], rng: np.random.Generator) -> NDArray[np.float64]:
        """Scores (n,), comparable between calls with the same surrogate."""

    def log_positive(self, scores: NDArray[np.float64]) -> NDArray[np.float64]:
        """Logarithm of the scores on a positive scale, for penalties that multiply: log(softplus)."""
        return np.log(np.maximum(np.logaddexp(0.0, scores), 1e-300))
