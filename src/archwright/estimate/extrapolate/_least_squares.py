"""`LeastSquares`: every family fitted alone, averaged by how well it fits."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from archwright.estimate.extrapolate._extrapolator import Extrapolator, noise, onset
from archwright.estimate.extrapolate._families import FAMILIES, family
from archwright.estimate.extrapolate._fit import Fit, sensible_fits
from archwright.estimate.extrapolate._prediction import Prediction


class LeastSquares(Extrapolator):
    """Families fitted by least squares; predictions are averaged with weights exp(-BIC / 2).

    Milliseconds instead of the seconds of `CurveEnsemble`; the spread is the disagreement of the families.

    Args:
        families: names in `FAMILIES`; one name is a plain fit of it.
        cut: leave out the start before the curve rises.
        upper: largest value a curve may reach at the horizon (the authors' code allows 100, for fractions and percents
            alike).

    Raises:
        UserError: unknown family.
    """

    def __init__(self, *, families: Sequence[str] = tuple(FAMILIES), cut: bool = True, upper: float = 1.0) -> None:
        self.families, self.cut, self.upper = tuple(families), cut, upper
        self._families = [family(name) for name in self.families]

    def _predict(self, y: NDArray[np.float64], horizon: int) -> Prediction:
        gone = onset(y) if self.cut else 0
        kept, end = y[gone:], horizon - gone
        fits = self.fits(kept, end)
        if not fits:
            return Prediction.of(float(y[-1]), noise(y), known=False)
        n = len(kept)
        parameters = np.array([len(f.theta) for f in fits])
        sigma = np.maximum([f.sigma for f in fits], 1e-9)
        bic = 2 * n * np.log(sigma) + parameters * np.log(n)
        spread = sigma * np.sqrt(n / np.maximum(n - parameters, 1))
        ends = np.array([f([float(end)])[0] for f in fits])
        return Prediction.of(ends, spread, np.exp(-0.5 * (bic - bic.min())))

    def fits(self, y: NDArray[np.float64], horizon: int) -> list[Fit]:
        """The fits of `y`, shape (n,), that are sensible at the horizon; see `sensible_fits`."""
        return sensible_fits(self._families, y, horizon, self.upper)
