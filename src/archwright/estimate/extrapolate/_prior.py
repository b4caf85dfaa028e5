"""Random learning curves of the LC-PFN prior."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from archwright.estimate.extrapolate._families import FAMILIES

Array = NDArray[np.float64]


def prior_curves(count: int, rng: np.random.Generator, *, length: int = 100) -> tuple[Array, Array]:
    """Curves of the prior of LC-PFN (Adriaensen, Rakotoarison, Müller, Hutter, NeurIPS 2023, section 4.1).

    A weighted sum, not normalised, of pow3, ilog2 and Janoschek with weights U(0, 1); kept if all values are in [0, 1]
    and the last is above the first. The log of the noise is N(-4, 1), as in the authors' code (the paper differs).

    Args:
        count: curves.
        rng: random numbers.
        length: T; the condition on the last value is about this epoch.

    Returns:
        The curves without noise, shape (count, length), and observed with noise, the same shape.
    """
    kept: list[Array] = []
    while sum(map(len, kept)) < count:
        drawn = _drawn(max(4 * count, 256), rng, length)
        good = np.isfinite(drawn).all(1) & (drawn >= 0).all(1) & (drawn <= 1).all(1) & (drawn[:, -1] > drawn[:, 0])
        kept.append(drawn[good])
    clean = np.concatenate(kept)[:count]
    sigma = np.exp(rng.normal(-4.0, 1.0, (count, 1)))
    return clean, clean + sigma * rng.standard_normal(clean.shape)


def _drawn(n: int, rng: np.random.Generator, length: int) -> Array:
    x = np.arange(1.0, length + 1)
    pow3 = np.stack([rng.uniform(0, 1.25, n), rng.uniform(-0.6, 0.6, n), rng.lognormal(0, 2, n)], axis=1)
    ilog2 = np.stack([rng.uniform(0, 1, n), rng.uniform(-0.5, 0.5, n)], axis=1)
    janoschek = np.stack(
        [rng.uniform(0, 1, n), rng.uniform(0, 2, n), rng.lognormal(-2, 1, n), rng.lognormal(0, 0.5, n)], axis=1
    )
    weights = rng.uniform(0, 1, (3, n, 1))
    parts = [FAMILIES[name](x, theta) for name, theta in (("pow3", pow3), ("ilog2", ilog2), ("janoschek", janoschek))]
    with np.errstate(all="ignore"):
        return np.asarray(sum(w * part for w, part in zip(weights, parts)))
