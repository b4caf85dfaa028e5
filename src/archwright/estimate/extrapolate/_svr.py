"""`LcSVR`: support-vector regression on features of the beginning of a curve."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from archwright.errors import UserError
from archwright.estimate.extrapolate._extrapolator import Extrapolator
from archwright.estimate.extrapolate._prediction import Prediction

Array = NDArray[np.float64]


def features(curve: ArrayLike, *, costs: ArrayLike | None = None, train_losses: ArrayLike | None = None) -> Array:
    """Values, first differences, second differences, mean and standard deviation of a curve: 3n - 1 numbers.

    Args:
        curve: shape (n,) with n at least 2, or (N, n).
        costs: further numbers, such as FLOPs, latency and parameters, shape (k,) or (N, k).
        train_losses: their sum is one more number, shape (n,) or (N, n).

    Returns:
        Shape (3n - 1 + k + 1,), or (N, ...).
    """
    y = np.asarray(curve, dtype=np.float64)
    parts = [y, np.diff(y), np.diff(y, 2), y.mean(-1, keepdims=True), y.std(-1, keepdims=True)]
    if train_losses is not None:
        parts.append(np.asarray(train_losses, dtype=np.float64).sum(-1, keepdims=True))
    if costs is not None:
        parts.append(np.asarray(costs, dtype=np.float64))
    return np.concatenate(parts, axis=-1)


class LcSVR(Extrapolator):
    """nu-SVR with a radial kernel on `features`, settings by random search (Baker, Gupta, Raskar, Naik 2017,
    arXiv 1705.10823, section 4.1).

    Fitted once for each pair of length and horizon, on complete curves of the same task; it needs about a hundred and
    may lose against the last value with fewer than sixty. The noise is the error in cross-validation. The curves must
    not be among those it is judged on.

    Args:
        curves: complete curves, shape (N, T), N at least 2 `folds`.
        trials: random settings: C and gamma log-uniform in [1e-5, 10], nu uniform.
        folds: of the cross-validation, at least 2.
        seed: of settings and folds.

    Raises:
        UserError: too few curves; when predicting: a curve of one point, or a horizon beyond the curves.
    """

    def __init__(self, curves: ArrayLike, *, trials: int = 1000, folds: int = 3, seed: int = 0) -> None:
        self.curves = np.asarray(curves, dtype=np.float64)
        self.trials, self.folds, self.seed = trials, folds, seed
        if self.curves.ndim != 2 or len(self.curves) < 2 * folds or folds < 2 or trials < 1:
            raise UserError(
                f"curves must have shape (N, T) with N at least {2 * max(folds, 2)}, got {self.curves.shape} "
                f"for {folds} folds and {trials} trials"
            )
        self._fitted: dict[tuple[int, int], tuple[Any, float]] = {}

    def _predict(self, y: Array, horizon: int) -> Prediction:
        if len(y) < 2 or horizon > self.curves.shape[1]:
            raise UserError(
                f"curves of {self.curves.shape[1]} epochs can tell epoch {horizon} from 2 or more points, got {len(y)}"
            )
        if (len(y), horizon) not in self._fitted:
            self._fitted[len(y), horizon] = self._fit(len(y), horizon)
        model, error = self._fitted[len(y), horizon]
        return Prediction.of(float(model.predict(features(y)[None])[0]), error)

    def _fit(self, n: int, horizon: int) -> tuple[Any, float]:
        from sklearn.model_selection import KFold

        x, y = features(self.curves[:, :n]), self.curves[:, horizon - 1]
        rng = np.random.default_rng(self.seed)
        folds = list(KFold(self.folds, shuffle=True, random_state=self.seed).split(x))
        best, least = _Model(1.0, 0.1, 0.5), np.inf
        for _ in range(self.trials):
            c, gamma = 10.0 ** rng.uniform(-5, 1, 2)
            model = _Model(c, gamma, rng.uniform(0.01, 1.0))
            error = float(np.mean([np.mean((model.fit(x[a], y[a]).predict(x[b]) - y[b]) ** 2) for a, b in folds]))
            if error < least:
                best, least = model, error
        return best.fit(x, y), float(np.sqrt(least)) if np.isfinite(least) else float(y.std())


class _Model:
    """nu-SVR between standardised features and standardised values."""

    def __init__(self, c: float, gamma: float, nu: float) -> None:
        from sklearn.svm import NuSVR

        self._svr = NuSVR(C=c, gamma=gamma, nu=nu)

    def fit(self, x: Array, y: Array) -> _Model:
        self._centre, self._scale = x.mean(0), x.std(0) + 1e-12
        self._mean, self._spread = y.mean(), y.std() + 1e-12
        self._svr.fit((x - self._centre) / self._scale, (y - self._mean) / self._spread)
        return self

    def predict(self, x: Array) -> Array:
        found: Array = self._svr.predict((x - self._centre) / self._scale)
        return found * self._spread + self._mean
