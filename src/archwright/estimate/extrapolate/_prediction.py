"""`Prediction`: what is believed about the value of a curve at a later epoch."""

from __future__ import annotations

import dataclasses

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class Prediction:
    """A mixture of normal distributions.

    Args:
        values: possible values f(T), shape (S,).
        noise: standard deviation of an observation around each, shape (S,) or one number; 0 means none.
        weights: of each value, shape (S,), with sum 1; None means equal.
        known: False when nothing fits: then `probability_above` is 1, so that nobody stops because of it.
    """

    values: NDArray[np.float64]
    noise: NDArray[np.float64]
    weights: NDArray[np.float64]
    known: bool = True

    @classmethod
    def of(
        cls,
        values: NDArray[np.float64] | float,
        noise: NDArray[np.float64] | float = 0.0,
        weights: NDArray[np.float64] | None = None,
        *,
        known: bool = True,
    ) -> Prediction:
        """From values, noise and weights of shape (S,) or single numbers."""
        v = np.atleast_1d(np.asarray(values, dtype=np.float64))
        equal = np.full(len(v), 1 / len(v))
        return cls(v, np.broadcast_to(np.asarray(noise, dtype=np.float64), v.shape), _shares(weights, equal), known)

    @property
    def mean(self) -> float:
        """Expected value."""
        return float(self.weights @ self.values)

    @property
    def std(self) -> float:
        """Standard deviation of f(T), without the noise of an observation."""
        return float(np.sqrt(self.weights @ (self.values - self.mean) ** 2))

    def probability_above(self, y: float) -> float:
        """Probability that the observation at T is above `y`: mean of 1 - Phi((y - f(T)) / noise)."""
        return max(0.0, 1.0 - self._below(y)) if self.known else 1.0

    def interval(self, level: float = 0.9) -> tuple[float, float]:
        """Central interval of the observation at T, noise included, with probability `level` in (0, 1)."""
        return self._quantile((1 - level) / 2), self._quantile((1 + level) / 2)

    def log_density(self, y: float) -> float:
        """Natural log of the density of the observation at `y`; minus infinity if there is no noise."""
        if not (self.noise > 0).all():
            return -np.inf
        z: NDArray[np.float64] = -0.5 * ((y - self.values) / self.noise) ** 2 - np.log(self.noise * np.sqrt(2 * np.pi))
        with np.errstate(divide="ignore"):
            return float(np.logaddexp.reduce(z + np.log(self.weights)))

    def _below(self, y: float) -> float:
        with np.errstate(divide="ignore", invalid="ignore"):
            certain = np.where(y >= self.values, np.inf, -np.inf)
            z = np.where(self.noise > 0, (y - self.values) / self.noise, certain)
        return float(self.weights @ ndtr(z))

    def _quantile(self, share: float) -> float:
        reach = 8 * float(self.noise.max()) + 1e-12
        low, high = float(self.values.min()) - reach, float(self.values.max()) + reach
        for _ in range(60):
            middle = (low + high) / 2
            low, high = (middle, high) if self._below(middle) < share else (low, middle)
        return (low + high) / 2


def _shares(weights: NDArray[np.float64] | None, equal: NDArray[np.float64]) -> NDArray[np.float64]:
    return equal if weights is None else np.asarray(weights, dtype=np.float64) / np.sum(weights)
