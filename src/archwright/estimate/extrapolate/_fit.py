"""Least squares for one family."""

from __future__ import annotations

import dataclasses

import numpy as np
from numpy.typing import ArrayLike, NDArray

from archwright.estimate.extrapolate._families import Family
from archwright.estimate.extrapolate._levenberg import minimise

Array = NDArray[np.float64]
_STARTS, _PENALTY, _SLACK, _FAR = 6, 30.0, 2e-3, 1e3


@dataclasses.dataclass(frozen=True, slots=True)
class Fit:
    """A family with its parameters.

    Args:
        family: which.
        theta: shape (k,).
        sigma: standard deviation of the residuals.
    """

    family: Family
    theta: Array
    sigma: float

    def __call__(self, x: ArrayLike) -> Array:
        """Values at `x`, shape (n,)."""
        return self.family(x, self.theta)


def fit(family: Family, y: ArrayLike, *, horizon: int | None = None, upper: float = 1.0) -> Fit | None:
    """Least-squares fit of `family` to the values at epochs 1 ... n, from the default parameters and others around.

    Args:
        family: with k parameters.
        y: shape (n,).
        horizon: if given, the conditions of `sensible` at this epoch are part of what is minimised.
        upper: of `sensible`.

    Returns:
        None with fewer than k points, or when no start leads to finite values.
    """
    target = np.asarray(y, dtype=np.float64)
    n, start = len(target), np.array(list(family.start.values()))
    if n < len(start):
        return None
    x = np.concatenate([np.arange(1.0, n + 1), [] if horizon is None else [2.0, float(horizon)]])

    def residuals(theta: Array) -> Array:
        values = family(x, theta)
        if horizon is None:
            return values - target
        second, end = (np.clip(np.nan_to_num(values[..., place]), -_FAR, _FAR) for place in (-2, -1))
        outside = [np.maximum(second - end, 0), np.maximum(end - upper, 0), np.maximum(-end, 0)]
        return np.concatenate([values[..., :-2] - target, _PENALTY * np.stack(outside, axis=-1)], axis=-1)

    factors = np.random.default_rng(0).lognormal(0.0, 1.0, (_STARTS, len(start)))
    factors[0] = 1.0
    theta, _ = minimise(residuals, start * factors)
    values = family(x[:n], theta)
    if not np.isfinite(values).all():
        return None
    return Fit(family, theta, float(np.sqrt(np.mean((values - target) ** 2))))


def sensible(candidate: Fit, horizon: int, upper: float, slack: float = 0.0) -> bool:
    """Whether the curve ends in [0, upper] and not below its value at epoch 2 (soft monotonicity), up to `slack`."""
    second, end = candidate([2.0, float(horizon)])
    return bool(-slack <= end <= upper + slack and end >= second - slack)


def sensible_fits(families: list[Family], y: Array, horizon: int, upper: float, slack: float = _SLACK) -> list[Fit]:
    """The fits that are `sensible`; if none is, for instance of a flat curve whose noise goes down, those of which the
    conditions are a part, up to `slack`."""
    alone = [f for f in (fit(one, y) for one in families) if f is not None]
    kept = [f for f in alone if sensible(f, horizon, upper)]
    if kept:
        return kept
    bound = [f for f in (fit(one, y, horizon=horizon, upper=upper) for one in families) if f is not None]
    return [f for f in bound if sensible(f, horizon, upper, slack)]
