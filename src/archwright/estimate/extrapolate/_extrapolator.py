"""`Extrapolator`: from the beginning of a learning curve to its end."""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np
from numpy.typing import ArrayLike, NDArray

from archwright.errors import UserError
from archwright.estimate.extrapolate._prediction import Prediction


class Extrapolator(ABC):
    """Predicts the value of a curve at a later epoch.

    Curves are higher-is-better; those that fit families take values in [0, 1].
    """

    def predict(self, curve: ArrayLike, horizon: int) -> Prediction:
        """The belief about the value at epoch `horizon`.

        Args:
            curve: values at epochs 1 ... n, shape (n,), or of several seeds, shape (seeds, n), which are averaged.
            horizon: T, at least 1. An epoch that the curve already has is no prediction: its value is returned.

        Raises:
            UserError: an empty curve, values that are not finite, a horizon below 1.
        """
        y = np.asarray(curve, dtype=np.float64)
        y = y.mean(0) if y.ndim == 2 and len(y) else y
        if y.ndim != 1 or not len(y) or not np.isfinite(y).all():
            raise UserError(f"a learning curve is one or more finite numbers, got shape {y.shape}")
        if horizon < 1:
            raise UserError(f"horizon must be an epoch, at least 1, got {horizon}")
        return Prediction.of(float(y[horizon - 1])) if horizon <= len(y) else self._predict(y, horizon)

    @abstractmethod
    def _predict(self, y: NDArray[np.float64], horizon: int) -> Prediction:
        """`y` has shape (n,) with n < horizon."""


class LastValue(Extrapolator):
    """The baseline: the curve stays where it is. The noise is that of the last differences."""

    def _predict(self, y: NDArray[np.float64], horizon: int) -> Prediction:
        return Prediction.of(float(y[-1]), noise(y))


class BestSoFar(Extrapolator):
    """The baseline: the best value so far stays the best."""

    def _predict(self, y: NDArray[np.float64], horizon: int) -> Prediction:
        return Prediction.of(float(y.max()), noise(y))


def noise(y: NDArray[np.float64], last: int = 6) -> float:
    """Standard deviation of an observation, from second differences of the last points (their variance is six times
    that of a point); 0 if there are fewer than three."""
    bends = np.diff(y[-last:], 2)
    return float(np.sqrt(np.mean(bends**2) / 6)) if len(bends) else 0.0


def onset(y: NDArray[np.float64], rise: float = 0.05, run: int = 5) -> int:
    """Leading points to leave out: those before the first `run` consecutive values above y_1 + `rise`; 0 if there is
    no such run (Domhan et al. 2015, code)."""
    above = y > y[0] + rise
    for start in range(len(y) - run + 1):
        if above[start : start + run].all():
            return start
    return 0
