"""Expected improvement."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, final

import numpy as np
import scipy.special
from numpy.typing import NDArray

from archwright.search.acquisition._acquisition import Acquisition
from archwright.space import Arch

if TYPE_CHECKING:
    from archwright.search._surrogate import Surrogate

_FAR = -100.0


@final
class ExpectedImprovement(Acquisition):
    """Logarithm of E[max(best - f, 0)] (Mockus 1975; Jones, Schonlau and Welch 1998, equation 15).

    The logarithm has the same order and does not underflow (Ament et al. 2023, "Unexpected Improvements to Expected
    Improvement").
    """

    def __call__(self, surrogate: Surrogate, archs: Sequence[Arch], rng: np.random.Generator) -> NDArray[np.float64]:
        mean, deviation = surrogate.predict(archs)
        return log_expected_improvement(mean, deviation, surrogate.best)

    def log_positive(self, scores: NDArray[np.float64]) -> NDArray[np.float64]:
        return scores


def log_expected_improvement(
    mean: NDArray[np.float64], deviation: NDArray[np.float64], best: float
) -> NDArray[np.float64]:
    """log E[max(best - f, 0)] for f normal with `mean` (n,) and `deviation` (n,) above 0."""
    z = (best - mean) / deviation
    log_density = -0.5 * (z * z + np.log(2 * np.pi))
    near = np.maximum(z, _FAR)
    ratio = np.sqrt(np.pi / 2) * scipy.special.erfcx(-np.minimum(near, 0.0) / np.sqrt(2))  # Phi(z) / phi(z), z < 0
    below = log_density + np.where(
        z < _FAR, -2 * np.log(np.maximum(-z, 1.0)), np.log(np.maximum(1 + np.minimum(near, 0.0) * ratio, 1e-300))
    )
    positive = np.maximum(z, 0.0)
    above = np.log(np.exp(-0.5 * positive * positive) / np.sqrt(2 * np.pi) + positive * scipy.special.ndtr(positive))
    return np.asarray(np.where(z > 0, above, below) + np.log(deviation))
