"""Non-linear least squares from many starts at once."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
_STEP, _SMALL, _FAR = 1e-6, 1e-10, 1e3


def minimise(residuals: Callable[[Array], Array], starts: Array, iterations: int = 150) -> tuple[Array, float]:
    """The best of several descents by Levenberg and Marquardt with Marquardt's scaling (1963).

    Args:
        residuals: of parameters of shape (..., k), shape (..., m); values that are not finite count as far away.
        starts: shape (S, k).
        iterations: at most; fewer when no descent moves any more.

    Returns:
        The parameters, shape (k,), and half the sum of squares there.
    """

    def near(theta: Array) -> Array:
        return np.clip(np.nan_to_num(residuals(theta), nan=_FAR, posinf=_FAR, neginf=-_FAR), -_FAR, _FAR)

    theta, damping = starts.astype(np.float64), np.full(len(starts), 1e-2)
    r = near(theta)
    cost, still = 0.5 * (r**2).sum(-1), np.zeros(len(starts), dtype=int)
    eye = np.eye(theta.shape[1])
    for _ in range(iterations):
        h = _STEP * np.maximum(np.abs(theta), 1e-2)
        shifted = theta[:, None, :] + np.concatenate([eye, -eye]) * h[:, None, :]
        moved = near(shifted)
        k = theta.shape[1]
        jacobian = (moved[:, :k] - moved[:, k:]) / (2 * h[..., None])  # (S, k, m)
        gradient = np.einsum("skm,sm->sk", jacobian, r)
        normal = jacobian @ jacobian.transpose(0, 2, 1)
        scale = np.maximum(np.diagonal(normal, axis1=1, axis2=2), 1e-12)
        damped = normal + (damping[:, None] * scale)[..., None] * eye
        proposed = theta - np.linalg.solve(damped, gradient[..., None])[..., 0]
        new = near(proposed)
        changed = 0.5 * (new**2).sum(-1)
        better = changed < cost
        still = np.where(better & (changed < cost * (1 - _SMALL) - 1e-30), 0, still + 1)
        theta, r = np.where(better[:, None], proposed, theta), np.where(better[:, None], new, r)
        cost, damping = np.where(better, changed, cost), np.clip(np.where(better, damping / 5, damping * 4), 1e-12, 1e9)
        if (still > 8).all():
            break
    best = int(cost.argmin())
    return theta[best], float(cost[best])
