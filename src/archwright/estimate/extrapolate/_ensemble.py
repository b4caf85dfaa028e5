"""`CurveEnsemble`: a weighted sum of parametric families with a posterior by Markov chain Monte Carlo."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from archwright.errors import UserError
from archwright.estimate.extrapolate._extrapolator import Extrapolator, noise, onset
from archwright.estimate.extrapolate._families import FAMILIES, Family
from archwright.estimate.extrapolate._fit import Fit
from archwright.estimate.extrapolate._least_squares import LeastSquares
from archwright.estimate.extrapolate._prediction import Prediction
from archwright.estimate.extrapolate._sampler import stretch

Array = NDArray[np.float64]
_WEIGHT, _BALL, _LEAST = 10.0, 1e-6, 1e-4
_SLACK = 2e-3  # of the conditions: they are soft, and a flat curve lies on their edge


class CurveEnsemble(Extrapolator):
    """Weighted combination of families, y_i ~ N(f(i), sigma^2) (Domhan, Springenberg, Hutter 2015, sections 3.1-3.2).

    f = sum_k w_k f_k / sum_k w_k with w_k > 0; flat priors on all parameters where every family ends in [0, `upper`]
    and not below its value at epoch 2; sigma in (0, 1]. Families that do not fit by least squares are left out. Where
    none is left, or there are fewer than four points, the prediction is not `known`.

    Args:
        families: names in `FAMILIES`.
        steps: moves of every walker.
        burn_in: moves that are thrown away, fewer than `steps`.
        walkers: at least; twice the number of parameters if that is more.
        thin: every how many moves a draw is kept.
        recency: weigh the later points more (see `recency`).
        cut: leave out the start before the curve rises; the horizon moves with it.
        upper: largest value a family may have at the horizon.
        seed: of the chain.

    Raises:
        UserError: unknown family, a number out of range.
    """

    def __init__(
        self,
        *,
        families: Sequence[str] = tuple(FAMILIES),
        steps: int = 2500,
        burn_in: int = 500,
        walkers: int = 100,
        thin: int = 10,
        recency: bool = True,
        cut: bool = True,
        upper: float = 1.0,
        seed: int = 0,
    ) -> None:
        if not 0 <= burn_in < steps or thin < 1 or steps - burn_in < thin:
            raise UserError(f"steps must be above burn_in by at least thin, got {steps}, {burn_in}, {thin}")
        self.families, self.steps, self.burn_in, self.walkers, self.thin = (
            tuple(families),
            steps,
            burn_in,
            walkers,
            thin,
        )
        self.recency, self.cut, self.upper, self.seed = recency, cut, upper, seed
        self._alone = LeastSquares(families=families, cut=False, upper=upper)

    def _predict(self, y: Array, horizon: int) -> Prediction:
        gone = onset(y) if self.cut else 0
        kept, end = y[gone:], horizon - gone
        fits = self._alone.fits(kept, end) if len(kept) > 3 else []
        if not fits:
            return Prediction.of(float(y[-1]), noise(y), known=False)
        posterior = _Posterior([f.family for f in fits], kept, end, self.upper, recency=self.recency)
        rng = np.random.default_rng(self.seed)
        start = posterior.start(fits, self.walkers, rng)
        draws = stretch(posterior, start, self.steps, rng, thin=self.thin)[self.burn_in // self.thin :]
        values, sigma = posterior.ends(draws.reshape(-1, draws.shape[-1]))
        return Prediction.of(values, sigma)


class _Posterior:
    """Log density of the parameters of all families, their weights and sigma, in this order."""

    def __init__(self, families: Sequence[Family], y: Array, horizon: int, upper: float, *, recency: bool) -> None:
        self._families, self._y, self._upper = families, y, upper
        self._x = np.concatenate([np.arange(1.0, len(y) + 1), [2.0, float(horizon)]])
        self._weights = recency_weights(len(y)) if recency else np.ones(len(y))
        sizes = [len(f.start) for f in families]
        self._places = [slice(end - size, end) for end, size in zip(np.cumsum(sizes), sizes)]
        self._mixing = slice(sum(sizes), sum(sizes) + len(families))

    def __call__(self, theta: Array) -> Array:
        """Log density at points of shape (W, d), shape (W,)."""
        curves = self._curves(theta)
        weights, sigma = theta[:, self._mixing].T, theta[:, -1]
        second, end = curves[..., -2], curves[..., -1]
        allowed = (weights > 0).all(0) & (sigma > 0) & (sigma <= 1) & np.isfinite(curves).all((0, 2))
        allowed &= ((end >= -_SLACK) & (end <= self._upper + _SLACK) & (end >= second - _SLACK)).all(0)
        with np.errstate(all="ignore"):
            f = np.einsum("kw,kwn->wn", weights / weights.sum(0), curves[..., :-2])
            terms = -0.5 * ((self._y - f) / sigma[:, None]) ** 2 - np.log(sigma)[:, None]
            total = terms @ self._weights
        return np.where(allowed & np.isfinite(total), total, -np.inf)

    def ends(self, theta: Array) -> tuple[Array, Array]:
        """f(T) and sigma, each of shape (S,)."""
        ends = np.stack([f(self._x[-1:], theta[:, p])[:, 0] for f, p in zip(self._families, self._places)])
        weights = theta[:, self._mixing].T
        return (weights * ends).sum(0) / weights.sum(0), theta[:, -1]

    def start(self, fits: Sequence[Fit], walkers: int, rng: np.random.Generator) -> Array:
        """A small ball around the least-squares fits, every walker with a finite density, shape (W, d)."""
        residual = self._y - np.mean([f(self._x[:-2]) for f in fits], axis=0)
        sigma = min(max(float(np.sqrt(np.mean(residual**2))), _LEAST), 0.5)
        centre = np.concatenate([*(f.theta for f in fits), np.full(len(fits), _WEIGHT), [sigma]])
        count = max(walkers, 2 * len(centre))
        count += count % 2
        ball = centre + _BALL * rng.standard_normal((count, len(centre)))
        ball[~np.isfinite(self(ball))] = centre
        return ball

    def _curves(self, theta: Array) -> Array:
        """Values of every family, shape (K, W, n + 2)."""
        return np.stack([f(self._x, theta[:, p]) for f, p in zip(self._families, self._places)])


def recency_weights(n: int) -> Array:
    """Weights 10^(i / n), i = 0 ... n - 1, of the log-likelihood terms, shape (n,)."""
    return 10.0 ** (np.arange(n) / n)
